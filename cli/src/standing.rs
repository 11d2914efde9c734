//! What a person holds, as `Self.Status`, `Helpdesk.Show` and the rows of `Admin.ListUsers` tell it.
//!
//! Owns the reading of these facts and their `--json` shape (the names of the fields are promised to scripts). Never sees a
//! secret: the service tells none. Leaves the page for people to `page`, and what they should do next to `advice`.

mod advice;
mod page;

use countersign_protocol::proxies::OwnedFacts;
use serde::Serialize;
use zbus::Variant;

use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::printable;
use crate::time::Moment;

pub(crate) use page::{Ids, indented, keep_widths, plain_table, trimmed};

/// A factor, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FactorRow {
    id: u32,
    method: String,
    label: String,
    state: String,
    since: Option<Moment>,
    last_used: Option<Moment>,
    recipient: Option<String>,
}

/// A code that did not go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Undelivered {
    method: String,
    recipient: String,
    at: Option<Moment>,
    why: String,
}

/// What a person holds. The order and names of the fields are the `--json` shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) user: String,
    available: Option<bool>,
    pub(crate) rule: Option<String>,
    pub(crate) requirement: Option<String>,
    enroll: Option<String>,
    methods: Vec<String>,
    locked_until: Option<Moment>,
    pub(crate) needs_reset: bool,
    pub(crate) factors: Vec<FactorRow>,
    chosen: Option<bool>,
    backup_codes_left: Option<u32>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    remembered: Option<u32>,
    skipped: Option<u32>,
    undelivered: Vec<Undelivered>,
    force: Option<String>,
    enrolled_after: Option<Moment>,
    realm: Option<String>,
    /// Whether the name service no longer knows the user; none where it does not tell.
    pub(crate) gone: Option<bool>,
    /// Whether the record, or what the service tells of it, cannot be read.
    pub(crate) unreadable: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    doubtful: bool,
}

impl TryFrom<Facts> for FactorRow {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        Ok(Self {
            id: facts.number("id")?,
            method: facts.text("method")?,
            label: facts.optional_text("label")?.unwrap_or_default(),
            state: facts.text("state")?,
            since: facts.moment("since")?,
            last_used: facts.moment("last_used")?,
            recipient: facts.optional_text("recipient")?,
        })
    }
}

impl TryFrom<Facts> for Undelivered {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        Ok(Self {
            method: facts.text("method")?,
            recipient: facts.text("recipient")?,
            at: facts.moment("at")?,
            why: facts.text("why")?,
        })
    }
}

impl TryFrom<Facts> for Standing {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        let (factors, undelivered) = (facts.list("factors")?, facts.optional_list("undelivered")?);
        Ok(Self {
            user: facts.text("user")?,
            available: facts.optional_flag("available")?,
            rule: facts.optional_text("rule")?,
            requirement: facts.optional_text("requirement")?,
            enroll: facts.optional_text("enroll")?,
            methods: facts.texts("methods")?,
            locked_until: facts.moment("locked_until")?,
            needs_reset: facts.flag("needs_reset")?,
            factors: factors.into_iter().map(FactorRow::try_from).collect::<Result<_, _>>()?,
            chosen: facts.optional_flag("chosen")?,
            backup_codes_left: facts.optional_number("backup_codes_left")?,
            email: facts.optional_text("email")?,
            phone: facts.optional_text("phone")?,
            remembered: facts.optional_number("remembered")?,
            skipped: facts.optional_number("skipped")?,
            undelivered: undelivered.into_iter().map(Undelivered::try_from).collect::<Result<_, _>>()?,
            force: facts.optional_text("force")?,
            enrolled_after: facts.moment("enrolled_after")?,
            realm: facts.optional_text("realm")?,
            gone: facts.optional_flag("gone")?,
            unreadable: facts.optional_flag("unreadable")?.unwrap_or(false),
            doubtful: facts.optional_flag("doubtful")?.unwrap_or_default(),
        })
    }
}

impl FactorRow {
    fn is_active(&self) -> bool {
        self.state == "active"
    }

    /// Tells whether it was set up before the moment from which enrollments count.
    fn is_void(&self) -> bool {
        self.state == "void"
    }
}

impl Standing {
    /// Reads a row of a list. One that cannot be read is shown as such, and hides no other.
    pub(crate) fn of_row(row: OwnedFacts) -> Self {
        let user = match row.get("user").map(|user| &**user) {
            Some(Variant::Str(user)) => printable(user),
            Some(_) | None => "?".to_owned(),
        };
        Self::try_from(Facts::from(row)).unwrap_or_else(|_| Self::unreadable(user))
    }

    const fn unreadable(user: String) -> Self {
        Self {
            user,
            available: None,
            rule: None,
            requirement: None,
            enroll: None,
            methods: Vec::new(),
            locked_until: None,
            needs_reset: false,
            factors: Vec::new(),
            chosen: None,
            backup_codes_left: None,
            email: None,
            phone: None,
            remembered: None,
            skipped: None,
            undelivered: Vec::new(),
            force: None,
            enrolled_after: None,
            realm: None,
            gone: None,
            doubtful: false,
            unreadable: true,
        }
    }

    /// Tells what is wrong with the account, in a word.
    pub(crate) const fn state(&self) -> Option<&'static str> {
        match (self.unreadable, self.gone) {
            (true, _) => Some("unreadable"),
            (false, Some(true)) => Some("gone"),
            (false, Some(false) | None) => None,
        }
    }

    /// Lists the methods set up and confirmed, each once.
    pub(crate) fn set_up(&self) -> Vec<&str> {
        let mut methods: Vec<&str> = Vec::new();
        for factor in self.factors.iter().filter(|factor| factor.is_active()) {
            if !methods.contains(&factor.method.as_str()) {
                methods.push(&factor.method);
            }
        }
        methods
    }

    /// Tells whether the second factor is switched off on this host.
    fn is_switched_off(&self) -> bool {
        self.force.as_deref() == Some("switched-off")
    }

    /// Tells whether the rule is only watched.
    fn is_monitored(&self) -> bool {
        self.force.as_deref() == Some("monitored")
    }

    /// Says since when a void factor no longer counts.
    fn set_up_when(&self) -> String {
        let before = self
            .enrolled_after
            .map_or_else(|| "too long ago".to_owned(), |after| format!("before {}", after.with_zone()));
        format!("set up {before}")
    }

    /// Tells the last use of any factor.
    pub(crate) fn last_used(&self) -> Option<Moment> {
        self.factors.iter().filter_map(|factor| factor.last_used).max()
    }

    /// Tells in a word or two whether the person is locked.
    pub(crate) fn lock(&self) -> Lock {
        match (self.needs_reset, self.locked_until) {
            (true, _) => Lock::NeedsReset,
            (false, Some(until)) => Lock::Until(until),
            (false, None) => Lock::Open,
        }
    }
}

/// Whether a person is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Not locked.
    Open,
    /// Locked for a time.
    Until(Moment),
    /// Locked until a reset.
    NeedsReset,
}
