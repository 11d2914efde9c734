//! What the rules have in common: beginning, answering, reading what is shown.

use countersign_core::conversation::enrollment::EnrollmentRequest;
use countersign_core::conversation::login::Login;
use countersign_core::conversation::{Conversation, Event, Reply, State, Verdict};
use countersign_core::factor::Method;
use countersign_core::helpdesk::{Scope, reset};
use countersign_core::login::{LoginRequest, Person};
use countersign_core::words::{Message, Setup};

use crate::phone::Phone;
use crate::world::{World, act, host, person};

pub(crate) fn alice() -> Person {
    person("alice", 1000)
}

pub(crate) fn begin(world: &mut World, request: LoginRequest) -> (Conversation, Reply) {
    let conversation = Login::begin(request, world.policy());
    let (next, reply) = world.turn(&conversation, Event::Begun);
    (next, reply.expect("a reply to Begin"))
}

pub(crate) fn answer(world: &mut World, conversation: &mut Conversation, text: &str) -> Reply {
    let (next, reply) = world.turn(conversation, Event::Answered(text.to_owned().into()));
    *conversation = next;
    reply.expect("a reply to Answer")
}

pub(crate) fn messages(reply: &Reply) -> Vec<&Message> {
    reply.lines.iter().flat_map(|line| &line.messages).collect()
}

pub(crate) fn key_of(reply: &Reply) -> Phone {
    let key = messages(reply).into_iter().find_map(|message| match message {
        Message::Setup(Setup::Key { key, .. }) => Some(Phone::typed(key.expose())),
        _ => None,
    });
    key.expect("a key on the screen")
}

pub(crate) fn sheet_of(reply: &Reply) -> Vec<String> {
    let sheet = messages(reply).into_iter().find_map(|message| match message {
        Message::Setup(Setup::BackupCodes(sheet)) => Some(sheet.expose().clone()),
        _ => None,
    });
    sheet.expect("backup codes on the screen").split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn reset_all(world: &mut World, target: &Person) -> Option<String> {
    let account = world.load(target);
    let now = world.now();
    let done = reset(&account, &act(target), Scope::All, &world.policy, &mut world.entropy, now);
    world.store(done.account);
    done.invitation.map(|issued| issued.code.expose().clone())
}

pub(crate) fn enroll_by_oneself(person: Person) -> EnrollmentRequest {
    EnrollmentRequest {
        person,
        host: host(),
        method: Method::Totp,
        label: None,
        replace: None,
        recipient: None,
        draws_qr: false,
        language: None,
    }
}

pub(crate) const ALLOW: State = State::Verdict(Verdict::Allow);
pub(crate) const DENY: State = State::Verdict(Verdict::Deny);
