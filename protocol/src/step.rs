//! A step: what `Begin*` and `Answer` return, and its strict decoding.
//!
//! Owns the wire form `(s state, a(us) lines)`. Whatever is malformed (an unknown state or style, a prompt that is not
//! last, none or two of them, text that is not printable) is an error, and the client fails closed.

use crate::names::SCREEN_LIMIT;

/// The most lines of one step.
pub const LINE_LIMIT: usize = 16;

/// Where a dialogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The last line is a prompt.
    Ask,
    /// Let in.
    Allow,
    /// Refused.
    Deny,
    /// Refused while locked.
    LockOut,
    /// Policy asks for no code.
    Skip,
    /// Something did not work: refused.
    Unavailable,
    /// A dialogue other than a login ended well.
    Done,
    /// A dialogue other than a login ended without what was asked for.
    Failed,
}

/// Every state with its name on the wire.
pub const STATES: [(State, &str); 8] = [
    (State::Ask, "ask"),
    (State::Allow, "allow"),
    (State::Deny, "deny"),
    (State::LockOut, "lock-out"),
    (State::Skip, "skip"),
    (State::Unavailable, "unavailable"),
    (State::Done, "done"),
    (State::Failed, "failed"),
];

/// How a line is shown; the number is its form on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// 1: information.
    Information,
    /// 2: error.
    Error,
    /// 3: a prompt whose answer is not seen.
    AskHidden,
    /// 4: a prompt whose answer is seen.
    AskVisible,
    /// 5: shown once (setup URI, backup codes).
    ShowOnce,
}

/// Every style with its number on the wire.
pub const STYLES: [(Style, u32); 5] = [
    (Style::Information, 1),
    (Style::Error, 2),
    (Style::AskHidden, 3),
    (Style::AskVisible, 4),
    (Style::ShowOnce, 5),
];

/// One text of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is shown.
    pub style: Style,
    /// Printable text and newlines.
    pub text: String,
}

/// A state and the lines to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the dialogue is.
    pub state: State,
    /// What to show, in order.
    pub lines: Vec<Line>,
}

/// The wire form of a step: `(s, a(us))`.
pub type WireStep = (String, Vec<(u32, String)>);

/// A step that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedStep {
    /// The state is not one of ours.
    #[error("unknown state")]
    State,
    /// A style is not one of ours.
    #[error("unknown line style {0}")]
    Style(u32),
    /// `ask` without exactly one prompt at the end, or a prompt in a final state.
    #[error("prompts do not fit the state")]
    Prompt,
    /// Too many lines or too much text.
    #[error("a step over its limit")]
    TooLong,
    /// Control characters other than newline, or marks that turn the direction of text.
    #[error("text that is not printable")]
    Unprintable,
}

impl Style {
    /// Tells whether a line of this style is a prompt.
    #[must_use]
    pub const fn is_prompt(self) -> bool {
        matches!(self, Self::AskHidden | Self::AskVisible)
    }

    /// Tells the number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Information => 1,
            Self::Error => 2,
            Self::AskHidden => 3,
            Self::AskVisible => 4,
            Self::ShowOnce => 5,
        }
    }
}

impl State {
    /// Tells the name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::LockOut => "lock-out",
            Self::Skip => "skip",
            Self::Unavailable => "unavailable",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl From<Step> for WireStep {
    fn from(step: Step) -> Self {
        let lines = step.lines.into_iter().map(|line| (line.style.number(), line.text)).collect();
        (step.state.name().to_owned(), lines)
    }
}

impl TryFrom<WireStep> for Step {
    type Error = MalformedStep;

    fn try_from((state, lines): WireStep) -> Result<Self, MalformedStep> {
        let state = STATES
            .iter()
            .find(|(_, name)| *name == state)
            .map(|(state, _)| *state)
            .ok_or(MalformedStep::State)?;
        if lines.len() > LINE_LIMIT || lines.iter().map(|(_, text)| text.len()).sum::<usize>() > SCREEN_LIMIT
        {
            return Err(MalformedStep::TooLong);
        }
        let lines = lines.into_iter().map(read_line).collect::<Result<Vec<_>, _>>()?;
        check_prompts(state, &lines)?;
        Ok(Self { state, lines })
    }
}

fn read_line((number, text): (u32, String)) -> Result<Line, MalformedStep> {
    let style = STYLES
        .iter()
        .find(|(_, known)| *known == number)
        .map(|(style, _)| *style)
        .ok_or(MalformedStep::Style(number))?;
    if text.chars().all(is_shown) { Ok(Line { style, text }) } else { Err(MalformedStep::Unprintable) }
}

/// Tells whether a character may reach a terminal: no control characters but newline, no bidirectional marks.
#[must_use]
pub fn is_shown(character: char) -> bool {
    let turns_direction = matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character == '\n' || !(character.is_control() || turns_direction)
}

fn check_prompts(state: State, lines: &[Line]) -> Result<(), MalformedStep> {
    let prompts = lines.iter().filter(|line| line.style.is_prompt()).count();
    let last_is_prompt = lines.last().is_some_and(|line| line.style.is_prompt());
    let fits = if state == State::Ask { prompts == 1 && last_is_prompt } else { prompts == 0 };
    if fits { Ok(()) } else { Err(MalformedStep::Prompt) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(state: &str, lines: &[(u32, &str)]) -> WireStep {
        (state.to_owned(), lines.iter().map(|(style, text)| (*style, (*text).to_owned())).collect())
    }

    #[test]
    fn a_step_survives_the_wire() {
        for (state, name) in STATES {
            let lines =
                if state == State::Ask { vec![(1, "Welcome."), (4, "Code: ")] } else { vec![(2, "No.")] };
            let step = Step::try_from(wire(name, &lines)).unwrap();
            assert_eq!(step.state, state);
            assert_eq!(WireStep::from(step), wire(name, &lines));
        }
    }

    #[test]
    fn malformed_steps_are_refused() {
        let too_long = "x".repeat(SCREEN_LIMIT + 1);
        let many = vec![(1, "x"); LINE_LIMIT + 1];
        for (step, error) in [
            (wire("Allow", &[]), MalformedStep::State),
            (wire("", &[]), MalformedStep::State),
            (wire("ask", &[]), MalformedStep::Prompt),
            (wire("ask", &[(4, "Code: "), (1, "after")]), MalformedStep::Prompt),
            (wire("ask", &[(4, "Code: "), (3, "Code: ")]), MalformedStep::Prompt),
            (wire("allow", &[(4, "Code: ")]), MalformedStep::Prompt),
            (wire("deny", &[(0, "x")]), MalformedStep::Style(0)),
            (wire("deny", &[(6, "x")]), MalformedStep::Style(6)),
            (wire("deny", &[(1, "\u{1b}[2J")]), MalformedStep::Unprintable),
            (wire("deny", &[(1, "\u{202e}x")]), MalformedStep::Unprintable),
            (wire("deny", &[(1, &too_long)]), MalformedStep::TooLong),
            (wire("deny", &many), MalformedStep::TooLong),
        ] {
            assert_eq!(Step::try_from(step), Err(error));
        }
    }
}
