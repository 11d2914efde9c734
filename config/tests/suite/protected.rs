//! Rules that ask less of protected people than is due to them.

use crate::folder::{MINIMAL, warnings_of};

const ASKS: &str = "[[policy]]\nname = \"administrators\"\ngroups = [\"sudo\"]\nrequire = \"always\"\n";

fn messages_of(text: &str) -> Vec<String> {
    warnings_of(text).into_iter().map(|found| found.message).collect()
}

fn of_rule(lines: &str) -> Vec<String> {
    messages_of(&format!("[[policy]]\nname = \"r\"\n{lines}\n{MINIMAL}"))
}

#[test]
fn whatever_eases_a_rule_that_names_a_protected_group_is_warned_of() {
    for (lines, what) in [
        ("require = \"never\"", "are asked for no code"),
        ("require = \"enrolled\"", "are asked only once they have enrolled"),
        ("require = \"chosen\"", "are asked only where it was switched on for them"),
        ("require = \"always\"\nskip = { allow = true }", "can put off setting up"),
        ("require = \"always\"\nremember = \"25h\"", "are remembered for 25h"),
        ("require = \"always\"\nmode = \"monitor\"", "are only watched, and asked for no code"),
        (
            "require = \"always\"\nenroll = \"at-login\"\nenroll_within = 0",
            "can be set up for by whoever has their password, without an end",
        ),
    ] {
        for (who, members) in [
            ("groups = [\"students\", \"sudo\", \"wheel\"]", "members of `sudo`, `wheel`"),
            ("users = [\"alice\", \"root\"]", "people like `root`"),
        ] {
            let expected = format!("{members} are protected, but here they {what}");
            assert_eq!(of_rule(&format!("{who}\n{lines}")), [expected], "{lines}");
        }
        let others = of_rule(&format!("groups = [\"students\"]\n{lines}"));
        assert_eq!(others, Vec::<String>::new(), "{lines}");
    }
}

#[test]
fn what_is_due_to_protected_people_is_not_warned_of() {
    for lines in [
        "groups = [\"sudo\"]\nrequire = \"always\"\nremember = \"24h\"",
        "groups = [\"sudo\"]\nrequire = \"always\"\nenroll = \"at-login\"",
        "groups = [\"sudo\"]\nrequire = \"always\"\nenroll = \"invited\"\nfresh_for = \"12h\"\nidle_timeout = \"1d\"",
        // Nobody types there.
        "groups = [\"sudo\"]\nservices = [\"cron\"]\nrequire = \"never\"",
        // An exemption by name.
        "users = [\"ansible\"]\ngroups = [\"sudo\"]\nrequire = \"never\"",
    ] {
        assert_eq!(of_rule(lines), Vec::<String>::new(), "{lines}");
    }
    let none = format!(
        "protected_groups = [\"operators\"]\n[[policy]]\nname = \"r\"\ngroups = [\"sudo\"]\nrequire = \"never\"\n{MINIMAL}"
    );
    assert_eq!(messages_of(&none), Vec::<String>::new());
}

#[test]
fn the_mode_at_the_top_is_no_rules_own_word() {
    assert_eq!(messages_of(&format!("mode = \"monitor\"\n{ASKS}{MINIMAL}")), Vec::<String>::new());
}

#[test]
fn a_rule_for_everybody_that_lets_protected_people_pass_before_their_own_is_warned_of() {
    let pass = |line: usize| {
        format!(
            "members of `sudo` are protected, but pass here, before `administrators`, in line {line}, asks them"
        )
    };
    let before = |lines: &str| messages_of(&format!("[[policy]]\nname = \"r\"\n{lines}\n{ASKS}{MINIMAL}"));
    for lines in [
        "networks = [\"10.0.0.0/8\"]\nrequire = \"never\"",
        "hosts = [\"web*\"]\nrequire = \"chosen\"",
        "services = [\"cron\", \"sshd\"]\nrequire = \"enrolled\"",
        "services = [\"sudo\", \"sudo-i\"]\nrequire = \"always\"\nmode = \"monitor\"",
    ] {
        let line = lines.lines().count() + 4;
        assert_eq!(before(lines), [pass(line)], "{lines}");
    }
    for lines in [
        "users = [\"backup\"]\nrequire = \"never\"",
        "groups = [\"students\"]\nrequire = \"never\"",
        "origin = \"directory\"\nrequire = \"never\"",
        "services = [\"cron\", \"atd\"]\nrequire = \"never\"",
        "networks = [\"10.0.0.0/8\"]\nrequire = \"always\"",
    ] {
        assert_eq!(before(lines), Vec::<String>::new(), "{lines}");
    }
    let behind = format!(
        "{ASKS}[[policy]]\nname = \"r\"\nnetworks = [\"10.0.0.0/8\"]\nrequire = \"never\"\n{MINIMAL}"
    );
    assert_eq!(messages_of(&behind), Vec::<String>::new());
    let apart = format!(
        "[[policy]]\nname = \"r\"\nservices = [\"sshd\"]\nrequire = \"never\"\n{ASKS}services = [\"sudo\", \"sudo-i\"]\n{MINIMAL}"
    );
    assert_eq!(messages_of(&apart), Vec::<String>::new());
}
