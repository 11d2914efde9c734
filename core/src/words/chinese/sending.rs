//! Chinese: what is said of codes that are sent, and of places that are remembered.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::words::clock::{Span, span};
use crate::words::{ListedWay, Resend, Sending};

use super::{contact, moment};

/// Says what is said of codes that are sent.
pub(super) fn tell(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("验证码正在发送至 {recipient}。"),
        Sending::StillValid { recipient } => {
            format!("已发送至 {recipient} 的验证码仍然有效。如需新的验证码，请输入 `resend`。")
        }
        Sending::Failed { recipient, others } => {
            format!("验证码未能发送至 {recipient}。{}输入 `resend` 可重试。", otherwise(others))
        }
        Sending::Doubtful { recipient, others } => {
            format!("验证码可能未能发送至 {recipient}。{}输入 `resend` 可获取新的验证码。", otherwise(others))
        }
        Sending::Deferred { recipient, others } => {
            also(&format!("发往 {recipient} 的验证码有延迟：尚未被接收投递，系统会自动重试。"), others)
        }
        Sending::Wait { seconds, others } => also(&format!("{seconds} 秒后可以再次索取验证码。"), others),
        Sending::Elsewhere { resend, others } => elsewhere(*resend, others),
        Sending::Cap { until, now, others, help } => format!(
            "索取验证码的次数过多；{} 之后可以再次索取。{}",
            moment(*until, *now),
            instead(others, help.as_deref())
        ),
        Sending::Unreachable { recipient, others, help } => {
            format!("无法向 {recipient} 发送验证码。{}", instead(others, help.as_deref()))
        }
        Sending::WrongCode { resend } => wrong(*resend),
        Sending::EnterCode { recipient } => {
            format!("请输入已发送至 {recipient} 的验证码，或输入 `?` 查看其他方式。")
        }
        Sending::NothingToChoose { help } => {
            format!("此处没有可选择的方式，请{}。", contact(help.as_deref()))
        }
    }
}

fn wrong(resend: Resend) -> String {
    let rest = match resend {
        Resend::Now => "，或输入 `resend`。".to_owned(),
        Resend::In(seconds) => format!("，或输入 `resend`（{seconds} 秒后可用）。"),
        Resend::No => "。".to_owned(),
    };
    format!("验证码不正确。请使用最新消息中的验证码{rest}")
}

fn elsewhere(resend: Resend, others: &[ListedWay]) -> String {
    let first = also("已发送的验证码属于另一次登录，在此处无效。", others);
    match resend {
        Resend::Now => format!("{first}输入 `resend` 可获取新的验证码。"),
        Resend::In(seconds) => {
            format!("{first}输入 `resend` 可获取新的验证码（{seconds} 秒后可用）。")
        }
        Resend::No => first,
    }
}

/// Adds what else there is to a sentence.
fn also(sentence: &str, others: &[ListedWay]) -> String {
    format!("{sentence}{}", otherwise(others)).trim_end().to_owned()
}

fn otherwise(others: &[ListedWay]) -> String {
    if others.is_empty() { String::new() } else { format!("其他方式：{}。", list(others)) }
}

fn instead(others: &[ListedWay], help: Option<&str>) -> String {
    if others.is_empty() {
        format!("请{}。", contact(help))
    } else {
        format!("其他方式：{}。", list(others))
    }
}

/// Lists ways.
pub(super) fn list(ways: &[ListedWay]) -> String {
    ways.iter().map(|way| way.written(name(way.method))).collect::<Vec<_>>().join("、")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Totp => "应用",
        Method::Hotp => "令牌",
        Method::Email => "电子邮件",
        Method::Sms => "短信",
        Method::Call => "语音电话",
        Method::Backup => "备用验证码",
    }
}

/// Offers to remember the place.
pub(super) fn remember(source: IpAddr, life: Duration) -> String {
    let time = match span(life) {
        Span::Days(days) => format!("{days} 天"),
        Span::Hours(hours) => format!("{hours} 小时"),
        Span::Minutes(minutes) => format!("{minutes} 分钟"),
    };
    format!("（末尾加上 `r`，{time}内从 {source} 登录不再询问）")
}
