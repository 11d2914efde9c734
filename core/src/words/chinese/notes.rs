//! Chinese: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, ListedWay, Note, Shows};

use super::contact;
use super::sending::list;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
    match note {
        Note::NotACode => "这不可能是验证码，因此未计入次数。".to_owned(),
        Note::NotRemembered => "此处不会被记住：这里不支持该功能。".to_owned(),
        Note::WrongCode => "验证码不正确。请等待下一个验证码，然后重试。".to_owned(),
        Note::RepeatedCode { next } => {
            format!("此验证码已使用过。下一个验证码将在 {} 秒后出现。", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => format!(
            "验证码不正确：您手机的时间{}了约 {minutes} 分钟。请开启自动设置时间，然后重试。",
            way(*direction)
        ),
        Note::HostClockOff { minutes, help } => host_clock_off(*minutes, &contact(help.as_deref())),
        Note::EnterCode { from, help } => enter_code(*from, help.as_deref()),
        Note::RenewByInvitation { method, help } => format!(
            "请输入您已设置的{}中的验证码。更换密钥需要新的邀请码，请{}。",
            if *method == Method::Hotp { "令牌" } else { "应用" },
            contact(help.as_deref())
        ),
        Note::EnterNewCode { method: Method::Hotp } => "请输入令牌当前显示的验证码。".to_owned(),
        Note::EnterNewCode { method: _ } => "请输入身份验证器应用当前显示的验证码。".to_owned(),
        Note::RepeatedToken => "此验证码已使用过。请让令牌显示下一个验证码。".to_owned(),
        Note::WrongBackupCode => "此备用验证码不正确，或已使用过。".to_owned(),
        Note::WrongInvitation { help } => {
            format!("此邀请码不正确，或已失效。如需新的邀请码，请{}。", contact(help.as_deref()))
        }
        Note::BackupCodesLeft { left } => backup_codes_left(*left),
        Note::WriteDown => "您的备用验证码现已生效。请先记下，再继续。".to_owned(),
        Note::PhoneOff { seconds, direction } => format!(
            "您手机的时间偏{}，最多相差 {seconds} 秒。验证码目前仍可使用；请开启自动设置时间。",
            way(*direction)
        ),
        Note::TokenAhead { codes } => {
            format!("您的令牌超前了 {codes} 个验证码，现已重新同步。")
        }
        Note::Ways { ways, help } => choice(ways, help.as_deref()),
        Note::MaySkip { days, times } => format!("输入 `skip` 可稍后再设置。{}", left(*days, *times)),
        Note::LastMethod => {
            "这是您最后一个验证方式。删除后，在此处登录将不再要求您输入验证码，您的备用验证码也会被删除。"
                .to_owned()
        }
        Note::NoLongerValid => "您之前设置的验证码在此处已失效。".to_owned(),
        Note::RenewByCode => {
            "仅凭您之前设置的验证码，在此处已不足够。要重新设置，请先输入其中一个验证码，或输入邀请码。"
                .to_owned()
        }
        Note::SessionIdle { minutes } => session_idle(*minutes),
        Note::NotAnAddress => {
            "这不是可以接收验证码的电子邮箱地址。请按 alice@example.org 的格式输入。".to_owned()
        }
        Note::NotANumber => "这不是电话号码。请加上国家代码，例如 +49 30 123456。".to_owned(),
        Note::SentWords => {
            "您可以输入消息中的验证码，输入 `resend` 重新发送，或输入 `new` 选择其他方式。".to_owned()
        }
        Note::SentWordsOrInvitation { help } => format!(
            "您可以输入消息中的验证码，或输入 `resend` 重新发送。如需选择其他方式，需要新的邀请码，请{}。",
            contact(help.as_deref())
        ),
        Note::EnrollingWords { drawn, method } => enrolling_words(*drawn, shows(Shows::of(*method))),
    }
}

fn enter_code(from: Shows, help: Option<&str>) -> String {
    format!("请输入{}中的验证码。如果您尚未设置，请{}。", shows(from), contact(help))
}

fn choice(ways: &[ListedWay], help: Option<&str>) -> String {
    format!(
        "您可以使用：{}。请输入编号进行选择，或直接输入验证码。如有其他问题，请{}。",
        list(ways),
        contact(help)
    )
}

fn session_idle(minutes: u64) -> String {
    format!("Countersign：此会话长时间无操作。如果您不输入任何内容，将在 {minutes} 分钟后结束。")
}

fn enrolling_words(drawn: Drawn, shown_by: &str) -> String {
    match drawn {
        Drawn::Yes => format!(
            "您可以输入{shown_by}中的验证码；也可以输入 `invert` 反色显示二维码，或输入 `new` 获取新的二维码。"
        ),
        Drawn::No => format!("您可以输入{shown_by}中的验证码，或输入 `new` 获取新的密钥。"),
    }
}

const fn shows(shows: Shows) -> &'static str {
    match shows {
        Shows::App => "身份验证器应用",
        Shows::Token => "令牌",
        Shows::AppOrToken => "身份验证器应用或令牌",
    }
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ahead => "快",
        Direction::Behind => "慢",
    }
}

fn backup_codes_left(left: usize) -> String {
    match left {
        0 => "这是您的最后一个备用验证码。请运行 `countersign backup-codes` 生成新的备用验证码。".to_owned(),
        1 => "您还剩 1 个备用验证码。请运行 `countersign backup-codes` 生成新的备用验证码。".to_owned(),
        _ => format!("您还剩 {left} 个备用验证码。"),
    }
}

/// Says how long and how often setting up can be put off yet.
fn left(days: Option<u64>, times: Option<u32>) -> String {
    match (days, times) {
        (_, Some(0 | 1)) => "这是最后一次：下次登录时必须完成设置。".to_owned(),
        (Some(days), Some(times)) => format!("最多可推迟 {days} 天或 {times} 次登录，以先到者为准。"),
        (Some(days), None) => format!("最多可推迟 {days} 天。"),
        (None, Some(times)) => format!("最多可推迟 {times} 次登录。"),
        (None, None) => "之后不会再询问您。".to_owned(),
    }
}

/// Says that the clock of a host is or was wrong, and not the code.
fn host_clock_off(minutes: Option<u64>, contact: &str) -> String {
    match minutes {
        None => format!(
            "某台主机的时间曾经有误，因此暂时不接受您应用的验证码。本次未计为错误。请使用其他登录方式，或{contact}。"
        ),
        Some(minutes) => format!(
            "本主机的时间慢了约 {minutes} 分钟，因此无法接受您的验证码。本次未计为错误。请使用其他登录方式，或{contact}。"
        ),
    }
}
