//! How much fits into one text message: more in the alphabet of GSM 03.38 than in any other.

/// The most of a text message in the alphabet of GSM 03.38, in units.
const GSM_LIMIT: usize = 160;
/// The most of a text message in any other alphabet (UCS-2), in units.
const WIDE_LIMIT: usize = 70;
/// GSM 03.38, the basic table less its controls and Greek.
const GSM: &str = "@£$¥èéùìòÇØøÅå_ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// GSM 03.38, the extension table: two units each.
const GSM_EXTENSION: &str = "^{}\\[~]|€";

/// Tells whether a text goes out as one text message.
pub(super) fn is_one_message(text: &str) -> bool {
    let mut units: usize = 0;
    for character in text.chars() {
        units += match (GSM.contains(character), GSM_EXTENSION.contains(character)) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => return text.encode_utf16().count() <= WIDE_LIMIT,
        };
    }
    units <= GSM_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_gsm_letters_has_160_units_and_any_other_70() {
        assert!(is_one_message(&"ü".repeat(160)) && !is_one_message(&"ü".repeat(161)));
        assert!(is_one_message(&"€".repeat(80)) && !is_one_message(&"€".repeat(81)));
        assert!(is_one_message(&"码".repeat(70)) && !is_one_message(&"码".repeat(71)));
        assert!(is_one_message(&"🙂".repeat(35)) && !is_one_message(&"🙂".repeat(36)));
        assert!(!is_one_message(&("ç".to_owned() + &"x".repeat(70))));
    }
}
