//! Rows: what is written is read, and nothing else is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use countersign_core::account::{FACTOR_LIMIT, HostId, KnownSource};
use countersign_core::contact::{Contacts, EmailAddress, PhoneNumber};
use countersign_core::delivery::{Failure, Progress, Purpose, Recipient, RequestId};
use countersign_core::factor::sent::{Binding, SENT_LIMIT, SentCode};
use countersign_core::factor::totp::{Algorithm, Digits, Period};
use countersign_core::factor::{
    BACKUP_CODES, BackupCodes, Factor, FactorId, FactorKind, FactorState, Hotp, Label, Totp,
};
use countersign_core::invitation::Invitation;
use countersign_core::keyed::CodeHash;
use countersign_core::login::Source;
use countersign_core::remember::{PLACE_LIMIT, Remembered, Skipped};
use countersign_core::secret::Secret;
use countersign_core::sending::{OutboxFacts, SENDS_LIMIT, Send};
use countersign_core::throttle::{Bucket, Counter, Throttle};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::store::conformance::full;

fn ring() -> KeyRing {
    let mut ring = KeyRing::default();
    ring.insert(DataKey::draw(1).unwrap());
    ring
}

fn write(account: &Account, ring: &KeyRing) -> Row {
    Row::of(account, account.revision, ring.key(1).unwrap()).unwrap()
}

fn time() -> impl Strategy<Value = WallTime> {
    (0..=u64::MAX >> 1).prop_map(WallTime::from_seconds)
}

fn counter() -> impl Strategy<Value = Counter> {
    (vec(time(), 0..20), any::<u32>(), any::<u32>(), proptest::option::of(time()))
        .prop_map(|(recent, in_a_row, locks, locked_until)| Counter { recent, in_a_row, locks, locked_until })
}

fn bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![
        Just(Bucket::Console),
        any::<u32>().prop_map(Bucket::Elevation),
        Just(Bucket::KnownSource),
        Just(Bucket::UnknownSource)
    ]
}

fn totp() -> impl Strategy<Value = Totp> {
    let algorithm = prop_oneof![Just(Algorithm::Sha1), Just(Algorithm::Sha256), Just(Algorithm::Sha512)];
    let digits = prop_oneof![Just(Digits::Six), Just(Digits::Eight)];
    let period = prop_oneof![Just(Period::Thirty), Just(Period::Sixty)];
    (vec(any::<u8>(), 0..64), algorithm, digits, period, any::<Option<u64>>()).prop_map(
        |(secret, algorithm, digits, period, last_step)| {
            let secret = Secret::new(secret);
            Totp { secret, algorithm, digits, period, last_step, spent: Vec::new() }
        },
    )
}

fn hotp() -> impl Strategy<Value = Hotp> {
    let digits = prop_oneof![Just(Digits::Six), Just(Digits::Eight)];
    (vec(any::<u8>(), 0..64), digits, any::<u64>(), any::<Option<u64>>()).prop_map(
        |(secret, digits, counter, resync)| Hotp {
            secret: Secret::new(secret),
            digits,
            counter,
            resync,
            is_wide: false,
        },
    )
}

fn hash() -> impl Strategy<Value = CodeHash> {
    any::<[u8; 32]>().prop_map(CodeHash::from_bytes)
}

fn backup_codes() -> impl Strategy<Value = BackupCodes> {
    (time(), vec(hash(), 0..=BACKUP_CODES)).prop_map(|(made, unused)| BackupCodes { made, unused })
}

fn invitation() -> impl Strategy<Value = Invitation> {
    (hash(), time(), any::<u32>()).prop_map(|(hash, expires, wrong)| Invitation { hash, expires, wrong })
}

fn address() -> impl Strategy<Value = EmailAddress> {
    "[a-z'`{|}~!#$%&*+/=?^_-]{0,20}[a-z]@[a-z]{1,20}\\.org"
        .prop_filter_map("an address", |text| EmailAddress::try_from(text.as_str()).ok())
}

fn number() -> impl Strategy<Value = PhoneNumber> {
    "\\+[1-9][0-9]{6,14}".prop_filter_map("a number", |text| PhoneNumber::try_from(text.as_str()).ok())
}

fn recipient() -> impl Strategy<Value = Recipient> {
    prop_oneof![
        address().prop_map(Recipient::Email),
        number().prop_map(Recipient::Sms),
        number().prop_map(Recipient::Call)
    ]
}

fn request() -> impl Strategy<Value = RequestId> {
    any::<[u8; 16]>().prop_map(RequestId)
}

fn span() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, rest)| Duration::new(seconds, rest))
}

prop_compose! {
    fn sent_code()(
        ids in (request(), proptest::option::of(request()), any::<u32>()),
        service in ".{0,20}",
        source in prop_oneof![Just(Source::Local), Just(Source::Unknown), any::<IpAddr>().prop_map(Source::Address)],
        key in proptest::option::of(".{0,20}"),
        hash in hash(),
        times in (any::<u64>(), time(), span(), span()),
        host in "[0-9a-f]{32}",
        tries in (any::<u32>(), any::<u32>()),
        progress in prop_oneof![
            Just(Progress::Queued),
            Just(Progress::Deferred),
            Just(Progress::Sent),
            proptest::sample::select(Failure::ALL.to_vec()).prop_map(Progress::Failed)
        ],
    ) -> SentCode {
        let (request, login, factor) = ids;
        let (wrong, elsewhere) = tries;
        let (epoch, made, since_boot, lifetime) = times;
        SentCode {
            request,
            factor: FactorId(factor),
            binding: Binding { service, source, key, login },
            hash,
            epoch: Epoch(epoch),
            made,
            since_boot,
            host: HostId::try_from(host).unwrap(),
            lifetime,
            wrong,
            elsewhere,
            progress,
        }
    }
}

fn a_send() -> impl Strategy<Value = Send> {
    let purpose = prop_oneof![Just(Purpose::Code), Just(Purpose::Notice), Just(Purpose::Trial)];
    (time(), request(), purpose, any::<bool>()).prop_map(|(at, request, purpose, is_used)| Send {
        at,
        request,
        purpose,
        is_used,
    })
}

prop_compose! {
    fn place()(
        address in any::<IpAddr>(),
        texts in (".{0,20}", proptest::option::of(".{0,20}"), "[a-z ]{1,20}", ".{0,64}"),
        epoch in any::<u64>(),
        times in (time(), time()),
    ) -> Remembered {
        let (service, key, rule, terms) = texts;
        let rule = RuleName::try_from(rule).unwrap();
        Remembered { address, service, key, rule, terms, epoch: Epoch(epoch), since: times.0, until: times.1 }
    }
}

fn skipped() -> impl Strategy<Value = Skipped> {
    ("[a-z ]{1,20}", any::<u32>(), time()).prop_map(|(rule, count, counted)| Skipped {
        rule: RuleName::try_from(rule).unwrap(),
        count,
        counted,
    })
}

fn contacts() -> impl Strategy<Value = Contacts> {
    (proptest::option::of(address()), proptest::option::of(number()))
        .prop_map(|(email, phone)| Contacts { email, phone })
}

fn factor() -> impl Strategy<Value = Factor> {
    let kind = prop_oneof![
        totp().prop_map(FactorKind::Totp),
        hotp().prop_map(FactorKind::Hotp),
        recipient().prop_map(FactorKind::Sent)
    ];
    let state = prop_oneof![
        time().prop_map(|since| FactorState::Pending { since }),
        time().prop_map(|since| FactorState::Active { since })
    ];
    let label = "[a-zA-Zäöü日本\"\\\\{}]{2,12} [0-9]{1,3}"
        .prop_filter_map("a label", |text| Label::try_from(text.as_str()).ok());
    (any::<u32>(), label, state, proptest::option::of(time()), kind).prop_map(
        |(id, label, state, last_used, kind)| Factor { id: FactorId(id), label, state, last_used, kind },
    )
}

prop_compose! {
    fn account()(
        id in any::<[u8; 16]>(),
        realm in "[a-z0-9.:\"\\\\-]{1,40}",
        name in "[^\\p{C}/]{1,20}".prop_filter_map("a name", |text| UserName::try_from(text).ok()),
        numbers in (0..u64::MAX >> 1, 0..=u64::MAX >> 1),
        uids in btree_map("[0-9a-f]{32}", any::<u32>(), 0..3),
        coverage in proptest::option::of(("[a-z ]{1,20}", time())),
        buckets in btree_map(bucket(), counter(), 0..19),
        sources in vec((any::<IpAddr>(), time()), 0..=32),
        factors in vec(factor(), 0..=FACTOR_LIMIT),
        codes in (proptest::option::of(backup_codes()), proptest::option::of(invitation()), any::<bool>()),
        contacts in contacts(),
        sending in (vec(sent_code(), 0..=SENT_LIMIT), vec(a_send(), 0..=20)),
        put_off in (vec(place(), 0..=PLACE_LIMIT), proptest::option::of(skipped())),
        code_key in any::<[u8; 32]>(),
        changed in time(),
    ) -> Account {
        Account {
            id: AccountId(id),
            key: AccountKey {
                realm: Realm::try_from(realm).unwrap(),
                name,
            },
            revision: Revision(numbers.0),
            epoch: Epoch(numbers.1),
            uids: uids.into_iter().map(|(host, uid)| (HostId::try_from(host).unwrap(), uid)).collect::<BTreeMap<_, _>>(),
            coverage: coverage.map(|(rule, since)| Coverage { rule: RuleName::try_from(rule).unwrap(), since }),
            throttle: Throttle { buckets },
            known_sources: sources.into_iter().map(|(address, last)| KnownSource { address, last }).collect(),
            factors,
            backup_codes: codes.0,
            invitation: codes.1,
            chosen: codes.2,
            contacts,
            sent: sending.0,
            sends: sending.1,
            remembered: put_off.0,
            skipped: put_off.1,
            era: 0,
            is_doubtful: false,
            trust: countersign_core::restore::Trust::Whole,
            held: None,
            void_before: WallTime::default(),
            outbox: OutboxFacts::default(),
            code_key: Secret::new(code_key),
            changed,
        }
    }
}

/// Seals these bytes into a row, as a service of another version would.
fn forge(document: &str, plain: &[u8], ring: &KeyRing) -> Row {
    let mut row = write(&full("alice"), ring);
    document.clone_into(&mut row.document);
    row.sealed = ring.key(1).unwrap().seal(row.place(&row.digest()), plain).unwrap();
    row
}

fn is_unreadable(outcome: &Result<Account, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unreadable(_)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_account_is_read_as_it_was_written(account in account()) {
        let ring = ring();
        prop_assert_eq!(write(&account, &ring).read(&ring).unwrap(), account);
    }

    #[test]
    fn random_rows_are_refused_without_panic(
        document in ".{0,200}",
        sealed in vec(any::<u8>(), 0..200),
        numbers in any::<(i64, i64, i64, u32)>(),
        names in (".{0,20}", ".{0,20}"),
        coverage in proptest::option::of((".{0,5}", any::<i64>())),
    ) {
        let (revision, epoch, changed, data_key) = numbers;
        let (realm, name) = names;
        let row = Row { id: [0; 16], realm, name, revision, epoch, coverage, changed, data_key, document, sealed };
        prop_assert!(row.read(&ring()).is_err());
        let row = Row { data_key: 1, ..row };
        prop_assert!(is_unreadable(&row.read(&ring())));
    }

    #[test]
    fn random_documents_under_a_right_seal_are_refused_without_panic(
        document in ".{0,200}",
        plain in vec(any::<u8>(), 0..200),
    ) {
        let ring = ring();
        let account = full("alice");
        let (whole, secrets) = (write(&account, &ring).document, secrets::write(&account).unwrap());
        prop_assert!(is_unreadable(&forge(&document, &secrets, &ring).read(&ring)));
        prop_assert!(is_unreadable(&forge(&whole, &plain, &ring).read(&ring)));
    }

    #[test]
    fn a_document_with_one_byte_changed_is_never_a_panic(position in any::<prop::sample::Index>(), byte in 32_u8..127) {
        let ring = ring();
        let account = full("alice");
        let secrets = secrets::write(&account).unwrap();
        let mut document = write(&account, &ring).document.replace(|letter: char| !letter.is_ascii(), "x").into_bytes();
        let position = position.index(document.len());
        document[position] = byte;
        let row = forge(std::str::from_utf8(&document).unwrap(), &secrets, &ring);
        prop_assert!(row.read(&ring).is_ok() || is_unreadable(&row.read(&ring)));
    }
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let ring = ring();
    let account = full("alice");
    let (document, secrets) = (write(&account, &ring).document, secrets::write(&account).unwrap());
    let newer = document.replacen("\"version\":3", "\"version\":4,\"new\":[]", 1);
    let refused = forge(&newer, &secrets, &ring).read(&ring).unwrap_err().to_string();
    assert!(refused.contains("version 4"), "{refused}");
    let newer = String::from_utf8(secrets.to_vec()).unwrap().replacen("\"version\":2", "\"version\":3", 1);
    let refused = forge(&document, newer.as_bytes(), &ring).read(&ring).unwrap_err().to_string();
    assert!(refused.contains("version 3"), "{refused}");
}

#[test]
fn who_was_never_sent_anything_can_be_read_by_an_older_service() {
    let ring = ring();
    let mut account = full("alice");
    account.factors.retain(|factor| !matches!(factor.kind, FactorKind::Sent(_)));
    account.contacts = Contacts::default();
    account.sent.clear();
    account.sends.clear();
    account.remembered.clear();
    account.skipped = None;
    (account.era, account.is_doubtful) = (0, false);
    let secrets = |account: &Account| String::from_utf8(secrets::write(account).unwrap().to_vec()).unwrap();
    for text in [write(&account, &ring).document, secrets(&account)] {
        assert!(text.contains("\"version\":1"), "{text}");
        for word in ["sent", "sends", "remembered", "skipped", "email", "phone\":\"+"] {
            assert!(!text.contains(word), "{word}");
        }
    }
    account.contacts = full("alice").contacts;
    assert!(secrets(&account).contains("\"version\":2"));
    account.skipped = full("alice").skipped;
    assert!(write(&account, &ring).document.contains("\"version\":2"));
    account.sent = full("alice").sent;
    assert!(write(&account, &ring).document.contains("\"version\":3"));
    account.sent.retain(|code| code.elsewhere == 0 && code.progress != Progress::Deferred);
    assert!(!account.sent.is_empty() && write(&account, &ring).document.contains("\"version\":2"));
}

#[test]
fn what_a_fault_of_a_clock_or_a_counter_leaves_is_kept_and_makes_a_version_of_its_own() {
    let ring = ring();
    let mut app = full("alice");
    let mut token = app.clone();
    for factor in &mut app.factors {
        if let FactorKind::Totp(totp) = &mut factor.kind {
            totp.spent = vec![59_000_000, 59_000_007];
        }
    }
    for factor in &mut token.factors {
        if let FactorKind::Hotp(hotp) = &mut factor.kind {
            hotp.is_wide = true;
        }
    }
    for account in [app, token] {
        let row = write(&account, &ring);
        assert!(row.document.contains("\"version\":3"), "{}", row.document);
        assert_eq!(row.read(&ring).unwrap(), account);
    }
}

#[test]
fn addresses_and_numbers_stand_under_the_seal_only() {
    let row = write(&full("alice"), &ring());
    for text in ["alice@", "example.org", "example.com", "4930123456"] {
        assert!(!row.document.contains(text), "{text}");
    }
}

#[test]
fn an_account_with_full_lists_of_long_names_fits_into_a_row() {
    let ring = ring();
    let mut account = full("alice");
    let long = "\u{20ac}".repeat(85); // 255 bytes
    account.sends = vec![account.sends[0]; SENDS_LIMIT];
    account.remembered = vec![
        Remembered {
            service: long.clone(),
            key: Some("x".repeat(64)),
            rule: RuleName::try_from(long.as_str()).unwrap(),
            terms: "0".repeat(64),
            ..account.remembered[0].clone()
        };
        PLACE_LIMIT
    ];
    account.sent.resize(SENT_LIMIT, account.sent[0].clone());
    for code in &mut account.sent {
        code.binding.service.clone_from(&long);
        code.binding.key = Some("x".repeat(64));
    }
    account.factors.resize(FACTOR_LIMIT, account.factors[0].clone());
    account.known_sources.resize(32, account.known_sources[1]);
    let counter = Counter { recent: vec![WallTime::from_seconds(1_700_000_000); 20], ..Counter::default() };
    account.throttle.buckets.extend((0..16).map(|uid| (Bucket::Elevation(uid), counter.clone())));
    let row = write(&account, &ring);
    assert!(row.document.len() < DOCUMENT_LIMIT / 2 + 8192, "{}", row.document.len());
    assert_eq!(row.read(&ring).unwrap(), Account { revision: account.revision, ..account });
}

#[test]
fn more_codes_sends_or_places_than_a_person_may_have_are_refused() {
    let ring = ring();
    let account = full("alice");
    let many = [
        Account { sends: vec![account.sends[0]; SENDS_LIMIT + 1], ..account.clone() },
        Account { sent: vec![account.sent[0].clone(); SENT_LIMIT + 1], ..account.clone() },
        Account { remembered: vec![account.remembered[0].clone(); PLACE_LIMIT + 1], ..account },
    ];
    for account in many {
        assert!(is_unreadable(&write(&account, &ring).read(&ring)));
    }
}

#[test]
fn unknown_fields_wrong_values_and_mixed_up_factors_are_refused() {
    let ring = ring();
    let account = full("alice");
    let (document, secrets) = (write(&account, &ring).document, secrets::write(&account).unwrap());
    let edits = [
        ("\"version\":3", "\"version\":3,\"unknown\":1"),
        ("\"version\":3", "\"version\":0"),
        ("\"queued\"", "\"lost\""),
        ("\"notice\"", "\"advert\""),
        ("\"since_boot\":[1000,500]", "\"since_boot\":[1000,1000000000]"),
        ("\"request\":\"09", "\"request\":\"0g"),
        ("\"count\":2", "\"count\":-2"),
        ("\"digits\":6", "\"digits\":7"),
        ("\"period\":30", "\"period\":31"),
        ("\"sha1\"", "\"md5\""),
        ("\"phone\"", "\"a\\nb\""),
        ("\"id\":1", "\"id\":3"),
        ("\"known-source\"", "\"console\""),
        ("\"address\":\"198.51.100.7\"", "\"address\":\"host\""),
        ("{\"elevation\":1000}", "{\"elevation\":-1}"),
    ];
    for (from, to) in edits {
        let edited = document.replacen(from, to, 1);
        assert_ne!(edited, document, "{from}");
        assert!(is_unreadable(&forge(&edited, &secrets, &ring).read(&ring)), "{to}");
    }
    assert!(forge(&document, &secrets, &ring).read(&ring).is_ok());
}

#[test]
fn a_document_from_before_backup_codes_and_invitations_is_read() {
    let ring = ring();
    let account = full("alice");
    let (mut document, secrets) = (write(&account, &ring).document, secrets::write(&account).unwrap());
    let start = document.find(",\"backup_codes\"").unwrap();
    document.truncate(start);
    document.push('}');
    let read = forge(&document, &secrets, &ring).read(&ring).unwrap();
    assert_eq!((read.backup_codes, read.invitation, read.chosen), (None, None, false));
    assert_eq!(read.factors, account.factors);
}

#[test]
fn codes_that_are_not_as_written_are_refused() {
    let ring = ring();
    let account = full("alice");
    let (document, secrets) = (write(&account, &ring).document, secrets::write(&account).unwrap());
    let hash = data_encoding::BASE64.encode(&[7; 32]);
    let many = format!("\"unused\":[{}\"{hash}\"]", format!("\"{hash}\",").repeat(10));
    for (from, to) in [
        (format!("\"unused\":[\"{hash}\"]"), many),
        (format!("[\"{hash}\"]"), "[\"BwcH\"]".to_owned()),
        (format!("[\"{hash}\"]"), "[\"?\"]".to_owned()),
        ("\"wrong\":2".to_owned(), "\"wrong\":-2".to_owned()),
        ("\"chosen\":true".to_owned(), "\"chosen\":1".to_owned()),
        ("\"counter\":41".to_owned(), "\"counter\":\"41\"".to_owned()),
    ] {
        let edited = document.replacen(&from, &to, 1);
        assert_ne!(edited, document, "{from}");
        assert!(is_unreadable(&forge(&edited, &secrets, &ring).read(&ring)), "{to}");
    }
}

#[test]
fn errors_do_not_repeat_what_stands_in_a_row() {
    let ring = ring();
    let account = full("alice");
    let secrets = secrets::write(&account).unwrap();
    let text = String::from_utf8(secrets.to_vec()).unwrap().replace("code_key", "code_kex");
    let refused = forge(&write(&account, &ring).document, text.as_bytes(), &ring).read(&ring).unwrap_err();
    let shown = format!("{refused} {refused:?}");
    assert!(!shown.contains("AQEBAQ") && !shown.contains("phone"), "{shown}");
}

#[test]
fn an_account_larger_than_a_row_may_be_is_refused_when_it_is_written() {
    let ring = ring();
    let mut account = full("alice");
    let counter =
        Counter { recent: vec![WallTime::from_seconds(1_700_000_000); 10_000], ..Counter::default() };
    account.throttle.buckets.insert(Bucket::Console, counter);
    assert!(Row::of(&account, Revision(1), ring.key(1).unwrap()).is_err());
    account.throttle.buckets.clear();
    account.epoch = Epoch(u64::MAX);
    assert!(Row::of(&account, Revision(1), ring.key(1).unwrap()).is_err());
}

#[test]
fn a_row_resealed_is_the_same_account_under_the_newest_key_only() {
    let mut ring = ring();
    let account = full("alice");
    let mut row = write(&account, &ring);
    ring.insert(DataKey::draw(2).unwrap());
    row.reseal(&ring, ring.key(2).unwrap()).unwrap();
    ring.keep_only(&[2]);
    assert_eq!(row.data_key, 2);
    assert_eq!(row.read(&ring).unwrap(), account);
    row.data_key = 1;
    assert!(matches!(row.read(&ring), Err(StoreError::Key(_))));
}
