//! What every store must do, run against each of them.
//!
//! Owns the list of behaviours, each a function over an empty store; [`suite!`] makes a test of each. `accounts`, `audit`,
//! `keys` and `outbox` have them, `samples` what they keep. Nothing here knows whether
//! anybody else writes to the store, nor how it keeps anything.

mod accounts;
mod audit;
mod keys;
pub(crate) mod outbox;
mod restores;
mod samples;

use std::sync::Arc;

use countersign_core::account::{Account, AccountKey};

use super::{Change, Store};

/// Makes a test of each behaviour; `$fixture` is an expression that yields a store and what keeps it alive.
macro_rules! suite {
    ($fixture:expr; $($behavior:ident)*) => {
        $(
            #[tokio::test]
            async fn $behavior() {
                let (store, _kept) = $fixture;
                $crate::store::conformance::$behavior(store).await;
            }
        )*
    };
    ($fixture:expr) => {
        suite! { $fixture;
            an_account_comes_back_as_it_was
            an_account_that_is_not_there_is_none
            a_change_needs_the_revision_it_was_decided_on
            a_new_account_needs_a_free_name
            a_changed_name_or_id_is_stale
            a_stale_change_fails_alone_and_without_its_events
            later_changes_of_a_batch_see_earlier_ones
            answers_stand_in_the_order_of_the_questions
            events_alone_are_recorded
            a_batch_that_fails_leaves_nothing
            too_much_at_once_is_refused
            pages_follow_the_order_of_keys
            an_empty_store_has_one_empty_page
            audit_records_form_one_chain
            the_newest_time_never_goes_back
            names_of_any_script_are_kept_apart
            the_same_name_in_two_realms_is_two_accounts
            of_fifty_racing_commits_one_wins
            racing_events_keep_the_chain_whole
            the_beginning_of_the_audit_goes_and_the_rest_holds
            the_audit_is_not_removed_whole_nor_all_at_once
            a_new_data_key_reseals_while_commits_go_on
            data_keys_do_not_pile_up
            five_thousand_accounts_are_each_found
            a_removed_account_leaves_its_name_free_and_its_record_behind
            a_removal_needs_the_account_it_was_decided_on
            what_a_removed_account_was_to_be_sent_never_goes_out_and_what_was_sent_counts
            a_message_comes_back_as_it_was
            of_fifty_racing_claims_one_wins
            a_claimed_message_is_interrupted_until_it_is_settled
            a_message_put_off_is_due_again_at_its_time
            what_is_settled_is_final_and_counts_still
            a_newer_code_makes_a_change_stale_whole
            a_stale_account_queues_nothing
            of_codes_for_a_recipient_in_one_batch_one_goes
            of_fifty_racing_codes_for_a_recipient_one_goes
            notices_and_other_channels_are_not_compared
            two_spellings_of_a_mailbox_are_one
            used_codes_and_old_ones_do_not_count
            nothing_sent_is_told_as_nothing
            a_host_counts_every_message_of_an_hour
            a_batch_that_fails_queues_nothing
            the_same_message_is_never_queued_twice
            old_messages_are_removed_and_never_counted_anew
            a_message_outlives_a_new_data_key
            every_commit_raises_the_generation
            accepted_restores_and_the_stamp_are_kept
            a_spool_is_imported_in_order_and_once
        }
    };
}
pub(crate) use accounts::*;
pub(crate) use audit::*;
pub(crate) use keys::*;
pub(crate) use outbox::*;
pub(crate) use restores::*;
pub(crate) use samples::*;
pub(crate) use suite;

type Shared = Arc<dyn Store>;

fn change(account: &Account) -> Change {
    Change { account: Some(account.clone()), events: Vec::new(), ..Change::default() }
}

/// Commits one account that must not be stale, and takes its new revision over.
pub(crate) async fn put(store: &dyn Store, account: &mut Account) {
    let answers = store.commit(vec![change(account)]).await.unwrap();
    account.revision = answers[0].expect("the change is not stale");
}

/// Loads one account.
pub(crate) async fn get(store: &dyn Store, key: &AccountKey) -> Option<Account> {
    store.load(std::slice::from_ref(key)).await.unwrap().remove(0)
}
