//! The facts of one login: who, which service, from where, as the daemon's doors established them.
//!
//! Owns the matcher inputs of the policy. What a caller may claim (remote host, ssh facts, requesting user) is settled
//! before a value of these types exists: the door drops what an unprivileged caller says.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::account::{Epoch, HostId, Realm, UserName};
use crate::contact::Contacts;
use crate::words::Language;

/// Who logs in, as the name service tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Canonical name; for an unknown person the name as typed.
    pub name: UserName,
    /// Where the name is unique.
    pub realm: Realm,
    /// Whether and where the name service knows the person.
    pub existence: Existence,
    /// Names of the groups of the person.
    pub groups: Groups,
    /// What the name service has on file (row H7).
    pub contacts: Contacts,
}

/// Whether the name service knows the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// Known, with this uid, from this origin.
    Known {
        /// The uid on this host.
        uid: u32,
        /// Where the person is defined.
        origin: Origin,
    },
    /// Not known: the same dialogue as for others, never let in, nothing kept.
    Unknown,
}

/// Where a person is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// In /etc/passwd.
    Local,
    /// In a directory: SSSD, LDAP, …
    Directory,
}

/// The groups of a person, and whether the name service told all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// Every backend answered.
    Complete(Vec<String>),
    /// A backend failed or was late: the strictest rule that could apply decides (row P10).
    Incomplete(Vec<String>),
}

impl Groups {
    /// Lists the names that are known.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::Complete(names) | Self::Incomplete(names) => names,
        }
    }
}

/// Where a login comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A terminal or seat of this host, without a remote host.
    Local,
    /// A numeric address; mapped IPv6 is brought back to IPv4.
    Address(IpAddr),
    /// Remote, but no numeric address is known; never treated as local.
    Unknown,
}

impl Source {
    /// Tells what counts as one source: of IPv6 the network of 64 bits, because one subscriber holds all of it; of IPv4 the
    /// address, also where it comes mapped.
    #[must_use]
    pub fn network(self) -> Self {
        match self {
            Self::Address(address) => Self::Address(network(address)),
            Self::Local | Self::Unknown => self,
        }
    }
}

/// Tells the network that an address counts for: of IPv6 its 64 bits, of IPv4 the address itself.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        canonical @ IpAddr::V4(_) => canonical,
    }
}

impl fmt::Display for Source {
    /// Writes `local`, `unknown`, or the numeric address with mapped IPv6 brought back to IPv4.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => formatter.write_str("local"),
            Self::Unknown => formatter.write_str("unknown"),
            Self::Address(address) => address.to_canonical().fmt(formatter),
        }
    }
}

/// Which PAM phase asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// `pam_authenticate`: may prompt.
    Auth,
    /// `pam_acct_mgmt` with `require_auth`: never prompts.
    Account,
}

/// Whether the first factor is known to have succeeded when we are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FirstFactor {
    /// The stack stops before us when it failed (`requisite`, as shipped).
    Settled,
    /// The stack may fail later (`late_first_factor` on the module's line): the same dialogue for everybody, and
    /// nothing is enrolled.
    Late,
}

/// What sshd, running as root, says of the methods completed already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshFacts {
    /// The program is an SSH server, although its service is not called `sshd`.
    pub is_server: bool,
    /// Type and SHA-256 fingerprint of a public key that was accepted.
    pub public_key: Option<PublicKey>,
}

/// A public key accepted by sshd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The key type as OpenSSH names it (`ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, …).
    pub algorithm: String,
    /// `SHA256:…` as OpenSSH prints it.
    pub fingerprint: String,
}

/// Every fact of one login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// Who logs in.
    pub person: Person,
    /// The PAM service.
    pub service: String,
    /// Which PAM phase asks.
    pub phase: Phase,
    /// Where from.
    pub source: Source,
    /// The terminal, where one is known.
    pub tty: Option<String>,
    /// What sshd said.
    pub ssh: SshFacts,
    /// Who asks, for sudo, su and polkit: the uid of the invoking user where the service names it.
    pub requesting_uid: Option<u32>,
    /// The uid of the process that called.
    pub caller_uid: u32,
    /// Whether the first factor is settled.
    pub first_factor: FirstFactor,
    /// The session of the kernel's audit that the asking process belongs to, where it belongs to one.
    pub session: Option<AuditSession>,
    /// The last code that this person gave in that session, where one is known of.
    pub fresh: Option<Fresh>,
    /// The host that is logged in to: name and machine-id.
    pub host: Host,
    /// The language of the dialogue: the context's where it names one of ours, else the file's.
    pub language: Option<Language>,
}

impl LoginRequest {
    /// Tells whether the login comes by ssh: the service is `sshd`, or root says that it is an SSH server.
    #[must_use]
    pub fn is_by_ssh(&self) -> bool {
        self.service == "sshd" || self.ssh.is_server
    }
}

/// A session as the kernel's audit counts them: since boot, never twice, inherited by every process of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditSession(u32);

impl AuditSession {
    /// What a process outside of sessions has (`AUDIT_SID_UNSET` of the kernel).
    pub const UNSET: u32 = u32::MAX;

    /// Takes a number of the kernel; none where the process is in no session.
    #[must_use]
    pub const fn of(number: u32) -> Option<Self> {
        if number == Self::UNSET { None } else { Some(Self(number)) }
    }

    /// Tells the number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A code that was given in a session (row L16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh {
    /// The account's epoch when it was given: any change of factor or password and a reset end it.
    pub epoch: Epoch,
    /// How long ago it was given.
    pub age: Duration,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The host name.
    pub name: String,
    /// The machine-id.
    pub id: HostId,
}
