//! Rows P4 and P7: what another policy changes for recorded logins, and what watched rules would have done.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{Account, Coverage, RuleName};
use countersign_core::audit::{AuditEvent, EventId, LoginFacts, Subject};
use countersign_core::conversation::login::{Course, Login, foresee};
use countersign_core::conversation::{Effect, Event};
use countersign_core::factor::{FactorKind, FactorState, Method};
use countersign_core::login::{LoginRequest, Phase, PublicKey, Source};
use countersign_core::policy::simulate::{Change, Changed, Recorded, Rows, Simulation, Watched, change};
use countersign_core::policy::{Enrollment, Matcher, Mode, Policy, Requirement, Rule};
use countersign_core::time::Now;
use proptest::prelude::*;

use crate::people::{Seeded, account, at, factor, from, host, person, policy, request, rule, stranger};
use crate::policy::{SERVICES, any_person, any_policy, any_source};

const NOW: u64 = 1_790_000_000;

fn now() -> Now {
    Now::at(at(NOW), Duration::ZERO, at(0))
}

/// The record that a login leaves, as it is read back.
fn recorded(event: EventId, reason: Option<&str>, request: &LoginRequest) -> AuditEvent {
    let policy = policy(vec![]);
    let decision = policy.decide(request);
    let mut record = AuditEvent::for_login(event, at(NOW), request, &account("alice"), &policy, &decision);
    record.reason = reason.map(str::to_owned);
    AuditEvent::from_canonical(&record.canonical()).unwrap()
}

fn login(request: &LoginRequest) -> Recorded {
    Recorded::of(recorded(EventId::LoginDenied, Some("wrong-code"), request)).unwrap()
}

/// Simulates one login.
fn simulate(old: &Policy, new: &Policy, request: &LoginRequest, account: &Account) -> Option<Changed> {
    simulate_recorded(old, new, &login(request), account)
}

fn simulate_recorded(old: &Policy, new: &Policy, login: &Recorded, account: &Account) -> Option<Changed> {
    let simulation = Simulation::new(Arc::new(old.clone()), Arc::new(new.clone()), host().id);
    let open = simulation.open(login)?;
    simulation.compare(&open, account, now())
}

fn all(require: Requirement) -> Policy {
    policy(vec![rule("all", require, Matcher::default())])
}

fn enrolled() -> Account {
    let mut account = account("alice");
    account.factors.push(factor(1, FactorState::Active { since: at(1) }));
    account
}

#[test]
fn a_change_is_what_is_different_for_the_person() {
    use Course::{Ask, Enroll, Invite, Pass, Refuse};
    let table = [
        (Pass, [None, Some("newly-asked"), Some("newly-enrolling"), Some("newly-refused")]),
        (Ask, [Some("no-longer-asked"), None, Some("newly-enrolling"), Some("newly-refused")]),
        (Enroll, [Some("no-longer-asked"), Some("newly-asked"), None, Some("newly-refused")]),
        (Invite, [Some("no-longer-refused"), Some("no-longer-refused"), Some("newly-enrolling"), None]),
        (Refuse, [Some("no-longer-refused"), Some("no-longer-refused"), Some("newly-enrolling"), None]),
    ];
    for (old, changes) in table {
        for (new, expected) in [Pass, Ask, Enroll, Refuse].into_iter().zip(changes) {
            assert_eq!(change(old, new).map(Change::name), expected, "{old:?} {new:?}");
        }
        assert_eq!(change(old, Invite), change(old, Refuse), "{old:?}");
    }
}

#[test]
fn every_kind_of_change_is_found_with_its_rules() {
    let alice = request(person("alice", 1000, &["staff"]), "sshd", from("198.51.100.7"));
    let at_login = policy(vec![Rule {
        enroll: Enrollment::AtLogin,
        ..rule("all", Requirement::Always, Matcher::default())
    }]);
    let (never, always) = (all(Requirement::Never), all(Requirement::Always));
    let (none, holds) = (account("alice"), enrolled());
    for (old, new, account, expected) in [
        (&never, &always, &holds, Some(Change::NewlyAsked)),
        (&never, &always, &none, Some(Change::NewlyRefused)),
        (&never, &at_login, &none, Some(Change::NewlyEnrolling)),
        (&always, &never, &holds, Some(Change::NoLongerAsked)),
        (&always, &never, &none, Some(Change::NoLongerRefused)),
        (&always, &at_login, &holds, None),
        (&never, &policy(vec![]), &none, None),
    ] {
        let changed = simulate(old, new, &alice, account);
        assert_eq!(changed.as_ref().map(|changed| changed.change), expected);
        if let Some(Changed { user, service, old, .. }) = changed {
            assert_eq!((user.as_str(), service.as_str(), old.as_str()), ("alice", "sshd", "all"));
        }
    }
}

#[test]
fn a_watched_rule_changes_nobody_s_login_and_one_that_is_watched_no_longer_does() {
    let alice = request(person("alice", 1000, &[]), "sshd", from("198.51.100.7"));
    let mut watched = all(Requirement::Always);
    watched.rules[0].mode = Mode::Monitor;
    let change_of =
        |old: &Policy, new: &Policy| simulate(old, new, &alice, &enrolled()).map(|changed| changed.change);
    assert_eq!(change_of(&all(Requirement::Never), &watched), None);
    assert_eq!(change_of(&watched, &all(Requirement::Always)), Some(Change::NewlyAsked));
    let off = Policy { is_enabled: false, ..all(Requirement::Always) };
    assert_eq!(change_of(&all(Requirement::Always), &off), Some(Change::NoLongerAsked));
}

#[test]
fn a_rule_for_another_service_that_wants_an_invitation_closes_this_one_too() {
    let at_login =
        Rule { enroll: Enrollment::AtLogin, ..rule("all", Requirement::Always, Matcher::default()) };
    let sudo = Matcher { services: vec!["sudo".to_owned()], ..Matcher::default() };
    let invited = Rule { enroll: Enrollment::Invited, ..rule("sudo", Requirement::Always, sudo) };
    let (old, new) = (policy(vec![at_login.clone()]), policy(vec![invited, at_login]));
    let alice = request(person("alice", 1000, &[]), "sshd", from("198.51.100.7"));
    assert_eq!(old.decide(&alice), new.decide(&alice));
    let changed = simulate(&old, &new, &alice, &account("alice")).unwrap();
    assert_eq!((changed.change, changed.new.as_str()), (Change::NewlyRefused, "all"));
}

#[test]
fn what_this_host_made_void_is_void_under_the_other_policy_too() {
    let alice = request(person("alice", 1000, &[]), "sshd", from("198.51.100.7"));
    let in_force = Policy { enrolled_after: Some(at(NOW - 1)), ..all(Requirement::Never) };
    let changed = simulate(&in_force, &all(Requirement::Always), &alice, &enrolled()).unwrap();
    assert_eq!(changed.change, Change::NewlyRefused);
}

#[test]
fn a_login_past_a_remembered_place_had_the_key_of_that_place() {
    let mut alice = request(person("alice", 1000, &[]), "sshd", from("198.51.100.7"));
    let fingerprint = "SHA256:abc".to_owned();
    alice.ssh.public_key = Some(PublicKey { algorithm: "ssh-ed25519".to_owned(), fingerprint });
    let mut remembering = all(Requirement::Always);
    remembering.rules[0].remember = Some(Duration::from_hours(24));
    let phone = totp_rs::Builder::new().with_secret(key_of(&enrolled())).with_skew(0).build_noncompliant();
    let code = phone.generate(NOW).to_string();
    let begun = Login::begin(alice.clone(), Arc::new(remembering.clone()));
    let begun = begun.decide(Event::Begun, &enrolled(), now(), &mut Seeded(2)).next;
    let answer = Event::Answered(format!("{code} r").into());
    let turn = begun.decide(answer, &enrolled(), now(), &mut Seeded(3));
    let committed = turn.effects.into_iter().find_map(|effect| match effect {
        Effect::Commit(account) => Some(account),
        _ => None,
    });
    let account = committed.unwrap();
    assert_eq!(account.remembered.len(), 1);
    let replay = |reason| {
        let login = Recorded::of(recorded(EventId::LoginSkipped, Some(reason), &alice)).unwrap();
        simulate_recorded(&remembering, &all(Requirement::Always), &login, &account)
    };
    assert_eq!(replay("remembered").unwrap().change, Change::NewlyAsked);
    assert_eq!(replay("exempt"), None, "asked in both, as with any other key");
}

fn key_of(account: &Account) -> Vec<u8> {
    match &account.factors[0].kind {
        FactorKind::Totp(totp) => totp.secret.expose().clone(),
        _ => unreachable!("an app"),
    }
}

#[test]
fn a_login_past_a_fresh_code_had_one_and_is_asked_where_that_is_not_enough_any_more() {
    let mut alice = request(person("alice", 1000, &[]), "sudo", Source::Unknown);
    alice.requesting_uid = Some(1000);
    let mut easing = all(Requirement::Always);
    easing.rules[0].fresh_for = Some(Duration::from_mins(15));
    let replay = |reason, old: &Policy, new: &Policy| {
        let login = Recorded::of(recorded(EventId::LoginSkipped, Some(reason), &alice)).unwrap();
        simulate_recorded(old, new, &login, &enrolled()).map(|changed| changed.change)
    };
    assert_eq!(replay("fresh", &easing, &all(Requirement::Always)), Some(Change::NewlyAsked));
    assert_eq!(replay("fresh", &easing, &easing), None);
    assert_eq!(replay("exempt", &easing, &all(Requirement::Always)), None);
}

#[test]
fn only_the_last_record_of_a_login_of_somebody_known_is_replayed() {
    let alice = request(person("alice", 1000, &[]), "sshd", from("198.51.100.7"));
    let ends = [
        EventId::LoginAllowed,
        EventId::LoginDenied,
        EventId::LoginLockedOut,
        EventId::LoginSkipped,
        EventId::LoginUnavailable,
        EventId::LoginAbandoned,
    ];
    for event in EventId::ALL {
        let is_taken = Recorded::of(recorded(event, None, &alice)).is_some();
        assert_eq!(is_taken, ends.contains(&event), "{event:?}");
    }
    let nobody = request(stranger("nobody-here"), "sshd", from("198.51.100.7"));
    assert_eq!(simulate(&all(Requirement::Always), &all(Requirement::Never), &nobody, &account("x")), None);
    let bare = AuditEvent::new(EventId::LoginDenied, at(1), "lab1", "self");
    assert!(Recorded::of(bare).is_none());
}

#[test]
fn a_record_that_was_tampered_with_is_no_login() {
    let alice = request(person("alice", 1000, &[]), "sshd", from("198.51.100.7"));
    let spoil = |spoil: fn(&mut Subject, &mut LoginFacts)| {
        let mut record = recorded(EventId::LoginDenied, None, &alice);
        spoil(record.subject.as_mut().unwrap(), record.login.as_mut().unwrap());
        Recorded::of(record).unwrap().request(&host().id)
    };
    assert!(spoil(|_, _| ()).is_some());
    assert!(spoil(|subject, _| subject.user = "a/b".to_owned()).is_none());
    assert!(spoil(|subject, _| subject.realm.clear()).is_none());
    assert!(spoil(|_, login| login.uid = None).is_none());
    assert!(spoil(|_, login| login.origin = "unknown".to_owned()).is_none());
    assert!(spoil(|_, login| login.phase = "session".to_owned()).is_none());
    assert!(spoil(|_, login| login.source = "example.org".to_owned()).is_none());
}

#[test]
fn a_watched_login_is_counted_by_what_would_have_been() {
    let alice = request(person("alice", 1000, &[]), "ss\u{1b}hd\n", from("198.51.100.7"));
    let mut record = recorded(EventId::LoginSkipped, Some("monitored"), &alice);
    assert_eq!(Watched::of(&record), None, "nothing would have been");
    record.would = Some("refuse".to_owned());
    record.would_because = Some("not-enrolled".to_owned());
    let watched = Watched::of(&record).unwrap();
    assert_eq!((watched.course, watched.why.as_str()), (Course::Refuse, "not-enrolled"));
    assert_eq!((watched.user.as_str(), watched.rule.as_str()), ("alice", "default"));
    assert_eq!(watched.service, "ss?hd?", "one row is one line");
    record.reason = Some("exempt".to_owned());
    assert_eq!(Watched::of(&record), None);
    record.reason = Some("monitored".to_owned());
    record.would = Some("applause".to_owned());
    assert_eq!(Watched::of(&record), None);
}

#[test]
fn rows_are_counted_together_and_their_room_is_limited() {
    let mut rows = Rows::up_to(2);
    rows.count("b", 1);
    rows.count("a", 1);
    assert!(!rows.has_room());
    rows.count("b", 3);
    assert_eq!(rows.into_counts().collect::<Vec<_>>(), [("a", 1), ("b", 4)]);
}

/// An account in any state that changes how a login goes on.
fn any_account() -> impl Strategy<Value = Account> {
    let coverage = proptest::option::of((0_usize..8, 0_u64..20));
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), coverage).prop_map(
        |(holds, is_old, is_pending, is_chosen, is_other, coverage)| {
            let mut account = account("alice");
            if holds {
                let since = if is_old { at(NOW - 500) } else { at(NOW - 5) };
                account.factors.push(factor(1, FactorState::Active { since }));
            }
            if is_pending {
                account.factors.push(factor(2, FactorState::Pending { since: at(NOW - 60) }));
            }
            account.chosen = is_chosen;
            if is_other {
                account.uids.insert(host().id, 4711);
            }
            account.coverage = coverage.map(|(rule, days)| Coverage {
                rule: RuleName::try_from(format!("rule-{rule}")).unwrap(),
                since: at(NOW - days * 24 * 60 * 60),
            });
            account
        },
    )
}

/// A policy whose rules also differ in what only some of them have.
fn any_full_policy() -> impl Strategy<Value = Policy> {
    let extras = proptest::collection::vec((0_u8..4, any::<bool>(), 0_u8..3), 8);
    (any_policy(), extras, any::<bool>()).prop_map(|(mut policy, extras, is_enabled)| {
        for (rule, (within, is_watched, after)) in policy.rules.iter_mut().zip(extras) {
            rule.enroll_within = (within > 0).then(|| Duration::from_hours(24 * u64::from(within) * 3));
            rule.mode = if is_watched { Mode::Monitor } else { Mode::Enforce };
            rule.enrolled_after = (after > 0).then(|| at(NOW - 100));
            rule.methods = if after == 2 { vec![Method::Hotp] } else { vec![Method::Totp] };
        }
        // Mostly on: else everything is the same.
        policy.is_enabled = is_enabled || policy.rules.len() > 2;
        policy
    })
}

fn any_login() -> impl Strategy<Value = LoginRequest> {
    let service = proptest::sample::select(&SERVICES[..]);
    (any_person(), service, any_source(), any::<bool>()).prop_map(|(person, service, source, is_account)| {
        let mut login = request(person, service, source);
        login.phase = if is_account { Phase::Account } else { Phase::Auth };
        login
    })
}

/// The same policy with other rules changed: one is taken out, or one turned into something else.
fn any_pair() -> impl Strategy<Value = (Policy, Policy)> {
    let slightly = (any_full_policy(), 0_usize..8, any::<bool>()).prop_map(|(old, place, is_removed)| {
        let mut new = old.clone();
        if place < new.rules.len() {
            if is_removed {
                new.rules.remove(place);
            } else {
                new.rules[place].enroll = Enrollment::Invited;
            }
        }
        (old, new)
    });
    prop_oneof![slightly, (any_full_policy(), any_full_policy())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_policy_against_itself_changes_nothing(policy in any_full_policy(), request in any_login(), account in any_account()) {
        prop_assert_eq!(simulate(&policy, &policy, &request, &account), None);
        let mut reworded = policy.clone();
        reworded.settings.help = Some("the desk".to_owned());
        reworded.digest = "another".to_owned();
        prop_assert_eq!(simulate(&policy, &reworded, &request, &account), None);
    }

    #[test]
    fn what_is_told_is_what_both_policies_foresee_no_more_and_no_less(
        (old, new) in any_pair(), request in any_login(), account in any_account(),
    ) {
        let foreseen = |policy: &Policy| foresee(request.clone(), &Arc::new(policy.clone()), &account, now());
        let (before, after) = (foreseen(&old), foreseen(&new));
        let expected = change(before.outcome().0, after.outcome().0);
        let told = simulate(&old, &new, &request, &account);
        prop_assert_eq!(told.as_ref().map(|changed| changed.change), expected);
        if let Some(changed) = told {
            prop_assert_eq!((changed.old, changed.new), (before.decision.rule, after.decision.rule));
        }
    }

    #[test]
    fn a_record_leads_back_to_the_login(request in any_login()) {
        prop_assert_eq!(login(&request).request(&host().id), Some(request));
    }

    #[test]
    fn a_row_is_one_line_whatever_a_service_is_called(service in "\\PC*|[\\x00-\\x1f\\u{202e}a-z]{0,20}") {
        let alice = request(person("alice", 1000, &[]), &service, from("198.51.100.7"));
        let changed = simulate(&all(Requirement::Never), &all(Requirement::Always), &alice, &enrolled()).unwrap();
        prop_assert!(changed.service.chars().all(countersign_core::printable::is_printable));
    }
}
