//! Chinese letters.

use super::contact;
use crate::login::Source;
use crate::notice::Notice;
use crate::time::WallTime;
use crate::words::letter::{CodePhrases, Facts, Life, NoticePhrases, Occasion, moment, name};

/// Says what stands around a code.
pub(in crate::words) fn code(facts: &Facts) -> CodePhrases {
    let Facts { organization, person, service, host, time, help, .. } = facts;
    let (from, life) = (source(facts.source), life(facts.life));
    CodePhrases {
        subject: format!("是您在 {host} 上登录 {service} 的验证码"),
        heading: "您的验证码：",
        about: format!(
            "用于 {person} 在 {host} 上登录 {service}，来源：{from}，请求时间：{time}。{life}内有效，仅限使用一次。"
        ),
        warning: format!(
            "如果这不是您本人的操作，可能有人知道您的密码：请勿将验证码告诉任何人，并{}。",
            contact(help.as_deref())
        ),
        short: [
            format!("是您在 {host} 上登录 {service} 的验证码，来源：{from}，{life}内有效。请勿告诉他人。"),
            format!("是您在 {host} 上登录 {service} 的验证码，{life}内有效。"),
            format!("是您的验证码，{life}内有效。"),
        ],
        spoken: [format!("{organization}。您的验证码是："), "再说一遍：".to_owned()],
    }
}

/// Says what a message of trial is: its subject, and all of its text.
pub(in crate::words) fn trial(organization: &str, host: &str) -> [String; 2] {
    let text = format!("这是 {organization} 从 {host} 发出的测试消息。其中没有验证码，无需回复。");
    ["测试消息".to_owned(), text]
}

/// Says what a notice tells.
pub(in crate::words) fn notice(notice: &Notice, occasion: &Occasion<'_>) -> NoticePhrases {
    let Occasion { person, host, time, help } = occasion;
    NoticePhrases {
        headline: headline(notice),
        sentence: sentence(notice),
        occasion: format!("账户 {person}，主机 {host}，{time}。"),
        warning: format!("如果您对此不知情，请立即{}。", contact(*help)),
    }
}

const fn headline(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorAdded { .. } => "已设置一个验证方式",
        Notice::FactorRemoved { .. } => "已删除一个验证方式",
        Notice::FactorReplaced { .. } => "已替换一个验证方式",
        Notice::FactorRenamed { .. } => "一个验证方式已改名",
        Notice::BackupCodesMade => "新的备用验证码",
        Notice::BackupCodeUsed { .. } => "已使用一个备用验证码",
        Notice::ContactSet { .. } => "您的联系方式已更改",
        Notice::PlaceRemembered { .. } => "已记住一个登录地址",
        Notice::Locked { .. } => "验证码错误过多，已锁定",
        Notice::WrongCodes { .. } => "来自未知地址的错误验证码",
        Notice::Reset => "您的验证方式已重置",
        Notice::Unlocked => "您已被解锁",
        Notice::AcceptedAgain => "您的应用或令牌的验证码重新被接受",
        Notice::Invited { .. } => "邀请您设置验证方式",
        Notice::SwitchedOn => "验证码已启用",
        Notice::SwitchedOff => "验证码已停用",
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FactorAdded { name } => format!("已为您设置新的验证方式：{}。", quoted(name)),
        Notice::FactorRemoved { name } => format!("您的一个验证方式已被删除：{}。", quoted(name)),
        Notice::FactorReplaced { old, new } => {
            format!("您的一个验证方式已被替换：{}已替换为{}。", quoted(old), quoted(new))
        }
        Notice::FactorRenamed { old, new } => {
            format!("您的一个验证方式已改名：{}现在名为{}。", quoted(old), quoted(new))
        }
        Notice::BackupCodesMade => "已为您生成新的备用验证码；旧的备用验证码不再有效。".to_owned(),
        Notice::BackupCodeUsed { left } => format!("您的一个备用验证码已被使用，还剩 {left} 个。"),
        Notice::ContactSet { old, new } => format!(
            "管理员更改了为您登记的联系方式：由 {} 改为 {}。已设置的验证方式仍发送到原处。",
            known(old.as_deref()),
            known(new.as_deref())
        ),
        Notice::PlaceRemembered { address } => {
            format!("您从 {} 登录时，在一段时间内不会要求您输入验证码。", name(address))
        }
        Notice::Locked { from, until } => locked(*from, *until),
        Notice::WrongCodes { from } => format!(
            "在密码正确之后，有人从 {} 输入了错误的验证码，而您近期未从该处登录。如果不是您本人，说明有人知道您的密码：请更改密码。",
            source(*from)
        ),
        Notice::Reset => "管理员已删除您的验证方式；系统会要求您重新设置。".to_owned(),
        Notice::Unlocked => "管理员解除了因验证码错误而产生的锁定。".to_owned(),
        Notice::AcceptedAgain => {
            "在时钟或计数器出现偏差后，管理员已让系统重新接受您的应用或令牌的验证码。".to_owned()
        }
        Notice::Invited { expires } => {
            format!("管理员生成了一个邀请码，在 {} 之前可用它为您设置验证方式。", moment(*expires))
        }
        Notice::SwitchedOn => "管理员已为您启用验证码：登录时会要求您输入验证码。".to_owned(),
        Notice::SwitchedOff => "管理员已为您停用验证码：现在仅需密码即可登录。".to_owned(),
    }
}

fn locked(from: Source, until: Option<WallTime>) -> String {
    format!(
        "在密码正确之后，来自 {} 的错误验证码过多。{}如果不是您本人，说明有人知道您的密码：请更改密码。",
        source(from),
        until.map_or_else(
            || "在管理员重置之前，登录将保持锁定。".to_owned(),
            |until| format!("登录已锁定至 {}。", moment(until))
        )
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Local => "主机本身".to_owned(),
        Source::Unknown => "未知地址".to_owned(),
        Source::Address(_) => source.to_string(),
    }
}

fn life(life: Life) -> String {
    match life {
        Life::Minutes(minutes) => format!("{minutes} 分钟"),
        Life::Seconds(seconds) => format!("{seconds} 秒"),
    }
}

fn known(contact: Option<&str>) -> String {
    contact.map_or_else(|| "无".to_owned(), name)
}

fn quoted(label: &str) -> String {
    format!("“{}”", name(label))
}
