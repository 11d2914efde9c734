//! Root at sshd, where a rule asks root for a code and sshd refuses to ask (row P5).
//!
//! Owns the warning. Leaves asking sshd to the client, and what its settings mean to core.

use countersign_core::login::Origin;
use countersign_core::policy::{Requirement, Rule, SshRefusal, SshServer};

use crate::diagnostics::Findings;
use crate::placed::PlacedRule;

/// Warns of the rule that decides about root at sshd, where it asks for a code. `settings` are those of `sshd -T`.
pub(crate) fn check(
    rules: &[PlacedRule<'_>],
    default: Option<&PlacedRule<'_>>,
    settings: Option<&str>,
    is_for_this_host: impl Fn(&PlacedRule<'_>) -> bool,
    findings: &mut Findings,
) {
    let Some(SshRefusal::RootNotAsked(value)) =
        settings.and_then(|text| SshServer::read(text).refuses_root())
    else {
        return;
    };
    let mut deciding =
        rules.iter().chain(default).filter(|placed| covers_root(&placed.rule) && is_for_this_host(placed));
    let Some(placed) =
        deciding.next().filter(|placed| placed.is_sound && placed.rule.require == Requirement::Always)
    else {
        return;
    };
    let message = format!(
        "rule `{}` locks root out of ssh: it asks for a code, and sshd does not ask root (PermitRootLogin {value})",
        placed.rule.name
    );
    let help = "put a rule before it: users = [\"root\"], services = [\"sshd\"], require = \"never\"";
    findings.warning(placed.place_of("require"), message, help);
}

/// Tells whether a rule decides about root at sshd from anywhere; the groups of root are taken to be `root` alone.
fn covers_root(rule: &Rule) -> bool {
    let matcher = &rule.matcher;
    let names = |list: &[String], name: &str| list.is_empty() || list.iter().any(|entry| entry == name);
    names(&matcher.users, "root")
        && names(&matcher.groups, "root")
        && names(&matcher.services, "sshd")
        && matcher.networks.is_empty()
        && matcher.domains.is_empty()
        && matcher.origin != Some(Origin::Directory)
}
