//! Japanese: what is said of the answer before.

use crate::factor::Method;
use crate::words::{Direction, Drawn, ListedWay, Note, Shows};

use super::contact;
use super::sending::list;

/// Says what is said of the answer before.
pub(super) fn remark(note: &Note) -> String {
    match note {
        Note::NotACode => "これはコードではありえないため、回数に数えていません。".to_owned(),
        Note::NotRemembered => "この場所は記憶されません。ここでは記憶できません。".to_owned(),
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
        Note::HostClockOff { minutes, help } => host_clock_off(*minutes, &contact(help.as_deref())),
        Note::EnterCode { from, help } => format!(
            "{}の確認コードを入力してください。設定していない場合は、{}。",
            shows(*from),
            contact(help.as_deref())
        ),
        Note::RenewByInvitation { method, help } => format!(
            "設定した{}の確認コードを入力してください。新しいキーには新しい招待コードが必要です。{}。",
            if *method == Method::Hotp { "トークン" } else { "アプリ" },
            contact(help.as_deref())
        ),
        Note::EnterNewCode { method: Method::Hotp } => "トークンに現在表示されている確認コードを入力してください。".to_owned(),
        Note::EnterNewCode { method: _ } => "認証アプリに現在表示されている確認コードを入力してください。".to_owned(),
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
        Note::Ways { ways, help } => choice(ways, help.as_deref()),
        Note::MaySkip { days, times } => {
            format!("後で設定するには`skip`と入力してください。{}", left(*days, *times))
        }
        Note::LastMethod => "これは最後の認証方法です。削除すると、ここでのログインで確認コードは求められなくなり、バックアップコードも削除されます。".to_owned(),
        Note::NoLongerValid => "以前に設定した確認コードは、ここではもう使えません。".to_owned(),
        Note::RenewByCode => "以前に設定した確認コードだけでは、ここではもう足りません。新しく設定するには、まずその確認コードか招待コードを入力してください。".to_owned(),
        Note::SessionIdle { minutes } => session_idle(*minutes),
        Note::NotAnAddress => "コードを送信できるメールアドレスではありません。alice@example.orgのように入力してください。".to_owned(),
        Note::NotANumber => "電話番号ではありません。+49 30 123456のように国番号を付けて入力してください。".to_owned(),
        Note::SentWords => "メッセージに記載のコードを入力するか、再送信するには`resend`、別の方法を選ぶには`new`と入力してください。".to_owned(),
        Note::SentWordsOrInvitation { help } => format!("メッセージに記載のコードを入力するか、再送信するには`resend`と入力してください。別の方法を選ぶには新しい招待コードが必要です。{}。", contact(help.as_deref())),
        Note::EnrollingWords { drawn: Drawn::Yes, method } => format!("{}の確認コードを入力してください。`invert`でQRコードの白黒を反転し、`new`で新しいQRコードを表示します。", shows(Shows::of(*method))),
        Note::EnrollingWords { drawn: Drawn::No, method } => format!("{}の確認コードを入力してください。`new`で新しいキーを表示します。", shows(Shows::of(*method))),
    }
}

fn choice(ways: &[ListedWay], help: Option<&str>) -> String {
    format!(
        "使用できる方法: {}。番号を入力して選択するか、コードをそのまま入力してください。お困りの場合は、{}。",
        list(ways),
        contact(help)
    )
}

const fn shows(shows: Shows) -> &'static str {
    match shows {
        Shows::App => "認証アプリ",
        Shows::Token => "トークン",
        Shows::AppOrToken => "認証アプリまたはトークン",
    }
}

fn session_idle(minutes: u64) -> String {
    format!(
        "Countersign: このセッションはしばらく操作されていません。何も入力しないと、{minutes}分後に終了します。"
    )
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

/// Says how long and how often setting up can be put off yet.
fn left(days: Option<u64>, times: Option<u32>) -> String {
    match (days, times) {
        (_, Some(0 | 1)) => "これが最後です。次回のログインでは設定が必要です。".to_owned(),
        (Some(days), Some(times)) => {
            format!("延期できるのは、{days}日以内またはログイン{times}回までの、いずれか早い方までです。")
        }
        (Some(days), None) => format!("延期できるのは、{days}日以内です。"),
        (None, Some(times)) => format!("延期できるのは、ログイン{times}回までです。"),
        (None, None) => "今後は確認されません。".to_owned(),
    }
}

/// Says that the clock of a host is or was wrong, and not the code.
fn host_clock_off(minutes: Option<u64>, contact: &str) -> String {
    match minutes {
        None => format!(
            "ホストの時計が狂っていたため、現在アプリの確認コードを受け付けられません。今回の入力は誤りとして数えられていません。別のサインイン方法を使うか、{contact}。"
        ),
        Some(minutes) => format!(
            "このホストの時計が約{minutes}分遅れているため、確認コードを受け付けられません。今回の入力は誤りとして数えられていません。別のサインイン方法を使うか、{contact}。"
        ),
    }
}
