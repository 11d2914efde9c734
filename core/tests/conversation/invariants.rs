//! The invariants of `core/src/lib.rs`, over dialogues that nobody thought of: several logins and changes of one
//! person at once, in any order, with right, wrong, old and absurd answers.
//!
//! What holds for every single turn (a verdict with its record, nothing secret in a record, one reply, a prompt that is
//! last) is asserted in [`World::turn_on`]; what holds over a whole play in [`Play`].

use countersign_core::account::RuleName;
use countersign_core::conversation::login::Login;
use countersign_core::conversation::{CODE_LIMIT, Event, OTHER_LIMIT};
use countersign_core::factor::Method;
use countersign_core::login::LoginRequest;
use countersign_core::policy::{Enrollment, Matcher, Requirement, Rule};
use countersign_core::throttle::Bucket;
use countersign_core::words::{Language, render};
use proptest::prelude::*;

use crate::phone::Phone;
use crate::play::{Answer, Play, acts, answers, login};
use crate::world::{World, person, stranger};

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_an_invariant(
        acts in acts(),
        enroll in prop_oneof![
            Just(Enrollment::AtLogin), Just(Enrollment::SelfService), Just(Enrollment::Invited)
        ],
        enrolled in any::<bool>(),
        require in prop_oneof![
            3 => Just(Requirement::Always), 1 => Just(Requirement::Chosen), 1 => Just(Requirement::Enrolled)
        ],
    ) {
        let mut play = Play::new(require, enroll, enrolled);
        for act in acts {
            play.act(act);
        }
    }

    #[test]
    fn without_a_right_code_an_unknown_person_sees_what_an_enrolled_one_sees(
        texts in prop::collection::vec(answers(), 1..6),
        late in any::<bool>(),
    ) {
        let shown = everybody(&texts, late);
        let [unknown, enrolled, unenrolled, locked, exempt] = shown.as_slice() else { panic!("five people") };
        prop_assert_eq!(unknown, enrolled);
        if late {
            prop_assert_eq!(unknown, unenrolled);
            prop_assert_eq!(unknown, locked);
            // What the module makes of the verdict comes after the password, which a stranger does not have.
            let exempt: Vec<String> = exempt.iter().map(|line| line.replace("Verdict(Skip)", "Verdict(Deny)")).collect();
            prop_assert_eq!(unknown, &exempt);
        }
    }

    #[test]
    fn a_dialogue_without_a_right_code_ends_whatever_is_answered(texts in prop::collection::vec(answers(), 14)) {
        let longest = usize::try_from(1 + OTHER_LIMIT + CODE_LIMIT).expect("a count");
        let shown = everybody(&texts, true);
        for dialogue in shown {
            prop_assert!(dialogue.len() <= longest, "{} turns", dialogue.len());
            prop_assert!(dialogue.last().is_some_and(|last| last.starts_with("Verdict")));
        }
    }
}

/// Leads one dialogue with an unknown, an enrolled, an unenrolled, a locked and an exempt person; none of the answers is right.
fn everybody(answers: &[Answer], late: bool) -> Vec<Vec<String>> {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.default.methods = Method::ALL.to_vec();
    let enrolled = person("enrolled", 1001);
    let phone = Phone::of(&world.enroll(&enrolled, "phone"));
    let _ = world.give_backup_codes(&enrolled);
    let locked = person("locked", 1003);
    let _ = world.enroll(&locked, "phone");
    let mut account = world.load(&locked);
    for _ in 0..5 {
        let _ = account.throttle.charge(Bucket::UnknownSource, world.wall, &world.policy.settings.limits);
    }
    world.store(account);
    let texts: Vec<String> = answers.iter().map(|answer| text_of(answer, &phone, &world)).collect();
    let exempt = Rule {
        name: RuleName::try_from("exempt").expect("a name"),
        matcher: Matcher { users: vec!["exempt".to_owned()], ..Matcher::default() },
        require: Requirement::Never,
        ..world.policy.default.clone()
    };
    world.policy.rules = vec![exempt];
    [
        stranger("unknown"),
        person("enrolled", 1001),
        person("unenrolled", 1002),
        locked,
        person("exempt", 1004),
    ]
    .into_iter()
    .map(|person| dialogue(&mut world, login(person, 0, late), &texts))
    .collect()
}

fn text_of(answer: &Answer, phone: &Phone, world: &World) -> String {
    match answer {
        Answer::Code(number) | Answer::OldCode(number) => {
            phone.wrong(world.wall, usize::try_from(number.unsigned_abs()).expect("a number"))
        }
        Answer::Wrong(number) | Answer::Token(number) => phone.wrong(world.wall, *number),
        Answer::Backup(number) => format!("0000-{number:05}-0000"),
        Answer::Invitation => "0000-0000-0000".to_owned(),
        Answer::Text(text) => text.clone(),
    }
}

fn dialogue(world: &mut World, request: LoginRequest, texts: &[String]) -> Vec<String> {
    let mut conversation = Login::begin(request, world.policy());
    let mut shown = Vec::new();
    let mut events = vec![Event::Begun];
    events.extend(texts.iter().map(|text| Event::Answered(text.clone().into())));
    for event in events {
        let (next, reply) = world.turn(&conversation, event);
        conversation = next;
        let Some(reply) = reply else { break };
        shown.push(format!("{:?} {:?}", reply.state, render(Language::English, &reply)));
    }
    shown
}
