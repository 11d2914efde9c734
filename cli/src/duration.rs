//! Durations as they are typed: a whole number and one of s, m, h, d.

use std::fmt;
use std::str::FromStr;

/// A duration in whole seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u32);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a whole number and one of s, m, h, d, such as 30m, 1h or 7d";
        let unit = text.chars().last().ok_or(EXPECTED)?;
        let seconds: u32 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(EXPECTED),
        };
        let digits = text.strip_suffix(unit).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EXPECTED);
        }
        let number: u32 = digits.parse().map_err(|_| EXPECTED)?;
        let seconds = number.checked_mul(seconds).ok_or("that is too long")?;
        if seconds == 0 { Err("that is no time at all") } else { Ok(Self(seconds)) }
    }
}

impl fmt::Display for Seconds {
    /// Writes it with the largest unit that leaves a whole number.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = self;
        for (unit, length) in [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60)] {
            if *seconds > 0 && seconds.is_multiple_of(length) {
                return write!(formatter, "{}{unit}", seconds.checked_div(length).unwrap_or_default());
            }
        }
        write!(formatter, "{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [("30s", 30), ("15m", 900), ("1h", 3600), ("7d", 604_800)] {
            assert_eq!(text.parse(), Ok(Seconds(seconds)), "{text}");
        }
        for text in
            ["", "1", "h", "1 h", "-1h", "+1h", "1.5h", "1H", "0h", "99999d", "4294967296s", "\u{661}h"]
        {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_may_be_typed() {
        for text in ["30s", "90s", "15m", "36h", "7d"] {
            assert_eq!(text.parse::<Seconds>().unwrap().to_string(), text);
        }
        assert_eq!((Seconds(0).to_string(), Seconds(3600).to_string()), ("0s".to_owned(), "1h".to_owned()));
    }
}
