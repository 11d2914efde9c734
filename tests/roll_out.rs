//! The roll-out in a week, as `docs/guide/roll-out.md` tells it: every command of the guide on a machine, with people who log in
//! between, by real ssh. What the commands show is compared with the guide.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use countersign_tests::dialogue::Dialogue;
use countersign_tests::guide::Guide;
use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, gets_in, is_in, knock, set_up};
use countersign_tests::phone::Phone;
use countersign_tests::site;
use serde_json::Value;

/// What is asked before a first enrollment by oneself.
const CONFIRM: &str = "Type `yes` to go on: ";

/// The file in force.
const FILE: &str = "/etc/countersign/countersign.toml";

/// The machine, and the guide that is played on it.
struct Week {
    machine: Machine,
    guide: Guide,
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_roll_out_in_a_week_is_what_the_guide_shows() {
    let mut week = Week::begin();
    let mut ann = week.watch();
    week.see_who_is_ready();
    let [mut bob, mut dora] = week.let_people_enroll();
    week.try_it_on_the_past();
    week.begin_with_some(&mut ann);
    week.ask_everybody();
    week.mistype(&mut bob);
    week.switch_off_and_on(&mut dora);
    week.enroll_again();
    week.start_without_a_word();
    week.distrust_the_students();
    week.guide.end().unwrap();
}

impl Week {
    fn begin() -> Self {
        let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
        machine.run_ok(&["groupadd", "students"]).unwrap();
        let people = [
            ("ann", "staff"),
            ("bob", "staff"),
            ("fay", "staff"),
            ("eve", "students"),
            ("dora", "countersign-helpdesk"),
        ];
        for (name, group) in people {
            machine.add_user(name, PASSWORD, &[group]).unwrap();
        }
        machine.add_user("mirror", PASSWORD, &[]).unwrap();
        // A console, as hosts have one and containers have not.
        machine.run_ok(&["mknod", "/dev/ttyS0", "c", "4", "64"]).unwrap();
        Self { machine, guide: Guide::open("roll-out.md").unwrap() }
    }

    fn play(&mut self, block: &str) -> String {
        self.guide.play(&self.machine, block).unwrap()
    }

    /// The password alone lets in, and nothing else is said.
    fn passes(&self, user: &str) {
        let mut login = knock(&self.machine, user).unwrap();
        is_in(&mut login).unwrap();
        for word in ["Code", "code", "invitation"] {
            assert!(!login.transcript().contains(word), "{user}: {}", login.transcript());
        }
    }

    /// Changes the file in force, by sed.
    fn edit(&self, change: &str) {
        self.machine.run_ok(&["sed", "-i", change, FILE]).unwrap();
    }

    fn reload(&self) {
        self.machine.run_ok(&["countersign", "policy", "reload"]).unwrap();
    }

    fn restart(&self) {
        self.machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    }

    fn is_invited(&self, user: &str) {
        let mut login = knock(&self.machine, user).unwrap();
        login.expect("you need an invitation", SOON).unwrap();
    }

    fn is_asked(&self, user: &str) -> Dialogue {
        let mut login = knock(&self.machine, user).unwrap();
        let screen = login.expect("Code: ", SOON).unwrap();
        assert!(!screen.contains("Key"), "{user} is not asked, but enrolls: {screen}");
        login
    }

    /// Sets up an app at the login.
    fn enrolls_at_login(&self, user: &str) -> Phone {
        let mut login = knock(&self.machine, user).unwrap();
        let (phone, _) = set_up(&mut login).unwrap();
        is_in(&mut login).unwrap();
        phone
    }

    /// Sets up an app in a session; returns what the terminal showed. An invitation is asked for at once, everybody else is
    /// told first what it means.
    fn enrolls_by_oneself(&self, user: &str, invitation: Option<&str>) -> (Phone, String) {
        let mut dialogue = self.machine.dialogue_as(user, &["countersign", "enroll", "totp"]).unwrap();
        let (prompt, answer) = invitation.map_or((CONFIRM, "yes"), |invitation| ("Invitation: ", invitation));
        dialogue.expect(prompt, SOON).unwrap();
        dialogue.send_line(answer).unwrap();
        let (phone, _) = set_up(&mut dialogue).unwrap();
        assert_eq!(dialogue.exit_status(SOON).unwrap(), 0, "{}", dialogue.transcript());
        (phone, dialogue.transcript().to_owned())
    }

    fn watch(&mut self) -> Phone {
        self.guide.write(&self.machine, "monitor").unwrap();
        self.play("day-1");
        site::wire(&self.machine).unwrap();
        self.passes("ann");
        let (phone, _) = self.enrolls_by_oneself("ann", None);
        for user in ["ann", "bob", "fay", "fay", "eve", "dora", "mirror"] {
            self.passes(user);
        }
        let skipped = recorded(&self.machine, "login-skipped");
        assert_eq!(skipped.len(), 8, "{skipped:?}");
        assert!(skipped.iter().all(|record| record["reason"] == "monitored"), "{skipped:?}");
        self.play("report");
        phone
    }

    fn see_who_is_ready(&mut self) {
        self.play("ready");
        self.play("explain");
    }

    fn let_people_enroll(&mut self) -> [Phone; 2] {
        let (bob, shown) = self.enrolls_by_oneself("bob", None);
        self.guide.compare("enroll", &format!("bob$ countersign enroll totp\n{shown}")).unwrap();
        let said = self.play("invite");
        let invitation = said.lines().last().unwrap().split_whitespace().last().unwrap();
        let (dora, _) = self.enrolls_by_oneself("dora", Some(invitation));
        [bob, dora]
    }

    fn try_it_on_the_past(&mut self) {
        self.play("simulate");
        self.play("simulate-grace");
    }

    fn begin_with_some(&mut self, ann: &mut Phone) {
        self.play("breakglass");
        self.play("day-5");
        gets_in(&self.machine, "ann", ann).unwrap();
        self.enrolls_at_login("fay");
        for user in ["eve", "dora", "mirror"] {
            self.passes(user);
        }
    }

    fn ask_everybody(&mut self) {
        self.play("day-7");
        self.enrolls_at_login("eve");
        self.is_asked("dora");
        self.passes("mirror");
    }

    fn mistype(&mut self, bob: &mut Phone) {
        self.play("mistake");
        gets_in(&self.machine, "bob", bob).unwrap();
        self.passes("mirror");
        self.play("mended");
        self.play("watch-again");
        self.passes("eve");
        self.edit("/^mode = \"monitor\"/d");
        self.reload();
        self.is_asked("eve");
    }

    fn switch_off_and_on(&mut self, dora: &mut Phone) {
        self.play("off");
        for user in ["ann", "eve", "dora"] {
            self.passes(user);
        }
        let enroll = self.machine.run_as("eve", &["countersign", "enroll", "totp"]).unwrap();
        assert_eq!(enroll.status.code(), Some(1), "nobody sets anything up while it is off");
        self.play("undecided");
        self.passes("bob");
        self.play("keep");
        gets_in(&self.machine, "dora", dora).unwrap();
    }

    fn enroll_again(&mut self) {
        self.play("enroll-again");
        self.enrolls_at_login("ann");
        self.is_asked("ann");
        self.is_invited("dora");
        self.edit("/^on_reenable/d");
        self.restart();
        self.is_invited("dora");
    }

    /// A start with the switch on and nothing said comes up on, with the enrollments kept; a reload still settles it.
    fn start_without_a_word(&mut self) {
        self.edit("s/^enabled = true/enabled = false/");
        self.reload();
        self.restart();
        self.passes("ann");
        self.edit("s/^enabled = false/enabled = true/");
        self.restart();
        self.is_asked("ann");
        let log = self.machine.journal(&["-u", "countersignd.service"]).unwrap();
        assert!(log.contains("on_reenable"), "{log}");
        self.edit("/^enabled/a on_reenable = \"keep\"");
        self.reload();
        self.is_asked("ann");
        let switched = recorded(&self.machine, "second-factor-switched");
        let changes: Vec<&str> = switched.iter().filter_map(|record| record["change"].as_str()).collect();
        let expected = ["off", "on keep", "off", "on enroll-again", "off", "on undecided", "on keep"];
        assert_eq!(changes, expected);
    }

    fn distrust_the_students(&mut self) {
        self.enrolls_at_login("eve");
        // The rule says from which second on.
        let done = Instant::now();
        let is_later = |_: &Machine| Ok(done.elapsed() > Duration::from_secs(1));
        self.machine.wait_until("another second", SOON, is_later).unwrap();
        self.play("enrolled-after");
        self.enrolls_at_login("eve");
        self.is_asked("ann");
    }
}

/// The records of one event, oldest first.
fn recorded(machine: &Machine, event: &str) -> Vec<Value> {
    let lines = machine.run_ok(&["countersign", "audit", "--json", "--event", event]).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
