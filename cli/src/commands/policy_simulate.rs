//! `countersign policy simulate`: whom another policy file would have treated otherwise.
//!
//! Owns the paging and what is said of the result. The service replays the recorded logins; nothing is decided here and
//! nothing is changed there.

use std::path::PathBuf;

use clap::Args;
use countersign_protocol::proxies::{AdminProxy, Facts as Options, PolicyFile};
use indicatif::ProgressBar;
use serde_json::json;
use zbus::Variant;

use crate::bus::slow_call;
use crate::changes;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::layout::sentence;
use crate::mistakes::{self, Count};
use crate::output::{Output, Stream, Tone, data, printable, value};
use crate::policy_files;
use crate::progress::{self, Reach};
use crate::since::Since;
use crate::tally::{Group, Tally, counted, kinds, of_kind, size_of};

/// How often the replay begins anew because the policy in force has changed meanwhile.
const ATTEMPTS: usize = 3;
/// Replay recorded logins under another policy file
///
/// Shows who would be newly refused, newly forced to set up a factor, newly asked, no longer refused, no longer asked: by
/// the rule that decides now and the one that would, with how often each person logged in. Each login is looked at as it was
/// recorded; what people have set up is what they have now. The drop-ins in policy.d beside FILE count too. Nothing is
/// changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign policy simulate new.toml
  sudo countersign policy simulate new.toml --since 90d --all
  sudo countersign policy simulate new.toml --json |
    jq -r '.changes[] | select(.change == \"newly-refused\") | .user'

Exit codes: 0 it was replayed, 1 the file has errors.")]
pub(crate) struct Simulate {
    /// The other policy file
    file: PathBuf,
    /// The folder of drop-ins that belong to it, instead of policy.d beside it
    #[arg(long, value_name = "DIR")]
    drop_ins: Option<PathBuf>,
    /// Logins since: 12h or 30d ago, or a day such as 2026-11-01
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    since: Since,
    /// Show everybody, not only the most frequent ones
    #[arg(long)]
    all: bool,
}

/// What a replay came to.
struct Replayed {
    looked: u64,
    tally: Tally,
    /// The policy in force, where the service names it.
    policy: Option<String>,
    /// The other one.
    other: Option<String>,
}

/// How an attempt ended.
enum Attempt {
    Done(Replayed),
    /// The policy in force is another than at the beginning.
    Overtaken,
    /// The service takes the files for wrong.
    Mistakes(Vec<String>),
}

impl Simulate {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let drop_ins = self.drop_ins.clone().or_else(|| policy_files::beside(&self.file));
        let diagnostics = countersign_config::check(&self.file, drop_ins.as_deref());
        let count = Count::of(&diagnostics);
        if count.errors > 0 {
            return mistakes::show(&context.output, &self.file.display().to_string(), &diagnostics);
        }
        let files = policy_files::read(&self.file, drop_ins.as_deref())?;
        let names: Vec<String> = files.iter().map(|(name, _)| printable(name)).collect();
        context.output.note(&format!("Read {}: {}", names.join(", "), count.words()));
        let admin = context.bus().await?.admin().await?;
        let bar = progress::bar(&context.output, "Replaying", false);
        let ended = progress::until_interrupted(&bar, replay(&admin, &files, self.since, &bar)).await?;
        match ended {
            Attempt::Done(replayed) => self.show(&context.output, &names, replayed),
            Attempt::Mistakes(texts) => refuse(&context.output, &texts),
            Attempt::Overtaken => {
                Err(Failure::new(Exit::Refused, "The policy in force was changed again and again meanwhile.")
                    .with_help("Nothing was changed. Run this again when nobody reloads the policy."))
            }
        }
    }

    fn show(&self, output: &Output, files: &[String], replayed: Replayed) -> Result<(), Failure> {
        let Replayed { looked, tally, policy, other } = replayed;
        let groups = tally.into_groups(&changes::KINDS.map(|(name, ..)| name));
        if output.is_json() {
            return value(&json!({
                "files": files, "since": self.since.moment(), "looked": looked, "policy": policy, "other": other,
                "people": changes::counts(&groups), "changes": groups.iter().flat_map(changes::rows).collect::<Vec<_>>(),
            }));
        }
        data(&format!("{} since {} looked at.", counted(looked, "login"), self.since))?;
        for kind in kinds(&groups) {
            data(&self.section(output, changes::heading(kind), &of_kind(&groups, kind)))?;
        }
        data(&format!("\n{}", sentence(Stream::Out, &changes::verdict(looked, &groups), 0)))
    }

    /// Shows the changes of one kind.
    fn section(&self, output: &Output, heading: &str, groups: &[&Group]) -> String {
        let heading = output.paint(Stream::Out, Tone::Strong, heading);
        let mut lines = vec![format!("\n{heading}: {}", size_of(groups))];
        for group in groups {
            let [old, new] = &group.common;
            lines.push(format!("\n  {old} -> {new}: {}", size_of(&[group])));
            lines.push(group.listed(self.all));
        }
        lines.join("\n")
    }
}

/// Replays page by page, and anew where somebody reloads the policy meanwhile.
async fn replay(
    admin: &AdminProxy<'_>,
    files: &[(String, String)],
    since: Since,
    bar: &ProgressBar,
) -> Result<Attempt, Failure> {
    let files: Vec<PolicyFile<'_>> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    for _ in 0..ATTEMPTS {
        match attempt(admin, &files, since, bar).await? {
            Attempt::Overtaken => {}
            ended => return Ok(ended),
        }
    }
    Ok(Attempt::Overtaken)
}

async fn attempt(
    admin: &AdminProxy<'_>,
    files: &[PolicyFile<'_>],
    Since(since): Since,
    bar: &ProgressBar,
) -> Result<Attempt, Failure> {
    let mut replayed = Replayed { looked: 0, tally: Tally::default(), policy: None, other: None };
    let (mut after, mut reach) = (0, Reach::default());
    loop {
        let options = Options::from([("since", Variant::from(since))]);
        let (rows, next, newest, facts) = slow_call(admin.simulate_policy(files, options, after)).await?;
        let mut facts = Facts::from(facts);
        let mistakes = facts.blocks("mistakes")?;
        if !mistakes.is_empty() {
            return Ok(Attempt::Mistakes(mistakes));
        }
        let policy = facts.optional_text("policy")?;
        if after > 0 && policy != replayed.policy {
            return Ok(Attempt::Overtaken);
        }
        (replayed.policy, replayed.other) = (policy, facts.optional_text("other")?);
        replayed.looked = replayed.looked.saturating_add(facts.long("looked")?);
        for (change, user, service, old, new, logins) in &rows {
            replayed.tally.add([change, old, new, user, service], *logins);
        }
        reach.show(bar, next, newest);
        if next >= newest {
            return Ok(Attempt::Done(replayed));
        }
        if next <= after {
            return Err(Failure::malformed("a list without an end"));
        }
        after = next;
    }
}

/// Shows what the service takes for wrong; it may know more than this command.
fn refuse(output: &Output, mistakes: &[String]) -> Result<(), Failure> {
    if output.is_json() {
        value(&json!({ "mistakes": mistakes }))?;
        return Err(Failure::silent(Exit::Refused));
    }
    for mistake in mistakes {
        data(&format!("{}\n", mistakes::painted(output, mistake)))?;
    }
    Err(Failure::new(Exit::Refused, "The service cannot use these files: nothing was replayed."))
}
