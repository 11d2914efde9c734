//! Accounts out of a restored store, and logins without a store (TH07, row L15): what a copy brings back lets nobody in, and
//! policy alone lets in whom it asks for nothing.

use countersign_core::account::Account;
use countersign_core::conversation::enrollment::Enrollment as EnrollmentDialogue;
use countersign_core::conversation::login::{Course, Login, foresee};
use countersign_core::conversation::{Effect, Event, Reply, State, Verdict};
use countersign_core::factor::Method;
use countersign_core::login::{LoginRequest, Person, Phase};
use countersign_core::policy::{Enrollment, Mode, Requirement};
use countersign_core::restore::{Restores, Trust};
use countersign_core::words::{Message, Refusal};

use crate::acts::{ALLOW, DENY, alice, answer, begin, enroll_by_oneself, messages, reset_all};
use crate::phone::Phone;
use crate::world::{World, ssh_login, stranger};

const SKIP: State = State::Verdict(Verdict::Skip);
const UNAVAILABLE: State = State::Verdict(Verdict::Unavailable);
const ONCE: Restores = Restores { era: 1, doubted: 0 };
const EVERYBODY: Restores = Restores { era: 1, doubted: 1 };

fn help() -> String {
    "IT helpdesk, +49 30 1234".to_owned()
}

/// Changes what the store holds of alice.
fn alter(world: &mut World, change: impl FnOnce(Account) -> Account) {
    let account = change(world.load(&alice()));
    world.store(account);
}

fn distrust(world: &mut World) {
    alter(world, |account| Account { trust: Trust::Restored, ..account });
}

/// Begins a login as the service does while the store does not answer.
fn begin_unread(world: &mut World, request: LoginRequest) -> Reply {
    let turn = Login::begin(request, world.policy()).decide_unread(world.now(), &mut world.entropy);
    let turn = turn.expect("a login");
    assert!(!turn.effects.iter().any(|effect| matches!(effect, Effect::Commit(_))), "nothing to commit");
    assert!(turn.effects.iter().any(|effect| matches!(effect, Effect::Record(_))), "a record");
    turn.effects
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Reply(reply) => Some(reply),
            _ => None,
        })
        .expect("a reply")
}

fn in_account(person: Person) -> LoginRequest {
    LoginRequest { phase: Phase::Account, ..ssh_login(person) }
}

#[test]
fn nothing_of_a_restored_store_lets_in_whatever_the_rule_demands() {
    for require in [Requirement::Always, Requirement::Chosen, Requirement::Enrolled] {
        let mut world = World::new(require, Enrollment::AtLogin);
        world.policy.default.methods = vec![Method::Totp, Method::Backup];
        let phone = Phone::of(&world.enroll(&alice(), "phone"));
        let sheet = world.give_backup_codes(&alice());
        distrust(&mut world);
        for code in [phone.code(world.wall, 0), sheet[0].clone()] {
            let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
            assert_eq!(
                messages(&reply)[0],
                &Message::Refusal(Refusal::Restored { help: Some(help()) }),
                "{require:?}"
            );
            assert_eq!(answer(&mut world, &mut conversation, &code).state, DENY, "{require:?}");
            assert_eq!(world.events.last().and_then(|event| event.reason.as_deref()), Some("restored"));
        }
        assert_eq!(begin(&mut world, in_account(alice())).1.state, DENY);
    }
}

#[test]
fn an_enrollment_that_the_copy_lacks_is_not_made_up_by_the_password() {
    for require in [Requirement::Always, Requirement::Chosen, Requirement::Enrolled] {
        let mut world = World::new(require, Enrollment::AtLogin);
        distrust(&mut world);
        let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
        assert_eq!(reply.state, State::Ask);
        assert_eq!(answer(&mut world, &mut conversation, "1").state, DENY, "{require:?}");
        let dialogue = EnrollmentDialogue::begin(enroll_by_oneself(alice()), world.policy());
        let (_, reply) = world.turn(&dialogue, Event::Begun);
        assert_eq!(reply.expect("a reply").state, State::Failed);
        let seen = world.load(&alice());
        let foresight = foresee(ssh_login(alice()), &world.policy(), &seen, world.now());
        assert_eq!((foresight.course, foresight.reason), (Course::Refuse, Some("restored")));
    }
}

#[test]
fn a_security_key_waits_for_the_restored_store_to_be_accepted() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.default.accept = vec![countersign_core::policy::Accepted::SshSecurityKey];
    let mut request = ssh_login(alice());
    request.ssh.public_key = Some(countersign_core::login::PublicKey {
        algorithm: "sk-ssh-ed25519@openssh.com".to_owned(),
        fingerprint: "SHA256:x".to_owned(),
    });
    assert_eq!(begin(&mut world, request.clone()).1.state, ALLOW);
    assert_eq!(begin_unread(&mut world, request.clone()).state, UNAVAILABLE);
    distrust(&mut world);
    assert_eq!(begin(&mut world, request).1.state, State::Ask);
}

#[test]
fn whom_policy_asks_for_nothing_needs_no_store() {
    let mut world = World::new(Requirement::Never, Enrollment::SelfService);
    for request in [ssh_login(alice()), in_account(alice())] {
        assert_eq!(begin_unread(&mut world, request).state, SKIP);
    }
    assert_eq!(begin_unread(&mut world, ssh_login(stranger("mallory"))).state, DENY);
    distrust(&mut world);
    assert_eq!(begin(&mut world, ssh_login(alice())).1.state, SKIP);
    for require in [Requirement::Always, Requirement::Chosen, Requirement::Enrolled] {
        let mut watched = World::new(require, Enrollment::AtLogin);
        watched.policy.default.mode = Mode::Monitor;
        let mut off = World::new(require, Enrollment::AtLogin);
        off.policy.is_enabled = false;
        for mut world in [watched, off] {
            for request in [ssh_login(alice()), in_account(alice())] {
                assert_eq!(begin_unread(&mut world, request).state, SKIP);
            }
            assert_eq!(begin_unread(&mut world, ssh_login(stranger("mallory"))).state, DENY);
        }
    }
}

#[test]
fn whoever_needs_the_store_is_told_that_it_is_away_and_who_can_help() {
    for require in [Requirement::Always, Requirement::Chosen, Requirement::Enrolled] {
        let mut world = World::new(require, Enrollment::AtLogin);
        world.enroll(&alice(), "phone");
        alter(&mut world, |account| Account { chosen: true, ..account });
        for request in [ssh_login(alice()), in_account(alice()), ssh_login(stranger("mallory"))] {
            let reply = begin_unread(&mut world, request);
            assert_eq!(reply.state, UNAVAILABLE);
            assert_eq!(messages(&reply), [&Message::Refusal(Refusal::Unavailable { help: Some(help()) })]);
        }
        let asked = begin(&mut world, ssh_login(alice())).0;
        let turn = asked.unavailable("store-unavailable", world.now(), &mut world.entropy);
        assert!(turn.expect("a login").effects.iter().any(|effect| matches!(
            effect,
            Effect::Reply(Reply { state: State::Verdict(Verdict::Unavailable), lines }) if lines.len() == 1
        )));
    }
}

#[test]
fn an_accepted_restore_voids_what_can_be_replayed_and_keeps_the_app() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.default.methods = vec![Method::Totp, Method::Backup];
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let sheet = world.give_backup_codes(&alice());
    let before = world.load(&alice());
    alter(&mut world, |account| account.after(ONCE));
    let after = world.load(&alice());
    assert!(
        after.epoch.0 > before.epoch.0 + 1_000_000,
        "no change since the copy can have led to this epoch"
    );
    assert_eq!((after.era, after.is_doubtful, after.backup_codes.is_none()), (1, false, true));
    assert_eq!(after.clone().after(ONCE), after, "once");
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    assert_eq!(answer(&mut world, &mut conversation, &sheet[0]).state, State::Ask);
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
}

#[test]
fn counters_and_doubtful_accounts_are_refused_until_a_reset() {
    for (has_token, restores) in [(true, ONCE), (false, EVERYBODY)] {
        let mut world = World::new(Requirement::Enrolled, Enrollment::SelfService);
        world.policy.default.methods = vec![Method::Totp, Method::Hotp];
        let phone = Phone::of(&world.enroll(&alice(), "phone"));
        if has_token {
            world.enroll_token(&alice(), "fob");
        }
        alter(&mut world, |account| account.after(restores));
        let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
        assert_eq!(messages(&reply)[0], &Message::Refusal(Refusal::Restored { help: Some(help()) }));
        let code = phone.code(world.wall, 0);
        assert_eq!(answer(&mut world, &mut conversation, &code).state, DENY);
        reset_all(&mut world, &alice());
        assert!(!world.load(&alice()).is_in_doubt());
        assert_eq!(begin(&mut world, ssh_login(alice())).1.state, SKIP, "as after any reset");
    }
}

#[test]
fn changes_of_what_a_person_holds_are_told_from_use() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.enroll(&alice(), "phone");
    let account = world.load(&alice());
    let read = Account { held: Some(account.holdings()), ..account };
    assert!(!read.has_altered());
    let used = Account { epoch: countersign_core::account::Epoch(9), remembered: Vec::new(), ..read.clone() };
    assert!(!used.has_altered());
    assert!(Account { factors: Vec::new(), ..read.clone() }.has_altered());
    assert!(Account { chosen: !read.chosen, ..read.clone() }.has_altered());
    assert!(Account { held: None, ..read }.has_altered(), "an account that was not read");
}
