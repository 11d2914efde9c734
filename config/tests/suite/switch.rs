//! The master switch: what it is without a word, and what can be said of it.

use countersign_config::{Reenable, Switch};

use crate::folder::{Folder, MINIMAL, fault_of};

fn switch_of(lines: &str) -> Switch {
    let loaded = Folder::new(format!("{lines}\n{MINIMAL}")).load().unwrap();
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
