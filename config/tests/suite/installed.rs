//! The files that are to be in force, judged by a client as the service judges them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use countersign_config::{Diagnostic, Reader, Severity, Trust, check_installed, check_with, load};

use crate::folder::{Folder, MINIMAL};
use crate::names::Host;

/// A user who is neither root nor the one who runs the tests.
const SERVICE: u32 = 4711;
/// A group of that user.
const GROUP: u32 = 4712;

fn service() -> Reader {
    Reader::User { uid: SERVICE, groups: vec![GROUP] }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn judged(folder: &Folder, reader: &Reader) -> Vec<Diagnostic> {
    check_installed(&folder.main(), &folder.drop_ins(), folder.trust(), reader, None)
}

/// A file that names a key, and where the key lies.
fn with_key(content: &str, mode: u32) -> (Folder, std::path::PathBuf) {
    let folder = Folder::new(MINIMAL);
    let key = folder.main().with_file_name("key");
    fs::write(&key, content).unwrap();
    set_mode(&key, mode);
    fs::write(folder.main(), format!("store.key_file = \"{}\"\n{MINIMAL}", key.display())).unwrap();
    (folder, key)
}

#[test]
fn a_check_of_installed_files_says_word_for_word_what_a_start_says() {
    type Spoil = fn(&Folder);
    let spoils: [Spoil; 8] = [
        |folder| set_mode(&folder.main(), 0o666),
        |folder| set_mode(folder.main().parent().unwrap(), 0o777),
        |folder| set_mode(&folder.drop_ins(), 0o775),
        |folder| {
            fs::rename(folder.main(), folder.main().with_extension("real")).unwrap();
            symlink(folder.main().with_extension("real"), folder.main()).unwrap();
        },
        |folder| fs::remove_file(folder.main()).unwrap(),
        |folder| fs::write(folder.main(), "[default]\nrequire = \"sometimes\"\n").unwrap(),
        |folder| fs::write(folder.main(), format!("store.key_file = \"/etc/nope\"\n{MINIMAL}")).unwrap(),
        |folder| {
            let url = "store.url = \"sqlite:///nonexistent/folder/c.db\"";
            fs::write(folder.main(), format!("{url}\n{MINIMAL}")).unwrap();
        },
    ];
    for (index, spoil) in spoils.into_iter().enumerate() {
        let folder = Folder::new(MINIMAL);
        assert_eq!(judged(&folder, &Reader::ThisProcess), []);
        spoil(&folder);
        let refusal = load(&folder.main(), &folder.drop_ins(), folder.trust()).unwrap_err();
        assert!(refusal.iter().any(|found| found.severity == Severity::Error), "{index}");
        assert_eq!(judged(&folder, &Reader::ThisProcess), refusal, "{index}");
    }
}

#[test]
fn a_file_of_somebody_else_is_an_error_in_the_place_of_the_installed_one() {
    let folder = Folder::new(MINIMAL);
    if folder.trust() == Trust::Owner(0) {
        chown(folder.main(), Some(1), Some(1)).unwrap();
    }
    let found = check_installed(&folder.main(), &folder.drop_ins(), Trust::Root, &service(), None);
    assert!(found.iter().any(|found| found.message.contains("not to root")), "{found:#?}");
}

#[test]
fn what_the_user_of_the_service_cannot_read_is_an_error_though_the_client_can() {
    let folder = Folder::new(MINIMAL);
    assert_eq!(judged(&folder, &service()), []);
    set_mode(&folder.main(), 0o600);
    assert_eq!(judged(&folder, &Reader::ThisProcess), [], "its owner reads it");
    let found = judged(&folder, &service());
    let [fault] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(fault.message, "the service's user cannot read this (mode 0600)");
    assert!(fault.help.as_ref().unwrap().contains("chmod 0644"));
    set_mode(&folder.main(), 0o640);
    assert_eq!(judged(&folder, &service()).len(), 1);

    let folder = Folder::new(MINIMAL);
    set_mode(folder.main().parent().unwrap(), 0o700);
    assert_eq!(judged(&folder, &service()).len(), 1, "the folder keeps the service out");
}

#[test]
fn a_key_that_the_service_could_not_use_is_an_error_where_the_file_names_it() {
    let key = "0".repeat(64);
    for (mode, reader, says) in [
        (0o600, Reader::ThisProcess, None),
        (0o640, Reader::ThisProcess, None),
        (0o644, Reader::ThisProcess, Some("its mode is 0644")),
        (0o600, service(), Some("uid")),
        (0o644, service(), Some("uid")),
    ] {
        let (folder, path) = with_key(&key, mode);
        if path.metadata().is_ok_and(|_| folder.trust() == Trust::Owner(0)) && says == Some("uid") {
            chown(&path, Some(1), None).unwrap();
        }
        let found = judged(&folder, &reader);
        match (found.as_slice(), says) {
            ([], None) => {}
            ([fault], Some(says)) => {
                assert!(fault.message.contains(says), "{fault}");
                assert_eq!((fault.severity, fault.line), (Severity::Error, 1));
            }
            (found, _) => panic!("{mode:o}: {found:#?}"),
        }
    }
}

#[test]
fn a_key_of_root_has_to_be_readable_for_the_service() {
    let (folder, path) = with_key("key", 0o640);
    if folder.trust() != Trust::Owner(0) {
        return;
    }
    let found = judged(&folder, &service());
    assert!(found[0].message.ends_with("the service cannot read it (mode 0640)"), "{found:#?}");
    chown(&path, Some(0), Some(GROUP)).unwrap();
    set_mode(&path, 0o640);
    assert_eq!(judged(&folder, &service()), []);
}

#[test]
fn a_file_that_is_not_in_force_is_only_warned_about_for_what_this_host_lacks() {
    let folder = Folder::new(format!("store.key_file = \"/etc/nope\"\n{MINIMAL}"));
    let found = check_with(&folder.main(), None, &Reader::ThisProcess, &Host::default());
    let warnings: Vec<_> = found.iter().filter(|found| found.message.contains("/etc/nope")).collect();
    assert_eq!(warnings.len(), 1, "{found:#?}");
    assert_eq!(warnings[0].severity, Severity::Warning);
}

#[test]
fn files_of_a_channel_that_are_missing_are_warnings() {
    let email = "[email]\nserver = \"smtps://mail.example.org\"\nfrom = \"a@example.org\"\nuser = \"a\"\n\
                 password_file = \"/nonexistent/password\"\nca_file = \"/nonexistent/ca.pem\"\n";
    let folder = Folder::new(format!("{email}\n{MINIMAL}"));
    let mut found = judged(&folder, &Reader::ThisProcess);
    found.retain(|found| found.message.contains("/nonexistent/"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|found| found.severity == Severity::Warning && found.line > 0), "{found:#?}");
    assert!(folder.load().is_ok());
}
