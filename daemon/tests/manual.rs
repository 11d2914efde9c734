//! What the man pages name equals what there is: the members of the interfaces, the events.
//!
//! `interface` keeps `docs/interface` equal to what the service offers; here the page is compared with that. On the page
//! each interface is a `# heading`, each member in it a `## heading` followed by its signature in a fence.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use countersign_core::audit::EventId;

#[test]
fn the_page_names_each_member_with_its_signature_and_no_other() {
    let mut offered = BTreeSet::new();
    for file in fs::read_dir(docs("interface")).unwrap() {
        members(&fs::read_to_string(file.unwrap().path()).unwrap(), &mut offered);
    }
    assert!(offered.contains("org.countersign1.Conversation Answer(s answer) -> (s state, a(us) lines)"));
    assert!(offered.contains("org.countersign1.Conversation Cancel()"));
    let page = fs::read_to_string(docs("man/org.countersign1.5.md")).unwrap();
    assert_same(&offered, &described(&page), "docs/man/org.countersign1.5.md");
}

#[test]
fn the_page_names_each_event_and_no_other() {
    let recorded = EventId::ALL.into_iter().map(|event| event.name().to_owned()).collect();
    let page = fs::read_to_string(docs("man/countersignd.8.md")).unwrap();
    let section = page.split("\n# ").find(|section| section.starts_with("EVENTS\n")).unwrap();
    let terms = section.lines().filter(|line| line.starts_with('`'));
    let named = terms.flat_map(|line| line.split(", ")).map(|id| id.trim_matches('`').to_owned()).collect();
    assert_same(&recorded, &named, "EVENTS of docs/man/countersignd.8.md");
}

fn docs(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(path)
}

fn assert_same(there: &BTreeSet<String>, named: &BTreeSet<String>, page: &str) {
    let missing: Vec<_> = there.difference(named).collect();
    let invented: Vec<_> = named.difference(there).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{page} lacks {missing:#?} and names {invented:#?}, which is not there"
    );
}

/// The members of a document of introspection, as the page spells them.
fn members(xml: &str, found: &mut BTreeSet<String>) {
    let interface = xml.lines().find_map(|line| line.trim().strip_prefix("<interface ")).unwrap();
    let (mut name, mut arguments, mut answers) = (String::new(), Vec::new(), Vec::new());
    for line in xml.lines().map(str::trim) {
        assert!(!line.starts_with("<signal ") && !line.starts_with("<property "), "neither is in the design");
        if line.starts_with("<method ") {
            (name, arguments, answers) = (attribute(line, "name"), Vec::new(), Vec::new());
        } else if line.starts_with("<arg ") {
            let argument = format!("{} {}", attribute(line, "type"), attribute(line, "name"));
            let list = if attribute(line, "direction") == "in" { &mut arguments } else { &mut answers };
            list.push(argument);
        } else if line == "</method>" {
            let (arguments, answers) = (arguments.join(", "), answers.join(", "));
            let answers = if answers.is_empty() { answers } else { format!(" -> ({answers})") };
            found.insert(format!("{} {name}({arguments}){answers}", attribute(interface, "name")));
        }
    }
}

fn attribute(line: &str, name: &str) -> String {
    let (_, value) = line.split_once(&format!("{name}=\"")).unwrap();
    value.split('"').next().unwrap().to_owned()
}

/// The members on the page: below a heading of an interface, each second heading with the signature in its fence.
fn described(page: &str) -> BTreeSet<String> {
    let sections = page.split("\n# ").filter(|section| section.starts_with("org.countersign1."));
    let described = sections.flat_map(|section| {
        let (interface, members) = section.split_once('\n').unwrap();
        members.split("\n## ").skip(1).map(move |member| {
            let (heading, text) = member.split_once('\n').unwrap();
            let signature = text.split("```").nth(1).unwrap_or_default();
            let signature = signature.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(signature.starts_with(&format!("{heading}(")), "{heading} stands over {signature:?}");
            format!("{interface} {signature}")
        })
    });
    described.collect()
}
