//! The person behind a PAM conversation, as the conversation loop sees them.
//!
//! Owns how a line becomes a PAM message. A text that does not arrive ends nothing (what must be read stands in a
//! prompt, DESIGN.md 6); a prompt without an answer does.

use countersign_protocol::conversation::Screen;
use countersign_protocol::error::ScreenError;
use countersign_protocol::step::{Line, Style};
use zeroize::Zeroizing;

use crate::handle::Handle;

/// The one answer of a client with one prompt.
pub(crate) struct Prepared(pub(crate) Option<Zeroizing<String>>);

/// A PAM conversation.
pub(crate) struct PamScreen<'a, 'b> {
    /// The transaction whose conversation function is talked through.
    pub(crate) handle: &'a Handle<'b>,
    /// What a `combined` line kept: it answers the first prompt, and there is no second one.
    pub(crate) prepared: Option<Prepared>,
    /// Under `PAM_SILENT` only prompts are shown.
    pub(crate) silent: bool,
}

impl Screen for PamScreen<'_, '_> {
    fn show(&mut self, line: &Line) -> Result<(), ScreenError> {
        if !self.silent {
            self.handle.show(line.style == Style::Error, &line.text);
        }
        Ok(())
    }

    fn ask(&mut self, line: &Line) -> Result<Zeroizing<String>, ScreenError> {
        if let Some(prepared) = &mut self.prepared {
            return prepared.0.take().ok_or(ScreenError::Failed);
        }
        self.handle.ask(line.style == Style::AskHidden, &line.text)
    }
}
