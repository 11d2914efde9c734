//! What makes a login easier holds only as long as every single condition of it does: a code given in the same session (row
//! L16), a security key (row M10).

use std::time::Duration;

use countersign_core::account::Epoch;
use countersign_core::conversation::login::{Course, Login, foresee};
use countersign_core::conversation::{Effect, Event, State, Verdict};
use countersign_core::factor::{FactorState, Method};
use countersign_core::login::{
    AuditSession, FirstFactor, Fresh, Groups, LoginRequest, Phase, PublicKey, Source,
};
use countersign_core::policy::{Accepted, Enrollment, Matcher, Requirement, Rule};
use countersign_core::throttle::Bucket;
use countersign_core::time::WallTime;
use proptest::prelude::*;

use crate::phone::Phone;
use crate::world::{START, World, person, ssh_login, stranger};

const LIMIT: Duration = Duration::from_mins(15);

/// A world in which alice has given a code in session 3, and her login by sudo there.
fn fresh() -> (World, LoginRequest) {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.default.fresh_for = Some(LIMIT);
    let alice = person("alice", 1000);
    let _ = world.enroll(&alice, "phone");
    let mut account = world.load(&alice);
    account.epoch = Epoch(7);
    world.store(account);
    let fresh = Fresh { epoch: Epoch(7), age: LIMIT };
    let request = LoginRequest {
        service: "sudo".into(),
        source: Source::Local,
        requesting_uid: Some(1000),
        session: AuditSession::of(3),
        fresh: Some(fresh),
        ..ssh_login(alice)
    };
    (world, request)
}

/// A login by a key that a rule accepts.
fn by_key() -> (World, LoginRequest) {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.default.accept = vec![Accepted::SshSecurityKey];
    let mut request = ssh_login(person("alice", 1000));
    request.ssh.public_key = Some(key("sk-ssh-ed25519@openssh.com"));
    (world, request)
}

fn key(algorithm: &str) -> PublicKey {
    PublicKey { algorithm: algorithm.to_owned(), fingerprint: "SHA256:x".to_owned() }
}

fn passes_for(world: &mut World, request: &LoginRequest, reason: &str) -> bool {
    let (account, now) = (world.load(&request.person), world.now());
    let foresight = foresee(request.clone(), &world.policy(), &account, now);
    let (_, reply) = world.turn(&Login::begin(request.clone(), world.policy()), Event::Begun);
    let is_in = matches!(reply.expect("a reply").state, State::Verdict(Verdict::Allow | Verdict::Skip));
    let is_foretold = foresight.outcome() == (Course::Pass, Some(reason));
    assert_eq!(is_in, foresight.outcome().0 == Course::Pass);
    is_in && is_foretold
}

type Change = (&'static str, fn(&mut World, &mut LoginRequest));

/// A change of the scene, after which the login is asked like any other.
const OF_EITHER: [Change; 5] = [
    ("a caller who is not root", |_, request| request.caller_uid = 1000),
    ("the phase that does not ask", |_, request| request.phase = Phase::Account),
    ("somebody unknown", |_, request| request.person = stranger("alice")),
    ("a uid that changed", |_, request| request.person = person("alice", 2000)),
    ("groups that are not all known, with another rule", |world, request| {
        request.person.groups = Groups::Incomplete(Vec::new());
        let matcher = Matcher { groups: vec!["staff".into()], ..Matcher::default() };
        let name = "staff".try_into().expect("a name");
        world.policy.rules = vec![Rule { name, matcher, ..world.policy.default.clone() }];
    }),
];

const OF_FRESH: [Change; 12] = [
    ("another epoch", |_, request| {
        request.fresh = Some(Fresh { epoch: Epoch(8), age: Duration::ZERO });
    }),
    ("beyond the time", |_, request| {
        let age = LIMIT.saturating_add(Duration::from_millis(1));
        request.fresh = Some(Fresh { epoch: Epoch(7), age });
    }),
    ("no code", |_, request| request.fresh = None),
    ("no session", |_, request| request.session = None),
    ("a service that begins sessions, started from within one", |_, request| {
        request.service = "sshd".into();
        request.requesting_uid = None;
    }),
    ("a rule that asks each time", |world, _| world.policy.default.fresh_for = None),
    ("a first factor that may fail late", |_, request| request.first_factor = FirstFactor::Late),
    ("a lock", |world, request| {
        let mut account = world.load(&request.person);
        let limits = world.policy.settings.limits;
        for _ in 0..limits.failures {
            let _ = account.throttle.charge(Bucket::Elevation(1000), world.wall, &limits);
        }
        world.store(account);
    }),
    ("nothing to give a code with", |world, _| world.policy.default.methods = vec![Method::Email]),
    ("an enrollment that is void", |world, _| world.policy.default.enrolled_after = Some(world.wall)),
    ("an enrollment that is void for all", |world, _| world.policy.enrolled_after = Some(world.wall)),
    ("an epoch before", |_, request| {
        request.fresh = Some(Fresh { epoch: Epoch(6), age: Duration::ZERO });
    }),
];

const OF_KEY: [Change; 6] = [
    ("another service", |_, request| request.service = "login".into()),
    ("no key", |_, request| request.ssh.public_key = None),
    ("an ordinary key", |_, request| request.ssh.public_key = Some(key("ssh-ed25519"))),
    ("a key type in other letters", |_, request| {
        request.ssh.public_key = Some(key("SK-SSH-ED25519@openssh.com"));
    }),
    ("a key type with more behind it", |_, request| {
        request.ssh.public_key = Some(key("sk-ssh-ed25519@openssh.com.example.org"));
    }),
    ("a rule that takes none", |world, _| world.policy.default.accept = Vec::new()),
];

#[test]
fn a_code_given_in_the_session_is_enough_only_while_nothing_has_changed() {
    let (mut world, request) = fresh();
    assert!(passes_for(&mut world, &request, "fresh"));
    for (why, change) in OF_EITHER.into_iter().chain(OF_FRESH) {
        let (mut world, mut request) = fresh();
        change(&mut world, &mut request);
        assert!(!passes_for(&mut world, &request, "fresh"), "{why}");
    }
}

#[test]
fn a_security_key_stands_for_a_code_only_where_sshd_itself_says_so_and_the_rule_takes_it() {
    for algorithm in [
        "sk-ssh-ed25519@openssh.com",
        "sk-ssh-ed25519-cert-v01@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    ] {
        let (mut world, mut request) = by_key();
        request.ssh.public_key = Some(key(algorithm));
        assert!(passes_for(&mut world, &request, "ssh-security-key"), "{algorithm}");
    }
    let (mut world, mut request) = by_key();
    (request.service, request.ssh.is_server) = ("sshd-sftp".into(), true);
    assert!(passes_for(&mut world, &request, "ssh-security-key"), "sshd under another name");
    for (why, change) in OF_EITHER.into_iter().chain(OF_KEY) {
        let (mut world, mut request) = by_key();
        // So that a changed uid has something to differ from.
        let _ = world.enroll(&person("alice", 1000), "phone");
        change(&mut world, &mut request);
        assert!(!passes_for(&mut world, &request, "ssh-security-key"), "{why}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_code_of_another_epoch_or_beyond_the_time_of_the_rule_is_never_fresh(
        epoch in 5_u64..9,
        age in 0_u64..100_000,
        limit in prop_oneof![Just(None), (60_u64..100_000).prop_map(Some)],
    ) {
        let (mut world, mut request) = fresh();
        world.policy.default.fresh_for = limit.map(Duration::from_secs);
        request.fresh = Some(Fresh { epoch: Epoch(epoch), age: Duration::from_secs(age) });
        let within = limit.is_some_and(|limit| age <= limit.min(12 * 60 * 60));
        prop_assert_eq!(passes_for(&mut world, &request, "fresh"), epoch == 7 && within);
    }
}

/// Tells which effects of one answer say that a code was given.
fn given(world: &mut World, request: &LoginRequest, answer: Option<&str>) -> Vec<Epoch> {
    let begun = Login::begin(request.clone(), world.policy());
    let event = |answer: &str| Event::Answered(answer.to_owned().into());
    let conversation = if answer.is_some() { world.turn(&begun, Event::Begun).0 } else { begun };
    let account = world.load(&request.person);
    let now = world.now();
    let turn = conversation.decide(answer.map_or(Event::Begun, event), &account, now, &mut world.entropy);
    let given = turn.effects.iter().filter_map(|effect| match effect {
        Effect::CodeGiven(epoch) => Some(*epoch),
        Effect::Commit(_) | Effect::Record(_) | Effect::Reply(_) | Effect::Deliver(_) | Effect::Redeem(_) => {
            None
        }
    });
    given.collect()
}

#[test]
fn only_a_right_code_is_a_code_given() {
    let (mut world, request) = fresh();
    assert_eq!(given(&mut world, &request, None), [], "fresh");
    let asked = LoginRequest { fresh: None, ..request };
    assert_eq!(given(&mut world, &asked, None), [], "asked");
    assert_eq!(given(&mut world, &asked, Some("123456")), [], "wrong");
    let phone = Phone::of(&world.enroll(&person("alice", 1000), "tablet"));
    let code = phone.code(world.wall, 0);
    assert_eq!(given(&mut world, &asked, Some(&code)), [Epoch(7)], "right");
    world.policy.is_enabled = false;
    assert_eq!(given(&mut world, &asked, None), [], "switched off");
    let (mut world, by_key) = by_key();
    assert_eq!(given(&mut world, &by_key, None), [], "a key");
    world.policy.default.require = Requirement::Never;
    assert_eq!(given(&mut world, &by_key, None), [], "exempt");
}

type RuleChange = fn(&mut Rule);

#[test]
fn a_code_that_a_rule_would_not_take_makes_nothing_fresh_under_it() {
    let changes: [(&str, usize, RuleChange); 5] = [
        ("the same terms", 1, |_| {}),
        ("another method", 0, |rule| rule.methods = vec![Method::Hotp]),
        ("another method, and nothing is fresh by it", 1, |rule| {
            rule.methods = vec![Method::Hotp];
            rule.fresh_for = None;
        }),
        ("an enrollment that is void under it", 0, |rule| rule.enrolled_after = Some(at_start(0))),
        ("an enrollment that will be", 1, |rule| rule.enrolled_after = Some(at_start(60))),
    ];
    for (why, count, change) in changes {
        let (mut world, request) = fresh();
        let phone = Phone::of(&world.enroll(&request.person, "tablet"));
        let matcher = Matcher { services: vec!["su".into()], ..Matcher::default() };
        let name = "su".try_into().expect("a name");
        let mut rule = Rule { name, matcher, ..world.policy.default.clone() };
        change(&mut rule);
        world.policy.rules = vec![rule];
        let code = phone.code(world.wall, 0);
        let asked = LoginRequest { fresh: None, ..request };
        assert_eq!(given(&mut world, &asked, Some(&code)).len(), count, "{why}");
    }
}

#[test]
fn what_is_void_beside_the_factor_that_was_used_changes_nothing() {
    let (mut world, request) = fresh();
    world.policy.default.methods = vec![Method::Totp, Method::Backup];
    let mut account = world.load(&request.person);
    let old = account.factors.first_mut().expect("a factor");
    old.state = FactorState::Active { since: at_start(0).before(LIMIT) };
    old.last_used = Some(at_start(0).before(LIMIT));
    world.store(account);
    let new = world.enroll(&request.person, "tablet");
    let mut account = world.load(&request.person);
    account.factors.last_mut().expect("a factor").state = FactorState::Active { since: at_start(0) };
    world.store(account);
    let codes = world.give_backup_codes(&request.person);
    let base = world.policy.default.clone();
    let matcher = Matcher { services: vec!["su".into()], ..Matcher::default() };
    let name = "su".try_into().expect("a name");
    world.policy.rules = vec![Rule { name, matcher, enrolled_after: Some(at_start(0)), ..base }];
    let asked = LoginRequest { fresh: None, ..request };
    let code = Phone::of(&new).code(world.wall, 0);
    assert_eq!(given(&mut world, &asked, Some(&code)).len(), 1, "the new app");
    assert_eq!(given(&mut world, &asked, codes.first().map(String::as_str)).len(), 1, "a backup code");
    world.wait(60);
    let rule = world.policy.rules.first_mut().expect("a rule");
    rule.enrolled_after = Some(at_start(60));
    assert_eq!(given(&mut world, &asked, codes.get(1).map(String::as_str)), [], "a void backup code");
}

fn at_start(seconds: u64) -> WallTime {
    WallTime::from_seconds(START + seconds)
}
