//! One file a verb. Each owns its arguments, with their help texts, and what it asks of the service.

pub(crate) mod audit;
pub(crate) mod audit_verify;
pub(crate) mod backup_codes;
pub(crate) mod breakglass_drill;
pub(crate) mod completions;
pub(crate) mod delivery_test;
pub(crate) mod enroll;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod policy_check;
pub(crate) mod policy_explain;
pub(crate) mod policy_reload;
pub(crate) mod policy_report;
pub(crate) mod policy_schema;
pub(crate) mod policy_simulate;
pub(crate) mod remembered;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod status;
pub(crate) mod store_accept_restore;
pub(crate) mod store_rotate_key;
pub(crate) mod test;
pub(crate) mod user_delete;
pub(crate) mod user_disable;
pub(crate) mod user_enable;
pub(crate) mod user_import;
pub(crate) mod user_invite;
pub(crate) mod user_list;
pub(crate) mod user_purge;
pub(crate) mod user_reset;
pub(crate) mod user_resync;
pub(crate) mod user_set_contact;
pub(crate) mod user_show;
pub(crate) mod user_unlock;

use crate::args::{BreakGlass, Command, Delivery, Policy, Store, User};
use crate::bus::Bus;
use crate::exit::Failure;
use crate::output::Output;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// How this run speaks.
    pub(crate) output: Output,
    /// The bus of a test.
    pub(crate) bus_address: Option<String>,
}

impl Context {
    /// Connects to the service.
    ///
    /// # Errors
    /// As [`Bus::connect`].
    pub(crate) async fn bus(&self) -> Result<Bus, Failure> {
        Bus::connect(self.bus_address.as_deref()).await
    }
}

/// Runs a command to its end.
///
/// # Errors
/// Why it did not do what was asked.
pub(crate) async fn run(command: Command, context: Context) -> Result<(), Failure> {
    match command {
        Command::Status(status) => status.run(&context).await,
        Command::Enroll(enroll) => enroll.run(&context).await,
        Command::Remove(remove) => remove.run(&context).await,
        Command::Rename(rename) => rename.run(&context).await,
        Command::BackupCodes(codes) => codes.run(&context).await,
        Command::Test(test) => test.run(&context).await,
        Command::Remembered(remembered) => remembered.run(&context).await,
        Command::Forget(forget) => forget.run(&context).await,
        Command::User(User::Show(show)) => show.run(&context).await,
        Command::User(User::Reset(reset)) => reset.run(&context).await,
        Command::User(User::Delete(delete)) => delete.run(&context).await,
        Command::User(User::Purge(purge)) => purge.run(&context).await,
        Command::User(User::Unlock(unlock)) => unlock.run(&context).await,
        Command::User(User::Resync(resync)) => resync.run(&context).await,
        Command::User(User::Invite(invite)) => invite.run(&context).await,
        Command::User(User::Enable(enable)) => enable.run(&context).await,
        Command::User(User::Disable(disable)) => disable.run(&context).await,
        Command::User(User::SetContact(set)) => set.run(&context).await,
        Command::User(User::Import(import)) => import.run(&context).await,
        Command::User(User::List(list)) => list.run(&context).await,
        Command::Policy(Policy::Check(check)) => check.run(&context),
        Command::Policy(Policy::Explain(explain)) => explain.run(&context).await,
        Command::Policy(Policy::Simulate(simulate)) => simulate.run(&context).await,
        Command::Policy(Policy::Report(report)) => report.run(&context).await,
        Command::Policy(Policy::Reload(reload)) => reload.run(&context).await,
        Command::Policy(Policy::Schema(schema)) => schema.run(),
        Command::Audit(audit) => audit.run(&context).await,
        Command::Delivery(Delivery::Test(test)) => test.run(&context).await,
        Command::Store(Store::RotateKey(rotate)) => rotate.run(&context).await,
        Command::Store(Store::AcceptRestore(accept)) => accept.run(&context).await,
        Command::BreakGlass(BreakGlass::Drill(drill)) => drill.run(&context),
        Command::Completions(completions) => completions.run(),
        Command::Generate(generate) => generate.run(),
    }
}
