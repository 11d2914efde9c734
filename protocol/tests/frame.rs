//! The frame guard against hostile peers.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use countersign_protocol::frame::{Framed, HEADER, draining, frame_length, framed};
use countersign_protocol::names::FRAME_LIMIT;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use zbus::Message;
use zbus::connection::socket::{ReadHalf, Socket};

const CLAIM: u32 = 120 * 1024 * 1024;
const GUID: &str = "0123456789abcdef0123456789abcdef";

fn header(order: u8, body: u32, fields: u32) -> [u8; HEADER] {
    let bytes = if order == b'B' { u32::to_be_bytes } else { u32::to_le_bytes };
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&[order, 1, 0, 1]);
    header[4..8].copy_from_slice(&bytes(body));
    header[8..12].copy_from_slice(&bytes(1));
    header[12..].copy_from_slice(&bytes(fields));
    header
}

fn call(body: &str) -> Vec<u8> {
    let message = Message::method_call("/org/countersign1", "Begin").build(&(body,)).unwrap();
    message.data().to_vec()
}

async fn receive(guard: impl Fn(UnixStream) -> Framed, bytes: &[u8]) -> Vec<zbus::Result<Message>> {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let (mut reader, _writer) = guard(ours).split().take();
    let sending = async {
        let _ = theirs.write_all(bytes).await;
        let _ = theirs.shutdown().await;
    };
    let receiving = async {
        let mut results = Vec::new();
        loop {
            let result = reader.receive_message(7, &mut Vec::new(), &mut Vec::new()).await;
            let over = result.is_err();
            results.push(result);
            if over {
                drop(reader);
                return results;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(sending, receiving).1 }).await.unwrap()
}

#[tokio::test]
async fn a_frame_within_the_limit_arrives_whole() {
    let mut bytes = call("alice");
    bytes.extend(call("bob"));
    let results = receive(framed, &bytes).await;
    assert_eq!(results.len(), 3);
    let name: (String,) = results[1].as_ref().unwrap().body().deserialize().unwrap();
    assert_eq!(name.0, "bob");
}

#[tokio::test]
async fn a_header_that_claims_120_mib_ends_the_connection() {
    for order in [b'l', b'B'] {
        for (body, fields) in [(CLAIM, 0), (0, CLAIM), (u32::MAX, u32::MAX), (0, u32::MAX), (u32::MAX, 0)] {
            let results = receive(framed, &header(order, body, fields)).await;
            assert_eq!(results.len(), 1);
            let error = results[0].as_ref().unwrap_err().to_string();
            assert!(error.contains("over the limit"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_limit_itself_is_the_last_length_that_passes() {
    let empty = call("").len();
    let longest = call(&"x".repeat(FRAME_LIMIT - empty));
    assert_eq!(longest.len(), FRAME_LIMIT);
    assert_eq!(receive(framed, &longest).await.len(), 2);
    let over = call(&"x".repeat(FRAME_LIMIT - empty + 1));
    assert_eq!(receive(framed, &over).await.len(), 1);
}

#[tokio::test]
async fn an_oversized_frame_on_the_system_bus_is_dropped_and_the_next_one_read() {
    let mut bytes = call("first");
    bytes.extend(header(b'l', 1 << 20, 8));
    bytes.extend(vec![0xff; (1 << 20) + 8]);
    bytes.extend(call("second"));
    let results = receive(|stream| draining(stream, FRAME_LIMIT), &bytes).await;
    assert_eq!(results.len(), 3);
    let name: (String,) = results[1].as_ref().unwrap().body().deserialize().unwrap();
    assert_eq!(name.0, "second");
}

#[tokio::test]
async fn what_no_frame_may_claim_ends_a_draining_connection_too() {
    let results = receive(|stream| draining(stream, FRAME_LIMIT), &header(b'l', u32::MAX, 0)).await;
    assert_eq!(results.len(), 1);
}

#[tokio::test]
async fn truncated_empty_and_garbage_frames_end_the_connection() {
    let whole = call("alice");
    for bytes in [
        Vec::new(),
        vec![b'l'],
        whole[..HEADER - 1].to_vec(),
        whole[..HEADER].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        vec![0; 64],
        vec![b'\n'; 64],
        vec![0xff; 64],
        header(b'l', 0, 0).to_vec(),
        header(b'B', 8, 8).iter().copied().chain([0xff; 24]).collect(),
    ] {
        let results = receive(framed, &bytes).await;
        assert!(results.iter().all(Result::is_err), "{bytes:?}");
    }
}

#[tokio::test]
async fn bytes_that_the_handshake_read_too_much_come_first() {
    let bytes: Vec<u8> = [call("alice"), call("bob"), call("carol")].concat();
    for cut in 0..bytes.len() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (mut reader, _writer) = framed(ours).split().take();
        theirs.write_all(&bytes[cut..]).await.unwrap();
        let mut early = bytes[..cut].to_vec();
        for name in ["alice", "bob", "carol"] {
            let message = reader.receive_message(1, &mut early, &mut Vec::new()).await.unwrap();
            assert_eq!(message.body().deserialize::<(String,)>().unwrap().0, name);
        }
    }
}

#[tokio::test]
async fn descriptors_sent_along_are_closed_unseen() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut reader, _writer) = framed(ours).split().take();
    let (read_end, write_end) = nix::unistd::pipe().unwrap();
    let bytes = call("alice");
    theirs.writable().await.unwrap();
    let sent = nix::sys::socket::sendmsg::<()>(
        theirs.as_raw_fd(),
        &[std::io::IoSlice::new(&bytes)],
        &[nix::sys::socket::ControlMessage::ScmRights(&[write_end.as_raw_fd()])],
        nix::sys::socket::MsgFlags::empty(),
        None,
    );
    assert_eq!(sent.unwrap(), bytes.len());
    drop(write_end);
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    reader.receive_message(1, &mut Vec::new(), &mut descriptors).await.unwrap();
    assert!(descriptors.is_empty());
    // The pipe is at its end only when no writer is left anywhere, in this process either.
    assert_eq!(nix::unistd::read(&read_end, &mut [0; 1]).unwrap(), 0);
}

#[tokio::test]
async fn a_frame_that_announces_descriptors_is_refused() {
    let (_reading, writing) = nix::unistd::pipe().unwrap();
    let message =
        Message::method_call("/org/countersign1", "Begin").build(&(zbus::OwnedFd::from(writing),)).unwrap();
    assert_eq!(message.header().unix_fds(), Some(1));
    let results = receive(framed, message.data()).await;
    assert_eq!(results.len(), 1);
    assert!(results[0].is_err());
}

#[test]
fn the_length_of_a_frame_counts_its_padding() {
    for order in [b'l', b'B'] {
        assert_eq!(frame_length(&header(order, 0, 0)), Ok(16));
        assert_eq!(frame_length(&header(order, 5, 1)), Ok(24 + 5));
        assert_eq!(frame_length(&header(order, 5, 8)), Ok(24 + 5));
    }
    assert!(frame_length(&header(b'x', 0, 0)).is_err());
}

struct Echo;

#[zbus::interface(name = "org.countersign1.Login")]
impl Echo {
    #[expect(clippy::unused_self, reason = "the interface macro wants it")]
    fn echo(&self, text: String) -> String {
        text
    }
}

#[tokio::test]
async fn client_and_server_talk_through_the_guard() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = zbus::connection::Builder::authenticated_socket(framed(theirs), GUID)
        .p2p()
        .serve_at("/org/countersign1", Echo)
        .build();
    let client = zbus::connection::Builder::authenticated_socket(framed(ours), GUID).p2p().build();
    let (server, client) = tokio::join!(server, client);
    let (server, client) = (server.unwrap(), client.unwrap());
    let call = |text: String| {
        let client = client.clone();
        async move {
            client
                .call_method(None::<&str>, "/org/countersign1", Some("org.countersign1.Login"), "Echo", &text)
                .await
        }
    };
    let reply: String = call("hello".to_owned()).await.unwrap().body().deserialize().unwrap();
    assert_eq!(reply, "hello");
    let uid = client.peer_creds().await.unwrap().unix_user_id();
    assert_eq!(uid, Some(nix::unistd::getuid().as_raw()));
    assert!(call("x".repeat(FRAME_LIMIT)).await.is_err());
    tokio::time::timeout(Duration::from_secs(5), server.closed()).await.unwrap();
}
