//! The person behind a PAM conversation, as the conversation loop sees them.
//!
//! Owns how a line becomes a PAM message, and that the user learns how a login ended. A login has texts only in its last
//! step (what must be read before stands in a prompt, DESIGN.md 6), so `PAM_SILENT` keeps none of them back: sudo asks for
//! silence, and shows what comes all the same. A text that does not arrive ends nothing; a prompt without an answer does.

use countersign_protocol::conversation::Screen;
use countersign_protocol::error::ScreenError;
use countersign_protocol::step::{Line, Style};
use zeroize::Zeroizing;

use crate::handle::Handle;

/// Who answers the prompts.
pub(crate) enum Answers {
    /// The person.
    Asked,
    /// What was given before, which answers one prompt: a code that a `combined` line kept, or nothing in `account`.
    Given(Option<Zeroizing<String>>),
}

/// A PAM conversation.
pub(crate) struct PamScreen<'a, 'b> {
    /// The transaction whose conversation function is talked through.
    pub(crate) handle: &'a Handle<'b>,
    /// Who answers.
    pub(crate) answers: Answers,
    /// The first line above the last prompt that the person did not see. Keys and codes stand further down.
    pub(crate) unread: Option<String>,
    /// The last text that was shown.
    pub(crate) told: Option<String>,
}

impl Screen for PamScreen<'_, '_> {
    fn show(&mut self, line: &Line) -> Result<(), ScreenError> {
        self.handle.show(line.style == Style::Error, &line.text);
        self.told = Some(line.text.clone());
        Ok(())
    }

    fn ask(&mut self, line: &Line) -> Result<Zeroizing<String>, ScreenError> {
        let Answers::Given(given) = &mut self.answers else {
            return self.handle.ask(line.style == Style::AskHidden, &line.text);
        };
        self.unread = line.text.split_once('\n').map(|(first, _)| first.to_owned());
        given.take().ok_or(ScreenError::Spent)
    }
}
