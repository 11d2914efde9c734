//! Row D4: when wrong codes lock, for how long, and whose.

use std::time::Duration;

use countersign_core::account::{KNOWN_SOURCE_SECONDS, KnownSource};
use countersign_core::login::{LoginRequest, Source};
use countersign_core::throttle::{
    Bucket, Counter, DAY, ELEVATION_LIMIT, Limits, Standing, Throttle, UNTIL_RESET,
};
use countersign_core::time::WallTime;
use proptest::prelude::*;

use crate::people::{account, at, from, person, request};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const START: u64 = 1_790_000_000;

fn limits() -> Limits {
    Limits::default()
}

/// Charges until the bucket locks and tells how many it took and until when it is locked.
fn charge_until_locked(throttle: &mut Throttle, bucket: Bucket, time: u64) -> (u32, u64) {
    for count in 1..=1000 {
        if let Standing::Locked { until } = throttle.charge(bucket, at(time), &limits()) {
            return (count, until.as_seconds());
        }
    }
    panic!("nothing ever locked");
}

#[test]
fn five_wrong_codes_in_fifteen_minutes_lock_for_thirty() {
    let mut throttle = Throttle::default();
    for minute in [0, 3, 6, 9] {
        let standing = throttle.charge(Bucket::UnknownSource, at(START + minute * MINUTE), &limits());
        assert_eq!(standing, Standing::Open);
    }
    let last = START + 14 * MINUTE + 59;
    let until = at(last + 30 * MINUTE);
    assert_eq!(throttle.charge(Bucket::UnknownSource, at(last), &limits()), Standing::Locked { until });
    assert_eq!(
        throttle.standing(Bucket::UnknownSource, until.before(Duration::from_secs(1))),
        Standing::Locked { until }
    );
    assert_eq!(throttle.standing(Bucket::UnknownSource, until), Standing::Open);
}

#[test]
fn five_wrong_codes_over_more_than_fifteen_minutes_do_not_lock() {
    let mut throttle = Throttle::default();
    for minute in [0, 4, 8, 12, 15, 19] {
        let standing = throttle.charge(Bucket::UnknownSource, at(START + minute * MINUTE), &limits());
        assert_eq!(standing, Standing::Open, "at minute {minute}");
    }
}

#[test]
fn each_further_lock_is_twice_as_long_up_to_a_day() {
    // The day's count is out of the way here; it has tests of its own.
    let limits = Limits { daily: 1000, in_a_row: 1000, ..limits() };
    let mut throttle = Throttle::default();
    let mut time = START;
    for hours in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 24.0] {
        let mut standing = Standing::Open;
        for _ in 0..5 {
            standing = throttle.charge(Bucket::KnownSource, at(time), &limits);
        }
        let lock = Duration::from_secs_f64(hours * 3600.0);
        assert_eq!(standing, Standing::Locked { until: at(time).after(lock) }, "after {hours} h");
        time += lock.as_secs();
    }
}

#[test]
fn after_a_lock_it_takes_five_more_even_where_the_window_is_longer_than_the_lock() {
    let limits = Limits { window: Duration::from_secs(2 * HOUR), ..limits() };
    let mut throttle = Throttle::default();
    for _ in 0..5 {
        let _ = throttle.charge(Bucket::Console, at(START), &limits);
    }
    for _ in 0..4 {
        let standing = throttle.charge(Bucket::Console, at(START + 30 * MINUTE), &limits);
        assert_eq!(standing, Standing::Open);
    }
    let standing = throttle.charge(Bucket::Console, at(START + 30 * MINUTE), &limits);
    assert_eq!(standing, Standing::Locked { until: at(START + 90 * MINUTE) });
}

#[test]
fn refused_answers_neither_extend_a_lock_nor_shorten_it() {
    let mut throttle = Throttle::default();
    let (_, until) = charge_until_locked(&mut throttle, Bucket::UnknownSource, START);
    let locked = throttle.clone();
    for time in [START, START + MINUTE, until - 1] {
        let standing = throttle.charge(Bucket::UnknownSource, at(time), &limits());
        assert_eq!(standing, Standing::Locked { until: at(until) });
        throttle.succeed(Bucket::UnknownSource, at(time));
    }
    assert_eq!(throttle, locked);
}

#[test]
fn a_right_code_ends_the_row_and_the_doubling() {
    let mut throttle = Throttle::default();
    let (count, until) = charge_until_locked(&mut throttle, Bucket::UnknownSource, START);
    assert_eq!((count, until), (5, START + 30 * MINUTE));
    for _ in 0..4 {
        let _ = throttle.charge(Bucket::UnknownSource, at(until), &limits());
    }
    throttle.succeed(Bucket::UnknownSource, at(until));
    let (count, again) = charge_until_locked(&mut throttle, Bucket::UnknownSource, until + 1);
    assert_eq!((count, again), (5, until + 1 + 30 * MINUTE), "a new row, and the first lock again");
}

#[test]
fn twenty_wrong_codes_in_a_day_lock_however_many_right_ones_lie_between() {
    let mut throttle = Throttle::default();
    for count in 0..19 {
        let time = at(START + count * HOUR / 2);
        assert_eq!(throttle.charge(Bucket::KnownSource, time, &limits()), Standing::Open, "after {count}");
        throttle.succeed(Bucket::KnownSource, time);
    }
    let until = at(START).after(DAY);
    let standing = throttle.charge(Bucket::KnownSource, at(START + 10 * HOUR), &limits());
    assert_eq!(standing, Standing::Locked { until }, "until the oldest is a day old");
    assert_eq!(throttle.standing(Bucket::KnownSource, until), Standing::Open);
}

#[test]
fn what_is_a_day_old_counts_no_more() {
    let wrong_at = |last: u64| {
        let mut throttle = Throttle::default();
        for _ in 0..19 {
            let _ = throttle.charge(Bucket::KnownSource, at(START), &limits());
            throttle.succeed(Bucket::KnownSource, at(START));
        }
        throttle.charge(Bucket::KnownSource, at(last), &limits())
    };
    assert_ne!(wrong_at(START + DAY.as_secs() - 1), Standing::Open);
    assert_eq!(wrong_at(START + DAY.as_secs()), Standing::Open);
}

#[test]
fn the_lock_of_the_day_is_never_shorter_than_a_lock() {
    let mut throttle = Throttle::default();
    for count in 0..19 {
        let time = at(START + count * 75 * MINUTE);
        let _ = throttle.charge(Bucket::KnownSource, time, &limits());
        throttle.succeed(Bucket::KnownSource, time);
    }
    let late = START + 24 * HOUR - MINUTE;
    let standing = throttle.charge(Bucket::KnownSource, at(late), &limits());
    assert_eq!(standing, Standing::Locked { until: at(late + 30 * MINUTE) });
}

#[test]
fn a_hundred_in_a_row_need_a_reset_and_no_unlocking_helps() {
    let mut throttle = Throttle::default();
    let mut time = START;
    for _ in 0..99 {
        let standing = throttle.charge(Bucket::UnknownSource, at(time), &limits());
        assert_ne!(standing, Standing::NeedsReset);
        time += 3 * 24 * HOUR;
    }
    assert_eq!(throttle.charge(Bucket::UnknownSource, at(time), &limits()), Standing::NeedsReset);
    throttle.unlock();
    throttle.succeed(Bucket::UnknownSource, at(time));
    assert_eq!(throttle.standing(Bucket::UnknownSource, at(time + 1000 * 24 * HOUR)), Standing::NeedsReset);
    assert_eq!(throttle.standing(Bucket::KnownSource, at(time)), Standing::Open, "the owner still gets in");
}

#[test]
fn unlocking_ends_every_lock_but_not_the_row() {
    let mut throttle = Throttle::default();
    for bucket in [Bucket::UnknownSource, Bucket::Elevation(1000)] {
        charge_until_locked(&mut throttle, bucket, START);
    }
    assert_ne!(throttle.worst(at(START)), Standing::Open);
    throttle.unlock();
    assert_eq!(throttle.worst(at(START)), Standing::Open);
    assert_eq!(throttle.buckets[&Bucket::UnknownSource], Counter { in_a_row: 5, ..Counter::default() });
    for _ in 0..95 {
        throttle.unlock();
        let _ = throttle.charge(Bucket::UnknownSource, at(START), &limits());
    }
    let standing = throttle.standing(Bucket::UnknownSource, at(START));
    assert_eq!(standing, Standing::NeedsReset, "unlocking again and again does not lift the hard stop");
}

#[test]
fn a_locked_bucket_locks_no_other() {
    let buckets = [
        Bucket::Console,
        Bucket::Elevation(0),
        Bucket::Elevation(1000),
        Bucket::KnownSource,
        Bucket::UnknownSource,
    ];
    for locked in buckets {
        let mut throttle = Throttle::default();
        charge_until_locked(&mut throttle, locked, START);
        for other in buckets.into_iter().filter(|other| *other != locked) {
            assert_eq!(throttle.standing(other, at(START)), Standing::Open, "{locked:?} locked {other:?}");
        }
    }
}

#[test]
fn the_worst_standing_is_that_of_the_longest_lock() {
    let mut throttle = Throttle::default();
    assert_eq!(throttle.worst(at(START)), Standing::Open);
    charge_until_locked(&mut throttle, Bucket::Console, START);
    let (_, later) = charge_until_locked(&mut throttle, Bucket::KnownSource, START + MINUTE);
    assert_eq!(throttle.worst(at(START + MINUTE)), Standing::Locked { until: at(later) });
    throttle
        .buckets
        .insert(Bucket::UnknownSource, Counter { locked_until: Some(UNTIL_RESET), ..Counter::default() });
    assert_eq!(throttle.worst(at(START + MINUTE)), Standing::NeedsReset);
}

#[test]
fn a_seventeenth_uid_takes_over_the_counts_of_the_least_recently_charged() {
    let mut throttle = Throttle::default();
    for (second, uid) in (0..).zip(1000..1016) {
        for _ in 0..4 {
            let _ = throttle.charge(Bucket::Elevation(uid), at(START + second), &limits());
        }
    }
    let newcomer = Bucket::Elevation(2000);
    assert_eq!(throttle.standing(newcomer, at(START + 20)), Standing::Open);
    let standing = throttle.charge(newcomer, at(START + 20), &limits());
    assert_eq!(
        standing,
        Standing::Locked { until: at(START + 20 + 30 * MINUTE) },
        "no free guess by rotation"
    );
    assert!(!throttle.buckets.contains_key(&Bucket::Elevation(1000)));
    assert_eq!(throttle.buckets.len(), ELEVATION_LIMIT);
}

#[test]
fn a_locked_uid_is_passed_over_when_room_is_made() {
    let mut throttle = Throttle::default();
    charge_until_locked(&mut throttle, Bucket::Elevation(1000), START);
    for (second, uid) in (1..).zip(1001..1016) {
        let _ = throttle.charge(Bucket::Elevation(uid), at(START + second), &limits());
    }
    let standing = throttle.charge(Bucket::Elevation(2000), at(START + 20), &limits());
    assert_eq!(standing, Standing::Open);
    assert_ne!(throttle.standing(Bucket::Elevation(1000), at(START + 20)), Standing::Open);
    assert!(!throttle.buckets.contains_key(&Bucket::Elevation(1001)), "the next one made room");
}

#[test]
fn a_locked_uid_never_makes_room_and_where_all_are_locked_a_further_one_is_too() {
    let mut throttle = Throttle::default();
    for (second, uid) in (0..).zip(1000..1016) {
        charge_until_locked(&mut throttle, Bucket::Elevation(uid), START + second);
    }
    let full = throttle.clone();
    let first_end = at(START + 30 * MINUTE);
    let newcomer = Bucket::Elevation(2000);
    assert_eq!(throttle.standing(newcomer, at(START + 20)), Standing::Locked { until: first_end });
    assert_eq!(throttle.charge(newcomer, at(START + 20), &limits()), Standing::Locked { until: first_end });
    assert_eq!(throttle, full);
    assert_eq!(throttle.standing(newcomer, first_end), Standing::Open);
    assert_eq!(throttle.standing(Bucket::Console, at(START + 20)), Standing::Open);
}

#[test]
fn lower_limits_hold_for_what_was_counted_under_higher_ones() {
    let mut throttle = Throttle::default();
    let loose = Limits { failures: 50, daily: 50, ..limits() };
    for _ in 0..30 {
        let _ = throttle.charge(Bucket::Console, at(START), &loose);
    }
    let standing = throttle.charge(Bucket::Console, at(START), &limits());
    assert_eq!(standing, Standing::Locked { until: at(START).after(DAY) });
    assert_eq!(throttle.buckets[&Bucket::Console].recent.len(), 20);
}

fn bucket_of(service: &str, source: Source, change: impl FnOnce(&mut LoginRequest)) -> Bucket {
    let mut request = request(person("alice", 1000, &[]), service, source);
    change(&mut request);
    let mut account = account("alice");
    account.known_sources = vec![KnownSource { address: "198.51.100.7".parse().unwrap(), last: at(START) }];
    Bucket::of(&request, &account, at(START + KNOWN_SOURCE_SECONDS))
}

#[test]
fn answers_are_counted_by_where_they_come_from() {
    let known = from("198.51.100.7");
    for service in ["login", "gdm-password", "sddm", "lightdm"] {
        assert_eq!(bucket_of(service, Source::Local, |_| {}), Bucket::Console);
        assert_eq!(bucket_of(service, known, |_| {}), Bucket::KnownSource, "telnet is no console");
        assert_eq!(bucket_of(service, Source::Unknown, |_| {}), Bucket::UnknownSource);
    }
    for service in ["sudo", "sudo-i", "su", "su-l", "polkit-1"] {
        let asked_by_dora = |request: &mut LoginRequest| request.requesting_uid = Some(1001);
        assert_eq!(bucket_of(service, Source::Local, asked_by_dora), Bucket::Elevation(1001));
        assert_eq!(bucket_of(service, known, asked_by_dora), Bucket::Elevation(1001));
        assert_eq!(bucket_of(service, Source::Local, |_| {}), Bucket::Elevation(0));
    }
    assert_eq!(bucket_of("sshd", known, |_| {}), Bucket::KnownSource);
    assert_eq!(bucket_of("sshd", from("::ffff:198.51.100.7"), |_| {}), Bucket::KnownSource);
    assert_eq!(bucket_of("sshd", from("198.51.100.8"), |_| {}), Bucket::UnknownSource);
    assert_eq!(bucket_of("sshd", from("2001:db8::8"), |_| {}), Bucket::UnknownSource);
    assert_eq!(bucket_of("sshd", Source::Unknown, |_| {}), Bucket::UnknownSource);
    assert_eq!(bucket_of("sshd", Source::Local, |_| {}), Bucket::UnknownSource);
}

#[test]
fn a_caller_other_than_root_fills_its_own_bucket_only() {
    for service in ["login", "sshd", "sudo", "kde"] {
        let pretending = |request: &mut LoginRequest| {
            request.caller_uid = 1001;
            request.requesting_uid = Some(0);
        };
        assert_eq!(bucket_of(service, Source::Local, pretending), Bucket::Elevation(1001));
        assert_eq!(bucket_of(service, from("198.51.100.7"), pretending), Bucket::Elevation(1001));
    }
}

/// What happens to a throttle.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Wrong(Bucket),
    Right(Bucket),
    Wait(u64),
}

fn any_bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![
        Just(Bucket::Console),
        Just(Bucket::KnownSource),
        Just(Bucket::UnknownSource),
        (0_u32..24).prop_map(Bucket::Elevation),
    ]
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => any_bucket().prop_map(Deed::Wrong),
        1 => any_bucket().prop_map(Deed::Right),
        2 => (0_u64..30).prop_map(|minutes| Deed::Wait(minutes * MINUTE)),
        1 => (0_u64..30).prop_map(|hours| Deed::Wait(hours * HOUR)),
    ]
}

/// A few buckets only, so that long rows come about.
fn one_bucket() -> impl Strategy<Value = Deed> {
    prop_oneof![
        20 => Just(Deed::Wrong(Bucket::UnknownSource)),
        1 => Just(Deed::Right(Bucket::UnknownSource)),
        5 => (0_u64..90).prop_map(|minutes| Deed::Wait(minutes * MINUTE)),
    ]
}

fn end_of(standing: Standing) -> Option<WallTime> {
    match standing {
        Standing::Open => None,
        Standing::Locked { until } => Some(until),
        Standing::NeedsReset => Some(UNTIL_RESET),
    }
}

proptest! {
    #[test]
    fn a_lock_is_never_forgotten_early_and_memory_is_bounded(deeds in proptest::collection::vec(any_deed(), 1..400)) {
        let mut throttle = Throttle::default();
        let mut time = START;
        let mut locks = std::collections::BTreeMap::<Bucket, WallTime>::new();
        for deed in deeds {
            match deed {
                Deed::Wait(seconds) => time += seconds,
                Deed::Right(bucket) => throttle.succeed(bucket, at(time)),
                Deed::Wrong(bucket) => {
                    let standing = throttle.charge(bucket, at(time), &limits());
                    prop_assert_eq!(standing, throttle.standing(bucket, at(time)));
                    if let Some(end) = end_of(standing).filter(|_| throttle.buckets.contains_key(&bucket)) {
                        locks.insert(bucket, end);
                    }
                }
            }
            for (bucket, end) in &locks {
                if at(time) < *end {
                    prop_assert_eq!(end_of(throttle.standing(*bucket, at(time))), Some(*end), "{:?}", bucket);
                }
            }
            prop_assert!(throttle.buckets.len() <= ELEVATION_LIMIT + 3);
            prop_assert!(throttle.buckets.values().all(|counter| counter.recent.len() <= 20));
        }
    }

    #[test]
    fn no_day_sees_more_than_twenty_wrong_codes_and_no_row_more_than_a_hundred(
        deeds in proptest::collection::vec(one_bucket(), 1..600),
    ) {
        let bucket = Bucket::UnknownSource;
        let mut throttle = Throttle::default();
        let mut time = START;
        let mut evaluated: Vec<u64> = Vec::new();
        let mut row = 0;
        for deed in deeds {
            match deed {
                Deed::Wait(seconds) => time += seconds,
                Deed::Right(_) => if throttle.standing(bucket, at(time)) == Standing::Open {
                    throttle.succeed(bucket, at(time));
                    row = 0;
                }
                Deed::Wrong(_) => if throttle.standing(bucket, at(time)) == Standing::Open {
                    let _ = throttle.charge(bucket, at(time), &limits());
                    evaluated.push(time);
                    row += 1;
                }
            }
            let today = evaluated.iter().filter(|then| time - **then < DAY.as_secs()).count();
            let lately = evaluated.iter().filter(|then| time - **then < 15 * MINUTE).count();
            prop_assert!(today <= 20, "{} in a day", today);
            prop_assert!(lately <= 20);
            prop_assert!(row <= 100);
        }
    }
}
