//! What the outbox knows, for the decisions of a batch.
//!
//! Owns which people are decided on with it: those who have a way on which something can be sent. A login with an app
//! asks the store nothing. Who sends something without having been told is decided again, told. What a host sent within an
//! hour is counted by its one engine, so that batches on their way at the same time see each other, and read back from the
//! store where it is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::account::Account;
use countersign_core::contact::Contacts;
use countersign_core::conversation::Conversation;
use countersign_core::delivery::{Channel, Purpose, Recipient};
use countersign_core::factor::FactorKind;
use countersign_core::login::{Existence, Person};
use countersign_core::sending::{HOUR, OutboxFacts, RecipientUse};
use countersign_core::time::WallTime;

use super::effects::Fault;
use super::flight::Tools;
use super::job::{Job, Sheaf, Work};
use crate::store::LOAD_LIMIT;
use crate::store::outbox::{HostUse, Queued};

/// What this host sent within the last hour, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct HostCounter(Mutex<Option<HostUse>>);

impl HostCounter {
    fn lock(&self) -> MutexGuard<'_, Option<HostUse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes back what was counted for messages that were not queued.
    pub(super) fn release(&self, reserved: &[(Channel, WallTime)]) {
        let Some(used) = &mut *self.lock() else { return };
        for (channel, at) in reserved {
            let times = used.of(*channel);
            if let Some(place) = times.iter().rposition(|time| time == at) {
                times.remove(place);
            }
        }
    }

    /// Forgets the count, where nobody knows what was queued: the store is asked the next time.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }
}

/// Tells what of a change counts toward the caps of the host.
pub(super) fn reserved(outgoing: &[Queued]) -> Vec<(Channel, WallTime)> {
    outgoing.iter().map(|Queued { outgoing, .. }| (outgoing.recipient.channel(), outgoing.queued)).collect()
}

/// What is known for one batch.
pub(super) struct Facts<'a> {
    recipients: BTreeMap<Recipient, RecipientUse>,
    counter: &'a HostCounter,
}

impl<'a> Facts<'a> {
    /// Knows nothing.
    pub(super) const fn none(counter: &'a HostCounter) -> Self {
        Self { recipients: BTreeMap::new(), counter }
    }

    /// Asks the store, where anybody of the batch needs it.
    ///
    /// # Errors
    /// [`Fault::Store`].
    pub(super) async fn load(
        tools: &Tools,
        counter: &'a HostCounter,
        wanted: &[BTreeSet<Recipient>],
        at: WallTime,
    ) -> Result<Self, Fault> {
        let all: Vec<Recipient> =
            wanted.iter().flatten().collect::<BTreeSet<_>>().into_iter().cloned().collect();
        let mut recipients = BTreeMap::new();
        for some in all.chunks(LOAD_LIMIT) {
            recipients.extend(tools.store.recipient_uses(some, at).await?);
        }
        if !all.is_empty() && counter.lock().is_none() {
            let used = tools.store.host_use(at).await?;
            counter.lock().get_or_insert(used);
        }
        Ok(Self { recipients, counter })
    }

    /// Opens what is known of some recipients for one person's decisions; nothing where nobody asked, or where it is not
    /// known.
    pub(super) fn open(&mut self, wanted: &BTreeSet<Recipient>, at: WallTime) -> Option<Opened<'_>> {
        if wanted.is_empty() {
            return None;
        }
        let mut host = self.counter.lock();
        let used = host.as_mut()?;
        for times in [&mut used.emails, &mut used.texts] {
            times.retain(|time| at.since(*time) < HOUR);
        }
        let known = |recipient: &Recipient| {
            self.recipients.get(recipient).map(|used| (recipient.clone(), used.clone()))
        };
        let facts = OutboxFacts {
            recipients: wanted.iter().filter_map(known).collect(),
            emails: used.emails.clone(),
            texts: used.texts.clone(),
        };
        Some(Opened { facts, recipients: &mut self.recipients, host })
    }
}

/// What is known while one person's jobs are decided; the count of the host waits until they are.
pub(super) struct Opened<'a> {
    facts: OutboxFacts,
    recipients: &'a mut BTreeMap<Recipient, RecipientUse>,
    host: MutexGuard<'a, Option<HostUse>>,
}

impl Opened<'_> {
    /// Lends it as core takes it.
    pub(super) const fn facts(&self) -> &OutboxFacts {
        &self.facts
    }

    /// Tells the place of the newest code to a recipient, where it was asked for.
    pub(super) fn newest(&self, recipient: &Recipient) -> Option<u64> {
        self.facts.recipients.get(recipient).map(|used| used.newest)
    }

    /// Counts a message for the further decisions of the person.
    pub(super) fn note(&mut self, queued: &Queued) {
        let message = &queued.outgoing;
        if message.purpose == Purpose::Code
            && let Some(used) = self.facts.recipients.get_mut(&message.recipient)
        {
            used.unused.push(message.queued);
        }
        match message.recipient.channel() {
            Channel::Email => self.facts.emails.push(message.queued),
            Channel::Sms | Channel::Call => self.facts.texts.push(message.queued),
        }
    }

    /// Counts the messages of a person for the decisions on others.
    pub(super) fn close(mut self, outgoing: &[Queued]) {
        for Queued { outgoing, .. } in outgoing {
            if outgoing.purpose == Purpose::Code
                && let Some(used) = self.recipients.get_mut(&outgoing.recipient)
            {
                used.unused.push(outgoing.queued);
            }
            if let Some(used) = &mut *self.host {
                used.note(outgoing.recipient.channel(), outgoing.queued);
            }
        }
    }
}

/// Tells for which recipients a person's jobs are decided with what the outbox knows: those of their factors, those on
/// file where one of them may be set up, and those that were tried before.
pub(super) fn wanted(sheaf: &Sheaf, account: Option<&Account>) -> BTreeSet<Recipient> {
    let mut wanted: BTreeSet<Recipient> =
        sheaf.jobs.iter().flat_map(|job| job.recipients.iter().cloned()).collect();
    let turns = sheaf.jobs.iter().filter(|job| matches!(job.work, Work::Turn { .. }));
    for job in turns {
        let Some(person) = job.person.as_deref().filter(|person| is_known(person)) else { continue };
        if let Some(account) = account {
            wanted.extend(account.factors.iter().filter_map(|factor| match &factor.kind {
                FactorKind::Sent(recipient) => Some(recipient.clone()),
                FactorKind::Totp(_) | FactorKind::Hotp(_) => None,
            }));
        }
        if may_set_up(job, account) {
            let on_file = account.map(|account| account.contacts.clone()).unwrap_or_default();
            let Contacts { email, phone } = on_file.or(&person.contacts);
            wanted.extend(email.map(Recipient::Email));
            wanted.extend(phone.clone().map(Recipient::Sms));
            wanted.extend(phone.map(Recipient::Call));
        }
    }
    wanted
}

const fn is_known(person: &Person) -> bool {
    matches!(person.existence, Existence::Known { .. })
}

/// Tells whether a factor may be set up in a turn: not in the login of somebody who has one.
fn may_set_up(job: &Job, account: Option<&Account>) -> bool {
    let Work::Turn { conversation, .. } = &job.work else { return false };
    let is_login = matches!(**conversation, Conversation::Login(_));
    !(is_login && account.is_some_and(Account::is_enrolled))
}
