//! How Postfix is set up in a machine: TLS and login, no port 25, one Maildir.

use anyhow::Result;

use super::{ADDRESS, NAME, PASSWORD, PASSWORD_FILE, USER};
use crate::machine::Machine;
use crate::smtp::certificate::Certified;

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

/// Lays the server's files, its address and its login into a machine; it is not started.
pub(super) fn install(machine: &Machine, certified: &Certified) -> Result<()> {
    machine.run_ok(&["ip", "address", "add", ADDRESS, "dev", "lo"])?;
    machine.write_file("/etc/hosts", format!("127.0.0.1 localhost\n{ADDRESS} {NAME}\n"), 0o644)?;
    let user = [
        "useradd",
        "--system",
        "--uid=700",
        "--user-group",
        "--create-home",
        "--home-dir",
        "/var/spool/post",
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
    machine.write_file(PASSWORD_FILE, PASSWORD, 0o640)?;
    let login =
        format!("saslpasswd2 -p -c -u example.org {USER} <{PASSWORD_FILE} && chown postfix /etc/sasldb2");
    machine.run_ok(&["sh", "-c", &login]).map(drop)
}
