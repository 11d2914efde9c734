//! The client's half of every dialogue: show each line, answer the prompt, stop at a final state.
//!
//! Owns the one loop that the PAM module and the command line share. Leaves showing to a [`Screen`] and sending to a
//! [`Peer`]. Invariant: what is malformed or endless is cancelled and ends in an error, never in a state.

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::error::{ConversationError, PeerError, ScreenError};
use crate::names::ANSWER_LIMIT;
use crate::step::{Line, State, Step};

/// The most prompts of one dialogue. The service ends one after three codes (ten while enrolling) or ten other answers, and
/// self-service has two such parts; a service that asks more often is broken.
pub const PROMPT_LIMIT: usize = 32;

/// Where the person sits.
pub trait Screen {
    /// Shows a line that is no prompt.
    ///
    /// # Errors
    ///
    /// [`ScreenError`] where a text that has to be seen cannot be shown.
    fn show(&mut self, line: &Line) -> Result<(), ScreenError>;

    /// Prompts with a line and waits for the answer, for as long as the person takes.
    ///
    /// # Errors
    ///
    /// [`ScreenError`] where nobody is there, they hung up, or the answer is too long.
    fn ask(&mut self, line: &Line) -> Result<Zeroizing<String>, ScreenError>;
}

/// The service's side of one dialogue.
#[async_trait]
pub trait Peer {
    /// Sends an answer and returns the next step.
    ///
    /// # Errors
    ///
    /// [`PeerError`] where no well-formed step comes back in time.
    async fn answer(&mut self, text: &str) -> Result<Step, PeerError>;

    /// Ends the dialogue as far as possible; nothing depends on it.
    async fn cancel(&mut self);
}

/// Leads a dialogue from its first step to its final state, which is returned (never [`State::Ask`]).
///
/// # Errors
///
/// [`ConversationError`] where either side fails or the service prompts more than [`PROMPT_LIMIT`] times; the dialogue
/// is then cancelled wherever the service may still hold it.
pub async fn run(
    first: Step,
    screen: &mut dyn Screen,
    peer: &mut dyn Peer,
) -> Result<State, ConversationError> {
    let mut step = first;
    for _ in 0..PROMPT_LIMIT {
        let Some(prompt) = shown(&step, screen, peer).await? else {
            return Ok(step.state);
        };
        let answer = match screen.ask(prompt) {
            Ok(answer) if answer.len() <= ANSWER_LIMIT => answer,
            Ok(_) => return fail(peer, ScreenError::TooLong.into()).await,
            Err(error) => return fail(peer, error.into()).await,
        };
        step = match peer.answer(&answer).await {
            Ok(step) => step,
            Err(error) => return fail(peer, error.into()).await,
        };
    }
    match shown(&step, screen, peer).await? {
        None => Ok(step.state),
        Some(_) => fail(peer, ConversationError::TooManyPrompts(PROMPT_LIMIT)).await,
    }
}

/// Shows every line that is no prompt, and returns the prompt of an asking step.
async fn shown<'a>(
    step: &'a Step,
    screen: &mut dyn Screen,
    peer: &mut dyn Peer,
) -> Result<Option<&'a Line>, ConversationError> {
    let Step { state, lines } = step;
    // A step can be built without `TryFrom`: an asking one without its prompt last is as malformed here as there.
    let (prompt, texts) = match (state, lines.split_last()) {
        (State::Ask, Some((prompt, texts))) if prompt.style.is_prompt() => (Some(prompt), texts),
        (State::Ask, _) => return fail(peer, malformed_prompts()).await,
        _ => (None, lines.as_slice()),
    };
    if texts.iter().any(|line| line.style.is_prompt()) {
        return fail(peer, malformed_prompts()).await;
    }
    for line in texts {
        if let Err(error) = screen.show(line) {
            return fail(peer, error.into()).await;
        }
    }
    Ok(prompt)
}

fn malformed_prompts() -> ConversationError {
    PeerError::MalformedStep(crate::step::MalformedStep::Prompt).into()
}

/// Cancels what the service may still hold, and fails.
async fn fail<T>(peer: &mut dyn Peer, error: ConversationError) -> Result<T, ConversationError> {
    let open = match &error {
        ConversationError::Peer(error) => error.leaves_conversation_open(),
        ConversationError::Screen(_) | ConversationError::TooManyPrompts(_) => true,
    };
    if open {
        peer.cancel().await;
    }
    Err(error)
}
