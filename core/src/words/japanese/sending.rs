//! Japanese: what is said of codes that are sent, and of places that are remembered.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::words::clock::{Span, span};
use crate::words::{ListedWay, Resend, Sending};

use super::{contact, moment};

/// Says what is said of codes that are sent.
pub(super) fn tell(sending: &Sending) -> String {
    match sending {
        Sending::OnItsWay { recipient } => format!("確認コードを{recipient}に送信しています。"),
        Sending::StillValid { recipient } => format!(
            "{recipient}に送信済みの確認コードはまだ有効です。新しいコードが必要な場合は`resend`と入力してください。"
        ),
        Sending::Failed { recipient, others } => format!(
            "{recipient}に確認コードを送信できませんでした。{}もう一度試すには`resend`と入力してください。",
            otherwise(others)
        ),
        Sending::Doubtful { recipient, others } => format!(
            "{recipient}に確認コードが送信されていない可能性があります。{}新しい確認コードが必要な場合は`resend`と入力してください。",
            otherwise(others)
        ),
        Sending::Deferred { recipient, others } => also(
            &format!(
                "{recipient}への確認コードは遅れています。配信がまだ受け付けられていないため、自動的に再試行します。"
            ),
            others,
        ),
        Sending::Wait { seconds, others } => {
            also(&format!("次の確認コードは{seconds}秒後にリクエストできます。"), others)
        }
        Sending::Elsewhere { resend, others } => elsewhere(*resend, others),
        Sending::Cap { until, now, others, help } => format!(
            "確認コードのリクエストが多すぎます。{}より後に再びリクエストできます。{}",
            moment(*until, *now),
            instead(others, help.as_deref())
        ),
        Sending::Unreachable { recipient, others, help } => {
            format!("{recipient}には確認コードを送信できません。{}", instead(others, help.as_deref()))
        }
        Sending::WrongCode { resend } => wrong(*resend),
        Sending::EnterCode { recipient } => format!(
            "{recipient}に送信された確認コードを入力してください。ほかの方法を見るには`?`と入力してください。"
        ),
        Sending::NothingToChoose { help } => {
            format!("ここで選択できる方法はありません。{}。", contact(help.as_deref()))
        }
    }
}

fn wrong(resend: Resend) -> String {
    let rest = match resend {
        Resend::Now => "使用するか、`resend`と入力してください。".to_owned(),
        Resend::In(seconds) => format!("使用するか、`resend`と入力してください ({seconds}秒後に可能)。"),
        Resend::No => "使用してください。".to_owned(),
    };
    format!("確認コードが正しくありません。最新のメッセージのコードを{rest}")
}

fn elsewhere(resend: Resend, others: &[ListedWay]) -> String {
    let first = also("送信された確認コードは別のログインのもので、ここでは無効です。", others);
    match resend {
        Resend::Now => format!("{first}新しい確認コードが必要な場合は`resend`と入力してください。"),
        Resend::In(seconds) => {
            format!("{first}新しい確認コードが必要な場合は`resend`と入力してください ({seconds}秒後に可能)。")
        }
        Resend::No => first,
    }
}

/// Adds what else there is to a sentence.
fn also(sentence: &str, others: &[ListedWay]) -> String {
    format!("{sentence}{}", otherwise(others)).trim_end().to_owned()
}

fn otherwise(others: &[ListedWay]) -> String {
    if others.is_empty() { String::new() } else { format!("ほかの方法: {}。", list(others)) }
}

fn instead(others: &[ListedWay], help: Option<&str>) -> String {
    if others.is_empty() {
        format!("{}。", contact(help))
    } else {
        format!("ほかの方法: {}。", list(others))
    }
}

/// Lists ways.
pub(super) fn list(ways: &[ListedWay]) -> String {
    ways.iter().map(|way| way.written(name(way.method))).collect::<Vec<_>>().join("、")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Totp => "アプリ",
        Method::Hotp => "トークン",
        Method::Email => "メール",
        Method::Sms => "SMS",
        Method::Call => "電話",
        Method::Backup => "バックアップコード",
    }
}

/// Offers to remember the place.
pub(super) fn remember(source: IpAddr, life: Duration) -> String {
    let time = match span(life) {
        Span::Days(days) => format!("{days}日間"),
        Span::Hours(hours) => format!("{hours}時間"),
        Span::Minutes(minutes) => format!("{minutes}分間"),
    };
    format!("(末尾に`r`を付けると、{source}からは{time}省略されます)")
}
