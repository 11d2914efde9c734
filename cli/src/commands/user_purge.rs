//! `countersign user purge`: deletes what is kept of all users who are gone, page by page.

use clap::Args;
use countersign_protocol::proxies::{AdminProxy, Facts as Options};
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::output::{Output, data, printable, value};
use crate::progress;

/// Delete what is kept of all users who are gone
///
/// A user is gone when the name service answers and does not know them. While it fails, nobody is gone, and the command
/// stops. Local users of other hosts are left alone, and so are users of a directory on a host that does not use one. Look at
/// `--dry-run` first: a directory that answers with too little makes users look gone. The audit keeps the names.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo countersign user purge --gone --dry-run
  sudo countersign user purge --gone --reason 'end of term'")]
pub(crate) struct Purge {
    /// Users whom the name service no longer knows
    #[arg(long, required = true)]
    gone: bool,
    /// List them and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Why; it is recorded
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
}

/// What a purge came to.
#[derive(Debug, Default)]
struct Came {
    users: Vec<(String, String)>,
    untold: u64,
    refused: u64,
}

impl Purge {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { gone: _, dry_run, reason } = self;
        let admin = context.bus().await?.admin().await?;
        let mut came = Came::default();
        let ended = purge(&admin, &context.output, dry_run, reason.as_deref(), &mut came).await;
        // What was done before a failure is told all the same.
        show(context, &came, dry_run)?;
        ended?;
        match came.refused {
            0 => Ok(()),
            refused => Err(Failure::new(
                Exit::Refused,
                format!("{refused} of those who are gone can be deleted by root only."),
            )),
        }
    }
}

async fn purge(
    admin: &AdminProxy<'_>,
    output: &Output,
    dry_run: bool,
    reason: Option<&str>,
    came: &mut Came,
) -> Result<(), Failure> {
    let bar = progress::bar(output, "Looking", false);
    let (mut after, mut looked) = (String::new(), 0_u64);
    loop {
        let mut options = Options::from([("check", Variant::from(dry_run))]);
        if let Some(reason) = reason {
            options.insert("reason", Variant::from(reason));
        }
        let (users, next, total, facts) = interactive_call(admin.purge_gone(&after, options)).await?;
        let mut facts = Facts::from(facts);
        let count = u64::from(facts.number("looked")?);
        came.untold += u64::from(facts.number("untold")?);
        came.refused += u64::from(facts.number("refused")?);
        came.users.extend(users.iter().map(|(user, realm)| (printable(user), printable(realm))));
        looked += count;
        bar.set_length(total);
        bar.set_position(looked);
        if next.is_empty() {
            bar.finish_and_clear();
            return Ok(());
        }
        if next == after || count == 0 {
            return Err(Failure::malformed("a list without an end"));
        }
        after = next;
    }
}

fn show(context: &Context, came: &Came, dry_run: bool) -> Result<(), Failure> {
    let Came { users, untold, refused: _ } = came;
    if context.output.is_json() {
        let users: Vec<_> =
            users.iter().map(|(user, realm)| json!({ "user": user, "realm": realm })).collect();
        return value(&json!({ "deleted": !dry_run, "users": users, "untold": untold }));
    }
    for (user, _) in users {
        data(user)?;
    }
    let who = match users.len() {
        0 => "Nobody is gone".to_owned(),
        1 => "1 user is gone".to_owned(),
        many => format!("{many} users are gone"),
    };
    let done = match (users.is_empty(), dry_run) {
        (true, _) => "",
        (false, true) => ": nothing is deleted (dry run)",
        (false, false) => ": what was kept of them is deleted",
    };
    context.output.note(&format!("{who}{done}."));
    if *untold > 0 {
        context.output.note(&format!(
            "Of {untold} more this host cannot tell: they belong to other hosts or to a directory that it does not use."
        ));
    }
    Ok(())
}
