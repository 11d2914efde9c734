//! Chinese: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, Note};

use super::contact;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
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
