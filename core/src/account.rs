//! What Countersign keeps of a person.
//!
//! Owns the account and its identity: a random id, unique over (realm, canonical name); the uid is data. Leaves to
//! `factor` what a factor is and to `throttle` how wrong codes are counted. An account of revision 0 is not in the
//! store yet; every change carries the revision that it was decided on, and the store refuses a stale one.

mod bounded;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use crate::contact::Contacts;
use crate::factor::sent::SentCode;
use crate::factor::{BackupCodes, Factor, FactorId, FactorState, Method};
use crate::invitation::Invitation;
use crate::login::network;
use crate::policy::EnrolledAfter;
use crate::printable::is_printable;
use crate::remember::{Remembered, Skipped};
use crate::restore::{Holdings, Trust};
use crate::secret::{Entropy, Secret, draw};
use crate::sending::{OutboxFacts, Send};
use crate::throttle::Throttle;
use crate::time::WallTime;

/// The longest name of a person or realm that is taken, in bytes (`LOGIN_NAME_MAX` of Linux is 256).
pub const NAME_LIMIT: usize = 256;
/// The most factors one person may hold.
pub const FACTOR_LIMIT: usize = 16;
/// The most sources remembered as known for one person; the oldest makes room.
pub const KNOWN_SOURCE_LIMIT: usize = 32;
/// How long a source counts as known after its last right code, in seconds (SECURITY.md 3: 30 days).
pub const KNOWN_SOURCE_SECONDS: u64 = 30 * 24 * 60 * 60;

/// A name that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {NAME_LIMIT} printable characters without `/`")]
pub struct InvalidName;

fn check_name(text: &str) -> Result<(), InvalidName> {
    let fits = (1..=NAME_LIMIT).contains(&text.len());
    if fits && text.chars().all(|character| is_printable(character) && character != '/') {
        Ok(())
    } else {
        Err(InvalidName)
    }
}

/// Identifies an account; random, never reused, bound into the sealing of its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub [u8; 16]);

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Lends the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                check_name(&text).map(|()| Self(text))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                check_name(text).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// Where a name is unique: `local:<machine-id>` for /etc/passwd, else the directory's domain.
    Realm
);
name_type!(
    /// A canonical `pw_name`.
    UserName
);
name_type!(
    /// The machine-id of a host, under which the uid seen there is kept.
    HostId
);
name_type!(
    /// The name of a rule of the policy; `default` is the rule for what none matches.
    RuleName
);

/// What an account is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// Where the name is unique.
    pub realm: Realm,
    /// The canonical name.
    pub name: UserName,
}

/// Counts the committed changes of an account; 0 is an account that is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// Tells the revision that a commit makes of this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Raised by any change of factor, reset, or reuse of a uid; what carries an older epoch is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// Since when a rule covers the person: the start of every deadline of that rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The rule.
    pub rule: RuleName,
    /// The first login under it, or the last reset.
    pub since: WallTime,
}

/// A numeric source from which the person gave a right code. Any address of an IPv6 network of 64 bits is the same source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSource {
    /// The numeric address, mapped IPv6 brought back to IPv4.
    pub address: IpAddr,
    /// The last right code from there.
    pub last: WallTime,
}

impl KnownSource {
    /// Tells whether an address belongs to this source, and its last right code is not older than 30 days.
    #[must_use]
    pub fn covers(&self, address: IpAddr, at: WallTime) -> bool {
        network(self.address) == network(address) && at.since(self.last).as_secs() <= KNOWN_SOURCE_SECONDS
    }
}

/// What Countersign keeps of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Random and lasting.
    pub id: AccountId,
    /// Realm and canonical name.
    pub key: AccountKey,
    /// The revision in the store that this value was read at.
    pub revision: Revision,
    /// Void-making counter.
    pub epoch: Epoch,
    /// The uid last seen on each host.
    pub uids: BTreeMap<HostId, u32>,
    /// The rule that covers the person, and since when.
    pub coverage: Option<Coverage>,
    /// Counters of wrong codes.
    pub throttle: Throttle,
    /// Sources with a right code in the last 30 days.
    pub known_sources: Vec<KnownSource>,
    /// Enrolled and pending factors, oldest first.
    pub factors: Vec<Factor>,
    /// Backup codes; none before the first factor, or where no rule names them.
    pub backup_codes: Option<BackupCodes>,
    /// An invitation to set up a first factor.
    pub invitation: Option<Invitation>,
    /// Whether an administrator switched the second factor on (row P2 `chosen`).
    pub chosen: bool,
    /// What an administrator put on file; it goes before what the name service says.
    pub contacts: Contacts,
    /// Codes that were sent and can be used; at most [`SENT_LIMIT`](crate::factor::sent::SENT_LIMIT).
    pub sent: Vec<SentCode>,
    /// Messages of the last 24 h, oldest first.
    pub sends: Vec<Send>,
    /// Places from which the person is not asked for a while.
    pub remembered: Vec<Remembered>,
    /// What the person has put off.
    pub skipped: Option<Skipped>,
    /// Restores of the store that this account went through.
    pub era: u64,
    /// Whether sign-in methods may have changed after the restored copy was taken: refused until a reset.
    pub is_doubtful: bool,
    /// How far this value can be believed: read with it, not part of its record.
    pub trust: Trust,
    /// What the person held when this value was read: not part of its record.
    pub held: Option<Holdings>,
    /// Enrollments made before are void under the decision at hand: read with it, not part of its record.
    pub void_before: WallTime,
    /// What the outbox knows beyond this account: read with it, not part of its record.
    pub outbox: OutboxFacts,
    /// The key of keyed hashes of this account's codes; lies sealed.
    pub code_key: Secret<[u8; 32]>,
    /// The newest committed time of this account.
    pub changed: WallTime,
}

impl Account {
    /// Makes an account that is not in the store yet.
    #[must_use]
    pub fn new(key: AccountKey, entropy: &mut dyn Entropy) -> Self {
        Self {
            id: AccountId(draw(entropy)),
            key,
            revision: Revision::default(),
            epoch: Epoch::default(),
            uids: BTreeMap::new(),
            coverage: None,
            throttle: Throttle::default(),
            known_sources: Vec::new(),
            factors: Vec::new(),
            backup_codes: None,
            invitation: None,
            chosen: false,
            contacts: Contacts::default(),
            sent: Vec::new(),
            sends: Vec::new(),
            remembered: Vec::new(),
            skipped: None,
            era: 0,
            is_doubtful: false,
            trust: Trust::Whole,
            held: None,
            void_before: WallTime::default(),
            outbox: OutboxFacts::default(),
            code_key: Secret::new(draw(entropy)),
            changed: WallTime::default(),
        }
    }

    /// Tells whether the store has this account.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.revision != Revision::default()
    }

    /// Lists the factors that can be used to log in under the decision at hand.
    pub fn active_factors(&self) -> impl Iterator<Item = &Factor> {
        self.factors.iter().filter(|factor| match factor.state {
            FactorState::Active { since } => self.void_before <= since,
            FactorState::Pending { .. } => false,
        })
    }

    /// Lists the factors that were enrolled before the time from which the decision at hand takes them (row P3).
    pub fn void_factors(&self) -> impl Iterator<Item = &Factor> {
        self.factors.iter().filter(|factor| match factor.state {
            FactorState::Active { since } => since < self.void_before,
            FactorState::Pending { .. } => false,
        })
    }

    /// Tells whether anything that the person has set up is void under the decision at hand: a factor, or backup codes.
    #[must_use]
    pub fn has_void(&self) -> bool {
        let codes = self.backup_codes.as_ref();
        self.void_factors().next().is_some() || codes.is_some_and(|codes| codes.made < self.void_before)
    }

    /// Looks at the account as a decision takes it: what was enrolled before is void from that time on, and kept. A time that
    /// has not come yet voids nothing, so that nobody is asked to enroll again and again until then.
    #[must_use]
    pub fn seen_from(&self, enrolled_after: impl Into<EnrolledAfter>, at: WallTime) -> Self {
        let void_before = enrolled_after.into().at(at).unwrap_or_default();
        Self { void_before, ..self.clone() }
    }

    /// Makes room where more factors are kept than a person may hold: the oldest void ones go.
    pub(crate) fn make_room(&mut self) {
        let surplus = self.factors.len().saturating_sub(FACTOR_LIMIT);
        let void: Vec<FactorId> = self.void_factors().take(surplus).map(|factor| factor.id).collect();
        self.factors.retain(|factor| !void.contains(&factor.id));
    }

    /// Tells whether the person has a factor that can be used to log in.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.active_factors().next().is_some()
    }

    /// Tells whether the person has something to give by this method.
    #[must_use]
    pub fn holds(&self, method: Method) -> bool {
        match method {
            Method::Totp | Method::Hotp | Method::Email | Method::Sms | Method::Call => {
                self.active_factors().any(|factor| factor.kind.method() == method)
            }
            Method::Backup => self.backup_codes_left().is_some_and(|left| left > 0),
        }
    }

    /// Finds a factor.
    #[must_use]
    pub fn factor(&self, id: FactorId) -> Option<&Factor> {
        self.factors.iter().find(|factor| factor.id == id)
    }

    /// Tells whether the person gave a right code from this source within the last 30 days.
    #[must_use]
    pub fn knows_source(&self, address: IpAddr, at: WallTime) -> bool {
        self.known_sources.iter().any(|known| known.covers(address, at))
    }

    /// Keeps the address as known, mapped IPv6 brought back to IPv4; the oldest makes room.
    pub fn remember_source(&mut self, address: IpAddr, at: WallTime) {
        let address = address.to_canonical();
        self.known_sources.retain(|known| network(known.address) != network(address));
        let surplus = (self.known_sources.len() + 1).saturating_sub(KNOWN_SOURCE_LIMIT);
        self.known_sources.drain(..surplus);
        self.known_sources.push(KnownSource { address, last: at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn account() -> Account {
        let key = AccountKey {
            realm: Realm::try_from("local:0123").unwrap(),
            name: UserName::try_from("alice").unwrap(),
        };
        Account::new(key, &mut Zeros)
    }

    #[test]
    fn a_name_is_printable_bounded_and_no_path() {
        for good in ["alice", "alice@example.org", "EXAMPLE\\zoë", &"x".repeat(NAME_LIMIT)] {
            assert!(UserName::try_from(good).is_ok(), "{good:?}");
        }
        for bad in ["", "a/b", "a\nb", "a\u{1b}[2J", "a\u{202e}b", &"x".repeat(NAME_LIMIT + 1)] {
            assert_eq!(UserName::try_from(bad), Err(InvalidName), "{bad:?}");
        }
    }

    #[test]
    fn a_source_is_known_for_thirty_days_after_its_last_right_code() {
        let mut account = account();
        let [plain, mapped] = ["198.51.100.7", "::ffff:198.51.100.7"].map(|text| text.parse().unwrap());
        let last = WallTime::from_seconds(1_000);
        account.remember_source(mapped, last);
        let end = last.after(std::time::Duration::from_secs(KNOWN_SOURCE_SECONDS));
        for address in [plain, mapped] {
            assert!(account.knows_source(address, end));
            assert!(!account.knows_source(address, end.after(std::time::Duration::from_secs(1))));
        }
        assert!(!account.knows_source("198.51.100.8".parse().unwrap(), last));
    }

    #[test]
    fn a_network_of_64_bits_is_one_known_source_and_kept_once() {
        let mut account = account();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        account.remember_source(address("2001:db8:0:1::1"), WallTime::from_seconds(1));
        account.remember_source(address("2001:db8:0:1:ffff::2"), WallTime::from_seconds(2));
        assert_eq!(account.known_sources.len(), 1);
        assert!(account.knows_source(address("2001:db8:0:1::3"), WallTime::from_seconds(2)));
        assert!(!account.knows_source(address("2001:db8:0:2::1"), WallTime::from_seconds(2)));
    }

    #[test]
    fn the_oldest_known_source_makes_room_and_a_known_one_is_kept_once() {
        let mut account = account();
        let address = |last: u8| IpAddr::from([203, 0, 113, last]);
        for last in 0..100 {
            account.remember_source(address(last), WallTime::from_seconds(last.into()));
        }
        account.remember_source(address(70), WallTime::from_seconds(200));
        assert_eq!(account.known_sources.len(), KNOWN_SOURCE_LIMIT);
        assert_eq!(account.known_sources.iter().filter(|known| known.address == address(70)).count(), 1);
        assert!(account.knows_source(address(99), WallTime::from_seconds(200)));
        assert!(!account.knows_source(address(67), WallTime::from_seconds(200)));
    }

    #[test]
    fn a_new_account_is_in_no_store_and_enrolled_in_nothing() {
        let account = account();
        assert!(!account.is_stored());
        assert!(!account.is_enrolled());
        assert_eq!(account.revision.next(), Revision(1));
    }
}
