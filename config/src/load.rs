//! From files to a policy.
//!
//! Owns the order of the files (main file first, then the drop-ins by name), the digest, and the rule that a policy
//! comes of files without a single error, or not at all.

use std::fmt::Write as _;
use std::path::Path;

use countersign_core::audit::retention::Retention;
use countersign_core::policy::switch::Switch;
use countersign_core::policy::{Fqdn, Policy};
use sha2::{Digest, Sha256};

use crate::delivery::DeliverySettings;
use crate::diagnostics::{Diagnostic, Findings, Severity};
use crate::document::{self, MainFile};
use crate::files::{self, Gathered, Guard, Trust};
use crate::known::{Asked, Names};
use crate::named;
use crate::placed::PlacedRule;
use crate::reader::Reader;
use crate::rules::RULE_LIMIT;
use crate::source::Source;
use crate::store::StoreSettings;
use crate::{force, order, overlap, protected, reach, services, texts};

/// What the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Whether the second factor is on, and what becomes of enrollments when it is switched on again (row P3).
    pub switch: Switch,
    /// Where the store is.
    pub store: StoreSettings,
    /// How much of the audit is kept.
    pub audit: Retention,
    /// The ways out for messages.
    pub delivery: DeliverySettings,
    /// The texts that all this comes of, as (name, text): the main file, then the drop-ins.
    pub texts: Vec<(String, String)>,
    /// What is hardly meant.
    pub warnings: Vec<Diagnostic>,
}

/// What is asked beyond the texts.
#[derive(Clone, Copy, Default)]
struct Asking<'a> {
    /// The name service, for the names in the rules.
    names: Option<&'a dyn Names>,
    /// Who has to read the files that the main file names, and how much it matters if that fails.
    reader: Option<(&'a Reader, Severity)>,
}

/// Loads the policy that is to be in force.
///
/// The main file must be there; a missing directory of drop-ins is one without drop-ins. Files and their directories
/// must belong to whom `trust` names, be no symbolic links, and be writable by nobody else. This process has to be able to
/// use the files that `[store]` names.
///
/// # Errors
/// Every mistake in every file, in the order of files and lines.
pub fn load(main: &Path, drop_ins: &Path, trust: Trust) -> Result<Loaded, Vec<Diagnostic>> {
    let (loaded, diagnostics) = judge(main, drop_ins, trust, &Reader::ThisProcess, None);
    settle(loaded, diagnostics)
}

/// Loads a copy of the main file that another unit was given. The files that it names are not that unit's to read.
///
/// # Errors
/// Every mistake in the file, in the order of lines.
pub fn load_copy(main: &Path, trust: Trust) -> Result<Loaded, Vec<Diagnostic>> {
    let guard = Guard::Installed(trust, &Reader::ThisProcess);
    let (loaded, diagnostics) = read(main, files::gather(main, None, guard), Asking::default());
    settle(loaded, diagnostics)
}

/// Lists every mistake of the files that are to be in force, as [`load`] finds them in the process of `reader`, and what is
/// wrong with the names in them on this host.
#[must_use]
pub fn check_installed(
    main: &Path,
    drop_ins: &Path,
    trust: Trust,
    reader: &Reader,
    names: Option<&dyn Names>,
) -> Vec<Diagnostic> {
    judge(main, drop_ins, trust, reader, names).1
}

/// Judges files that are to be in force: the one function behind start, reload and check.
fn judge(
    main: &Path,
    drop_ins: &Path,
    trust: Trust,
    reader: &Reader,
    names: Option<&dyn Names>,
) -> (Option<Loaded>, Vec<Diagnostic>) {
    let gathered = files::gather(main, Some(drop_ins), Guard::Installed(trust, reader));
    read(main, gathered, Asking { names, reader: Some((reader, Severity::Error)) })
}

/// Makes the policy of files whose texts were handed over as (name, text): the main file, then the drop-ins.
///
/// It is for comparing and checking, and for texts that the service kept itself: this function does not know whose the
/// texts are, so no others may be put in force. Each is at most as long as a file, and there are at most as many.
///
/// # Errors
/// Every mistake in every text, in the order of files and lines.
pub fn interpret(files: &[(String, String)]) -> Result<Loaded, Vec<Diagnostic>> {
    let main = files.first().map_or(Path::new(""), |(name, _)| Path::new(name));
    let (loaded, diagnostics) = read(main, texts::gather(files), Asking::default());
    settle(loaded, diagnostics)
}

/// Lists every mistake of files that need not be in force: owner and mode do not matter.
#[must_use]
pub fn check(main: &Path, drop_ins: Option<&Path>) -> Vec<Diagnostic> {
    read(main, files::gather(main, drop_ins, Guard::Readable), Asking::default()).1
}

/// Lists every mistake of files as [`check`] does, and what is wrong with them on this host: users and groups that do not
/// exist, protected groups that the rules forget, and, as warnings, files that `reader` could not use.
#[must_use]
pub fn check_with(
    main: &Path,
    drop_ins: Option<&Path>,
    reader: &Reader,
    names: &dyn Names,
) -> Vec<Diagnostic> {
    let asking = Asking { names: Some(names), reader: Some((reader, Severity::Warning)) };
    read(main, files::gather(main, drop_ins, Guard::Readable), asking).1
}

/// Puts what is hardly meant into what the files say, or gives away what is wrong with them.
fn settle(loaded: Option<Loaded>, diagnostics: Vec<Diagnostic>) -> Result<Loaded, Vec<Diagnostic>> {
    let Some(mut loaded) = loaded else { return Err(diagnostics) };
    // What a method is worth is for whoever writes the file, not for the log of every start.
    loaded.warnings = diagnostics.into_iter().filter(|found| found.severity != Severity::Note).collect();
    Ok(loaded)
}

fn read(main: &Path, gathered: Gathered, asking: Asking<'_>) -> (Option<Loaded>, Vec<Diagnostic>) {
    let Gathered { main: main_source, drop_ins, faults } = gathered;
    let mut findings = Findings::on_host_with(asking.names.and_then(Names::services));
    for fault in faults {
        findings.note(fault);
    }
    let read =
        combine(main_source.as_ref(), &drop_ins, asking, &mut findings).filter(|_| findings.errors() == 0);
    (read, findings.into_diagnostics(main))
}

fn combine(
    main: Option<&Source>,
    drop_ins: &[Source],
    asking: Asking<'_>,
    findings: &mut Findings,
) -> Option<Loaded> {
    let mut main_file = main.and_then(|source| document::read_main(source, findings));
    let mut rules = main_file.as_mut().map(|file| std::mem::take(&mut file.rules)).unwrap_or_default();
    for source in drop_ins {
        rules.append(&mut document::read_drop_in(source, findings));
    }
    if let Some(file) = &mut main_file {
        let mode = file.mode.unwrap_or_default();
        for placed in rules.iter_mut().chain(&mut file.default) {
            placed.rule.mode = placed.own_mode.unwrap_or(mode);
        }
    }
    compare(&rules, main_file.as_ref(), asking.names, findings);
    if let (Some(file), Some((reader, worst))) = (&main_file, asking.reader) {
        named::check(&file.named, reader, worst, findings);
    }
    let MainFile { settings, switch, store, audit, delivery, default, .. } = main_file?;
    let rules = rules.into_iter().map(|placed| placed.rule).collect();
    let sources = || main.into_iter().chain(drop_ins);
    let digest = digest(sources());
    let texts = sources().map(|source| (source.path.to_string_lossy().into_owned(), source.text.clone()));
    let texts = texts.collect();
    let is_enabled = switch.is_enabled;
    let policy = Policy {
        is_enabled,
        enrolled_after: None,
        open_from: None,
        fqdn: Fqdn::None,
        rules,
        default: default?.rule,
        settings,
        digest,
    };
    Some(Loaded { policy, switch, store, audit, delivery, texts, warnings: Vec::new() })
}

/// Says what shows only where all rules are seen together. Too many rules are an error, and not looked at.
fn compare(
    rules: &[PlacedRule<'_>],
    main: Option<&MainFile<'_>>,
    names: Option<&dyn Names>,
    findings: &mut Findings,
) {
    order::check(rules, findings);
    let default = main.and_then(|file| file.default.as_ref());
    if let Some(MainFile { ways, .. }) = main {
        reach::check(rules.iter().chain(default), ways, findings);
    }
    if rules.len() > RULE_LIMIT {
        return;
    }
    services::check(rules, default, findings);
    for placed in rules.iter().chain(default) {
        force::tell_watched(placed, findings);
        force::warn_of_switch(placed, main.and_then(|file| file.switch.on_reenable), findings);
        overlap::check(placed, findings);
    }
    let protected = main.map(|file| file.protected.as_slice()).unwrap_or_default();
    let mut asked = Asked::new(names);
    asked.check(rules, default, protected, findings);
    protected::check(rules, default, protected, &mut asked, findings);
}

/// SHA-256 over names and contents, each with its length before it, in hex.
fn digest<'s>(sources: impl Iterator<Item = &'s Source>) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        let name = source.path.file_name().unwrap_or_default().as_encoded_bytes();
        for part in [name, source.text.as_bytes()] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
