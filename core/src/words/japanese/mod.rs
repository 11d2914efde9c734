//! Japanese: です・ます throughout, corner brackets, no space between Japanese and Latin.

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
        return format!("確認コード {offer}: ");
    }
    let text = match prompt {
        Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. } => "確認コード: ",
        Prompt::CodeOf(Method::Totp) => "アプリの確認コード: ",
        Prompt::CodeOf(Method::Hotp) => "トークンの確認コード: ",
        Prompt::CodeOf(Method::Email) => "メールの確認コード: ",
        Prompt::CodeOf(Method::Sms) => "SMSの確認コード: ",
        Prompt::CodeOf(Method::Call) => "電話で聞いた確認コード: ",
        Prompt::CodeOf(Method::Backup) => "バックアップコード: ",
        Prompt::NextTokenCode => {
            "トークンのカウンターが進んでいます。次に表示される確認コードを入力してください: "
        }
        Prompt::CurrentCode => "現在の確認コード: ",
        Prompt::PendingCode(Method::Hotp) => {
            "設定したトークンの確認コードを入力してください (`new`で新しいキーを表示): "
        }
        Prompt::PendingCode(_) => {
            "設定したアプリの確認コードを入力してください (`new`で新しいQRコードを表示): "
        }
        Prompt::PendingCodeOrInvitation(Method::Hotp) => {
            "設定したトークンの確認コード、または新しい招待コードを入力してください: "
        }
        Prompt::PendingCodeOrInvitation(_) => {
            "設定したアプリの確認コード、または新しい招待コードを入力してください: "
        }
        Prompt::Invitation => "招待コード: ",
        Prompt::Choice => "番号または名前（Enterキーで1）: ",
        Prompt::NewAddress => "メールアドレス: ",
        Prompt::NewNumber => "電話番号: ",
        Prompt::SentCodeOrNew => "メッセージに記載のコード、または別の方法にするには`new`: ",
        Prompt::Saved => "書き留めたら`saved`と入力してください: ",
        Prompt::Yes => "続けるには`yes`と入力してください: ",
        Prompt::Close => "終了するにはEnterキーを押してください: ",
    };
    text.to_owned()
}

/// Says in brackets what a prompt for a code offers besides.
pub(super) fn offer(prompt: Prompt) -> Option<String> {
    match prompt {
        Prompt::CodeOrOther => Some("(`?`でほかの方法を表示)".to_owned()),
        Prompt::CodeToRemember { source, life } => Some(sending::remember(source, life)),
        _ => None,
    }
}

fn contact(help: Option<&str>) -> String {
    let whom = help.map_or_else(|| "管理者".to_owned(), shown);
    format!("{whom}にお問い合わせください")
}

/// Writes a time; the date only where it is not today's.
pub(super) fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} (UTC)")
    } else {
        format!("{year}年{month}月{day}日{hour:02}:{minute:02} (UTC)")
    }
}
