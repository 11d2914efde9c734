//! `org.countersign1.Login`: logins, on the own socket only.
//!
//! A root caller begins for anyone, any other for its own uid alone; who asks for another gets the same answer whether
//! that other exists or not, and nothing changes (row L11).

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::login::AuditSession;
use zbus::message::Header;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, interface};

use super::conversation;
use super::{BusError, Door, Service, convert};
use crate::engine::command::{ConversationId, Opening};

/// The object behind the own socket.
pub struct LoginInterface {
    service: Arc<Service>,
    door: Door,
}

impl LoginInterface {
    /// Serves one connection.
    #[must_use]
    pub fn new(service: Arc<Service>, door: Door) -> Self {
        Self { service, door }
    }
}

/// Logins, for the PAM module. On the service's own socket only.
#[interface(name = "org.countersign1.Login", spawn = false)]
impl LoginInterface {
    /// Begins a login. Root for anyone, others for themselves.
    ///
    /// Context: `phase` s (`auth`, `account`), `service` s, `tty` s, `remote_host` s, `requesting_user` s,
    /// `ssh_server` b (the service is sshd under another name), `ssh_connection` s, `ssh_auth_info` s, `session_id` u (the kernel's audit session of the asking process, 4294967295
    /// for none), `first_factor` s (`settled`, `late`), `locale` s; unknown keys are ignored.
    /// Errors: `NotPermitted`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("conversation", "state", "lines"))]
    async fn begin(
        &self,
        user: &str,
        context: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), BusError> {
        let pass = self.door.authorize(&self.service, connection, &header, None).await?;
        let person = self.service.person_to_log_in(&pass.caller, user).await?;
        let request = convert::login(&self.service, &pass.caller, person, &context).await?;
        let begun = self.service.engine.begin(Opening::Login(request), pass.caller.clone()).await?;
        conversation::open(&self.service, &self.door, connection, &header, begun, None).await
    }

    /// Ties a login that was let in to the kernel's audit session; root only, once for each login.
    ///
    /// Errors: `NotPermitted`, `InvalidArgument`, `UnknownObject`, `Unavailable`.
    async fn session_opened(
        &self,
        login: &str,
        session: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), BusError> {
        let _pass = self.door.authorize(&self.service, connection, &header, None).await?;
        let id = login_id(login)?;
        Ok(self.service.engine.session_opened(id, session).await?)
    }

    /// Tells that a session was closed by who opened it; root only. What was given in it ends, where this login opened it.
    ///
    /// Errors: `NotPermitted`, `InvalidArgument`, `Unavailable`.
    async fn session_closed(
        &self,
        login: &str,
        session: u32,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), BusError> {
        let _pass = self.door.authorize(&self.service, connection, &header, None).await?;
        let id = login_id(login)?;
        match AuditSession::of(session) {
            Some(session) => Ok(self.service.engine.session_closed(id, session).await?),
            None => Ok(()),
        }
    }

    /// Tells that a person's password was changed; root only.
    ///
    /// Errors: `NotPermitted`, `InvalidArgument`, `NoSuchUser`, `Unavailable`.
    async fn password_changed(
        &self,
        user: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), BusError> {
        let _pass = self.door.authorize(&self.service, connection, &header, None).await?;
        let person = self.service.known_person(user).await?;
        Ok(self.service.engine.password_changed(&person).await?)
    }
}

fn login_id(text: &str) -> Result<ConversationId, BusError> {
    text.parse().map_err(|_| BusError::InvalidArgument("not the id of a login".into()))
}
