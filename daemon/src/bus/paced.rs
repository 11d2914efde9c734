//! The stream of one guest of the own socket, on which no more is read than is answered.
//!
//! zbus starts a task for each call that comes and lets its reply wait for the guest to read: one who asks and never
//! reads would fill the memory. Here a call is read only while fewer than [`UNANSWERED`] wait for their reply to be
//! sent. Leaves the size of frames to `protocol::frame`.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use async_trait::async_trait;
use countersign_protocol::frame::{Framed, FramedReader, FramedWriter, framed};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use zbus::Message;
use zbus::connection::socket::{ReadHalf, Socket, Split, WriteHalf};
use zbus::fdo::ConnectionCredentials;
use zbus::message::{Flags, Type};

/// How many calls of one guest may wait for their answer; the PAM module asks one at a time.
const UNANSWERED: usize = 8;

/// A guest's stream.
#[derive(Debug)]
pub(super) struct Paced(Framed);

/// Takes a stream that stands behind the handshake.
pub(super) fn paced(stream: UnixStream) -> Paced {
    Paced(framed(stream))
}

impl Socket for Paced {
    type ReadHalf = PacedReader;
    type WriteHalf = PacedWriter;

    fn split(self) -> Split<PacedReader, PacedWriter> {
        let (reader, writer) = self.0.split().take();
        let room = Arc::new(Semaphore::new(UNANSWERED));
        Split::new(PacedReader { reader, room: Arc::clone(&room) }, PacedWriter { writer, room })
    }
}

/// The read half of a [`Paced`].
#[derive(Debug)]
pub(super) struct PacedReader {
    reader: FramedReader,
    room: Arc<Semaphore>,
}

#[async_trait]
impl ReadHalf for PacedReader {
    async fn receive_message(
        &mut self,
        sequence: u64,
        early: &mut Vec<u8>,
        early_descriptors: &mut Vec<OwnedFd>,
    ) -> zbus::Result<Message> {
        let place = self.room.acquire().await.map_err(io::Error::other)?;
        loop {
            let message = self.reader.receive_message(sequence, early, early_descriptors).await?;
            if wants_answer(&message) {
                place.forget();
                return Ok(message);
            }
        }
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        self.reader.peer_credentials().await
    }
}

/// Tells whether a message is a call that is to be answered; whatever else a guest says is dropped unheard.
fn wants_answer(message: &Message) -> bool {
    let header = message.primary_header();
    header.msg_type() == Type::MethodCall && !header.flags().contains(Flags::NO_REPLY_EXPECTED)
}

/// The write half of a [`Paced`].
#[derive(Debug)]
pub(super) struct PacedWriter {
    writer: FramedWriter,
    room: Arc<Semaphore>,
}

#[async_trait]
impl WriteHalf for PacedWriter {
    async fn send_message(&mut self, message: &Message) -> zbus::Result<()> {
        let sent = self.writer.send_message(message).await;
        // Also where it could not be sent: the reader has to notice that the guest has left.
        if matches!(message.primary_header().msg_type(), Type::MethodReturn | Type::Error) {
            self.room.add_permits(1);
        }
        sent
    }

    async fn sendmsg(&mut self, buffer: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.writer.sendmsg(buffer, descriptors).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.writer.close().await
    }

    async fn peer_credentials(&mut self) -> io::Result<ConnectionCredentials> {
        self.writer.peer_credentials().await
    }
}
