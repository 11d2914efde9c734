//! The current code that comes before every change (row S1).
//!
//! Owns what is asked for, told and charged until it is right, in the words and by the limits of a login.

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::answer::{AT_CODES, Answer, read};
use crate::conversation::proof::{Outcome, Used, clock_off, note_of_wrong};
use crate::conversation::ways::{Way, Ways};
use crate::conversation::{Effect, PROMPT_LIMIT, Turn, with_prompt};
use crate::factor::Method;
use crate::time::Now;
use crate::words::{Message, Note, Prompt};

use super::{Failure, SelfService};

/// What came of a current code.
pub(in crate::conversation) enum Proof {
    /// It was right; this account is to be committed, with whatever follows from it.
    Proven(Account, Used),
    /// Another one is asked for.
    Again {
        /// The state that has counted it.
        service: SelfService,
        effects: Vec<Effect>,
        /// The text of the prompt.
        messages: Vec<Message>,
    },
    /// The dialogue is over.
    Over(Turn),
}

impl SelfService {
    /// Evaluates an answer as a current code.
    pub(in crate::conversation) fn prove(&self, text: &str, account: &Account, now: Now) -> Proof {
        if let Some(failure) = self.barrier(account, now) {
            return Proof::Over(self.fail(Vec::new(), failure, account, now));
        }
        match read(text, &AT_CODES) {
            Answer::Nothing => {
                let note = Note::EnterCode { help: self.help() };
                self.again(Vec::new(), with_prompt([Message::Note(note)], Prompt::CurrentCode), account, now)
            }
            Answer::Word(word) => {
                let ways = Self::ways(account);
                self.choose(ways.named(word), &ways, account, now)
            }
            Answer::Code(code) => {
                let ways = Self::ways(account);
                match ways.chosen(&code) {
                    Some(way) => self.choose(Some(way), &ways, account, now),
                    None => self.tried().evaluate(&code, account, now),
                }
            }
        }
    }

    /// Asks for a code of the chosen way, or lists the ways.
    fn choose(&self, way: Option<&Way>, ways: &Ways, account: &Account, now: Now) -> Proof {
        let messages = match way {
            Some(way) => with_prompt([], Prompt::CodeOf(way.method())),
            None => {
                let note = Note::Ways { ways: ways.listed(), help: self.help() };
                with_prompt([Message::Note(note)], Prompt::CurrentCode)
            }
        };
        self.again(Vec::new(), messages, account, now)
    }

    fn evaluate(&self, code: &str, account: &Account, now: Now) -> Proof {
        let noted = |note| with_prompt([Message::Note(note)], Prompt::CurrentCode);
        match self.check(account, now).against_active(code, &Method::ALL) {
            Outcome::Right { account, used } => Proof::Proven(account, used),
            Outcome::Repeated { note } => {
                let record = Effect::Record(self.event(EventId::CodeRepeated, account, now));
                self.again(vec![record], noted(note), account, now)
            }
            Outcome::Wrong(charged) => {
                let note = clock_off(&self.distant, &charged.distant).unwrap_or_else(|| note_of_wrong(code));
                let messages =
                    if charged.runs_ahead { with_prompt([], Prompt::NextTokenCode) } else { noted(note) };
                let missed = Self { distant: charged.distant.clone(), ..self.clone() };
                match missed.charge(EventId::CodeWrong, charged, now) {
                    Ok((account, effects)) => missed.again(effects, messages, &account, now),
                    Err(turn) => Proof::Over(turn),
                }
            }
        }
    }

    fn again(&self, effects: Vec<Effect>, messages: Vec<Message>, account: &Account, now: Now) -> Proof {
        if self.tally.prompts < PROMPT_LIMIT {
            return Proof::Again { service: self.clone(), effects, messages };
        }
        Proof::Over(self.fail(effects, Failure::wrong_code(), account, now))
    }

    /// Lists the ways in which this person can prove that it is they.
    fn ways(account: &Account) -> Ways {
        Ways::of(account, &Method::ALL)
    }
}
