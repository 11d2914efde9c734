//! Japanese: です・ます throughout, corner brackets, no space between Japanese and Latin.

use crate::factor::Method;
use crate::time::WallTime;

use super::{Direction, Drawn, Message, Note, Prompt, Refusal, Setup, clock, shown};

/// Says a message.
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Prompt(prompt) => ask(*prompt).to_owned(),
        Message::Note(note) => remark(note),
        Message::Refusal(refusal) => refuse(refusal),
        Message::Setup(setup) => show(setup),
    }
}

const fn ask(prompt: Prompt) -> &'static str {
    match prompt {
        Prompt::Code => "確認コード: ",
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
        Prompt::PendingCode => "設定したアプリの確認コードを入力してください (`new`で新しいQRコードを表示): ",
        Prompt::PendingCodeOrInvitation => {
            "設定したアプリの確認コード、または新しい招待コードを入力してください: "
        }
        Prompt::Invitation => "招待コード: ",
        Prompt::Saved => "書き留めたら`saved`と入力してください: ",
        Prompt::Yes => "続けるには`yes`と入力してください: ",
        Prompt::Close => "終了するにはEnterキーを押してください: ",
    }
}

fn remark(note: &Note) -> String {
    match note {
        Note::WrongCode => {
            "確認コードが正しくありません。次のコードが表示されるのを待って、もう一度お試しください。".to_owned()
        }
        Note::RepeatedCode { next } => {
            format!("この確認コードは使用済みです。次のコードは{}秒後に表示されます。", next.as_secs())
        }
        Note::ClockOff { minutes, direction } => format!(
            "確認コードが正しくありません。スマートフォンの時計が約{minutes}分{}います。時刻を自動設定にして、もう一度お試しください。",
            way(*direction)
        ),
        Note::EnterCode { help } => format!(
            "認証アプリの確認コードを入力してください。アプリを設定していない場合は、{}。",
            contact(help.as_deref())
        ),
        Note::RenewByInvitation { help } => format!(
            "設定したアプリの確認コードを入力してください。新しいキーには新しい招待コードが必要です。{}。",
            contact(help.as_deref())
        ),
        Note::EnterNewCode => "認証アプリに現在表示されている確認コードを入力してください。".to_owned(),
        Note::RepeatedToken => {
            "この確認コードは使用済みです。トークンに次のコードを表示させてください。".to_owned()
        }
        Note::WrongBackupCode => "このバックアップコードは正しくないか、使用済みです。".to_owned(),
        Note::WrongInvitation { help } => format!(
            "この招待コードは正しくないか、すでに無効です。新しい招待コードについては、{}。",
            contact(help.as_deref())
        ),
        Note::BackupCodesLeft { left } => backup_codes_left(*left),
        Note::WriteDown => "バックアップコードが有効になりました。続ける前に書き留めてください。".to_owned(),
        Note::PhoneOff { seconds, direction } => format!(
            "スマートフォンの時計が最大{seconds}秒{}います。確認コードはまだ使えますが、時刻を自動設定にしてください。",
            way(*direction)
        ),
        Note::TokenAhead { codes } => {
            format!("トークンがコード{codes}個分進んでいましたが、再び同期されました。")
        }
        Note::Ways { ways, help } => format!(
            "使用できる方法: {}。番号を入力して選択するか、コードをそのまま入力してください。お困りの場合は、{}。",
            numbered(ways),
            contact(help.as_deref())
        ),
        Note::EnrollingWords { drawn: Drawn::Yes } => {
            "認証アプリの確認コードを入力してください。`invert`でQRコードの白黒を反転し、`new`で新しいQRコードを表示します。"
                .to_owned()
        }
        Note::EnrollingWords { drawn: Drawn::No } => {
            "認証アプリの確認コードを入力してください。`new`で新しいキーを表示します。".to_owned()
        }
    }
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ahead => "進んで",
        Direction::Behind => "遅れて",
    }
}

fn backup_codes_left(left: usize) -> String {
    match left {
        0 => "今のが最後のバックアップコードでした。`countersign backup-codes`で新しく作成してください。"
            .to_owned(),
        1 => {
            "バックアップコードは残り1個です。`countersign backup-codes`で新しく作成してください。".to_owned()
        }
        _ => format!("バックアップコードは残り{left}個です。"),
    }
}

fn numbered(ways: &[Method]) -> String {
    let name = |method: &Method| match method {
        Method::Totp => "アプリ",
        Method::Hotp => "トークン",
        Method::Email => "メール",
        Method::Sms => "SMS",
        Method::Call => "電話",
        Method::Backup => "バックアップコード",
    };
    let numbered: Vec<String> =
        (1..).zip(ways).map(|(number, method)| format!("{number} {}", name(method))).collect();
    numbered.join("、")
}

fn refuse(refusal: &Refusal) -> String {
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
        Refusal::NoRightCode => "拒否されました。正しい確認コードが入力されませんでした。".to_owned(),
        Refusal::Unavailable => {
            "現在、確認コードを検証できません。検証なしでは誰もログインできません。1分後にもう一度お試しください。".to_owned()
        }
        Refusal::EnrollmentClosed { help } => format!(
            "このホストの規則では、これをご自身で設定することはできません。{}。",
            contact(help.as_deref())
        ),
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
        Refusal::NothingChanged => "何も変更されていません。".to_owned(),
        Refusal::ChangedMeanwhile => {
            "その間に別の場所でコードの設定が変更されました。ここでは何も変更されていません。最初からやり直してください。"
                .to_owned()
        }
    }
}

fn show(setup: &Setup) -> String {
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

fn contact(help: Option<&str>) -> String {
    let whom = help.map_or_else(|| "管理者".to_owned(), shown);
    format!("{whom}にお問い合わせください")
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("「{}」", shown(label))).collect::<Vec<_>>().join("、")
}

fn moment(until: WallTime, now: WallTime) -> String {
    let until = clock::minute_after(until);
    let clock::Calendar { year, month, day, hour, minute } = clock::calendar(until);
    if clock::is_same_day(until, now) {
        format!("{hour:02}:{minute:02} (UTC)")
    } else {
        format!("{year}年{month}月{day}日{hour:02}:{minute:02} (UTC)")
    }
}
