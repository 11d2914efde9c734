//! The first turn: who is let through unasked, who is asked, who is told that there is no way in.
//!
//! Owns the grounds on which an answer may not be evaluated, and whether the person is told. They are told only where
//! the first factor is settled and the person exists: everybody else sees the dialogue of somebody whose codes are
//! wrong (row L13).

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::setup::pending;
use crate::conversation::{Effect, Turn, with_prompt};
use crate::factor::Method;
use crate::login::{Existence, FirstFactor, LoginRequest, Phase};
use crate::policy::{Certainty, Enrollment, Requirement};
use crate::restore::Trust;
use crate::secret::Entropy;
use crate::throttle::Standing;
use crate::time::Now;
use crate::words::{Message, Prompt, Refusal};

use super::enrolling::Authority;
use super::{Login, Stage};

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grounds {
    /// The name service does not know the person.
    UnknownPerson,
    /// The name belongs to another uid than the factors.
    UidChanged,
    /// Too many wrong codes.
    Locked(Standing),
    /// A code is needed and the person has none to give.
    NotEnrolled,
    /// Nothing is asked of the user: they see prompts only because others could watch.
    Exempt,
    /// No right code in all prompts.
    WrongCode,
    /// The phase cannot ask, and a code is needed.
    CodeNeeded,
    /// The person's factors were changed while the backup codes stood on the screen.
    Changed,
    /// The person did not say that the backup codes are written down.
    NotSaved,
    /// The account comes from a restored store and may hold what was revoked.
    Restored,
    /// The store did not answer.
    Unread,
}

/// Whether the grounds are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// They are.
    Tell,
    /// They are not: everything looks as if the codes were wrong.
    Pretend,
}

/// Which way a login goes at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Past everything, for this reason.
    Skip(&'static str),
    /// In, by a security key.
    Accept,
    /// Out, at once.
    Refuse(Grounds),
    /// To the question for a code.
    Ask,
    /// Out, once the person has read why.
    Tell(Grounds),
    /// To the question for a code of what is void here and honored elsewhere, and then to setting up.
    Renew,
    /// To setting up a first factor.
    Enroll(Authority),
    /// The same, where nothing can be set up at the moment: setting up itself tells why.
    Shut(Authority),
    /// To the question for an invitation.
    Invite,
}

impl Login {
    pub(super) fn open(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if !matches!(self.stage, Stage::Begin) {
            return self.unavailable("out-of-order", account, now);
        }
        let way = self.way(account, now);
        if let Some(passage) = self.passage() {
            return self.pass_by(&passage, &way, account, now);
        }
        match way {
            Way::Skip(reason) if self.hides_exemption(account) => {
                let asked = Self { exempt: Some(reason), ..self.clone() };
                asked.open_asking(account, now, entropy)
            }
            Way::Skip(reason) => self.skip_for(reason, account, now),
            Way::Accept => self.accept_key(account, now),
            Way::Refuse(Grounds::Unread) => self.unavailable("store-unavailable", account, now),
            Way::Refuse(grounds) => {
                self.refuse(Vec::new(), grounds, self.why_at_once(grounds, account, now), account, now)
            }
            Way::Ask => self.open_asking(account, now, entropy),
            Way::Tell(grounds) => self.tell(grounds, account, now),
            Way::Renew => self.open_renewal(account, now, entropy),
            Way::Enroll(authority) | Way::Shut(authority) => {
                self.open_enrolling(authority, account, now, entropy)
            }
            Way::Invite => self.open_invitation(account, now),
        }
    }

    /// Tells which way the login goes if its decision is in force.
    pub(super) fn way(&self, account: &Account, now: Now) -> Way {
        if let Some(reason) = self.passes_unasked(account, now) {
            return Way::Skip(reason);
        }
        if self.has_security_key(account, now) {
            return Way::Accept;
        }
        if self.asks_nobody() {
            return Way::Refuse(Grounds::UnknownPerson);
        }
        // Before anything that tells known people from unknown ones.
        if account.trust == Trust::Unread {
            return Way::Refuse(Grounds::Unread);
        }
        if self.request.phase == Phase::Account {
            let grounds = self.barrier(account, now).unwrap_or(Grounds::CodeNeeded);
            return Way::Refuse(grounds);
        }
        let Some(grounds) = self.obstacle(account, now) else { return Way::Ask };
        match self.manner(grounds) {
            Manner::Pretend => Way::Ask,
            Manner::Tell if grounds == Grounds::NotEnrolled => self.way_of_unenrolled(account, now),
            Manner::Tell => Way::Tell(grounds),
        }
    }

    /// Says why a login is refused without a prompt, to whoever may know: sshd shows it (decision 19).
    fn why_at_once(&self, grounds: Grounds, account: &Account, now: Now) -> Vec<Message> {
        let has_no_code = || self.obstacle(account, now) == Some(Grounds::NotEnrolled);
        let is_stuck = || matches!(self.way_of_unenrolled(account, now), Way::Tell(_) | Way::Shut(_));
        match (self.manner(grounds), grounds) {
            (Manner::Pretend, _) => Vec::new(),
            (Manner::Tell, Grounds::CodeNeeded) if has_no_code() && is_stuck() => {
                vec![self.explain(Grounds::NotEnrolled, now)]
            }
            (Manner::Tell, _) => vec![self.explain(grounds, now)],
        }
    }

    /// Tells how a person without a factor goes on: sets one up here, by rule or invitation, or is told whom to ask.
    fn way_of_unenrolled(&self, account: &Account, now: Now) -> Way {
        let LoginRequest { person, host, .. } = &self.request;
        let at = now.latest();
        if account.is_enrolled() || self.enrollable().is_none() {
            return Way::Tell(Grounds::NotEnrolled);
        }
        let force = self.decision.force;
        let needs_invitation = self.policy.would_want_invitation(person, host, account, at, force);
        // What is void here may be what the rule asks for that would decide if all groups were known.
        let may_be_enrolled = self.decision.certainty == Certainty::StrictestOfIncomplete
            && account.void_factors().next().is_some();
        match self.decision.enroll {
            Enrollment::AtLogin if !needs_invitation && !may_be_enrolled => {
                let authority = Authority::Rule;
                match self.as_honored(account, now) {
                    _ if !self.can_set_up(authority, account, now) => Way::Shut(authority),
                    Some(_) => Way::Renew,
                    None => Way::Enroll(authority),
                }
            }
            Enrollment::AtLogin | Enrollment::SelfService | Enrollment::Invited => {
                match pending(account, at) {
                    Some(factor) if self.is_reachable(factor, account) => Way::Enroll(Authority::Resumed),
                    // What the invitation was used for cannot be confirmed any more.
                    Some(_) => Way::Invite,
                    None if needs_invitation || account.is_invited(at) => Way::Invite,
                    None => Way::Tell(Grounds::NotEnrolled),
                }
            }
        }
    }

    /// Tells why no code is asked; never for a person whom the name service does not know.
    fn passes_unasked(&self, account: &Account, now: Now) -> Option<&'static str> {
        self.exemption(account)
            .or_else(|| self.is_remembered(account, now).then_some("remembered"))
            .or_else(|| self.is_fresh(account, now).then_some("fresh"))
            .or_else(|| self.has_put_off(account, now).then_some("put-off"))
    }

    /// Tells why policy alone lets the person in, whatever the store holds: the one rule for logins without the store.
    fn needs_no_account(&self) -> Option<&'static str> {
        match (self.request.person.existence, self.decision.require) {
            (Existence::Known { .. }, Requirement::Never) => Some("exempt"),
            (Existence::Known { .. }, Requirement::Always | Requirement::Chosen | Requirement::Enrolled)
            | (Existence::Unknown, _) => None,
        }
    }

    /// Tells why the rule asks this person for nothing.
    fn exemption(&self, account: &Account) -> Option<&'static str> {
        let unasked = self.needs_no_account();
        // An account in doubt may lack an enrollment or a choice that was made after the copy was taken.
        if unasked.is_some() || account.is_in_doubt() || self.request.person.existence == Existence::Unknown {
            return unasked;
        }
        match self.decision.require {
            Requirement::Always | Requirement::Never => None,
            Requirement::Chosen => {
                // Where a rule for the enrolled might decide instead, not being chosen excuses nobody who is enrolled.
                let may_be_asked = self.decision.certainty == Certainty::StrictestOfIncomplete;
                let may_be_enrolled = || account.is_enrolled() || account.void_factors().next().is_some();
                let is_asked = account.chosen || (may_be_asked && may_be_enrolled());
                (!is_asked).then_some("not-chosen")
            }
            Requirement::Enrolled => (!account.is_enrolled()).then_some("not-enrolled"),
        }
    }

    /// Tells whether everybody of this name would pass unasked: a question would single out the unknown.
    fn asks_nobody(&self) -> bool {
        self.request.person.existence == Existence::Unknown
            && self.decision.require == Requirement::Never
            && !self.is_watched()
    }

    /// Tells whether a stranger may be watching: the first factor may have failed, and no key was accepted.
    fn is_watched(&self) -> bool {
        let LoginRequest { first_factor, phase, ssh, .. } = &self.request;
        *first_factor == FirstFactor::Late && *phase == Phase::Auth && ssh.public_key.is_none()
    }

    /// Tells whether an exempt user is asked like everybody else, because a stranger would learn which accounts need only a
    /// password.
    fn hides_exemption(&self, account: &Account) -> bool {
        self.is_watched() && self.exemption(account).is_some()
    }

    /// Tells why a user who was asked for show gets in without a code; nothing once the rule asks them for one.
    pub(super) fn exempt_after_all(&self, account: &Account) -> Option<&'static str> {
        self.exempt.filter(|_| self.hides_exemption(account))
    }

    /// Tells what the person could set up in the session that asks (sudo, polkit), which is their own.
    fn can_enroll_here(&self) -> Option<Method> {
        let LoginRequest { person, host, .. } = &self.request;
        let Existence::Known { uid, .. } = person.existence else { return None };
        let is_own = self.request.requesting_uid == Some(uid);
        let is_open = |method: &Method| self.policy.allows_enrollment(person, host, *method);
        self.enrollable().filter(|method| is_own && is_open(method))
    }

    /// Tells why an answer may not be evaluated.
    pub(super) fn obstacle(&self, account: &Account, now: Now) -> Option<Grounds> {
        if self.exempt_after_all(account).is_some() {
            return Some(Grounds::Exempt);
        }
        let can_answer = self.methods().iter().any(|method| account.holds(*method));
        self.barrier(account, now).or(if can_answer { None } else { Some(Grounds::NotEnrolled) })
    }

    /// Tells why nothing may be evaluated, be it a code or the confirmation of a new factor.
    pub(super) fn barrier(&self, account: &Account, now: Now) -> Option<Grounds> {
        let Existence::Known { uid, .. } = self.request.person.existence else {
            return Some(Grounds::UnknownPerson);
        };
        if account.is_in_doubt() {
            return Some(Grounds::Restored);
        }
        if account.uids.get(self.host_id()).is_some_and(|seen| *seen != uid) {
            return Some(Grounds::UidChanged);
        }
        match self.standing(account, now) {
            Standing::Open => None,
            locked @ (Standing::Locked { .. } | Standing::NeedsReset) => Some(Grounds::Locked(locked)),
        }
    }

    /// Tells whether grounds are told.
    pub(super) fn manner(&self, grounds: Grounds) -> Manner {
        match (self.request.first_factor, grounds) {
            (FirstFactor::Late, _) | (FirstFactor::Settled, Grounds::UnknownPerson) => Manner::Pretend,
            (FirstFactor::Settled, _) => Manner::Tell,
        }
    }

    /// Tells the person in a prompt, because a text after the last prompt may never be shown.
    pub(super) fn tell(&self, grounds: Grounds, account: &Account, now: Now) -> Turn {
        let mut effects = Vec::new();
        if grounds == Grounds::NotEnrolled {
            effects.extend(self.begin_coverage(account, now));
        }
        if grounds == Grounds::UidChanged {
            let mut voided = account.clone();
            voided.epoch.0 = voided.epoch.0.saturating_add(1);
            voided.changed = voided.changed.max(now.latest());
            effects.push(Effect::Commit(Box::new(voided)));
            effects.push(Effect::Record(self.event(EventId::UidChanged, account, now)));
        }
        self.ask(effects, with_prompt([self.explain(grounds, now)], Prompt::Close), Stage::Telling(grounds))
    }

    /// Commits that the deciding rule covers the person from now on, where that is new: the time for enrolling begins.
    pub(super) fn begin_coverage(&self, account: &Account, now: Now) -> Vec<Effect> {
        let mut covered = account.clone();
        self.cover(&mut covered, now.latest());
        if covered.coverage == account.coverage {
            return Vec::new();
        }
        covered.changed = covered.changed.max(now.latest());
        vec![Effect::Commit(Box::new(covered))]
    }

    pub(super) fn explain(&self, grounds: Grounds, now: Now) -> Message {
        let help = self.help();
        Message::Refusal(match grounds {
            Grounds::UidChanged => Refusal::UidChanged { help },
            Grounds::Restored => Refusal::Restored { help },
            Grounds::Unread => Refusal::Unavailable { help },
            Grounds::Locked(standing) => locked(standing, now, help),
            Grounds::NotEnrolled => self
                .can_enroll_here()
                .map_or(Refusal::NotEnrolled { help }, |method| Refusal::EnrollFirst { method }),
            Grounds::CodeNeeded => Refusal::CodeNeeded { help },
            Grounds::UnknownPerson
            | Grounds::Exempt
            | Grounds::WrongCode
            | Grounds::Changed
            | Grounds::NotSaved => Refusal::NoRightCode,
        })
    }
}

/// Says until when a bucket is locked (row L17).
pub(in crate::conversation) fn locked(standing: Standing, now: Now, help: Option<String>) -> Refusal {
    match standing {
        Standing::Locked { until } => Refusal::Locked { until: now.on_wall(until), now: now.wall, help },
        Standing::Open | Standing::NeedsReset => Refusal::NeedsReset { help },
    }
}
