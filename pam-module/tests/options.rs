//! Unit tests of the arguments of a PAM line.

use std::ffi::CString;

use super::*;

fn parse(arguments: &[&str]) -> Result<Options, OptionError> {
    let arguments: Vec<_> = arguments.iter().map(|text| CString::new(*text).unwrap()).collect();
    Options::parse(&arguments.iter().map(CString::as_c_str).collect::<Vec<_>>())
}

#[test]
fn no_argument_means_the_defaults() {
    let options = parse(&[]).unwrap();
    assert_eq!(options.socket, PathBuf::from("/run/countersign/login.sock"));
    assert_eq!(options.timeout, Duration::from_secs(10));
    assert!(!options.debug);
    assert_eq!(options.sshd, [""; 0]);
    assert_eq!(options.duty, Duty::Code);
}

#[test]
fn each_option_is_taken() {
    let options =
        parse(&["debug", "socket=/run/x=y", "timeout=60", "sshd=sshd-sftp,sshd2", "require_auth"]).unwrap();
    assert_eq!(options.sshd, ["sshd-sftp", "sshd2"]);
    assert_eq!(options.socket, PathBuf::from("/run/x=y"));
    assert_eq!(options.timeout, Duration::from_mins(1));
    assert!(options.debug);
    for (name, duty) in DUTIES {
        assert_eq!(parse(&[name]).unwrap().duty, duty);
    }
}

#[test]
fn what_is_not_exactly_known_is_refused() {
    for unknown in ["Debug", "debug ", "debug=", "", "=", "nullok", "require-auth", "first_factor="] {
        assert_eq!(parse(&[unknown]), Err(OptionError::Unknown(unknown.to_owned())));
    }
    assert_eq!(parse(&["timeout"]), Err(OptionError::Timeout));
    assert_eq!(parse(&["socket"]), Err(OptionError::Socket));
    for timeout in ["", "0", "61", "-1", "+5", "5s", "005", "٣", " 5", "99999999999999999999"] {
        assert_eq!(parse(&[&format!("timeout={timeout}")]), Err(OptionError::Timeout), "{timeout}");
    }
    assert_eq!(parse(&["sshd"]), Err(OptionError::Services));
    for names in ["", ",", "a,", ",a", "a,,b", "a b", "SSHD2", "/etc/pam.d/sshd2", "sshd\u{e9}"] {
        assert_eq!(parse(&[&format!("sshd={names}")]), Err(OptionError::Services), "{names}");
    }
    for socket in ["", "relative", "./x", "unix:/x"] {
        assert_eq!(parse(&[&format!("socket={socket}")]), Err(OptionError::Socket));
    }
    for twice in ["debug", "timeout=5", "socket=/x", "sshd=x", "require_auth", "first_factor"] {
        assert!(matches!(parse(&[twice, twice]), Err(OptionError::Twice(_))));
    }
    assert_eq!(parse(&["first_factor", "require_auth"]), Err(OptionError::Contradiction));
    assert_eq!(parse(&["late_first_factor", "first_factor"]), Err(OptionError::Contradiction));
}

#[test]
fn long_and_unprintable_arguments_are_refused_unrepeated() {
    for unreadable in ["x".repeat(4096), "debug\n".to_owned(), "\u{1b}[2J".to_owned()] {
        assert_eq!(parse(&[&unreadable]), Err(OptionError::Unreadable));
    }
    assert_eq!(Options::parse(&[c"\xff"]), Err(OptionError::Unreadable));
}
