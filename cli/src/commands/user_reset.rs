//! `countersign user reset`: takes a person's factors away, so that they can begin anew.

use clap::Args;
use countersign_protocol::proxies::Facts as Options;
use serde_json::json;
use zbus::Variant;

use crate::bus::interactive_call;
use crate::commands::{Context, user_invite};
use crate::exit::Failure;
use crate::facts::Facts;
use crate::output::{printable, value};

/// Remove what a person has set up, so that they can begin anew
///
/// For a person who lost their phone. Removes their methods, backup codes, invitation, the locks and what is half set
/// up. They set up again at their next login where the rule lets them enroll there, else with `countersign enroll totp`.
/// Where the rule asks for an invitation, a new one is written to standard output. The reason is recorded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign user reset alice --reason 'lost phone, ticket 4711'
  countersign user reset alice --end-sessions --reason 'phone stolen'")]
pub(crate) struct Reset {
    /// Whose
    user: String,
    /// Only this method
    #[arg(long)]
    method: Option<String>,
    /// End the person's sessions on this host as well
    #[arg(long)]
    end_sessions: bool,
    /// Why; it is recorded
    #[arg(long)]
    reason: String,
}

impl Reset {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { user, method, end_sessions, reason } = self;
        let mut options =
            Options::from([("reason", Variant::from(reason)), ("end_sessions", Variant::from(end_sessions))]);
        if let Some(method) = method {
            options.insert("method", Variant::from(method));
        }
        let helpdesk = context.bus().await?.helpdesk().await?;
        let mut facts = Facts::from(interactive_call(helpdesk.reset(&user, options)).await?);
        let (removed, sessions_ended) = (facts.number("removed")?, facts.flag("sessions_ended")?);
        let (invitation, expires) = (facts.optional_text("invitation")?, facts.moment("expires")?);
        if context.output.is_json() {
            return value(&json!({
                "user": user, "removed": removed, "sessions_ended": sessions_ended,
                "invitation": invitation, "expires": expires,
            }));
        }
        context.output.note(&words(&printable(&user), removed, sessions_ended));
        if end_sessions && !sessions_ended {
            context.output.note("Their sessions could not be ended. See: loginctl list-sessions");
        }
        match (invitation, expires) {
            (Some(code), Some(expires)) => user_invite::show(context, &printable(&user), &code, expires),
            (None, _) => Ok(()),
            (Some(_), None) => Err(Failure::malformed("`expires` is missing")),
        }
    }
}

fn words(user: &str, removed: u32, sessions_ended: bool) -> String {
    let what = match removed {
        0 => "nothing was set up; locks are ended".to_owned(),
        1 => "1 method was removed".to_owned(),
        many => format!("{many} methods were removed"),
    };
    let sessions = if sessions_ended { ", and the sessions are ended" } else { "" };
    format!("{user} is reset: {what}{sessions}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_in_a_sentence() {
        assert_eq!(words("alice", 0, false), "alice is reset: nothing was set up; locks are ended.");
        assert_eq!(words("alice", 1, false), "alice is reset: 1 method was removed.");
        assert_eq!(
            words("alice", 2, true),
            "alice is reset: 2 methods were removed, and the sessions are ended."
        );
    }
}
