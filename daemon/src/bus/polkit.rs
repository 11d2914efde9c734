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

use super::error::Forbidden;

/// How long polkit may take when it asks nobody.
const LIMIT: Duration = Duration::from_secs(5);
/// How long it may take when an agent asks the person.
const INTERACTIVE_LIMIT: Duration = Duration::from_mins(1);

/// Errors by which the bus says that nobody answers for polkit's name, and that systemd cannot start it.
const ABSENT: [&str; 4] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Spawn.",
    "org.freedesktop.systemd1.",
];

/// Asks polkit whether the sender may do the action; the agent is told whom it concerns. No is an answer.
///
/// # Errors
/// [`Forbidden`] where polkit does not answer: that is a refusal too.
pub(super) async fn check(
    connection: &Connection,
    header: &Header<'_>,
    action: &str,
    person: Option<&str>,
) -> Result<bool, Forbidden> {
    let is_interactive = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
    let limit = if is_interactive { INTERACTIVE_LIMIT } else { LIMIT };
    match timeout(limit, ask(connection, header, action, person, is_interactive)).await {
        Ok(Ok(is_authorized)) => Ok(is_authorized),
        Ok(Err(error)) => {
            tracing::warn!(%error, action, "polkit did not answer");
            Err(if is_absent(&error) { Forbidden::NoPolkit } else { Forbidden::PolkitFailed })
        }
        Err(_) => {
            tracing::warn!(action, "polkit did not answer in time");
            Err(Forbidden::PolkitFailed)
        }
    }
}

/// Tells whether an error says that polkit is not there, and not that it failed.
fn is_absent(error: &zbus::Error) -> bool {
    let name = match error {
        zbus::Error::MethodError(name, ..) => name.to_string(),
        zbus::Error::FDO(error) => zbus::DBusError::name(&**error).to_string(),
        _ => return false,
    };
    ABSENT.iter().any(|absent| name.starts_with(absent))
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

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::fdo;

    #[test]
    fn a_polkit_that_is_not_there_is_told_from_one_that_fails() {
        let unit = fdo::Error::ServiceUnknown("no such name".to_owned());
        assert!(is_absent(&zbus::Error::from(unit)));
        assert!(is_absent(&zbus::Error::from(fdo::Error::SpawnFailed("no such file".to_owned()))));
        for failed in [fdo::Error::NoReply("late".to_owned()), fdo::Error::AccessDenied("no".to_owned())] {
            assert!(!is_absent(&zbus::Error::from(failed)));
        }
        assert!(!is_absent(&zbus::Error::InvalidReply));
    }
}
