//! Lists of thousands on a host with many local users: what `user import` and `user list` ask of the service.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use countersign_protocol::proxies::AdminProxy;
use zbus::Variant;

use super::GROUP_IS_ASKED;
use crate::harness::House;
use crate::harness::bus::{Bus, admin, switch, text};
use crate::room::Room;

/// Users of the host, all of them in the group of the rule.
const USERS: usize = 20_000;
/// How many of them the lists have: fewer, as this build is not optimized.
const ROWS: usize = 2_000;
/// Rows of one call of `user import`.
const BATCH: usize = 500;
/// What it may all take. Searching the files for each row takes minutes in such a build.
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn lists_of_thousands_are_imported_and_listed_in_seconds() {
    let Some(room) = Room::enter("bulk::lists_of_thousands_are_imported_and_listed_in_seconds") else {
        return;
    };
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number}")).collect();
    let mut passwd = "root:x:0:0:root:/root:/bin/sh\n".to_owned();
    for (uid, name) in (10_000..).zip(&names) {
        writeln!(passwd, "{name}:x:{uid}:100:{name},,,:/home/{name}:/bin/sh").unwrap();
    }
    std::fs::write(room.path("passwd"), passwd).unwrap();
    std::fs::write(room.path("group"), format!("users:x:100:\ng3:x:101:{}\n", names.join(","))).unwrap();
    room.switch("files");
    let mut house = House::build(GROUP_IS_ASKED);
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let listed = &names[USERS - ROWS..];

    let begun = Instant::now();
    assert_eq!(import(&admin, listed, ("check", Variant::from(true))).await, ROWS);
    eprintln!("checked {ROWS}: {:?}", begun.elapsed());
    assert_eq!(import(&admin, listed, ("reason", Variant::from("form 12"))).await, ROWS);
    eprintln!("imported {ROWS}: {:?}", begun.elapsed());
    assert_eq!(list(&admin).await, ROWS);
    eprintln!("listed {ROWS}: {:?}", begun.elapsed());
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    assert!(house.stop().success());
}

/// Brings the rows to the service as the command line does; tells how many changed something or would.
async fn import(admin: &AdminProxy<'_>, names: &[String], option: (&'static str, Variant<'static>)) -> usize {
    let options = HashMap::from([option]);
    let mut changed = 0;
    for (line, batch) in (2_u32..).step_by(BATCH).zip(names.chunks(BATCH)) {
        let addresses: Vec<String> = batch.iter().map(|name| format!("{name}@example.org")).collect();
        let rows: Vec<_> = (line..).zip(batch.iter().zip(&addresses)).collect();
        let rows: Vec<_> =
            rows.iter().map(|(line, (name, address))| (*line, name.as_str(), address.as_str(), "")).collect();
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (refused, done, did_change) = admin.import_contacts(rest, options.clone()).await.unwrap();
            assert_eq!(refused, []);
            rest = rest.get(usize::try_from(done).unwrap()..).unwrap();
            changed += usize::try_from(did_change).unwrap();
        }
    }
    changed
}

/// Reads the whole list; each row has the rule of the group.
async fn list(admin: &AdminProxy<'_>) -> usize {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let (rows, next, _) = admin.list_users(&after, 1000).await.unwrap();
        for row in &rows {
            assert_eq!(text(row, "rule"), "third");
            assert!(!switch(row, "gone"));
        }
        count += rows.len();
        if next.is_empty() {
            return count;
        }
        after = next;
    }
}
