//! The master switch: what it is without a word, and what can be said of it.

use countersign_core::policy::switch::{Reenable, Switch};

use crate::folder::{Folder, MINIMAL, fault_of};

/// What a file says of everybody, so that nobody is left outside whose enrollment is void.
const AT_LOGIN: &str = "[default]\nrequire = \"always\"\nenroll = \"at-login\"\n";

fn switch_of(lines: &str) -> Switch {
    let loaded = Folder::new(format!("{lines}\n{AT_LOGIN}")).load().unwrap();
    assert_eq!(loaded.policy.is_enabled, loaded.switch.is_enabled, "{lines}");
    assert_eq!(loaded.warnings, Vec::new(), "{lines}");
    loaded.switch
}

#[test]
fn the_second_factor_is_on_unless_the_file_says_otherwise() {
    let on = |on_reenable| Switch { is_enabled: true, on_reenable };
    let off = |on_reenable| Switch { is_enabled: false, on_reenable };
    assert_eq!(switch_of(""), on(None));
    assert_eq!(switch_of("enabled = true"), on(None));
    assert_eq!(switch_of("enabled = false"), off(None));
    assert_eq!(switch_of("on_reenable = \"keep\""), on(Some(Reenable::Keep)));
    let again = "enabled = false\non_reenable = \"enroll-again\"";
    assert_eq!(switch_of(again), off(Some(Reenable::EnrollAgain)));
}

#[test]
fn what_is_no_switch_is_refused() {
    let flag = "has to be true or false, without quotes";
    assert_eq!(fault_of("enabled = \"no\""), format!("`enabled` is a string, but {flag}"));
    assert_eq!(fault_of("enabled = 0"), format!("`enabled` is a whole number, but {flag}"));
    assert_eq!(fault_of("on_reenable = \"forget\""), "`forget` is not a value of `on_reenable`");
    let fault = "`on_reenable` is a boolean, but has to be one of \"enroll-again\" or \"keep\"";
    assert_eq!(fault_of("on_reenable = true"), fault);
}

#[test]
fn enrolling_again_that_opens_a_door_or_closes_it_for_good_is_warned_of_beforehand() {
    let warnings = |top: &str, lines: &str| -> Vec<String> {
        let rule = format!("[[policy]]\nname = \"staff\"\ngroups = [\"staff\"]\n{lines}\n");
        let loaded = Folder::new(format!("{top}\n{rule}\n{AT_LOGIN}")).load().unwrap();
        loaded.warnings.into_iter().map(|found| found.message).collect()
    };
    let open = "with \"enroll-again\" whoever enrolled before gets in under `staff` without a code: \
                require = \"enrolled\" does not ask them";
    let shut = "with \"enroll-again\" whoever enrolled before does not get in under `staff` to set up anew";
    let none: [&str; 0] = [];
    for enabled in ["", "enabled = false\n"] {
        let again = format!("{enabled}on_reenable = \"enroll-again\"");
        assert_eq!(warnings(&again, "require = \"enrolled\""), [open]);
        assert_eq!(warnings(&again, "require = \"always\""), [shut]);
        assert_eq!(warnings(&again, "require = \"chosen\""), [shut]);
        assert_eq!(warnings(&again, "require = \"never\""), none);
        for enroll in ["at-login", "invited"] {
            assert_eq!(warnings(&again, &format!("require = \"always\"\nenroll = \"{enroll}\"")), none);
        }
        for other in [enabled.to_owned(), format!("{enabled}on_reenable = \"keep\"")] {
            assert_eq!(warnings(&other, "require = \"enrolled\""), none);
        }
    }
    let default = Folder::new(format!("on_reenable = \"enroll-again\"\n{MINIMAL}")).load().unwrap();
    assert_eq!(default.warnings.len(), 1, "{:?}", default.warnings);
}
