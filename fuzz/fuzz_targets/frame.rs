//! Any bytes on the own socket: each is a frame within the limit, or the connection ends; never a panic, never memory.

#![no_main]

use countersign_protocol::frame::{draining, framed};
use countersign_protocol::names::FRAME_LIMIT;
use countersign_protocol::proxies::Begun;
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use zbus::connection::socket::{ReadHalf, Socket};

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let guard = if mode & 1 == 0 { framed(ours) } else { draining(ours, FRAME_LIMIT) };
        let (mut reader, _writer) = guard.split().take();
        // Some of the bytes came with the handshake.
        let early = usize::from(mode >> 1).min(bytes.len());
        let (mut early, late) = (bytes[..early].to_vec(), &bytes[early..]);
        let sending = async {
            let _ = theirs.write_all(late).await;
            let _ = theirs.shutdown().await;
        };
        let receiving = async {
            while let Ok(message) = reader.receive_message(1, &mut early, &mut Vec::new()).await {
                assert!(message.data().len() <= FRAME_LIMIT);
                assert_eq!(message.header().unix_fds().unwrap_or(0), 0);
                let _ = message.body().deserialize::<Begun>();
                let _ = message.body().deserialize::<(String, Vec<(u32, String)>)>();
            }
            drop(reader);
        };
        tokio::join!(sending, receiving);
    });
});
