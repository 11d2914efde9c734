//! Simplified Chinese: the polite 您, full-width punctuation, a space between Chinese and Latin.

use crate::factor::Method;
use crate::time::WallTime;

use super::{Direction, Drawn, Message, Note, Prompt, Refusal, Setup, clock, shown};

/// Says a message.
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Prompt(prompt) => ask(*prompt).to_owned(),
        Message::Note(note) => remark(note),
        Message::Refusal(refusal) => refuse(refusal),
        Message::Setup(setup) => show(setup),
    }
}

const fn ask(prompt: Prompt) -> &'static str {
    match prompt {
        Prompt::Code => "验证码: ",
        Prompt::CodeOf(Method::Totp) => "应用中的验证码: ",
        Prompt::CodeOf(Method::Hotp) => "令牌上的验证码: ",
        Prompt::CodeOf(Method::Email) => "电子邮件中的验证码: ",
        Prompt::CodeOf(Method::Sms) => "短信中的验证码: ",
        Prompt::CodeOf(Method::Call) => "语音电话中的验证码: ",
        Prompt::CodeOf(Method::Backup) => "备用验证码: ",
        Prompt::NextTokenCode => "您的令牌计数已超前。请输入它接下来显示的验证码: ",
        Prompt::CurrentCode => "当前验证码: ",
        Prompt::PendingCode => "请输入您已设置的应用中的验证码，或输入 `new` 获取新的二维码: ",
        Prompt::PendingCodeOrInvitation => "请输入您已设置的应用中的验证码，或新的邀请码: ",
        Prompt::Invitation => "邀请码: ",
        Prompt::Saved => "记下后请输入 `saved`: ",
        Prompt::Yes => "如要继续，请输入 `yes`: ",
        Prompt::Close => "按回车键结束: ",
    }
}

fn remark(note: &Note) -> String {
    match note {
        Note::WrongCode => "验证码不正确。请等待下一个验证码，然后重试。".to_owned(),
        Note::RepeatedCode { next } => {
            format!("此验证码已使用过。下一个验证码将在 {} 秒后出现。", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => format!(
            "验证码不正确：您手机的时间{}了约 {minutes} 分钟。请开启自动设置时间，然后重试。",
            way(*direction)
        ),
        Note::EnterCode { help } => {
            format!(
                "请输入身份验证器应用中的验证码。如果您尚未设置，请{}。",
                contact(help.as_deref())
            )
        }
        Note::RenewByInvitation { help } => format!(
            "请输入您已设置的应用中的验证码。更换密钥需要新的邀请码，请{}。",
            contact(help.as_deref())
        ),
        Note::EnterNewCode => "请输入身份验证器应用当前显示的验证码。".to_owned(),
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
        Note::Ways { ways, help } => format!(
            "您可以使用：{}。请输入编号进行选择，或直接输入验证码。如有其他问题，请{}。",
            numbered(ways),
            contact(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => {
            "您可以输入身份验证器应用中的验证码；也可以输入 `invert` 反色显示二维码，或输入 `new` 获取新的二维码。"
                .to_owned()
        }
        Note::EnrollingWords { drawn: Drawn::No } => {
            "您可以输入身份验证器应用中的验证码，或输入 `new` 获取新的密钥。".to_owned()
        }
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

fn numbered(ways: &[Method]) -> String {
    let name = |method: &Method| match method {
        Method::Totp => "应用",
        Method::Hotp => "令牌",
        Method::Email => "电子邮件",
        Method::Sms => "短信",
        Method::Call => "语音电话",
        Method::Backup => "备用验证码",
    };
    let numbered: Vec<String> =
        (1..).zip(ways).map(|(number, method)| format!("{number} {}", name(method))).collect();
    numbered.join("、")
}

fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => format!(
            "输入错误的验证码次数过多。请在 {} 之后重试，或{}。",
            moment(*until, *now),
            contact(help.as_deref())
        ),
        Refusal::NeedsReset { help } => {
            format!("输入错误的验证码次数过多。如需恢复登录，请{}。", contact(help.as_deref()))
        }
        Refusal::NotEnrolled { help } => {
            format!("此处需要验证码，而您尚未设置。请{}。", contact(help.as_deref()))
        }
        Refusal::EnrollFirst { method } => {
            format!("此处需要验证码，而您尚未设置。请先运行 `countersign enroll {}`。", method.name())
        }
        Refusal::InvitationNeeded { help } => {
            format!("此处需要验证码，而您尚未设置。设置时需要邀请码，请{}。", contact(help.as_deref()))
        }
        Refusal::NothingSetUp => "您尚未设置验证码。请先运行 `countersign enroll totp`。".to_owned(),
        Refusal::UidChanged { help } => format!(
            "您在此主机上的账户已发生变化，您的验证码对该账户不再有效。请{}。",
            contact(help.as_deref())
        ),
        Refusal::NoRightCode => "已拒绝：未输入正确的验证码。".to_owned(),
        Refusal::Unavailable => "目前无法核对验证码。未经核对，任何人都无法登录；请过一分钟再试。".to_owned(),
        Refusal::EnrollmentClosed { help } => {
            format!("此主机的规则不允许您自行设置此项。请{}。", contact(help.as_deref()))
        }
        Refusal::TooManyFactors { limit } => format!("您已有 {limit} 个。请先删除一个。"),
        Refusal::LabelTaken { label } => format!("名称“{}”已被使用。请选择其他名称。", shown(label)),
        Refusal::NoSuchFactor { name } => {
            format!("没有名为“{}”的验证方式。运行 `countersign status` 可查看您的验证方式。", shown(name))
        }
        Refusal::AmbiguousFactor { labels } => {
            format!("有多个名称与之匹配：{}。请指定其中一个。", list(labels))
        }
        Refusal::LastFactor => {
            "这是您的最后一个验证方式，而此主机的规则要求您至少有一个。请先设置另一个。".to_owned()
        }
        Refusal::NotSaved => {
            "您的备用验证码已生效。如果您没有记下，请运行 `countersign backup-codes` 生成新的备用验证码。"
                .to_owned()
        }
        Refusal::NothingChanged => "未作任何更改。".to_owned(),
        Refusal::ChangedMeanwhile => {
            "您的验证方式在此期间已在别处更改。此处未作任何更改，请重新开始。".to_owned()
        }
    }
}

fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "设置验证码：请使用身份验证器应用扫描此二维码。".to_owned(),
        Setup::ScanOrEnterKey { method } => format!(
            "设置验证码：请使用身份验证器应用扫描二维码，或在应用中输入此密钥（{}）。",
            based(*method)
        ),
        Setup::EnterKey { method: Method::Hotp } => {
            "设置验证码：请在令牌或应用中输入此密钥（基于计数器）。".to_owned()
        }
        Setup::EnterKey { method } => {
            format!("设置验证码：请在身份验证器应用中输入此密钥（{}）。", based(*method))
        }
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("密钥: {}  (输入 `invert` 反色显示)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("密钥: {}", key.expose()),
        Setup::FirstFactor => {
            "这是您的第一个验证方式：设置完成后，只要此主机的规则要求，您就需要输入验证码。".to_owned()
        }
        Setup::Completed { label } => format!("您的验证码已设置完成（“{}”）。", shown(label)),
        Setup::Replaced { label } => {
            format!("您的新验证码已设置完成（“{}”），旧的已删除。", shown(label))
        }
        Setup::Renamed { old, new } => format!("“{}”已更名为“{}”。", shown(old), shown(new)),
        Setup::BackupCodesIntro => {
            "您的备用验证码，供手机不在身边时使用。每个只能使用一次；仅在此时显示。".to_owned()
        }
        Setup::BackupCodesMade => "新的备用验证码已生效，旧的已失效。".to_owned(),
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("验证码正确，来自您的应用“{}”。", shown(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("验证码正确，来自您的令牌“{}”。", shown(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("验证码正确，此前已发送至“{}”。", shown(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "此备用验证码正确。它已用掉，不能再次使用。".to_owned()
        }
        Setup::OtherSessionsEnded => "您在此主机上的其他会话已结束。".to_owned(),
        Setup::OtherSessionsLeft => {
            "无法结束您的其他会话。如需查看，请运行：loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("“{}”已删除。", shown(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "基于时间",
        Method::Hotp => "基于计数器",
    }
}

/// Tells whom to turn to. What `help` says may be Chinese or Latin: after a colon it needs no space either way.
fn contact(help: Option<&str>) -> String {
    help.map_or_else(|| "联系您的管理员".to_owned(), |help| format!("联系：{}", shown(help)))
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("“{}”", shown(label))).collect::<Vec<_>>().join("、")
}

fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} (UTC)")
    } else {
        format!("{year} 年 {month} 月 {day} 日 {hour:02}:{minute:02} (UTC)")
    }
}
