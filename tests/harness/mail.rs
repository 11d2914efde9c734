//! A post office in a booted machine: Postfix with a certificate, a login, and a mailbox for everybody who gets mail.
//!
//! Owns the server's configuration and what its readers see. It listens as `mail.example.org`, on an address of its own,
//! on 465 and 587, and takes nothing without TLS and login. [`PostOffice::replaced_by`] puts a scripted server in its place,
//! under the same name and port. It knows nothing of Countersign but the section `[email]` that describes it.

mod letter;

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::machine::Machine;
use crate::smtp;
use crate::smtp::certificate::{Authority, Certified, Trust};
use crate::smtp::script::{Script, Security};

pub use letter::Letter;

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
/// Where the mailboxes lie in the machine.
const MAILBOXES: &str = "var/spool/post";
/// The unit of the server.
const SERVICE: &str = "postfix@-.service";
/// How long the server may take to listen, or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// Everybody's mail lies in one Maildir; the server notes in each mail for whom it came.
const MAIN: &str = r"
compatibility_level = 3.6
myhostname = mail.example.org
inet_interfaces = 192.0.2.25
inet_protocols = ipv4
mydestination =
virtual_mailbox_domains = regexp:/etc/postfix/domains
virtual_mailbox_maps = static:all/
virtual_mailbox_base = /var/spool/post
virtual_minimum_uid = 100
virtual_uid_maps = static:700
virtual_gid_maps = static:700
smtpd_tls_cert_file = /etc/postfix/server.pem
smtpd_tls_key_file = /etc/postfix/server.key
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = example.org
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_peername_lookup = no
";

/// The services of the server; port 25 is not among them.
const SERVICES: &str = "\
192.0.2.25:465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
192.0.2.25:587 inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
";

/// Where the server finds passwords.
const LOGINS: &str = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n";

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
    mailboxes: PathBuf,
    network: PathBuf,
    authority: Authority,
    /// The files that were given out by [`PostOffice::next`].
    read: Mutex<HashSet<PathBuf>>,
}

impl PostOffice {
    /// Puts the server up in a machine; returns when both ports listen.
    ///
    /// # Errors
    /// When it does not start.
    pub fn open(machine: &Machine) -> Result<Self> {
        let authority = Authority::new()?;
        let certified = authority.certify_names(&[NAME], Trust::Valid)?;
        machine.run_ok(&["ip", "address", "add", ADDRESS, "dev", "lo"])?;
        machine.write_file("/etc/hosts", format!("127.0.0.1 localhost\n{ADDRESS} {NAME}\n"), 0o644)?;
        let home = format!("/{MAILBOXES}");
        let user = [
            "useradd",
            "--system",
            "--uid=700",
            "--user-group",
            "--create-home",
            "--home-dir",
            &home,
            "post",
        ];
        machine.run_ok(&user)?;
        for (name, contents, mode) in [
            ("server.pem", certified.certificate(), 0o644),
            ("server.key", certified.key(), 0o600),
            ("main.cf", MAIN, 0o644),
            ("master.cf", SERVICES, 0o644),
            ("domains", "/./ here\n", 0o644),
            ("sasl/smtpd.conf", LOGINS, 0o644),
        ] {
            machine.write_file(&format!("/etc/postfix/{name}"), contents, mode)?;
        }
        machine.write_file(PASSWORD_FILE, PASSWORD, 0o600)?;
        let login =
            format!("saslpasswd2 -p -c -u example.org {USER} <{PASSWORD_FILE} && chown postfix /etc/sasldb2");
        machine.run_ok(&["sh", "-c", &login])?;
        machine.write_file(AUTHORITY, authority.pem(), 0o644)?;
        let office = Self {
            mailboxes: machine.tree().join(MAILBOXES),
            network: format!("/proc/{}/ns/net", machine.leader()).into(),
            authority,
            read: Mutex::default(),
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

    /// All mails that came for an address, the oldest first.
    ///
    /// # Errors
    /// When a mail cannot be read.
    pub fn mails(&self, address: &str) -> Result<Vec<Letter>> {
        Ok(self.delivered(address)?.into_iter().map(|(_, letter)| letter).collect())
    }

    /// How many mails came for anybody.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn count(&self) -> Result<usize> {
        Ok(self.files()?.len())
    }

    /// Waits for the next mail for an address that this has not yet returned.
    ///
    /// # Errors
    /// When none comes within the limit.
    pub fn next(&self, address: &str, limit: Duration) -> Result<Letter> {
        let until = Instant::now() + limit;
        loop {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            let mails = self.delivered(address)?;
            if let Some((_, letter)) = mails.into_iter().find(|(file, _)| read.insert(file.clone())) {
                return Ok(letter);
            }
            drop(read);
            if Instant::now() > until {
                bail!("no new mail for {address} within {limit:?}");
            }
            // A mailbox is a folder: nothing tells that a file is there.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails when there is a mail for an address that [`PostOffice::next`] has not returned.
    ///
    /// # Errors
    /// With that mail.
    pub fn is_read(&self, address: &str) -> Result<()> {
        let unread = self.next(address, Duration::ZERO);
        ensure!(unread.is_err(), "there is another mail for {address}: {:?}", unread.ok());
        Ok(())
    }

    /// The mails for an address in the order of their arrival, with their files.
    fn delivered(&self, address: &str) -> Result<Vec<(PathBuf, Letter)>> {
        let read = |path: PathBuf| {
            let raw = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            Ok((path, Letter::parse(&String::from_utf8_lossy(&raw))?))
        };
        let all: Vec<_> = self.files()?.into_iter().map(read).collect::<Result<_>>()?;
        let is_for = |letter: &Letter| letter.header("Delivered-To").is_some_and(|to| to == address);
        Ok(all.into_iter().filter(|(_, letter)| is_for(letter)).collect())
    }

    /// All files in the order of their arrival.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.mailboxes.join("all/new")).into_iter().flatten();
        let timed = entries.map(|entry| {
            let entry = entry?;
            Ok((entry.metadata()?.modified()?, entry.path()))
        });
        let mut files: Vec<_> = timed.collect::<Result<_>>()?;
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
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
            let letter = office.next("ann@example.org", LIMIT).unwrap();
            assert_eq!(letter.code().unwrap(), "4930-2718");
        }
        office.is_read("ann@example.org").unwrap();
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
