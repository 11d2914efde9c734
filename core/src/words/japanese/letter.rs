//! Japanese letters.

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
        subject: format!("が{host}の{service}の確認コードです"),
        heading: "確認コード：",
        about: format!(
            "{host}の{service}への{person}のログイン用です。接続元: {from}、要求日時: {time}。有効期間は{life}、使えるのは1回だけです。"
        ),
        warning: format!(
            "お心当たりがない場合、パスワードが第三者に知られている可能性があります。このコードを誰にも教えず、{}。",
            contact(help.as_deref())
        ),
        short: [
            format!(
                "が{host}の{service}の確認コードです。接続元: {from}。有効期間{life}。他人に教えないでください。"
            ),
            format!("が{host}の{service}の確認コードです。有効期間{life}。"),
            format!("が確認コードです。有効期間{life}。"),
        ],
        spoken: [format!("{organization}です。確認コードは次のとおりです。"), "繰り返します。".to_owned()],
    }
}

/// Says what a message of trial is: its subject, and all of its text.
pub(in crate::words) fn trial(organization: &str, host: &str) -> [String; 2] {
    let text = format!(
        "これは {organization} が {host} から送信したテストメッセージです。確認コードは含まれていません。返信は不要です。"
    );
    ["テストメッセージ".to_owned(), text]
}

/// Says what a notice tells.
pub(in crate::words) fn notice(notice: &Notice, occasion: &Occasion<'_>) -> NoticePhrases {
    let Occasion { person, host, time, help } = occasion;
    NoticePhrases {
        headline: headline(notice),
        sentence: sentence(notice),
        occasion: format!("アカウント: {person}、ホスト: {host}、{time}。"),
        warning: format!("お心当たりがない場合は、すぐに{}。", contact(*help)),
    }
}

const fn headline(notice: &Notice) -> &'static str {
    match notice {
        Notice::FactorAdded { .. } => "認証方法が設定されました",
        Notice::FactorRemoved { .. } => "認証方法が削除されました",
        Notice::FactorReplaced { .. } => "認証方法が置き換えられました",
        Notice::FactorRenamed { .. } => "認証方法の名前が変わりました",
        Notice::BackupCodesMade => "新しいバックアップコード",
        Notice::BackupCodeUsed { .. } => "バックアップコードが使われました",
        Notice::ContactSet { .. } => "登録された連絡先が変更されました",
        Notice::PlaceRemembered { .. } => "接続元が記憶されました",
        Notice::Locked { .. } => "コードの誤りが続いたためロックされました",
        Notice::WrongCodes { .. } => "不明なアドレスから誤ったコードが入力されました",
        Notice::Reset => "認証方法がリセットされました",
        Notice::Unlocked => "ロックが解除されました",
        Notice::AcceptedAgain => "アプリまたはトークンのコードが再び使えます",
        Notice::Invited { .. } => "認証方法の設定への招待",
        Notice::SwitchedOn => "コードが有効になりました",
        Notice::SwitchedOff => "コードが無効になりました",
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FactorAdded { name } => format!("新しい認証方法{}が設定されました。", quoted(name)),
        Notice::FactorRemoved { name } => format!("認証方法{}が削除されました。", quoted(name)),
        Notice::FactorReplaced { old, new } => {
            format!("認証方法{}が{}に置き換えられました。", quoted(old), quoted(new))
        }
        Notice::FactorRenamed { old, new } => {
            format!("認証方法{}の名前が{}に変わりました。", quoted(old), quoted(new))
        }
        Notice::BackupCodesMade => {
            "新しいバックアップコードが作成されました。以前のものは使えません。".to_owned()
        }
        Notice::BackupCodeUsed { left } => {
            format!("バックアップコードが1個使われました。残りは{left}個です。")
        }
        Notice::ContactSet { old, new } => format!(
            "管理者が登録済みの連絡先を{}から{}に変更しました。設定済みの認証方法の送信先は変わりません。",
            known(old.as_deref()),
            known(new.as_deref())
        ),
        Notice::PlaceRemembered { address } => {
            format!("{}からのログインでは、しばらくの間コードの入力を求められません。", name(address))
        }
        Notice::Locked { from, until } => locked(*from, *until),
        Notice::WrongCodes { from } => format!(
            "正しいパスワードの後、最近ログインしていない{}から誤ったコードが入力されました。お心当たりがない場合、パスワードが第三者に知られています。パスワードを変更してください。",
            source(*from)
        ),
        Notice::Reset => "管理者が認証方法を削除しました。改めて設定するよう求められます。".to_owned(),
        Notice::Unlocked => "管理者がコードの誤りによるロックを解除しました。".to_owned(),
        Notice::AcceptedAgain => "時計またはカウンターのずれの後、管理者がアプリまたはトークンのコードを再び受け付けるようにしました。".to_owned(),
        Notice::Invited { expires } => {
            format!("管理者が招待コードを作成しました。{}まで、認証方法の設定に使えます。", moment(*expires))
        }
        Notice::SwitchedOn => {
            "管理者がコードを有効にしました。ログイン時にコードの入力を求められます。".to_owned()
        }
        Notice::SwitchedOff => {
            "管理者がコードを無効にしました。パスワードだけでログインできます。".to_owned()
        }
    }
}

fn locked(from: Source, until: Option<WallTime>) -> String {
    format!(
        "正しいパスワードの後、{}から誤ったコードが何度も入力されました。{}お心当たりがない場合、パスワードが第三者に知られています。パスワードを変更してください。",
        source(from),
        until.map_or_else(
            || "リセットされるまでログインはロックされます。".to_owned(),
            |until| format!("{}までログインはロックされます。", moment(until))
        )
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Local => "ホスト自身".to_owned(),
        Source::Unknown => "不明なアドレス".to_owned(),
        Source::Address(_) => source.to_string(),
    }
}

fn life(life: Life) -> String {
    match life {
        Life::Minutes(minutes) => format!("{minutes}分"),
        Life::Seconds(seconds) => format!("{seconds}秒"),
    }
}

fn known(contact: Option<&str>) -> String {
    contact.map_or_else(|| "なし".to_owned(), name)
}

fn quoted(label: &str) -> String {
    format!("「{}」", name(label))
}
