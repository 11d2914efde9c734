//! `org.countersign1.Conversation`: one dialogue, for the connection that began it.
//!
//! Owns the objects below `/org/countersign1/conversation`: each appears with its first prompt and goes when the engine
//! says that the conversation is over, or its owner left.

use std::sync::Arc;

use countersign_core::words::{Language, Message, Setup, say};
use countersign_protocol::names::{ANSWER_LIMIT, CONVERSATION_PATH};
use countersign_protocol::step::{Line, State, Step, Style};
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;
use zbus::{Connection, ObjectPath, OwnedObjectPath, interface};
use zeroize::Zeroizing;

use super::{BusError, Door, Service};
use crate::engine::command::{Begun, ConversationId};
use crate::sessions::Others;

/// What `Begin*` answer: the conversation, the state, the lines. The methods spell it out, because introspection shows
/// the arguments of a tuple but not of a name for it.
pub type Opened = (OwnedObjectPath, String, Vec<(u32, String)>);

/// The object of one conversation.
pub struct ConversationInterface {
    service: Arc<Service>,
    door: Door,
    id: ConversationId,
    epilogue: Option<Epilogue>,
}

/// What follows once a dialogue is done: the caller's other sessions end.
#[derive(Debug, Clone)]
pub struct Epilogue {
    /// Which sessions.
    pub others: Others,
    /// In which language it is told.
    pub language: Language,
}

impl Epilogue {
    /// Ends the sessions and tells it in the last step.
    async fn follow(&self, connection: &Connection, step: &mut Step) {
        let (style, told) = if self.others.end(connection).await {
            (Style::Information, Setup::OtherSessionsEnded)
        } else {
            (Style::Error, Setup::OtherSessionsLeft)
        };
        step.lines.push(Line { style, text: say(self.language, &Message::Setup(told)) });
    }
}

/// One dialogue. Show every line; in state `ask` prompt with the last one and answer; else it is over.
#[interface(name = "org.countersign1.Conversation")]
impl ConversationInterface {
    /// Answers the prompt.
    ///
    /// Errors: `UnknownObject`, `InvalidArgument` (over 256 bytes), `LimitReached` (an answer is being decided), `Unavailable`.
    #[zbus(out_args("state", "lines"))]
    async fn answer(
        &self,
        answer: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(String, Vec<(u32, String)>), BusError> {
        if answer.len() > ANSWER_LIMIT {
            return Err(BusError::InvalidArgument("the answer is too long".into()));
        }
        let owner = self.door.owner(&header)?;
        let text = Zeroizing::new(answer.to_owned());
        let mut step = self.service.engine.answer(self.id, owner, text).await?;
        if let (State::Done, Some(epilogue)) = (step.state, &self.epilogue) {
            epilogue.follow(connection, &mut step).await;
        }
        Ok(step.into())
    }

    /// Ends the dialogue.
    ///
    /// Errors: `UnknownObject`, `Unavailable`.
    async fn cancel(&self, #[zbus(header)] header: Header<'_>) -> Result<(), BusError> {
        let owner = self.door.owner(&header)?;
        Ok(self.service.engine.cancel(self.id, owner).await?)
    }
}

/// Serves a conversation that was begun, and makes the answer of `Begin*`.
///
/// # Errors
/// [`BusError::Unavailable`] where the object cannot be served.
pub async fn open(
    service: &Arc<Service>,
    door: &Door,
    connection: &Connection,
    header: &Header<'_>,
    begun: Begun,
    epilogue: Option<Epilogue>,
) -> Result<Opened, BusError> {
    let Begun { id, step, ended } = begun;
    let path =
        ObjectPath::try_from(format!("{CONVERSATION_PATH}/{id}")).map_err(|_| BusError::Unavailable)?;
    if step.state == State::Ask {
        let object = ConversationInterface { service: Arc::clone(service), door: door.clone(), id, epilogue };
        let served = connection.object_server().at(&path, object).await;
        if !matches!(served, Ok(None)) {
            let _ = service.engine.cancel(id, door.owner(header)?).await;
            return Err(BusError::Unavailable);
        }
        let (served_by, object_path) = (connection.clone(), path.to_owned());
        tokio::spawn(async move {
            let _ = ended.await;
            let _ = served_by.object_server().remove::<ConversationInterface, _>(&object_path).await;
        });
        end_if_gone(service, door, connection, header).await?;
    }
    let (state, lines) = step.into();
    Ok((path.into(), state, lines))
}

/// Ends what was begun for somebody who left before it was: their leaving was told too early to end it.
async fn end_if_gone(
    service: &Service,
    door: &Door,
    connection: &Connection,
    header: &Header<'_>,
) -> Result<(), BusError> {
    let owner = door.owner(header)?;
    let is_there = match (door, header.sender()) {
        (Door::Bus, Some(sender)) => {
            let bus = DBusProxy::new(connection).await.map_err(|_| BusError::Unavailable)?;
            bus.name_has_owner(BusName::Unique(sender.to_owned())).await.unwrap_or(false)
        }
        (Door::Bus, None) => false,
        (Door::Socket(_), _) => !connection.is_closed(),
    };
    if !is_there {
        service.engine.owner_gone(owner).await;
    }
    Ok(())
}
