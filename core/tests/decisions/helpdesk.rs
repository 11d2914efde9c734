//! Rows H2, H3 and H4: who may act on whom, and what an act leaves.

use std::time::Duration;

use countersign_core::account::{Account, Coverage, Epoch, Revision, RuleName, UserName};
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::contact::EmailAddress;
use countersign_core::delivery::Recipient;
use countersign_core::factor::{Factor, FactorKind, FactorState, Method};
use countersign_core::helpdesk::{
    Act, Actor, Done, Entry, Kept, LoginUser, NewContacts, NotCovered, Presence, Reason, Refusal, Scope,
    Switch, Telling, delete, invite, may_act, refused, reset, set_chosen, set_contact, unlock,
};
use countersign_core::login::{Existence, Groups, Origin, Person};
use countersign_core::policy::{Enrollment, Matcher, Policy, Requirement, Rule};
use countersign_core::remember::{Remembered, Skipped};
use countersign_core::throttle::{Bucket, Counter, Standing, Throttle, UNTIL_RESET};
use countersign_core::time::{Now, WallTime};

use crate::people::{Seeded, account, at, factor, host, person, policy, rule, stranger, strings};

const NOW: Now = Now::at(
    WallTime::from_seconds(1_790_000_000),
    Duration::from_secs(100),
    WallTime::from_seconds(1_790_000_500),
);

fn dora() -> Actor {
    Actor::Other { uid: 1001, name: UserName::try_from("dora").unwrap() }
}

fn act(actor: Actor) -> Act {
    let reason = Reason::try_from("lost phone, seen in person").unwrap();
    Act { actor, login: None, reason, target: person("alice", 1000, &["staff"]), host: host() }
}

fn reset_now(account: &Account, act: &Act, scope: Scope) -> Done {
    reset(account, act, scope, &policy(vec![]), &mut Seeded(9), NOW)
}

fn unlock_now(account: &Account, act: &Act) -> Done {
    unlock(account, act, &policy(vec![]), &mut Seeded(9), NOW)
}

/// A policy under which alice needs an invitation, that may live for a day.
fn by_invitation() -> Policy {
    let invited = Rule {
        enroll: Enrollment::Invited,
        invite_for_limit: Duration::from_hours(24),
        ..rule("it", Requirement::Always, Matcher { users: strings(&["alice"]), ..Matcher::default() })
    };
    policy(vec![invited])
}

fn locked_account() -> Account {
    let mut account = account("alice");
    account.revision = Revision(7);
    account.epoch = Epoch(2);
    account.factors = vec![
        factor(1, FactorState::Active { since: at(1) }),
        factor(2, FactorState::Pending { since: at(2) }),
    ];
    account.remember_source("198.51.100.7".parse().unwrap(), at(3));
    account.coverage = Some(Coverage { rule: RuleName::try_from("students").unwrap(), since: at(4) });
    let limits = policy(vec![]).settings.limits;
    for _ in 0..5 {
        let _ = account.throttle.charge(Bucket::UnknownSource, NOW.floor, &limits);
    }
    account
}

/// A policy under which e-mails are sent.
fn with_mail() -> Policy {
    let mut policy = policy(vec![]);
    policy.settings.channels.email = true;
    policy
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::try_from(text).unwrap()
}

fn told(done: &Done) -> Vec<&str> {
    done.outgoing.iter().map(|message| message.recipient.address()).collect()
}

#[test]
fn a_reset_takes_places_sent_codes_and_what_was_put_off_and_tells_the_person() {
    let mut before = locked_account();
    let mailbox = Recipient::Email(address("alice@example.org"));
    before
        .factors
        .push(Factor { kind: FactorKind::Sent(mailbox), ..factor(3, FactorState::Active { since: at(1) }) });
    before.remembered = vec![Remembered {
        address: "198.51.100.7".parse().unwrap(),
        service: "sshd".into(),
        key: None,
        rule: RuleName::try_from("students").unwrap(),
        terms: "terms".into(),
        epoch: Epoch(2),
        since: at(1),
        until: at(1_000),
    }];
    before.skipped =
        Some(Skipped { rule: RuleName::try_from("students").unwrap(), count: 1, counted: at(1) });
    let done = reset(&before, &act(dora()), Scope::All, &with_mail(), &mut Seeded(9), NOW);
    assert!(done.account.remembered.is_empty() && done.account.sent.is_empty());
    assert_eq!(done.account.skipped, None);
    assert_eq!(told(&done), ["alice@example.org"], "at the address that is gone");
    let one = reset(&before, &act(dora()), Scope::Only(Method::Email), &with_mail(), &mut Seeded(9), NOW);
    assert_eq!((one.removed, one.account.factors.len()), (1, 2));
}

#[test]
fn a_new_contact_is_told_to_the_old_and_the_new_address_and_turns_no_code() {
    let mut before = account("alice");
    let own = Recipient::Email(address("own@example.org"));
    before
        .factors
        .push(Factor { kind: FactorKind::Sent(own), ..factor(3, FactorState::Active { since: at(1) }) });
    before.contacts.email = Some(address("old@example.org"));
    let new = |email| NewContacts { telling: Telling::OldAndNew, email, phone: Entry::Keep };
    let set = |email| set_contact(&before, &act(dora()), &new(email), &with_mail(), &mut Seeded(9), NOW);

    let done = set(Entry::Set(address("new@example.org")));
    assert_eq!(done.account.contacts.email, Some(address("new@example.org")));
    assert_eq!(done.account.factors, before.factors);
    assert_eq!(done.account.epoch, before.epoch, "nothing that was set up is void");
    assert_eq!(told(&done), ["own@example.org", "old@example.org", "new@example.org"]);
    assert_eq!(done.event.event, EventId::ContactSet);
    assert_eq!(done.event.change.as_deref(), Some("email"));
    assert!(!done.event.canonical().contains("example.org\""), "the audit keeps no address");

    assert_eq!(set(Entry::Clear).account.contacts.email, None);
    let same = set(Entry::Set(address("old@example.org")));
    assert!(same.outgoing.is_empty(), "nothing changed, nothing is told");
}

#[test]
fn a_list_tells_only_those_who_had_an_address() {
    let new = |telling| {
        let email = Entry::Set(address("new@example.org"));
        NewContacts { telling, email, phone: Entry::Keep }
    };
    let set = |before: &Account, telling| {
        set_contact(before, &act(dora()), &new(telling), &with_mail(), &mut Seeded(9), NOW)
    };
    let mut before = account("alice");
    assert!(told(&set(&before, Telling::WhoHadOne)).is_empty());
    assert_eq!(told(&set(&before, Telling::OldAndNew)), ["new@example.org"]);
    before.contacts.email = Some(address("old@example.org"));
    assert_eq!(told(&set(&before, Telling::WhoHadOne)), ["old@example.org", "new@example.org"]);
}

#[test]
fn every_act_is_told_once_it_changes_something() {
    let mut before = locked_account();
    before.contacts.email = Some(address("alice@example.org"));
    let (policy, act) = (with_mail(), act(dora()));
    let unlocked = unlock(&before, &act, &policy, &mut Seeded(9), NOW);
    assert_eq!(told(&unlocked), ["alice@example.org"]);
    assert!(told(&unlock(&unlocked.account, &act, &policy, &mut Seeded(9), NOW)).is_empty());
    let invited = invite(&before, &act, Duration::from_hours(1), &policy, &mut Seeded(9), NOW).unwrap();
    assert_eq!(told(&invited.done), ["alice@example.org"]);
    let text = |done: &Done| {
        done.outgoing.first().map(|message| message.letter.text.expose().clone()).unwrap_or_default()
    };
    assert!(!text(&invited.done).contains(invited.code.expose()), "the code is the helpdesk's to give");
}

#[test]
fn the_helpdesk_acts_on_ordinary_people_only() {
    let policy = policy(vec![]);
    let verdict = |target: &Person| may_act(&dora(), target, &policy);
    assert_eq!(verdict(&person("alice", 1000, &["staff"])), Ok(()));
    assert_eq!(verdict(&person("root", 0, &[])), Err(Refusal::TargetIsRoot));
    assert_eq!(verdict(&person("toor", 0, &[])), Err(Refusal::TargetIsRoot));
    let admin = person("bob", 1002, &["staff", "sudo"]);
    assert_eq!(verdict(&admin), Err(Refusal::Protected("sudo".to_owned())));
    assert_eq!(verdict(&person("dora", 1001, &[])), Err(Refusal::Oneself));
    assert_eq!(verdict(&person("dora.d", 1001, &[])), Err(Refusal::Oneself), "an alias of the same uid");
    assert_eq!(verdict(&person("dora", 4711, &[])), Err(Refusal::Oneself), "the same name under another uid");
    assert_eq!(verdict(&stranger("gone")), Err(Refusal::UnknownPerson));
}

#[test]
fn the_helpdesk_does_not_act_while_groups_are_not_all_known() {
    let incomplete =
        |names: &[&str]| Person { groups: Groups::Incomplete(strings(names)), ..person("alice", 1000, &[]) };
    let policy = policy(vec![]);
    assert_eq!(may_act(&dora(), &incomplete(&["staff"]), &policy), Err(Refusal::GroupsIncomplete));
    assert_eq!(may_act(&dora(), &incomplete(&["sudo"]), &policy), Err(Refusal::Protected("sudo".to_owned())));
}

#[test]
fn root_acts_on_everybody() {
    let policy = policy(vec![]);
    let existence = Existence::Known { uid: 0, origin: Origin::Local };
    let root = Person { existence, groups: Groups::Incomplete(strings(&["root"])), ..person("root", 0, &[]) };
    for target in [root, stranger("gone"), person("bob", 1002, &["sudo"])] {
        assert_eq!(may_act(&Actor::Root, &target, &policy), Ok(()));
    }
}

#[test]
fn a_reason_is_one_printable_line_of_at_most_200_bytes() {
    assert_eq!(Reason::try_from(" lost phone ").unwrap().as_str(), "lost phone");
    assert!(Reason::try_from("x".repeat(200).as_str()).is_ok());
    let long = "x".repeat(201);
    for bad in ["", "   ", "a\nb", "a\rb", "a\u{1b}[2J", "a\u{202e}b", &long] {
        assert!(Reason::try_from(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_reset_removes_factors_counters_and_known_sources_and_begins_deadlines_anew() {
    let before = locked_account();
    let done = reset_now(&before, &act(dora()), Scope::All);
    assert_eq!((done.removed, done.was_locked, done.needs_reset), (2, true, false));
    let expected = Account {
        factors: Vec::new(),
        throttle: Throttle::default(),
        known_sources: Vec::new(),
        epoch: Epoch(3),
        coverage: Some(Coverage { rule: RuleName::try_from("students").unwrap(), since: NOW.latest() }),
        changed: NOW.latest(),
        ..before.clone()
    };
    assert_eq!(done.account, expected, "and keeps identity, revision and the key of codes");
    let event = done.event;
    assert_eq!(event.event, EventId::UserReset);
    assert_eq!(event.actor, "uid:1001 (dora)");
    assert_eq!(event.reason.as_deref(), Some("lost phone, seen in person"));
    assert_eq!(event.subject.unwrap().account, Some(before.id.to_string()));
    assert_eq!((event.factor, event.at), (None, NOW.wall.as_seconds()), "a record has the wall clock's time");
}

#[test]
fn a_reset_forgets_the_uid_so_that_whoever_bears_the_name_now_begins_anew() {
    let mut account = locked_account();
    account.uids.insert(host().id, 1000);
    assert!(reset_now(&account, &act(Actor::Root), Scope::All).account.uids.is_empty());
    assert_eq!(unlock_now(&account, &act(Actor::Root)).account.uids, account.uids);
}

#[test]
fn a_reset_of_one_method_is_recorded_as_such() {
    let done = reset_now(&locked_account(), &act(Actor::Root), Scope::Only(Method::Totp));
    assert_eq!(done.removed, 2);
    assert!(done.account.factors.is_empty());
    assert_eq!((done.event.factor.as_deref(), done.event.actor.as_str()), (Some("totp"), "root"));
}

#[test]
fn a_reset_ends_a_lock_that_needs_one_and_an_unlock_says_that_it_does_not() {
    let mut stopped = locked_account();
    let hard_stop = Counter { in_a_row: 100, locked_until: Some(UNTIL_RESET), ..Counter::default() };
    stopped.throttle.buckets.insert(Bucket::KnownSource, hard_stop);
    let unlocked = unlock_now(&stopped, &act(dora()));
    assert!(unlocked.was_locked && unlocked.needs_reset);
    assert_eq!(unlocked.account.throttle.standing(Bucket::UnknownSource, NOW.latest()), Standing::Open);
    assert_eq!(unlocked.account.throttle.standing(Bucket::KnownSource, NOW.latest()), Standing::NeedsReset);
    let done = reset_now(&stopped, &act(dora()), Scope::All);
    assert_eq!(done.account.throttle.worst(NOW.latest()), Standing::Open);
}

#[test]
fn an_unlock_ends_locks_and_leaves_everything_else() {
    let before = locked_account();
    let done = unlock_now(&before, &act(dora()));
    assert_eq!((done.removed, done.was_locked, done.needs_reset), (0, true, false));
    assert_eq!(done.account.throttle.worst(NOW.latest()), Standing::Open);
    let Account { throttle, changed, .. } = done.account.clone();
    assert_eq!(done.account, Account { throttle, changed, ..before });
    assert_eq!(done.event.event, EventId::UserUnlocked);
    let again = unlock_now(&done.account, &act(dora()));
    assert!(!again.was_locked);
}

#[test]
fn a_refused_act_is_recorded_with_the_reason_of_the_refusal() {
    let event = refused(&locked_account(), &act(dora()), &Refusal::Oneself, NOW);
    assert_eq!(event.event, EventId::ActRefused);
    assert_eq!(event.reason.as_deref(), Some("oneself"));
    assert_eq!(event.actor, "uid:1001 (dora)");
}

#[test]
fn an_invitation_lives_as_long_as_was_asked_and_no_longer_than_a_rule_allows() {
    let life = |hours: u64, policy: &Policy| {
        let asked = Duration::from_hours(hours);
        let invited = invite(&account("alice"), &act(dora()), asked, policy, &mut Seeded(9), NOW).unwrap();
        invited.expires.since(NOW.wall)
    };
    assert_eq!(life(3, &by_invitation()), Duration::from_hours(3));
    assert_eq!(life(48, &by_invitation()), Duration::from_hours(24));
    assert_eq!(life(48, &policy(vec![])), Duration::from_hours(1));
    let mut endless = by_invitation();
    endless.rules[0].invite_for_limit = Duration::from_hours(10_000);
    assert_eq!(life(10_000, &endless), Duration::from_hours(7 * 24));
}

#[test]
fn an_invitation_is_told_once_and_not_recorded() {
    let asked = Duration::from_hours(1);
    let invited =
        invite(&account("alice"), &act(dora()), asked, &by_invitation(), &mut Seeded(9), NOW).unwrap();
    let code = invited.code.expose().clone();
    let groups: Vec<&str> = code.split('-').collect();
    assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4, 4, 4]);
    let record = invited.done.event.canonical();
    assert!(!record.contains(&code) && !format!("{invited:?}").contains(&code));
    assert_eq!(invited.done.event.event, EventId::InvitationMade);
    assert!(invited.done.account.is_invited(NOW.latest()));
    assert!(!invited.done.account.is_invited(NOW.latest().after(asked)));
}

#[test]
fn a_reset_takes_codes_and_invitations_and_invites_anew_where_that_is_needed() {
    let mut before = locked_account();
    before.chosen = true;
    let _ = before.make_backup_codes(at(5), &mut Seeded(3));
    let _ = before.invite(NOW.latest().after(Duration::from_hours(1)), &mut Seeded(4));
    let free = reset_now(&before, &act(dora()), Scope::All);
    assert_eq!((free.account.backup_codes, free.account.invitation, free.invitation), (None, None, None));
    assert!(free.account.chosen, "who was chosen stays so");
    let done = reset(&before, &act(dora()), Scope::All, &by_invitation(), &mut Seeded(9), NOW);
    let issued = done.invitation.expect("an invitation");
    assert_eq!(issued.expires, NOW.wall.after(Duration::from_hours(1)), "as the wall clock will say");
    assert_ne!(done.account.invitation, before.invitation);
    assert_eq!(done.event.change.as_deref(), Some("invitation"));
}

#[test]
fn a_reset_of_the_backup_codes_leaves_the_factors() {
    let mut before = locked_account();
    let _ = before.make_backup_codes(at(5), &mut Seeded(3));
    let codes = reset_now(&before, &act(dora()), Scope::Only(Method::Backup)).account;
    assert_eq!((codes.backup_codes, codes.factors.len()), (None, 2));
    let apps = reset_now(&before, &act(dora()), Scope::Only(Method::Totp)).account;
    assert_eq!((apps.backup_codes, apps.factors.len()), (None, 0), "codes alone are no factor");
    let tokens = reset_now(&before, &act(dora()), Scope::Only(Method::Hotp)).account;
    assert_eq!((tokens.backup_codes, tokens.factors.len()), (before.backup_codes, 2));
}

#[test]
fn the_second_factor_is_switched_only_where_a_rule_asks_the_chosen() {
    let chosen =
        rule("it", Requirement::Chosen, Matcher { users: strings(&["alice"]), ..Matcher::default() });
    let covered = policy(vec![chosen]);
    let switch = |account: &Account, switch, policy: &Policy| {
        set_chosen(account, &act(dora()), switch, policy, &mut Seeded(9), NOW)
    };
    let on = switch(&account("alice"), Switch::On, &covered).expect("covered");
    assert!(on.account.chosen);
    assert_eq!((on.event.event, on.event.change.as_deref()), (EventId::ChosenSet, Some("on")));
    let off = switch(&on.account, Switch::Off, &covered).expect("covered");
    assert!(!off.account.chosen);
    let refusal = switch(&account("alice"), Switch::On, &policy(vec![])).expect_err("not covered");
    assert_eq!(
        refusal.to_string(),
        "Second factor not available here: no rule with require = \"chosen\" covers alice"
    );
}

fn deleted(kept: Kept<'_>, actor: Actor, target: Person, presence: Presence) -> Result<AuditEvent, Refusal> {
    delete(kept, &Act { target, ..act(actor) }, presence, &policy(vec![]), NOW)
}

#[test]
fn only_what_is_kept_of_users_who_are_gone_or_cannot_be_read_is_deleted() {
    let account = locked_account();
    let (kept, spoiled) = (Kept::Readable(&account), Kept::Unreadable(account.id));
    let alice = || person("alice", 1000, &["staff"]);
    let event = deleted(kept, Actor::Root, stranger("alice"), Presence::Gone).unwrap();
    assert_eq!((event.event, event.change.as_deref()), (EventId::UserDeleted, Some("gone")));
    assert_eq!(event.subject.unwrap().user, "alice");
    let event = deleted(spoiled, dora(), alice(), Presence::Known).unwrap();
    assert_eq!((event.change.as_deref(), event.at), (Some("unreadable"), NOW.wall.as_seconds()));
    assert_eq!(event.subject.unwrap().account, Some(account.id.to_string()));
    for actor in [Actor::Root, dora()] {
        let refused = deleted(kept, actor.clone(), alice(), Presence::Known).unwrap_err();
        assert_eq!(refused.word(), "still-known");
        assert!(deleted(kept, actor, stranger("alice"), Presence::Gone).is_ok());
    }
}

#[test]
fn the_helpdesk_deletes_neither_the_protected_nor_itself_nor_who_may_be_there() {
    let account = locked_account();
    let (kept, spoiled) = (Kept::Readable(&account), Kept::Unreadable(account.id));
    let protected = person("alice", 1000, &["sudo"]);
    assert_eq!(
        deleted(spoiled, dora(), protected.clone(), Presence::Known),
        Err(Refusal::Protected("sudo".to_owned()))
    );
    assert!(deleted(spoiled, Actor::Root, protected, Presence::Known).is_ok());
    assert_eq!(deleted(kept, dora(), stranger("dora"), Presence::Gone), Err(Refusal::Oneself));
    assert_eq!(deleted(spoiled, dora(), stranger("root"), Presence::Gone), Err(Refusal::TargetIsRoot));
    assert_eq!(deleted(kept, dora(), stranger("alice"), Presence::Untold), Err(Refusal::UnknownPerson));
    assert!(deleted(kept, Actor::Root, stranger("alice"), Presence::Untold).is_ok());
    let mut was_root = account.clone();
    was_root.uids.insert(host().id, 0);
    let refused = deleted(Kept::Readable(&was_root), dora(), stranger("toor"), Presence::Gone);
    assert_eq!(refused, Err(Refusal::TargetIsRoot));
}

#[test]
fn the_record_tells_as_whom_root_logged_in() {
    let login = Some(LoginUser { uid: 1001, name: UserName::try_from("dora").unwrap() });
    let account = locked_account();
    let by_dora = Act { login, ..act(Actor::Root) };
    let events = [
        reset_now(&account, &by_dora, Scope::All).event,
        unlock_now(&account, &by_dora).event,
        refused(&account, &by_dora, &Refusal::Oneself, NOW),
        delete(Kept::Readable(&account), &by_dora, Presence::Gone, &policy(vec![]), NOW).unwrap(),
    ];
    for event in events {
        assert_eq!((event.actor.as_str(), event.login_uid), ("root", Some(1001)), "{event:?}");
        assert_eq!(event.login_name.as_deref(), Some("dora"));
        let canonical = event.canonical();
        assert!(
            canonical.contains("\"actor\":\"root\",\"login_uid\":1001,\"login_name\":\"dora\""),
            "{canonical}"
        );
    }
    let unknown = unlock_now(&account, &act(Actor::Root)).event;
    assert!(!unknown.canonical().contains("login_"), "{unknown:?}");
}

#[test]
fn nobody_is_invited_while_the_second_factor_is_switched_off() {
    let mut off = policy(vec![]);
    off.is_enabled = false;
    let invited = invite(&locked_account(), &act(dora()), Duration::from_hours(1), &off, &mut Seeded(9), NOW);
    assert_eq!(invited, Err(NotCovered::SwitchedOff));
}
