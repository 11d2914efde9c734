//! The frame guard takes no memory for what a header claims. Alone in its process, so that the figure is its own.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use countersign_protocol::frame::{draining, framed};
use countersign_protocol::names::FRAME_LIMIT;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use zbus::connection::socket::{ReadHalf, Socket};

const CLAIM: u32 = 120 * 1024 * 1024;
/// What the runtime and the test itself may take, in KiB.
const ROOM: usize = 8 * 1024;

fn header(order: u8) -> Vec<u8> {
    let bytes = if order == b'B' { u32::to_be_bytes } else { u32::to_le_bytes };
    [&[order, 1, 0, 1], bytes(CLAIM).as_slice(), &bytes(1), &bytes(8)].concat()
}

fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn memory_stays_flat_whatever_a_header_claims() {
    let before = most_memory();
    for order in [b'l', b'B'] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (mut reader, _writer) = framed(ours).split().take();
        theirs.write_all(&header(order)).await.unwrap();
        reader.receive_message(1, &mut Vec::new(), &mut Vec::new()).await.unwrap_err();
    }
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let (mut reader, _writer) = draining(ours, FRAME_LIMIT).split().take();
    let sending = async {
        theirs.write_all(&header(b'l')).await.unwrap();
        for _ in 0..CLAIM / 4096 {
            theirs.write_all(&[0xff; 4096]).await.unwrap();
        }
        theirs.write_all(&[0xff; 8]).await.unwrap();
        let next = zbus::Message::method_call("/org/countersign1", "Next").build(&()).unwrap();
        theirs.write_all(next.data()).await.unwrap();
    };
    let (mut early, mut descriptors) = (Vec::new(), Vec::new());
    let ((), next) = tokio::join!(sending, reader.receive_message(1, &mut early, &mut descriptors));
    assert_eq!(next.unwrap().header().member().unwrap().as_str(), "Next");
    assert!(most_memory() - before < ROOM, "memory grew by {} KiB", most_memory() - before);
}
