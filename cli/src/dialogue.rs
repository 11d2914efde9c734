//! One dialogue with the service, held at the terminal.
//!
//! Owns what surrounds the shared loop (`protocol::conversation::run`): the bus as the peer, Ctrl-C, and how a dialogue
//! that did not end well exits. The loop runs on a thread of its own, because a read from a terminal cannot be
//! interrupted: on Ctrl-C the dialogue is cancelled at the service and the process ends around that thread.

use std::thread;

use async_trait::async_trait;
use countersign_protocol::conversation::{Peer, run};
use countersign_protocol::error::{ConversationError, PeerError};
use countersign_protocol::proxies::{Begun, ConversationProxy, Facts as Options};
use countersign_protocol::step::{State, Step};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use zbus::Variant;

use crate::bus::{Bus, CALL_LIMIT, call};
use crate::exit::{Exit, Failure};
use crate::screen::Terminal;

/// The variables that name a person's language, the strongest first (locale(7)).
const LANGUAGE_VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];
/// The longest name of a language that is passed on, in bytes.
const LANGUAGE_LIMIT: usize = 64;

/// What every dialogue is begun with: the language of the person.
pub(crate) fn options() -> Options<'static> {
    locale().map(|locale| ("locale", Variant::from(locale))).into_iter().collect()
}

/// Tells the language of the person, as the service understands it.
fn locale() -> Option<String> {
    let named = LANGUAGE_VARIABLES.iter().filter_map(|variable| std::env::var(variable).ok());
    let first = named.into_iter().find(|value| !value.is_empty())?;
    (first.len() <= LANGUAGE_LIMIT && first.is_ascii()).then_some(first)
}

/// Holds a dialogue to its end.
///
/// # Errors
/// The person gave up, the dialogue ended without what was asked for, or the service failed. Whatever is malformed is
/// cancelled.
pub(crate) async fn hold(bus: &Bus, begun: Begun, screen: Terminal) -> Result<(), Failure> {
    let (path, state, lines) = begun;
    let conversation = bus.conversation(path).await?;
    let Ok(first) = Step::try_from((state, lines)) else {
        let _ = call(conversation.cancel()).await;
        return Err(Failure::malformed("a step of the dialogue"));
    };
    ending(converse(first, screen, conversation).await?)
}

type Ended = (Result<State, ConversationError>, Option<Failure>);

/// Runs the loop beside the signals that end it.
async fn converse(
    first: Step,
    mut screen: Terminal,
    conversation: ConversationProxy<'static>,
) -> Result<Ended, Failure> {
    let echo = Echo::remember();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = oneshot::channel();
    let mut peer = BusPeer { conversation: conversation.clone(), failure: None };
    let runtime = Handle::current();
    thread::spawn(move || {
        let ended = runtime.block_on(run(first, &mut screen, &mut peer));
        // A receiver that has left was interrupted, and has said so.
        let _ = sender.send((ended, peer.failure));
    });
    tokio::select! {
        // Ctrl-C at a hidden prompt ends the read as well: it counts as Ctrl-C, not as no answer.
        biased;
        _ = interrupt.recv() => Err(give_up(&conversation, &echo).await),
        _ = terminate.recv() => Err(give_up(&conversation, &echo).await),
        ended = receiver => ended.map_err(|_| Failure::malformed("the dialogue broke off")),
    }
}

async fn give_up(conversation: &ConversationProxy<'static>, echo: &Echo) -> Failure {
    echo.restore();
    let _ = call(conversation.cancel()).await;
    cancelled(Exit::Interrupted, "Cancelled.")
}

/// What was committed before stays: the person is told where to look.
fn cancelled(exit: Exit, message: &str) -> Failure {
    Failure::new(exit, message).with_help("To see what is set up now: countersign status")
}

/// Says how a dialogue ended.
fn ending((ended, failure): Ended) -> Result<(), Failure> {
    match ended {
        Ok(State::Done) => Ok(()),
        // The last lines of the dialogue have said why.
        Ok(State::Failed) => Err(Failure::silent(Exit::Refused)),
        Ok(State::Unavailable) => Err(Failure::silent(Exit::Unavailable)),
        Ok(State::Ask | State::Allow | State::Deny | State::LockOut | State::Skip) => {
            Err(Failure::malformed("an end that only a login has"))
        }
        Err(ConversationError::Screen(_)) => Err(cancelled(Exit::Refused, "Cancelled: there was no answer.")),
        Err(ConversationError::Peer(_)) => Err(failure.unwrap_or_else(Failure::unreachable)),
        Err(ConversationError::TooManyPrompts(_)) => Err(Failure::malformed("a dialogue without an end")),
    }
}

/// The conversation's object on the bus.
struct BusPeer {
    conversation: ConversationProxy<'static>,
    /// Why the peer failed, in words.
    failure: Option<Failure>,
}

#[async_trait]
impl Peer for BusPeer {
    async fn answer(&mut self, text: &str) -> Result<Step, PeerError> {
        let reply = tokio::time::timeout(CALL_LIMIT, self.conversation.answer(text)).await;
        let (error, failure) = match reply {
            Ok(Ok(wire)) => match Step::try_from(wire) {
                Ok(step) => return Ok(step),
                Err(error) => (error.into(), Failure::malformed("a step of the dialogue")),
            },
            Ok(Err(error)) => (PeerError::from(error.clone()), error.into()),
            Err(_) => (PeerError::TimedOut, Failure::late()),
        };
        self.failure = Some(failure);
        Err(error)
    }

    async fn cancel(&mut self) {
        // The dialogue ends with this process anyway: its connection is what owns it.
        let _ = call(self.conversation.cancel()).await;
    }
}

/// The terminal's settings, so that a hidden prompt that is interrupted leaves no terminal without echo.
struct Echo(Option<Termios>);

impl Echo {
    fn remember() -> Self {
        Self(tcgetattr(std::io::stdin()).ok())
    }

    fn restore(&self) {
        if let Self(Some(settings)) = self {
            // A terminal that is gone has no echo to bring back.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, settings);
        }
    }
}
