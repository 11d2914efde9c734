//! A scripted service on a socket of its own: it speaks the handshake and D-Bus, and does what the script says.
//!
//! Owns accepting, reading calls and sending replies by hand, so that it can also lie, stammer and vanish; it decides
//! nothing and knows nothing of Countersign. Everything is gone when a [`Service`] is dropped.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_protocol::frame::{HEADER, frame_length};
use zbus::message::Header;
use zbus::wire::Endian;
use zbus::wire::serialized::{Context as Encoding, Data};
use zbus::{Message, ObjectPath, OwnedVariant, Variant};

/// The conversation that a script's `Begin` returns.
pub const CONVERSATION: &str = "/org/countersign1/conversation/c42";
const GUID: &str = "0123456789abcdef0123456789abcdef";

/// The lines of a step, as they go over the wire.
pub type Lines = Vec<(u32, String)>;

/// What the service does with a call.
#[derive(Clone)]
pub enum Act {
    /// Replies with a step.
    Step(String, Lines),
    /// Replies with nothing, as to `Cancel` and the reports.
    Done,
    /// Replies with an error of this name.
    Error(String),
    /// Hangs up.
    Vanish,
    /// Never replies.
    Silence,
    /// Waits, then acts.
    Late(Duration, Box<Act>),
    /// Acts twice on one call.
    Twice(Box<Act>, Box<Act>),
    /// Sends these bytes and hangs up. They are made from the call.
    Bytes(Bytes),
}

/// Makes the bytes that answer a call.
pub type Bytes = Arc<dyn Fn(&Message) -> Vec<u8> + Send + Sync>;

/// Says what to do with a call, from its number on its connection.
type Decide = Box<dyn Fn(usize, &Call) -> Act + Send + Sync>;

/// A step of a script.
#[must_use]
pub fn step(state: &str, lines: &[(u32, &str)]) -> Act {
    Act::Step(state.to_owned(), lines.iter().map(|(style, text)| (*style, (*text).to_owned())).collect())
}

/// The step that asks for a code.
#[must_use]
pub fn ask() -> Act {
    step("ask", &[(4, "Code: ")])
}

/// A call that the service has got.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// `Begin`, `Answer`, `Cancel`, …
    pub member: String,
    /// Its first text: the user of `Begin`, the answer of `Answer`.
    pub text: String,
    /// The context of `Begin`.
    pub facts: HashMap<String, String>,
    /// The session of `SessionOpened` and `SessionClosed`.
    pub session: u32,
}

/// How a service stands at the handshake.
#[derive(Debug, Clone)]
pub enum Manners {
    /// As it should.
    Good,
    /// Sends this instead of `OK`, and then hangs up.
    Says(Vec<u8>),
    /// Accepts and says nothing.
    Mute,
}

/// A scripted service.
pub struct Service {
    path: PathBuf,
    calls: Arc<Mutex<Vec<Call>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _folder: Option<tempfile::TempDir>,
}

struct Script {
    act: Decide,
    manners: Manners,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Service {
    /// A service that acts on the first call of every connection by the first act, and so on; then it falls silent.
    /// `Cancel` is always done.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn scripted(acts: impl IntoIterator<Item = Act>) -> Result<Self> {
        let acts: Vec<Act> = acts.into_iter().collect();
        Self::acting(move |number, _| acts.get(number).cloned().unwrap_or(Act::Silence))
    }

    /// A service that acts as `act` says, from the number of the call on its connection and the call.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn acting(act: impl Fn(usize, &Call) -> Act + Send + Sync + 'static) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the socket")?;
        let path = folder.path().join("login.sock");
        Self::at(path, Some(folder), Manners::Good, Box::new(act))
    }

    /// A service with other manners at the handshake.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn with_manners(manners: Manners) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the socket")?;
        let path = folder.path().join("login.sock");
        Self::at(path, Some(folder), manners, Box::new(|_, _| step("allow", &[])))
    }

    /// A service that lets everybody in at once, on a given socket.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn obliging(path: &Path) -> Result<Self> {
        let act = |number, _: &Call| if number == 0 { ask() } else { step("allow", &[]) };
        Self::at(path.to_owned(), None, Manners::Good, Box::new(act))
    }

    fn at(path: PathBuf, folder: Option<tempfile::TempDir>, manners: Manners, act: Decide) -> Result<Self> {
        let listener = UnixListener::bind(&path).context("the socket")?;
        let (calls, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let script = Arc::new(Script { act, manners, calls: Arc::clone(&calls) });
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || accept(&listener, &script, &stopped));
        Ok(Self { path, calls, stop, thread: Some(thread), _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The module's arguments that lead here.
    #[must_use]
    pub fn option(&self) -> String {
        format!("socket={}", self.path.display())
    }

    /// The calls so far.
    ///
    /// # Panics
    /// When a connection of the service has panicked.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test panics to fail")]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The members called so far.
    #[must_use]
    pub fn members(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.member).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &UnixListener, script: &Arc<Script>, stopped: &AtomicBool) {
    for stream in listener.incoming() {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let script = Arc::clone(script);
        if let Ok(stream) = stream {
            std::thread::spawn(move || script.serve(stream));
        }
    }
}

impl Script {
    fn serve(&self, mut stream: UnixStream) {
        let mut number = 0;
        if !self.greet(&mut stream).unwrap_or(false) {
            return;
        }
        while let Ok(Some(message)) = receive(&mut stream) {
            let call = read(&message);
            if let Ok(mut calls) = self.calls.lock() {
                calls.push(call.clone());
            }
            let act = if call.member == "Cancel" { Act::Done } else { (self.act)(number, &call) };
            number += 1;
            if !perform(&mut stream, &message, act).unwrap_or(false) {
                return;
            }
        }
    }

    /// Tells whether D-Bus begins.
    fn greet(&self, stream: &mut UnixStream) -> io::Result<bool> {
        let mut hello = Vec::new();
        while !hello.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            hello.extend(byte);
        }
        match &self.manners {
            Manners::Good => stream.write_all(format!("OK {GUID}\r\n").as_bytes())?,
            Manners::Says(bytes) => {
                stream.write_all(bytes)?;
                return Ok(false);
            }
            Manners::Mute => {
                let _ = stream.read(&mut [0]);
                return Ok(false);
            }
        }
        let mut begin = [0; 7];
        stream.read_exact(&mut begin)?;
        Ok(hello.starts_with(b"\0AUTH EXTERNAL ") && &begin == b"BEGIN\r\n")
    }
}

/// Reads one message.
fn receive(stream: &mut UnixStream) -> io::Result<Option<Message>> {
    let mut header = [0; HEADER];
    if stream.read_exact(&mut header).is_err() {
        return Ok(None);
    }
    let length = frame_length(&header).map_err(io::Error::other)?;
    let mut bytes = header.to_vec();
    bytes.resize(length, 0);
    stream.read_exact(bytes.get_mut(HEADER..).unwrap_or_default())?;
    // SAFETY: the module under test made the bytes with zbus, and every value is decoded with a check.
    let message = unsafe { Message::from_bytes(Data::new(bytes, Encoding::new(Endian::Little, 0))) };
    message.map(Some).map_err(io::Error::other)
}

fn read(message: &Message) -> Call {
    let member = message.header().member().map(ToString::to_string).unwrap_or_default();
    let body = message.body();
    let mut call = Call { member, ..Call::default() };
    if let Ok((text, facts)) = body.deserialize::<(String, HashMap<String, OwnedVariant>)>() {
        call.text = text;
        call.facts = facts.into_iter().map(|(name, value)| (name, text_of(&value))).collect();
    } else if let Ok((text, session)) = body.deserialize::<(String, u32)>() {
        (call.text, call.session) = (text, session);
    } else if let Ok((text,)) = body.deserialize::<(String,)>() {
        call.text = text;
    }
    call
}

/// A fact as a text; of the numbers there are `u`, and truth values.
fn text_of(fact: &OwnedVariant) -> String {
    match &**fact {
        Variant::Str(text) => text.as_str().to_owned(),
        Variant::U32(number) => number.to_string(),
        Variant::Bool(truth) => truth.to_string(),
        _ => String::new(),
    }
}

/// Acts on a call, and tells whether the connection goes on.
fn perform(stream: &mut UnixStream, call: &Message, act: Act) -> io::Result<bool> {
    match act {
        Act::Step(state, lines) => stream.write_all(&step_reply(call, &state, &lines))?,
        Act::Done => stream.write_all(&reply(call, &()))?,
        Act::Error(name) => stream.write_all(&error_reply(&call.header(), &name))?,
        Act::Vanish => return Ok(false),
        Act::Silence => {}
        Act::Late(wait, act) => {
            std::thread::sleep(wait);
            return perform(stream, call, *act);
        }
        Act::Twice(first, second) => {
            return Ok(perform(stream, call, *first)? && perform(stream, call, *second)?);
        }
        Act::Bytes(bytes) => {
            stream.write_all(&bytes(call))?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// The bytes of a step that answers `call`, in the form of its member.
#[must_use]
pub fn step_reply(call: &Message, state: &str, lines: &Lines) -> Vec<u8> {
    if call.header().member().is_some_and(|member| member.as_str() == "Begin") {
        reply(call, &(ObjectPath::from_static_str_unchecked(CONVERSATION), state, lines))
    } else {
        reply(call, &(state, lines))
    }
}

/// The bytes of a reply with any body.
///
/// # Panics
/// When zbus cannot encode the body.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a test panics to fail")]
pub fn reply<B: serde::Serialize + zbus::DynamicType>(call: &Message, body: &B) -> Vec<u8> {
    Message::method_return(&call.header()).build(body).unwrap().data().to_vec()
}

/// The bytes of a reply to another call than the one that was made.
///
/// # Panics
/// When zbus cannot encode it.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a test panics to fail")]
pub fn reply_to_serial<B: serde::Serialize + zbus::DynamicType>(
    serial: u32,
    call: &Message,
    body: &B,
) -> Vec<u8> {
    let builder = Message::method_return(&call.header()).reply_serial(NonZeroU32::new(serial));
    builder.build(body).unwrap().data().to_vec()
}

#[expect(clippy::unwrap_used, reason = "a test panics to fail")]
fn error_reply(call: &Header<'_>, name: &str) -> Vec<u8> {
    Message::error(call, name).build(&("a text\nof two lines\u{1b}[2J",)).unwrap().data().to_vec()
}
