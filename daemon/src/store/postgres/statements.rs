//! The statements, prepared once a session, and the columns of a row taken apart.
//!
//! Owns the SQL that reads; what writes is a function of the schema. A column that is missing or of another type is an
//! unreadable record, never a panic.

use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Client, Row as Found, Statement};

use super::failed;
use crate::store::StoreError;

/// Accounts by key, each with its data key where this host does not have it yet.
const LOAD: &str = "SELECT a.id, a.realm, a.name, a.revision, a.epoch, a.covered_rule, a.covered_since, a.changed, \
    a.data_key, a.document, a.sealed, CASE WHEN a.data_key = ANY ($3) THEN NULL ELSE k.wrapped END \
    FROM unnest($1::text[], $2::text[]) AS wanted (realm, name) \
    JOIN countersign.account a ON a.realm = wanted.realm AND a.name = wanted.name \
    JOIN countersign.data_key k ON k.number = a.data_key";
/// Accounts in the order of their keys.
const PAGE: &str = "SELECT a.id, a.realm, a.name, a.revision, a.epoch, a.covered_rule, a.covered_since, a.changed, \
    a.data_key, a.document, a.sealed, CASE WHEN a.data_key = ANY ($4) THEN NULL ELSE k.wrapped END \
    FROM countersign.account a JOIN countersign.data_key k ON k.number = a.data_key \
    WHERE (a.realm, a.name) > ($1, $2) ORDER BY a.realm, a.name LIMIT $3 OFFSET $5";
/// Accounts in the order of their ids.
const WALK: &str = "SELECT a.id, a.realm, a.name, a.revision, a.epoch, a.covered_rule, a.covered_since, a.changed, \
    a.data_key, a.document, a.sealed, CASE WHEN a.data_key = ANY ($3) THEN NULL ELSE k.wrapped END \
    FROM countersign.account a JOIN countersign.data_key k ON k.number = a.data_key \
    WHERE a.id > $1 ORDER BY a.id LIMIT $2";
const TOTAL: &str = "SELECT coalesce(sum(accounts), 0)::bigint FROM countersign.host";
const RECORDS: &str = "SELECT sequence, record, link FROM countersign.audit \
    WHERE host = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
const SPAN: &str = "SELECT anchor_sequence, anchor_link, chain_sequence, chain_head FROM countersign.host \
    WHERE host = $1";
const TRIM: &str = "SELECT countersign.trim_audit_1($1, $2)";
const NEWEST_TIME: &str = "SELECT newest_time FROM countersign.host WHERE host = $1";
const DATA_KEYS: &str = "SELECT number, wrapped FROM countersign.data_key";
const COMMIT: &str =
    "SELECT countersign.commit_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
/// The same with messages; those without go the shorter way.
const COMMIT_MESSAGES: &str = "SELECT countersign.commit_2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
    $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)";
const ADD_KEY: &str = "SELECT countersign.add_key_1($1, $2, $3)";
const RESEAL: &str = "SELECT countersign.reseal_2($1, $2, $3, $4, $5)";
/// The codes of recipients: the place of the newest, and when those of a day were queued that were not used.
const USES: &str = "SELECT wanted.recipient, \
    (SELECT coalesce(max(o.sequence), 0) FROM countersign.outbox o \
        WHERE o.recipient = wanted.recipient AND o.purpose = 'code'), \
    ARRAY(SELECT newest.queued FROM (SELECT o.queued, o.sequence FROM countersign.outbox o \
        WHERE o.recipient = wanted.recipient AND o.purpose = 'code' AND NOT o.used AND o.queued > $2 \
        ORDER BY o.sequence DESC LIMIT $3) newest ORDER BY newest.sequence) \
    FROM unnest($1::bytea[]) AS wanted (recipient)";
const HOST_USE: &str = "SELECT channel, queued FROM countersign.outbox WHERE host = $1 AND queued > $2 \
    ORDER BY queued DESC LIMIT $3";
/// Messages of a host that wait, each with its data key where this host does not have it yet.
const DUE: &str = "SELECT o.id, o.account, o.recipient, o.channel, o.purpose, o.queued, o.expires, o.data_key, o.sealed, \
    o.attempts, a.realm, a.name, CASE WHEN o.data_key = ANY ($4) THEN NULL ELSE k.wrapped END \
    FROM countersign.outbox o JOIN countersign.data_key k ON k.number = o.data_key \
    LEFT JOIN countersign.account a ON a.id = o.account \
    WHERE o.host = $1 AND o.state = 'queued' AND o.sealed IS NOT NULL AND o.next_at <= $2 \
    ORDER BY o.next_at, o.sequence LIMIT $3";
const INTERRUPTED: &str = "SELECT o.id, o.channel, o.purpose, a.realm, a.name \
    FROM countersign.outbox o LEFT JOIN countersign.account a ON a.id = o.account \
    WHERE o.host = $1 AND o.state = 'trying' AND o.sealed IS NOT NULL ORDER BY o.sequence LIMIT $2";
const CLAIM: &str = "SELECT countersign.claim_1($1, $2)";
const PUT_OFF: &str = "SELECT countersign.put_off_1($1, $2, $3)";
const SETTLE: &str = "SELECT countersign.settle_1($1, $2)";
const PURGE: &str = "SELECT countersign.purge_1($1, $2)";

/// The statements of a session.
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) page: Statement,
    pub(super) walk: Statement,
    pub(super) total: Statement,
    pub(super) records: Statement,
    pub(super) span: Statement,
    pub(super) trim: Statement,
    pub(super) newest_time: Statement,
    pub(super) data_keys: Statement,
    pub(super) commit: Statement,
    pub(super) add_key: Statement,
    pub(super) reseal: Statement,
    pub(super) commit_messages: Statement,
    pub(super) uses: Statement,
    pub(super) host_use: Statement,
    pub(super) due: Statement,
    pub(super) interrupted: Statement,
    pub(super) claim: Statement,
    pub(super) put_off: Statement,
    pub(super) settle: Statement,
    pub(super) purge: Statement,
}

impl Statements {
    /// Prepares all of them, in one round trip.
    pub(super) async fn prepare(client: &Client) -> Result<Self, StoreError> {
        let accounts = async {
            tokio::try_join!(
                client.prepare(LOAD),
                client.prepare(PAGE),
                client.prepare(WALK),
                client.prepare(TOTAL),
                client.prepare(RECORDS),
                client.prepare(NEWEST_TIME),
                client.prepare(DATA_KEYS),
                client.prepare(COMMIT),
                client.prepare(ADD_KEY),
                client.prepare(RESEAL),
            )
        };
        let messages = async {
            tokio::try_join!(
                client.prepare(COMMIT_MESSAGES),
                client.prepare(USES),
                client.prepare(HOST_USE),
                client.prepare(DUE),
                client.prepare(INTERRUPTED),
                client.prepare(CLAIM),
                client.prepare(PUT_OFF),
                client.prepare(SETTLE),
                client.prepare(PURGE),
            )
        };
        let ends = async { tokio::try_join!(client.prepare(SPAN), client.prepare(TRIM)) };
        let (accounts, messages, (span, trim)) =
            tokio::try_join!(accounts, messages, ends).map_err(failed("preparing statements"))?;
        let (load, page, walk, total, records, newest_time, data_keys, commit, add_key, reseal) = accounts;
        let (commit_messages, uses, host_use, due, interrupted, claim, put_off, settle, purge) = messages;
        Ok(Self {
            load,
            page,
            walk,
            total,
            records,
            span,
            trim,
            newest_time,
            data_keys,
            commit,
            add_key,
            reseal,
            commit_messages,
            uses,
            host_use,
            due,
            interrupted,
            claim,
            put_off,
            settle,
            purge,
        })
    }
}

/// Takes a column of a row.
///
/// # Errors
/// [`StoreError::Unreadable`] if it is missing, or holds something else.
pub(super) fn column<T: FromSqlOwned>(found: &Found, index: usize) -> Result<T, StoreError> {
    found.try_get(index).map_err(|_| StoreError::Unreadable(format!("column {index} holds something else")))
}
