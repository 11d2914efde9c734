//! A post office in a booted machine: Postfix with a certificate, a login, and a mailbox for everybody who gets mail.
//!
//! Owns the server; what its readers see is the mailboxes' business. It listens as `mail.example.org`, on an address of its own,
//! on 465 and 587, and takes nothing without TLS and login. [`PostOffice::replaced_by`] puts a scripted server in its place,
//! under the same name and port. It knows nothing of Countersign but the section `[email]` that describes it.

mod letter;
mod mailboxes;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::smtp;
use crate::smtp::certificate::{Authority, Certified, Trust};
use crate::smtp::script::{Script, Security};

pub use letter::Letter;
pub use mailboxes::Mailboxes;

/// The name of the server.
pub const NAME: &str = "mail.example.org";
/// Its address: not loopback, because nothing may cross in the clear to there.
pub const ADDRESS: &str = "192.0.2.25";
/// Who may send.
pub const USER: &str = "mailer";
/// The password of who may send.
pub const PASSWORD: &str = "carrier-pigeon-7";

/// Where the authority's certificate lies in the machine.
const AUTHORITY: &str = "/etc/countersign/mail-authority.pem";
/// Where the sender's password lies in the machine.
const PASSWORD_FILE: &str = "/etc/countersign/mail-password";
/// The unit of the server.
const SERVICE: &str = "postfix@-.service";
/// How long the server may take to listen, or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// The way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `smtps://`, port 465.
    Tls,
    /// `smtp+starttls://`, port 587.
    StartTls,
}

/// A running mail server and its mailboxes.
pub struct PostOffice {
    /// What came, and for whom.
    pub mail: Mailboxes,
    network: PathBuf,
    authority: Authority,
}

impl PostOffice {
    /// Puts the server up in a machine; returns when both ports listen.
    ///
    /// # Errors
    /// When it does not start.
    pub fn open(machine: &Machine) -> Result<Self> {
        let authority = Authority::new()?;
        let certified = authority.certify_names(&[NAME], Trust::Valid)?;
        server::install(machine, &certified)?;
        // The group comes with the package; a machine without it has nobody who would read the password.
        machine.run(&["chgrp", "countersign", PASSWORD_FILE])?;
        machine.write_file(AUTHORITY, authority.pem(), 0o644)?;
        let office = Self {
            mail: Mailboxes::of(machine),
            network: format!("/proc/{}/ns/net", machine.leader()).into(),
            authority,
        };
        office.reopen(machine)?;
        Ok(office)
    }

    /// The section of the configuration that leads to this server.
    #[must_use]
    pub fn settings(&self, way: Way) -> String {
        let scheme = match way {
            Way::Tls => "smtps",
            Way::StartTls => "smtp+starttls",
        };
        format!(
            r#"
[email]
server = "{scheme}://{NAME}"
from = "Example Login <login@example.org>"
user = "{USER}"
password_file = "{PASSWORD_FILE}"
ca_file = "{AUTHORITY}"
"#
        )
    }

    /// Stops the server: connections are refused from here on.
    ///
    /// # Errors
    /// When it goes on listening.
    pub fn close(&self, machine: &Machine) -> Result<()> {
        machine.run_ok(&["systemctl", "stop", SERVICE])?;
        machine.wait_until("the mail server ended", LIMIT, |machine| Ok(listening(machine)? == 0))
    }

    /// Starts the server again.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn reopen(&self, machine: &Machine) -> Result<()> {
        machine.run_ok(&["systemctl", "start", SERVICE])?;
        let up = machine.wait_until("the mail server listens", LIMIT, |machine| Ok(listening(machine)? == 2));
        up.with_context(|| machine.journal(&["-t", "postfix", "-u", SERVICE]).unwrap_or_default())
    }

    /// A certificate that the machine trusts for [`NAME`], unless it is made to be wrong.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn certify(&self, trust: Trust) -> Result<Certified> {
        let name = if trust == Trust::OtherName { "other.example" } else { NAME };
        Ok(self.authority.certify_names(&[name], trust)?)
    }

    /// Stops the server and puts a scripted one in its place, under its name, on the port of the script's security.
    ///
    /// # Errors
    /// When the server does not stop or the port is not free.
    pub fn replaced_by(&self, machine: &Machine, script: Script) -> Result<smtp::Server> {
        self.close(machine)?;
        let port = match script.security() {
            Security::Implicit | Security::Tls10 => 465,
            Security::StartTls
            | Security::NotOffered
            | Security::Garbled
            | Security::Refused
            | Security::Pretended => 587,
        };
        let address = SocketAddr::new(ADDRESS.parse()?, port);
        let server = smtp::Server::start_inside(&self.network, address, script.with_login(USER, PASSWORD));
        server.context("the scripted mail server")
    }
}

/// On how many of its ports the server's address listens.
fn listening(machine: &Machine) -> Result<usize> {
    let sockets =
        machine.run_ok(&["ss", "--listening", "--tcp", "--numeric", "--no-header", "src", ADDRESS])?;
    Ok(sockets.lines().count())
}

#[cfg(test)]
mod tests {
    use super::letter::tests::MAIL;
    use super::*;
    use crate::capture::Capture;
    use crate::machine::Options;
    use crate::smtp::script::{ALWAYS, Fault, Step};

    /// What a client in the machine that checks certificates comes to.
    fn send(machine: &Machine, url: &str, password: &str) -> bool {
        let login = format!("{USER}:{password}");
        // curl greets with the path of the address; a strict server wants a name with a domain.
        let url = &format!("{url}/client.example.org");
        let to = [
            "--mail-from",
            "login@example.org",
            "--mail-rcpt",
            "ann@example.org",
            "--upload-file",
            "/root/mail",
        ];
        let words = [
            "curl",
            "--silent",
            "--ssl-reqd",
            "--max-time",
            "5",
            "--cacert",
            AUTHORITY,
            "--user",
            &login,
            url,
        ];
        machine.run(&[&words[..], &to].concat()).unwrap().status.success()
    }

    #[test]
    #[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
    fn the_post_office_takes_mail_by_tls_and_login_only() {
        let machine = Machine::boot(&Options::default()).unwrap();
        let office = PostOffice::open(&machine).unwrap();
        machine.write_file("/root/mail", MAIL, 0o600).unwrap();
        let capture = Capture::start(&machine, "port 465 or port 587").unwrap();
        for url in [format!("smtps://{NAME}"), format!("smtp://{NAME}:587")] {
            assert!(!send(&machine, &url, "wrong") && send(&machine, &url, PASSWORD), "{url}");
            let letter = office.mail.next("ann@example.org", LIMIT).unwrap();
            assert_eq!(letter.code().unwrap(), "4930-2718");
        }
        office.mail.no_more_codes("ann@example.org").unwrap();
        let line = capture.stop(&machine).unwrap();
        assert!(!line.is_empty() && line.shows("ESMTP Postfix"), "{} bytes", line.len());
        assert!(!line.shows(PASSWORD) && !line.shows("4930"));
        office.close(&machine).unwrap();
        assert!(!send(&machine, &format!("smtps://{NAME}"), PASSWORD));

        let script = Script::new(Security::Implicit, office.certify(Trust::Valid).unwrap());
        let greylisted = Fault::Reply("451 4.7.1 greylisted");
        let scripted =
            office.replaced_by(&machine, script.fault(Step::Recipient, greylisted, ALWAYS)).unwrap();
        assert!(!send(&machine, &format!("smtps://{NAME}"), PASSWORD) && scripted.mails().is_empty());
        assert!(
            scripted.commands().iter().any(|command| command.starts_with("RCPT")),
            "{:?}",
            scripted.commands()
        );
    }
}
