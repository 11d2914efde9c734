//! The command line: options that every command has, and the commands.
//!
//! Owns the tree of commands; each command's own arguments stand beside it in `commands/`. The doc comments are the
//! help texts.

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands::{
    audit, backup_codes, breakglass_drill, completions, delivery_test, enroll, forget, generate,
    policy_check, policy_explain, policy_reload, policy_report, policy_schema, policy_simulate, remembered,
    remove, rename, status, store_accept_restore, store_rotate_key, test, user_delete, user_disable,
    user_enable, user_import, user_invite, user_list, user_purge, user_reset, user_resync, user_set_contact,
    user_show, user_unlock,
};
use crate::output::ColorChoice;

/// The second factor of your login.
///
/// People set up and look at their own factors, the helpdesk resets and unlocks, administrators check the policy.
/// Everything is decided by the service `countersignd`; this command asks it over the system bus.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Example:\n  countersign status\n\nExit codes: 0 done, 1 refused, 2 wrong usage, 3 service unavailable."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Write results as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Say nothing but results and errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// When to use color: auto (on a terminal), always or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub(crate) color: ColorChoice,
    /// The address of a bus for tests
    #[arg(long, global = true, hide = true, value_name = "ADDRESS")]
    pub(crate) bus: Option<String>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(status::Status),
    Enroll(enroll::Enroll),
    Remove(remove::Remove),
    Rename(rename::Rename),
    BackupCodes(backup_codes::BackupCodes),
    Test(test::Test),
    Remembered(remembered::Remembered),
    Forget(forget::Forget),
    /// Help other people with their second factor
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    User(User),
    /// Check, explain, try out and reload the policy
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Policy(Policy),
    Audit(audit::Audit),
    /// Try the ways on which codes are sent
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Delivery(Delivery),
    /// Look after the store of the service
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Store(Store),
    /// Try the way in for the day when nothing works
    #[command(name = "breakglass", subcommand, subcommand_required = true, arg_required_else_help = true)]
    BreakGlass(BreakGlass),
    Completions(completions::Completions),
    #[command(hide = true)]
    Generate(generate::Generate),
}

/// Acts of the helpdesk and of administrators on people.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign user show alice")]
pub(crate) enum User {
    Show(user_show::Show),
    Reset(user_reset::Reset),
    Delete(user_delete::Delete),
    Purge(user_purge::Purge),
    Unlock(user_unlock::Unlock),
    Resync(user_resync::Resync),
    Invite(user_invite::Invite),
    Enable(user_enable::Enable),
    Disable(user_disable::Disable),
    SetContact(user_set_contact::SetContact),
    Import(user_import::Import),
    List(user_list::List),
}

/// Questions about the policy, and reading it again.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign policy check")]
pub(crate) enum Policy {
    Check(policy_check::Check),
    Explain(policy_explain::Explain),
    Simulate(policy_simulate::Simulate),
    Report(policy_report::Report),
    Reload(policy_reload::Reload),
    Schema(policy_schema::Schema),
}

/// What concerns the ways on which codes are sent.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  sudo countersign delivery test email alice@example.org")]
pub(crate) enum Delivery {
    Test(delivery_test::Test),
}

/// What concerns break-glass.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  sudo countersign breakglass drill")]
pub(crate) enum BreakGlass {
    Drill(breakglass_drill::Drill),
}

/// Acts on the store.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  sudo countersign store rotate-key")]
pub(crate) enum Store {
    AcceptRestore(store_accept_restore::AcceptRestore),
    RotateKey(store_rotate_key::RotateKey),
}

/// The whole command line, for completions and man pages.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    /// Every command that the specification of the product names.
    const PRODUCT: [&str; 40] = [
        "status",
        "enroll",
        "remove",
        "rename",
        "backup-codes",
        "remembered",
        "forget",
        "test",
        "user show",
        "user reset",
        "user delete",
        "user purge",
        "user unlock",
        "user bypass",
        "user invite",
        "user resync",
        "user enable",
        "user disable",
        "user set-contact",
        "user list",
        "user import",
        "import",
        "domain",
        "audit",
        "audit verify",
        "doctor",
        "setup",
        "policy check",
        "policy explain",
        "policy simulate",
        "policy report",
        "policy reload",
        "policy schema",
        "delivery test",
        "breakglass drill",
        "store migrate",
        "store backup",
        "store restore",
        "store accept-restore",
        "store rotate-key",
    ];
    /// The heading above what does not exist yet, in countersign.toml(5).
    const MISSING: &str = "# NOT IN THIS VERSION\n";

    fn manual(page: &str) -> String {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        std::fs::read_to_string(format!("{root}/{page}")).unwrap_or_else(|error| panic!("{page}: {error}"))
    }

    /// Finds the command of these words; words behind it are its arguments.
    fn find<'w>(words: &mut impl Iterator<Item = &'w str>) -> Option<clap::Command> {
        let mut found = command().find_subcommand(words.next()?)?.clone();
        while found.has_subcommands() {
            let Some(word) = words.next() else { break };
            match found.find_subcommand(word) {
                Some(inner) => found = inner.clone(),
                None if found.is_subcommand_required_set() => return None,
                None => break,
            }
        }
        Some(found)
    }

    #[test]
    fn what_does_not_exist_yet_is_listed_in_the_manual_and_nothing_else_is() {
        let text = manual("docs/man/countersign.toml.5.md");
        let (_, missing) = text.split_once(MISSING).unwrap();
        let missing = missing.split("\n# ").next().unwrap();
        let heads: String = missing.lines().filter(|line| line.starts_with("`countersign ")).collect();
        let listed: Vec<&str> =
            heads.split('`').filter_map(|span| span.strip_prefix("countersign ")).collect();
        for name in PRODUCT {
            let exists = find(&mut name.split(' ')).is_some();
            assert!(exists != listed.contains(&name), "`{name}` exists: {exists}; the list has {listed:?}");
        }
        assert!(listed.iter().all(|name| PRODUCT.contains(name)), "{listed:?}");
    }

    #[test]
    fn every_command_that_a_document_shows_exists() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut pages =
            vec!["README.md".to_owned(), "SECURITY.md".to_owned(), "docs/threat-model.md".to_owned()];
        for folder in ["docs/guide", "docs/man"] {
            let entries = std::fs::read_dir(format!("{root}/{folder}")).unwrap();
            pages.extend(entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().display())));
        }
        let mut shown = 0;
        for page in pages {
            let text = manual(&page);
            let (before, after) = text.split_once(MISSING).unwrap_or((&text, ""));
            let after = after.split_once("\n# ").map_or("", |(_, after)| after);
            for line in before.lines().chain(after.lines()) {
                for begin in ["`countersign ", "$ countersign ", "# countersign ", "sudo countersign "] {
                    for (place, _) in line.match_indices(begin) {
                        let rest = line.get(place + begin.len()..).unwrap();
                        let is_name = |word: &&str| {
                            !word.is_empty()
                                && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())
                        };
                        let span = rest.split('`').next().unwrap();
                        let names =
                            span.split_whitespace().take_while(is_name).filter(|word| !word.starts_with('-'));
                        assert!(find(&mut names.peekable()).is_some(), "{page}: countersign {span}");
                        shown += 1;
                    }
                }
            }
        }
        assert!(shown > 60, "{shown} commands were found");
    }

    #[test]
    fn the_help_of_every_command_has_an_example() {
        fn check(command: &clap::Command) {
            if command.is_hide_set() || command.get_name() == "help" {
                return;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }
}
