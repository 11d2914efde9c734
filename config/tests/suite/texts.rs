//! Texts that were handed over: read as files are, with the same limits, wherever they come from.

use countersign_config::{DROP_IN_LIMIT, FILE_LIMIT, Loaded, interpret};

use crate::folder::{Folder, MINIMAL};

fn named(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn rule(name: &str) -> String {
    format!("[[policy]]\nname = \"{name}\"\nusers = [\"{name}\"]\nrequire = \"always\"\n")
}

#[test]
fn texts_become_what_the_same_files_become() {
    let folder = Folder::new(format!("{}{MINIMAL}", rule("main")));
    folder.drop_in("10.toml", rule("ten"));
    folder.drop_in("9.toml", rule("nine"));
    let texts = named(&[
        ("countersign.toml", &format!("{}{MINIMAL}", rule("main"))),
        ("policy.d/9.toml", &rule("nine")),
        ("policy.d/10.toml", &rule("ten")),
    ]);
    let [taken, loaded] =
        [interpret(&texts), folder.load()].map(|read| Loaded { texts: Vec::new(), ..read.unwrap() });
    assert_eq!(taken, loaded);
    assert_eq!(interpret(&texts).unwrap().texts.len(), texts.len(), "they are there to be kept");
    let rules = interpret(&texts).unwrap().policy.rules;
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["main", "ten", "nine"]);
}

#[test]
fn the_mistakes_of_all_texts_are_told_with_the_names_that_were_handed_over() {
    let found = interpret(&named(&[
        ("new.toml", "colour = 1\n[default]\nrequire = \"never\"\n"),
        ("a.toml", "[[policy"),
        ("b.toml", "language = \"en\""),
    ]))
    .unwrap_err();
    let places: Vec<_> = found.iter().map(|found| (found.file.to_str().unwrap(), found.line)).collect();
    assert_eq!(places, [("new.toml", 1), ("new.toml", 3), ("a.toml", 1), ("b.toml", 1)]);
}

#[test]
fn without_a_main_file_there_is_no_policy() {
    let found = interpret(&[]).unwrap_err();
    assert_eq!(found[0].message, "there is no main file");
    assert_eq!(interpret(&named(&[("a.toml", "")])).unwrap_err()[0].message, "there is no [default]");
}

#[test]
fn texts_have_the_limits_of_files() {
    let limit = usize::try_from(FILE_LIMIT).unwrap();
    let padded = |length: usize| format!("{MINIMAL}#{}", "x".repeat(length - MINIMAL.len() - 1));
    assert!(interpret(&named(&[("main.toml", &padded(limit))])).is_ok());
    let found = interpret(&named(&[("main.toml", &padded(limit + 1))])).unwrap_err();
    assert_eq!(found[0].message, "this file is larger than 1048576 bytes");

    let mut texts = named(&[("main.toml", MINIMAL)]);
    texts.extend((0..DROP_IN_LIMIT).map(|number| (format!("{number}.toml"), rule(&format!("r{number}")))));
    assert_eq!(interpret(&texts).unwrap().policy.rules.len(), DROP_IN_LIMIT);
    texts.push(("one-more.toml".to_owned(), String::new()));
    assert_eq!(interpret(&texts).unwrap_err()[0].message, "these are 65 drop-ins, at most 64 are read");
}

#[test]
fn what_texts_hardly_mean_is_told_and_what_they_are_worth_is_not() {
    let text = "[[policy]]\nname = \"r\"\nrequire = \"always\"\nremember = \"30d\"\nmethods = [\"totp\", \"sms\"]\n[default]\nrequire = \"enrolled\"\n";
    let found = interpret(&named(&[("main.toml", text)])).unwrap().warnings;
    let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(messages, ["`sms` is not configured: nobody gets such codes"]);
}

#[test]
fn typographic_quotes_are_named_with_the_line_to_write() {
    for (line, straight) in [
        ("name = “a”", "write name = \"a\""),
        ("users = [“alice”, “bob”]", "write users = [\"alice\", \"bob\"]"),
        ("require = ‘always’", "write require = \"always\""),
    ] {
        let found =
            interpret(&named(&[("main.toml", &format!("[[policy]]\n{line}\n{MINIMAL}"))])).unwrap_err();
        assert_eq!(found[0].message, "these are typographic quotes", "{line}");
        assert_eq!((found[0].line, found[0].help.as_deref()), (2, Some(straight)), "{line}");
    }
    let text = format!("help = \"the “desk”\"\n{MINIMAL}");
    assert!(interpret(&named(&[("main.toml", &text)])).is_ok(), "within straight quotes they are text");
}
