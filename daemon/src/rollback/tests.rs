//! What the stamp tells apart, and what it keeps through crashes.

use std::fs::OpenOptions;
use std::io::Write as _;

use countersign_core::account::{Realm, UserName};
use countersign_core::restore::Restores;
use tempfile::TempDir;

use super::*;

fn standing(era: u64, generation: u64) -> Standing {
    Standing { store: [7; 16], restores: Restores { era, doubted: 0 }, generation, is_stamped: false }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn keeper(folder: &TempDir) -> StampKeeper {
    StampKeeper::open(Some(folder.path().to_owned()), Reach::Host)
}

/// What a start finds in doubt.
fn found(folder: &TempDir, standing: Standing) -> Option<Doubt> {
    keeper(folder).observe(&standing).unwrap()
}

fn key(name: &str) -> AccountKey {
    AccountKey { realm: Realm::try_from("local:h1").unwrap(), name: UserName::try_from(name).unwrap() }
}

#[test]
fn a_first_start_and_an_upgrade_are_in_no_doubt_and_an_older_copy_is() {
    let folder = folder();
    assert_eq!(found(&folder, standing(0, 0)), None);
    assert_eq!(found(&folder, standing(0, 100)), None);
    assert_eq!(found(&folder, Standing { is_stamped: true, ..standing(0, 100) }), None, "the same store");
    assert_eq!(found(&folder, standing(0, 99)), Some(Doubt::Older));
}

#[test]
fn an_older_copy_stays_in_doubt_however_often_it_is_written_until_it_is_accepted() {
    let folder = folder();
    assert_eq!(found(&folder, standing(0, 100)), None);
    for generation in [99, 100, 101, 5000] {
        assert_eq!(found(&folder, standing(0, generation)), Some(Doubt::Older), "{generation}");
    }
    let opened = keeper(&folder);
    assert_eq!(opened.observe(&standing(0, 5000)).unwrap(), Some(Doubt::Older));
    opened.accept(&standing(1, 5001)).unwrap();
    assert_eq!(opened.doubt(), None);
    assert_eq!(found(&folder, standing(1, 5001)), None);
    assert_eq!(found(&folder, standing(0, 9000)), Some(Doubt::Older), "a copy from before it was accepted");
}

#[test]
fn a_restore_that_another_host_accepted_is_accepted_here() {
    let folder = folder();
    let opened = StampKeeper::open(Some(folder.path().to_owned()), Reach::Fleet);
    assert_eq!(opened.observe(&standing(0, 100)).unwrap(), None);
    assert_eq!(opened.observe(&standing(0, 50)).unwrap(), Some(Doubt::Older));
    assert_eq!(opened.observe(&standing(1, 51)).unwrap(), None);
    assert_eq!(opened.observe(&standing(1, 52)).unwrap(), None);
}

#[test]
fn another_store_and_a_stamp_that_is_gone_or_spoiled_are_in_doubt() {
    let folder = folder();
    assert_eq!(found(&folder, standing(0, 100)), None);
    assert_eq!(found(&folder, Standing { store: [8; 16], ..standing(0, 900) }), Some(Doubt::Foreign));
    assert_eq!(found(&folder, standing(0, 101)), None, "the right one was put back");
    let stamp = folder.path().join("stamp");
    let whole = fs::read_to_string(&stamp).unwrap();
    for text in ["", "{", "[]", "null", "{\"store\":\"07\"}", &whole[..whole.len() - 1]] {
        fs::write(&stamp, text).unwrap();
        assert_eq!(found(&folder, standing(0, 200)), Some(Doubt::Unreadable), "{text:?}");
    }
    fs::remove_file(&stamp).unwrap();
    assert_eq!(found(&folder, Standing { is_stamped: true, ..standing(0, 200) }), Some(Doubt::Missing));
    let in_a_fleet = StampKeeper::open(Some(folder.path().to_owned()), Reach::Fleet);
    assert_eq!(in_a_fleet.observe(&Standing { is_stamped: true, ..standing(0, 200) }).unwrap(), None);
}

#[test]
fn a_host_that_joins_a_fleet_or_leaves_it_is_in_no_doubt() {
    let folder = folder();
    let fleet = Standing { store: [8; 16], is_stamped: true, ..standing(0, 900) };
    let in_the_fleet = || StampKeeper::open(Some(folder.path().to_owned()), Reach::Fleet);
    assert_eq!(found(&folder, standing(0, 100)), None);
    assert_eq!(in_the_fleet().observe(&fleet).unwrap(), None);
    assert_eq!(found(&folder, Standing { is_stamped: true, ..standing(0, 100) }), None);
    // Each keeps what was seen of it.
    assert_eq!(found(&folder, standing(0, 99)), Some(Doubt::Older));
    let older = Standing { generation: 899, ..fleet };
    assert_eq!(in_the_fleet().observe(&older).unwrap(), Some(Doubt::Older));
    let other = Standing { store: [9; 16], ..fleet };
    assert_eq!(in_the_fleet().observe(&other).unwrap(), Some(Doubt::Foreign));
}

#[test]
fn without_its_folder_the_stamp_is_not_taken_for_missing() {
    let folder = folder();
    let path = folder.path().join("gone");
    assert_eq!(
        StampKeeper::open(Some(path), Reach::Host).observe(&standing(0, 1)).unwrap(),
        Some(Doubt::Unreadable)
    );
    assert_eq!(StampKeeper::open(None, Reach::Host).observe(&standing(0, 1)).unwrap(), None);
}

#[test]
fn what_was_altered_is_known_after_a_restart_with_the_newest_revision() {
    let folder = folder();
    let opened = keeper(&folder);
    assert_eq!(opened.observe(&standing(0, 100)).unwrap(), None);
    opened.remember(vec![(key("alice"), 3), (key("bob"), 1)]).unwrap();
    opened.remember(vec![(key("alice"), 5)]).unwrap();
    drop(opened);
    let mut file = OpenOptions::new().append(true).open(folder.path().join("changes")).unwrap();
    file.write_all(b"{\"realm\":\"local:h1\",\"name\":\"car").unwrap();
    let copy = standing(0, 99);
    for expected in [false, true] {
        let opened = keeper(&folder);
        let copy = if expected { standing(0, 100) } else { copy };
        assert_eq!(opened.observe(&copy).unwrap(), Some(Doubt::Older));
        let listed = vec![(key("alice"), 5), (key("bob"), 1)];
        assert_eq!(opened.altered(&copy), (listed, expected), "the list begins at generation 100");
    }
}

#[test]
fn a_list_that_cannot_be_believed_or_is_full_does_not_reach_back() {
    let folder = folder();
    let opened = keeper(&folder);
    assert_eq!(opened.observe(&standing(0, 100)).unwrap(), None);
    let many = |number| (0..number).map(|user| (key(&format!("user{user}")), 1)).collect();
    opened.remember(many(changes::LIMIT)).unwrap();
    assert_eq!(opened.observe(&standing(0, 500)).unwrap(), None);
    opened.remember(vec![(key("alice"), 2)]).unwrap();
    assert_eq!(opened.observe(&standing(0, 400)).unwrap(), Some(Doubt::Older));
    assert_eq!(opened.altered(&standing(0, 400)), (vec![(key("alice"), 2)], false));
    fs::write(folder.path().join("changes"), "{\"from\":1}\n{}\n").unwrap();
    let opened = keeper(&folder);
    assert_eq!(opened.observe(&standing(0, 400)).unwrap(), Some(Doubt::Older));
    assert_eq!(opened.altered(&standing(0, 400)), (Vec::new(), false));
}
