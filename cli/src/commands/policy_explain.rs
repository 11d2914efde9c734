//! `countersign policy explain`: what a login would be asked, and why. The service decides; nothing is worked out here.

use std::net::IpAddr;
use std::str::FromStr;

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde::Serialize;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{Output, Stream, Tone, data, value};

/// Tell what a login would be asked, and why
///
/// Names the rule that decides, every rule passed over and why, and what the person will see.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policy explain --user alice --service sshd --from 198.51.100.7
  countersign policy explain --user alice --service login --from local")]
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
        text.parse().map(Self::Address).map_err(|_| "give a numeric address, or `local`".to_owned())
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

/// The answer. The order and names of the fields are the `--json` shape.
#[derive(Debug, Serialize)]
struct Explanation {
    rule: String,
    requirement: String,
    methods: Vec<String>,
    enroll: String,
    sees: String,
    passed_over: Vec<PassedOver>,
    groups_complete: bool,
    policy: String,
}

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
        })
    }
}

impl Explain {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, service, from, ssh_key } = self;
        let mut question =
            Options::from([("user", Variant::from(user)), ("service", Variant::from(service))]);
        if let Some(from) = from {
            question.insert("from", Variant::from(from.to_string()));
        }
        if let Some(ssh_key) = ssh_key {
            question.insert("ssh_key", Variant::from(ssh_key));
        }
        let admin = context.bus().await?.admin().await?;
        let facts = interactive_call(admin.explain_policy(question)).await?;
        let explanation = Explanation::try_from(Facts::from(facts))?;
        if context.output.is_json() {
            return value(&explanation);
        }
        data(&explanation.page(&context.output))
    }
}

impl Explanation {
    fn page(&self, output: &Output) -> String {
        let Self { rule, requirement, methods, enroll, sees, passed_over, groups_complete, policy } = self;
        let mut lines = vec![format!("Rule          {}", output.paint(Stream::Out, Tone::Strong, rule))];
        lines.push(format!("Requires      {requirement}"));
        if !methods.is_empty() {
            lines.push(format!("Methods       {}", methods.join(", ")));
        }
        lines.push(format!("Enrollment    {enroll}"));
        lines.push(format!("Person sees   {sees}"));
        if !groups_complete {
            let words = "not all could be looked up; the strictest rule that could apply decides";
            lines.push(format!("Groups        {}", output.paint(Stream::Out, Tone::Caution, words)));
        }
        let digest: String = policy.chars().take(12).collect();
        lines.push(format!("Policy        {digest}"));
        if !passed_over.is_empty() {
            lines.push("\nPassed over:".to_owned());
            let width = passed_over.iter().map(|rule| rule.rule.chars().count()).max().unwrap_or(0);
            lines.extend(
                passed_over.iter().map(|PassedOver { rule, reason }| format!("  {rule:<width$}  {reason}")),
            );
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_numeric_address_or_local() {
        assert_eq!("local".parse(), Ok(From::Local));
        assert_eq!("::1".parse(), Ok(From::Address("::1".parse().unwrap())));
        for wrong in ["", "Local", "example.org", "10.0.0.0/8", "1.2.3"] {
            assert!(wrong.parse::<From>().is_err(), "{wrong}");
        }
    }
}
