//! Whether the users and groups of the file exist on this host (row P5).
//!
//! Owns the question, its limit, and the warnings about names that nobody has. Leaves asking the name service to whoever
//! checks a file; a file that is loaded asks nobody.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::diagnostics::{Findings, Place, shorten};
use crate::host;
use crate::placed::PlacedRule;
use crate::root_login;
use crate::settings::DEFAULT_PROTECTED_GROUPS;

/// The most names that are looked up in one check: a directory answers each in some milliseconds.
pub const NAMES_LIMIT: usize = 5_000;

/// Whether a name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// Somebody has it.
    Yes,
    /// Nobody has it.
    No,
    /// It was not asked, or there was no certain answer.
    Unknown,
}

/// What a host knows of names.
///
/// An answer that is not certain is [`Known::Unknown`], of which nothing is said.
pub trait Names {
    /// Tells whether there is such a user.
    fn user(&self, name: &str) -> Known;

    /// Tells whether there is such a group.
    fn group(&self, name: &str) -> Known;

    /// Tells the settings of sshd for root, as `sshd -T` prints them; none where they are not known.
    fn sshd_for_root(&self) -> Option<String> {
        None
    }

    /// Lists the PAM services of this host; none where that is not known.
    fn services(&self) -> Option<Vec<String>> {
        None
    }

    /// Tells the names of this host, by which rules for other hosts are known; their names are not asked for.
    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is listed in a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Group,
}

impl Kind {
    const fn key(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group => "groups",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    fn help(self, name: &str) -> String {
        let database = match self {
            Self::User => "passwd",
            Self::Group => "group",
        };
        format!("look for the right spelling, as getent {database} {name} has it")
    }
}

/// What was asked and answered, so that each name is asked for once.
pub(crate) struct Asked<'n> {
    /// Whom to ask; nobody where a file is loaded.
    names: Option<&'n dyn Names>,
    answers: BTreeMap<(Kind, String), Known>,
    /// Whether some name was not asked for, because there were too many.
    is_cut: bool,
    /// The settings of sshd for root, asked for once.
    sshd: OnceCell<Option<String>>,
}

impl<'n> Asked<'n> {
    /// Begins to ask.
    pub(crate) fn new(names: Option<&'n dyn Names>) -> Self {
        Self { names, answers: BTreeMap::new(), is_cut: false, sshd: OnceCell::new() }
    }

    /// Tells the settings of sshd for root, where they are known.
    pub(crate) fn sshd(&self) -> Option<&str> {
        self.sshd.get_or_init(|| self.names.and_then(Names::sshd_for_root)).as_deref()
    }

    /// Tells whether there is such a group.
    pub(crate) fn group(&mut self, name: &str) -> Known {
        self.ask(Kind::Group, name)
    }

    fn ask(&mut self, kind: Kind, name: &str) -> Known {
        let Some(names) = self.names else { return Known::Unknown };
        let asked = (kind, name.to_owned());
        if let Some(answer) = self.answers.get(&asked) {
            return *answer;
        }
        if self.answers.len() >= NAMES_LIMIT {
            self.is_cut = true;
            return Known::Unknown;
        }
        let answer = match kind {
            Kind::User => names.user(name),
            Kind::Group => names.group(name),
        };
        self.answers.insert(asked, answer);
        answer
    }

    /// Checks the names of all rules, and those of the protected groups that are not the usual ones.
    pub(crate) fn check(
        &mut self,
        rules: &[PlacedRule<'_>],
        default: Option<&PlacedRule<'_>>,
        protected: &[(String, Option<Place<'_>>)],
        findings: &mut Findings,
    ) {
        for (name, place) in protected {
            let Some(place) = place.as_ref().filter(|_| !is_usual(name)) else {
                continue;
            };
            if self.group(name) == Known::No {
                warn_of_missing(Kind::Group, "", name, place, findings);
            }
        }
        let hosts = self.names.map(Names::hosts).unwrap_or_default();
        remark_other_hosts(rules, &hosts, findings);
        root_login::check(rules, default, self.sshd(), |placed| is_for(placed, &hosts), findings);
        for placed in rules.iter().filter(|placed| placed.is_sound && is_for(placed, &hosts)) {
            for kind in [Kind::User, Kind::Group] {
                self.check_list(kind, placed, findings);
                if self.is_cut {
                    let message = format!("from here on, names are not looked up: at most {NAMES_LIMIT} are");
                    findings.warning(&placed.place, message, "use groups instead of single users");
                    return;
                }
            }
        }
    }

    fn check_list(&mut self, kind: Kind, placed: &PlacedRule<'_>, findings: &mut Findings) {
        let names = match kind {
            Kind::User => &placed.rule.matcher.users,
            Kind::Group => &placed.rule.matcher.groups,
        };
        let missing: Vec<(usize, &String)> =
            names.iter().enumerate().filter(|(_, name)| self.ask(kind, name) == Known::No).collect();
        let reaches_nobody = !names.is_empty() && missing.len() == names.len();
        let nobody = if reaches_nobody {
            format!("rule `{}` matches nobody: ", placed.rule.name)
        } else {
            String::new()
        };
        if let (true, [_, _, ..]) = (reaches_nobody, missing.as_slice()) {
            let message = format!("{nobody}this host has none of these {}", kind.key());
            findings.warning(placed.place_of(kind.key()), message, kind.help("NAME"));
            return;
        }
        for (index, name) in missing {
            // `sudo` or `wheel`: one file serves systems that call it either way.
            if kind == Kind::Group && is_usual(name) && !reaches_nobody {
                continue;
            }
            warn_of_missing(kind, &nobody, name, placed.place_of_entry(kind.key(), index), findings);
        }
    }
}

/// Tells whether a group is one of those that some systems have and others do not.
fn is_usual(group: &str) -> bool {
    DEFAULT_PROTECTED_GROUPS.contains(&group)
}

/// Tells whether a rule is for this host; one that names hosts is for others where nobody knows which this is.
fn is_for(placed: &PlacedRule<'_>, hosts: &[String]) -> bool {
    let patterns = &placed.rule.matcher.hosts;
    let fits = |pattern: &String| hosts.iter().any(|host| host::covers(pattern, host));
    patterns.is_empty() || patterns.iter().any(fits)
}

/// Says which names this host has where a rule is for none of them: it may be meant for this host.
fn remark_other_hosts(rules: &[PlacedRule<'_>], hosts: &[String], findings: &mut Findings) {
    if hosts.is_empty() {
        return;
    }
    let shown: Vec<String> = hosts.iter().map(|host| format!("`{}`", shorten(host))).collect();
    for placed in rules.iter().filter(|placed| placed.is_sound && !is_for(placed, hosts)) {
        let message =
            format!("rule `{}` is not for this host: it is {}", placed.rule.name, shown.join(" and "));
        findings.remark(
            placed.place_of("hosts"),
            message,
            "if it is meant for this host, write a pattern that fits one of these names",
        );
    }
}

/// Warns of a name that nobody has, and says first what comes of it.
fn warn_of_missing(kind: Kind, outcome: &str, name: &str, place: &Place<'_>, findings: &mut Findings) {
    let shown = shorten(name);
    let message = format!("{outcome}there is no {} `{shown}` on this host", kind.name());
    findings.warning(place, message, kind.help(&shown));
}
