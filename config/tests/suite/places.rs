//! Networks, hosts and services of rules: what overlaps oddly, fits nothing, or is called otherwise.

use crate::folder::{MINIMAL, warnings_of};

fn messages_of(lines: &str) -> Vec<String> {
    let text = format!("[[policy]]\nname = \"r\"\nusers = [\"alice\"]\n{lines}\n{MINIMAL}");
    warnings_of(&text).into_iter().map(|found| found.message).collect()
}

fn networks(require: &str, list: &str) -> Vec<String> {
    messages_of(&format!("require = \"{require}\"\nnetworks = [{list}]"))
}

#[test]
fn a_network_within_another_of_the_same_rule_is_warned_of_wherever_it_stands() {
    let within =
        |inner: &str, outer: &str| format!("`{inner}` lies within `{outer}`, which stands in this list too");
    assert_eq!(
        networks("always", "\"10.1.0.0/16\", \"192.168.0.0/24\", \"10.0.0.0/8\", \"10.1.2.0/24\", \"local\""),
        [within("10.1.0.0/16", "10.0.0.0/8"), within("10.1.2.0/24", "10.0.0.0/8")]
    );
    let six = networks("never", "\"2001:db8::/32\", \"2001:db8:1::/48\", \"2001:db9::/32\"");
    assert_eq!(six, [within("2001:db8:1::/48", "2001:db8::/32")]);
    assert_eq!(networks("always", "\"10.0.0.0/9\", \"10.128.0.0/9\", \"::/1\""), Vec::<String>::new());
}

#[test]
fn a_network_within_that_of_an_earlier_rule_is_nothing_odd() {
    let text = "[[policy]]\nname = \"jobs\"\nusers = [\"backup\"]\nnetworks = [\"10.0.0.0/8\"]\nrequire = \"never\"\n\
                [[policy]]\nname = \"office\"\nnetworks = [\"10.1.0.0/16\"]\nrequire = \"always\"\n";
    assert_eq!(warnings_of(&format!("{text}{MINIMAL}")), Vec::new());
}

#[test]
fn everything_of_one_kind_of_address_is_warned_of() {
    assert_eq!(networks("always", "\"0.0.0.0/0\""), ["logins over IPv6 are not in this network"]);
    assert_eq!(networks("never", "\"::/0\", \"local\""), ["logins over IPv4 are not in this network"]);
    assert_eq!(networks("always", "\"0.0.0.0/0\", \"::/0\""), Vec::<String>::new());
    let all = "this list has every network, and still not the logins of which no address is known";
    assert_eq!(networks("always", "\"local\", \"::/0\", \"0.0.0.0/0\""), [all]);
}

#[test]
fn loopback_is_no_terminal_and_no_safe_place() {
    let passed_on =
        "what a proxy or a tunnel of this host passes on comes from here too, from wherever it is";
    let no_address = "terminals of this host have no address, not even this";
    assert_eq!(networks("never", "\"127.0.0.0/8\""), [passed_on]);
    assert_eq!(networks("never", "\"local\", \"::1/128\""), [passed_on]);
    assert_eq!(networks("always", "\"127.0.0.1/32\""), [no_address]);
    assert_eq!(networks("always", "\"127.0.0.0/8\", \"::1/128\", \"local\""), Vec::<String>::new());
}

#[test]
fn addresses_that_no_host_has_are_warned_of() {
    for range in [
        "0.0.0.0/8",
        "224.0.0.0/4",
        "239.1.0.0/16",
        "240.0.0.0/4",
        "255.255.255.255/32",
        "ff00::/8",
        "::/128",
    ] {
        let found = networks("always", &format!("\"{range}\""));
        assert_eq!(found, ["no login comes from here: no host has such an address"], "{range}");
    }
    for range in ["10.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "fe80::/10", "fc00::/7", "128.0.0.0/1"] {
        assert_eq!(networks("always", &format!("\"{range}\"")), Vec::<String>::new(), "{range}");
    }
}

#[test]
fn patterns_that_no_host_name_fits_are_warned_of() {
    let hosts = |pattern: &str| messages_of(&format!("require = \"always\"\nhosts = [\"{pattern}\"]"));
    let dots = "no host has a name like this: a name has no dot at its ends, and no two in a row";
    let long = "no host has a name like this: the system takes 64 characters at most";
    for pattern in [".example.org", "web1.", "web..example.org"] {
        assert_eq!(hosts(pattern), [dots], "{pattern}");
    }
    assert_eq!(hosts(&"w".repeat(65)), [long]);
    for pattern in ["*.example.org", "web*", "w?b.*", &"w".repeat(64), &format!("{}*", "w".repeat(64))] {
        assert_eq!(hosts(pattern), Vec::<String>::new(), "{pattern}");
    }
}

#[test]
fn services_that_libpam_calls_otherwise_are_warned_of() {
    for (wrong, right) in [("ssh", "sshd"), ("polkit", "polkit-1"), ("console", "login")] {
        let text =
            format!("[[policy]]\nname = \"r\"\nservices = [\"{wrong}\"]\nrequire = \"always\"\n{MINIMAL}");
        let found = warnings_of(&text);
        let [only] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!(only.message, format!("no login comes by a service `{wrong}`"));
        assert!(only.help.as_ref().unwrap().starts_with(&format!("write \"{right}\"")), "{only}");
    }
    assert_eq!(messages_of("services = [\"our-own\"]\nrequire = \"always\""), Vec::<String>::new());
}

#[test]
fn sudo_without_sudo_i_is_warned_of_where_the_other_is_left_to_a_default_that_asks_less() {
    let of = |text: &str| warnings_of(text).into_iter().map(|found| found.message).collect::<Vec<_>>();
    let sudo = "[[policy]]\nname = \"sudo\"\nservices = [\"sudo\", \"su\"]\nrequire = \"always\"\n";
    let forgotten = |command: &str, service: &str| {
        format!("`{command}` asks for no code on systems that have a service `{service}`")
    };
    assert_eq!(of(&format!("{sudo}{MINIMAL}")), [forgotten("sudo -i", "sudo-i"), forgotten("su -", "su-l")]);
    let with = |others: &str| of(&format!("{sudo}{others}"));
    assert_eq!(with("[default]\nrequire = \"always\"\n"), Vec::<String>::new());
    let all = "[[policy]]\nname = \"all\"\ngroups = [\"sudo\"]\nrequire = \"always\"\n";
    assert_eq!(with(&format!("{all}{MINIMAL}")), Vec::<String>::new());
    let other = "[[policy]]\nname = \"i\"\nservices = [\"sudo-i\", \"su-l\"]\nrequire = \"enrolled\"\n";
    assert_eq!(with(&format!("{other}{MINIMAL}")), Vec::<String>::new());
}

#[test]
fn a_rule_behind_one_that_is_only_watched_is_not_reached_and_nobody_is_asked() {
    let text = "[[policy]]\nname = \"new\"\ngroups = [\"staff\"]\nrequire = \"always\"\nmode = \"monitor\"\n\
                [[policy]]\nname = \"old\"\ngroups = [\"staff\"]\nrequire = \"always\"\n";
    let found = warnings_of(&format!("{text}{MINIMAL}"));
    let message = "rule `old` is never reached: `new`, in line 2, matches all that it matches, and is only watched: nobody is asked";
    assert_eq!(found.iter().map(|found| found.message.as_str()).collect::<Vec<_>>(), [message]);
}
