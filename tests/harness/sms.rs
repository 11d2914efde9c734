//! A text-message gateway in a booted machine: Kannel, with its fake message center as the world of phones.
//!
//! Owns the three processes and what the phones got. They listen on the machine's loopback only and end with it. It knows
//! nothing of Countersign but the section `[sms]` that describes it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::machine::Machine;

/// The password of the gateway's user.
pub const PASSWORD: &str = "gateway-secret-9";
/// The name of the credential that holds it.
pub const CREDENTIAL: &str = "sms-password";

/// How long the processes may take to find each other.
const LIMIT: Duration = Duration::from_secs(20);
/// What the fake message center prints, a line for each message.
const RECEIVED: &str = "var/log/kannel/phones.log";

const CONFIGURATION: &str = r#"
group = core
admin-port = 13000
admin-password = admin
admin-deny-ip = "*.*.*.*"
admin-allow-ip = "127.0.0.1"
smsbox-port = 13001
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"

group = smsc
smsc = fake
smsc-id = phones
port = 10000
connect-allow-ip = "127.0.0.1"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-interface = 127.0.0.1
sendsms-port = 13013
global-sender = 1234

group = sendsms-user
username = countersign
password = gateway-secret-9
max-messages = 5
concatenation = true
"#;

/// A running gateway.
pub struct Gateway {
    received: PathBuf,
}

/// A text as a phone shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The number of the phone.
    pub number: String,
    /// What it says, all parts of a long one together.
    pub text: String,
}

impl Gateway {
    /// Puts the gateway up in a machine; returns when it takes texts.
    ///
    /// # Errors
    /// When its processes do not find each other.
    pub fn open(machine: &Machine) -> Result<Self> {
        machine.write_file("/etc/kannel/kannel.conf", CONFIGURATION, 0o644)?;
        machine.write_file("/etc/countersign/sms-password", PASSWORD, 0o600)?;
        let credential = format!("[Service]\nLoadCredential={CREDENTIAL}:/etc/countersign/sms-password\n");
        machine.write_file("/etc/systemd/system/countersignd.service.d/sms.conf", credential, 0o644)?;
        machine.run_ok(&["systemctl", "daemon-reload"])?;
        let gateway = Self { received: machine.tree().join(RECEIVED) };
        start(machine, "bearerbox", &["/usr/sbin/bearerbox", "-v", "1", "/etc/kannel/kannel.conf"])?;
        machine.wait_until("the message center listens", LIMIT, |machine| {
            let sockets = machine.run_ok(&["ss", "--listening", "--tcp", "--numeric", "--no-header"])?;
            Ok([":10000", ":13001"].iter().all(|port| sockets.contains(port)))
        })?;
        start(machine, "smsbox", &["/usr/sbin/smsbox", "-v", "1", "/etc/kannel/kannel.conf"])?;
        let phones =
            ["/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", "10000", "-m", "0", "0 0 text none"];
        start(machine, "phones", &phones)?;
        let up = machine.wait_until("the gateway is complete", LIMIT, is_complete);
        up.with_context(|| {
            machine.journal(&["-u", "sms-bearerbox", "-u", "sms-smsbox"]).unwrap_or_default()
        })?;
        Ok(gateway)
    }

    /// The section of the configuration that leads to this gateway.
    #[must_use]
    pub fn settings(&self) -> String {
        format!(
            r#"
[sms]
url = "http://127.0.0.1:13013/cgi-bin/sendsms?username=countersign&password={{credential:{CREDENTIAL}}}&to={{number}}&text={{text}}&charset=UTF-8&coding=2"
method = "GET"
success_status = [202]
country = "DE"
allow_prefixes = ["+49"]
"#
        )
    }

    /// All texts that came for a number, the oldest first.
    ///
    /// # Errors
    /// When what the phones got cannot be read.
    pub fn texts(&self, number: &str) -> Result<Vec<Text>> {
        let lines = std::fs::read(&self.received).context("reading what the phones got")?;
        let all = texts(&String::from_utf8_lossy(&lines))?;
        Ok(all.into_iter().filter(|text| text.number == number).collect())
    }

    /// Waits until so many texts came for a number, and returns the last of them.
    ///
    /// # Errors
    /// When fewer come within the limit, or there are more.
    pub fn nth(&self, number: &str, count: usize, limit: Duration) -> Result<Text> {
        let until = Instant::now() + limit;
        loop {
            let mut texts = self.texts(number)?;
            ensure!(texts.len() <= count, "{} texts for {number}: {texts:?}", texts.len());
            if let Some(last) = texts.pop()
                && texts.len() + 1 == count
            {
                return Ok(last);
            }
            if Instant::now() > until {
                bail!("not {count} texts for {number} within {limit:?}");
            }
            // The message center writes to a file: nothing tells that a line is there.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Text {
    /// The code in the text: the first eight digits, also where a space stands between their groups.
    ///
    /// # Errors
    /// When there are not as many.
    pub fn code(&self) -> Result<String> {
        let digits: String = self.text.chars().filter(char::is_ascii_digit).take(8).collect();
        ensure!(digits.len() == 8, "no code in {:?}", self.text);
        Ok(digits)
    }
}

/// Starts one process of the gateway as a unit of its own.
fn start(machine: &Machine, name: &str, command: &[&str]) -> Result<()> {
    let unit = format!("--unit=sms-{name}");
    let output = format!("--property=StandardOutput=append:/var/log/kannel/{name}.log");
    let error = format!("--property=StandardError=append:/var/log/kannel/{name}.log");
    let words = ["systemd-run", "--quiet", "--uid=kannel", &unit, &output, &error];
    machine.run_ok(&[&words, command].concat()).map(drop)
}

/// Whether the message center knows both the phones and the box that takes requests.
fn is_complete(machine: &Machine) -> Result<bool> {
    let status = machine.run(&["curl", "--silent", "http://127.0.0.1:13000/status.txt?password=admin"])?;
    let status = String::from_utf8_lossy(&status.stdout);
    let listens =
        machine.run_ok(&["ss", "--listening", "--tcp", "--numeric", "--no-header"])?.contains(":13013");
    Ok(listens
        && status.contains("smsbox:")
        && status.contains("phones[phones]")
        && status.contains("(online"))
}

/// Reads what the message center printed: `… Got message 3: <1234 +491701234567 text 4930 2718 …>`.
fn texts(log: &str) -> Result<Vec<Text>> {
    let mut texts: Vec<Text> = Vec::new();
    let lines = log.lines().filter_map(|line| line.split_once("Got message ")?.1.split_once(": <"));
    for (_, message) in lines {
        let message = message.strip_suffix('>').unwrap_or(message);
        let words: Vec<&str> = message.splitn(4, ' ').collect();
        let [_, number, form, rest] = words.as_slice() else { continue };
        let (part, text) = match *form {
            "text" => (1, (*rest).to_owned()),
            "ucs-2" => (1, wide(&unescaped(rest)?)),
            "udh" => part_of(rest)?,
            other => bail!("a message of the kind {other}: {message}"),
        };
        match texts.iter_mut().rev().find(|text| text.number == *number) {
            Some(begun) if part > 1 => begun.text.push_str(&text),
            _ => texts.push(Text { number: (*number).to_owned(), text }),
        }
    }
    Ok(texts)
}

/// Reads one part of a long message: `%05%00%03%02%02%01 data 4930+…`; returns its place and its text.
fn part_of(rest: &str) -> Result<(u8, String)> {
    let (header, data) = rest.split_once(" data ").with_context(|| format!("a part without data: {rest}"))?;
    let place = unescaped(header)?.last().copied().context("a part without a place")?;
    let bytes = unescaped(data)?;
    let text = if bytes.contains(&0) { wide(&bytes) } else { String::from_utf8_lossy(&bytes).into_owned() };
    Ok((place, text))
}

/// Undoes the escapes of a URL.
fn unescaped(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                u8::from_str_radix(std::str::from_utf8(&digits)?, 16)
                    .with_context(|| format!("escapes of {text}"))?
            }
            plain => plain,
        });
    }
    Ok(bytes)
}

/// Reads UCS-2, as phones do.
fn wide(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_a_phone_shows_them() {
        let log = "\
2026-11-22 02:37:10 [18] [0] DEBUG: Connecting to <127.0.0.1>
2026-11-22 02:37:10 [18] [0] DEBUG: Got message 1: <1234 +491 ucs-2 %004%009%00+O%60>
2026-11-22 02:37:10 [18] [0] DEBUG: Got message 2: <1234 +492 text 4930 2718 is your code f\u{fc}r x>
2026-11-22 02:37:10 [18] [0] DEBUG: Got message 3: <1234 +491 udh %05%00%03%02%02%01 data a+b%3B>
2026-11-22 02:37:10 [18] [0] DEBUG: Got message 4: <1234 +491 udh %05%00%03%02%02%02 data +c>
";
        let read = texts(log).unwrap();
        let read: Vec<_> = read.iter().map(|text| (text.number.as_str(), text.text.as_str())).collect();
        assert_eq!(
            read,
            [("+491", "49 \u{4f60}"), ("+492", "4930 2718 is your code f\u{fc}r x"), ("+491", "a b; c")]
        );
        assert_eq!(texts(log).unwrap()[1].code().unwrap(), "49302718");
    }

    #[test]
    #[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
    fn a_text_given_to_the_gateway_comes_to_the_phone() {
        let machine = Machine::boot(&crate::machine::Options::default()).unwrap();
        let gateway = Gateway::open(&machine).unwrap();
        let url = format!(
            "http://127.0.0.1:13013/cgi-bin/sendsms?username=countersign&password={PASSWORD}&to=%2B491701234567&\
             text=4930%202718%20for%20%E4%BD%A0&charset=UTF-8&coding=2"
        );
        let said = machine.run_ok(&["curl", "--silent", "--fail", &url]).unwrap();
        assert!(said.contains("Accepted"), "{said}");
        let text = gateway.nth("+491701234567", 1, LIMIT).unwrap();
        assert_eq!(text.text, "4930 2718 for \u{4f60}");
    }
}
