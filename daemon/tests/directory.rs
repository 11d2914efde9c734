//! The name service under real libc with a backend that hangs, fails and is interrupted as a script says.
//!
//! Each test runs itself again where only it sees the backend: in a mount namespace with files of its own under /etc.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "directory/bulk.rs"]
mod bulk;
mod harness;
#[path = "directory/room.rs"]
mod room;
#[path = "directory/strictest.rs"]
mod strictest;

use std::time::Duration;

use countersign_core::account::HostId;
use countersign_core::login::{Existence, Groups, Origin, Person};
use countersignd::directory::{Directory, DirectoryError, Files, LOOKUP_LIMIT, Probe};
use tokio::task::JoinSet;
use tokio::time::Instant;

use harness::{House, begin};
use room::Room;

/// What a login takes that waits for nobody.
const AT_ONCE: Duration = Duration::from_millis(100);
/// What the machine may add to a limit while others use it too.
const SLACK: Duration = Duration::from_millis(900);

/// Whoever is in the group g3 is asked, and nobody else.
const GROUP_IS_ASKED: &str = "\
[[policy]]
name = \"third\"
groups = [\"g3\"]
require = \"always\"
enroll = \"at-login\"

[default]
require = \"never\"
";

fn directory() -> Directory {
    Directory::with_files(&HostId::try_from("h1").unwrap(), Files::default(), Probe::default()).unwrap()
}

/// A directory whose scripted backend has to answer on a socket, too.
fn probed(room: &Room) -> Directory {
    probed_by(room, "pipe")
}

fn probed_by(room: &Room, socket: &str) -> Directory {
    let probe = Probe::with_socket("scripted", &room.path(socket));
    Directory::with_files(&HostId::try_from("h1").unwrap(), Files::default(), probe).unwrap()
}

/// The person, who has to be known.
async fn known(directory: &Directory, name: &str) -> Person {
    let person = directory.person(name).await.unwrap();
    assert!(matches!(person.existence, Existence::Known { .. }), "{person:?}");
    person
}

fn names(numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|number| format!("g{number}")).collect()
}

#[tokio::test]
async fn the_groups_of_the_directory_are_told_from_none_to_thousands() {
    let Some(room) = Room::enter("the_groups_of_the_directory_are_told_from_none_to_thousands") else {
        return;
    };
    let directory = directory();
    for many in [0, 1, 7, 8, 9, 5_000] {
        room.script(&format!("groups {many}\n"));
        let mut least = LOOKUP_LIMIT;
        for _ in 0..5 {
            let begun = Instant::now();
            known(&directory, "d7").await;
            least = least.min(begun.elapsed());
        }
        assert!(least < Duration::from_millis(200), "{many} groups: {least:?}");
        let person = known(&directory, "d7").await;
        assert_eq!(person.existence, Existence::Known { uid: 70_007, origin: Origin::Directory });
        assert_eq!(person.groups, Groups::Complete(names(0..=many)), "{many}");
        let local = known(&directory, "local").await;
        let expected = [vec!["locals".to_owned()], names(0..=many)].concat();
        assert_eq!(local.groups, Groups::Complete(expected), "a local person is in groups of the directory");
    }
    assert_eq!(directory.person_by_uid(70_007).await.unwrap().unwrap().name.as_str(), "d7");
    assert_eq!(directory.person_by_uid(79_999).await.unwrap(), None);
    assert_eq!(directory.person("d1000").await.unwrap().existence, Existence::Unknown);
}

#[tokio::test]
async fn long_answers_duplicate_names_and_groups_without_a_name_are_taken_for_what_they_are() {
    let Some(room) =
        Room::enter("long_answers_duplicate_names_and_groups_without_a_name_are_taken_for_what_they_are")
    else {
        return;
    };
    let directory = directory();
    room.script("groups 2\ngecos 300000\n");
    assert_eq!(known(&directory, "d1").await.groups, Groups::Complete(names(0..=2)));
    room.script("groups 3\ntwin 2\n");
    assert_eq!(known(&directory, "d1").await.groups, Groups::Complete(names([0, 1, 3].into_iter())));
    room.script("groups 2\nnameless 1\n");
    let expected = ["g0", "60001", "g2"].map(str::to_owned).to_vec();
    assert_eq!(
        known(&directory, "d1").await.groups,
        Groups::Incomplete(expected),
        "a rule may name the group whose name is not told"
    );
    room.switch("files");
    let nameless = known(&directory, "stray").await;
    assert_eq!(nameless.groups, Groups::Complete(vec!["4343".to_owned()]), "the files tell all there is");
}

#[tokio::test]
async fn an_interrupted_look_up_is_made_again_and_a_failed_one_is_not_relied_on() {
    let Some(room) = Room::enter("an_interrupted_look_up_is_made_again_and_a_failed_one_is_not_relied_on")
    else {
        return;
    };
    let directory = directory();
    room.script("groups 4\npasswd interrupted\n");
    assert_eq!(known(&directory, "d1").await.groups, Groups::Complete(names(0..=4)));
    room.script("groups 4\ninitgroups interrupted\n");
    assert_eq!(known(&directory, "local").await.groups.names().len(), 6);
    room.script("groups 4\ninitgroups refused\n");
    assert_eq!(known(&directory, "d1").await.groups, Groups::Incomplete(names(0..1)));
    assert_eq!(known(&directory, "local").await.groups, Groups::Incomplete(vec!["locals".to_owned()]));
    room.script("groups 4\ngroup refused\n");
    assert!(matches!(known(&directory, "d1").await.groups, Groups::Incomplete(_)));
    for passwd in ["refused", "down"] {
        room.script(&format!("passwd {passwd}\n"));
        let refused = directory.person("d1").await;
        assert!(matches!(refused, Err(DirectoryError::Failed(_))), "{passwd}: {refused:?}");
        known(&directory, "local").await;
    }
}

#[tokio::test]
async fn a_backend_that_fails_quietly_is_not_relied_on() {
    let Some(room) = Room::enter("a_backend_that_fails_quietly_is_not_relied_on") else { return };
    // libc passes over the first one and answers from the second.
    for switch in ["files scripted", "scripted files"] {
        room.switch(switch);
        for trouble in ["down", "range"] {
            let directory = directory();
            room.script(&format!("groups 4\ninitgroups {trouble}\n"));
            assert_eq!(known(&directory, "d1").await.groups, Groups::Incomplete(names(0..1)), "{trouble}");
            let of_file = vec!["locals".to_owned()];
            assert_eq!(known(&directory, "local").await.groups, Groups::Incomplete(of_file), "{trouble}");
            room.script(&format!("groups 4\npasswd {trouble}\n"));
            for gone in [directory.person("d1").await.err(), directory.person_by_uid(70_001).await.err()] {
                assert!(matches!(gone, Some(DirectoryError::Failed(_))), "{switch}, {trouble}: {gone:?}");
            }
            known(&directory, "local").await;
        }
    }
    room.script("groups 4\n");
    room.switch("files no-such-backend");
    let of_file = Groups::Incomplete(vec!["locals".to_owned()]);
    assert_eq!(known(&directory(), "local").await.groups, of_file, "a library that is missing tells nothing");
    room.switch("files mymachines systemd");
    assert!(
        matches!(known(&directory(), "local").await.groups, Groups::Complete(_)),
        "one of the host's own may be"
    );
}

#[tokio::test]
async fn the_groups_are_those_that_libc_gives() {
    let Some(room) = Room::enter("the_groups_are_those_that_libc_gives") else { return };
    room.script("groups 3\n");
    for group in
        ["locals:x:4242:\n", "locals:x:4242:\nextra:x:60001:local\n", "locals:x:4242:\nextra:x:9:x, local\n"]
    {
        std::fs::write(room.path("group"), group).unwrap();
        for lines in [
            "group: files scripted",
            "group: scripted files",
            "group: files [NOTFOUND=return] scripted",
            "group: files[SUCCESS=return]scripted",
            "group: files [!UNAVAIL=return] scripted",
            "group: files\ngroup: scripted",
            "group: files scripted\ninitgroups: files scripted",
            "group: files scripted\ninitgroups: files [SUCCESS=continue] scripted",
            "group: files scripted\ninitgroups: scripted files",
            "group: scripted\ninitgroups: files",
            "hosts: files",
        ] {
            std::fs::write(room.path("nsswitch.conf"), format!("passwd: files scripted\n{lines}\n")).unwrap();
            let ours = known(&directory(), "local").await.groups.names().to_vec();
            let gids = nix::unistd::getgrouplist(c"local", 4242.into()).unwrap();
            let name = |gid| {
                nix::unistd::Group::from_gid(gid).unwrap().map_or_else(|| gid.to_string(), |it| it.name)
            };
            let libc: Vec<String> = gids.into_iter().map(name).collect();
            let is_in = |some: &[String], all: &[String]| some.iter().all(|name| all.contains(name));
            // A group of the file goes by the name that stands there, too.
            let ours_alone: Vec<_> = ours.iter().filter(|name| !libc.contains(name)).collect();
            assert!(is_in(&libc, &ours), "{lines}: {ours:?} and {libc:?}");
            assert!(ours_alone.is_empty() || ours_alone == ["extra"], "{lines}: {ours:?} and {libc:?}");
        }
    }
}

#[tokio::test]
async fn a_backend_that_does_not_answer_on_its_socket_is_not_relied_on() {
    let Some(room) = Room::enter("a_backend_that_does_not_answer_on_its_socket_is_not_relied_on") else {
        return;
    };
    room.script("groups 4\n");
    let directory = probed(&room);
    assert_eq!(known(&directory, "d1").await.groups, Groups::Incomplete(names(0..=4)));
    assert!(matches!(directory.person("nobody-of-this-name").await, Err(DirectoryError::Failed(_))));
    let service = room.answer_on("pipe");
    assert_eq!(known(&directory, "d1").await.groups, Groups::Complete(names(0..=4)));
    assert_eq!(directory.person("nobody-of-this-name").await.unwrap().existence, Existence::Unknown);
    service.stop();
    let begun = Instant::now();
    assert_eq!(known(&directory, "local").await.groups, Groups::Incomplete(vec!["locals".to_owned()]));
    assert!(begun.elapsed() < LOOKUP_LIMIT);
    let begun = Instant::now();
    known(&directory, "local").await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_hundred_logins_that_hang_are_refused_in_time_and_delay_nobody_and_come_back_by_themselves() {
    let Some(room) = Room::enter(
        "a_hundred_logins_that_hang_are_refused_in_time_and_delay_nobody_and_come_back_by_themselves",
    ) else {
        return;
    };
    let mut house = House::build(GROUP_IS_ASKED);
    let mut command = house.command(None);
    command.env("LD_LIBRARY_PATH", room.library());
    room.script("groups 2\n");
    house.start_by(command).await;
    assert_eq!(state(&house, "d1").await, "skip");
    assert_eq!(state(&house, "local").await, "skip");

    room.script("groups 2\npasswd hang\ninitgroups hang\ngroup hang\n");
    for round in ["the first hundred", "the second hundred"] {
        let mut logins = JoinSet::new();
        for number in 0..100 {
            let connection = house.connect().await;
            logins.spawn(async move {
                let begun = Instant::now();
                let refused = begin(&connection, &format!("d{number}")).await.is_err();
                (refused, begun.elapsed())
            });
        }
        // People of this host have places of their own.
        let begun = Instant::now();
        assert_eq!(state(&house, "local").await, "ask", "the strictest rule that could apply");
        let local = begun.elapsed();
        let logins = logins.join_all().await;
        let longest = logins.iter().map(|(_, took)| *took).max().unwrap();
        eprintln!("{round}: {longest:?} at most, a local person meanwhile {local:?}");
        assert!(logins.iter().all(|(refused, _)| *refused));
        assert!(longest < LOOKUP_LIMIT + SLACK && local < LOOKUP_LIMIT + SLACK);
    }
    let threads = std::fs::read_dir(format!("/proc/{}/task", house.pid())).unwrap().count();
    assert!(threads < 45, "{threads} threads");
    let mut took = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(state(&house, "local").await, "ask");
        took.push(begun.elapsed());
        let begun = Instant::now();
        assert!(begin(&house.connect().await, "d5").await.is_err());
        took.push(begun.elapsed());
    }
    took.sort();
    let [.., second, longest] = took.as_slice() else { panic!() };
    eprintln!(
        "once the breaker is open: {:?} as a rule, {second:?} and {longest:?} at most",
        took[took.len() / 2]
    );
    // One look-up of each kind may try meanwhile whether the name service is alive.
    assert!(*second < AT_ONCE, "{took:?}");

    room.script("groups 3\n");
    room.hung_look_ups_return().await;
    for (name, expected) in [("d6", "ask"), ("local", "ask")] {
        assert_eq!(state(&house, name).await, expected);
    }
    room.script("groups 2\n");
    for name in ["d6", "local", "d7", "local"] {
        assert_eq!(state(&house, name).await, "skip", "{name}: as before");
    }
    assert!(house.stop().success());
}

/// What a login of this person comes to at once.
async fn state(house: &House, name: &str) -> String {
    begin(&house.connect().await, name).await.unwrap().1
}
