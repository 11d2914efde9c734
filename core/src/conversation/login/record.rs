//! How a login ends, and what is recorded of it.
//!
//! Owns invariant 3: each verdict leaves in the same turn as its record, made here and nowhere else.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::{Conversation, Departure, Effect, Line, Reply, State, Style, Turn, Verdict};
use crate::factor::Method;
use crate::login::{Phase, Source};
use crate::throttle::Standing;
use crate::time::Now;
use crate::words::{Message, Refusal};

use super::Login;
use super::opening::{Grounds, Manner};

impl Grounds {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::UnknownPerson => "unknown-person",
            Self::UidChanged => "uid-changed",
            Self::Locked(Standing::NeedsReset) => "needs-reset",
            Self::Locked(Standing::Open | Standing::Locked { .. }) => "locked",
            Self::NotEnrolled => "not-enrolled",
            Self::Exempt => "exempt",
            Self::WrongCode => "wrong-code",
            Self::CodeNeeded => "code-needed",
            Self::Changed => "changed-meanwhile",
            Self::NotSaved => "not-saved",
            Self::Restored => "restored",
            Self::Unread => "store-unavailable",
        }
    }
}

impl Login {
    /// Lets in: uses the code up, knows the source from now on. Nothing else tells the engine that a code was given.
    pub(super) fn allow(
        &self,
        records: Vec<AuditEvent>,
        mut account: Account,
        method: Method,
        messages: Vec<Message>,
        now: Now,
    ) -> Turn {
        self.cover(&mut account, now.latest());
        self.note_uid(&mut account);
        account.changed = account.changed.max(now.latest());
        if let Source::Address(address) = self.request.source {
            account.remember_source(address, now.latest());
        }
        let event = AuditEvent {
            factor: Some(method.name().to_owned()),
            ..self.verdict_event(EventId::LoginAllowed, Verdict::Allow, &account, now)
        };
        let given = self.may_be_fresh(method, &account, now).then_some(Effect::CodeGiven(account.epoch));
        let mut effects = vec![Effect::Commit(Box::new(account))];
        effects.extend(records.into_iter().map(Effect::Record));
        effects.push(Effect::Record(event));
        effects.extend(given);
        end(effects, Verdict::Allow, Style::Information, messages)
    }

    /// Lets through unasked. Where sshd, as root, has completed a public key the verdict is `Allow`: ours may be the only
    /// module of the stack, and libpam refuses a stack of which nothing but ignored lines is left (DESIGN.md 3).
    pub(super) fn skip(
        &self,
        account: &Account,
        now: Now,
        complete: impl FnOnce(AuditEvent) -> AuditEvent,
    ) -> Turn {
        let by_key = self.request.phase == Phase::Auth && self.request.ssh.public_key.is_some();
        let verdict = if by_key { Verdict::Allow } else { Verdict::Skip };
        self.pass(EventId::LoginSkipped, verdict, account, now, complete)
    }

    /// Lets through unasked, for a reason.
    pub(super) fn skip_for(&self, reason: &str, account: &Account, now: Now) -> Turn {
        self.skip(account, now, |event| AuditEvent { reason: Some(reason.to_owned()), ..event })
    }

    /// Ends well without a word and without a code.
    pub(super) fn pass(
        &self,
        id: EventId,
        verdict: Verdict,
        account: &Account,
        now: Now,
        complete: impl FnOnce(AuditEvent) -> AuditEvent,
    ) -> Turn {
        let event = complete(self.verdict_event(id, verdict, account, now));
        end(vec![Effect::Record(event)], verdict, Style::Information, Vec::new())
    }

    /// Refuses. Only a person who may know of the lock is told by the verdict. An exempt user who was asked for show reads the
    /// same, and gets in: their first factor decides.
    pub(super) fn refuse(
        &self,
        mut effects: Vec<Effect>,
        grounds: Grounds,
        messages: Vec<Message>,
        account: &Account,
        now: Now,
    ) -> Turn {
        if let Some(reason) = self.exempt_after_all(account) {
            let event = self.verdict_event(EventId::LoginSkipped, Verdict::Skip, account, now);
            effects.push(Effect::Record(AuditEvent { reason: Some(reason.to_owned()), ..event }));
            return end(effects, Verdict::Skip, Style::Error, messages);
        }
        let is_lock = matches!(grounds, Grounds::Locked(_));
        let id = if is_lock { EventId::LoginLockedOut } else { EventId::LoginDenied };
        let verdict = match self.manner(grounds) {
            Manner::Tell if is_lock => Verdict::LockOut,
            Manner::Tell | Manner::Pretend => Verdict::Deny,
        };
        let no_code = grounds == Grounds::WrongCode && self.tally.codes == 0;
        let reason = if no_code { "no-code" } else { grounds.reason() };
        let event =
            AuditEvent { reason: Some(reason.to_owned()), ..self.verdict_event(id, verdict, account, now) };
        effects.push(Effect::Record(event));
        end(effects, verdict, Style::Error, messages)
    }

    /// Refuses because something did not work, for a reason that is a stable word.
    pub(in crate::conversation) fn unavailable(&self, reason: &str, account: &Account, now: Now) -> Turn {
        let event = AuditEvent {
            reason: Some(reason.to_owned()),
            ..self.verdict_event(EventId::LoginUnavailable, Verdict::Unavailable, account, now)
        };
        let text = Message::Refusal(Refusal::Unavailable { help: self.help() });
        end(vec![Effect::Record(event)], Verdict::Unavailable, Style::Error, vec![text])
    }

    /// Ends without an answer; recorded where a question had been asked.
    pub(super) fn abandon(&self, account: &Account, now: Now, departure: Departure) -> Turn {
        let event = || AuditEvent {
            attempts: Some(self.tally.codes),
            reason: Some(departure.reason().to_owned()),
            ..self.event(EventId::LoginAbandoned, account, now)
        };
        let asked = self.tally.prompts > 0;
        let effects = if asked { vec![Effect::Record(event())] } else { Vec::new() };
        Turn { next: Conversation::End, effects }
    }

    pub(super) fn event(&self, id: EventId, account: &Account, now: Now) -> AuditEvent {
        AuditEvent::for_login(id, now.wall, &self.request, account, &self.policy, &self.decision)
    }

    fn verdict_event(&self, id: EventId, verdict: Verdict, account: &Account, now: Now) -> AuditEvent {
        AuditEvent {
            verdict: Some(verdict.name().to_owned()),
            attempts: Some(self.tally.codes),
            ..self.event(id, account, now)
        }
    }
}

fn end(mut effects: Vec<Effect>, verdict: Verdict, style: Style, messages: Vec<Message>) -> Turn {
    let lines = if messages.is_empty() { Vec::new() } else { vec![Line { style, messages }] };
    effects.push(Effect::Reply(Reply { state: State::Verdict(verdict), lines }));
    Turn { next: Conversation::End, effects }
}
