//! The client loop against scripted services, silly ones among them, and scripted people.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::VecDeque;

use async_trait::async_trait;
use countersign_protocol::conversation::{PROMPT_LIMIT, Peer, Screen, run};
use countersign_protocol::error::{ConversationError, PeerError, ScreenError};
use countersign_protocol::names::ANSWER_LIMIT;
use countersign_protocol::step::{Line, MalformedStep, State, Step, Style};
use zeroize::Zeroizing;

#[derive(Default)]
struct Person {
    seen: Vec<String>,
    answers: VecDeque<Result<String, ScreenError>>,
}

impl Screen for Person {
    fn show(&mut self, line: &Line) -> Result<(), ScreenError> {
        self.seen.push(line.text.clone());
        if line.text == "unshowable" { Err(ScreenError::Failed) } else { Ok(()) }
    }

    fn ask(&mut self, line: &Line) -> Result<Zeroizing<String>, ScreenError> {
        assert!(line.style.is_prompt());
        self.seen.push(line.text.clone());
        self.answers.pop_front().unwrap_or(Err(ScreenError::Absent)).map(Zeroizing::new)
    }
}

#[derive(Default)]
struct Service {
    steps: VecDeque<Result<Step, PeerError>>,
    answers: Vec<String>,
    cancelled: usize,
    endless: bool,
}

#[async_trait]
impl Peer for Service {
    async fn answer(&mut self, text: &str) -> Result<Step, PeerError> {
        self.answers.push(text.to_owned());
        if self.endless { Ok(ask("Your favorite color? ")) } else { self.steps.pop_front().unwrap() }
    }

    async fn cancel(&mut self) {
        self.cancelled += 1;
    }
}

fn line(style: Style, text: &str) -> Line {
    Line { style, text: text.to_owned() }
}

fn ask(text: &str) -> Step {
    Step { state: State::Ask, lines: vec![line(Style::AskVisible, text)] }
}

fn end(state: State) -> Step {
    Step { state, lines: vec![line(Style::Information, "Bye.")] }
}

async fn play(
    first: Step,
    answers: &[Result<&str, ScreenError>],
    steps: Vec<Result<Step, PeerError>>,
) -> (Result<State, ConversationError>, Person, Service) {
    let answers = answers.iter().map(|answer| answer.map(str::to_owned)).collect();
    let mut person = Person { answers, ..Person::default() };
    let mut service = Service { steps: steps.into(), ..Service::default() };
    let result = run(first, &mut person, &mut service).await;
    (result, person, service)
}

#[tokio::test]
async fn every_line_is_shown_and_every_prompt_answered() {
    let first = Step {
        state: State::Ask,
        lines: vec![line(Style::Information, "Hello."), line(Style::AskVisible, "Code: ")],
    };
    let steps = vec![Ok(ask("Again: ")), Ok(end(State::Allow))];
    let (result, person, service) = play(first, &[Ok("1"), Ok("")], steps).await;
    assert_eq!(result, Ok(State::Allow));
    assert_eq!(person.seen, ["Hello.", "Code: ", "Again: ", "Bye."]);
    assert_eq!(service.answers, ["1", ""]);
    assert_eq!(service.cancelled, 0);
}

#[tokio::test]
async fn each_final_state_is_returned_as_it_is() {
    for state in [
        State::Allow,
        State::Deny,
        State::LockOut,
        State::Skip,
        State::Unavailable,
        State::Done,
        State::Failed,
    ] {
        let (result, person, service) = play(end(state), &[], vec![]).await;
        assert_eq!((result, service.cancelled), (Ok(state), 0));
        assert_eq!(person.seen, ["Bye."]);
    }
}

#[tokio::test]
async fn a_person_who_is_absent_hangs_up_or_babbles_cancels() {
    let long = "x".repeat(ANSWER_LIMIT + 1);
    for (answer, error) in [
        (Err(ScreenError::Absent), ScreenError::Absent),
        (Err(ScreenError::Failed), ScreenError::Failed),
        (Ok(long.as_str()), ScreenError::TooLong),
    ] {
        let (result, _, service) = play(ask("Code: "), &[answer], vec![]).await;
        assert_eq!(result, Err(error.into()));
        assert_eq!(service.cancelled, 1);
        assert!(service.answers.is_empty(), "sent although unfit");
    }
}

#[tokio::test]
async fn the_longest_answer_is_sent() {
    let longest = "x".repeat(ANSWER_LIMIT);
    let (result, _, _) = play(ask("Code: "), &[Ok(&longest)], vec![Ok(end(State::Deny))]).await;
    assert_eq!(result, Ok(State::Deny));
}

#[tokio::test]
async fn a_service_that_asks_without_end_is_cancelled() {
    let answers = std::iter::repeat_n(Ok("blue".to_owned()), PROMPT_LIMIT * 2).collect();
    let mut person = Person { answers, ..Person::default() };
    let mut service = Service { endless: true, ..Service::default() };
    let result = run(ask("Your name? "), &mut person, &mut service).await;
    assert_eq!(result, Err(ConversationError::TooManyPrompts(PROMPT_LIMIT)));
    assert_eq!((service.answers.len(), service.cancelled), (PROMPT_LIMIT, 1));
}

#[tokio::test]
async fn the_last_prompt_allowed_may_still_be_answered() {
    let mut steps: Vec<_> = (1..PROMPT_LIMIT).map(|_| Ok(ask("Again: "))).collect();
    steps.push(Ok(end(State::Allow)));
    let answers = vec![Ok("x"); PROMPT_LIMIT];
    let (result, _, service) = play(ask("Code: "), &answers, steps).await;
    assert_eq!((result, service.cancelled), (Ok(State::Allow), 0));
}

#[tokio::test]
async fn silly_steps_are_cancelled() {
    let texts_only = Step { state: State::Ask, lines: vec![line(Style::Information, "Hm?")] };
    let nothing = Step { state: State::Ask, lines: vec![] };
    let two = Step {
        state: State::Ask,
        lines: vec![line(Style::AskHidden, "Password: "), line(Style::AskVisible, "Code: ")],
    };
    let prompt_in_the_end =
        Step { state: State::Allow, lines: vec![line(Style::AskVisible, "Are you sure? ")] };
    for step in [texts_only, nothing, two, prompt_in_the_end] {
        let (result, person, service) = play(ask("Code: "), &[Ok("1"), Ok("2")], vec![Ok(step)]).await;
        assert_eq!(result, Err(PeerError::MalformedStep(MalformedStep::Prompt).into()));
        assert_eq!(service.cancelled, 1);
        assert_eq!(person.answers.len(), 1, "a silly question was answered");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_shown_cancels() {
    let first = Step {
        state: State::Ask,
        lines: vec![line(Style::ShowOnce, "unshowable"), line(Style::AskVisible, "Code: ")],
    };
    let (result, _, service) = play(first, &[Ok("1")], vec![]).await;
    assert_eq!((result, service.cancelled), (Err(ScreenError::Failed.into()), 1));
}

#[tokio::test]
async fn each_error_of_the_service_ends_the_dialogue_and_cancels_what_may_be_open() {
    for (error, cancelled) in [
        (PeerError::NotPermitted, 0),
        (PeerError::InvalidArgument(String::new()), 1),
        (PeerError::LimitReached, 0),
        (PeerError::Unavailable, 0),
        (PeerError::NoSuchUser, 0),
        (PeerError::Refused(String::new()), 0),
        (PeerError::Unexpected(String::new()), 1),
        (PeerError::Gone(String::new()), 0),
        (PeerError::WrongOwner(1), 0),
        (PeerError::TimedOut, 0),
        (PeerError::MalformedReply, 1),
        (PeerError::MalformedStep(MalformedStep::State), 1),
    ] {
        let (result, _, service) = play(ask("Code: "), &[Ok("1")], vec![Err(error.clone())]).await;
        assert_eq!((result, service.cancelled), (Err(error.into()), cancelled));
    }
}
