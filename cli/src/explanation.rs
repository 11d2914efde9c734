//! What `Admin.ExplainPolicy` answers, as people and programs read it.
//!
//! Owns the order of the page: what happens, why, what is kept of the person. Nothing is worked out here.

use serde::Serialize;

use crate::courses;
use crate::duration::Seconds;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::layout::Field;
use crate::output::{Output, Stream, Tone};
use crate::standing::{indented, plain_table};
use crate::time::Moment;

/// How much of a digest is enough to tell policies apart.
const DIGEST_SHOWN: usize = 12;
/// The column in which values begin.
const VALUES: usize = 18;
/// How many groups are shown.
const GROUPS_SHOWN: usize = 20;

/// The answer. The order and names of the fields are the `--json` shape.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    rule: String,
    requirement: String,
    methods: Vec<String>,
    enroll: String,
    sees: String,
    passed_over: Vec<PassedOver>,
    groups_complete: bool,
    policy: String,
    course: Option<String>,
    why: Option<String>,
    force: Option<String>,
    known: Option<bool>,
    holds: Vec<String>,
    void: Vec<String>,
    locked: Option<String>,
    locked_until: Option<Moment>,
    remembered: Option<bool>,
    chosen: Option<bool>,
    deadline: Option<Moment>,
    enrolled: Option<bool>,
    groups: Vec<String>,
    origin: Option<String>,
    invited_until: Option<Moment>,
    accepts: Vec<String>,
    fresh_for: Option<u32>,
    idle_timeout: Option<u32>,
    remember_for: Option<u32>,
    enrolled_after: Option<Moment>,
    sshd: Option<String>,
}

/// A rule that did not decide.
#[derive(Debug, Serialize)]
struct PassedOver {
    rule: String,
    reason: String,
}

impl TryFrom<Facts> for Explanation {
    type Error = Failure;

    fn try_from(mut facts: Facts) -> Result<Self, Failure> {
        let passed_over = facts.pairs("passed_over")?;
        Ok(Self {
            rule: facts.text("rule")?,
            requirement: facts.text("requirement")?,
            methods: facts.texts("methods")?,
            enroll: facts.text("enroll")?,
            sees: facts.text("sees")?,
            passed_over: passed_over.into_iter().map(|(rule, reason)| PassedOver { rule, reason }).collect(),
            groups_complete: facts.flag("groups_complete")?,
            policy: facts.text("policy")?,
            course: facts.optional_text("course")?,
            why: facts.optional_text("why")?,
            force: facts.optional_text("force")?,
            known: facts.optional_flag("known")?,
            holds: facts.texts("holds")?,
            void: facts.texts("void")?,
            locked: facts.optional_text("locked")?,
            locked_until: facts.moment("locked_until")?,
            remembered: facts.optional_flag("remembered")?,
            chosen: facts.optional_flag("chosen")?,
            deadline: facts.moment("deadline")?,
            enrolled: facts.optional_flag("enrolled")?,
            groups: facts.texts("groups")?,
            origin: facts.optional_text("origin")?,
            invited_until: facts.moment("invited_until")?,
            accepts: facts.texts("accepts")?,
            fresh_for: facts.optional_number("fresh_for")?,
            idle_timeout: facts.optional_number("idle_timeout")?,
            remember_for: facts.optional_number("remember_for")?,
            enrolled_after: facts.moment("enrolled_after")?,
            sshd: facts.optional_text("sshd")?,
        })
    }
}

impl Explanation {
    /// Makes the page for people.
    pub(crate) fn page(&self, title: &str, output: &Output) -> String {
        let section = |heading: &str, fields: &[Field]| {
            let lines: Vec<String> = fields.iter().map(|field| field.lines(output, VALUES)).collect();
            format!("{}\n{}", output.paint(Stream::Out, Tone::Strong, heading), lines.join("\n"))
        };
        let mut parts = vec![
            output.paint(Stream::Out, Tone::Strong, title),
            section("What happens", &self.happening()),
            section("Why", &self.grounds()),
        ];
        if !self.passed_over.is_empty() {
            parts.push(format!("  Passed over\n{}", self.rules_passed_over()));
        }
        parts.push(section("The person", &self.person()));
        parts.join("\n\n")
    }

    fn happening(&self) -> Vec<Field> {
        let course = self.course.as_deref().map(|course| {
            let why = self.why.as_deref().filter(|why| !why.is_empty()).map(courses::reason);
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("{}{why}", courses::course(course))
        });
        let course = self.sshd.as_ref().map(|why| format!("is refused: {why}")).or(course);
        let eased = match self.force.as_deref() {
            Some("monitored") => Some(("passes: the rule is only monitored", "If enforced")),
            Some("switched-off") => Some(("passes: the second factor is switched off on this host", "If on")),
            Some(_) | None => None,
        };
        let name = eased.map_or("The login", |(_, name)| name);
        let mut fields: Vec<Field> =
            eased.into_iter().map(|(words, _)| Field::caution("The login", words)).collect();
        fields.extend(course.map(|course| Field::new(name, course)));
        fields.push(Field::new("Person sees", &self.sees));
        fields
    }

    fn grounds(&self) -> Vec<Field> {
        let mut fields = vec![Field::new("Rule", &self.rule), Field::new("Requires", &self.requirement)];
        if !self.methods.is_empty() {
            fields.push(Field::new("Methods", self.methods.join(", ")));
        }
        if !self.accepts.is_empty() {
            fields.push(Field::new("Accepts", self.accepts.join(", ")));
        }
        fields.push(Field::new("Enrollment", &self.enroll));
        let mut period = |name, seconds: Option<u32>| {
            fields.extend(seconds.map(|seconds| Field::new(name, Seconds(seconds).to_string())));
        };
        period("Remembers for", self.remember_for);
        period("Code fresh for", self.fresh_for);
        period("Idle limit", self.idle_timeout);
        if let Some(after) = self.enrolled_after {
            fields.push(Field::new("Enrolled after", after.with_zone()));
        }
        if !self.groups_complete {
            let words = "not all could be looked up; the strictest rule that could apply decides";
            fields.push(Field::caution("Groups", words));
        }
        fields.push(Field::new("Policy", self.policy.chars().take(DIGEST_SHOWN).collect::<String>()));
        fields
    }

    fn rules_passed_over(&self) -> String {
        let mut table = plain_table();
        for PassedOver { rule, reason } in &self.passed_over {
            table.add_row([rule, reason]);
        }
        indented(&mut table, 4)
    }

    fn person(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        if self.known == Some(false) {
            fields.push(Field::new("Known", "no: the name service has nobody of this name"));
        }
        fields.extend(self.origin.as_deref().map(|origin| Field::new("Origin", origin)));
        if !self.groups.is_empty() {
            fields.push(Field::new("Groups", shortened(&self.groups)));
        }
        let holds = if self.holds.is_empty() { "nothing".to_owned() } else { self.holds.join(", ") };
        fields.push(Field::new("Holds", holds));
        if !self.void.is_empty() {
            let when = self
                .enrolled_after
                .map_or_else(|| "too long ago".to_owned(), |after| format!("before {}", after.with_zone()));
            let words = format!("{}: set up {when}, no longer counts", self.void.join(", "));
            fields.push(Field::caution("Void", words));
        }
        fields.extend(self.lock().map(|lock| Field::caution("Locked", lock)));
        let yes_or_no = |yes: bool| if yes { "yes" } else { "no" };
        fields.extend(self.remembered.map(|remembered| Field::new("Remembered", yes_or_no(remembered))));
        fields.extend(self.chosen.map(|chosen| Field::new("Switched on", yes_or_no(chosen))));
        if let Some(until) = self.invited_until {
            fields.push(Field::new("Invited until", until.next_minute().with_zone()));
        }
        if let Some(deadline) = self.deadline {
            let words = format!("{}, later with an invitation", deadline.next_minute().with_zone());
            fields.push(Field::new("Set up until", words));
        }
        fields
    }

    fn lock(&self) -> Option<String> {
        match (self.locked.as_deref(), self.locked_until) {
            (_, Some(until)) => Some(format!("until {}", until.next_minute().with_zone())),
            (Some("needs-reset"), None) => Some("until a reset".to_owned()),
            (Some("no") | None, None) => None,
            (Some(other), None) => Some(other.to_owned()),
        }
    }
}

/// Lists groups, of which a person may have thousands.
fn shortened(groups: &[String]) -> String {
    let shown: Vec<&str> = groups.iter().take(GROUPS_SHOWN).map(String::as_str).collect();
    match groups.len().saturating_sub(GROUPS_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
