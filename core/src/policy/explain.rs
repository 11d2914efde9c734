//! Why a login is decided as it is, and what becomes of it (row P6).
//!
//! Owns the explanation; the decision in it is the one that a login gets, and what the person will see is what the login's own
//! first turn shows, both made by the same code. Nothing of that turn is carried out. Leaves the words to `words::policy`.

use std::sync::Arc;

use super::matcher::{Decision, Fit, Force, PassedOver};
use super::{Enrollment, Mode, Policy, Requirement};
use crate::account::{Account, RuleName};
use crate::conversation::login::{Course, Login, foresee};
use crate::conversation::{Effect, Event};
use crate::factor::Method;
use crate::login::{Existence, Groups, LoginRequest, Source};
use crate::secret::Entropy;
use crate::throttle::{Bucket, Standing};
use crate::time::{Now, WallTime};
use crate::words::Message;

/// A decision and what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is decided.
    pub decision: Decision,
    /// The rules that were looked at and did not decide, in the order of the file, each with its reason. Rules after
    /// the first that certainly matches are not looked at.
    pub passed_over: Vec<(RuleName, PassedOver)>,
}

/// What becomes of a login, and what is kept of its person as far as it has a part in that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Who logs in, through what, from where.
    pub request: LoginRequest,
    /// The decision and the rules that were passed over.
    pub explanation: Explanation,
    /// How the login goes on if the decision is in force.
    pub course: Course,
    /// Why, as the audit says it.
    pub reason: Option<&'static str>,
    /// How it goes on in fact: past everything where the rule is only watched.
    pub outcome: Course,
    /// By which methods the person can give a code, whether the rule allows them or not.
    pub holds: Vec<Method>,
    /// What they hold that was set up too long ago.
    pub void: Vec<Method>,
    /// Whether an answer would be evaluated.
    pub standing: Standing,
    /// Whether an administrator switched the second factor on for them.
    pub chosen: bool,
    /// Until when they can set up a first factor without an invitation; none where that has no end, or they have one.
    pub deadline: Option<WallTime>,
    /// Until when they have an invitation.
    pub invited_until: Option<WallTime>,
    /// Whether it is asked from within a session, as sudo does: there a fresh code can be enough.
    pub is_within_session: bool,
    /// When this was looked at.
    pub at: WallTime,
    /// What the login says first if the decision is in force.
    pub(crate) screen: Vec<Message>,
}

impl Outlook {
    /// Tells whether the login passes because its place is remembered.
    #[must_use]
    pub fn is_remembered(&self) -> bool {
        self.reason == Some("remembered")
    }

    /// Tells whether the person is taken for somebody whom the name service knows.
    #[must_use]
    pub fn exists(&self) -> bool {
        matches!(self.request.person.existence, Existence::Known { .. })
    }

    /// Tells whether the name service told all groups.
    #[must_use]
    pub const fn groups_complete(&self) -> bool {
        matches!(self.request.person.groups, Groups::Complete(_))
    }
}

impl Policy {
    /// Decides like [`Policy::decide`] and tells why.
    #[must_use]
    pub fn explain(&self, request: &LoginRequest) -> Explanation {
        let (looked, decision) = self.weigh(request);
        let passed_over = looked
            .into_iter()
            .filter(|looked| looked.rule.name != decision.rule)
            .map(|looked| {
                let reason = match looked.fit {
                    Fit::Not(unmet) => unmet.into(),
                    Fit::Certain | Fit::Possible => PassedOver::LessStrict { than: decision.rule.clone() },
                };
                (looked.rule.name.clone(), reason)
            })
            .collect();
        Explanation { decision, passed_over }
    }

    /// Tells until when the person can set up a first factor without an invitation: the rule that ends first decides, as it
    /// does in a login.
    fn deadline(&self, request: &LoginRequest, account: &Account) -> Option<WallTime> {
        if account.is_enrolled() {
            return None;
        }
        let asks = |require| match require {
            Requirement::Always => true,
            Requirement::Chosen => account.chosen,
            Requirement::Enrolled | Requirement::Never => false,
        };
        let LoginRequest { person, host, .. } = request;
        let rules = self.covering(person, host);
        let open = rules.filter(|rule| asks(rule.require) && rule.enroll != Enrollment::Invited);
        open.filter_map(|rule| {
            let since = self.open_since(&rule.name, person, host, account)?;
            Some(since.after(rule.enroll_within?))
        })
        .min()
    }

    /// Makes the policy under which a decision is in force.
    fn in_force(policy: &Arc<Self>, decision: &Decision) -> Arc<Self> {
        if decision.force == Force::InForce {
            return Arc::clone(policy);
        }
        let mut lifted = Self { is_enabled: true, ..Self::clone(policy) };
        let deciding = lifted.rules.iter_mut().chain([&mut lifted.default]);
        for rule in deciding.filter(|rule| rule.name == decision.rule) {
            rule.mode = Mode::Enforce;
        }
        Arc::new(lifted)
    }
}

/// Looks ahead at a login. `account` is what is kept of its person, or an unstored one. Where sshd would name a key, it is
/// taken for the one that was remembered with the place, if one was.
#[must_use]
pub fn outlook(
    mut request: LoginRequest,
    policy: &Arc<Policy>,
    account: &Account,
    now: Now,
    entropy: &mut dyn Entropy,
) -> Outlook {
    take_remembered_key(&mut request, account, now.latest());
    let explanation = policy.explain(&request);
    let outcome = foresee(request.clone(), policy, account, now).outcome().0;
    let lifted = Policy::in_force(policy, &explanation.decision);
    let would = foresee(request.clone(), &lifted, account, now);
    let seen = account.seen_from(explanation.decision.enrolled_after, now.latest());
    let bucket = Bucket::of(&request, account, now.latest());
    let mut void: Vec<Method> = seen.void_factors().map(|factor| factor.kind.method()).collect();
    void.dedup();
    Outlook {
        course: would.course,
        reason: would.reason,
        outcome,
        holds: Method::ALL.into_iter().filter(|method| seen.holds(*method)).collect(),
        void,
        standing: account.throttle.standing(bucket, now.latest()).on_wall(now),
        chosen: account.chosen,
        deadline: lifted.deadline(&request, &seen).map(|deadline| now.on_wall(deadline)),
        invited_until: account
            .invitation
            .as_ref()
            .filter(|invitation| invitation.is_live(now.latest()))
            .map(|invitation| now.on_wall(invitation.expires)),
        is_within_session: matches!(bucket, Bucket::Elevation(_)),
        at: now.wall,
        screen: first_screen(&request, lifted, account, now, entropy),
        explanation,
        request,
    }
}

/// Plays the first turn of the login and keeps what it says.
fn first_screen(
    request: &LoginRequest,
    policy: Arc<Policy>,
    account: &Account,
    now: Now,
    entropy: &mut dyn Entropy,
) -> Vec<Message> {
    let begun = Login::begin(request.clone(), policy);
    let effects = begun.decide(Event::Begun, account, now, entropy).effects;
    let replies = effects.into_iter().filter_map(|effect| match effect {
        Effect::Reply(reply) => Some(reply),
        Effect::Commit(_)
        | Effect::Record(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_) => None,
    });
    replies.flat_map(|reply| reply.lines).flat_map(|line| line.messages).collect()
}

/// Takes the key of a login whose key is not known for the one that its place is remembered with.
pub(super) fn take_remembered_key(request: &mut LoginRequest, account: &Account, at: WallTime) {
    let Some(key) = &mut request.ssh.public_key else { return };
    let mut places = account.remembered_places(at);
    let known = places.find(|place| {
        let is_here = Source::Address(place.address) == request.source && place.service == request.service;
        is_here && place.key.is_some()
    });
    if let Some(fingerprint) = known.and_then(|place| place.key.clone()) {
        key.fingerprint = fingerprint;
    }
}
