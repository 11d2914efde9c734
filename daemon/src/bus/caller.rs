//! Who calls, and what they may call: the access table.
//!
//! Owns the one pure function that says who may call which member. A member that is not in the table is root's alone.
//! Leaves whom a helpdesk act may concern to `core::helpdesk`.

use std::time::Duration;

use countersign_core::helpdesk::LoginUser;
use countersign_protocol::names::{
    ADMIN_INTERFACE, CONVERSATION_INTERFACE, HELPDESK_INTERFACE, LOGIN_INTERFACE, SELF_INTERFACE,
};
use tokio::time::timeout;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;

use super::error::{BusError, Forbidden};
use super::pace::Turn;
use super::{Service, polkit};
use crate::engine::command::{Caller, Owner};
use crate::sessions;

/// The largest body of a call on the system bus, in bytes; SECURITY.md 6.
const BODY_LIMIT: u32 = 4 * 1024;
/// The largest body of a call of an administrator.
const ADMIN_BODY_LIMIT: u32 = 1024 * 1024;
/// The group whose members polkit's rule lets through.
const HELPDESK_GROUP: &str = "countersign-helpdesk";
/// How long the bus may take to say who calls.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(2);

/// Which door a call came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// The service's own socket.
    Socket,
    /// The system bus.
    Bus,
}

/// What a caller needs to be let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: the member acts on the caller alone.
    Anyone,
    /// To have begun the conversation.
    ConversationOwner,
    /// To be root, or to be the person concerned.
    OwnUid,
    /// To be root, or to be let through by polkit for this action.
    Polkit(&'static str),
    /// To be root.
    RootOnly,
}

/// The access table: who may call a member.
#[must_use]
pub fn permission(entrance: Entrance, interface: &str, member: &str) -> Permission {
    match (entrance, interface, member) {
        (Entrance::Socket, LOGIN_INTERFACE, "Begin") => Permission::OwnUid,
        (Entrance::Socket | Entrance::Bus, CONVERSATION_INTERFACE, "Answer" | "Cancel") => {
            Permission::ConversationOwner
        }
        (
            Entrance::Bus,
            SELF_INTERFACE,
            "Status" | "BeginEnrollment" | "BeginRemoval" | "BeginRenaming" | "BeginBackupCodes"
            | "BeginTest" | "Remembered" | "Forget",
        ) => Permission::Anyone,
        (Entrance::Bus, HELPDESK_INTERFACE, "Show") => Permission::Polkit("org.countersign1.helpdesk.show"),
        (Entrance::Bus, HELPDESK_INTERFACE, "Reset") => Permission::Polkit("org.countersign1.helpdesk.reset"),
        (Entrance::Bus, HELPDESK_INTERFACE, "Delete") => {
            Permission::Polkit("org.countersign1.helpdesk.delete")
        }
        (Entrance::Bus, HELPDESK_INTERFACE, "Unlock") => {
            Permission::Polkit("org.countersign1.helpdesk.unlock")
        }
        (Entrance::Bus, HELPDESK_INTERFACE, "Resync") => {
            Permission::Polkit("org.countersign1.helpdesk.resync")
        }
        (Entrance::Bus, HELPDESK_INTERFACE, "Invite") => {
            Permission::Polkit("org.countersign1.helpdesk.invite")
        }
        (Entrance::Bus, HELPDESK_INTERFACE, "SetRequired") => {
            Permission::Polkit("org.countersign1.helpdesk.set-required")
        }
        (Entrance::Bus, HELPDESK_INTERFACE, "SetContact") => {
            Permission::Polkit("org.countersign1.helpdesk.set-contact")
        }
        (Entrance::Bus, ADMIN_INTERFACE, "ListUsers") => Permission::Polkit("org.countersign1.admin.list"),
        (Entrance::Bus, ADMIN_INTERFACE, "ExplainPolicy" | "SimulatePolicy" | "ReportPolicy") => {
            Permission::Polkit("org.countersign1.admin.policy")
        }
        (Entrance::Bus, ADMIN_INTERFACE, "Audit" | "VerifyAudit") => {
            Permission::Polkit("org.countersign1.admin.audit")
        }
        (Entrance::Bus, ADMIN_INTERFACE, "ImportContacts") => {
            Permission::Polkit("org.countersign1.admin.import")
        }
        (Entrance::Bus, ADMIN_INTERFACE, "PurgeGone") => Permission::Polkit("org.countersign1.admin.purge"),
        (Entrance::Bus, ADMIN_INTERFACE, "TestDelivery") => {
            Permission::Polkit("org.countersign1.admin.delivery-test")
        }
        _ => Permission::RootOnly,
    }
}

/// A door, as an object served behind it knows it.
#[derive(Debug, Clone)]
pub enum Door {
    /// A connection of the own socket: the kernel said who is there.
    Socket(Caller),
    /// The system bus, where each message names its sender.
    Bus,
}

impl Door {
    /// Tells which connection sent a message.
    ///
    /// # Errors
    /// [`BusError::NotPermitted`] for a message of the bus without a sender.
    pub fn owner(&self, header: &Header<'_>) -> Result<Owner, BusError> {
        match self {
            Self::Socket(caller) => Ok(caller.owner.clone()),
            Self::Bus => {
                let sender = header.sender().ok_or(BusError::NotPermitted)?;
                Ok(Owner::Bus(sender.to_string()))
            }
        }
    }

    /// Lets a caller through, or not, by the access table; polkit is told whom the call concerns.
    ///
    /// # Errors
    /// [`BusError::Forbidden`] with the role that is wanting, or where polkit does not answer; [`BusError::NotPermitted`] where
    /// the bus does not; [`BusError::InvalidArgument`] for a call
    /// over its size; [`BusError::LimitReached`] where too many calls are under way.
    pub(super) async fn authorize(
        &self,
        service: &Service,
        connection: &Connection,
        header: &Header<'_>,
        person: Option<&str>,
    ) -> Result<Pass, BusError> {
        let interface = header.interface().map_or("", |name| name.as_str());
        let member = header.member().map_or("", |name| name.as_str());
        check_size(interface, header)?;
        let (entrance, caller) = match self {
            Self::Socket(caller) => (Entrance::Socket, caller.clone()),
            Self::Bus => (Entrance::Bus, bus_caller(service, connection, header).await?),
        };
        let turn = service.pace.enter(caller.uid)?;
        match permission(entrance, interface, member) {
            Permission::Anyone | Permission::OwnUid | Permission::ConversationOwner => {}
            Permission::Polkit(_) | Permission::RootOnly if caller.uid == 0 => {}
            Permission::Polkit(action) => {
                if !polkit::check(connection, header, action, person).await? {
                    return Err(lacking(service, caller.uid, interface).await.into());
                }
            }
            Permission::RootOnly if interface == ADMIN_INTERFACE => return Err(Forbidden::Root.into()),
            Permission::RootOnly => return Err(BusError::NotPermitted),
        }
        let login = match header.sender() {
            Some(sender) if entrance == Entrance::Bus && is_act(interface, member) => {
                sessions::login_user(connection, sender).await
            }
            Some(_) | None => None,
        };
        Ok(Pass { caller, login, _turn: turn })
    }
}

/// Members of the helpdesk's and the administrators' interfaces that change nothing, so that nobody is named for them.
const READING: [&str; 8] = [
    "Show",
    "ListUsers",
    "ExplainPolicy",
    "SimulatePolicy",
    "ReportPolicy",
    "Audit",
    "VerifyAudit",
    "Reseal",
];

/// Tells whether a member does something that is recorded with who did it; what is not known here does.
fn is_act(interface: &str, member: &str) -> bool {
    [HELPDESK_INTERFACE, ADMIN_INTERFACE].contains(&interface) && !READING.contains(&member)
}

/// Tells what a caller lacks whom polkit refused.
async fn lacking(service: &Service, uid: u32, interface: &str) -> Forbidden {
    if interface != HELPDESK_INTERFACE {
        return Forbidden::Administrator;
    }
    match service.directory.person_by_uid(uid).await {
        Ok(Some(person)) if person.groups.names().iter().any(|group| group == HELPDESK_GROUP) => {
            Forbidden::RulesMissing
        }
        Ok(_) | Err(_) => Forbidden::Helpdesk,
    }
}

/// A caller who was let through, for as long as the call lasts.
#[derive(Debug)]
pub(super) struct Pass {
    /// Who calls.
    pub(super) caller: Caller,
    /// As whom the caller logged in, where that is known and the member is an act; for the record alone.
    pub(super) login: Option<LoginUser>,
    _turn: Turn,
}

fn check_size(interface: &str, header: &Header<'_>) -> Result<(), BusError> {
    let limit = if interface == ADMIN_INTERFACE { ADMIN_BODY_LIMIT } else { BODY_LIMIT };
    // The own socket refuses frames before they are read; there only sshd's facts may be longer than 4 KiB.
    if interface != LOGIN_INTERFACE && header.primary().body_len() > limit {
        return Err(BusError::InvalidArgument("the message is too long".into()));
    }
    Ok(())
}

async fn bus_caller(
    service: &Service,
    connection: &Connection,
    header: &Header<'_>,
) -> Result<Caller, BusError> {
    let _question = service.pace.ask()?;
    let sender = header.sender().ok_or(BusError::NotPermitted)?;
    let ask = async {
        let bus = DBusProxy::new(connection).await?;
        bus.get_connection_credentials(BusName::Unique(sender.to_owned())).await
    };
    match timeout(CREDENTIALS_LIMIT, ask).await {
        Ok(Ok(credentials)) => {
            let uid = credentials.unix_user_id().ok_or(BusError::NotPermitted)?;
            Ok(Caller { uid, owner: Owner::Bus(sender.to_string()) })
        }
        Ok(Err(_)) | Err(_) => Err(BusError::NotPermitted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERFACES: [&str; 5] =
        [LOGIN_INTERFACE, CONVERSATION_INTERFACE, SELF_INTERFACE, HELPDESK_INTERFACE, ADMIN_INTERFACE];
    const MEMBERS: [&str; 36] = [
        "Begin",
        "SessionOpened",
        "SessionClosed",
        "PasswordChanged",
        "Answer",
        "Cancel",
        "Status",
        "BeginEnrollment",
        "BeginRemoval",
        "BeginRenaming",
        "BeginBackupCodes",
        "BeginTest",
        "Remembered",
        "Forget",
        "Show",
        "Reset",
        "Delete",
        "Unlock",
        "Resync",
        "Invite",
        "SetRequired",
        "SetContact",
        "ListUsers",
        "ExplainPolicy",
        "SimulatePolicy",
        "ReportPolicy",
        "ImportContacts",
        "PurgeGone",
        "TestDelivery",
        "Audit",
        "VerifyAudit",
        "Reload",
        "RotateKey",
        "AcceptRestore",
        "Reseal",
        "AnythingNew",
    ];

    /// What polkit is asked about.
    const ACTIONS: [(&str, &str, &str); 17] = [
        (HELPDESK_INTERFACE, "Show", "org.countersign1.helpdesk.show"),
        (HELPDESK_INTERFACE, "Reset", "org.countersign1.helpdesk.reset"),
        (HELPDESK_INTERFACE, "Delete", "org.countersign1.helpdesk.delete"),
        (HELPDESK_INTERFACE, "Unlock", "org.countersign1.helpdesk.unlock"),
        (HELPDESK_INTERFACE, "Resync", "org.countersign1.helpdesk.resync"),
        (HELPDESK_INTERFACE, "Invite", "org.countersign1.helpdesk.invite"),
        (HELPDESK_INTERFACE, "SetRequired", "org.countersign1.helpdesk.set-required"),
        (HELPDESK_INTERFACE, "SetContact", "org.countersign1.helpdesk.set-contact"),
        (ADMIN_INTERFACE, "ListUsers", "org.countersign1.admin.list"),
        (ADMIN_INTERFACE, "ExplainPolicy", "org.countersign1.admin.policy"),
        (ADMIN_INTERFACE, "SimulatePolicy", "org.countersign1.admin.policy"),
        (ADMIN_INTERFACE, "ReportPolicy", "org.countersign1.admin.policy"),
        (ADMIN_INTERFACE, "Audit", "org.countersign1.admin.audit"),
        (ADMIN_INTERFACE, "VerifyAudit", "org.countersign1.admin.audit"),
        (ADMIN_INTERFACE, "ImportContacts", "org.countersign1.admin.import"),
        (ADMIN_INTERFACE, "PurgeGone", "org.countersign1.admin.purge"),
        (ADMIN_INTERFACE, "TestDelivery", "org.countersign1.admin.delivery-test"),
    ];

    #[test]
    fn every_action_is_one_of_the_package() {
        let shipped = include_str!("../../../packaging/polkit/org.countersign1.policy");
        for (_, _, action) in ACTIONS {
            assert!(shipped.contains(&format!("<action id=\"{action}\">")), "{action}");
        }
        let asked: std::collections::BTreeSet<&str> = ACTIONS.iter().map(|(_, _, action)| *action).collect();
        assert_eq!(shipped.matches("<action id=").count(), asked.len());
    }

    /// The table once more, as SECURITY.md 6 and 7 say it; whatever is not here is root's.
    fn expected(entrance: Entrance, interface: &str, member: &str) -> Permission {
        let rows = [
            (Entrance::Socket, LOGIN_INTERFACE, "Begin", Permission::OwnUid),
            (Entrance::Socket, CONVERSATION_INTERFACE, "Answer", Permission::ConversationOwner),
            (Entrance::Socket, CONVERSATION_INTERFACE, "Cancel", Permission::ConversationOwner),
            (Entrance::Bus, CONVERSATION_INTERFACE, "Answer", Permission::ConversationOwner),
            (Entrance::Bus, CONVERSATION_INTERFACE, "Cancel", Permission::ConversationOwner),
            (Entrance::Bus, SELF_INTERFACE, "Status", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "BeginEnrollment", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "BeginRemoval", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "BeginRenaming", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "BeginBackupCodes", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "BeginTest", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "Remembered", Permission::Anyone),
            (Entrance::Bus, SELF_INTERFACE, "Forget", Permission::Anyone),
        ];
        let guarded = ACTIONS
            .into_iter()
            .map(|(on, member, action)| (Entrance::Bus, on, member, Permission::Polkit(action)));
        rows.into_iter()
            .chain(guarded)
            .find(|row| (row.0, row.1, row.2) == (entrance, interface, member))
            .map_or(Permission::RootOnly, |row| row.3)
    }

    #[test]
    fn who_acts_is_named_and_what_is_new_is_an_act() {
        for (interface, member) in [
            (HELPDESK_INTERFACE, "Reset"),
            (HELPDESK_INTERFACE, "Delete"),
            (ADMIN_INTERFACE, "Reload"),
            (ADMIN_INTERFACE, "RotateKey"),
            (ADMIN_INTERFACE, "AnythingNew"),
        ] {
            assert!(is_act(interface, member), "{member}");
        }
        assert!(!is_act(ADMIN_INTERFACE, "ListUsers") && !is_act(SELF_INTERFACE, "BeginEnrollment"));
    }

    #[test]
    fn every_row_of_the_table_stands_and_all_else_is_roots() {
        for entrance in [Entrance::Socket, Entrance::Bus] {
            for interface in INTERFACES.into_iter().chain(["", "org.freedesktop.DBus.Properties"]) {
                for member in MEMBERS.into_iter().chain(["", "begin"]) {
                    assert_eq!(
                        permission(entrance, interface, member),
                        expected(entrance, interface, member),
                        "{entrance:?} {interface} {member}"
                    );
                }
            }
        }
    }
}
