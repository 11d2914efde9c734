//! Single rules of codes that are sent: races, expiry, whose they are, and what is never sent.

use std::time::Duration;

use countersign_core::audit::EventId;
use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::conversation::trial::{Trial, TrialRequest};
use countersign_core::conversation::{Conversation, Event, OTHER_LIMIT, Reply, State, Verdict};
use countersign_core::delivery::{Purpose, Recipient};
use countersign_core::factor::Method;
use countersign_core::factor::sent::{ELSEWHERE_TRIES, SENT_TRIES};
use countersign_core::login::{FirstFactor, LoginRequest, Phase, PublicKey, Source, SshFacts};
use countersign_core::policy::{Enrollment, Requirement, SkipRule};
use countersign_core::sending::{Channels, Numbers};
use countersign_core::words::{Language, Message, Note, Prompt, Resend, Sending, Shows, render};

use crate::acts::{ALLOW, alice, answer, begin, messages};
use crate::phone::Phone;
use crate::world::{World, host, person, ssh_login};

pub(crate) fn mailbox_of(name: &str) -> Recipient {
    Recipient::Email(EmailAddress::try_from(format!("{name}@example.org").as_str()).expect("an address"))
}

pub(crate) fn shared_number() -> Recipient {
    Recipient::Sms(PhoneNumber::try_from("+491712345642").expect("a number"))
}

pub(crate) fn world() -> World {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.default.methods = Method::ALL.to_vec();
    let numbers = || Some(Numbers::default());
    world.policy.settings.channels = Channels { email: true, sms: numbers(), call: numbers() };
    world
}

/// Alice has a mailbox and nothing else.
fn with_mailbox() -> World {
    let mut world = world();
    let _ = world.enroll_recipient(&alice(), "mail", mailbox_of("alice"));
    world
}

fn from(source: Source) -> LoginRequest {
    LoginRequest { source, ..ssh_login(alice()) }
}

fn elsewhere() -> LoginRequest {
    from(Source::Address("203.0.113.9".parse().expect("an address")))
}

fn race(world: &mut World, conversations: &[Conversation], text: &str) -> Vec<State> {
    let seen_by_all = world.load(&alice());
    let event = || Event::Answered(text.to_owned().into());
    let mut states = Vec::new();
    for conversation in conversations {
        let (_, reply) = world
            .turn_on(conversation, event(), &seen_by_all)
            .unwrap_or_else(|| world.turn(conversation, event()));
        states.push(reply.expect("a reply").state);
    }
    states
}

#[test]
fn a_sent_code_raced_by_fifty_logins_lets_one_in() {
    let mut world = with_mailbox();
    world.policy.settings.limits.failures = 100;
    world.policy.settings.limits.daily = 100;
    let waiting: Vec<Conversation> = (0..50).map(|_| begin(&mut world, ssh_login(alice())).0).collect();
    let code = world.mailed();
    let states = race(&mut world, &waiting, &code);
    assert_eq!(states.iter().filter(|state| **state == ALLOW).count(), 1);
    assert_eq!(world.mailbox.mails.len(), 1, "fifty logins at once are one message");
}

#[test]
fn asking_again_from_many_logins_at_once_sends_one_code() {
    let mut world = with_mailbox();
    let waiting: Vec<Conversation> = (0..20).map(|_| begin(&mut world, ssh_login(alice())).0).collect();
    world.wait(60);
    let states = race(&mut world, &waiting, "resend");
    assert!(states.iter().all(|state| *state == State::Ask));
    assert_eq!(world.mailbox.mails.len(), 2);
}

/// Two people with one number ask at the same moment, on two hosts: each account is fresh, the recipient is not.
#[test]
fn two_people_with_one_number_share_its_waits() {
    let mut world = world();
    let bob = person("bob", 1001);
    for one in [alice(), bob.clone()] {
        let _ = world.enroll_recipient(&one, "mobile", shared_number());
    }
    let first = countersign_core::conversation::login::Login::begin(ssh_login(alice()), world.policy());
    let second = countersign_core::conversation::login::Login::begin(ssh_login(bob.clone()), world.policy());
    let seen_by_bob = world.load(&bob);
    let _ = world.turn(&first, Event::Begun);
    assert!(world.turn_on(&second, Event::Begun, &seen_by_bob).is_none(), "stale by the recipient alone");
    let (_, reply) = world.turn(&second, Event::Begun);
    let reply = reply.expect("a reply");
    assert!(matches!(messages(&reply)[0], Message::Sending(Sending::Wait { seconds: 60, .. })));
    assert_eq!(world.mailbox.mails.len(), 1);
}

/// A26: whoever logs in from elsewhere can neither use a code nor burn it.
#[test]
fn a_code_of_another_kind_of_login_is_neither_used_nor_burnt() {
    let key = PublicKey { algorithm: "ssh-ed25519".into(), fingerprint: "SHA256:x".into() };
    let others = [
        elsewhere(),
        from(Source::Unknown),
        from(Source::Local),
        LoginRequest { service: "login".into(), ..ssh_login(alice()) },
        LoginRequest { ssh: SshFacts { public_key: Some(key), ..SshFacts::default() }, ..ssh_login(alice()) },
    ];
    for other in others {
        let mut world = with_mailbox();
        world.policy.settings.limits.failures = 100;
        let (mut own, _) = begin(&mut world, ssh_login(alice()));
        let code = world.mailed();
        for _ in 0..3 {
            let (mut thief, _) = begin(&mut world, other.clone());
            for _ in 0..2 {
                assert_eq!(answer(&mut world, &mut thief, &code).state, State::Ask, "{other:?}");
            }
        }
        assert_eq!(answer(&mut world, &mut own, &code).state, ALLOW, "{other:?}");
    }
}

#[test]
fn five_wrong_tries_kill_a_code_and_another_one_forgives_none_of_them() {
    let mut world = with_mailbox();
    world.policy.settings.limits.failures = 7;
    let mut wrong = 0;
    while wrong < SENT_TRIES {
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        for _ in 0..2 {
            wrong += u32::from(wrong < SENT_TRIES);
            assert_eq!(answer(&mut world, &mut conversation, "00000000").state, State::Ask);
        }
    }
    let dead = world.mailed();
    world.wait(60);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let fresh = world.mailed();
    assert_ne!(dead, fresh, "a new one was sent");
    let reply = answer(&mut world, &mut conversation, &dead);
    assert_eq!(reply.state, State::Verdict(Verdict::LockOut), "the seventh wrong code of all");
    assert!(world.load(&alice()).sent.is_empty() || world.load(&alice()).sent[0].wrong == 1);
}

/// A28: to the second, by whichever clock is later.
#[test]
fn a_code_lives_as_long_as_the_file_says_whatever_the_clock_does() {
    for lifetime in [300, 600] {
        for (clock_back, since_boot, after, lives) in [
            (0, false, lifetime - 1, true),
            (0, false, lifetime, false),
            // The wall clock stands still or goes back: the time since boot counts.
            (lifetime, false, lifetime - 1, true),
            (lifetime, false, lifetime, false),
            (100_000, false, lifetime, false),
            // The host was rebooted: the wall clock counts.
            (0, true, lifetime - 1, true),
            (0, true, lifetime, false),
        ] {
            let mut world = with_mailbox();
            world.policy.settings.sent.lifetime = Duration::from_secs(lifetime);
            let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
            let code = world.mailed();
            world.wait(after);
            world.wall = world.wall.before(Duration::from_secs(clock_back));
            if since_boot {
                world.since_boot = Duration::from_secs(1);
            }
            let is_in = answer(&mut world, &mut conversation, &code).state == ALLOW;
            assert_eq!(
                is_in, lives,
                "{lifetime} s, {after} s later, clock back by {clock_back}, {since_boot}"
            );
        }
    }
}

/// A31: codes that are sent have no guesses of their own.
#[test]
fn sent_codes_give_no_further_guesses() {
    let mut world = with_mailbox();
    let phone = Phone::of(&world.enroll(&alice(), "phone"));
    let _ = world.give_backup_codes(&alice());
    let wrong = [phone.wrong(world.wall, 0), "0000-00000-0000".into(), "0000 0000".into()];
    let mut conversation = Conversation::End;
    let mut last = State::Ask;
    for number in 0..5 {
        if matches!(conversation, Conversation::End) {
            conversation = begin(&mut world, ssh_login(alice())).0;
            let _ = answer(&mut world, &mut conversation, "email");
        }
        last = answer(&mut world, &mut conversation, &wrong[number % 3]).state;
        if number % 2 == 1 {
            conversation = Conversation::End;
        }
    }
    assert_eq!(last, State::Verdict(Verdict::LockOut));
}

#[test]
fn a_code_in_whatever_spelling_is_the_code_and_other_digits_are_not() {
    let full_width = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    let spellings: [&dyn Fn(&str) -> String; 5] = [
        &|code| code.replace('-', ""),
        &|code| code.replace('-', " "),
        &|code| format!("  {code} "),
        &|code| code.chars().flat_map(|c| [c, ' ']).collect(),
        &|code| code.chars().map(full_width).collect(),
    ];
    for spell in spellings {
        let mut world = with_mailbox();
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        let code = world.mailed();
        let arabic: String =
            code.chars().map(|c| if c == '0' { '\u{660}' } else { c }).chain(['\u{661}']).collect();
        assert_eq!(answer(&mut world, &mut conversation, &arabic).state, State::Ask);
        assert_eq!(answer(&mut world, &mut conversation, &spell(&code)).state, ALLOW);
    }
}

/// How often alice was charged.
fn charged(world: &mut World) -> u32 {
    world.load(&alice()).throttle.buckets.values().map(|counter| counter.in_a_row).sum()
}

fn is_elsewhere(reply: &Reply) -> bool {
    messages(reply).iter().any(|message| matches!(message, Message::Sending(Sending::Elsewhere { .. })))
}

#[test]
fn a_code_of_a_different_login_is_told_and_neither_charged_nor_accepted_nor_used_up() {
    let mut world = with_mailbox();
    let _ = world.give_backup_codes(&alice());
    let (_, _) = begin(&mut world, ssh_login(alice()));
    let code = world.mailed();
    world.wait(17);
    let (mut conversation, reply) = begin(&mut world, elsewhere());
    let Some(Message::Sending(Sending::Elsewhere { resend, others })) = messages(&reply).first().copied()
    else {
        panic!("{reply:?}")
    };
    assert_eq!((*resend, others.len()), (Resend::In(43), 1), "the seconds and the backup codes");
    let reply = answer(&mut world, &mut conversation, &code);
    assert!(reply.state == State::Ask && is_elsewhere(&reply));
    let text = format!("{:?}", render(Language::English, &reply));
    assert!(!text.contains("198.51.100.7"), "{text}");
    assert_eq!(charged(&mut world), 0);
    assert_eq!(world.events.last().map(|event| event.event), Some(EventId::CodeElsewhere));
    let reply = answer(&mut world, &mut conversation, "0000 0000");
    assert!(!is_elsewhere(&reply));
    assert_eq!(charged(&mut world), 1, "a wrong code is charged as always");
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
}

/// It is no oracle: how often it is told lies in the account, whatever connection it is asked on.
#[test]
fn a_code_of_a_different_login_is_told_so_often_and_then_charged_as_a_wrong_one() {
    let mut world = with_mailbox();
    let (_, _) = begin(&mut world, ssh_login(alice()));
    let code = world.mailed();
    for number in 0..ELSEWHERE_TRIES + 2 {
        let (mut conversation, _) = begin(&mut world, elsewhere());
        let reply = answer(&mut world, &mut conversation, &code);
        let is_told = messages(&reply)
            .first()
            .is_some_and(|first| matches!(first, Message::Sending(Sending::Elsewhere { .. })));
        assert_eq!(is_told, number < ELSEWHERE_TRIES, "{number}: {reply:?}");
    }
    assert_eq!(charged(&mut world), 2);
}

#[test]
fn a_stranger_does_not_learn_that_a_code_is_right_elsewhere() {
    let mut world = with_mailbox();
    let (_, _) = begin(&mut world, ssh_login(alice()));
    let code = world.mailed();
    let late = LoginRequest { first_factor: FirstFactor::Late, ..elsewhere() };
    let (mut conversation, _) = begin(&mut world, late);
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!(messages(&reply).first(), Some(&&Message::Note(Note::WrongCode)));
    assert_eq!(charged(&mut world), 1);
}

#[test]
fn a_code_of_a_different_login_is_told_while_an_address_is_set_up_and_in_self_service() {
    let mut world = world();
    world.policy.default.methods = vec![Method::Email];
    world.policy.default.enroll = Enrollment::AtLogin;
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let _ = answer(&mut world, &mut conversation, "alice@example.org");
    let code = world.mailed();
    let (mut conversation, reply) = begin(&mut world, elsewhere());
    assert!(is_elsewhere(&reply), "{reply:?}");
    assert!(is_elsewhere(&answer(&mut world, &mut conversation, &code)));
    assert_eq!(charged(&mut world), 0);
    let mut world = with_mailbox();
    let (_, _) = begin(&mut world, ssh_login(alice()));
    let code = world.mailed();
    let request = TrialRequest { person: alice(), host: host(), language: None };
    let (mut trial, reply) = world.turn(&Trial::begin(request, world.policy()), Event::Begun);
    assert!(is_elsewhere(&reply.expect("a reply")));
    assert!(is_elsewhere(&answer(&mut world, &mut trial, &code)));
    assert_eq!(charged(&mut world), 0);
}

#[test]
fn who_has_no_app_is_asked_for_no_code_of_an_app() {
    let says_app = |reply: &Reply| {
        messages(reply).iter().any(|message| matches!(message, Message::Note(Note::EnterCode { .. })))
    };
    let mut world = with_mailbox();
    let _ = world.give_backup_codes(&alice());
    let (_, _) = begin(&mut world, ssh_login(alice()));
    for _ in 0..2 {
        // Within the wait there is no code for this login.
        let (mut conversation, _) = begin(&mut world, elsewhere());
        let reply = answer(&mut world, &mut conversation, "");
        assert!(is_elsewhere(&reply) && !says_app(&reply), "{reply:?}");
        world.wait(1);
    }
    let bob = person("bob", 1001);
    let _ = world.enroll_token(&bob, "keyring");
    let (mut conversation, _) = begin(&mut world, ssh_login(bob));
    let reply = answer(&mut world, &mut conversation, "");
    assert!(matches!(messages(&reply)[0], Message::Note(Note::EnterCode { from: Shows::Token, .. })));
}

#[test]
fn a_change_of_factors_voids_what_was_sent() {
    let mut world = with_mailbox();
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = world.mailed();
    let mut account = world.load(&alice());
    account.epoch.0 += 1;
    world.store(account);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Ask);
}

#[test]
fn a_code_for_a_factor_that_the_rule_does_not_name_lets_nobody_in() {
    let mut world = with_mailbox();
    let _ = world.enroll(&alice(), "phone");
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let _ = answer(&mut world, &mut conversation, "email");
    let code = world.mailed();
    world.policy.default.methods = vec![Method::Totp];
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    assert_eq!(answer(&mut world, &mut conversation, &code).state, State::Ask);
}

#[test]
fn nothing_is_sent_when_no_further_answer_is_heard() {
    let mut world = with_mailbox();
    let _ = world.enroll(&alice(), "phone");
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    for _ in 0..OTHER_LIMIT {
        assert_eq!(answer(&mut world, &mut conversation, "?").state, State::Ask);
    }
    assert_eq!(answer(&mut world, &mut conversation, "email").state, State::Verdict(Verdict::Deny));
    assert!(world.mailbox.mails.is_empty());
}

#[test]
fn four_fifths_of_a_cap_are_told_once() {
    let mut world = with_mailbox();
    world.policy.settings.sending.all_per_day = 5;
    world.policy.settings.sending.emails_per_hour = 1000;
    let mut alerts = Vec::new();
    for _ in 0..6 {
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        let is_alert = |event: &&countersign_core::audit::AuditEvent| event.event == EventId::DeliveryAlert;
        alerts.push(world.events.iter().filter(is_alert).count());
        if !world.load(&alice()).sent.is_empty() {
            let code = world.mailed();
            let _ = answer(&mut world, &mut conversation, &code);
        }
    }
    assert_eq!(alerts, [0, 0, 0, 1, 2, 2], "at four of five, and at five");
    assert_eq!(world.mailbox.mails.len(), 5, "used or not, no more than that in a day");
}

#[test]
fn the_cap_of_the_host_counts_everybody() {
    let mut world = with_mailbox();
    world.policy.settings.sending.emails_per_hour = 1;
    let bob = person("bob", 1001);
    let _ = world.enroll_recipient(&bob, "mail", mailbox_of("bob"));
    let _ = begin(&mut world, ssh_login(alice()));
    let (_, reply) = begin(&mut world, ssh_login(bob.clone()));
    assert!(matches!(messages(&reply)[0], Message::Sending(Sending::Cap { .. })));
    let reasons: Vec<_> = world.events.iter().filter_map(|event| event.reason.as_deref()).collect();
    assert!(reasons.contains(&"host-cap"), "{reasons:?}");
    world.wait(3600);
    let _ = begin(&mut world, ssh_login(bob));
    assert_eq!(world.mailbox.mails.len(), 2);
}

#[test]
fn remembering_is_offered_to_root_s_services_from_elsewhere_only() {
    let mut world = world();
    world.policy.default.remember = Some(Duration::from_hours(24));
    let _ = world.enroll(&alice(), "phone");
    let offers = |world: &mut World, request: LoginRequest| {
        let (_, reply) = begin(world, request);
        let offer = |message: &&Message| matches!(message, Message::Prompt(Prompt::CodeToRemember { .. }));
        messages(&reply).iter().any(offer)
    };
    assert!(offers(&mut world, ssh_login(alice())));
    let address = |text: &str| Source::Address(text.parse().expect("an address"));
    for source in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"] {
        assert!(!offers(&mut world, from(address(source))), "{source}");
    }
    assert!(!offers(&mut world, from(Source::Unknown)) && !offers(&mut world, from(Source::Local)));
    assert!(!offers(&mut world, LoginRequest { caller_uid: 1000, ..ssh_login(alice()) }));
    assert!(!offers(&mut world, LoginRequest { service: "xrdp-sesman".into(), ..ssh_login(alice()) }));
    assert!(!offers(&mut world, LoginRequest { phase: Phase::Account, ..ssh_login(alice()) }));
}

#[test]
fn going_to_and_fro_between_two_rules_gives_no_further_logins_without_a_code() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    world.policy.default.skip = Some(SkipRule { times: Some(2), until: None });
    world.policy.default.enroll_within = None;
    let mut passed = 0;
    for round in 0..8 {
        let name = if round % 2 == 0 { "default" } else { "staff" };
        world.policy.default.name = countersign_core::account::RuleName::try_from(name).expect("a name");
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        passed +=
            usize::from(answer(&mut world, &mut conversation, "skip").state == State::Verdict(Verdict::Skip));
        world.wait(86_400);
    }
    assert_eq!(passed, 2);
}

#[test]
fn a_notice_goes_out_with_the_lock_and_none_where_the_first_factor_may_fail_late() {
    for (late, notices) in [(false, 2), (true, 0)] {
        let mut world = world();
        let phone = Phone::of(&world.enroll(&alice(), "phone"));
        let _ = world.enroll_recipient(&alice(), "mail", mailbox_of("alice"));
        let mut conversation = Conversation::End;
        for number in 0..5 {
            if matches!(conversation, Conversation::End) {
                let first_factor = if late {
                    countersign_core::login::FirstFactor::Late
                } else {
                    countersign_core::login::FirstFactor::Settled
                };
                conversation = begin(&mut world, LoginRequest { first_factor, ..ssh_login(alice()) }).0;
            }
            let wrong = phone.wrong(world.wall, number);
            let _ = answer(&mut world, &mut conversation, &wrong);
        }
        let is_notice = |mail: &&crate::mailbox::Mail| mail.outgoing.purpose == Purpose::Notice;
        assert_eq!(world.mailbox.mails.iter().filter(is_notice).count(), notices, "late: {late}");
    }
}
