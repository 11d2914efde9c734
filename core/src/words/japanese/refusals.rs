//! Japanese: why something is not done.

use crate::words::{Refusal, shown};

use super::{contact, moment};

/// Says why something is not done.
pub(super) fn refuse(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Locked { until, now, help } => format!(
            "確認コードの入力を何度も間違えたため、ロックされています。{}以降にもう一度お試しいただくか、{}。",
            moment(*until, *now),
            contact(help.as_deref())
        ),
        Refusal::NeedsReset { help } => format!(
            "確認コードの入力を何度も間違えたため、ロックされています。再びログインするには、{}。",
            contact(help.as_deref())
        ),
        Refusal::NotEnrolled { help } => {
            format!("確認コードが必要ですが、まだ設定されていません。{}。", contact(help.as_deref()))
        }
        Refusal::EnrollFirst { method } => format!(
            "確認コードが必要ですが、まだ設定されていません。先に`countersign enroll {}`を実行してください。",
            method.name()
        ),
        Refusal::InvitationNeeded { help } => format!(
            "確認コードが必要ですが、まだ設定されていません。設定には招待コードが必要です。{}。",
            contact(help.as_deref())
        ),
        Refusal::NothingSetUp => {
            "確認コードが設定されていません。先に`countersign enroll totp`を実行してください。".to_owned()
        }
        Refusal::UidChanged { help } => format!(
            "このホストのアカウントが変更されたため、これまでのコードは使えなくなりました。{}。",
            contact(help.as_deref())
        ),
        Refusal::CodeNeeded { help } => format!("確認コードが必要ですが、SSH鍵だけのログインでは入力できません。パスワードでログインするか（`ssh -o PubkeyAuthentication=no`）、{}。", contact(help.as_deref())),
        Refusal::Stopped { help } => format!("確認コードを検証するサービスが応答しないため、検証できません。1分後にもう一度お試しいただくか、{}。", contact(help.as_deref())),
        Refusal::NoRightCode => "拒否されました。正しい確認コードが入力されませんでした。".to_owned(),
        Refusal::Unavailable { help } => unavailable(help.as_deref()),
        Refusal::Restored { help } => restored(help.as_deref()),
        Refusal::SwitchedOff => "このホストでは二要素認証が無効になっています。".to_owned(),
        Refusal::EnrollmentClosed { help } => closed(help.as_deref()),
        Refusal::TooManyFactors { limit } => format!("すでに{limit}個あります。先に1個削除してください。"),
        Refusal::LabelTaken { label } => {
            format!("「{}」という名前はすでに使われています。別の名前を指定してください。", shown(label))
        }
        Refusal::NoSuchFactor { name } => {
            format!("「{}」という名前のものはありません。設定済みのものは`countersign status`で確認できます。", shown(name))
        }
        Refusal::AmbiguousFactor { labels } => {
            format!("複数のものが該当します: {}。いずれか1つを指定してください。", list(labels))
        }
        Refusal::LastFactor => {
            "これが最後の1個ですが、このホストの規則では1個以上必要です。先に別のものを設定してください。".to_owned()
        }
        Refusal::NotSaved => "バックアップコードは有効です。書き留めていない場合は、`countersign backup-codes`で新しく作成してください。".to_owned(),
        Refusal::NothingOnFile { help } => format!("コードは登録済みの連絡先にのみ送信できますが、登録がありません。{}。", contact(help.as_deref())),
        Refusal::OnlyOnFile { recipient, help } => format!("コードは登録済みの{}にのみ送信できます。変更するには、{}。", shown(recipient), contact(help.as_deref())),
        Refusal::NoChannel { help } => format!("このホストでは、この方法でコードを送信できません。{}。", contact(help.as_deref())),
        Refusal::TooManyRecipients => "入力したアドレスまたは番号が多すぎます。後で最初からやり直してください。".to_owned(),
        Refusal::NothingChanged => "何も変更されていません。".to_owned(),
        Refusal::ChangedMeanwhile => {
            "その間に別の場所でコードの設定が変更されました。ここでは何も変更されていません。最初からやり直してください。"
                .to_owned()
        }
    }
}

fn unavailable(help: Option<&str>) -> String {
    format!(
        "現在、確認コードを検証できません。検証なしでは誰もログインできません。1分後にもう一度お試しください。解決しない場合は、{}。",
        contact(help)
    )
}

fn restored(help: Option<&str>) -> String {
    format!(
        "サインイン方法の記録が復元されたバックアップのものであるため、確認が済むまで使用できません。{}。",
        contact(help)
    )
}

fn closed(help: Option<&str>) -> String {
    format!("このホストの規則では、これをご自身で設定することはできません。{}。", contact(help))
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("「{}」", shown(label))).collect::<Vec<_>>().join("、")
}
