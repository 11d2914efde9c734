//! Chinese: what is shown and told while a factor is set up or taken away.

use crate::factor::Method;
use crate::words::{Drawn, Setup, shown};

use super::sending::list;

/// Says what is shown and told while a factor is set up or taken away.
pub(super) fn show(setup: &Setup) -> String {
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
        Setup::ChooseWay { ways } => format!("此处需要验证码。您希望如何获取？{}。", list(ways)),
        Setup::WhereTo => "此处需要验证码，可以发送给您。发送到哪里？".to_owned(),
        Setup::OnFile { recipient } => {
            format!("为您登记的是：{}。按回车键使用，或输入其他内容。", shown(recipient))
        }
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
