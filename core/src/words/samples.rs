//! One message of every kind that holds words of ours, for the tests of all languages.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Direction, Drawn, ListedWay, Message, Note, Prompt, Refusal, Resend, Sending, Setup, Shows};
use crate::factor::Method;
use crate::secret::Secret;
use crate::time::WallTime;

/// Every prompt.
pub(super) const PROMPTS: [Prompt; 24] = [
    Prompt::Code,
    Prompt::CodeOrOther,
    Prompt::CodeToRemember {
        source: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 17)),
        life: Duration::from_hours(720),
    },
    Prompt::CodeToRemember {
        source: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 17)),
        life: Duration::from_hours(1),
    },
    Prompt::CodeOf(Method::Totp),
    Prompt::CodeOf(Method::Hotp),
    Prompt::CodeOf(Method::Email),
    Prompt::CodeOf(Method::Sms),
    Prompt::CodeOf(Method::Call),
    Prompt::CodeOf(Method::Backup),
    Prompt::NextTokenCode,
    Prompt::CurrentCode,
    Prompt::PendingCode(Method::Totp),
    Prompt::PendingCode(Method::Hotp),
    Prompt::PendingCodeOrInvitation(Method::Totp),
    Prompt::PendingCodeOrInvitation(Method::Hotp),
    Prompt::Invitation,
    Prompt::Choice,
    Prompt::NewAddress,
    Prompt::NewNumber,
    Prompt::SentCodeOrNew,
    Prompt::Saved,
    Prompt::Yes,
    Prompt::Close,
];

/// One message of every kind; `Code: ` and its like are the same in some languages and left out.
pub(super) fn every_message() -> Vec<Message> {
    let prompts =
        PROMPTS.into_iter().filter(|prompt| !matches!(prompt, Prompt::Code | Prompt::CodeOf(Method::Backup)));
    let spoken = notes().into_iter().map(Message::Note).chain(refusals().into_iter().map(Message::Refusal));
    let spoken = spoken.chain(sendings().into_iter().map(Message::Sending));
    prompts.map(Message::Prompt).chain(spoken).chain(setups().into_iter().map(Message::Setup)).collect()
}

fn label() -> String {
    "Pixel".to_owned()
}

fn key() -> Secret<String> {
    Secret::new("ABCD".to_owned())
}

fn notes() -> Vec<Note> {
    let help = || Some("the desk".to_owned());
    vec![
        Note::WrongCode,
        Note::NotACode,
        Note::NotRemembered,
        Note::RepeatedCode { next: Duration::from_secs(17) },
        Note::ClockOff { minutes: 1, direction: Direction::Ahead },
        Note::ClockOff { minutes: 2, direction: Direction::Behind },
        Note::HostClockOff { minutes: Some(1), help: help() },
        Note::HostClockOff { minutes: Some(20), help: help() },
        Note::HostClockOff { minutes: None, help: help() },
        Note::EnterCode { from: Shows::App, help: help() },
        Note::EnterCode { from: Shows::Token, help: help() },
        Note::EnterCode { from: Shows::AppOrToken, help: help() },
        Note::EnterNewCode { method: Method::Totp },
        Note::EnterNewCode { method: Method::Hotp },
        Note::RepeatedToken,
        Note::WrongBackupCode,
        Note::WrongInvitation { help: help() },
        Note::BackupCodesLeft { left: 0 },
        Note::BackupCodesLeft { left: 1 },
        Note::BackupCodesLeft { left: 7 },
        Note::Ways { ways: ways(), help: None },
        Note::MaySkip { days: Some(16), times: Some(17) },
        Note::MaySkip { days: Some(1), times: None },
        Note::MaySkip { days: None, times: Some(1) },
        Note::MaySkip { days: Some(6), times: Some(0) },
        Note::MaySkip { days: None, times: Some(18) },
        Note::MaySkip { days: None, times: None },
        Note::WriteDown,
        Note::PhoneOff { seconds: 30, direction: Direction::Ahead },
        Note::PhoneOff { seconds: 60, direction: Direction::Behind },
        Note::TokenAhead { codes: 1 },
        Note::TokenAhead { codes: 2 },
        Note::LastMethod,
        Note::NoLongerValid,
        Note::RenewByCode,
        Note::SessionIdle { minutes: 1 },
        Note::SessionIdle { minutes: 17 },
        Note::EnrollingWords { drawn: Drawn::Yes, method: Method::Totp },
        Note::EnrollingWords { drawn: Drawn::No, method: Method::Totp },
        Note::EnrollingWords { drawn: Drawn::Yes, method: Method::Hotp },
        Note::EnrollingWords { drawn: Drawn::No, method: Method::Hotp },
        Note::RenewByInvitation { method: Method::Totp, help: help() },
        Note::RenewByInvitation { method: Method::Hotp, help: help() },
        Note::NotAnAddress,
        Note::NotANumber,
        Note::SentWords,
        Note::SentWordsOrInvitation { help: help() },
    ]
}

fn refusals() -> Vec<Refusal> {
    let help = || Some("the desk".to_owned());
    let [now, until] = [WallTime::from_seconds(0), WallTime::from_seconds(60)];
    vec![
        Refusal::Locked { until, now, help: help() },
        Refusal::NeedsReset { help: help() },
        Refusal::NotEnrolled { help: help() },
        Refusal::EnrollFirst { method: Method::Totp },
        Refusal::InvitationNeeded { help: help() },
        Refusal::NothingSetUp,
        Refusal::UidChanged { help: help() },
        Refusal::CodeNeeded { help: help() },
        Refusal::NoRightCode,
        Refusal::Unavailable { help: help() },
        Refusal::Restored { help: help() },
        Refusal::Stopped { help: help() },
        Refusal::SwitchedOff,
        Refusal::EnrollmentClosed { help: help() },
        Refusal::TooManyFactors { limit: 16 },
        Refusal::LabelTaken { label: label() },
        Refusal::NoSuchFactor { name: label() },
        Refusal::AmbiguousFactor { labels: vec![label()] },
        Refusal::LastFactor,
        Refusal::NothingOnFile { help: help() },
        Refusal::OnlyOnFile { recipient: label(), help: help() },
        Refusal::NoChannel { help: help() },
        Refusal::TooManyRecipients,
        Refusal::NothingChanged,
        Refusal::NotSaved,
        Refusal::ChangedMeanwhile,
    ]
}

fn setups() -> Vec<Setup> {
    vec![
        Setup::Scan,
        Setup::ScanOrEnterKey { method: Method::Totp },
        Setup::ScanOrEnterKey { method: Method::Hotp },
        Setup::EnterKey { method: Method::Totp },
        Setup::EnterKey { method: Method::Hotp },
        Setup::BackupCodesIntro,
        Setup::BackupCodesMade,
        Setup::OtherSessionsEnded,
        Setup::OtherSessionsLeft,
        Setup::Replaced { label: label() },
        Setup::Renamed { old: label(), new: "tablet".to_owned() },
        Setup::TestPassed { method: Method::Totp, label: label() },
        Setup::TestPassed { method: Method::Hotp, label: label() },
        Setup::TestPassed { method: Method::Email, label: label() },
        Setup::TestPassed { method: Method::Backup, label: String::new() },
        Setup::Key { key: key(), drawn: Drawn::Yes },
        Setup::Key { key: key(), drawn: Drawn::No },
        Setup::ChooseWay { ways: ways() },
        Setup::WhereTo,
        Setup::OnFile { recipient: label() },
        Setup::FirstFactor,
        Setup::Completed { label: label() },
        Setup::Removed { label: label() },
    ]
}

fn ways() -> Vec<ListedWay> {
    let listed = |(number, method): (usize, Method)| ListedWay {
        number: Some(number).filter(|_| method != Method::Backup),
        method,
        recipient: method.channel().map(|_| "Pixel".to_owned()),
    };
    (16..).zip(Method::ALL).map(listed).collect()
}

fn sendings() -> Vec<Sending> {
    let help = || Some("the desk".to_owned());
    let [now, until] = [WallTime::from_seconds(0), WallTime::from_seconds(60)];
    vec![
        Sending::OnItsWay { recipient: label() },
        Sending::StillValid { recipient: label() },
        Sending::Failed { recipient: label(), others: ways() },
        Sending::Failed { recipient: label(), others: Vec::new() },
        Sending::Doubtful { recipient: label(), others: ways() },
        Sending::Deferred { recipient: label(), others: ways() },
        Sending::Deferred { recipient: label(), others: Vec::new() },
        Sending::Wait { seconds: 17, others: ways() },
        Sending::Wait { seconds: 17, others: Vec::new() },
        Sending::Elsewhere { resend: Resend::Now, others: ways() },
        Sending::Elsewhere { resend: Resend::In(17), others: ways() },
        Sending::Elsewhere { resend: Resend::No, others: Vec::new() },
        Sending::Cap { until, now, others: ways(), help: help() },
        Sending::Cap { until, now, others: Vec::new(), help: help() },
        Sending::Unreachable { recipient: label(), others: ways(), help: help() },
        Sending::Unreachable { recipient: label(), others: Vec::new(), help: help() },
        Sending::WrongCode { resend: Resend::Now },
        Sending::WrongCode { resend: Resend::In(17) },
        Sending::WrongCode { resend: Resend::No },
        Sending::EnterCode { recipient: label() },
        Sending::NothingToChoose { help: help() },
    ]
}
