//! Which factor a name means, and whether a name is free.
//!
//! Owns the order in which a name is read: label, id, method where that fits one only. What is void can be meant, after what is
//! not.

use crate::account::Account;
use crate::factor::{Factor, FactorId, Label};
use crate::words::Refusal;

use super::self_service::Failure;

/// Finds the factor that is meant.
pub(super) fn find<'a>(account: &'a Account, wanted: &str) -> Result<&'a Factor, Failure> {
    let wanted = wanted.trim();
    let by_label = |factor: &&Factor| factor.label.as_str().eq_ignore_ascii_case(wanted);
    let by_id = |factor: &&Factor| factor.id.0.to_string() == wanted;
    let by_method = |factor: &&Factor| factor.kind.method().name().eq_ignore_ascii_case(wanted);
    let mut confirmed = account.active_factors().chain(account.void_factors());
    if let Some(factor) = confirmed.find(by_label) {
        return Ok(factor);
    }
    let mut confirmed = account.active_factors().chain(account.void_factors());
    if let Some(factor) = confirmed.find(by_id) {
        return Ok(factor);
    }
    only(account.active_factors().filter(by_method), wanted)
}

/// Takes the only one of several, or says why there is none.
pub(super) fn only<'a>(
    factors: impl Iterator<Item = &'a Factor>,
    wanted: &str,
) -> Result<&'a Factor, Failure> {
    let fitting: Vec<&Factor> = factors.collect();
    match fitting.as_slice() {
        [] => {
            Err(Failure { reason: "no-such-factor", text: Refusal::NoSuchFactor { name: wanted.to_owned() } })
        }
        [factor] => Ok(factor),
        several => {
            let labels = several.iter().map(|factor| factor.label.to_string()).collect();
            Err(Failure { reason: "ambiguous-factor", text: Refusal::AmbiguousFactor { labels } })
        }
    }
}

/// Tells why a factor cannot have this label: another active one of the person, not among `own`, has it.
pub(super) fn check_label(account: &Account, label: &Label, own: &[FactorId]) -> Result<(), Failure> {
    let is_other = |factor: &&Factor| !own.contains(&factor.id);
    let has_it = |factor: &Factor| factor.label.as_str().eq_ignore_ascii_case(label.as_str());
    if account.active_factors().filter(is_other).any(has_it) {
        let text = Refusal::LabelTaken { label: label.to_string() };
        return Err(Failure { reason: "label-taken", text });
    }
    Ok(())
}
