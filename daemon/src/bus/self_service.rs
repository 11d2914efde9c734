//! `org.countersign1.Self`: what a person does for themselves.
//!
//! No member takes a user: the bus says who calls.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::account::Account;
use countersign_core::contact::ADDRESS_LIMIT;
use countersign_core::conversation::backup_codes::BackupCodesRequest;
use countersign_core::conversation::enrollment::EnrollmentRequest;
use countersign_core::conversation::removal::RemovalRequest;
use countersign_core::conversation::renaming::RenamingRequest;
use countersign_core::conversation::trial::TrialRequest;
use countersign_core::factor::{LABEL_LIMIT, Label, Method};
use countersign_core::login::{Host, Person};
use countersign_core::words::Language;
use zbus::message::Header;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, interface};

use super::caller::Pass;
use super::conversation::{self, Epilogue, Opened};
use super::facts::{self, OwnedFacts, Reader};
use super::{BusError, Door, Service, convert, places};
use crate::engine::command::Opening;
use crate::sessions::Others;

/// The longest tag of a language, in bytes.
const LOCALE_LIMIT: usize = 64;

/// The object on the system bus.
pub struct SelfInterface {
    service: Arc<Service>,
}

impl SelfInterface {
    /// Serves the callers of the bus.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Lets a caller in who wants a dialogue about themselves.
    async fn visit(
        &self,
        options: &convert::Facts,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Visit, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, header, None).await?;
        let person = self.service.oneself(&pass.caller).await?;
        Ok(Visit { pass, person, host: self.service.engine.host().clone(), language: language(options)? })
    }

    /// Begins a dialogue and serves it.
    async fn lead(
        &self,
        opening: Opening,
        pass: &Pass,
        (connection, header): (&Connection, &Header<'_>),
        epilogue: Option<Epilogue>,
    ) -> Result<Opened, BusError> {
        let begun = self.service.engine.begin(opening, pass.caller.clone()).await?;
        conversation::open(&self.service, &Door::Bus, connection, header, begun, epilogue).await
    }
}

/// A caller who was let in, and what every dialogue of theirs needs.
struct Visit {
    pass: Pass,
    person: Person,
    host: Host,
    language: Option<Language>,
}

/// What a person does for themselves; who calls is what the bus says.
#[interface(name = "org.countersign1.Self")]
impl SelfInterface {
    /// Tells what the caller holds, and which rule applies to a login over ssh. Root is told `store` s where the store is in
    /// doubt (as `doubt` of `Admin.AcceptRestore`).
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("facts"))]
    async fn status(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedFacts, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let person = self.service.oneself(&pass.caller).await?;
        let engine = &self.service.engine;
        let account = engine.account(&person).await?;
        let here = (engine.host(), engine.now());
        let mut facts = facts::standing(&person, account.as_ref(), &engine.policy(), here, Reader::Owner);
        if let (0, Some(doubt)) = (pass.caller.uid, self.service.store.doubt()) {
            facts::put(&mut facts, "store", doubt.word());
        }
        Ok(facts)
    }

    /// Begins setting up a factor. Options: `label` s, `locale` s, `draws_qr` b, `recipient` s (the address or number that
    /// codes are to be sent to), `replace` s (the factor that the new one takes the place of, "" for the only one of its
    /// kind), `end_sessions` b (once it is done, the caller's other sessions end).
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("conversation", "state", "lines"))]
    async fn begin_enrollment(
        &self,
        kind: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), BusError> {
        let Visit { pass, person, host, language } = self.visit(&options, connection, &header).await?;
        let (method, label) = (method(kind)?, label(&options)?);
        let draws_qr = convert::switch(&options, "draws_qr")?;
        let replace = convert::text(&options, "replace", LABEL_LIMIT)?;
        let recipient = convert::text(&options, "recipient", ADDRESS_LIMIT)?;
        let others = match header.sender() {
            Some(sender) if convert::switch(&options, "end_sessions")? => {
                Some(Others::of(connection, sender, pass.caller.uid).await)
            }
            Some(_) | None => None,
        };
        let spoken = language.unwrap_or(self.service.engine.policy().settings.language);
        let request =
            EnrollmentRequest { person, host, method, label, replace, recipient, draws_qr, language };
        let epilogue = others.map(|others| Epilogue { others, language: spoken });
        self.lead(Opening::Enrollment(request), &pass, (connection, &header), epilogue).await
    }

    /// Begins removing a factor, named by method, label or id. Options: `locale` s.
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("conversation", "state", "lines"))]
    async fn begin_removal(
        &self,
        factor: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), BusError> {
        let Visit { pass, person, host, language } = self.visit(&options, connection, &header).await?;
        let request = RemovalRequest { person, host, factor: name_of_factor(factor)?, language };
        self.lead(Opening::Removal(request), &pass, (connection, &header), None).await
    }

    /// Begins giving a factor, named by method, label or id, another label. Options: `locale` s.
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("conversation", "state", "lines"))]
    async fn begin_renaming(
        &self,
        factor: &str,
        label: &str,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), BusError> {
        let Visit { pass, person, host, language } = self.visit(&options, connection, &header).await?;
        let (factor, label) = (name_of_factor(factor)?, checked_label(label)?);
        let request = RenamingRequest { person, host, factor, label, language };
        self.lead(Opening::Renaming(request), &pass, (connection, &header), None).await
    }

    /// Begins making new backup codes, which end the old ones. Options: `locale` s.
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("conversation", "state", "lines"))]
    async fn begin_backup_codes(
        &self,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), BusError> {
        let Visit { pass, person, host, language } = self.visit(&options, connection, &header).await?;
        let request = BackupCodesRequest { person, host, language };
        self.lead(Opening::BackupCodes(request), &pass, (connection, &header), None).await
    }

    /// Begins trying a code: a login without a session. Options: `locale` s.
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("conversation", "state", "lines"))]
    async fn begin_test(
        &self,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), BusError> {
        let Visit { pass, person, host, language } = self.visit(&options, connection, &header).await?;
        let request = TrialRequest { person, host, language };
        self.lead(Opening::Trial(request), &pass, (connection, &header), None).await
    }

    /// Lists the places from which the caller is not asked for a while: `place` s (numeric address), `service` s, `since`
    /// t, `until` t, `rule` s, `key` s (fingerprint of the SSH key, absent where none).
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("places"))]
    async fn remembered(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Vec<OwnedFacts>, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let person = self.service.oneself(&pass.caller).await?;
        let engine = &self.service.engine;
        let account = engine.account(&person).await?;
        let now = engine.now();
        let listed = |account: &Account| {
            account.remembered_places(now.latest()).map(|place| places::facts(place, now)).collect()
        };
        Ok(account.as_ref().map(listed).unwrap_or_default())
    }

    /// Forgets what is remembered for an address, "" for every one; no code is asked for. Answers how many places it were.
    ///
    /// Errors: `NotPermitted`, `NoSuchUser`, `InvalidArgument`, `LimitReached`, `Unavailable`.
    #[zbus(out_args("forgotten"))]
    async fn forget(
        &self,
        place: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<u32, BusError> {
        let pass = Door::Bus.authorize(&self.service, connection, &header, None).await?;
        let places = places::read(place)?;
        let person = self.service.oneself(&pass.caller).await?;
        let forgotten = self.service.engine.forget(person, places).await?;
        Ok(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

/// Reads the name of a method.
///
/// # Errors
/// [`BusError::InvalidArgument`].
pub(super) fn method(name: &str) -> Result<Method, BusError> {
    Method::ALL
        .into_iter()
        .find(|method| method.name() == name)
        .ok_or(BusError::InvalidArgument("no method of that name".into()))
}

fn label(options: &convert::Facts) -> Result<Option<Label>, BusError> {
    convert::text(options, "label", LABEL_LIMIT)?.map(|text| checked_label(&text)).transpose()
}

fn checked_label(text: &str) -> Result<Label, BusError> {
    Label::try_from(text).map_err(|error| BusError::InvalidArgument(error.to_string().into()))
}

fn language(options: &convert::Facts) -> Result<Option<Language>, BusError> {
    Ok(convert::text(options, "locale", LOCALE_LIMIT)?.and_then(|tag| Language::from_tag(&tag)))
}

fn name_of_factor(text: &str) -> Result<String, BusError> {
    let fits = (1..=LABEL_LIMIT).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(BusError::InvalidArgument("not the name of a factor".into())) }
}
