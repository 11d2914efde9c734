//! `countersign policy report`: what monitored rules would have done.
//!
//! Owns the paging, and what an administrator can do about each kind of login. The service judged the logins when they were
//! made; nothing is decided here.

use clap::Args;
use countersign_protocol::proxies::{AdminProxy, Facts as Options};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use zbus::Variant;

use crate::bus::slow_call;
use crate::commands::Context;
use crate::courses;
use crate::exit::Failure;
use crate::layout::sentence;
use crate::output::{Output, Stream, Tone, data, value};
use crate::progress::{self, Reach};
use crate::since::Since;
use crate::tally::{Group, Tally, kinds, of_kind, people, people_of, size_of};

/// What would have become of logins, the gravest first: the service's name, the heading, the part of the last sentence.
const COURSES: [(&str, &str, &str); 5] = [
    ("refuse", "Would have been refused", "would have been refused"),
    ("invite", "Would have been asked for an invitation", "would have needed an invitation"),
    ("enroll", "Would have had to set up a factor", "would have had to set up a factor"),
    ("ask", "Would have been asked for a code", "would have been asked for a code"),
    ("pass", "Would have passed without a code", "would have passed without a code"),
];

/// Tell what monitored rules would have done
///
/// For rules with `mode = "monitor"`, which stop nobody: who would have been refused, would have needed an invitation, would
/// have had to set up a factor, would have been asked for a code; by rule and reason, with how often each person logged in,
/// and what to do before the rules are enforced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign policy report
  sudo countersign policy report --since 1d --all")]
pub(crate) struct Report {
    /// Logins since: 12h or 7d ago, or a day such as 2026-11-01
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    since: Since,
    /// Show everybody, not only the most frequent ones
    #[arg(long)]
    all: bool,
}

impl Report {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let admin = context.bus().await?.admin().await?;
        let bar = progress::bar(&context.output, "Reading", false);
        let tally = progress::until_interrupted(&bar, read(&admin, self.since, &bar)).await?;
        let groups = tally.into_groups(&COURSES.map(|(name, ..)| name));
        if context.output.is_json() {
            return value(&self.json(&groups));
        }
        self.show(&context.output, &groups)
    }

    fn json(&self, groups: &[Group]) -> Value {
        let mut counts = serde_json::Map::new();
        for (course, ..) in COURSES {
            counts.insert(course.to_owned(), people_of(of_kind(groups, course).into_iter()).len().into());
        }
        let logins: Vec<Value> = groups.iter().flat_map(rows).collect();
        json!({ "since": self.since.moment(), "people": counts, "logins": logins })
    }

    fn show(&self, output: &Output, groups: &[Group]) -> Result<(), Failure> {
        for course in kinds(groups) {
            let known = COURSES.iter().find(|(name, ..)| *name == course);
            let heading = known.map_or(course, |(_, heading, _)| heading);
            data(&format!("{}\n", self.section(output, heading, &of_kind(groups, course))))?;
        }
        data(&sentence(Stream::Out, &verdict(self.since, groups), 0))
    }

    /// Shows the logins of one course, with what to do about each reason.
    fn section(&self, output: &Output, heading: &str, groups: &[&Group]) -> String {
        let heading = output.paint(Stream::Out, Tone::Strong, heading);
        let mut lines = vec![format!("{heading}: {}", size_of(groups))];
        for group in groups {
            let [rule, why] = &group.common;
            let why = courses::reason(why);
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            lines.push(format!("\n  {rule}{why}: {}", size_of(&[group])));
            lines.push(group.listed(self.all));
            lines.extend(advice(group).map(|advice| format!("    {advice}")));
        }
        lines.join("\n")
    }
}

async fn read(admin: &AdminProxy<'_>, Since(since): Since, bar: &ProgressBar) -> Result<Tally, Failure> {
    let (mut tally, mut after, mut reach) = (Tally::default(), 0, Reach::default());
    loop {
        let options = Options::from([("since", Variant::from(since))]);
        let (rows, next, newest) = slow_call(admin.report_policy(options, after)).await?;
        for (course, user, rule, service, why, logins) in &rows {
            tally.add([course, rule, why, user, service], *logins);
        }
        reach.show(bar, next, newest);
        if next >= newest {
            return Ok(tally);
        }
        if next <= after {
            return Err(Failure::malformed("a list without an end"));
        }
        after = next;
    }
}

fn rows(group: &Group) -> impl Iterator<Item = Value> + '_ {
    let [rule, why] = &group.common;
    group.people.iter().map(move |person| {
        json!({ "course": &*group.kind, "rule": &**rule, "why": (!why.is_empty()).then_some(&**why),
            "user": &*person.user, "logins": person.logins,
            "services": person.services.iter().map(|it| &**it).collect::<Vec<_>>() })
    })
}

/// Tells what to do about people before a rule is enforced.
fn advice(group: &Group) -> Option<String> {
    let [_, why] = &group.common;
    let first = group.people.first().map_or("USER", |person| &*person.user);
    Some(match (&*group.kind, &**why) {
        ("invite", _) | (_, "needs-invitation") => {
            format!("Invite them: countersign user invite {first} --reason …")
        }
        ("refuse", "not-enrolled") => format!(
            "Have them set it up: countersign enroll. Or invite them:\n    countersign user invite {first} --reason …"
        ),
        ("refuse", "code-needed") => "They log in with a key alone. Have sshd ask them as well:\n    \
             AuthenticationMethods publickey,keyboard-interactive:pam"
            .to_owned(),
        ("refuse", "locked") => format!("Unlock them: countersign user unlock {first} --reason …"),
        ("refuse", "needs-reset" | "uid-changed") => {
            format!("Reset them: countersign user reset {first} --reason …")
        }
        ("enroll", _) => "They are shown how at their next login once the rule is enforced.".to_owned(),
        _ => return None,
    })
}

/// Says in one sentence what it comes to.
fn verdict(since: Since, groups: &[Group]) -> String {
    if groups.is_empty() {
        return format!("No monitored rule has decided about a login since {since}.");
    }
    let part = |(course, _, words): (&str, &str, &str)| {
        let count = people_of(of_kind(groups, course).into_iter()).len();
        (count > 0).then(|| format!("{} {words}", people(count)))
    };
    let parts: Vec<String> = COURSES.into_iter().filter_map(part).collect();
    format!("Since {since}: {}.", parts.join(", "))
}
