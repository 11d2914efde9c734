//! The schema of the fleet's store, step by step over `schema_version`.
//!
//! Owns which schemas this service serves on, and how an older one becomes its own. Steps run while older services still
//! serve: they add; what an older service uses goes only with a later step, which raises `serves_from`. All steps of one
//! run are one transaction, and two runs never mix.

use countersign_config::PostgresUrl;
use tokio_postgres::Client;

use super::connection::Connector;
use super::failed;
use super::statements::column;
use crate::store::StoreError;

/// The steps; number N of them stands at index N - 1.
const STEPS: [&str; 5] = [
    include_str!("../schema/postgres/0001.sql"),
    include_str!("../schema/postgres/0002.sql"),
    include_str!("../schema/postgres/0003.sql"),
    include_str!("../schema/postgres/0004.sql"),
    include_str!("../schema/postgres/0005.sql"),
];
/// What keeps two runs apart: `CSt1`, as in the embedded store.
const LOCK: i64 = 0x4353_7431;
/// What is being done, in errors.
const CHECKING: &str = "checking the schema";
const MIGRATING: &str = "migrating the schema";

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The schema found; 0 is none.
    pub from: i32,
    /// The schema left.
    pub to: i32,
}

/// The schema of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    version: i32,
    serves_from: i32,
}

/// Brings the schema up to date, as the role that owns it.
///
/// # Errors
/// [`StoreError`]: not reached, not permitted, or newer than this service.
pub async fn migrate(url: PostgresUrl) -> Result<Migrated, StoreError> {
    let mut link = Connector::new(url).reach_for_migration().await?;
    let migrated = run(&mut link.client).await;
    link.close().await;
    migrated
}

/// Brings the schema up to date where this role may; else leaves it to the owner, and the check says what to do.
pub(super) async fn bring_up(connector: &Connector) -> Result<(), StoreError> {
    let mut link = connector.reach_for_migration().await?;
    let done = migrate_if_permitted(&mut link.client).await;
    link.close().await;
    done
}

async fn migrate_if_permitted(client: &mut Client) -> Result<(), StoreError> {
    if version(client).await?.version < newest() && may_alter(client).await? {
        let Migrated { from, to } = run(client).await?;
        tracing::info!(from, to, "the schema of the store was migrated");
    }
    Ok(())
}

/// Refuses a schema that this service cannot serve on.
///
/// # Errors
/// [`StoreError::Failed`] with the command to run.
pub(super) async fn check(client: &Client) -> Result<(), StoreError> {
    let Version { version, serves_from } = version(client).await?;
    if version < newest() {
        let known = newest();
        return Err(refuse(format!(
            "the store has schema {version}, this service needs {known}; run `countersignd --migrate URL` as its owner"
        )));
    }
    if serves_from > newest() {
        let known = newest();
        return Err(refuse(format!(
            "the store serves from schema {serves_from} on, this service knows {known}; upgrade it"
        )));
    }
    Ok(())
}

async fn run(client: &mut Client) -> Result<Migrated, StoreError> {
    // Held by the session and taken before the transaction begins, which then sees what the run before it did.
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed(MIGRATING))?;
    let transaction = client.transaction().await.map_err(failed(MIGRATING))?;
    let Version { version: from, .. } = version_in(&transaction).await?;
    if from == 0 {
        let makes = "SELECT to_regnamespace('countersign') IS NULL";
        let row = transaction.query_one(makes, &[]).await.map_err(failed(MIGRATING))?;
        if column(&row, 0)? {
            transaction.batch_execute("CREATE SCHEMA countersign").await.map_err(failed(MIGRATING))?;
        }
    }
    let done = usize::try_from(from).map_err(|_| refuse(format!("the store has schema {from}")))?;
    for step in STEPS.iter().skip(done) {
        transaction.batch_execute(step).await.map_err(failed(MIGRATING))?;
    }
    transaction.commit().await.map_err(failed(MIGRATING))?;
    Ok(Migrated { from, to: from.max(newest()) })
}

async fn version(client: &Client) -> Result<Version, StoreError> {
    version_in(client).await
}

async fn version_in(client: &impl tokio_postgres::GenericClient) -> Result<Version, StoreError> {
    let exists = "SELECT to_regclass('countersign.schema_version') IS NOT NULL";
    let row = client.query_one(exists, &[]).await.map_err(failed(CHECKING))?;
    if !column::<bool>(&row, 0)? {
        return Ok(Version { version: 0, serves_from: 0 });
    }
    let row = client
        .query_one("SELECT version, serves_from FROM countersign.schema_version", &[])
        .await
        .map_err(failed(CHECKING))?;
    Ok(Version { version: column(&row, 0)?, serves_from: column(&row, 1)? })
}

/// Tells whether this role owns the schema, or may make it.
async fn may_alter(client: &Client) -> Result<bool, StoreError> {
    let sql = "SELECT CASE WHEN to_regnamespace('countersign') IS NULL \
               THEN has_database_privilege(current_database(), 'CREATE') \
               ELSE has_schema_privilege('countersign', 'CREATE') END";
    let row = client.query_one(sql, &[]).await.map_err(failed(CHECKING))?;
    column(&row, 0)
}

fn newest() -> i32 {
    i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
}

fn refuse(cause: String) -> StoreError {
    StoreError::Failed { doing: CHECKING, cause }
}
