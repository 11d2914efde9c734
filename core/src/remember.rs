//! Places from which a person is not asked for a while (row L7).
//!
//! Owns what a remembered place is bound to and when it ends: person, service, numeric source, key, the terms of the rule
//! and the account's epoch. Never a host name, never loopback, never without a numeric source. Leaves to the login where it is
//! offered.

use std::net::IpAddr;
use std::time::Duration;

use crate::account::{Epoch, RuleName};
use crate::time::WallTime;

/// The longest time that a rule may remember a place for (SECURITY.md 3: AAL1).
pub const REMEMBER_LIMIT: Duration = Duration::from_hours(30 * 24);
/// The most places of one person; the oldest makes room.
pub const PLACE_LIMIT: usize = 16;

/// A place from which a code was given and that is to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The numeric source, mapped IPv6 brought back to IPv4.
    pub address: IpAddr,
    /// The PAM service.
    pub service: String,
    /// The fingerprint of the key that sshd accepted, if any.
    pub key: Option<String>,
    /// The rule that offered it.
    pub rule: RuleName,
    /// A digest of that rule's requirement, methods and time: when one of them changes, this ends.
    pub terms: String,
    /// The account's epoch: any change of factor or password, a reset and a lock end it.
    pub epoch: Epoch,
    /// Since when.
    pub since: WallTime,
    /// Until when.
    pub until: WallTime,
}

/// What a person has put off (row L5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The rule that let them.
    pub rule: RuleName,
    /// How often it was counted.
    pub count: u32,
    /// When it was counted last; at most one is in 24 h.
    pub counted: WallTime,
}
