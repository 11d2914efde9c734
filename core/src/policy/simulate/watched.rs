//! What watched rules would have done, as their records say (row P4).
//!
//! Owns which records those are; a text of theirs is made fit for one line.

use crate::account::{RuleName, UserName};
use crate::audit::{AuditEvent, EventId};
use crate::conversation::login::Course;

use super::rows::shown;

/// What a watched rule would have done to a login, as a page counts it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// How the login would have gone on.
    pub course: Course,
    /// Whose login.
    pub user: UserName,
    /// The rule.
    pub rule: RuleName,
    /// The service; printable.
    pub service: String,
    /// Why, as the audit would have said it; empty where a code is simply asked for.
    pub why: String,
}

impl Watched {
    /// Takes what a record says of a login that was only watched; nothing for any other.
    #[must_use]
    pub fn of(event: &AuditEvent) -> Option<Self> {
        let is_watched = event.event == EventId::LoginSkipped && event.reason.as_deref() == Some("monitored");
        if !is_watched {
            return None;
        }
        let courses = [Course::Pass, Course::Ask, Course::Enroll, Course::Invite, Course::Refuse];
        let would = event.would.as_deref()?;
        Some(Self {
            course: courses.into_iter().find(|course| course.name() == would)?,
            user: UserName::try_from(event.subject.as_ref()?.user.as_str()).ok()?,
            rule: RuleName::try_from(event.rule.as_deref()?).ok()?,
            service: shown(&event.login.as_ref()?.service),
            why: event.would_because.as_deref().map(shown).unwrap_or_default(),
        })
    }
}
