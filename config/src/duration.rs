//! Durations as they are written: a whole number and one unit.
//!
//! Owns reading and writing of `30s`, `15m`, `4h`, `7d`.

use std::time::Duration;

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = if plain { digits.parse().ok()? } else { return None };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Writes a duration in the largest unit that divides it.
pub(crate) fn write(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60)];
    let unit = units.into_iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
    unit.map_or_else(|| format!("{seconds}s"), |(name, length)| format!("{}{name}", seconds / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [("30s", 30), ("15m", 900), ("4h", 14_400), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "",
            "15",
            "m",
            "15 m",
            "1h30m",
            "-5m",
            "+5m",
            "1.5h",
            "15M",
            "15min",
            "99999999999999999999d",
            "9m\u{661}d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for seconds in [0, 1, 30, 60, 61, 900, 3600, 86_400, 90_000, 604_800] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse(&write(duration)), Some(duration));
        }
        assert_eq!(write(Duration::from_hours(24)), "1d");
    }
}
