//! RFC 6238, the acceptance rule, and the setup URI.

use std::time::Duration;

use countersign_core::factor::totp::{Algorithm, Digits, Period, SHORT_URI, TotpParameters, Window};
use countersign_core::factor::{Label, Match, Totp};
use countersign_core::secret::Secret;
use countersign_core::typed::canonical;
use proptest::prelude::*;

use crate::people::{Seeded, at};

const PRESENT: u64 = 1_790_000_010; // the first second of a step of 30
const STEP: u64 = PRESENT / 30;

fn totp() -> Totp {
    Totp::generate(TotpParameters::default(), &mut Seeded(7))
}

/// What a phone shows, by an independent path through `totp-rs`.
fn code(totp: &Totp, seconds: u64) -> String {
    let algorithm = match totp.algorithm {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    };
    totp_rs::Builder::new()
        .with_algorithm(algorithm)
        .with_digits(totp.digits.count())
        .with_step_duration(totp.period.seconds())
        .with_secret(totp.secret.expose().clone())
        .build_noncompliant()
        .generate(seconds)
        .to_string()
}

fn after(totp: &Totp, step: u64) -> Totp {
    Totp { last_step: Some(step), ..totp.clone() }
}

#[test]
fn the_vectors_of_rfc_6238_are_accepted() {
    // Appendix B; the seeds are those of its erratum 2866, as long as the hash.
    let seed = |length: usize| "1234567890".bytes().cycle().take(length).collect::<Vec<u8>>();
    let vectors = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (seconds, codes) in vectors {
        let kinds = [(Algorithm::Sha1, 20), (Algorithm::Sha256, 32), (Algorithm::Sha512, 64)];
        for ((algorithm, length), code) in kinds.into_iter().zip(codes) {
            let secret = Secret::new(seed(length));
            let totp = Totp {
                secret,
                algorithm,
                digits: Digits::Eight,
                period: Period::Thirty,
                last_step: None,
                spent: Vec::new(),
            };
            let expected = Match::Accepted { step: seconds / 30 };
            assert_eq!(totp.check(code, at(seconds), Window::Strict), expected, "{algorithm:?} at {seconds}");
            let six = Totp { digits: Digits::Six, ..totp };
            assert_eq!(six.check(&code[2..], at(seconds), Window::Strict), expected);
        }
    }
}

#[test]
fn only_the_exact_ascii_digits_are_a_code() {
    let totp = totp();
    let right = code(&totp, PRESENT);
    assert_eq!(totp.check(&right, at(PRESENT), Window::OneStep), Match::Accepted { step: STEP });
    let arabic: String =
        right.chars().map(|digit| char::from_u32(0x660 + digit.to_digit(10).unwrap()).unwrap()).collect();
    let wide: String =
        right.chars().map(|digit| char::from_u32(0xff10 + digit.to_digit(10).unwrap()).unwrap()).collect();
    let variants = [
        String::new(),
        format!("0{right}"),
        format!("{right}0"),
        format!("+{}", &right[1..]),
        format!(" {right}"),
        format!("{right}\n"),
        format!("{right}\0"),
        right[1..].to_owned(),
        format!("{}.{}", &right[..3], &right[3..]),
        arabic,
        wide,
        "9".repeat(256),
    ];
    for variant in variants {
        assert_eq!(totp.check(&variant, at(PRESENT), Window::OneStep), Match::Wrong, "{variant:?}");
    }
}

#[test]
fn the_window_is_one_step_either_way_and_none_when_strict() {
    let totp = totp();
    for offset in [-2_i64, -1, 0, 1, 2] {
        let shown = code(&totp, PRESENT.checked_add_signed(offset * 30).unwrap());
        let step = STEP.checked_add_signed(offset).unwrap();
        let lenient = if offset.abs() <= 1 { Match::Accepted { step } } else { Match::Wrong };
        let strict = if offset == 0 { Match::Accepted { step } } else { Match::Wrong };
        assert_eq!(totp.check(&shown, at(PRESENT), Window::OneStep), lenient, "{offset}");
        assert_eq!(totp.check(&shown, at(PRESENT), Window::Strict), strict, "{offset}");
    }
}

#[test]
fn a_code_is_not_accepted_again_at_any_later_or_earlier_time() {
    let used = after(&totp(), STEP);
    let same = code(&used, PRESENT);
    for later in [0, 1, 29, 31, 59, 60, 3600] {
        let matched = used.check(&same, at(PRESENT + later), Window::OneStep);
        assert!(matches!(matched, Match::Repeated { .. }), "after {later} s: {matched:?}");
    }
    let earlier = used.check(&same, at(PRESENT - 3600), Window::OneStep);
    assert!(matches!(earlier, Match::Repeated { .. }), "a clock moved back replays nothing: {earlier:?}");
}

#[test]
fn an_older_step_than_the_last_accepted_is_wrong() {
    let used = after(&totp(), STEP);
    assert_eq!(used.check(&code(&used, PRESENT - 30), at(PRESENT), Window::OneStep), Match::Wrong);
    let next = used.check(&code(&used, PRESENT + 30), at(PRESENT), Window::OneStep);
    assert_eq!(next, Match::Accepted { step: STEP + 1 });
}

#[test]
fn of_two_steps_with_the_same_code_the_higher_one_is_taken() {
    // The first two neighboring steps that share a code under the secret of this seed.
    let twin = 35_920_140;
    let totp = totp();
    assert_eq!(code(&totp, twin), code(&totp, twin + 30));
    let shown = code(&totp, twin);
    let higher = Match::Accepted { step: twin / 30 + 1 };
    assert_eq!(totp.check(&shown, at(twin), Window::OneStep), higher);
    assert_eq!(after(&totp, twin / 30).check(&shown, at(twin), Window::OneStep), higher);
    let used = after(&totp, twin / 30 + 1);
    assert!(matches!(used.check(&shown, at(twin), Window::OneStep), Match::Repeated { .. }));
}

#[test]
fn a_repeated_code_tells_how_long_until_the_next_one() {
    let wait = |last: u64, now: u64| match after(&totp(), last).check(
        &code(&totp(), last * 30),
        at(now),
        Window::OneStep,
    ) {
        Match::Repeated { next } => next,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(STEP, PRESENT), Duration::from_secs(30));
    assert_eq!(wait(STEP, PRESENT + 13), Duration::from_secs(17));
    assert_eq!(wait(STEP, PRESENT + 31), Duration::from_secs(29), "the step before was the last");
    assert_eq!(wait(STEP + 1, PRESENT + 13), Duration::from_secs(47), "the phone is a step ahead");
}

#[test]
fn the_ends_of_time_are_no_malfunction() {
    let totp = totp();
    assert_eq!(totp.check(&code(&totp, 0), at(0), Window::OneStep), Match::Accepted { step: 0 });
    assert_eq!(totp.check("000000", at(u64::MAX), Window::Strict), Match::Wrong);
    let _ = totp.check("000000", at(u64::MAX), Window::OneStep);
    let _ = totp.distant_offsets("000000", at(0));
    let _ = totp.distant_offsets("000000", at(u64::MAX));
    let used = after(&totp, u64::MAX);
    assert_eq!(used.check(&code(&totp, PRESENT), at(PRESENT), Window::OneStep), Match::TooEarly);
}

#[test]
fn a_code_of_the_present_after_one_of_a_time_to_come_is_too_early_and_no_other_is() {
    let ahead = after(&totp(), STEP + 240);
    let check = |shown: &str| ahead.check(shown, at(PRESENT), Window::OneStep);
    assert_eq!(check(&code(&ahead, PRESENT)), Match::TooEarly);
    assert_eq!(check(&code(&ahead, PRESENT - 300)), Match::Wrong);
    assert!(matches!(check(&code(&ahead, PRESENT + 7_200)), Match::Repeated { .. }));
    let used = after(&totp(), STEP + 1);
    let within = used.check(&code(&used, PRESENT), at(PRESENT), Window::OneStep);
    assert_eq!(within, Match::Wrong, "a phone that is a step ahead is no fault");
}

#[test]
fn a_code_of_a_distant_step_tells_the_offset_of_the_phone() {
    let totp = totp();
    for offset in [-60_i64, -2, 2, 17, 60] {
        let shown = code(&totp, PRESENT.checked_add_signed(offset * 30).unwrap());
        assert_eq!(totp.distant_offsets(&shown, at(PRESENT)), vec![offset]);
    }
    for near in [-61_i64, 0, 61] {
        let shown = code(&totp, PRESENT.checked_add_signed(near * 30).unwrap());
        assert!(totp.distant_offsets(&shown, at(PRESENT)).is_empty(), "{near}");
    }
    let hourly = Totp { period: Period::Sixty, ..totp };
    let shown = code(&hourly, PRESENT + 30 * 60);
    assert_eq!(hourly.distant_offsets(&shown, at(PRESENT)), vec![30], "thirty minutes, whatever the step");
}

#[test]
fn a_used_code_next_to_the_present_is_no_sign_of_a_wrong_clock() {
    let totp = totp();
    let before = code(&totp, PRESENT - 30);
    assert_eq!(
        totp.distant_offsets(&before, at(PRESENT)),
        vec![-1],
        "refused only when strict: the clock is off"
    );
    let used = after(&totp, STEP);
    assert!(used.distant_offsets(&before, at(PRESENT)).is_empty());
    let long_before = code(&totp, PRESENT - 17 * 30);
    assert_eq!(used.distant_offsets(&long_before, at(PRESENT)), vec![-17], "a clock that went wrong since");
}

#[test]
fn a_new_secret_has_160_bits_and_each_is_another() {
    let mut entropy = Seeded(1);
    let first = Totp::generate(TotpParameters::default(), &mut entropy);
    let second = Totp::generate(TotpParameters::default(), &mut entropy);
    assert_eq!(first.secret.expose().len(), 20);
    assert_ne!(first.secret, second.secret);
    assert_eq!(first.last_step, None);
}

#[test]
fn an_authenticator_does_not_show_its_secret() {
    let totp = totp();
    let shown = format!("{totp:?}");
    assert!(shown.contains("Secret(…)"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", totp.secret.expose())));
}

#[test]
fn the_key_stands_in_groups_of_four() {
    let key = totp().key_in_groups();
    let groups: Vec<&str> = key.expose().split(' ').collect();
    assert_eq!(groups.len(), 8);
    assert!(groups.iter().all(|group| group.len() == 4));
    let typed = canonical(key.expose()).to_ascii_uppercase();
    assert_eq!(
        totp_rs::Secret::try_from_base32(&typed).unwrap().as_bytes(),
        totp().secret.expose().as_slice()
    );
}

#[test]
fn the_uri_leaves_defaults_out_and_names_the_rest() {
    let plain = totp();
    let key = plain.key_in_groups().expose().replace(' ', "");
    assert_eq!(
        *plain.uri("Acme", "alice").expose(),
        format!("otpauth://totp/Acme:alice?secret={key}&issuer=Acme")
    );
    let rich = Totp { algorithm: Algorithm::Sha256, digits: Digits::Eight, period: Period::Sixty, ..plain };
    let uri = rich.uri("Acme", "alice");
    let parameters = "&algorithm=SHA256&digits=8&period=60";
    assert_eq!(*uri.expose(), format!("otpauth://totp/Acme:alice?secret={key}{parameters}&issuer=Acme"));
    let read = totp_rs::Totp::from_url(uri.expose()).unwrap();
    assert_eq!((read.digits(), read.step(), read.algorithm()), (8, 60, totp_rs::Algorithm::SHA256));
}

#[test]
fn a_long_uri_loses_the_issuers_second_mention_first_and_is_then_cut() {
    let totp = totp();
    let key = totp.key_in_groups().expose().replace(' ', "");
    let whole = totp.uri("Example University", "alice@lab1");
    let expected = format!("otpauth://totp/alice%40lab1?secret={key}&issuer=Example%20University");
    assert_eq!(*whole.expose(), expected);
    let cut = totp.uri("Example University", "maximiliane.von.hohenstein@physics");
    let expected = format!("otpauth://totp/maximiliane.von.hohens?secret={key}&issuer=Example%20University");
    assert_eq!(*cut.expose(), expected);
    assert!(cut.expose().len() <= SHORT_URI);
    // An issuer in another script takes nine characters for each of its own, and stays whole where it fits.
    let issuer = "%E6%9D%B1%E4%BA%AC%E5%A4%A7%E5%AD%A6";
    for account in ["alice@web1", "alice@a-host-with-a-long-name"] {
        let whole = totp.uri("東京大学", account);
        assert_eq!(*whole.expose(), format!("otpauth://totp/alice?secret={key}&issuer={issuer}"));
    }
    let long = totp.uri("東京大学情報理工学系研究科", "maximiliane@web1");
    let expected = format!("otpauth://totp/maximiliane?secret={key}&issuer=%E6%9D%B1%E4%BA%AC%E5%A4%A7");
    assert_eq!(*long.expose(), expected, "cut between characters, without dots");
}

#[test]
fn names_in_any_script_are_read_back() {
    let totp = totp();
    for issuer in ["Universität", "東大", "Café & Co?", "100% #1"] {
        let uri = totp.uri(issuer, "zoë");
        let read = totp_rs::Totp::from_url(uri.expose()).unwrap();
        assert_eq!(read.issuer(), Some(issuer));
        assert!(read.account_name().starts_with("zo"), "{}", read.account_name());
    }
}

#[test]
fn a_colon_in_a_name_ends_no_issuer() {
    let uri = totp().uri("Lab: 1", "a:b");
    let read = totp_rs::Totp::from_url(uri.expose()).unwrap();
    assert_eq!((read.issuer(), read.account_name()), (Some("Lab- 1"), "a-b"));
}

#[test]
fn an_answer_is_forgiven_case_separators_and_full_width_and_nothing_else() {
    for (answer, form) in [
        ("493 027", "493027"),
        (" 4930-27\r\n", "493027"),
        ("ReSend", "resend"),
        ("", ""),
        (" - ", ""),
        ("?", "?"),
        ("٤٩٣٠٢٧", "٤٩٣٠٢٧"),
        ("４９３０２７", "493027"),
        ("493\u{2013}027", "493027"),
        ("\u{8}\n\r\u{7f}INCORRECT", "\u{8}\u{7f}incorrect"),
        ("493\t027", "493027"),
    ] {
        assert_eq!(*canonical(answer), form, "{answer:?}");
    }
}

#[test]
fn a_label_is_printable_short_no_number_and_no_command() {
    for good in ["phone", " My iPhone 12 ", "Telefon von Zoë", "x"] {
        assert_eq!(Label::try_from(good).unwrap().as_str(), good.trim());
    }
    let long = "x".repeat(65);
    for bad in [
        "",
        "  ",
        "12",
        "12-3 4",
        "s-kip",
        "ja",
        "skip",
        "SKIP",
        "new",
        "?",
        "totp",
        "a\nb",
        "a\u{1b}[2J",
        "a\u{202e}b",
        "１２",
        "ｓｋｉｐ",
        "s\u{2011}kip",
        "\u{2013}",
        &long,
    ] {
        assert!(Label::try_from(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_label_that_is_no_longer_given_stays_readable() {
    for kept in ["１２", "skip", "\u{2013}"] {
        assert_eq!(Label::kept(kept.to_owned()).unwrap().as_str(), kept);
    }
    for bad in ["", "a\nb", &"x".repeat(65)] {
        assert!(Label::kept(bad.to_owned()).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn across_any_sequence_each_code_is_accepted_once_and_steps_only_rise(
        tries in proptest::collection::vec((0_u64..40, -2_i64..=2, any::<bool>()), 1..60),
    ) {
        let mut totp = totp();
        let mut accepted: Vec<u64> = Vec::new();
        for (step, offset, strict) in tries {
            // Times jump back and forth: a clock that anybody moved.
            let now = PRESENT + step * 30;
            let shown = code(&totp, now.checked_add_signed(offset * 30).unwrap());
            let window = if strict { Window::Strict } else { Window::OneStep };
            if let Match::Accepted { step } = totp.check(&shown, at(now), window) {
                prop_assert!(accepted.iter().all(|earlier| *earlier < step), "{} after {:?}", step, accepted);
                accepted.push(step);
                totp.last_step = Some(step);
            }
        }
    }

    #[test]
    fn any_setup_uri_is_short_and_read_back(
        issuer in "\\PC{1,40}", account in "[^\\pC.]\\PC{0,39}", with_parameters in any::<bool>(),
    ) {
        let mut totp = totp();
        if with_parameters {
            totp = Totp { algorithm: Algorithm::Sha512, digits: Digits::Eight, period: Period::Sixty, ..totp };
        }
        let uri = totp.uri(&issuer, &account);
        // 134 characters are the most that draw in 23 lines.
        let limit = if with_parameters { 134 } else { SHORT_URI };
        prop_assert!(uri.expose().len() <= limit, "{}", uri.expose().len());
        prop_assert!(uri.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        let read = totp_rs::Totp::from_url(uri.expose()).unwrap();
        prop_assert_eq!(read.secret().as_bytes(), totp.secret.expose().as_slice());
        prop_assert!(read.issuer().is_some_and(|issuer| !issuer.is_empty()));
        prop_assert!(!read.account_name().is_empty());
    }

    #[test]
    fn the_canonical_form_is_its_own_and_never_longer(answer in any::<String>()) {
        let once = canonical(&answer);
        prop_assert!(once.len() <= answer.len());
        prop_assert_eq!(canonical(&once), once);
    }
}
