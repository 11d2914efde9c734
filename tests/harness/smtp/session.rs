//! One connection of a scripted mail server: RFC 5321, 3207 and 4954 as far as a client needs, and the script's faults.
//!
//! Owns the dialogue. A client that breaks off ends it; nothing here can fail a test by itself.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;

use super::script::{Fault, Script, Security, Step};
use super::wire::Line;
use super::{Mail, Shared};

/// How long a silent client is kept.
const IDLE: Duration = Duration::from_mins(3);
/// The longest mail that is taken.
const MAX_MAIL: usize = 1024 * 1024;

/// A server hello of TLS 1.0 in one record, up to its random bytes: what a client of today refuses.
const TLS10_HEAD: [u8; 11] = [0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
/// What follows the random bytes: no session, `TLS_RSA_WITH_AES_128_CBC_SHA`, no compression.
const TLS10_TAIL: [u8; 4] = [0, 0, 0x2f, 0];

/// What the connection has come to.
struct Session<'a> {
    line: Line,
    script: Script,
    shared: &'a Arc<Shared>,
    user: Option<String>,
    from: Option<String>,
    recipients: Vec<String>,
}

/// How the dialogue goes on after a step.
enum Course {
    On,
    End,
}

/// Serves a connection to its end.
pub(super) fn serve(stream: TcpStream, script: Script, shared: &Arc<Shared>) {
    let _ = stream.set_read_timeout(Some(IDLE));
    let _ = stream.set_write_timeout(Some(IDLE));
    let closing = stream.try_clone();
    let line = Line::new(stream, shared);
    let session = Session { line, script, shared, user: None, from: None, recipients: Vec::new() };
    // An error is the client's leaving, or the end of the server.
    let _ = session.talk();
    // Whoever keeps another handle keeps the connection open: the client would hear nothing.
    let _ = closing.map(|stream| stream.shutdown(Shutdown::Both));
}

impl Session<'_> {
    fn talk(mut self) -> io::Result<()> {
        let mut greeting = "220 localhost ESMTP";
        match self.script.due(Step::Greeting) {
            Some(Fault::Reply(line)) => greeting = line,
            Some(fault) => {
                if let Course::End = self.happen(fault, "")? {
                    return Ok(());
                }
            }
            None => {}
        }
        match (self.script.security, self.script.certified.clone()) {
            (Security::Implicit, Some(certified)) => self.line = self.line.encrypt(&certified.config)?,
            (Security::Tls10, _) => return self.refuse_new_tls(),
            _ => {}
        }
        self.line.say(greeting)?;
        loop {
            let command = self.line.read_line()?;
            let verb = command.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            // What follows AUTH is a credential.
            let heard = if verb == "AUTH" { "AUTH".to_owned() } else { command.clone() };
            self.shared.change(|state| state.commands.push(heard));
            if verb == "STARTTLS" {
                let (session, course) = self.start_tls()?;
                self = session;
                match course {
                    Course::On => continue,
                    Course::End => return Ok(()),
                }
            }
            match self.obey(&verb, &command)? {
                Course::On => {}
                Course::End => return Ok(()),
            }
        }
    }

    fn obey(&mut self, verb: &str, command: &str) -> io::Result<Course> {
        match verb {
            "EHLO" | "HELO" => self.hello(command),
            "AUTH" => self.login(command),
            "MAIL" if self.script.login.is_some() && self.user.is_none() => {
                self.say("530 5.7.0 authentication required")
            }
            "MAIL" => {
                (self.from, self.recipients) = (Some(path(command)), Vec::new());
                self.fault_or(Step::Sender, "250 2.1.0 sender ok")
            }
            "RCPT" if self.from.is_some() => self.recipient(path(command)),
            "DATA" if !self.recipients.is_empty() => self.data(),
            "RSET" => {
                (self.from, self.recipients) = (None, Vec::new());
                self.say("250 2.0.0 reset")
            }
            "NOOP" => self.say("250 2.0.0 ok"),
            "QUIT" => {
                self.line.say("221 2.0.0 bye")?;
                Ok(Course::End)
            }
            _ => self.say("503 5.5.1 not now"),
        }
    }

    /// As strict servers do (`reject_non_fqdn_helo_hostname`), it takes a name with a domain, or an address literal.
    fn hello(&mut self, command: &str) -> io::Result<Course> {
        let name = command.split_whitespace().nth(1).unwrap_or_default();
        if !name.contains('.') && !name.starts_with('[') {
            return self.say("504 5.5.2 <name>: Helo command rejected: need fully-qualified hostname");
        }
        let offers = match self.script.security {
            Security::StartTls | Security::Refused | Security::Pretended if !self.line.is_encrypted() => {
                "250-STARTTLS\r\n"
            }
            Security::Garbled => "250-XXXXXXXA\r\n",
            _ => "",
        };
        let login = if self.script.login.is_some() { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
        let reply = format!("250-localhost\r\n{offers}{login}250-8BITMIME\r\n250 SIZE 1048576");
        self.fault_or(Step::Hello, &reply)
    }

    fn start_tls(mut self) -> io::Result<(Self, Course)> {
        let ready = "220 2.0.0 ready to start TLS";
        let (answer, certified) = match (self.script.security, self.script.certified.clone()) {
            (Security::StartTls, Some(certified)) => (ready, Some(certified)),
            (Security::Pretended, _) => (ready, None),
            (Security::Refused, _) => ("454 4.7.0 TLS not available", None),
            _ => ("502 5.5.1 unknown command", None),
        };
        let said = self.script_reply(Step::StartTls, answer)?;
        let Some(said) = said else { return Ok((self, Course::End)) };
        if let Some(certified) = certified.filter(|_| said == ready) {
            self.line = self.line.encrypt(&certified.config)?;
        }
        Ok((self, Course::On))
    }

    fn login(&mut self, command: &str) -> io::Result<Course> {
        if let Some(fault) = self.script.due(Step::Login) {
            return self.happen(fault, "535 5.7.8 not now");
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        let given = match (words.get(1).map(|word| word.to_ascii_uppercase()).as_deref(), words.get(2)) {
            (Some("PLAIN"), Some(initial)) => plain(&decoded(initial)),
            (Some("PLAIN"), None) => plain(&self.asked("")?),
            (Some("LOGIN"), Some(user)) => Some((decoded(user), self.asked("Password:")?)),
            (Some("LOGIN"), None) => Some((self.asked("Username:")?, self.asked("Password:")?)),
            _ => None,
        };
        if given.is_none() || given != self.script.login {
            return self.say("535 5.7.8 wrong user or password");
        }
        self.user = given.map(|(user, _)| user);
        self.say("235 2.7.0 welcome")
    }

    /// Asks for the next part of a login.
    fn asked(&mut self, what: &str) -> io::Result<String> {
        self.line.say(&format!("334 {}", BASE64.encode(what.as_bytes())))?;
        Ok(decoded(&self.line.read_line()?))
    }

    fn recipient(&mut self, address: String) -> io::Result<Course> {
        let taken = "250 2.1.5 recipient ok";
        let said = self.script_reply(Step::Recipient, taken)?;
        if said.as_deref() == Some(taken) {
            self.recipients.push(address);
        }
        Ok(said.map_or(Course::End, |_| Course::On))
    }

    fn data(&mut self) -> io::Result<Course> {
        let ready = "354 go on";
        let Some(said) = self.script_reply(Step::Data, ready)? else { return Ok(Course::End) };
        if said != ready {
            return Ok(Course::On);
        }
        let data = self.body()?;
        let mail = Mail {
            from: self.from.take().unwrap_or_default(),
            recipients: std::mem::take(&mut self.recipients),
            data,
            encrypted: self.line.is_encrypted(),
            user: self.user.clone(),
        };
        let fault = self.script.due(Step::Body);
        if !matches!(fault, Some(Fault::Reply(_))) {
            self.shared.change(|state| state.mails.push(mail));
        }
        match fault {
            Some(fault) => self.happen(fault, "250 2.0.0 taken"),
            None => self.say("250 2.0.0 taken"),
        }
    }

    fn body(&mut self) -> io::Result<String> {
        let mut data = String::new();
        loop {
            let line = self.line.read_line()?;
            if line == "." {
                return Ok(data);
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push_str("\r\n");
            if data.len() > MAX_MAIL {
                return Err(io::Error::other("a mail without an end"));
            }
        }
    }

    fn say(&mut self, reply: &str) -> io::Result<Course> {
        self.line.say(reply).map(|()| Course::On)
    }

    /// Says what a good server says at a step, unless a fault is due.
    fn fault_or(&mut self, step: Step, reply: &str) -> io::Result<Course> {
        match self.script.due(step) {
            Some(fault) => self.happen(fault, reply),
            None => self.say(reply),
        }
    }

    /// As [`Self::fault_or`]; returns what was said, or none when the connection ends.
    fn script_reply(&mut self, step: Step, reply: &str) -> io::Result<Option<String>> {
        let fault = self.script.due(step);
        let course = match fault {
            Some(fault) => self.happen(fault, reply)?,
            None => self.say(reply)?,
        };
        let said = match fault {
            Some(Fault::Reply(line)) => line,
            Some(Fault::Silence(_) | Fault::Drop) | None => reply,
        };
        Ok(match course {
            Course::On => Some(said.to_owned()),
            Course::End => None,
        })
    }

    fn happen(&mut self, fault: Fault, otherwise: &str) -> io::Result<Course> {
        match fault {
            Fault::Reply(line) => self.say(line),
            Fault::Drop => Ok(Course::End),
            Fault::Silence(span) => {
                let ended = self.shared.wait(span, |_| false).ended;
                if ended {
                    return Ok(Course::End);
                }
                if otherwise.is_empty() { Ok(Course::On) } else { self.say(otherwise) }
            }
        }
    }

    /// Hears the client's hello and answers in TLS 1.0; hears what the client thinks of it.
    fn refuse_new_tls(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let _ = self.line.read(&mut buffer)?;
        self.line.write_all(&[&TLS10_HEAD[..], &[7; 32], &TLS10_TAIL].concat())?;
        while self.line.read(&mut buffer)? > 0 {}
        Ok(())
    }
}

/// The address between the angle brackets of a command.
fn path(command: &str) -> String {
    let inside = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(command, |(address, _)| address).to_owned()
}

fn decoded(text: &str) -> String {
    BASE64
        .decode(text.as_bytes())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// User and password of the mechanism PLAIN (RFC 4616).
fn plain(message: &str) -> Option<(String, String)> {
    let mut parts = message.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}
