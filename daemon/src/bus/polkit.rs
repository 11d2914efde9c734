//! The question to polkit: may the sender of this message do that?
//!
//! The subject is the bus name of the sender, never a process id. Any error, a late answer, a missing polkit or a sender
//! that left meanwhile is a refusal.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::{Flags, Header};
use zbus::names::BusName;
use zbus_polkit::policykit1::{AuthorityProxy, CheckAuthorizationFlags, Subject};

use super::error::BusError;

/// How long polkit may take when it asks nobody.
const LIMIT: Duration = Duration::from_secs(5);
/// How long it may take when an agent asks the person.
const INTERACTIVE_LIMIT: Duration = Duration::from_mins(1);

/// Asks polkit whether the sender may do the action; the agent is told whom it concerns.
///
/// # Errors
/// [`BusError::NotPermitted`] for every answer but yes.
pub(super) async fn check(
    connection: &Connection,
    header: &Header<'_>,
    action: &str,
    person: Option<&str>,
) -> Result<(), BusError> {
    let is_interactive = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
    let limit = if is_interactive { INTERACTIVE_LIMIT } else { LIMIT };
    match timeout(limit, ask(connection, header, action, person, is_interactive)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(BusError::NotPermitted),
        Ok(Err(error)) => {
            tracing::warn!(%error, action, "polkit did not answer");
            Err(BusError::NotPermitted)
        }
        Err(_) => {
            tracing::warn!(action, "polkit did not answer in time");
            Err(BusError::NotPermitted)
        }
    }
}

async fn ask(
    connection: &Connection,
    header: &Header<'_>,
    action: &str,
    person: Option<&str>,
    is_interactive: bool,
) -> zbus::Result<bool> {
    let Ok(subject) = Subject::new_for_message_header(header) else { return Ok(false) };
    let details: HashMap<&str, &str> = person.map(|person| ("person", person)).into_iter().collect();
    let flags = if is_interactive {
        CheckAuthorizationFlags::ALLOW_USER_INTERACTION
    } else {
        CheckAuthorizationFlags::empty()
    };
    let authority = AuthorityProxy::new(connection).await?;
    let answer = authority.check_authorization(&subject, action, &details, flags, "").await?;
    Ok(answer.is_authorized && is_still_there(connection, header).await?)
}

async fn is_still_there(connection: &Connection, header: &Header<'_>) -> zbus::Result<bool> {
    let Some(sender) = header.sender() else { return Ok(false) };
    let bus = DBusProxy::new(connection).await?;
    Ok(bus.name_has_owner(BusName::Unique(sender.to_owned())).await?)
}
