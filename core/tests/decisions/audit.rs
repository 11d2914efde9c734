//! The canonical record and the chain (row H9, A52).

use countersign_core::account::{Account, Revision};
use countersign_core::audit::retention::{Retention, cut};
use countersign_core::audit::{
    AuditEvent, CHAIN_START, ChainBreak, Damage, EventId, LoginFacts, Mark, Span, Subject, TEXT_LIMIT,
    check_end, follow, link,
};
use countersign_core::factor::FactorState;
use countersign_core::login::{Groups, Phase, PublicKey};
use proptest::prelude::*;

use crate::people::{account, at, factor, from, host, person, policy, request, stranger};

#[test]
fn the_name_of_an_event_is_what_the_record_says() {
    for event in EventId::ALL {
        assert_eq!(serde_json::to_string(&event).unwrap(), format!("\"{}\"", event.name()));
    }
    assert_eq!(EventId::LoginLockedOut.name(), "login-locked-out");
}

#[test]
fn a_record_is_one_line_in_a_fixed_order() {
    let mut event = AuditEvent::for_person(
        EventId::UserReset,
        at(1_790_000_000),
        &host(),
        &person("alice", 1000, &[]),
        &account("alice"),
        "uid:1001 (dora)",
    );
    event.reason = Some("lost phone".to_owned());
    assert_eq!(
        event.canonical(),
        "{\"event\":\"user-reset\",\"at\":1790000000,\"host\":\"lab1\",\
         \"subject\":{\"user\":\"alice\",\"realm\":\"local:0123456789abcdef\"},\
         \"actor\":\"uid:1001 (dora)\",\"reason\":\"lost phone\"}"
    );
}

#[test]
fn what_steers_a_terminal_or_forges_a_line_is_escaped_and_read_back() {
    let mut event = AuditEvent::new(EventId::LoginDenied, at(1), "lab1", "self");
    let nasty = "a\n{\"event\":\"login-allowed\"}\r\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}\u{e0041}\"\\ü🙂";
    event.reason = Some(nasty.to_owned());
    let canonical = event.canonical();
    for character in ['\n', '\r', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}', '\u{e0041}'] {
        assert!(!canonical.contains(character), "{character:?}");
    }
    assert!(canonical.contains("ü🙂"), "names stay readable");
    assert_eq!(AuditEvent::from_canonical(&canonical).unwrap().reason.as_deref(), Some(nasty));
}

#[test]
fn a_record_of_a_later_version_is_read_and_anything_else_is_an_error() {
    let later = "{\"event\":\"login-denied\",\"at\":1,\"host\":\"lab1\",\"actor\":\"self\",\"mood\":\"sad\"}";
    assert_eq!(AuditEvent::from_canonical(later).unwrap().event, EventId::LoginDenied);
    for bad in ["", "{}", "[]", "{\"event\":\"made-up\",\"at\":1,\"host\":\"\",\"actor\":\"\"}", "\u{0}"] {
        assert!(AuditEvent::from_canonical(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_record_of_a_login_holds_every_matcher_input_and_no_secret() {
    let mut request =
        request(person("alice", 1000, &["staff", "admins"]), "sshd", from("::ffff:198.51.100.7"));
    request.phase = Phase::Account;
    request.tty = Some("ssh".to_owned());
    request.requesting_uid = Some(1001);
    request.person.groups = Groups::Incomplete(request.person.groups.names().to_vec());
    let key = PublicKey { algorithm: "ssh-ed25519".to_owned(), fingerprint: "SHA256:abc".to_owned() };
    request.ssh.public_key = Some(key);
    let mut account = account("alice");
    account.revision = Revision(3);
    account.factors.push(factor(1, FactorState::Active { since: at(1) }));
    let policy = policy(vec![]);
    let event = AuditEvent::for_login(
        EventId::LoginDenied,
        at(9),
        &request,
        &account,
        &policy,
        &policy.decide(&request),
    );
    let facts = LoginFacts {
        uid: Some(1000),
        origin: "local".to_owned(),
        groups: vec!["staff".to_owned(), "admins".to_owned()],
        groups_complete: false,
        service: "sshd".to_owned(),
        phase: "account".to_owned(),
        source: "198.51.100.7".to_owned(),
        tty: Some("ssh".to_owned()),
        key_type: Some("ssh-ed25519".to_owned()),
        requesting_uid: Some(1001),
    };
    let subject = Subject {
        user: "alice".to_owned(),
        realm: "local:0123456789abcdef".to_owned(),
        account: Some(account.id.to_string()),
    };
    let expected = AuditEvent {
        subject: Some(subject),
        login: Some(facts),
        policy: Some("d1ge57".to_owned()),
        rule: Some("default".to_owned()),
        ..AuditEvent::new(EventId::LoginDenied, at(9), "lab1", "self")
    };
    assert_eq!(event, expected);
}

#[test]
fn a_person_without_an_account_has_no_account_id_in_the_record() {
    let request = request(stranger("nobody-here"), "sshd", countersign_core::login::Source::Unknown);
    let policy = policy(vec![]);
    let event = AuditEvent::for_login(
        EventId::LoginDenied,
        at(9),
        &request,
        &account("nobody-here"),
        &policy,
        &policy.decide(&request),
    );
    assert_eq!(event.subject.unwrap().account, None);
    let facts = event.login.unwrap();
    assert_eq!((facts.uid, facts.origin.as_str(), facts.source.as_str()), (None, "unknown", "unknown"));
}

#[test]
fn the_record_of_the_commit_that_makes_an_account_has_its_id() {
    let account = Account { changed: at(9), ..account("alice") };
    let event = AuditEvent::for_person(
        EventId::EnrollmentBegun,
        at(9),
        &host(),
        &person("alice", 1000, &[]),
        &account,
        "self",
    );
    assert_eq!(event.subject.unwrap().account, Some(account.id.to_string()));
}

#[test]
fn what_a_caller_says_is_recorded_to_a_limit() {
    let mut request = request(person("alice", 1000, &[]), &"s".repeat(16_000), from("198.51.100.7"));
    request.tty = Some("t".repeat(16_000));
    request.ssh.public_key = Some(PublicKey { algorithm: "k".repeat(16_000), fingerprint: String::new() });
    let policy = policy(vec![]);
    let event = AuditEvent::for_login(
        EventId::LoginDenied,
        at(9),
        &request,
        &account("alice"),
        &policy,
        &policy.decide(&request),
    );
    assert!(event.canonical().len() < 5 * TEXT_LIMIT, "{}", event.canonical().len());
}

#[test]
fn a_link_is_the_sha_256_of_the_previous_link_and_the_record() {
    // (head -c 32 /dev/zero; printf abc) | sha256sum
    let expected = "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370";
    let chained = link(&CHAIN_START, "abc");
    assert_eq!(chained.map(|byte| format!("{byte:02x}")).concat(), expected);
    assert_ne!(chained, link(&[1; 32], "abc"));
    assert_ne!(chained, link(&CHAIN_START, "abd"));
}

type Record = (u64, String, [u8; 32]);

fn chain(texts: &[String]) -> Vec<Record> {
    let mut head = CHAIN_START;
    (1..)
        .zip(texts)
        .map(|(sequence, text)| {
            head = link(&head, text);
            (sequence, text.clone(), head)
        })
        .collect()
}

fn mark(record: &Record) -> Mark {
    Mark { sequence: record.0, link: record.2 }
}

fn lend(records: &[Record]) -> impl Iterator<Item = (u64, &str, [u8; 32])> {
    records.iter().map(|(sequence, text, link)| (*sequence, text.as_str(), *link))
}

fn three() -> Vec<Record> {
    chain(&["one".to_owned(), "two".to_owned(), "three".to_owned()])
}

/// Follows records to where the chain of three ends.
fn verified(records: &[Record], head: &Mark, known: Option<&Mark>) -> Result<(), ChainBreak> {
    follow(Mark::default(), lend(records), known).and_then(|reached| check_end(&reached, head, known))
}

fn break_of(records: &[Record]) -> Option<(u64, Damage)> {
    verified(records, &mark(&three()[2]), None).err().map(|broken| (broken.sequence, broken.damage))
}

#[test]
fn a_whole_chain_holds_from_its_start_and_from_any_anchor() {
    let records = three();
    assert_eq!(follow(Mark::default(), lend(&records), None), Ok(mark(&records[2])));
    assert_eq!(follow(mark(&records[0]), lend(&records[1..]), None), Ok(mark(&records[2])));
    assert_eq!(follow(Mark::default(), std::iter::empty(), None), Ok(Mark::default()));
    assert_eq!(break_of(&records), None);
}

#[test]
fn edited_deleted_reordered_and_missing_records_show_with_their_number() {
    let mut edited = three();
    edited[1].1 = "tvo".to_owned();
    assert_eq!(break_of(&edited), Some((2, Damage::Altered)));
    let mut deleted = three();
    deleted.remove(1);
    assert_eq!(break_of(&deleted), Some((2, Damage::Missing)));
    let mut renumbered = deleted;
    renumbered[1].0 = 2;
    assert_eq!(break_of(&renumbered), Some((2, Damage::Altered)));
    let mut reordered = three();
    reordered.swap(0, 1);
    (reordered[0].0, reordered[1].0) = (1, 2);
    assert_eq!(break_of(&reordered), Some((1, Damage::Altered)));
    assert_eq!(break_of(&three()[..2]), Some((3, Damage::CutOff)), "the end is missing");
    assert_eq!(break_of(&three()[1..]), Some((1, Damage::Missing)), "the beginning is missing");
    assert_eq!(break_of(&[]), Some((1, Damage::CutOff)));
    let forged = chain(&["one".to_owned(), "forged".to_owned(), "three".to_owned()]);
    assert_eq!(break_of(&forged), Some((3, Damage::Altered)), "it does not end in the known head");
    let more = chain(&["one".to_owned(), "two".to_owned(), "three".to_owned(), "four".to_owned()]);
    assert_eq!(break_of(&more), Some((4, Damage::Added)));
}

#[test]
fn a_mark_from_the_log_shows_a_chain_that_was_written_anew_or_cut_off_with_its_end() {
    let known = mark(&three()[1]);
    assert_eq!(verified(&three(), &mark(&three()[2]), Some(&known)), Ok(()));
    let anew = chain(&["one".to_owned(), "forged".to_owned(), "three".to_owned()]);
    let broken = |sequence, damage| Err(ChainBreak { sequence, damage });
    assert_eq!(verified(&anew, &mark(&anew[2]), Some(&known)), broken(2, Damage::Replaced));
    let cut = &three()[..1];
    assert_eq!(verified(cut, &mark(&cut[0]), Some(&known)), broken(2, Damage::CutOff));
    assert_eq!(verified(cut, &mark(&cut[0]), None), Ok(()), "without the mark this does not show");
    assert_eq!(verified(&[], &Mark::default(), Some(&known)), broken(1, Damage::CutOff));
}

#[test]
fn a_mark_survives_its_text_and_nothing_else_is_one() {
    let mark = mark(&three()[1]);
    assert_eq!(mark.to_string().parse(), Ok(mark));
    let hex = "0".repeat(64);
    assert_eq!(format!("0:{hex}").parse(), Ok(Mark::default()));
    for wrong in [
        String::new(),
        "7".to_owned(),
        format!("{hex}:7"),
        format!("-1:{hex}"),
        format!("+1:{hex}"),
        format!("1:{hex}0"),
        format!("1:+{}", &hex[1..]),
        format!("1:ü{}", &hex[2..]),
        format!("99999999999999999999:{hex}"),
    ] {
        assert!(wrong.parse::<Mark>().is_err(), "{wrong}");
    }
}

const DAY: u64 = 24 * 60 * 60;

/// What goes of a chain whose records are so many days old, the oldest first.
fn cut_of(ages: &[u64], most: u64) -> Option<u64> {
    let now = 1000 * DAY;
    let retention = Retention { most, ..Retention::default() };
    let head = Mark { sequence: u64::try_from(ages.len()).unwrap(), ..Mark::default() };
    let records = (1..).zip(ages).map(|(sequence, age)| (sequence, Some(at(now - age * DAY))));
    cut(&Span { head, ..Span::default() }, records, &retention, at(now))
}

#[test]
fn a_record_of_a_clock_that_was_ahead_goes_with_those_after_it() {
    let now = 1000 * DAY;
    let of = |times: [u64; 4]| {
        let head = Mark { sequence: 4, ..Mark::default() };
        let records = (1..).zip(times).map(|(sequence, time)| (sequence, Some(at(time))));
        cut(&Span { head, ..Span::default() }, records, &Retention::default(), at(now))
    };
    assert_eq!(of([now - 500 * DAY, now + 3650 * DAY, now - 450 * DAY, now]), Some(3));
    assert_eq!(of([now - 500 * DAY, now + 3650 * DAY, now - 3 * DAY, now]), Some(1), "it may be as young");
}

#[test]
fn what_is_older_than_400_days_goes_from_the_beginning() {
    assert_eq!(cut_of(&[500, 401, 400, 3], 100), Some(2));
    assert_eq!(cut_of(&[400, 399], 100), None);
    assert_eq!(cut_of(&[500, 10, 450, 3], 100), Some(1), "what lies behind a younger one stays");
    assert_eq!(cut_of(&[500], 100), None, "the newest record stays");
    assert_eq!(cut_of(&[], 100), None);
    let unreadable = [(1, None), (2, Some(at(0)))].into_iter();
    let head = Mark { sequence: 9, ..Mark::default() };
    let span = Span { head, ..Span::default() };
    assert_eq!(cut(&span, unreadable, &Retention::default(), at(1000 * DAY)), None);
}

#[test]
fn too_many_records_go_but_a_flood_takes_nothing_of_the_last_thirty_days() {
    assert_eq!(cut_of(&[90, 80, 70, 3, 2, 1], 4), Some(2));
    assert_eq!(cut_of(&[90, 31, 30, 29, 2, 1], 2), Some(2));
    assert_eq!(cut_of(&[0; 50], 2), None);
}

fn any_event() -> impl Strategy<Value = AuditEvent> {
    let text = || any::<String>();
    let login = (
        text(),
        proptest::collection::vec(text(), 0..4),
        text(),
        proptest::option::of(text()),
        any::<bool>(),
    )
        .prop_map(|(service, groups, source, tty, groups_complete)| LoginFacts {
            uid: Some(1000),
            origin: "local".to_owned(),
            groups,
            groups_complete,
            service,
            phase: "auth".to_owned(),
            source,
            tty,
            key_type: None,
            requesting_uid: None,
        });
    let subject = (text(), text()).prop_map(|(user, realm)| Subject { user, realm, account: None });
    (
        proptest::sample::select(&EventId::ALL[..]),
        any::<u64>(),
        text(),
        proptest::option::of(subject),
        proptest::option::of(login),
        proptest::option::of(text()),
        proptest::option::of(any::<u32>()),
    )
        .prop_map(|(event, seconds, actor, subject, login, reason, attempts)| AuditEvent {
            subject,
            login,
            reason,
            attempts,
            ..AuditEvent::new(event, at(seconds), "lab1", &actor)
        })
}

proptest! {
    #[test]
    fn any_record_is_one_printable_line_and_read_back_the_same(event in any_event()) {
        let canonical = event.canonical();
        prop_assert!(canonical.chars().all(countersign_core::printable::is_printable));
        let read = AuditEvent::from_canonical(&canonical).unwrap();
        prop_assert_eq!(read.canonical(), canonical);
        prop_assert_eq!(read, event);
    }

    #[test]
    fn a_change_of_any_single_byte_breaks_the_chain(
        texts in proptest::collection::vec("[ -~]{1,20}", 1..6), record in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(), flip in 1_u8..=255, in_link in any::<bool>(),
    ) {
        let mut records = chain(&texts);
        let head = mark(records.last().unwrap());
        let position = record.index(records.len());
        if in_link {
            records[position].2[byte.index(32)] ^= flip;
        } else {
            let mut bytes = records[position].1.clone().into_bytes();
            let index = byte.index(bytes.len());
            bytes[index] ^= flip & 0x7f | 1; // stays ASCII, and changes
            records[position].1 = String::from_utf8(bytes).unwrap();
        }
        let broken = verified(&records, &head, None).unwrap_err();
        prop_assert_eq!(broken.sequence, u64::try_from(position).unwrap() + 1);
    }
}
