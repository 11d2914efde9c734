//! Chinese: why something is not done.

use crate::words::{Refusal, shown};

use super::{contact, moment};

/// Says why something is not done.
pub(super) fn refuse(refusal: &Refusal) -> String {
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
        Refusal::UidChanged { help } => uid_changed(help.as_deref()),
        Refusal::CodeNeeded { help } => code_needed(help.as_deref()),
        Refusal::Stopped { help } => stopped(help.as_deref()),
        Refusal::NoRightCode => "已拒绝：未输入正确的验证码。".to_owned(),
        Refusal::Unavailable { help } => unavailable(help.as_deref()),
        Refusal::Restored { help } => restored(help.as_deref()),
        Refusal::SwitchedOff => "此主机已关闭双因素验证。".to_owned(),
        Refusal::EnrollmentClosed { help } => closed(help.as_deref()),
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
        Refusal::NothingOnFile { help } => {
            format!("验证码只能发送到为您登记的联系方式，而目前没有登记。请{}。", contact(help.as_deref()))
        }
        Refusal::OnlyOnFile { recipient, help } => format!(
            "验证码只能发送到为您登记的 {}。如需更改，请{}。",
            shown(recipient),
            contact(help.as_deref())
        ),
        Refusal::NoChannel { help } => {
            format!("此主机不以这种方式发送验证码。请{}。", contact(help.as_deref()))
        }
        Refusal::TooManyRecipients => "您输入的地址或号码过多。请稍后重新开始。".to_owned(),
        Refusal::NothingChanged => "未作任何更改。".to_owned(),
        Refusal::ChangedMeanwhile => {
            "您的验证方式在此期间已在别处更改。此处未作任何更改，请重新开始。".to_owned()
        }
    }
}

fn unavailable(help: Option<&str>) -> String {
    format!("目前无法核对验证码。未经核对，任何人都无法登录；请过一分钟再试，或{}。", contact(help))
}

fn restored(help: Option<&str>) -> String {
    format!("您的登录方式来自恢复的备份，在核实之前不被接受。请{}。", contact(help))
}

fn uid_changed(help: Option<&str>) -> String {
    format!("您在此主机上的账户已发生变化，您的验证码对该账户不再有效。请{}。", contact(help))
}

fn code_needed(help: Option<&str>) -> String {
    format!(
        "此处需要验证码，而仅用 SSH 密钥登录时不会询问验证码。请使用密码登录（`ssh -o PubkeyAuthentication=no`），或{}。",
        contact(help)
    )
}

fn stopped(help: Option<&str>) -> String {
    format!("无法核对您的验证码，因为负责核对的服务没有响应。请过一分钟再试，或{}。", contact(help))
}

fn closed(help: Option<&str>) -> String {
    format!("此主机的规则不允许您自行设置此项。请{}。", contact(help))
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("“{}”", shown(label))).collect::<Vec<_>>().join("、")
}
