//! Any step off the wire: what is accepted keeps the contract and survives the way back.

#![no_main]

use countersign_protocol::names::SCREEN_LIMIT;
use countersign_protocol::step::{LINE_LIMIT, State, Step, WireStep, is_shown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|wire: WireStep| {
    let Ok(step) = Step::try_from(wire.clone()) else { return };
    assert!(step.lines.len() <= LINE_LIMIT);
    assert!(step.lines.iter().map(|line| line.text.len()).sum::<usize>() <= SCREEN_LIMIT);
    assert!(step.lines.iter().all(|line| line.text.chars().all(is_shown)));
    let prompts = step.lines.iter().filter(|line| line.style.is_prompt()).count();
    assert_eq!(prompts, usize::from(step.state == State::Ask));
    assert_eq!(WireStep::from(step), wire);
});
