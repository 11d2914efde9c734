//! The faults that a test injects into the store in memory.

/// What goes wrong once, at the next call that it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next load fails.
    FailLoad,
    /// The next question to the outbox, or claim, fails.
    FailOutbox,
    /// The next commit fails, and nothing of it is written.
    FailCommit,
    /// Somebody else changes each account of the next commit just before it: its changes are stale.
    Overtake,
    /// The next commit is not answered before the store's time-out, and nothing of it is written.
    HangCommit,
    /// The next commit is written, but its caller sees a time-out: the outcome that nobody can know.
    LoseAnswer,
}
