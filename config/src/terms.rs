//! What a rule lets people choose: where codes go (`contacts`), putting off (`skip`), being remembered (`remember`).
//!
//! Owns their ranges, and the warnings about those that change nothing. Leaves what they mean at a login to `core`.

use std::time::Duration;

use countersign_core::delivery::Channel;
use countersign_core::factor::Method;
use countersign_core::policy::{ContactRule, Requirement, SkipRule};
use countersign_core::remember::REMEMBER_LIMIT;
use countersign_core::time::WallTime;
use toml::de::DeValue;
use toml::value::Datetime;

use crate::calendar::end_of_day;
use crate::diagnostics::Findings;
use crate::duration;
use crate::sections::Section;
use crate::tables;
use crate::values::{Choices, Value};

/// The shortest time that a place is remembered for.
const REMEMBER_LEAST: Duration = Duration::from_hours(1);
/// Up to here NIST SP 800-63B-4 2.2.3 speaks of AAL2.
pub(crate) const REMEMBER_AAL2: Duration = Duration::from_hours(24);
/// The most times that setting up can be put off.
const SKIP_TIMES: std::ops::RangeInclusive<u32> = 1..=100;

const CONTACTS: Choices<ContactRule> =
    Choices { now: &[("on-file", ContactRule::OnFile), ("any", ContactRule::Any)], later: &[] };

/// What a rule lets people choose.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    pub(crate) contacts: ContactRule,
    pub(crate) skip: Option<SkipRule>,
    pub(crate) remember: Option<Duration>,
}

impl Terms {
    /// Reads them from a rule or from `[default]`.
    pub(crate) fn read(section: &Section<'_, '_>, findings: &mut Findings) -> Self {
        let contacts = section.value("contacts").and_then(|value| value.choice(findings, CONTACTS));
        Self {
            contacts: contacts.unwrap_or_default(),
            skip: skip(section, findings),
            remember: section.value("remember").and_then(|value| remember(&value, findings)),
        }
    }
}

/// Tells why a key of this kind changes nothing in a rule, and what to do.
pub(crate) fn no_effect(
    key: &str,
    require: Requirement,
    methods: &[Method],
) -> Option<(String, &'static str)> {
    match (key, require) {
        ("skip", Requirement::Enrolled) => Some((
            "`skip` has no effect with require = \"enrolled\", under which nobody has to enroll".to_owned(),
            "take it out",
        )),
        ("contacts", _) if !methods.iter().any(|method| is_sent(*method)) => Some((
            "`contacts` has no effect where `methods` has no code that is sent".to_owned(),
            "take it out, or add \"email\", \"sms\" or \"call\" to `methods`",
        )),
        _ => None,
    }
}

/// Tells whether the codes of a method are sent.
pub(crate) fn is_sent(method: Method) -> bool {
    Channel::ALL.into_iter().any(|channel| channel.method() == method)
}

fn remember(value: &Value<'_, '_>, findings: &mut Findings) -> Option<Duration> {
    let time = value.duration(findings, REMEMBER_LEAST..=REMEMBER_LIMIT)?;
    if time > REMEMBER_AAL2 {
        let message = format!("{} is longer than NIST SP 800-63B-4 has for AAL2", duration::write(time));
        let help = "fine for AAL1, where it is at most 30 days; for AAL2 write remember = \"24h\" or less";
        findings.remark(&value.place, message, help);
    }
    Some(time)
}

fn skip(rule: &Section<'_, '_>, findings: &mut Findings) -> Option<SkipRule> {
    let section = rule.section("skip", &tables::SKIP, findings)?;
    let allow = section.value("allow").and_then(|value| value.flag(findings)).unwrap_or(false);
    let times = section.value("times").and_then(|value| value.number(findings, SKIP_TIMES));
    let until = section.value("until").and_then(|value| until(&value, findings));
    if !allow {
        let help = "write allow = true in it, or take it out";
        findings.warning(&section.place, "`skip` has no effect without allow = true", help);
    }
    allow.then_some(SkipRule { times, until })
}

/// Takes a day, and tells its last second.
fn until(value: &Value<'_, '_>, findings: &mut Findings) -> Option<WallTime> {
    let end = match value.content {
        DeValue::Datetime(Datetime { date: Some(date), time: None, offset: None }) => end_of_day(*date),
        _ => None,
    };
    if end.is_none() {
        value.refuse(findings, "`until` is a day, without quotes and without a time");
    }
    end
}
