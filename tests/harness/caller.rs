//! A program that calls the login socket of a machine by itself, with whatever it claims.
//!
//! Owns the one call `Begin` as any user of the machine, without our module. The bytes are made here and carried by a few
//! lines of perl, which every Debian has; the connection ends with the answer, and with it the login.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use countersign_protocol::names::{LOGIN_INTERFACE, LOGIN_SOCKET, OBJECT_PATH};
use countersign_protocol::proxies::Begun;
use data_encoding::HEXLOWER;
use zbus::wire::Endian;
use zbus::wire::serialized::{Context as Encoding, Data};
use zbus::{Message, Variant};

use crate::machine::Machine;

/// The kind of a message that is an answer.
const METHOD_RETURN: u8 = 2;

/// Says hello as who it is, sends the message, prints the reply.
const CARRIER: &str = r#"
use IO::Socket::UNIX;
my ($path, $message) = @ARGV;
my $peer = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
print $peer "\0AUTH EXTERNAL " . unpack("H*", "$>") . "\r\n";
$peer->flush;
my $welcome = <$peer>;
$welcome =~ /^OK / or die "refused: $welcome";
print $peer "BEGIN\r\n" . pack("H*", $message);
$peer->flush;
read($peer, my $head, 16) == 16 or die "no reply";
my ($body, $fields) = (unpack("V", substr($head, 4, 4)), unpack("V", substr($head, 12, 4)));
my $rest = $fields + (-$fields % 8) + $body;
read($peer, my $tail, $rest) == $rest or die "half a reply";
print unpack("H*", $head . $tail);
"#;

/// Begins a login of `user` as the user `caller`, and returns the state of the first step.
///
/// # Errors
/// When the call does not come through, or is answered by an error.
pub fn begin(machine: &Machine, caller: &str, user: &str, claims: &[(&str, &str)]) -> Result<String> {
    let facts: HashMap<&str, Variant<'_>> =
        claims.iter().map(|(name, value)| (*name, Variant::from(*value))).collect();
    let call = Message::method_call(OBJECT_PATH, "Begin").interface(LOGIN_INTERFACE).build(&(user, facts))?;
    let message = HEXLOWER.encode(call.data());
    let carried = machine.run_as(caller, &["perl", "-e", CARRIER, LOGIN_SOCKET, &message])?;
    ensure!(carried.status.success(), "{caller}: {}", String::from_utf8_lossy(&carried.stderr));
    state_of(&HEXLOWER.decode(&carried.stdout).context("the reply")?)
}

/// Reads the state out of a reply: behind the fixed head come fields, filled up to eight bytes, then the body.
fn state_of(reply: &[u8]) -> Result<String> {
    let (head, rest) = reply.split_first_chunk::<16>().context("a reply without a head")?;
    let &[endian, kind, _, _, _, _, _, _, _, _, _, _, fields @ ..] = head;
    ensure!(endian == b'l', "a reply of another byte order");
    let fields = usize::try_from(u32::from_le_bytes(fields))?.next_multiple_of(8);
    let body = rest.get(fields..).context("a reply without a body")?;
    let body = Data::new(body.to_vec(), Encoding::new(Endian::Little, 0));
    if kind != METHOD_RETURN {
        let (text, _) = body.deserialize::<String>()?;
        bail!("refused: {text}");
    }
    let ((_, state, _), _) = body.deserialize::<Begun>()?;
    Ok(state)
}
