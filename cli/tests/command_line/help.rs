//! The help of every command, as golden files. `UPDATE_GOLDEN=1 cargo test` writes them anew; review them as code.

use std::path::Path;

use crate::bus::{countersign, run};

const COMMANDS: [&[&str]; 40] = [
    &[],
    &["status"],
    &["enroll"],
    &["remove"],
    &["rename"],
    &["backup-codes"],
    &["test"],
    &["remembered"],
    &["forget"],
    &["user"],
    &["user", "show"],
    &["user", "reset"],
    &["user", "delete"],
    &["user", "purge"],
    &["user", "unlock"],
    &["user", "resync"],
    &["user", "invite"],
    &["user", "enable"],
    &["user", "disable"],
    &["user", "set-contact"],
    &["user", "import"],
    &["user", "list"],
    &["audit"],
    &["audit", "verify"],
    &["policy"],
    &["policy", "check"],
    &["policy", "explain"],
    &["policy", "simulate"],
    &["policy", "report"],
    &["policy", "reload"],
    &["policy", "schema"],
    &["delivery"],
    &["delivery", "test"],
    &["store"],
    &["store", "accept-restore"],
    &["store", "rotate-key"],
    &["breakglass"],
    &["breakglass", "drill"],
    &["completions"],
    &["help"],
];

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs", path.display());
}

#[test]
fn the_help_of_every_command_is_as_reviewed_and_fits_eighty_columns() {
    for command in COMMANDS {
        let mut arguments = command.to_vec();
        if command != ["help"] {
            arguments.push("--help");
        }
        let mut help = countersign(&arguments);
        help.env("COLUMNS", "80");
        let ran = run(help, "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command:?}");
        assert!(ran.out.contains("Example"), "{command:?}");
        let widest = ran.out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{command:?} is {widest} columns wide:\n{}", ran.out);
        let name = if command.is_empty() { "countersign".to_owned() } else { command.join("-") };
        golden(&format!("{name}.txt"), &ran.out);
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_so_on_standard_error() {
    let wrong: [&[&str]; 36] = [
        &[],
        &["user"],
        &["nonsense"],
        &["status", "--nonsense"],
        &["enroll", "fax"],
        &["enroll", "email", ""],
        &["enroll", "totp", "alice@example.org"],
        &["enroll", "email", "--qr", "code.svg"],
        &["forget"],
        &["forget", ""],
        &["forget", "198.51.100.7", "--all"],
        &["user", "set-contact", "alice", "--reason", "x"],
        &["user", "set-contact", "alice", "--email", "", "--reason", "x"],
        &["user", "set-contact", "alice", "--email", "a@example.org", "--clear-email", "--reason", "x"],
        &["user", "import", "contacts.csv"],
        &["delivery", "test", "fax", "+49301234"],
        &["delivery", "test", "email"],
        &["enroll", "totp", "--replace", "phone"],
        &["rename", "phone"],
        &["user", "invite", "alice", "--reason", "x", "--for", "soon"],
        &["user", "invite", "alice", "--reason", "x", "--for", "0h"],
        &["user", "enable", "--reason", "x"],
        &["user", "enable", "alice", "--group", "staff", "--reason", "x"],
        &["user", "disable", "alice"],
        &["enroll", "--qr", "code.jpg"],
        &["remove"],
        &["user", "reset", "alice", "--reason"],
        &["status", "--color", "sometimes"],
        &["completions", "cobol"],
        &["audit", "--since", "yesterday"],
        &["policy", "simulate"],
        &["policy", "simulate", "new.toml", "--since", "yesterday"],
        &["policy", "report", "--since", "0d"],
        &["policy", "explain", "--user", "a", "--service", "s", "--origin", "here"],
        &["audit", "--follow", "verify"],
        &["audit", "verify", "--user", "alice"],
    ];
    for arguments in wrong {
        let ran = run(countersign(arguments), "");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?} {ran:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn completions_and_man_pages_are_written_without_the_service() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(countersign(&["completions", shell]), "");
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("rotate-key"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ran = run(countersign(&["generate", folder.path().to_str().unwrap()]), "");
    assert_eq!(ran.code, 0, "{ran:?}");
    let page = std::fs::read_to_string(folder.path().join("man/countersign.1")).unwrap();
    assert!(page.contains("EXIT STATUS"));
}
