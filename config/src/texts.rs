//! Files whose texts somebody handed over, as if they had been read.
//!
//! Owns the limits, which are those of files. Leaves trust to those who took the texts: only what the
//! service kept itself is put in force.

use std::path::{Path, PathBuf};

use crate::diagnostics::Diagnostic;
use crate::files::{self, DROP_IN_LIMIT, Gathered};
use crate::source::Source;

/// The name of the main file where none was handed over.
const MAIN: &str = "countersign.toml";

/// Takes names and texts, the main file first; the drop-ins are put in the order of their names, as those of a
/// directory are.
pub(crate) fn gather(files: &[(String, String)]) -> Gathered {
    let mut gathered = Gathered::default();
    let Some(((name, text), drop_ins)) = files.split_first() else {
        let help = "hand over the main file first, then the drop-ins";
        gathered.faults.push(Diagnostic::about_file(Path::new(MAIN), "there is no main file", help));
        return gathered;
    };
    gathered.main = taken(name, text, &mut gathered.faults);
    if drop_ins.len() > DROP_IN_LIMIT {
        let message = format!("these are {} drop-ins, at most {DROP_IN_LIMIT} are read", drop_ins.len());
        let help = "put rules that belong together into one file";
        gathered.faults.push(Diagnostic::about_file(Path::new(name), message, help));
        return gathered;
    }
    let mut drop_ins: Vec<&(String, String)> = drop_ins.iter().collect();
    drop_ins.sort_by_key(|(name, _)| Path::new(name).file_name());
    let faults = &mut gathered.faults;
    gathered.drop_ins = drop_ins.into_iter().filter_map(|(name, text)| taken(name, text, faults)).collect();
    gathered
}

/// Takes one text that is not too long.
fn taken(name: &str, text: &str, faults: &mut Vec<Diagnostic>) -> Option<Source> {
    let path = PathBuf::from(name);
    if let Some(fault) = files::size_fault(&path, text.len()) {
        faults.push(*fault);
        return None;
    }
    Some(Source { path, text: text.to_owned() })
}
