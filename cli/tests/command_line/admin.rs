//! The interface for administrators, with scripted answers.

use std::collections::HashMap;

use countersign_protocol::proxies::{Imported, OwnedFacts, Purged, Records, Reported, Simulated};
use zbus::{OwnedVariant, interface};

use crate::service::{Error, Shared, facts, listed, note, standing};

/// `org.countersign1.Admin`.
pub(crate) struct Admin(pub(crate) Shared);

#[interface(name = "org.countersign1.Admin")]
impl Admin {
    fn list_users(&self, after: String, limit: u32) -> (Vec<OwnedFacts>, String, u64) {
        note(&self.0, format!("ListUsers {after:?} {limit}"));
        let mut script = self.0.lock().unwrap();
        let first = after.parse().map_or(0, |last: usize| last + 1);
        let end = (first + usize::try_from(limit).unwrap()).min(script.people);
        let mut rows: Vec<OwnedFacts> =
            (first..end).map(|number| standing(&format!("user{number:05}"), vec![])).collect();
        rows.append(&mut script.bad_rows);
        let next = if script.never_ends {
            "same".to_owned()
        } else if end < script.people {
            (end - 1).to_string()
        } else {
            String::new()
        };
        (rows, next, u64::try_from(script.people).unwrap())
    }

    fn purge_gone(&self, after: String, options: HashMap<String, OwnedVariant>) -> Result<Purged, Error> {
        note(&self.0, format!("PurgeGone {after:?} {}", listed(&options)));
        let script = self.0.lock().unwrap();
        if script.goes_away && !after.is_empty() {
            return Err(Error::Refused("the name service does not answer now".to_owned()));
        }
        let user = |name: &str| (name.to_owned(), "local:h1".to_owned());
        let next = if after.is_empty() { "local:h1/bob" } else { "" };
        let gone = if after.is_empty() { vec![user("alice"), user("bob")] } else { vec![user("carol")] };
        let facts = facts([("looked", 200_u32.into()), ("untold", 2_u32.into()), ("refused", 0_u32.into())]);
        let next = if script.never_ends { "same" } else { next };
        Ok((gone, next.to_owned(), 400, facts))
    }

    fn explain_policy(&self, question: HashMap<String, OwnedVariant>) -> OwnedFacts {
        note(&self.0, format!("ExplainPolicy {}", listed(&question)));
        let mut answer = facts([
            ("rule", "students".into()),
            ("requirement", "always".into()),
            ("methods", vec!["totp"].into()),
            ("enroll", "at-login".into()),
            ("sees", "A prompt for a code.".into()),
            ("passed_over", vec![("no-person", "service"), ("administrators", "groups")].into()),
            ("groups_complete", false.into()),
            ("policy", "0123456789abcdef0123456789abcdef".into()),
        ]);
        answer.extend(std::mem::take(&mut self.0.lock().unwrap().explained));
        answer
    }

    async fn simulate_policy(
        &self,
        files: Vec<(String, String)>,
        options: HashMap<String, OwnedVariant>,
        after: u64,
    ) -> Result<Simulated, Error> {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.rsplit('/').next().unwrap()).collect();
        let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
        let keys: Vec<&String> = options.keys().collect();
        note(&self.0, format!("SimulatePolicy {names:?} {bytes} {keys:?} {after}"));
        let hangs = self.0.lock().unwrap().hangs && after > 0;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut script = self.0.lock().unwrap();
        if script.never_ends {
            return Ok((vec![], 7, 9, facts([("looked", 1_u64.into())])));
        }
        let newest = script.replay.iter().map(|(_, next, _)| *next).max().unwrap_or(0);
        let page = script.replay.iter().position(|(_, next, _)| *next > after);
        let Some(page) = page else { return Err(Error::Refused("no more of this script".to_owned())) };
        let (rows, next, facts) = &mut script.replay[page];
        let facts = facts.iter().map(|(key, value)| (key.clone(), value.try_clone().unwrap())).collect();
        Ok((rows.clone(), *next, newest, facts))
    }

    fn report_policy(&self, options: HashMap<String, OwnedVariant>, after: u64) -> Reported {
        note(&self.0, format!("ReportPolicy {:?} {after}", options.keys().collect::<Vec<_>>()));
        let script = self.0.lock().unwrap();
        if script.never_ends {
            return (vec![], 7, 9);
        }
        let newest = script.report.last().map_or(0, |(_, next)| *next);
        let page = script.report.iter().find(|(_, next)| *next > after);
        let (rows, next) = page.cloned().unwrap_or_default();
        (rows, next, newest)
    }

    fn reload(&self) -> Result<OwnedFacts, Error> {
        note(&self.0, "Reload".to_owned());
        let reloaded = std::mem::take(&mut self.0.lock().unwrap().reloaded);
        if reloaded.is_empty() {
            return Err(Error::NotPermitted("only root can do this".to_owned()));
        }
        Ok(reloaded)
    }

    fn import_contacts(
        &self,
        rows: Vec<(u32, String, String, String)>,
        options: HashMap<String, OwnedVariant>,
    ) -> Result<Imported, Error> {
        let users: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
        let range = format!("{} to {}", users.first().unwrap(), users.last().unwrap());
        note(&self.0, format!("ImportContacts {} rows, {range} {}", rows.len(), listed(&options)));
        if options.contains_key("reason") && users.contains(&"broken") {
            return Err(Error::Unavailable("the store did not answer".to_owned()));
        }
        // No more than it gets through in a second.
        let done = rows.iter().take(300);
        let bad = |row: &&(u32, String, String, String)| row.1 == "nobody" || row.2.contains("not-one");
        let why = |row: &(u32, String, String, String)| {
            (row.0, if row.1 == "nobody" { "no such user" } else { "not an e-mail address" }.to_owned())
        };
        let refused: Vec<_> = done.clone().filter(bad).map(why).collect();
        let changed = done.clone().filter(|row| !bad(row) && row.1 != "same").count();
        Ok((refused, u32::try_from(done.count()).unwrap(), u32::try_from(changed).unwrap()))
    }

    fn test_delivery(&self, channel: String, recipient: String) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("TestDelivery {channel} {recipient}"));
        let (outcome, said) = match recipient.as_str() {
            "refused@example.org" => ("refused", "550 5.1.1 no such mailbox"),
            "late@example.org" => ("not-now", "connection refused"),
            "lost@example.org" => ("unknown", "the connection was lost"),
            "+1" => return Err(Error::InvalidArgument("not a telephone number".to_owned())),
            "+0" => ("not-configured", "`[sms]` is not configured"),
            _ => ("taken", ""),
        };
        Ok(facts([("outcome", outcome.into()), ("said", said.into())]))
    }

    /// As long as there are records, two an answer; then the service goes away once, if it is to.
    fn audit(&self, filter: HashMap<String, OwnedVariant>, after: u64) -> Result<Records, Error> {
        note(&self.0, format!("Audit {} {}", listed(&filter), after.cast_signed()));
        let mut script = self.0.lock().unwrap();
        let newest = u64::try_from(script.records.len()).unwrap();
        let after = after.min(newest);
        if after == newest && script.asked.len() > 1 {
            if std::mem::take(&mut script.goes_away) {
                script.records.push(
                    "{\"event\":\"service-started\",\"at\":1793629980,\"actor\":\"service\"}".to_owned(),
                );
                return Err(Error::Unavailable("the service stops".to_owned()));
            }
            return Err(Error::Refused("no more of this script".to_owned()));
        }
        let page: Vec<(u64, String)> =
            (1..).zip(script.records.clone()).filter(|record| record.0 > after).take(2).collect();
        let next = page.last().map_or(after, |record| record.0);
        Ok((page, next, newest))
    }

    fn verify_audit(&self, after: String, known: String) -> OwnedFacts {
        note(&self.0, format!("VerifyAudit {after:?} {known:?}"));
        let mut facts = facts([
            ("next", "500:aa".into()),
            ("done", 400_u64.into()),
            ("total", 700_u64.into()),
            ("first", 101_u64.into()),
        ]);
        if after.is_empty() {
            return facts;
        }
        facts.extend(match self.0.lock().unwrap().damage {
            Some((sequence, damage)) => crate::service::facts([
                ("next", "".into()),
                ("done", 200_u64.into()),
                ("broken", sequence.into()),
                ("damage", damage.into()),
            ]),
            None => crate::service::facts([
                ("next", "".into()),
                ("done", 300_u64.into()),
                ("head", "800:bb".into()),
            ]),
        });
        facts
    }

    fn rotate_key(&self) -> u32 {
        note(&self.0, "RotateKey".to_owned());
        7
    }

    fn accept_restore(&self, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("AcceptRestore {}", crate::service::listed(&options)));
        if !options.contains_key("scope") {
            return Err(Error::Refused("say --only-known".to_owned()));
        }
        let is_everybody =
            options.get("scope").and_then(|scope| <&str>::try_from(scope).ok()) == Some("everybody");
        let doubtful = if is_everybody { Vec::new() } else { vec!["alice".to_owned(), "bob".to_owned()] };
        Ok(crate::service::facts([
            ("doubt", "older".into()),
            ("everybody", is_everybody.into()),
            ("doubtful", doubtful.into()),
        ]))
    }

    fn reseal(&self, after: String) -> Result<(String, u64, u64), Error> {
        note(&self.0, format!("Reseal {after:?}"));
        match after.as_str() {
            "" => Ok(("a1".to_owned(), 500, 700)),
            "a1" if self.0.lock().unwrap().never_ends => {
                Err(Error::Unavailable("the disk is full".to_owned()))
            }
            _ => Ok((String::new(), 200, 700)),
        }
    }
}
