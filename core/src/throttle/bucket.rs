//! Where an answer is counted.
//!
//! Owns which bucket a login belongs to; a caller other than root can reach its own uid's only.

use std::net::IpAddr;

use crate::account::Account;
use crate::login::{LoginRequest, Source};
use crate::time::WallTime;

/// Services in which one person becomes another, or confirms that it is still they.
const ELEVATION_SERVICES: [&str; 5] = ["sudo", "sudo-i", "su", "su-l", "polkit-1"];
/// Services that sit on a terminal or seat of the host itself: login and the display managers.
const CONSOLE_SERVICES: [&str; 14] = [
    "login",
    "gdm",
    "gdm-password",
    "gdm3",
    "sddm",
    "lightdm",
    "lxdm",
    "xdm",
    "kdm",
    "slim",
    "greetd",
    "ly",
    "cosmic-greeter",
    "plasmalogin",
];

/// Where wrong codes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Login or display manager on a seat of this host.
    Console,
    /// sudo, su, polkit, self-service, lockers: by the uid that asks.
    Elevation(u32),
    /// A numeric source with a right code in the last 30 days.
    KnownSource,
    /// Everything else.
    UnknownSource,
}

/// Where a dialogue is counted, as far as its request tells without the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// In this bucket, whatever the account holds.
    In(Bucket),
    /// With the known sources or with the unknown ones: the account tells whether it knows this address.
    From(IpAddr),
}

impl Counted {
    /// Tells where the answers of a login are counted, as far as the request tells.
    #[must_use]
    pub fn of(request: &LoginRequest) -> Self {
        let service = request.service.as_str();
        Self::In(match request.source {
            _ if request.caller_uid != 0 => Bucket::Elevation(request.caller_uid),
            _ if ELEVATION_SERVICES.contains(&service) => {
                Bucket::Elevation(request.requesting_uid.unwrap_or(request.caller_uid))
            }
            Source::Address(address) => return Self::From(address),
            Source::Local if CONSOLE_SERVICES.contains(&service) => Bucket::Console,
            Source::Local | Source::Unknown => Bucket::UnknownSource,
        })
    }
}

impl Bucket {
    /// Tells where the answers of a login are counted.
    ///
    /// A caller other than root is counted by its own uid, whatever it says of service and source: nobody else's
    /// bucket can be filled by it.
    #[must_use]
    pub fn of(request: &LoginRequest, account: &Account, at: WallTime) -> Self {
        match Counted::of(request) {
            Counted::In(bucket) => bucket,
            Counted::From(address) if account.knows_source(address, at) => Self::KnownSource,
            Counted::From(_) => Self::UnknownSource,
        }
    }

    pub(super) const fn is_elevation(self) -> bool {
        matches!(self, Self::Elevation(_))
    }
}
