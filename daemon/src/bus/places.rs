//! Remembered places on the wire: how one is told, and how one is named.

use countersign_core::remember::{Places, Remembered};
use countersign_core::time::Now;

use super::facts::{OwnedFacts, put};
use super::{BusError, convert};

/// Reads which places are meant: a numeric address, or `""` for all.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub(super) fn read(text: &str) -> Result<Places, BusError> {
    if text.is_empty() {
        return Ok(Places::All);
    }
    let address = convert::address(text).map(Places::Of);
    address.ok_or(BusError::InvalidArgument("a place is a numeric address".into()))
}

/// Tells of one place.
pub(super) fn facts(place: &Remembered, now: Now) -> OwnedFacts {
    let Remembered { address, service, key, rule, since, until, terms: _, epoch: _ } = place;
    let mut facts = OwnedFacts::new();
    put(&mut facts, "place", address.to_canonical().to_string());
    put(&mut facts, "service", service.as_str());
    put(&mut facts, "since", now.on_wall(*since).as_seconds());
    put(&mut facts, "until", now.on_wall(*until).as_seconds());
    put(&mut facts, "rule", rule.as_str());
    if let Some(key) = key {
        put(&mut facts, "key", key.as_str());
    }
    facts
}
