//! The events of the audit in syslog: facility authpriv, stable ids, structured fields.
//!
//! Owns the one line of an event and its way out: journald where there is one, else syslog. Nobody waits for it: events
//! go through a bounded queue to a thread of their own, and those that find it full are counted and named as missing;
//! the audit in the store has them all. Everything in a line is printable, so one event is one line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use countersign_core::audit::{AuditEvent, EventId};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

/// How events are called in syslog.
const IDENTIFIER: &str = "countersignd";
/// `LOG_AUTHPRIV`.
const FACILITY: &str = "10";
/// How many events may wait for a slow journal.
const QUEUE: usize = 4096;

/// Where committed events are published.
pub trait Journal: Send + Sync + 'static {
    /// Publishes an event; never waits.
    fn publish(&self, event: &AuditEvent);
}

/// The journal of this host.
#[derive(Debug)]
pub struct SystemJournal {
    queue: SyncSender<AuditEvent>,
    missing: AtomicU64,
}

impl SystemJournal {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start() -> std::io::Result<Self> {
        let (queue, events) = sync_channel(QUEUE);
        thread::Builder::new().name("journal".to_owned()).spawn(move || write_all(&events))?;
        Ok(Self { queue, missing: AtomicU64::new(0) })
    }
}

impl Journal for SystemJournal {
    fn publish(&self, event: &AuditEvent) {
        if self.queue.try_send(event.clone()).is_err() {
            self.missing.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let missing = self.missing.swap(0, Ordering::Relaxed);
        if missing > 0 {
            tracing::warn!(missing, "events are missing in syslog; the audit in the store has them");
        }
    }
}

/// The way out.
enum Sink {
    Journald(Dispatch),
    Syslog(Box<Logger<LoggerBackend, Formatter3164>>),
    Nowhere,
}

fn write_all(events: &Receiver<AuditEvent>) {
    let mut sink = open();
    while let Ok(event) = events.recv() {
        write(&mut sink, &event);
    }
}

fn open() -> Sink {
    if let Ok(layer) = tracing_journald::layer() {
        let layer = layer
            .with_syslog_identifier(IDENTIFIER.to_owned())
            .with_field_prefix(Some("COUNTERSIGN".to_owned()))
            .with_custom_fields([("SYSLOG_FACILITY", FACILITY)]);
        return Sink::Journald(Dispatch::new(tracing_subscriber::registry().with(layer)));
    }
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: IDENTIFIER.to_owned(),
        pid: std::process::id(),
    };
    match syslog::unix(formatter) {
        Ok(logger) => Sink::Syslog(Box::new(logger)),
        Err(error) => {
            tracing::warn!(%error, "neither journald nor syslog; events are in the audit only");
            Sink::Nowhere
        }
    }
}

fn write(sink: &mut Sink, event: &AuditEvent) {
    let line = line(event);
    match sink {
        Sink::Journald(dispatch) => tracing::dispatcher::with_default(dispatch, || to_journald(event, &line)),
        Sink::Syslog(logger) => {
            if logger.notice(&line).is_err() {
                *sink = open();
            }
        }
        Sink::Nowhere => {}
    }
}

fn to_journald(event: &AuditEvent, line: &str) {
    let subject = event.subject.as_ref();
    let login = event.login.as_ref();
    tracing::info!(
        target: "countersign::audit",
        event = id(event.event),
        user = subject.map(|subject| subject.user.as_str()),
        realm = subject.map(|subject| subject.realm.as_str()),
        account = subject.and_then(|subject| subject.account.as_deref()),
        actor = event.actor.as_str(),
        login_uid = event.login_uid,
        login_name = event.login_name.as_deref(),
        service = login.map(|login| login.service.as_str()),
        source = login.map(|login| login.source.as_str()),
        tty = login.and_then(|login| login.tty.as_deref()),
        rule = event.rule.as_deref(),
        verdict = event.verdict.as_deref(),
        factor = event.factor.as_deref(),
        attempts = event.attempts,
        reason = event.reason.as_deref(),
        change = event.change.as_deref(),
        would = event.would.as_deref(),
        would_because = event.would_because.as_deref(),
        "{line}"
    );
}

/// The line of an event: its id, then `key=value` in a fixed order.
fn line(event: &AuditEvent) -> String {
    let mut line = id(event.event);
    let mut add = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            line.push(' ');
            line.push_str(key);
            line.push('=');
            line.push_str(&plain(value));
        }
    };
    add("user", event.subject.as_ref().map(|subject| subject.user.as_str()));
    add("actor", Some(&event.actor));
    add("login_uid", event.login_uid.map(|uid| uid.to_string()).as_deref());
    add("login_name", event.login_name.as_deref());
    let login = event.login.as_ref();
    add("service", login.map(|login| login.service.as_str()));
    add("source", login.map(|login| login.source.as_str()));
    add("tty", login.and_then(|login| login.tty.as_deref()));
    add("rule", event.rule.as_deref());
    add("verdict", event.verdict.as_deref());
    add("factor", event.factor.as_deref());
    add("attempts", event.attempts.map(|attempts| attempts.to_string()).as_deref());
    add("reason", event.reason.as_deref());
    add("change", event.change.as_deref());
    add("would", event.would.as_deref());
    add("would_because", event.would_because.as_deref());
    line
}

/// A value as it stands in a line: as it is where it is one plain word, else quoted and escaped.
fn plain(value: &str) -> String {
    let is_word = !value.is_empty()
        && value
            .chars()
            .all(|character| character.is_ascii_graphic() && !matches!(character, '"' | '=' | '\\'));
    if is_word { value.to_owned() } else { format!("\"{}\"", value.escape_default()) }
}

/// The stable id of an event, as it stands in the audit.
fn id(event: EventId) -> String {
    let encoded = serde_json::to_string(&event).unwrap_or_default();
    encoded.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::audit::Subject;
    use countersign_core::time::WallTime;

    #[test]
    fn an_event_is_one_printable_line_whatever_stands_in_it() {
        let mut event = AuditEvent::new(EventId::LoginDenied, WallTime::from_seconds(1), "h", "self");
        let user = "eve\nlogin-allowed user=root \u{1b}[2J\u{202e}".to_owned();
        event.subject = Some(Subject { user, realm: "local:h".to_owned(), account: None });
        event.login_uid = Some(1001);
        event.login_name = Some("dora".to_owned());
        event.attempts = Some(3);
        event.reason = Some("wrong code".to_owned());
        event.would = Some("ask".to_owned());
        event.would_because = Some("in force\n".to_owned());
        let line = line(&event);
        assert_eq!(
            line,
            "login-denied user=\"eve\\nlogin-allowed user=root \\u{1b}[2J\\u{202e}\" actor=self login_uid=1001 \
             login_name=dora attempts=3 reason=\"wrong code\" would=ask would_because=\"in force\\n\""
        );
        assert!(line.chars().all(|character| character == ' ' || character.is_ascii_graphic()));
    }

    #[test]
    fn a_full_queue_never_waits_and_counts_what_is_missing() {
        let (queue, events) = sync_channel(1);
        let journal = SystemJournal { queue, missing: AtomicU64::new(0) };
        let event = AuditEvent::new(EventId::ServiceStarted, WallTime::from_seconds(1), "h", "service");
        for _ in 0..3 {
            journal.publish(&event);
        }
        assert_eq!(journal.missing.load(Ordering::Relaxed), 2);
        assert!(events.try_recv().is_ok());
        journal.publish(&event);
        assert_eq!(journal.missing.load(Ordering::Relaxed), 0);
    }
}
