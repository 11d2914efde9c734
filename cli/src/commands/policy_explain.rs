//! `countersign policy explain`: what a login would be asked, and why. Owns the question; the service decides, and
//! `explanation` shows its answer.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use countersign_config::{Doubt, doubt_service};
use countersign_protocol::address;
use countersign_protocol::proxies::Facts as Options;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::explanation::Explanation;
use crate::facts::Facts;
use crate::lists;
use crate::name_service::pam_services;
use crate::output::{data, printable, value};
use crate::sshd;

/// Tell what a login would be asked, and why
///
/// Shows what happens, then the rule that decides and every rule passed over with its reason, then what is kept of the
/// person. It need not be a person who exists: with --groups and --origin it is told for somebody of that name who would be
/// in these groups. The service decides as it does about a login; nothing is sent and nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policy explain --user alice --service sshd --from 198.51.100.7
  countersign policy explain --user alice --service login --from local
  countersign policy explain --user new --groups students,staff --service sshd")]
pub(crate) struct Explain {
    /// Who logs in
    #[arg(long)]
    user: String,
    /// Through which PAM service
    #[arg(long)]
    service: String,
    /// From where: a numeric address, or `local` for a terminal of this host; unknown if not given
    #[arg(long, value_name = "ADDRESS|local")]
    from: Option<From>,
    /// The type of the SSH key the person logs in with, such as ssh-ed25519
    #[arg(long, value_name = "TYPE")]
    ssh_key: Option<String>,
    /// As if the person were in these groups and in no others
    #[arg(long, value_name = "GROUP,GROUP", value_delimiter = ',')]
    groups: Option<Vec<String>>,
    /// As if the person came from /etc/passwd (local) or from a directory
    #[arg(long, value_enum, hide_possible_values = true, value_name = "local|directory")]
    origin: Option<Origin>,
    /// The settings of sshd, as `sshd -T` prints them; for service sshd, root has this host's sshd asked without it
    #[arg(long, value_name = "FILE")]
    sshd: Option<PathBuf>,
}

/// Where a person comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Origin {
    Local,
    Directory,
}

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Directory => "directory",
        }
    }
}

/// Where a login comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Local,
    Address(IpAddr),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "local" {
            return Ok(Self::Local);
        }
        address::numeric(text)
            .map(Self::Address)
            .ok_or_else(|| "give a numeric address, or `local`".to_owned())
    }
}

impl std::fmt::Display for From {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => formatter.write_str("local"),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

impl Explain {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let title = self.title();
        let services = pam_services();
        if let Some(Doubt { message, help }) = doubt_service(&self.service, services.as_deref()) {
            context.output.note(&format!("warning: {message}\n = help: {help}\n"));
        }
        let admin = context.bus().await?.admin().await?;
        let settings = self.sshd_settings()?;
        let facts = interactive_call(admin.explain_policy(self.question(settings))).await?;
        let explanation = Explanation::try_from(Facts::from(facts))?;
        if context.output.is_json() {
            return value(&explanation);
        }
        data(&explanation.page(&title, &context.output))
    }

    /// Tells how sshd is set up for this login, where that has a part in it and is known.
    fn sshd_settings(&self) -> Result<Option<String>, Failure> {
        if let Some(file) = &self.sshd {
            let bytes = lists::read(file)?;
            return Ok(Some(sshd::relevant(&String::from_utf8_lossy(&bytes))));
        }
        let address = match self.from {
            Some(From::Address(address)) => Some(address),
            Some(From::Local) | None => None,
        };
        Ok((self.service == "sshd").then(|| sshd::settings(&self.user, address)).flatten())
    }

    fn question(self, settings: Option<String>) -> Options<'static> {
        let Self { user, service, from, ssh_key, groups, origin, sshd: _ } = self;
        let mut question =
            Options::from([("user", Variant::from(user)), ("service", Variant::from(service))]);
        if let Some(from) = from {
            question.insert("from", Variant::from(from.to_string()));
        }
        if let Some(ssh_key) = ssh_key {
            question.insert("ssh_key", Variant::from(ssh_key));
        }
        if let Some(mut groups) = groups {
            groups.retain(|group| !group.is_empty()); // --groups "" is nobody's group
            question.insert("groups", Variant::from(groups));
        }
        if let Some(settings) = settings {
            question.insert("sshd", Variant::from(settings));
        }
        if let Some(origin) = origin {
            question.insert("origin", Variant::from(origin.name()));
        }
        question
    }

    /// Tells which login is meant.
    fn title(&self) -> String {
        let from = match self.from {
            None => "an unknown place".to_owned(),
            Some(From::Local) => "a local terminal".to_owned(),
            Some(From::Address(address)) => address.to_string(),
        };
        printable(&format!("{}, {} from {from}", self.user, self.service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_numeric_address_or_local() {
        assert_eq!("local".parse(), Ok(From::Local));
        assert_eq!("::1".parse(), Ok(From::Address("::1".parse().unwrap())));
        assert_eq!("fe80::1%eth0".parse(), Ok(From::Address("fe80::1".parse().unwrap())), "as sshd says it");
        for wrong in ["", "Local", "example.org", "10.0.0.0/8", "1.2.3"] {
            assert!(wrong.parse::<From>().is_err(), "{wrong}");
        }
    }
}
