//! Enrollments that are void from a time on (row P3): they open nothing, they block nothing, and they are kept.

use std::time::Duration;

use countersign_core::account::{Account, Coverage, FACTOR_LIMIT, RuleName};
use countersign_core::contact::EmailAddress;
use countersign_core::conversation::Event;
use countersign_core::conversation::backup_codes::{BackupCodes, BackupCodesRequest};
use countersign_core::conversation::enrollment::{Enrollment as Dialogue, EnrollmentRequest};
use countersign_core::conversation::login::{Course, Login, foresee};
use countersign_core::conversation::{Conversation, Reply, State, Verdict};
use countersign_core::delivery::Recipient;
use countersign_core::factor::Method;
use countersign_core::helpdesk::{NotCovered, Scope, Switch, reset, set_chosen};
use countersign_core::login::{Groups, LoginRequest, Person};
use countersign_core::policy::{Enrollment, Matcher, Mode, Requirement, Rule, SkipRule};
use countersign_core::time::WallTime;
use countersign_core::words::{Message, Note, Prompt, Refusal, Setup};

use crate::phone::Phone;
use crate::world::{START, World, act, host, person, ssh_login};

/// A world in which what alice has set up is void from now on, and the dialogue under way.
struct Stage {
    world: World,
    alice: Person,
    /// Her old app.
    phone: Phone,
    conversation: Conversation,
}

fn voided(enroll: Enrollment) -> Stage {
    let mut world = World::new(Requirement::Always, enroll);
    let alice = person("alice", 1000);
    let phone = Phone::of(&world.enroll(&alice, "phone"));
    world.policy.default.enrolled_after = Some(world.wall);
    Stage { world, alice, phone, conversation: Conversation::End }
}

impl Stage {
    fn turn(&mut self, event: Event) -> Reply {
        let (next, reply) = self.world.turn(&self.conversation.clone(), event);
        self.conversation = next;
        reply.expect("a reply")
    }

    fn log_in(&mut self) -> Reply {
        self.conversation = Login::begin(ssh_login(self.alice.clone()), self.world.policy());
        self.turn(Event::Begun)
    }

    /// Begins to set up an app by oneself.
    fn set_up(&mut self) -> Reply {
        let request = EnrollmentRequest {
            person: self.alice.clone(),
            host: host(),
            method: Method::Totp,
            label: None,
            replace: None,
            recipient: None,
            draws_qr: false,
            language: None,
        };
        self.conversation = Dialogue::begin(request, self.world.policy());
        self.turn(Event::Begun)
    }

    fn say(&mut self, text: &str) -> Reply {
        self.turn(Event::Answered(text.to_owned().into()))
    }

    /// Types the code that an app shows now.
    fn give(&mut self, phone: &Phone) -> Reply {
        let code = phone.code(self.world.wall, 0);
        self.say(&code)
    }

    /// Sets up a new app in a login.
    fn enroll_at_login(&mut self) {
        let phone = key(&self.log_in());
        assert_eq!(self.give(&phone).state, State::Verdict(Verdict::Allow));
    }

    fn course(&mut self) -> (Course, Option<&'static str>) {
        course(&mut self.world, ssh_login(self.alice.clone()))
    }

    fn account(&mut self) -> Account {
        self.world.load(&self.alice)
    }
}

fn rule(world: &World, name: &str, service: &str) -> Rule {
    let matcher = Matcher { services: vec![service.to_owned()], ..Matcher::default() };
    let name = RuleName::try_from(name).expect("a name");
    Rule { name, matcher, enrolled_after: None, ..world.policy.default.clone() }
}

fn course(world: &mut World, request: LoginRequest) -> (Course, Option<&'static str>) {
    let (account, now) = (world.load(&request.person), world.now());
    foresee(request, &world.policy(), &account, now).outcome()
}

fn prompt(reply: &Reply) -> Option<&Message> {
    reply.lines.last().and_then(|line| line.messages.last())
}

fn key(reply: &Reply) -> Phone {
    let messages = reply.lines.iter().flat_map(|line| &line.messages);
    let key = messages.into_iter().find_map(|message| match message {
        Message::Setup(Setup::Key { key, .. }) => Some(Phone::typed(key.expose())),
        _ => None,
    });
    key.expect("a key on the screen")
}

#[test]
fn a_time_to_come_voids_nothing_and_hides_no_earlier_one() {
    let mut stage = voided(Enrollment::AtLogin);
    assert_eq!(stage.course(), (Course::Enroll, None));
    stage.world.policy.default.enrolled_after = Some(stage.world.wall.after(Duration::from_secs(1)));
    assert_eq!(stage.course(), (Course::Ask, None));
    stage.world.policy.enrolled_after = Some(stage.world.wall);
    assert_eq!(stage.course(), (Course::Enroll, None));
    stage.world.policy.enrolled_after = None;
    stage.world.wait(1);
    assert_eq!(stage.course(), (Course::Enroll, None));
}

#[test]
fn what_is_void_is_kept_by_every_commit_and_counts_where_no_rule_voids_it() {
    let mut stage = voided(Enrollment::AtLogin);
    let _ = stage.world.give_backup_codes(&stage.alice);
    stage.enroll_at_login();
    let account = stage.account();
    assert_eq!((account.factors.len(), account.void_before), (2, WallTime::default()));
    stage.world.policy.default.enrolled_after = None;
    stage.world.wait(30);
    let _ = stage.log_in();
    let old = stage.phone.clone();
    assert_eq!(stage.give(&old).state, State::Verdict(Verdict::Allow));
}

/// As before, with as many void factors as one may hold.
fn full(enroll: Enrollment) -> Stage {
    let mut stage = voided(enroll);
    for number in 1..FACTOR_LIMIT {
        let _ = stage.world.enroll(&stage.alice, &format!("phone no. {number}"));
    }
    stage
}

#[test]
fn as_many_void_factors_as_one_may_hold_block_nobody_and_only_the_oldest_makes_room() {
    let labels = |account: &Account| -> Vec<String> {
        account.factors.iter().map(|factor| factor.label.to_string()).collect()
    };
    let mut stage = full(Enrollment::AtLogin);
    let before = labels(&stage.account());
    stage.enroll_at_login();
    let after = labels(&stage.account());
    assert_eq!(after.len(), FACTOR_LIMIT);
    assert_eq!(after.get(..FACTOR_LIMIT - 1), before.get(1..));
    let mut stage = full(Enrollment::SelfService);
    let _ = stage.set_up();
    let phone = key(&stage.say("yes"));
    assert_eq!(stage.give(&phone).state, State::Done);
    assert_eq!(labels(&stage.account()).get(..FACTOR_LIMIT - 1), before.get(1..));
}

#[test]
fn the_time_for_enrolling_begins_anew_when_what_was_enrolled_becomes_void() {
    let mut stage = voided(Enrollment::AtLogin);
    let week = Duration::from_hours(7 * 24);
    stage.world.policy.default.enroll_within = Some(week);
    let mut account = stage.account();
    let since = WallTime::from_seconds(START).before(week * 50);
    account.coverage = Some(Coverage { rule: stage.world.policy.default.name.clone(), since });
    stage.world.store(account);
    assert_eq!(stage.course(), (Course::Enroll, None));
    stage.world.wait(week.as_secs());
    assert_eq!(stage.course(), (Course::Enroll, None));
    stage.world.wait(1);
    assert_eq!(stage.course(), (Course::Invite, None));
}

#[test]
fn what_some_rule_honors_is_asked_for_before_anything_is_set_up() {
    let mut stage = voided(Enrollment::SelfService);
    // Everything is void: the first factor anew.
    let reply = stage.set_up();
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::Yes)));
    // The rule for sudo honors the old app: whoever sits at the session alone sets up nothing that it would honor as well.
    stage.world.policy.rules = vec![rule(&stage.world, "sudo", "sudo")];
    let reply = stage.set_up();
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::CurrentCode)));
    let wrong = stage.phone.wrong(stage.world.wall, 0);
    let reply = stage.say(&wrong);
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::CurrentCode)));
    let old = stage.phone.clone();
    let new = key(&stage.give(&old));
    assert_eq!(stage.give(&new).state, State::Done);
    assert_eq!(stage.course(), (Course::Ask, None));
}

#[test]
fn an_invitation_is_needed_where_a_rule_that_voids_wants_one_whatever_another_honors() {
    let mut stage = voided(Enrollment::Invited);
    stage.world.policy.rules = vec![rule(&stage.world, "sudo", "sudo")];
    let reply = stage.set_up();
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::Invitation)));
}

#[test]
fn a_rule_that_is_only_watched_voids_nothing_in_self_service_and_wants_no_invitation_at_login() {
    let mut stage = voided(Enrollment::SelfService);
    stage.world.policy.default.mode = Mode::Monitor;
    let reply = stage.set_up();
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::CurrentCode)));
    stage.world.policy.default.enroll = Enrollment::Invited;
    let base = rule(&stage.world, "ssh", "sshd");
    stage.world.policy.rules = vec![Rule { mode: Mode::Enforce, enroll: Enrollment::AtLogin, ..base }];
    stage.alice = person("bob", 1001);
    assert_eq!(stage.course(), (Course::Enroll, None));
}

#[test]
fn void_backup_codes_prove_nothing_and_come_anew_with_the_first_factor() {
    let mut stage = voided(Enrollment::AtLogin);
    stage.world.policy.default.methods = vec![Method::Totp, Method::Backup];
    let old = stage.world.give_backup_codes(&stage.alice);
    stage.world.wait(60);
    stage.world.policy.default.enrolled_after = Some(stage.world.wall);
    let request = BackupCodesRequest { person: stage.alice.clone(), host: host(), language: None };
    stage.conversation = BackupCodes::begin(request, stage.world.policy());
    let reply = stage.turn(Event::Begun);
    assert_eq!(prompt(&reply), Some(&Message::Refusal(Refusal::NothingSetUp)));
    let phone = key(&stage.log_in());
    let reply = stage.give(&phone);
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::Saved)));
    let _ = stage.say("saved");
    let _ = stage.log_in();
    assert_eq!(stage.say(old.first().expect("a code")).state, State::Ask);
}

#[test]
fn the_owner_of_a_void_address_is_told_when_something_else_is_set_up() {
    let mut stage = voided(Enrollment::AtLogin);
    stage.world.policy.settings.channels.email = true;
    let address = EmailAddress::try_from("alice@example.org").expect("an address");
    let recipient = Recipient::Email(address);
    let _ = stage.world.enroll_recipient(&stage.alice, "letters", recipient.clone());
    stage.enroll_at_login();
    assert!(stage.world.mailbox.mails.iter().any(|mail| mail.outgoing.recipient == recipient));
}

#[test]
fn a_reset_makes_an_invitation_where_what_is_left_is_void() {
    let mut stage = voided(Enrollment::Invited);
    let (account, now) = (stage.account(), stage.world.now());
    let (alice, World { policy, entropy, .. }) = (&stage.alice, &mut stage.world);
    let tokens = Scope::Only(Method::Hotp);
    let done = reset(&account, &act(alice), tokens, policy, entropy, now);
    assert!(done.invitation.is_some());
    assert_eq!((done.account.factors.len(), done.account.void_before), (1, WallTime::default()));
    policy.default.enrolled_after = None;
    let done = reset(&account, &act(alice), tokens, policy, entropy, now);
    assert!(done.invitation.is_none());
    // While the factor is switched off nobody can set up anything, invited or not.
    policy.is_enabled = false;
    let done = reset(&account, &act(alice), Scope::All, policy, entropy, now);
    assert!(done.invitation.is_none());
}

#[test]
fn nobody_is_chosen_while_the_factor_is_switched_off() {
    let mut world = World::new(Requirement::Chosen, Enrollment::AtLogin);
    let alice = person("alice", 1000);
    let (account, now) = (world.load(&alice), world.now());
    let World { policy, entropy, .. } = &mut world;
    assert!(set_chosen(&account, &act(&alice), Switch::On, policy, entropy, now).is_ok());
    policy.is_enabled = false;
    let refused = set_chosen(&account, &act(&alice), Switch::On, policy, entropy, now);
    assert_eq!(refused, Err(NotCovered::SwitchedOff));
}

#[test]
fn who_could_not_enroll_while_the_factor_was_off_has_the_whole_time_from_when_it_is_on_again() {
    let mut stage = voided(Enrollment::AtLogin);
    let (week, covered) = (Duration::from_hours(7 * 24), stage.world.wall);
    stage.world.policy.default.enrolled_after = None;
    stage.world.policy.default.enroll_within = Some(week);
    let mut account = stage.account();
    account.coverage = Some(Coverage { rule: stage.world.policy.default.name.clone(), since: covered });
    stage.world.store(account);
    // Off for longer than anybody had; all that was enrolled is void since it went off.
    stage.world.wait(week.as_secs() + 60);
    stage.world.policy.enrolled_after = Some(covered.after(Duration::from_secs(30)));
    assert_eq!(stage.course(), (Course::Invite, None));
    stage.world.policy.open_from = Some(stage.world.wall);
    assert_eq!(stage.course(), (Course::Enroll, None));
    stage.world.wait(week.as_secs());
    assert_eq!(stage.course(), (Course::Enroll, None));
    stage.world.wait(1);
    assert_eq!(stage.course(), (Course::Invite, None));
}

#[test]
fn who_never_enrolled_gets_no_time_anew_when_enrollments_become_void() {
    let mut stage = voided(Enrollment::AtLogin);
    let week = Duration::from_hours(7 * 24);
    stage.world.policy.default.enroll_within = Some(week);
    let bob = person("bob", 1001);
    let mut account = stage.world.load(&bob);
    let rule = stage.world.policy.default.name.clone();
    account.coverage = Some(Coverage { rule, since: stage.world.wall });
    stage.world.store(account);
    stage.world.wait(week.as_secs() + 1);
    stage.world.policy.default.enrolled_after = Some(stage.world.wall);
    assert_eq!(course(&mut stage.world, ssh_login(bob)), (Course::Invite, None));
    assert_eq!(stage.course(), (Course::Enroll, None), "alice had set up an app");
}

#[test]
fn nobody_puts_off_what_replaces_something_void() {
    let mut stage = voided(Enrollment::AtLogin);
    stage.world.policy.default.skip = Some(SkipRule { times: None, until: None });
    let reply = stage.log_in();
    let offers = |reply: &Reply| {
        let mut messages = reply.lines.iter().flat_map(|line| &line.messages);
        messages.any(|message| matches!(message, Message::Note(Note::MaySkip { .. })))
    };
    assert!(!offers(&reply));
    assert_eq!(stage.say("skip").state, State::Ask);
    // Who has nothing that is void may.
    stage.alice = person("bob", 1001);
    assert!(offers(&stage.log_in()));
    assert_eq!(stage.say("skip").state, State::Verdict(Verdict::Skip));
}

/// A stage in which what alice set up is void at sshd and honored by the rule of another service.
fn honored_elsewhere() -> (Stage, LoginRequest) {
    let mut stage = voided(Enrollment::AtLogin);
    stage.world.policy.rules = vec![rule(&stage.world, "vpn", "openvpn")];
    let vpn = LoginRequest { service: "openvpn".into(), ..ssh_login(stage.alice.clone()) };
    assert_eq!(course(&mut stage.world, vpn.clone()), (Course::Ask, None), "vpn asks for the old app");
    (stage, vpn)
}

fn shows_key(reply: &Reply) -> bool {
    let mut messages = reply.lines.iter().flat_map(|line| &line.messages);
    messages.any(|message| matches!(message, Message::Setup(Setup::Key { .. })))
}

#[test]
fn the_password_alone_sets_up_nothing_that_a_rule_would_take_which_honors_what_is_void_here() {
    let (mut stage, _) = honored_elsewhere();
    assert_eq!(stage.course(), (Course::Enroll, None));
    let reply = stage.log_in();
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::CurrentCode)));
    let before = stage.account();
    for answer in ["123456", "new", "skip", "123456", "123456"] {
        assert!(!shows_key(&reply));
        let reply = stage.say(answer);
        assert!(!shows_key(&reply), "{answer}");
        assert!(!matches!(reply.state, State::Verdict(Verdict::Allow | Verdict::Skip)), "{answer}");
    }
    let after = stage.account();
    assert_eq!(after.factors, before.factors);
    assert_ne!(after.throttle, before.throttle, "wrong codes are charged");
    assert!(matches!(stage.conversation, Conversation::End), "three codes and no more");
    // Nor is there a way around them by more logins.
    for _ in 0..20 {
        let reply = stage.log_in();
        assert!(!shows_key(&reply));
        let _ = stage.say("123456");
    }
    assert_eq!(stage.course().0, Course::Refuse, "wrong codes lock");
}

#[test]
fn a_code_of_what_is_honored_elsewhere_leads_to_setting_up_and_is_used_up() {
    let (mut stage, vpn) = honored_elsewhere();
    let old = stage.phone.clone();
    let code = old.code(stage.world.wall, 0);
    let _ = stage.log_in();
    let reply = stage.say(&code);
    assert_eq!(reply.state, State::Ask, "it lets nobody in");
    let new = key(&reply);
    stage.world.given = None;
    // The same code is good nowhere else.
    let kept = stage.conversation.clone();
    stage.conversation = Login::begin(vpn, stage.world.policy());
    let _ = stage.turn(Event::Begun);
    assert_ne!(stage.say(&code).state, State::Verdict(Verdict::Allow));
    stage.conversation = kept;
    assert_eq!(stage.give(&new).state, State::Verdict(Verdict::Allow));
    let account = stage.account();
    assert_eq!((account.factors.len(), account.void_before), (2, WallTime::default()));
    assert_eq!(stage.course(), (Course::Ask, None));
}

#[test]
fn a_code_before_setting_up_is_used_up_even_where_nothing_new_is_made() {
    let (mut stage, _) = honored_elsewhere();
    let old = stage.phone.clone();
    let _ = stage.log_in();
    let new = key(&stage.give(&old));
    // The connection is lost; the next login asks for a code of the old app again, then for one of the new.
    stage.world.wait(30);
    let code = old.code(stage.world.wall, 0);
    let _ = stage.log_in();
    let reply = stage.say(&code);
    assert!(!shows_key(&reply));
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::PendingCode(Method::Totp))));
    let waiting = stage.conversation.clone();
    let _ = stage.log_in();
    let reply = stage.say(&code);
    assert_eq!(prompt(&reply), Some(&Message::Prompt(Prompt::CurrentCode)), "the same code is good once");
    stage.conversation = waiting;
    assert_eq!(stage.give(&new).state, State::Verdict(Verdict::Allow));
}

#[test]
fn who_lost_what_is_honored_elsewhere_sets_up_by_an_invitation() {
    let (mut stage, _) = honored_elsewhere();
    let mut account = stage.account();
    let expires = stage.world.wall.after(Duration::from_hours(1));
    let code = account.invite(expires, &mut stage.world.entropy);
    stage.world.store(account);
    let _ = stage.log_in();
    let wrong = stage.say("AAAA-BBBB-CCCC");
    assert!(!shows_key(&wrong));
    assert_eq!(prompt(&wrong), Some(&Message::Prompt(Prompt::CurrentCode)));
    let new = key(&stage.say(code.expose()));
    assert_eq!(stage.give(&new).state, State::Verdict(Verdict::Allow));
}

#[test]
fn a_reset_while_a_code_is_asked_for_before_setting_up_ends_the_login() {
    let (mut stage, _) = honored_elsewhere();
    let code = stage.phone.code(stage.world.wall, 0);
    let _ = stage.log_in();
    let mut account = stage.account();
    account.factors.clear();
    stage.world.store(account);
    let reply = stage.say(&code);
    assert!(!shows_key(&reply));
    assert_eq!(reply.state, State::Verdict(Verdict::Deny));
}

#[test]
fn a_code_is_sent_where_what_is_honored_elsewhere_is_an_address_though_this_rule_takes_none() {
    let (mut stage, _) = honored_elsewhere();
    stage.world.policy.settings.channels.email = true;
    let mut account = stage.account();
    account.factors.clear();
    stage.world.store(account);
    let address = EmailAddress::try_from("alice@example.org").expect("an address");
    let after = stage.world.policy.default.enrolled_after.take();
    let _ = stage.world.enroll_recipient(&stage.alice, "letters", Recipient::Email(address));
    stage.world.wait(1);
    stage.world.policy.default.enrolled_after = after.map(|_| stage.world.wall);
    assert_eq!(stage.course(), (Course::Enroll, None));
    assert!(!shows_key(&stage.log_in()));
    let code = stage.world.mailed();
    let new = key(&stage.say(&code));
    assert_eq!(stage.give(&new).state, State::Verdict(Verdict::Allow));
}

/// Stages in which what alice set up is void for admins alone, and the course of her login with groups known or not.
fn courses(require: Requirement, enroll: Enrollment, groups: &[&str]) -> [Course; 2] {
    let mut stage = voided(enroll);
    let after = stage.world.policy.default.enrolled_after.take();
    let of_group = |name: &str| Rule {
        name: RuleName::try_from(name).expect("a name"),
        matcher: Matcher { groups: vec![name.to_owned()], ..Matcher::default() },
        require,
        ..stage.world.policy.default.clone()
    };
    let (staff, admins) = (of_group("staff"), Rule { enrolled_after: after, ..of_group("admins") });
    stage.world.policy.default.require = Requirement::Enrolled;
    stage.world.policy.rules =
        if require == Requirement::Enrolled { vec![admins] } else { vec![staff, admins] };
    let all = groups.iter().map(|group| (*group).to_owned()).collect();
    [Groups::Complete(all), Groups::Incomplete(Vec::new())].map(|groups| {
        stage.alice.groups = groups;
        stage.course().0
    })
}

#[test]
fn a_directory_that_fails_makes_nothing_of_what_is_void() {
    let always = Requirement::Always;
    for (require, enroll, groups, expected, why) in [
        (always, Enrollment::SelfService, "admins", [Course::Refuse, Course::Refuse], "void for admins"),
        (always, Enrollment::AtLogin, "staff", [Course::Ask, Course::Refuse], "no new app by the password"),
        (Requirement::Enrolled, Enrollment::SelfService, "staff", [Course::Ask, Course::Ask], "asked"),
        (Requirement::Chosen, Enrollment::SelfService, "x", [Course::Ask, Course::Refuse], "not excused"),
    ] {
        assert_eq!(courses(require, enroll, &[groups]), expected, "{why}");
    }
}
