//! Files that the configuration names: the store's key, certificates, passwords, the folder of the store.
//!
//! Owns whether the service could use them, and how much it matters: without those of `[store]` the service does not
//! start, without those of a channel nothing is sent there. The content is left to those who read it.

use std::path::{Path, PathBuf};

use crate::delivery::{DeliverySettings, Gateway, GatewayWay};
use crate::diagnostics::{Findings, Place, Severity};
use crate::guarded::{self, Links, PRIVATE, PUBLIC, Verdict};
use crate::postgresql::Transport;
use crate::printable::escape;
use crate::reader::Reader;
use crate::sections::Section;
use crate::store::{DEFAULT_FOLDER, Database, StoreSettings};

/// A file that the configuration names.
#[derive(Debug)]
pub(crate) struct NamedFile<'s> {
    place: Place<'s>,
    path: PathBuf,
    kind: Kind,
    /// What its absence means.
    severity: Severity,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A key or a password: of one holder.
    Secret,
    /// Certificates: everybody may read them.
    Certificates,
    /// The folder of the embedded store.
    Folder,
}

impl Kind {
    const fn help(self) -> &'static str {
        match self {
            Self::Secret => {
                "put a file of root or of user countersign there, with a mode of at most 0640, that user countersign can read"
            }
            Self::Certificates => "put a file of root there, with a mode of at most 0644",
            Self::Folder => "make it a folder of user countersign with mode 0700, or name another",
        }
    }
}

/// Lists the files that the tables of the main file name.
pub(crate) fn list<'s>(
    top: &Section<'_, 's>,
    store: &StoreSettings,
    delivery: &DeliverySettings,
) -> Vec<NamedFile<'s>> {
    let mut files = Vec::new();
    let mut add = |table, key, path: Option<&Path>, kind, severity| {
        if let (Some(path), Some(place)) = (path, top.place_within(table, key)) {
            files.push(NamedFile { place, path: path.to_owned(), kind, severity });
        }
    };
    add("store", "key_file", store.key_file.as_deref(), Kind::Secret, Severity::Error);
    match &store.database {
        Database::Embedded(path) => {
            // systemd makes the usual folder before each start.
            let folder = path.parent().filter(|folder| *folder != Path::new(DEFAULT_FOLDER));
            add("store", "url", folder, Kind::Folder, Severity::Error);
        }
        Database::Fleet(url) => {
            add("store", "url", url.password_file.as_deref(), Kind::Secret, Severity::Error);
            if let Transport::VerifyFull { authorities, client } = &url.transport {
                add("store", "url", authorities.as_deref(), Kind::Certificates, Severity::Error);
                let client = client.as_ref();
                let certificate = client.map(|client| client.certificate.as_path());
                add("store", "url", certificate, Kind::Certificates, Severity::Error);
                add("store", "url", client.map(|client| client.key.as_path()), Kind::Secret, Severity::Error);
            }
        }
    }
    if let Some(server) = &delivery.email {
        let password = server.password_file.as_deref();
        add("email", "password_file", password, Kind::Secret, Severity::Warning);
        add("email", "ca_file", server.ca_file.as_deref(), Kind::Certificates, Severity::Warning);
    }
    for (table, gateway) in [("sms", &delivery.sms), ("call", &delivery.call)] {
        if let Some(Gateway { way: GatewayWay::Http(request), .. }) = gateway {
            add(table, "ca_file", request.ca_file.as_deref(), Kind::Certificates, Severity::Warning);
        }
    }
    files
}

/// Notes each file that the service could not use. `worst` bounds how much that matters: a file that is not in force yet
/// may be meant for another host.
pub(crate) fn check(files: &[NamedFile<'_>], reader: &Reader, worst: Severity, findings: &mut Findings) {
    for NamedFile { place, path, kind, severity } in files {
        let verdict = match kind {
            Kind::Secret => guarded::judge(path, PRIVATE, Links::Refused, reader),
            Kind::Certificates => guarded::judge(path, PUBLIC, Links::Followed, reader),
            Kind::Folder => guarded::judge_folder(path, reader),
        };
        let shown = escape(&path.to_string_lossy());
        match verdict {
            Verdict::Usable => {}
            Verdict::Unusable(cause) => {
                let message = format!("the service cannot use {shown}: {cause}");
                findings.at(worst.max(*severity), place, message, kind.help().to_owned());
            }
            Verdict::Hidden => {
                let message = format!("{shown} is not judged: only root and the service may look at it");
                findings.remark(place, message, "check the file as root");
            }
        }
    }
}
