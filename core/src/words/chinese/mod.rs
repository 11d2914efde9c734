//! Simplified Chinese: the polite 您, full-width punctuation, a space between Chinese and Latin.

pub(super) mod letter;
mod notes;
mod refusals;
mod sending;
mod setup;

use crate::factor::Method;
use crate::time::WallTime;

use super::{Message, Prompt, clock, shown};

/// Says a message.
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Prompt(prompt) => ask(*prompt),
        Message::Note(note) => notes::remark(note),
        Message::Refusal(refusal) => refusals::refuse(refusal),
        Message::Setup(setup) => setup::show(setup),
        Message::Sending(sending) => sending::tell(sending),
    }
}

fn ask(prompt: Prompt) -> String {
    if let Some(offer) = offer(prompt) {
        return format!("验证码{offer}: ");
    }
    let text = match prompt {
        Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. } => "验证码: ",
        Prompt::CodeOf(Method::Totp) => "应用中的验证码: ",
        Prompt::CodeOf(Method::Hotp) => "令牌上的验证码: ",
        Prompt::CodeOf(Method::Email) => "电子邮件中的验证码: ",
        Prompt::CodeOf(Method::Sms) => "短信中的验证码: ",
        Prompt::CodeOf(Method::Call) => "语音电话中的验证码: ",
        Prompt::CodeOf(Method::Backup) => "备用验证码: ",
        Prompt::NextTokenCode => "您的令牌计数已超前。请输入它接下来显示的验证码: ",
        Prompt::CurrentCode => "当前验证码: ",
        Prompt::PendingCode(Method::Hotp) => "请输入您已设置的令牌中的验证码，或输入 `new` 获取新的密钥: ",
        Prompt::PendingCode(_) => "请输入您已设置的应用中的验证码，或输入 `new` 获取新的二维码: ",
        Prompt::PendingCodeOrInvitation(Method::Hotp) => "请输入您已设置的令牌中的验证码，或新的邀请码: ",
        Prompt::PendingCodeOrInvitation(_) => "请输入您已设置的应用中的验证码，或新的邀请码: ",
        Prompt::Invitation => "邀请码: ",
        Prompt::Choice => "请输入数字或名称（按回车键选择 1）: ",
        Prompt::NewAddress => "电子邮箱地址: ",
        Prompt::NewNumber => "电话号码: ",
        Prompt::SentCodeOrNew => "请输入消息中的验证码，或输入 `new` 使用其他方式: ",
        Prompt::Saved => "记下后请输入 `saved`: ",
        Prompt::Yes => "如要继续，请输入 `yes`: ",
        Prompt::Close => "按回车键结束: ",
    };
    text.to_owned()
}

/// Says in brackets what a prompt for a code offers besides.
pub(super) fn offer(prompt: Prompt) -> Option<String> {
    match prompt {
        Prompt::CodeOrOther => Some("（输入 `?` 查看其他方式）".to_owned()),
        Prompt::CodeToRemember { source, life } => Some(sending::remember(source, life)),
        _ => None,
    }
}

/// Tells whom to turn to. What `help` says may be Chinese or Latin: after a colon it needs no space either way.
fn contact(help: Option<&str>) -> String {
    help.map_or_else(|| "联系您的管理员".to_owned(), |help| format!("联系：{}", shown(help)))
}

/// Writes a time; the date only where it is not today's.
pub(super) fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} (UTC)")
    } else {
        format!("{year} 年 {month} 月 {day} 日 {hour:02}:{minute:02} (UTC)")
    }
}
