//! The invariants of `core/src/lib.rs`, over dialogues that nobody thought of: several logins and changes of one
//! person at once, in any order, with right, wrong, old and absurd answers.
//!
//! What holds for every single turn (a verdict with its record, nothing secret in a record, one reply, a prompt that is
//! last) is asserted in [`World::turn_on`].

use std::collections::BTreeMap;

use countersign_core::account::Account;
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::conversation::enrollment::{Enrollment as EnrollmentDialogue, EnrollmentRequest};
use countersign_core::conversation::login::Login;
use countersign_core::conversation::removal::{Removal, RemovalRequest};
use countersign_core::conversation::{
    Conversation, ENROLLING_PROMPT_LIMIT, Event, PROMPT_LIMIT, Reply, State, Verdict,
};
use countersign_core::factor::{Factor, FactorKind, Method};
use countersign_core::login::{FirstFactor, LoginRequest, Person};
use countersign_core::policy::{Enrollment, Requirement};
use countersign_core::throttle::Bucket;
use countersign_core::words::{Language, Message, Setup, render};
use proptest::prelude::*;

use crate::phone::Phone;
use crate::world::{World, host, person, ssh_login, stranger};

/// Conversations that one person leads at once.
const SLOTS: usize = 3;

#[derive(Debug, Clone)]
enum Act {
    Login { slot: usize, service: usize, late: bool },
    Enroll { slot: usize },
    Remove { slot: usize },
    Answer { slot: usize, answer: Answer },
    Leave { slot: usize, late: bool },
    Wait { seconds: u64 },
    MoveClockBack { seconds: u64 },
}

#[derive(Debug, Clone)]
enum Answer {
    /// Of the newest key seen, at an offset from the present step.
    Code(i64),
    /// Of the first key.
    OldCode(i64),
    Wrong(usize),
    Text(String),
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => (-2_i64..=2).prop_map(Answer::Code),
        2 => (-2_i64..=2).prop_map(Answer::OldCode),
        1 => prop_oneof![Just(-20_i64), Just(20)].prop_map(Answer::Code),
        3 => (0_usize..4).prop_map(Answer::Wrong),
        2 => prop::sample::select(vec!["", " ", "?", "new", "invert", "yes", "\u{8}\n\r\u{7f}INCORRECT", "totp"])
            .prop_map(|word| Answer::Text(word.to_owned())),
        1 => "\\PC{0,40}".prop_map(Answer::Text),
        1 => any::<String>().prop_map(Answer::Text),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..SLOTS, 0_usize..4, any::<bool>()).prop_map(|(slot, service, late)| Act::Login { slot, service, late }),
        1 => (0..SLOTS).prop_map(|slot| Act::Enroll { slot }),
        1 => (0..SLOTS).prop_map(|slot| Act::Remove { slot }),
        12 => (0..SLOTS, answers()).prop_map(|(slot, answer)| Act::Answer { slot, answer }),
        1 => (0..SLOTS, any::<bool>()).prop_map(|(slot, late)| Act::Leave { slot, late }),
        2 => prop_oneof![0_u64..90, 1000_u64..4000].prop_map(|seconds| Act::Wait { seconds }),
        1 => (0_u64..200).prop_map(|seconds| Act::MoveClockBack { seconds }),
    ];
    prop::collection::vec(act, 1..60)
}

/// One person, several conversations, everything that was seen of them.
struct Play {
    world: World,
    person: Person,
    slots: Vec<(Conversation, u32)>,
    phones: Vec<Phone>,
    /// The step last accepted of each factor.
    accepted: BTreeMap<u32, u64>,
}

impl Play {
    fn new(require: Requirement, enroll: Enrollment, enrolled: bool) -> Self {
        let mut world = World::new(require, enroll);
        let person = person("alice", 1000);
        let phones = if enrolled { vec![Phone::of(&world.enroll(&person, "phone"))] } else { Vec::new() };
        Self { world, person, slots: vec![(Conversation::End, 0); SLOTS], phones, accepted: BTreeMap::new() }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Login { slot, service, late } => {
                let request = login(self.person.clone(), service, late);
                self.begin(slot, Login::begin(request, self.world.policy()));
            }
            Act::Enroll { slot } => {
                let request = EnrollmentRequest {
                    person: self.person.clone(),
                    host: host(),
                    method: Method::Totp,
                    label: None,
                    draws_qr: true,
                    language: None,
                };
                self.begin(slot, EnrollmentDialogue::begin(request, self.world.policy()));
            }
            Act::Remove { slot } => {
                let factor = "totp".to_owned();
                let request =
                    RemovalRequest { person: self.person.clone(), host: host(), factor, language: None };
                self.begin(slot, Removal::begin(request, self.world.policy()));
            }
            Act::Answer { slot, answer } => self.answer(slot, &answer),
            Act::Leave { slot, late } => {
                self.turn(slot, if late { Event::DeadlineReached } else { Event::ClientGone });
            }
            Act::Wait { seconds } => self.world.wait(seconds),
            Act::MoveClockBack { seconds } => {
                self.world.wall = self.world.wall.before(std::time::Duration::from_secs(seconds));
            }
        }
    }

    fn begin(&mut self, slot: usize, conversation: Conversation) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (conversation, 0);
        }
        self.turn(slot, Event::Begun);
    }

    fn answer(&mut self, slot: usize, answer: &Answer) {
        let at = self.world.wall;
        let of = |phone: Option<&Phone>, offset: i64| {
            phone.map_or_else(String::new, |phone| phone.code(at, offset))
        };
        let text = match answer {
            Answer::Code(offset) => of(self.phones.last(), *offset),
            Answer::OldCode(offset) => of(self.phones.first(), *offset),
            Answer::Wrong(number) => {
                self.phones.last().map_or_else(|| "000000".into(), |phone| phone.wrong(at, *number))
            }
            Answer::Text(text) => text.clone(),
        };
        let before = self.world.load(&self.person);
        let right = self.fits(&before, &text);
        let seen = self.world.events.len();
        let Some(reply) = self.turn(slot, Event::Answered(text.clone().into())) else { return };
        let records = self.world.events.split_off(seen);
        let after = self.world.load(&self.person);
        check_charge(&records, &before, &after, &text);
        if matches!(reply.state, State::Verdict(Verdict::Allow) | State::Done) {
            assert!(right, "let in by {text:?}, which is no code of theirs");
        }
        self.check_steps(&after);
        self.world.events.extend(records);
    }

    /// Tells whether a text is a present code of any key that the person was shown or has.
    fn fits(&self, account: &Account, text: &str) -> bool {
        let typed: String = text.trim().chars().filter(|character| !matches!(character, ' ' | '-')).collect();
        let own = account.factors.iter().map(Phone::of).chain(self.phones.iter().cloned());
        own.into_iter().any(|phone| (-1..=1).any(|offset| phone.code(self.world.wall, offset) == typed))
    }

    /// Invariant 2: accepted steps of a factor only grow.
    fn check_steps(&mut self, after: &Account) {
        for Factor { id, kind: FactorKind::Totp(totp), .. } in &after.factors {
            let known = self.accepted.get(&id.0).copied();
            assert!(totp.last_step >= known, "a used code became usable again");
            if let Some(step) = totp.last_step {
                self.accepted.insert(id.0, step);
            }
        }
    }

    fn turn(&mut self, slot: usize, event: Event) -> Option<Reply> {
        let (conversation, prompts) = self.slots.get(slot).cloned()?;
        let allowed_before = self.allowed();
        let used_before = self.used();
        let (next, reply) = self.world.turn(&conversation, event);
        let asks = reply.as_ref().is_some_and(|reply| reply.state == State::Ask);
        let prompts = prompts + u32::from(asks);
        assert!(prompts <= PROMPT_LIMIT + ENROLLING_PROMPT_LIMIT, "a dialogue that does not end");
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (next, prompts);
        }
        if self.allowed() > allowed_before {
            assert!(self.used() > used_before, "let in without using a code up");
        }
        for message in reply.iter().flat_map(|reply| &reply.lines).flat_map(|line| &line.messages) {
            if let Message::Setup(Setup::Key { key, .. }) = message {
                self.world.unspeakable.push(key.expose().clone());
                self.phones.push(Phone::typed(key.expose()));
            }
        }
        reply
    }

    fn allowed(&self) -> usize {
        self.world.events.iter().filter(|record| record.event == EventId::LoginAllowed).count()
    }

    /// Sums the accepted steps: it grows with each code that is used up.
    fn used(&mut self) -> u64 {
        let account = self.world.load(&self.person);
        account
            .factors
            .iter()
            .map(|Factor { kind: FactorKind::Totp(totp), .. }| totp.last_step.unwrap_or_default())
            .sum()
    }
}

/// Invariant 4: what was evaluated is charged in the same turn, what was not costs nothing.
fn check_charge(records: &[AuditEvent], before: &Account, after: &Account, text: &str) {
    let charged = |record: &&AuditEvent| record.event == EventId::CodeWrong && record.reason.is_none();
    let wrong = u32::try_from(records.iter().filter(charged).count()).expect("a count");
    assert!(wrong <= 1, "one answer, one charge");
    if wrong == 1 {
        assert_eq!(total(after), total(before) + 1, "{text:?} was evaluated and not charged");
        assert!(!text.trim().is_empty(), "an empty answer costs nothing");
        assert!(!text.trim().chars().any(char::is_control), "a stand-in costs nothing");
    } else {
        assert!(total(after) <= total(before), "charged without a record");
    }
}

fn total(account: &Account) -> u32 {
    account.throttle.buckets.values().map(|counter| counter.in_a_row).sum()
}

fn login(person: Person, service: usize, late: bool) -> LoginRequest {
    let services = ["sshd", "sudo", "login", "gdm-password"];
    let first_factor = if late { FirstFactor::Late } else { FirstFactor::Settled };
    let service = services.get(service).copied().unwrap_or("sshd").to_owned();
    LoginRequest { service, first_factor, requesting_uid: Some(1000), ..ssh_login(person) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_an_invariant(
        acts in acts(),
        at_login in any::<bool>(),
        enrolled in any::<bool>(),
        always in any::<bool>(),
    ) {
        let require = if always { Requirement::Always } else { Requirement::Enrolled };
        let enroll = if at_login { Enrollment::AtLogin } else { Enrollment::SelfService };
        let mut play = Play::new(require, enroll, enrolled);
        for act in acts {
            play.act(act);
        }
    }

    #[test]
    fn without_a_right_code_an_unknown_person_sees_what_an_enrolled_one_sees(
        texts in prop::collection::vec(answers(), 1..5),
        late in any::<bool>(),
    ) {
        let shown = everybody(&texts, late);
        let [unknown, enrolled, unenrolled, locked] = shown.as_slice() else { panic!("four people") };
        prop_assert_eq!(unknown, enrolled);
        if late {
            prop_assert_eq!(unknown, unenrolled);
            prop_assert_eq!(unknown, locked);
        }
    }

    #[test]
    fn a_dialogue_without_a_right_code_ends_within_its_prompts(texts in prop::collection::vec(answers(), 20)) {
        let shown = everybody(&texts, true);
        for dialogue in shown {
            prop_assert_eq!(dialogue.len(), 4, "three prompts and a verdict");
        }
    }
}

/// Leads one dialogue with an unknown, an enrolled, an unenrolled and a locked person; none of the answers is right.
fn everybody(answers: &[Answer], late: bool) -> Vec<Vec<String>> {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    let phone = Phone::of(&world.enroll(&person("enrolled", 1001), "phone"));
    let locked = person("locked", 1003);
    let _ = world.enroll(&locked, "phone");
    let mut account = world.load(&locked);
    for _ in 0..5 {
        let _ = account.throttle.charge(Bucket::UnknownSource, world.wall, &world.policy.settings.limits);
    }
    world.store(account);
    let texts: Vec<String> = answers.iter().map(|answer| text_of(answer, &phone, &world)).collect();
    [stranger("unknown"), person("enrolled", 1001), person("unenrolled", 1002), locked]
        .into_iter()
        .map(|person| dialogue(&mut world, login(person, 0, late), &texts))
        .collect()
}

fn text_of(answer: &Answer, phone: &Phone, world: &World) -> String {
    match answer {
        Answer::Code(number) | Answer::OldCode(number) => {
            phone.wrong(world.wall, usize::try_from(number.unsigned_abs()).expect("a number"))
        }
        Answer::Wrong(number) => phone.wrong(world.wall, *number),
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
