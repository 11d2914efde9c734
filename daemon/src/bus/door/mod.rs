//! The guard of the service's own socket.
//!
//! Owns who gets in at all: AUTH EXTERNAL must equal what the kernel says (`SO_PEERCRED`), within 2 s and 512 bytes, and
//! connections are counted before the first byte is read. What a guest may do is decided behind the door. Bare zbus
//! would wait for a handshake for ever and allocate what a header claims (DESIGN.md 4).

mod handshake;
mod places;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

pub use places::{Capacity, Place};

use places::Places;

/// How long a handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(2);
/// How long the door rests when the kernel has no descriptor left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Somebody who passed the door: the stream stands right behind the handshake.
#[derive(Debug)]
pub struct Guest {
    /// The connection.
    pub stream: UnixStream,
    /// Who is there, as the kernel says.
    pub uid: u32,
    /// The place taken; it is free again when this is dropped, so it lives as long as the connection.
    pub place: Place,
}

/// Accepts connections until `guests` has no receiver any more.
///
/// `guid` is what the service calls itself in the handshake (32 hexadecimal digits).
pub async fn serve(listener: UnixListener, guid: String, capacity: Capacity, guests: mpsc::Sender<Guest>) {
    let places = Places::new(capacity);
    let guid: Arc<str> = guid.into();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = guests.closed() => return,
        };
        match accepted {
            Ok((stream, _)) => admit(stream, &guid, &places, &guests),
            Err(_) => sleep(ACCEPT_REST).await,
        }
    }
}

fn admit(mut stream: UnixStream, guid: &Arc<str>, places: &Places, guests: &mpsc::Sender<Guest>) {
    let Ok(credentials) = stream.peer_cred() else { return };
    let uid = credentials.uid();
    let Some(place) = places.take(uid) else { return };
    let (guid, guests) = (Arc::clone(guid), guests.clone());
    tokio::spawn(async move {
        let greeted = timeout(HANDSHAKE_LIMIT, handshake::greet(&mut stream, uid, &guid)).await;
        if matches!(greeted, Ok(Ok(()))) {
            let _ = guests.send(Guest { stream, uid, place }).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const GUID: &str = "0123456789abcdef0123456789abcdef";

    struct House {
        socket: std::path::PathBuf,
        guests: mpsc::Receiver<Guest>,
        _folder: tempfile::TempDir,
    }

    fn open(capacity: Capacity) -> House {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("login.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (sender, guests) = mpsc::channel(2048);
        tokio::spawn(serve(listener, GUID.to_owned(), capacity, sender));
        House { socket, guests, _folder: folder }
    }

    fn greeting() -> Vec<u8> {
        let uid = nix::unistd::getuid().to_string();
        let hex = data_encoding::HEXLOWER.encode(uid.as_bytes());
        format!("\0AUTH EXTERNAL {hex}\r\nBEGIN\r\n").into_bytes()
    }

    #[tokio::test]
    async fn who_says_who_they_are_gets_in_and_what_follows_is_untouched() {
        let mut house = open(Capacity::default());
        let mut client = UnixStream::connect(&house.socket).await.unwrap();
        client.write_all(&greeting()).await.unwrap();
        client.write_all(b"the first frame").await.unwrap();
        let mut guest = house.guests.recv().await.unwrap();
        assert_eq!(guest.uid, nix::unistd::getuid().as_raw());
        let mut frame = [0; 15];
        guest.stream.read_exact(&mut frame).await.unwrap();
        assert_eq!(&frame, b"the first frame");
        let mut answer = vec![0; 37];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, format!("OK {GUID}\r\n").as_bytes().get(..37).unwrap());
    }

    #[tokio::test]
    async fn zbus_itself_gets_in() {
        let mut house = open(Capacity::default());
        let stream = std::os::unix::net::UnixStream::connect(&house.socket).unwrap();
        stream.set_nonblocking(true).unwrap();
        let client = zbus::connection::Builder::unix_stream(stream).p2p().build();
        let (guest, client) = tokio::join!(house.guests.recv(), client);
        assert!(guest.is_some() && client.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_shown_out_after_two_seconds() {
        let house = open(Capacity::default());
        let mut client = UnixStream::connect(&house.socket).await.unwrap();
        let mut rest = Vec::new();
        assert_eq!(client.read_to_end(&mut rest).await.unwrap(), 0);
        assert!(house.guests.is_empty());
    }

    #[tokio::test]
    async fn hostile_handshakes_are_shown_out() {
        let mut house = open(Capacity::default());
        let uid = nix::unistd::getuid().as_raw();
        let other = data_encoding::HEXLOWER.encode((uid + 1).to_string().as_bytes());
        let endless = vec![b'A'; 4096];
        let hostile: Vec<Vec<u8>> = vec![
            b"\n".to_vec(),
            b"\0\n".to_vec(),
            b"AUTH EXTERNAL 30\r\nBEGIN\r\n".to_vec(),
            b"\0BEGIN\r\n".to_vec(),
            format!("\0AUTH EXTERNAL {other}\r\nBEGIN\r\n").into_bytes(),
            b"\0AUTH EXTERNAL zz\r\nBEGIN\r\n".to_vec(),
            b"\0AUTH ANONYMOUS\r\nBEGIN\r\n".to_vec(),
            b"\0AUTH DBUS_COOKIE_SHA1 30\r\nBEGIN\r\n".to_vec(),
            "\0NEGOTIATE_UNIX_FD\r\n".repeat(20).into_bytes(),
            [b"\0".as_slice(), &endless].concat(),
            b"\0\xff\xfe\xfd\r\nBEGIN\r\n".to_vec(),
            b"l\x01\0\x01\xff\xff\xff\x07".to_vec(),
        ];
        for greeting in hostile {
            let mut client = UnixStream::connect(&house.socket).await.unwrap();
            let _ = client.write_all(&greeting).await;
            let _ = client.shutdown().await;
            let mut rest = Vec::new();
            let _ = client.read_to_end(&mut rest).await;
            assert!(house.guests.try_recv().is_err(), "{greeting:?}");
        }
    }

    #[tokio::test]
    async fn a_full_house_admits_again_when_a_guest_leaves() {
        let uid = nix::unistd::getuid().as_raw();
        let mut house = open(Capacity { per_uid: 2, others: 2, all: 2 });
        let mut inside = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = UnixStream::connect(&house.socket).await.unwrap();
            client.write_all(&greeting()).await.unwrap();
            inside.push(house.guests.recv().await.unwrap());
            clients.push(client);
        }
        let mut refused = UnixStream::connect(&house.socket).await.unwrap();
        let mut rest = Vec::new();
        let _ = refused.read_to_end(&mut rest).await;
        assert!(rest.is_empty() && house.guests.is_empty());
        drop(inside.pop());
        let mut client = UnixStream::connect(&house.socket).await.unwrap();
        client.write_all(&greeting()).await.unwrap();
        assert_eq!(house.guests.recv().await.unwrap().uid, uid);
    }
}
