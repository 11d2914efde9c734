//! What can be said, as values.
//!
//! Owns the list of sentences, each with what it is about; the languages have the words.

use std::net::IpAddr;
use std::time::Duration;

use crate::factor::Method;
use crate::secret::Secret;
use crate::time::WallTime;

use super::detail::{Direction, Drawn, Shows};
use super::sending::{ListedWay, Sending};

/// Something to say, as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// What an answer is asked with; always the last of its line.
    Prompt(Prompt),
    /// What is said of the answer before.
    Note(Note),
    /// Why something is not done.
    Refusal(Refusal),
    /// What is shown and told while a factor is set up or taken away.
    Setup(Setup),
    /// What becomes of codes that are sent.
    Sending(Sending),
}

/// What an answer is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// A code from any factor.
    Code,
    /// A code that was sent, or any other.
    CodeOrOther,
    /// A code from any factor, with which the person can ask to be remembered.
    CodeToRemember {
        /// Where they would be remembered.
        source: IpAddr,
        /// For how long.
        life: Duration,
    },
    /// A code of the way that the person chose.
    CodeOf(Method),
    /// The code after one that a token has shown too early.
    NextTokenCode,
    /// A code from a factor that is enrolled already, before a change.
    CurrentCode,
    /// A code from the app or token that was set up before the connection was lost, or `new`.
    PendingCode(Method),
    /// As before, where a new key needs a new invitation.
    PendingCodeOrInvitation(Method),
    /// An invitation.
    Invitation,
    /// Which way to set up; the first where nothing is typed.
    Choice,
    /// The e-mail address to which codes are to be sent.
    NewAddress,
    /// The number to which codes are to be sent.
    NewNumber,
    /// The code that was sent to what is being set up, or `new`.
    SentCodeOrNew,
    /// `saved`, below the backup codes.
    Saved,
    /// `yes`, before the first factor.
    Yes,
    /// Nothing: the dialogue is over and the text above had to be in a prompt to be seen.
    Close,
}

/// What is said of the answer before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A wrong code.
    WrongCode,
    /// What was typed cannot be a code; it was not evaluated.
    NotACode,
    /// A right code came with the wish to be remembered, where that is not offered.
    NotRemembered,
    /// The code last accepted was repeated.
    RepeatedCode {
        /// Until the next code.
        next: Duration,
    },
    /// The code last accepted of a token was repeated.
    RepeatedToken,
    /// What looks like a backup code fits none that is left.
    WrongBackupCode,
    /// A wrong invitation.
    WrongInvitation {
        /// Whom to ask.
        help: Option<String>,
    },
    /// A backup code was used.
    BackupCodesLeft {
        /// How many are left.
        left: usize,
    },
    /// The backup codes on the screen are to be written down.
    WriteDown,
    /// A right code came from a phone whose clock is a step off.
    PhoneOff {
        /// By how many seconds at most.
        seconds: u64,
        /// In which direction.
        direction: Direction,
    },
    /// A right code came from a token that had run ahead.
    TokenAhead {
        /// By how many codes.
        codes: u64,
    },
    /// Two wrong codes fit the same distance from our clock.
    ClockOff {
        /// How far the phone's clock is off.
        minutes: u64,
        /// In which direction.
        direction: Direction,
    },
    /// A code that would be right is not accepted, because the clock of a host is or was wrong; it was not charged.
    HostClockOff {
        /// By how many minutes this host's clock is behind; none where a clock was ahead before.
        minutes: Option<u64>,
        /// Whom to ask.
        help: Option<String>,
    },
    /// Nothing was entered.
    EnterCode {
        /// What shows the code.
        from: Shows,
        /// Whom to ask.
        help: Option<String>,
    },
    /// Nothing was entered while enrolling.
    EnterNewCode {
        /// What is set up.
        method: Method,
    },
    /// The key that was shown can be confirmed; another needs an invitation.
    RenewByInvitation {
        /// What is set up.
        method: Method,
        /// Whom to ask.
        help: Option<String>,
    },
    /// What can be given at a code prompt, numbered.
    Ways {
        /// The ways, in the order of their numbers.
        ways: Vec<ListedWay>,
        /// Whom to ask.
        help: Option<String>,
    },
    /// Nobody has used the session for a while; written to its terminal, unasked.
    SessionIdle {
        /// In so many minutes it is ended.
        minutes: u64,
    },
    /// What is to be removed is the user's last sign-in method; what follows from that.
    LastMethod,
    /// What the person had set up is void here, by its age.
    NoLongerValid,
    /// The same, and it still counts elsewhere: one of its codes, or an invitation, comes before anything is set up.
    RenewByCode,
    /// Setting up can be put off.
    MaySkip {
        /// For so many days yet.
        days: Option<u64>,
        /// For so many logins yet, this one counted; without it the choice is remembered. With one or none it is the last time.
        times: Option<u32>,
    },
    /// What was typed is not an e-mail address.
    NotAnAddress,
    /// What was typed is not a number.
    NotANumber,
    /// What can be typed while a code that was sent is waited for, to set up where it went.
    SentWords,
    /// As before, where another way needs a new invitation.
    SentWordsOrInvitation {
        /// Whom to ask.
        help: Option<String>,
    },
    /// What can be typed while enrolling.
    EnrollingWords {
        /// Whether a QR code was drawn that can be redrawn.
        drawn: Drawn,
        /// What is set up.
        method: Method,
    },
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too many wrong codes, until a time (row L17).
    Locked {
        /// The end of the lock.
        until: WallTime,
        /// The present, to leave out the date of today.
        now: WallTime,
        /// Whom to ask.
        help: Option<String>,
    },
    /// Too many wrong codes, until a reset.
    NeedsReset {
        /// Whom to ask.
        help: Option<String>,
    },
    /// A code is needed and none can be given.
    NotEnrolled {
        /// Whom to ask.
        help: Option<String>,
    },
    /// A code is needed; the person can set one up in the session that asks.
    EnrollFirst {
        /// What can be set up.
        method: Method,
    },
    /// A code is needed, and setting one up needs an invitation.
    InvitationNeeded {
        /// Whom to ask.
        help: Option<String>,
    },
    /// There is no factor yet that this could be about.
    NothingSetUp,
    /// The uid of this name changed.
    UidChanged {
        /// Whom to ask.
        help: Option<String>,
    },
    /// A code is needed, and this login cannot ask for one: sshd has accepted a key alone.
    CodeNeeded {
        /// Whom to ask.
        help: Option<String>,
    },
    /// The login ended without a right code.
    NoRightCode,
    /// Something did not work.
    Unavailable {
        /// Whom to ask.
        help: Option<String>,
    },
    /// The service does not answer; the PAM module says it in the service's place.
    Stopped {
        /// Whom to ask.
        help: Option<String>,
    },
    /// The records of the person's sign-in methods come from a backup and may hold what was revoked.
    Restored {
        /// Whom to ask.
        help: Option<String>,
    },
    /// The second factor is switched off for all (row P3).
    SwitchedOff,
    /// No rule lets the person set this up.
    EnrollmentClosed {
        /// Whom to ask.
        help: Option<String>,
    },
    /// As many factors as one person may hold.
    TooManyFactors {
        /// The limit.
        limit: usize,
    },
    /// A factor has this label already.
    LabelTaken {
        /// The label.
        label: String,
    },
    /// No factor is called so.
    NoSuchFactor {
        /// What was asked for.
        name: String,
    },
    /// Several factors are called so.
    AmbiguousFactor {
        /// Their labels.
        labels: Vec<String>,
    },
    /// The last factor, where a rule needs one.
    LastFactor,
    /// The person did not say that the backup codes are written down.
    NotSaved,
    /// Codes go only to what is on file, and nothing is.
    NothingOnFile {
        /// Whom to ask.
        help: Option<String>,
    },
    /// Codes go only to what is on file.
    OnlyOnFile {
        /// What that is, masked.
        recipient: String,
        /// Whom to ask.
        help: Option<String>,
    },
    /// The channel is not configured.
    NoChannel {
        /// Whom to ask.
        help: Option<String>,
    },
    /// As many addresses and numbers as one dialogue may try.
    TooManyRecipients,
    /// The person did not go on.
    NothingChanged,
    /// The account was changed by somebody else in the meantime.
    ChangedMeanwhile,
}

/// What is shown and told while a factor is set up or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// Above the QR code.
    Scan,
    /// Above the key, where the client draws the QR code.
    ScanOrEnterKey {
        /// What is set up.
        method: Method,
    },
    /// Above the key, where no QR code is drawn.
    EnterKey {
        /// What is set up.
        method: Method,
    },
    /// The QR code, drawn.
    Drawing(Secret<String>),
    /// The key in groups of four.
    Key {
        /// The key.
        key: Secret<String>,
        /// Whether a QR code stands above it.
        drawn: Drawn,
    },
    /// The setup URI, for a client that draws.
    Uri(Secret<String>),
    /// What can be set up, numbered.
    ChooseWay {
        /// The ways, in the order of their numbers.
        ways: Vec<ListedWay>,
    },
    /// Above the question for an address or number, where none is on file.
    WhereTo,
    /// Above the question for an address or number, where one is on file.
    OnFile {
        /// What is on file, masked.
        recipient: String,
    },
    /// What the first factor means.
    FirstFactor,
    /// A factor is active.
    Completed {
        /// Its label.
        label: String,
    },
    /// A factor is active in the place of another.
    Replaced {
        /// The label of the new one.
        label: String,
    },
    /// A factor has another name.
    Renamed {
        /// The name it had.
        old: String,
        /// The name it has.
        new: String,
    },
    /// Above the backup codes.
    BackupCodesIntro,
    /// The backup codes, two in a row.
    BackupCodes(Secret<String>),
    /// A new set of backup codes is valid.
    BackupCodesMade,
    /// A code was right, and nobody was let in by it.
    TestPassed {
        /// What it came from.
        method: Method,
        /// The label; empty for backup codes.
        label: String,
    },
    /// The person's sessions other than the one they act from are ended, as they asked.
    OtherSessionsEnded,
    /// They could not be ended.
    OtherSessionsLeft,
    /// A factor is gone.
    Removed {
        /// Its label.
        label: String,
    },
}
