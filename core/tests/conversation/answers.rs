//! What is evaluated and what is not: a code in whatever disguise is one code, and what cannot be a code costs nothing.

use countersign_core::account::Account;
use countersign_core::conversation::enrollment::Enrollment as EnrollmentDialogue;
use countersign_core::conversation::login::Login;
use countersign_core::conversation::trial::{Trial, TrialRequest};
use countersign_core::conversation::{Conversation, Event, OTHER_LIMIT, Reply, State, Verdict};
use countersign_core::invitation::INVITATION_LIFE;
use countersign_core::login::{FirstFactor, LoginRequest};
use countersign_core::policy::{Enrollment, Requirement};
use countersign_core::words::{Message, Note};
use proptest::prelude::*;

use crate::acts::{ALLOW, DENY, alice, answer, begin, enroll_by_oneself, key_of, messages};
use crate::phone::Phone;
use crate::sent::mailbox_of;
use crate::world::{World, host, ssh_login};

/// What phones, mail programs and input methods put between characters.
const SEPARATORS: [char; 16] = [
    ' ', '-', '\u{a0}', '\u{ad}', '\u{2009}', '\u{200b}', '\u{200e}', '\u{202f}', '\u{2010}', '\u{2011}',
    '\u{2013}', '\u{2212}', '\u{3000}', '\u{fe63}', '\u{feff}', '\u{ff0d}',
];

/// How a code is typed: what stands before each of its characters, and which are of full width.
#[derive(Debug, Clone)]
struct Disguise(Vec<(Option<char>, bool)>);

impl Disguise {
    fn of(&self, code: &str) -> String {
        let wide = |character: char| match character {
            '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap_or(character),
            other => other,
        };
        let typed = code.chars().zip(self.0.iter().cycle());
        let typed = typed.flat_map(|(character, (separator, is_wide))| {
            separator
                .iter()
                .copied()
                .chain([if *is_wide { wide(character) } else { character }])
                .collect::<Vec<_>>()
        });
        typed.collect()
    }
}

fn disguises() -> impl Strategy<Value = Disguise> {
    let separator = prop::option::of(prop::sample::select(&SEPARATORS[..]));
    prop::collection::vec((separator, any::<bool>()), 1..14).prop_map(Disguise)
}

fn charged(account: &Account) -> u32 {
    account.throttle.buckets.values().map(|counter| counter.in_a_row).sum()
}

fn told(reply: &Reply, note: &Note) -> bool {
    messages(reply).contains(&&Message::Note(note.clone()))
}

/// Alice with an app, a token, a mailbox and backup codes, all of which the rule takes.
struct Scene {
    world: World,
    app: Phone,
    token: Phone,
    sheet: Vec<String>,
}

fn scene() -> Scene {
    let mut world = crate::sent::world();
    let app = Phone::of(&world.enroll(&alice(), "phone"));
    let token = Phone::of(&world.enroll_token(&alice(), "keyring"));
    let _ = world.enroll_recipient(&alice(), "mailbox", mailbox_of("alice"));
    let sheet = world.give_backup_codes(&alice());
    Scene { world, app, token, sheet }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// TH03: limits, replay check and hashes see one form.
    #[test]
    fn a_code_in_whatever_disguise_is_accepted_once(one in disguises(), other in disguises(), kind in 0_usize..4) {
        let Scene { mut world, app, token, sheet } = scene();
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        let code = match kind {
            0 => app.code(world.wall, 0),
            1 => token.token_code(0),
            2 => sheet[3].clone(),
            _ => {
                let _ = answer(&mut world, &mut conversation, "email");
                world.mailed()
            }
        };
        prop_assert_eq!(answer(&mut world, &mut conversation, &one.of(&code)).state, ALLOW);
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        prop_assert_eq!(answer(&mut world, &mut conversation, &other.of(&code)).state, State::Ask, "used up");
    }

    #[test]
    fn a_wrong_code_in_whatever_disguise_is_charged_once(disguise in disguises(), length in prop::sample::select(vec![6, 8])) {
        let Scene { mut world, app, .. } = scene();
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        let wrong = format!("{:0<length$}", app.wrong(world.wall, 0));
        prop_assert_eq!(answer(&mut world, &mut conversation, &disguise.of(&wrong)).state, State::Ask);
        prop_assert_eq!(charged(&world.load(&alice())), 1);
    }

    #[test]
    fn what_confirms_tests_and_invites_is_read_the_same(disguise in disguises()) {
        let mut world = World::new(Requirement::Always, Enrollment::Invited);
        let invitation = world.invite(&alice(), INVITATION_LIFE);
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        let phone = key_of(&answer(&mut world, &mut conversation, &disguise.of(&invitation)));
        let code = phone.code(world.wall, 0);
        prop_assert_eq!(answer(&mut world, &mut conversation, &disguise.of(&code)).state, ALLOW);
        world.wait(30);
        let request = TrialRequest { person: alice(), host: host(), language: None };
        let (mut trial, _) = world.turn(&Trial::begin(request, world.policy()), Event::Begun);
        let code = phone.code(world.wall, 0);
        prop_assert_eq!(answer(&mut world, &mut trial, &disguise.of(&code)).state, State::Done);
        world.wait(30);
        let request = enroll_by_oneself(alice());
        let (mut enrolling, _) = world.turn(&EnrollmentDialogue::begin(request, world.policy()), Event::Begun);
        let code = phone.code(world.wall, 0);
        let second = key_of(&answer(&mut world, &mut enrolling, &disguise.of(&code)));
        let code = second.code(world.wall, 0);
        prop_assert_eq!(answer(&mut world, &mut enrolling, &disguise.of(&code)).state, State::Done);
    }

    /// Whatever is no possible code costs nothing, and a right code is accepted after it.
    #[test]
    fn what_cannot_be_a_code_is_asked_again_and_not_charged(texts in prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec!["9", "mail", "skip", "4930", "4930271", "٤٩٣٠٢٧", "password", "r", "help", "０"])
                .prop_map(str::to_owned),
            "[0-9]{3,5}",
            "[0-9]{9,12}",
            "\\PC{0,3}[!_.]\\PC{0,20}",
        ],
        1..=10,
    )) {
        let Scene { mut world, app, .. } = scene();
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        for text in &texts {
            prop_assert_eq!(answer(&mut world, &mut conversation, text).state, State::Ask, "{:?}", text);
        }
        prop_assert_eq!(charged(&world.load(&alice())), 0);
        let code = app.code(world.wall, 0);
        prop_assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
    }
}

#[test]
fn command_words_do_not_use_up_the_three_codes() {
    let Scene { mut world, app, .. } = scene();
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    for text in ["?", "2", "3", "resend", ""] {
        assert_eq!(answer(&mut world, &mut conversation, text).state, State::Ask, "{text:?}");
    }
    for number in 0..2 {
        let wrong = app.wrong(world.wall, number);
        assert_eq!(answer(&mut world, &mut conversation, &wrong).state, State::Ask);
    }
    let code = app.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW, "the third code");
}

#[test]
fn a_number_or_word_that_chooses_nothing_is_answered_with_the_list() {
    let Scene { mut world, .. } = scene();
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    for text in ["9", "mail", "skip"] {
        let reply = answer(&mut world, &mut conversation, text);
        assert!(told(&reply, &Note::NotACode), "{text}");
        assert!(matches!(messages(&reply).get(1), Some(Message::Note(Note::Ways { .. }))), "{text}");
    }
    let reply = answer(&mut world, &mut conversation, "49302");
    assert!(told(&reply, &Note::NotACode));
    assert_eq!(messages(&reply).len(), 2, "a slip is no choice");
}

#[test]
fn answers_that_are_no_codes_have_a_limit_of_their_own() {
    for first_factor in [FirstFactor::Settled, FirstFactor::Late] {
        let Scene { mut world, .. } = scene();
        let (mut conversation, _) = begin(&mut world, LoginRequest { first_factor, ..ssh_login(alice()) });
        for number in 0..OTHER_LIMIT {
            assert_eq!(answer(&mut world, &mut conversation, "?").state, State::Ask, "{number}");
        }
        assert_eq!(answer(&mut world, &mut conversation, "?").state, DENY);
        assert_eq!(charged(&world.load(&alice())), 0);
    }
}

#[test]
fn a_code_with_the_wish_to_be_remembered_is_right_where_that_is_not_offered() {
    let Scene { mut world, app, .. } = scene();
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    let code = format!("{} r", app.code(world.wall, 0));
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!(reply.state, ALLOW);
    assert!(told(&reply, &Note::NotRemembered));
    assert!(world.load(&alice()).remembered.is_empty());
    let late = LoginRequest { first_factor: FirstFactor::Late, ..ssh_login(alice()) };
    world.wait(30);
    let (mut conversation, _) = begin(&mut world, late);
    let code = format!("{} r", app.code(world.wall, 0));
    let reply = answer(&mut world, &mut conversation, &code);
    assert_eq!((reply.state, reply.lines.len()), (ALLOW, 0), "a stranger learns nothing");
}

#[test]
fn a_wrong_invitation_is_charged_only_where_it_can_be_one() {
    let mut world = World::new(Requirement::Always, Enrollment::Invited);
    let _ = world.invite(&alice(), INVITATION_LIFE);
    let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
    for text in ["493027", "no, thanks", "0123-4567-89"] {
        let reply = answer(&mut world, &mut conversation, text);
        assert!(told(&reply, &Note::NotACode), "{text}");
    }
    assert_eq!(charged(&world.load(&alice())), 0);
    let _ = answer(&mut world, &mut conversation, "0123-4567-89AB");
    let account = world.load(&alice());
    assert_eq!((charged(&account), account.invitation.map(|invitation| invitation.wrong)), (1, Some(1)));
}

#[test]
fn a_slip_while_an_app_is_set_up_costs_nothing() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
    let phone = key_of(&reply);
    for text in ["skip", "49302", "49302718", "0123-45678-9abc", "help"] {
        assert_eq!(answer(&mut world, &mut conversation, text).state, State::Ask, "{text}");
    }
    assert_eq!(charged(&world.load(&alice())), 0);
    let code = phone.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut conversation, &code).state, ALLOW);
}

#[test]
fn nothing_is_evaluated_while_locked_whatever_it_looks_like() {
    let Scene { mut world, app, .. } = scene();
    let (mut waiting, _) = begin(&mut world, ssh_login(alice()));
    for _ in 0..2 {
        let mut guessing = Login::begin(ssh_login(alice()), world.policy());
        guessing = world.turn(&guessing, Event::Begun).0;
        for number in 0..3 {
            if !matches!(guessing, Conversation::End) {
                let wrong = app.wrong(world.wall, number);
                let _ = answer(&mut world, &mut guessing, &wrong);
            }
        }
    }
    let before = charged(&world.load(&alice()));
    assert_eq!(answer(&mut world, &mut waiting, "49302").state, State::Ask);
    let code = app.code(world.wall, 0);
    assert_eq!(answer(&mut world, &mut waiting, &code).state, State::Verdict(Verdict::LockOut));
    assert_eq!(charged(&world.load(&alice())), before);
}
