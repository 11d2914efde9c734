//! Row P6: what is told of a login beforehand, against golden files that also hold what it really says first.
//!
//! `UPDATE_TRANSCRIPTS=1` writes the files under `explanations` anew; the difference is reviewed as code.

#![expect(
    clippy::disallowed_methods,
    reason = "golden files lie beside the tests; only the crate itself is pure"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{Account, Coverage, RuleName};
use countersign_core::contact::{Contacts, EmailAddress, PhoneNumber};
use countersign_core::conversation::login::Login;
use countersign_core::conversation::{Effect, Event};
use countersign_core::delivery::Recipient;
use countersign_core::factor::{Factor, FactorKind, FactorState, Method};
use countersign_core::login::{Existence, Groups, LoginRequest, Origin, Person, Phase, PublicKey, Source};
use countersign_core::policy::{
    Accepted, ContactRule, Enrollment, Matcher, Mode, Network, Outlook, Policy, Requirement, Rule, SkipRule,
    outlook,
};
use countersign_core::sending::{Channels, Numbers};
use countersign_core::throttle::Limits;
use countersign_core::time::Now;
use countersign_core::words::policy::{sees, why};
use countersign_core::words::{Language, Message, Setup, say};

use crate::people::{
    Seeded, account, at, factor, from, host, network, person, policy, request, rule, stranger, strings,
};

/// 2026-11-22 08:00 UTC.
const NOW: u64 = 1_795_334_400;
const DAY: u64 = 24 * 60 * 60;

fn now() -> Now {
    Now::at(at(NOW), Duration::ZERO, at(0))
}

/// One login and what is kept of its person.
struct Case {
    name: &'static str,
    rule: Rule,
    others: Vec<Rule>,
    request: LoginRequest,
    account: Account,
    shape: fn(&mut Policy),
}

fn always() -> Rule {
    let methods = vec![Method::Totp, Method::Email, Method::Sms, Method::Backup];
    Rule { methods, ..rule("staff", Requirement::Always, Matcher::default()) }
}

fn alice() -> LoginRequest {
    request(person("alice", 1000, &["staff"]), "sshd", from("198.51.100.7"))
}

fn case(name: &'static str, rule: Rule, account: Account) -> Case {
    Case { name, rule, others: Vec::new(), request: alice(), account, shape: |_| () }
}

fn email(id: u32, address: &str) -> Factor {
    let recipient = Recipient::Email(EmailAddress::try_from(address).unwrap());
    let state = FactorState::Active { since: at(NOW - 30 * DAY) };
    Factor { kind: FactorKind::Sent(recipient), ..factor(id, state) }
}

fn sms(id: u32, number: &str) -> Factor {
    let recipient = Recipient::Sms(PhoneNumber::try_from(number).unwrap());
    Factor { kind: FactorKind::Sent(recipient), ..email(id, "a@example.org") }
}

fn app(id: u32) -> Factor {
    factor(id, FactorState::Active { since: at(NOW - 30 * DAY) })
}

fn holding(factors: Vec<Factor>) -> Account {
    Account { factors, ..account("alice") }
}

fn covered(account: Account, days: u64) -> Account {
    let coverage = Coverage { rule: RuleName::try_from("staff").unwrap(), since: at(NOW - days * DAY) };
    Account { coverage: Some(coverage), ..account }
}

fn invited() -> Account {
    let mut account = account("alice");
    let _code = account.invite(at(NOW + 3600), &mut Seeded(3));
    account
}

fn locked(limits: &Limits) -> Account {
    let mut account = holding(vec![app(1)]);
    let bucket = countersign_core::throttle::Bucket::of(&alice(), &account, at(NOW));
    for _ in 0..limits.failures {
        let _ = account.throttle.charge(bucket, at(NOW), limits);
    }
    account
}

/// The account as the login itself leaves it after `r` behind a right code.
fn remembered(rule: &Rule) -> Account {
    let account = holding(vec![app(1)]);
    let FactorKind::Totp(totp) = &account.factors[0].kind else { unreachable!("an app") };
    let phone = totp_rs::Builder::new().with_secret(totp.secret.expose().clone()).with_skew(0);
    let code = phone.build_noncompliant().generate(NOW).to_string();
    let begun = Login::begin(alice(), Arc::new(policy(vec![rule.clone()])));
    let begun = begun.decide(Event::Begun, &account, now(), &mut Seeded(2)).next;
    let answer = Event::Answered(format!("{code} r").into());
    let turn = begun.decide(answer, &account, now(), &mut Seeded(3));
    let committed = turn.effects.into_iter().find_map(|effect| match effect {
        Effect::Commit(account) => Some(*account),
        _ => None,
    });
    committed.unwrap()
}

fn at_login(methods: &[Method]) -> Rule {
    Rule { enroll: Enrollment::AtLogin, methods: methods.to_vec(), ..always() }
}

fn with_key(algorithm: &str, case: Case) -> Case {
    let mut request = case.request;
    request.ssh.public_key = Some(PublicKey { algorithm: algorithm.to_owned(), fingerprint: String::new() });
    Case { request, ..case }
}

fn passing() -> Vec<Case> {
    let remembering = Rule { remember: Some(Duration::from_hours(30 * 24)), ..always() };
    let skip = Some(SkipRule { times: None, until: Some(at(NOW + 7 * DAY)) });
    let mut put_off = account("alice");
    put_off.skipped = Some(countersign_core::remember::Skipped {
        rule: RuleName::try_from("staff").unwrap(),
        count: 1,
        counted: at(NOW - DAY),
    });
    let keys = Rule { accept: vec![Accepted::SshSecurityKey], ..always() };
    vec![
        case("exempt", rule("staff", Requirement::Never, Matcher::default()), account("alice")),
        case(
            "not enrolled, and only the enrolled are asked",
            Rule { require: Requirement::Enrolled, ..always() },
            account("alice"),
        ),
        case("not chosen", Rule { require: Requirement::Chosen, ..always() }, holding(vec![app(1)])),
        case("remembered", remembering.clone(), remembered(&remembering)),
        case("put off", Rule { skip, ..at_login(&[Method::Totp]) }, put_off),
        with_key("sk-ssh-ed25519@openssh.com", case("a security key", keys, account("alice"))),
    ]
}

fn asking() -> Vec<Case> {
    let offering = Rule { remember: Some(Duration::from_hours(30 * 24)), ..always() };
    let fresh = Rule { fresh_for: Some(Duration::from_mins(15)), ..always() };
    let keys = Rule { accept: vec![Accepted::SshSecurityKey], ..always() };
    let mut chosen = holding(vec![app(1)]);
    chosen.chosen = true;
    let of_sshd = case("fresh codes are no matter of sshd", fresh.clone(), holding(vec![app(1)]));
    let mut of_sudo = case("sudo with fresh codes", fresh, holding(vec![app(1)]));
    of_sudo.request = request(person("alice", 1000, &[]), "sudo", Source::Unknown);
    vec![
        case("an app", always(), holding(vec![app(1)])),
        case("an app and a mailbox", always(), holding(vec![app(1), email(2, "alice@example.org")])),
        case("a mailbox alone", always(), holding(vec![email(1, "alice@example.org")])),
        case(
            "a mailbox and a phone",
            always(),
            holding(vec![email(1, "alice@example.org"), sms(2, "+491712345642")]),
        ),
        case("remembering is offered", offering, holding(vec![app(1)])),
        of_sudo,
        of_sshd,
        with_key(
            "ssh-ed25519",
            case("security keys are taken, and it is none", keys.clone(), holding(vec![app(1)])),
        ),
        case("security keys are taken, and there is none", keys, holding(vec![app(1)])),
        case("chosen", Rule { require: Requirement::Chosen, ..always() }, chosen),
        Case {
            request: request(stranger("nobody-here"), "sshd", from("198.51.100.7")),
            ..case("an unknown name", always(), account("nobody-here"))
        },
    ]
}

fn enrolling() -> Vec<Case> {
    let within = Rule { enroll_within: Some(Duration::from_hours(7 * 24)), ..at_login(&[Method::Totp]) };
    let skip = Some(SkipRule { times: Some(3), until: Some(at(NOW + 5 * DAY)) });
    let on_file = Rule { contacts: ContactRule::OnFile, ..at_login(&[Method::Email]) };
    let mut filed = case("an address on file", on_file.clone(), account("alice"));
    let address = EmailAddress::try_from("alice@example.org").unwrap();
    filed.request.person.contacts = Contacts { email: Some(address), phone: None };
    let mut on_a_screen = case("a display manager", at_login(&[Method::Totp]), account("alice"));
    on_a_screen.request = request(person("alice", 1000, &[]), "gdm-password", Source::Local);
    let mut waiting = account("alice");
    waiting.factors.push(factor(7, FactorState::Pending { since: at(NOW - 60) }));
    let voiding = Rule { enrolled_after: Some(at(NOW - DAY)), ..at_login(&[Method::Totp]) };
    vec![
        case("an app at login, within seven days", within.clone(), covered(account("alice"), 2)),
        case("the seven days are over", within, covered(account("alice"), 8)),
        case("skipping is offered", Rule { skip, ..at_login(&[Method::Totp]) }, account("alice")),
        case("several ways", at_login(&[Method::Totp, Method::Email]), account("alice")),
        case("any address", at_login(&[Method::Email]), account("alice")),
        filed,
        case("only what is on file, and nothing is", on_file, account("alice")),
        on_a_screen,
        case("taken up again", at_login(&[Method::Totp]), waiting),
        case("what was set up is void", voiding, holding(vec![app(1)])),
        case("invited", Rule { enroll: Enrollment::Invited, ..always() }, invited()),
        case("an invitation is needed", Rule { enroll: Enrollment::Invited, ..always() }, account("alice")),
    ]
}

fn refusing() -> Vec<Case> {
    let mut of_another = holding(vec![app(1)]);
    of_another.uids.insert(host().id, 4711);
    let mut backstop = case("the backstop of sshd", always(), holding(vec![app(1)]));
    backstop.request.phase = Phase::Account;
    let nobody = request(stranger("nobody-here"), "sshd", from("198.51.100.7"));
    let mut own = case("sudo of somebody who can enroll", always(), account("alice"));
    own.request = request(person("alice", 1000, &[]), "sudo", Source::Unknown);
    own.request.requesting_uid = Some(1000);
    let helped = |policy: &mut Policy| policy.settings.help = Some("the desk, room 1".to_owned());
    vec![
        Case { shape: helped, ..case("locked", always(), locked(&Limits::default())) },
        case("not enrolled", always(), account("alice")),
        own,
        case(
            "what they hold is not allowed",
            Rule { methods: vec![Method::Hotp], ..always() },
            holding(vec![app(1)]),
        ),
        case("another uid", always(), of_another),
        backstop,
        Case {
            request: nobody,
            ..case(
                "an unknown name where nobody is asked",
                rule("staff", Requirement::Never, Matcher::default()),
                account("nobody-here"),
            )
        },
    ]
}

fn watching() -> Vec<Case> {
    let watched = Rule { mode: Mode::Monitor, ..always() };
    let off = |policy: &mut Policy| policy.is_enabled = false;
    let nobody = || request(stranger("nobody-here"), "sshd", from("198.51.100.7"));
    vec![
        case("watched, would be asked", watched.clone(), holding(vec![app(1)])),
        case("watched, would be refused", watched.clone(), account("alice")),
        case(
            "watched, would enroll",
            Rule { mode: Mode::Monitor, ..at_login(&[Method::Totp]) },
            account("alice"),
        ),
        Case { request: nobody(), ..case("watched, an unknown name", watched, account("nobody-here")) },
        Case { shape: off, ..case("switched off", always(), holding(vec![app(1)])) },
        Case {
            shape: off,
            request: nobody(),
            ..case("switched off, an unknown name", always(), account("nobody-here"))
        },
    ]
}

fn weighing() -> Vec<Case> {
    let only = |name, matcher| rule(name, Requirement::Never, matcher);
    let matcher = Matcher::default;
    let others = vec![
        only("users", Matcher { users: strings(&["ansible", "backup"]), ..matcher() }),
        only("groups", Matcher { groups: strings(&["admins"]), ..matcher() }),
        only("services", Matcher { services: strings(&["sudo", "sudo-i"]), ..matcher() }),
        only("networks", Matcher { networks: vec![network("10.0.0.0/8"), Network::Local], ..matcher() }),
        only("origin", Matcher { origin: Some(Origin::Directory), ..matcher() }),
        only("hosts", Matcher { hosts: strings(&["web*"]), ..matcher() }),
        only("domains", Matcher { domains: strings(&["example.org"]), ..matcher() }),
    ];
    let mut many = case("a person of many groups", always(), holding(vec![app(1)]));
    many.others = vec![others[1].clone()];
    many.request.person.groups = Groups::Complete((0..3000).map(|number| format!("group{number}")).collect());
    let mut hostile = case("names that steer a terminal", always(), holding(vec![app(1)]));
    hostile.others = others.clone();
    hostile.request.service = "s\u{1b}[2J\n".to_owned();
    hostile.request.person.groups = Groups::Complete(strings(&["a\nb", "\u{202e}c"]));
    let mut unsure = case("incomplete groups", always(), holding(vec![app(1)]));
    unsure.others = others.clone();
    unsure.request.person.groups = Groups::Incomplete(strings(&["staff"]));
    let mut directory = case("a person of a directory", always(), holding(vec![app(1)]));
    directory.others = vec![others[6].clone()];
    directory.request.person = Person {
        existence: Existence::Known { uid: 1000, origin: Origin::Directory },
        ..person("alice@example.com", 1000, &[])
    };
    vec![
        Case { others, ..case("every condition", always(), holding(vec![app(1)])) },
        many,
        hostile,
        unsure,
        directory,
    ]
}

#[test]
fn every_explanation_is_as_its_golden_file_has_it() {
    let update = std::env::var_os("UPDATE_TRANSCRIPTS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions/explanations");
    let mut wrong = Vec::new();
    for (file, cases) in [
        ("pass", passing()),
        ("ask", asking()),
        ("enroll", enrolling()),
        ("refuse", refusing()),
        ("watched", watching()),
        ("rules", weighing()),
    ] {
        let path = folder.join(format!("{file}.txt"));
        let told: String = cases.iter().map(explained).collect::<Vec<_>>().join("\n");
        if update {
            fs::write(&path, &told).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != told {
            wrong.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these explanations are other now:\n{}", wrong.join("\n"));
}

#[test]
fn every_explanation_is_one_line_and_what_steers_a_terminal_is_not_in_it() {
    for case in [passing(), asking(), enrolling(), refusing(), watching(), weighing()].into_iter().flatten() {
        let outlook = look(&case);
        let reasons = outlook.explanation.passed_over.iter().map(|(_, reason)| why(reason));
        for text in reasons.chain([sees(&outlook)]) {
            let is_fit = text.chars().all(countersign_core::printable::is_printable) && text.len() < 1000;
            assert!(is_fit && !text.is_empty(), "{}: {text:?}", case.name);
        }
    }
}

fn policy_of(case: &Case) -> Arc<Policy> {
    let rules = case.others.iter().chain([&case.rule]).cloned().collect();
    let mut policy = policy(rules);
    policy.settings.channels = Channels { email: true, sms: Some(Numbers::default()), ..Channels::default() };
    (case.shape)(&mut policy);
    Arc::new(policy)
}

fn look(case: &Case) -> Outlook {
    outlook(case.request.clone(), &policy_of(case), &case.account, now(), &mut Seeded(5))
}

fn explained(case: &Case) -> String {
    let outlook = look(case);
    let names =
        |methods: &[Method]| methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ");
    let mut text = format!("== {}\n", case.name);
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name:<9} {value}").unwrap();
        }
    };
    row("rule", outlook.explanation.decision.rule.as_str());
    row("course", outlook.course.name());
    row("why", outlook.reason.unwrap_or_default());
    row("in fact", outlook.outcome.name());
    row("holds", &names(&outlook.holds));
    row("void", &names(&outlook.void));
    row("sees", &sees(&outlook));
    for (rule, reason) in &outlook.explanation.passed_over {
        row("not", &format!("{rule}: {}", why(reason)));
    }
    for line in screen(case) {
        row("|", &line);
    }
    text
}

/// What the login really says first, without what is drawn anew each time.
fn screen(case: &Case) -> Vec<String> {
    let begun = Login::begin(case.request.clone(), policy_of(case));
    let effects = begun.decide(Event::Begun, &case.account, now(), &mut Seeded(5)).effects;
    let replies = effects.into_iter().filter_map(|effect| match effect {
        Effect::Reply(reply) => Some(reply),
        _ => None,
    });
    let messages = replies.flat_map(|reply| reply.lines).flat_map(|line| line.messages);
    let told = messages.map(|message| match message {
        Message::Setup(Setup::Drawing(_)) => "(a QR code)".to_owned(),
        Message::Setup(Setup::Key { .. }) => "(a key)".to_owned(),
        other => say(Language::English, &other).trim_end().to_owned(),
    });
    told.collect()
}
