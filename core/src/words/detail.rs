//! Details on which a sentence depends: what shows a code, what stands on the screen, which way a clock is off.

use crate::factor::Method;

/// What shows the codes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// An app.
    App,
    /// A token.
    Token,
    /// Either.
    AppOrToken,
}

impl Shows {
    /// Tells what shows the codes of a method that is set up with a key.
    pub(super) fn of(method: Method) -> Self {
        if method == Method::Hotp { Self::Token } else { Self::App }
    }
}

/// Whether a QR code stands on the person's screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// It does.
    Yes,
    /// It does not: text only, or shown in another conversation.
    No,
}

/// Which way a clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It runs ahead of ours.
    Ahead,
    /// It runs behind ours.
    Behind,
}
