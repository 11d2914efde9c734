//! Which dialogue of a user makes room where the user has as many as are allowed.
//!
//! Owns the order: a stranger makes room for a stranger, and never takes the place of the owner. The bucket of a
//! dialogue says who it belongs to; within a bucket the source with the most dialogues gives one up, so that one address
//! cannot crowd out all others. Leaves the number that is allowed to the engine.

use std::cmp::Reverse;
use std::time::Duration;

use super::Bucket;
use crate::login::Source;

/// A dialogue of a user, as far as it matters for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Where its answers are counted.
    pub bucket: Bucket,
    /// Where it comes from.
    pub source: Source,
    /// Whether its prompt was ever answered.
    pub answered: bool,
    /// When it began, since boot.
    pub begun: Duration,
}

impl Seat {
    /// Tells whether the dialogue can hardly be a stranger's: at the console, at a known source, or begun by the user's
    /// own uid, which is `owner`.
    fn is_owned(&self, owner: Option<u32>) -> bool {
        match self.bucket {
            Bucket::Console | Bucket::KnownSource => true,
            Bucket::Elevation(uid) => owner == Some(uid),
            Bucket::UnknownSource => false,
        }
    }

    /// Tells what competes for room as one.
    fn party(&self) -> (Bucket, Source) {
        (self.bucket, self.source.network())
    }
}

/// Chooses which of the `seats` makes room for a newcomer; none where the newcomer is refused.
///
/// A stranger takes a place of the stranger's own bucket, else of another stranger, and never one of the owner. The
/// owner takes a stranger's place, else one of the owner's own bucket, else any. Where several would do, the source with
/// the most dialogues gives one up, the newcomer counted with its own; then one that was never answered; then the oldest.
#[must_use]
pub fn make_room(newcomer: &Seat, owner: Option<u32>, seats: &[Seat]) -> Option<usize> {
    let own = |seat: &Seat| seat.bucket == newcomer.bucket;
    let stranger = |seat: &Seat| !seat.is_owned(owner);
    let any = |_: &Seat| true;
    if newcomer.is_owned(owner) {
        choose(newcomer, seats, stranger)
            .or_else(|| choose(newcomer, seats, own))
            .or_else(|| choose(newcomer, seats, any))
    } else {
        choose(newcomer, seats, own).or_else(|| choose(newcomer, seats, stranger))
    }
}

fn choose(newcomer: &Seat, seats: &[Seat], fits: impl Fn(&Seat) -> bool) -> Option<usize> {
    let is_own = |seat: &Seat| seat.party() == newcomer.party();
    let crowd = |seat: &Seat| {
        let others = seats.iter().filter(|other| other.party() == seat.party()).count();
        others.saturating_add(usize::from(is_own(seat)))
    };
    let order = |seat: &Seat| {
        let is_foreign = !is_own(seat);
        (Reverse(crowd(seat)), is_foreign, is_foreign && seat.answered, seat.begun)
    };
    let fitting = seats.iter().enumerate().filter(|(_, seat)| fits(seat));
    fitting.min_by_key(|(_, seat)| order(seat)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Option<u32> = Some(1000);

    fn seat(bucket: Bucket, from: &str, begun: u64) -> Seat {
        let source = from.parse().map_or(Source::Local, Source::Address);
        Seat { bucket, source, answered: false, begun: Duration::from_secs(begun) }
    }

    fn unknown(from: &str, begun: u64) -> Seat {
        seat(Bucket::UnknownSource, from, begun)
    }

    #[test]
    fn a_stranger_takes_the_place_of_a_stranger_and_never_the_owners() {
        let owners = [
            seat(Bucket::Console, "", 0),
            seat(Bucket::KnownSource, "198.51.100.7", 1),
            seat(Bucket::Elevation(1000), "", 2),
        ];
        let mut seats = owners.to_vec();
        seats.push(unknown("203.0.113.1", 3));
        for newcomer in
            [unknown("203.0.113.1", 9), unknown("192.0.2.1", 9), seat(Bucket::Elevation(7), "", 9)]
        {
            assert_eq!(make_room(&newcomer, OWNER, &seats), Some(3), "{newcomer:?}");
            assert_eq!(make_room(&newcomer, OWNER, &owners), None, "{newcomer:?}");
        }
    }

    #[test]
    fn the_owner_takes_a_strangers_place_and_else_one_of_the_same_bucket() {
        let known = seat(Bucket::KnownSource, "198.51.100.7", 9);
        let mut seats = vec![seat(Bucket::Console, "", 0), seat(Bucket::KnownSource, "198.51.100.7", 1)];
        assert_eq!(make_room(&known, OWNER, &seats), Some(1));
        assert_eq!(make_room(&seat(Bucket::Elevation(1000), "", 9), OWNER, &seats), Some(0));
        seats.push(unknown("203.0.113.1", 8));
        assert_eq!(make_room(&known, OWNER, &seats), Some(2));
    }

    #[test]
    fn the_source_with_the_most_dialogues_gives_one_up() {
        let mut seats: Vec<Seat> = (0..7).map(|begun| unknown("203.0.113.1", begun + 1)).collect();
        seats.push(unknown("192.0.2.1", 0));
        assert_eq!(make_room(&unknown("198.51.100.7", 9), OWNER, &seats), Some(0));
        assert_eq!(make_room(&unknown("203.0.113.1", 9), OWNER, &seats), Some(0));
        // Who has as many as any other gives up one of their own.
        let two = [unknown("203.0.113.1", 1), unknown("203.0.113.1", 2), unknown("192.0.2.1", 3)];
        assert_eq!(make_room(&unknown("192.0.2.1", 9), OWNER, &two), Some(2));
    }

    #[test]
    fn a_network_of_64_bits_is_one_source_and_a_mapped_address_is_ipv4() {
        let mut seats: Vec<Seat> = (1..=2).map(|host| unknown(&format!("2001:db8::{host}"), host)).collect();
        seats.push(unknown("2001:db8:0:1::1", 0));
        assert_eq!(make_room(&unknown("198.51.100.7", 9), OWNER, &seats), Some(0));
        let seats =
            [unknown("::ffff:203.0.113.1", 1), unknown("203.0.113.1", 2), unknown("::ffff:192.0.2.1", 0)];
        assert_eq!(make_room(&unknown("198.51.100.7", 9), OWNER, &seats), Some(0));
    }

    #[test]
    fn among_equals_one_without_an_answer_goes_first_and_then_the_oldest() {
        let mut seats = [unknown("192.0.2.1", 1), unknown("192.0.2.2", 2), unknown("192.0.2.3", 3)];
        let newcomer = unknown("192.0.2.4", 9);
        assert_eq!(make_room(&newcomer, OWNER, &seats), Some(0));
        seats[0].answered = true;
        assert_eq!(make_room(&newcomer, OWNER, &seats), Some(1));
    }
}
