//! Japanese: what is shown and told while a factor is set up or taken away.

use crate::factor::Method;
use crate::words::{Drawn, Setup, shown};

use super::sending::list;

/// Says what is shown and told while a factor is set up or taken away.
pub(super) fn show(setup: &Setup) -> String {
    match setup {
        Setup::Scan => "確認コードの設定: 認証アプリでこのQRコードを読み取ってください。".to_owned(),
        Setup::ScanOrEnterKey { method } => format!(
            "確認コードの設定: 認証アプリでQRコードを読み取るか、アプリにこのキーを入力してください（{}）。",
            based(*method)
        ),
        Setup::EnterKey { method: Method::Hotp } => {
            "確認コードの設定: トークンまたはアプリにこのキーを入力してください（カウンターベース）。".to_owned()
        }
        Setup::EnterKey { method } => {
            format!("確認コードの設定: 認証アプリにこのキーを入力してください（{}）。", based(*method))
        }
        Setup::Drawing(text) | Setup::Uri(text) | Setup::BackupCodes(text) => text.expose().clone(),
        Setup::Key { key, drawn: Drawn::Yes } => {
            format!("キー: {}  (`invert`で白黒反転)", key.expose())
        }
        Setup::Key { key, drawn: Drawn::No } => format!("キー: {}", key.expose()),
        Setup::ChooseWay { ways } => format!("確認コードが必要です。受け取り方法を選んでください: {}。", list(ways)),
        Setup::WhereTo => "確認コードが必要です。コードを送信できます。送信先を入力してください。".to_owned(),
        Setup::OnFile { recipient } => format!("登録済み: {}。使う場合はEnterキーを押し、別のものにする場合は入力してください。", shown(recipient)),
        Setup::FirstFactor => {
            "これは最初の認証要素です。設定すると、このホストの規則で必要な場合に確認コードの入力を求められます。".to_owned()
        }
        Setup::Completed { label } => format!("確認コードを設定しました（「{}」）。", shown(label)),
        Setup::Replaced { label } => {
            format!("新しい確認コードを設定し（「{}」）、古いものを削除しました。", shown(label))
        }
        Setup::Renamed { old, new } => {
            format!("「{}」の名前を「{}」に変更しました。", shown(old), shown(new))
        }
        Setup::BackupCodesIntro => {
            "スマートフォンがないときのためのバックアップコードです。各コードは1回だけ使え、今だけ表示されます。".to_owned()
        }
        Setup::BackupCodesMade => {
            "新しいバックアップコードが有効になりました。以前のものは使えません。".to_owned()
        }
        Setup::TestPassed { method: Method::Totp, label } => {
            format!("正しい確認コードです。アプリ「{}」のコードです。", shown(label))
        }
        Setup::TestPassed { method: Method::Hotp, label } => {
            format!("正しい確認コードです。トークン「{}」のコードです。", shown(label))
        }
        Setup::TestPassed { method: Method::Email | Method::Sms | Method::Call, label } => {
            format!("正しい確認コードです。「{}」に送信されたコードです。", shown(label))
        }
        Setup::TestPassed { method: Method::Backup, label: _ } => {
            "正しいバックアップコードです。これで使用済みになりました。".to_owned()
        }
        Setup::OtherSessionsEnded => "このホストの他のセッションを終了しました。".to_owned(),
        Setup::OtherSessionsLeft => {
            "他のセッションを終了できませんでした。一覧を表示するには: loginctl list-sessions".to_owned()
        }
        Setup::Removed { label } => format!("「{}」を削除しました。", shown(label)),
    }
}

const fn based(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Email | Method::Sms | Method::Call | Method::Backup => "時間ベース",
        Method::Hotp => "カウンターベース",
    }
}
