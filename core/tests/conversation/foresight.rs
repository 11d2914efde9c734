//! What is foretold of a login is what happens to it (rows P3, P4, P6, P7), and a login under a decision that is not in force
//! asks, keeps and sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::conversation::login::{Course, Login, foresee};
use countersign_core::conversation::{Conversation, Effect, Event, Reply, State, Verdict};
use countersign_core::factor::sent::Bind;
use countersign_core::login::{Existence, FirstFactor, LoginRequest};
use countersign_core::policy::{Certainty, Enrollment, Force};
use countersign_core::secret::Entropy;
use countersign_core::words::{Message, Note, Prompt, Setup};

use crate::scenes::{Scene, enforced, scene};
use crate::world::World;

const SCENES: u64 = 15_000;

type Outcome = (Course, Option<String>);

/// Randomness that is not to be asked for.
struct Nothing;

impl Entropy for Nothing {
    fn fill(&mut self, _: &mut [u8]) {
        panic!("a login that asks for nothing needs no randomness");
    }
}

/// Lets a login begin, and go on to its end where it only tells why there is no way in.
fn happens(world: &mut World, request: &LoginRequest) -> Outcome {
    let conversation = Login::begin(request.clone(), world.policy());
    let seen = world.events.len();
    let (next, reply) = world.turn(&conversation, Event::Begun);
    let reply = reply.expect("a reply");
    let course = course_of(&reply).unwrap_or_else(|| {
        let (_, reply) = world.turn(&next, Event::Answered(String::new().into()));
        course_of(&reply.expect("a reply")).expect("an end")
    });
    let course = if course == Course::Ask && request.first_factor == FirstFactor::Late {
        after_prompts(world, next)
    } else {
        course
    };
    let ended = world.events.iter().skip(seen).rev().find(|record| record.verdict.is_some());
    let ended = ended.filter(|_| course != Course::Ask);
    let reason = ended.and_then(|record| record.reason.clone().or_else(|| record.factor.clone()));
    (course, reason)
}

/// Answers every prompt wrongly: where others could watch, exempt users are asked for show, and pass.
fn after_prompts(world: &mut World, mut conversation: Conversation) -> Course {
    loop {
        let (next, reply) = world.turn(&conversation, Event::Answered("000".to_owned().into()));
        conversation = next;
        match reply.expect("a reply").state {
            State::Ask => {}
            State::Verdict(Verdict::Skip) => return Course::Pass,
            State::Verdict(_) | State::Done | State::Failed => return Course::Ask,
        }
    }
}

/// Reads off a reply how the login goes on; nothing where the person is told something before the end.
fn course_of(reply: &Reply) -> Option<Course> {
    match reply.state {
        State::Verdict(Verdict::Allow | Verdict::Skip) => return Some(Course::Pass),
        State::Verdict(_) | State::Done | State::Failed => return Some(Course::Refuse),
        State::Ask => {}
    }
    let messages: Vec<&Message> = reply.lines.iter().flat_map(|line| &line.messages).collect();
    let shows_key =
        |message: &&Message| matches!(message, Message::Setup(Setup::Scan | Setup::EnterKey { .. }));
    if messages.contains(&&Message::Note(Note::RenewByCode)) {
        return Some(Course::Enroll);
    }
    match messages.last() {
        Some(Message::Prompt(Prompt::Close)) => None,
        Some(Message::Prompt(Prompt::Invitation)) => Some(Course::Invite),
        Some(Message::Prompt(Prompt::Code)) if messages.iter().any(shows_key) => Some(Course::Enroll),
        Some(Message::Prompt(Prompt::Code | Prompt::CodeOrOther | Prompt::CodeToRemember { .. })) => {
            Some(Course::Ask)
        }
        Some(Message::Prompt(_)) => Some(Course::Enroll),
        other => panic!("no prompt: {other:?}"),
    }
}

fn owned((course, reason): (Course, Option<&'static str>)) -> Outcome {
    (course, reason.map(str::to_owned))
}

#[test]
fn what_is_foretold_of_a_login_is_what_its_first_turn_does() {
    let mut seen: BTreeMap<(Course, Option<&'static str>), usize> = BTreeMap::new();
    for number in 0..SCENES {
        let Scene { mut world, request } = scene(number);
        let (account, now) = (world.load(&request.person), world.now());
        let foresight = foresee(request.clone(), &world.policy(), &account, now);
        assert_eq!(happens(&mut world, &request), owned(foresight.outcome()), "scene {number}: {request:?}");
        *seen.entry(foresight.outcome()).or_default() += 1;
    }
    let reasons = [
        "exempt",
        "not-chosen",
        "not-enrolled",
        "fresh",
        "remembered",
        "put-off",
        "ssh-security-key",
        "monitored",
        "switched-off",
    ];
    let pass = reasons.map(|reason| (Course::Pass, Some(reason)));
    let refusals = ["unknown-person", "uid-changed", "locked", "not-enrolled", "code-needed"];
    let refuse = refusals.map(|reason| (Course::Refuse, Some(reason)));
    let others = [Course::Ask, Course::Enroll, Course::Invite].map(|course| (course, None));
    for outcome in pass.into_iter().chain(refuse).chain(others) {
        let times = seen.get(&outcome).copied().unwrap_or_default();
        assert!(times >= 5, "{outcome:?} was tried {times} times only, of {seen:?}");
    }
}

#[test]
fn nobody_sets_up_anything_before_a_code_of_what_some_rule_in_force_honors() {
    let (mut renewing, mut setting_up) = (0, 0);
    for number in 0..SCENES {
        let Scene { mut world, request } = scene(number);
        for rule in world.policy.rules.iter_mut().chain([&mut world.policy.default]) {
            (rule.enroll, rule.enroll_within) = (Enrollment::AtLogin, None);
        }
        let (account, now) = (world.load(&request.person), world.now());
        let policy = world.policy();
        let honored = policy.honored_after_of(&request.person, &request.host, now.latest());
        let is_honored = account.seen_from(honored, now.latest()).is_enrolled();
        let enrolls = foresee(request.clone(), &policy, &account, now).outcome().0 == Course::Enroll;
        let (_, reply) = world.turn(&Login::begin(request, policy), Event::Begun);
        let messages: Vec<Message> =
            reply.into_iter().flat_map(|reply| reply.lines).flat_map(|line| line.messages).collect();
        let asks_first = messages.contains(&Message::Note(Note::RenewByCode));
        let shows_key = messages.iter().any(|message| matches!(message, Message::Setup(Setup::Key { .. })));
        assert!(!(is_honored && shows_key), "scene {number}");
        assert!(!asks_first || is_honored && enrolls, "scene {number}");
        renewing += usize::from(asks_first);
        setting_up += usize::from(shows_key);
    }
    assert!(renewing >= 10 && setting_up >= 10, "{renewing} asked first, {setting_up} set up at once");
}

#[test]
fn a_watched_login_records_what_happens_once_its_rule_is_in_force() {
    let mut tried = 0;
    for number in 0..SCENES {
        let Scene { mut world, request } = scene(number);
        let (account, now) = (world.load(&request.person), world.now());
        let foresight = foresee(request.clone(), &world.policy(), &account, now);
        // What is decided on incomplete knowledge may be another rule then: one in force goes before one that is watched.
        let is_watched = foresight.decision.force != Force::InForce;
        if !is_watched || foresight.decision.certainty != Certainty::Certain {
            continue;
        }
        let seen = world.events.len();
        let _ = happens(&mut world, &request);
        let record = world.events.get(seen).expect("a record").clone();
        world.policy = enforced(&world.policy);
        let (course, reason) = happens(&mut world, &request);
        assert_eq!(
            (foresight.course, foresight.reason.map(str::to_owned)),
            (course, reason.clone().filter(|_| foresight.reason.is_some()))
        );
        if matches!(request.person.existence, Existence::Known { .. }) {
            assert_eq!(record.would.as_deref(), Some(course.name()), "scene {number}: {request:?}");
            assert_eq!(record.would_because.as_deref(), foresight.reason);
        } else {
            assert_eq!((record.would, record.reason.as_deref()), (None, Some("unknown-person")));
        }
        tried += 1;
    }
    assert!(tried > 1_000, "{tried} were tried only");
}

#[test]
fn a_login_that_is_not_decided_in_force_asks_keeps_sends_and_needs_nothing() {
    let mut tried = 0;
    for number in 0..SCENES {
        let Scene { mut world, request } = scene(number);
        let account = world.load(&request.person);
        if world.policy().decide(&request).force == Force::InForce {
            continue;
        }
        world.policy.settings.sent.bind = Bind::Login;
        let is_known = matches!(request.person.existence, Existence::Known { .. });
        let conversation = Login::begin(request, Arc::new(world.policy.clone()));
        let turn = conversation.decide(Event::Begun, &account, world.now(), &mut Nothing);
        let [Effect::Record(_), Effect::Reply(reply)] = turn.effects.as_slice() else {
            panic!("scene {number}: {:?}", turn.effects);
        };
        let passes = matches!(reply.state, State::Verdict(Verdict::Skip | Verdict::Allow));
        assert_eq!((passes, reply.lines.len()), (is_known, 0), "scene {number}");
        tried += 1;
    }
    assert!(tried > 1_000, "{tried} were tried only");
}
