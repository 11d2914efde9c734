//! Which files are taken, and which are refused before a word of them counts.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::folder::{Folder, MINIMAL};
use countersign_config::{DROP_IN_LIMIT, Diagnostic, FILE_LIMIT, Trust, check, load};

fn only(found: Result<countersign_config::Loaded, Vec<Diagnostic>>) -> Diagnostic {
    let found = found.expect_err("the files were taken");
    let [only] = found.as_slice() else { panic!("{found:#?}") };
    only.clone()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_missing_main_file_is_an_error_that_names_it() {
    let folder = Folder::new(MINIMAL);
    fs::remove_file(folder.main()).unwrap();
    let fault = only(folder.load());
    assert_eq!(fault.file, folder.main());
    assert_eq!(fault.message, "this file does not exist");
    let nowhere = check(Path::new("/nonexistent/countersign.toml"), None);
    assert_eq!(nowhere.len(), 1);
}

#[test]
fn an_empty_main_file_is_an_error() {
    let fault = only(Folder::new("").load());
    assert_eq!(fault.message, "there is no [default]");
    assert_eq!((fault.line, fault.column), (1, 1));
}

#[test]
fn a_missing_folder_of_drop_ins_is_one_without_drop_ins() {
    let folder = Folder::new(MINIMAL);
    fs::remove_dir(folder.drop_ins()).unwrap();
    assert!(folder.load().unwrap().policy.rules.is_empty());
}

#[test]
fn what_others_can_write_is_refused_with_the_command_that_mends_it() {
    for mode in [0o664, 0o646, 0o666] {
        let folder = Folder::new(MINIMAL);
        set_mode(&folder.main(), mode);
        let fault = only(folder.load());
        assert_eq!(fault.message, format!("others than its owner can write this (mode 0{mode:o})"));
        assert!(fault.help.unwrap().contains(&format!("chmod 0644 {}", folder.main().display())));
    }
    let folder = Folder::new(MINIMAL);
    folder.drop_in("10.toml", "");
    set_mode(&folder.drop_ins().join("10.toml"), 0o664);
    assert_eq!(only(folder.load()).file, folder.drop_ins().join("10.toml"));
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let folder = Folder::new(MINIMAL);
    set_mode(&folder.drop_ins(), 0o777);
    let fault = only(folder.load());
    assert_eq!(fault.file, folder.drop_ins());
    assert!(fault.help.unwrap().contains("chmod 0755"));

    let folder = Folder::new(MINIMAL);
    set_mode(folder.main().parent().unwrap(), 0o775);
    let fault = only(folder.load());
    assert_eq!(fault.file, folder.main().parent().unwrap());
}

#[test]
fn what_belongs_to_another_is_refused_with_the_command_that_mends_it() {
    let folder = Folder::new(MINIMAL);
    if folder.trust() != Trust::Owner(0) {
        // Not root: our own files are another's to the daemon.
        let found = load(&folder.main(), &folder.drop_ins(), Trust::Root).unwrap_err();
        assert!(found.iter().all(|fault| fault.message.contains("not to root")), "{found:#?}");
        return;
    }
    std::os::unix::fs::chown(folder.main(), Some(1), Some(1)).unwrap();
    let fault = only(load(&folder.main(), &folder.drop_ins(), Trust::Root));
    assert_eq!(fault.message, "this belongs to uid 1, not to root");
    assert!(fault.help.unwrap().contains(&format!("chown root:root {}", folder.main().display())));
    assert!(load(&folder.main(), &folder.drop_ins(), Trust::Owner(1)).is_ok());
    assert!(load(&folder.main(), &folder.drop_ins(), Trust::Owner(2)).is_err());
}

#[test]
fn owner_and_mode_of_a_file_that_is_only_checked_do_not_matter() {
    let folder = Folder::new(MINIMAL);
    set_mode(&folder.main(), 0o666);
    set_mode(&folder.drop_ins(), 0o777);
    assert_eq!(check(&folder.main(), Some(&folder.drop_ins())), Vec::new());
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let folder = Folder::new(MINIMAL);
    let elsewhere = folder.main().with_file_name("elsewhere");
    fs::rename(folder.main(), &elsewhere).unwrap();
    symlink(&elsewhere, folder.main()).unwrap();
    assert_eq!(only(folder.load()).message, "this is a symbolic link, which is not followed");
    assert_eq!(check(&folder.main(), None), Vec::new());

    let folder = Folder::new(MINIMAL);
    fs::rename(folder.drop_ins(), folder.main().with_file_name("elsewhere")).unwrap();
    symlink("elsewhere", folder.drop_ins()).unwrap();
    assert!(only(folder.load()).message.contains("not a directory"));
}

#[test]
fn what_is_not_a_regular_file_is_refused_without_waiting() {
    let folder = Folder::new(MINIMAL);
    let fifo = folder.drop_ins().join("10.toml");
    assert!(Command::new("mkfifo").arg("-m").arg("0644").arg(&fifo).status().unwrap().success());
    let fault = only(folder.load());
    assert_eq!((fault.file, fault.message.as_str()), (fifo, "this is not a regular file"));

    let folder = Folder::new(MINIMAL);
    fs::create_dir(folder.drop_ins().join("10.toml")).unwrap();
    assert_eq!(only(folder.load()).message, "this is not a regular file");
    assert_eq!(check(Path::new("/dev/zero"), None).len(), 1);
    assert_eq!(check(Path::new("/"), None).len(), 1);
}

#[test]
fn a_file_of_ten_mebibytes_is_refused_without_being_read() {
    let folder = Folder::new(MINIMAL);
    // Sparse: reading it would give NUL bytes, which are another error.
    fs::File::options().write(true).open(folder.main()).unwrap().set_len(10 * FILE_LIMIT).unwrap();
    assert_eq!(only(folder.load()).message, "this file is larger than 1048576 bytes");
}

#[test]
fn a_file_of_one_mebibyte_is_taken() {
    let limit = usize::try_from(FILE_LIMIT).unwrap();
    let padded = |length: usize| format!("{MINIMAL}#{}", "x".repeat(length - MINIMAL.len() - 1));
    assert!(Folder::new(padded(limit)).load().is_ok());
    assert!(Folder::new(padded(limit + 1)).load().is_err());
}

#[test]
fn sixty_four_drop_ins_are_taken_and_no_more() {
    let folder = Folder::new(MINIMAL);
    for number in 0..DROP_IN_LIMIT {
        folder.drop_in(
            &format!("{number:03}.toml"),
            format!("[[policy]]\nname = \"r{number}\"\nusers = [\"u{number}\"]\nrequire = \"always\""),
        );
    }
    assert_eq!(folder.load().unwrap().policy.rules.len(), DROP_IN_LIMIT);
    folder.drop_in("zzz.toml", "");
    assert_eq!(only(folder.load()).message, "this directory holds 65 files, at most 64 are read");
}

#[test]
fn a_directory_with_a_flood_of_files_is_refused() {
    let folder = Folder::new(MINIMAL);
    for number in 0..1100 {
        fs::write(folder.drop_ins().join(format!("{number}.bak")), "").unwrap();
    }
    assert!(only(folder.load()).message.contains("more than 1024"));
}

#[test]
fn drop_ins_are_read_in_the_order_of_their_names_and_other_files_are_not() {
    let folder =
        Folder::new(format!("[[policy]]\nname = \"main\"\nusers = [\"m\"]\nrequire = \"always\"\n{MINIMAL}"));
    for name in ["20-b", "10-a", "9-c"] {
        folder.drop_in(
            &format!("{name}.toml"),
            format!("[[policy]]\nname = \"{name}\"\nusers = [\"{name}\"]\nrequire = \"always\""),
        );
    }
    folder.drop_in("10-a.toml.orig", "nonsense");
    folder.drop_in(".hidden.toml", "nonsense");
    let policy = folder.load().unwrap().policy;
    let names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["main", "10-a", "20-b", "9-c"]);
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_with_the_place() {
    let fault = only(Folder::new(b"language = \"en\"\nhelp = \"\xfc\"\n").load());
    assert_eq!((fault.line, fault.column, fault.message.as_str()), (2, 9, "this byte is not UTF-8"));
}

#[test]
fn a_fault_of_one_file_does_not_hide_those_of_the_others() {
    let folder = Folder::new("colour = 1\n");
    folder.drop_in("10.toml", b"\xff");
    folder.drop_in("20.toml", "[[policy");
    folder.drop_in("30.toml", "[[policy]]\nname = 1\nrequire = \"always\"");
    let files: Vec<_> = folder.load().unwrap_err().into_iter().map(|fault| fault.file).collect();
    let drop_in = |name: &str| folder.drop_ins().join(name);
    assert_eq!(
        files,
        [folder.main(), folder.main(), drop_in("10.toml"), drop_in("20.toml"), drop_in("30.toml")]
    );
}

#[test]
fn the_digest_is_of_names_and_contents() {
    let folder = Folder::new(MINIMAL);
    let digest = |folder: &Folder| folder.load().unwrap().policy.digest;
    let plain = digest(&folder);
    assert_eq!(plain.len(), 64);
    assert_eq!(plain, digest(&Folder::new(MINIMAL)));
    folder.drop_in("10.toml", "");
    let with_empty = digest(&folder);
    assert_ne!(plain, with_empty);
    fs::rename(folder.drop_ins().join("10.toml"), folder.drop_ins().join("11.toml")).unwrap();
    assert_ne!(with_empty, digest(&folder));
    assert_ne!(plain, digest(&Folder::new(format!("{MINIMAL}#"))));
}
