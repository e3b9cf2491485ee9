//! The token store suite: what every store of token records must do, whatever it keeps them in.
//!
//! A case asks the store only what [`TokenStore`] offers; what happens behind the store's back is done by the
//! [`Harness`]. No case waits for time: the harness moves it.

mod damage;
mod fences;
mod indexes;
mod lab;
mod leases;
mod lifetimes;
mod outages;
mod races;
mod records;
mod sharing;

pub use crate::storage::Verdict;
pub use damage::*;
pub use fences::*;
pub use indexes::*;
pub use leases::*;
pub use lifetimes::*;
pub use outages::*;
pub use races::*;
pub use records::*;
pub use sharing::*;

use logto_storage_core::{TokenStore, token_store::RecordKey};
use std::{future::Future, sync::Arc, time::Duration};

/// So long a case may take: a store that never answers fails instead of standing still.
const LONGEST_CASE: Duration = Duration::from_secs(120);

/// Brings a store to the suite.
pub trait Harness: Sized + Send + Sync {
    /// A harness over an empty store; `None` where a program that it needs is missing, which it has noted by
    /// [`note_skip`](crate::servers::note_skip).
    fn start() -> impl Future<Output = Option<Self>> + Send;

    /// A handle on the store, as another process would have it: all handles see the same records.
    fn store(&self) -> Arc<dyn TokenStore>;

    /// Moves the store's time on; in between it stands still.
    fn advance(&self, by: Duration);

    /// Overwrites the stored bytes of a record, which [`Record::data`] gave, behind the store's back; `false`
    /// where they cannot be reached.
    ///
    /// [`Record::data`]: logto_storage_core::token_store::Record::data
    fn overwrite(&self, key: &RecordKey, data: &[u8]) -> impl Future<Output = bool> + Send {
        let _ = (key, data);
        async { false }
    }

    /// Lets a record vanish behind the store's back, without what it is found by, as where a store expires
    /// records by itself; `false` where that cannot be.
    fn vanish(&self, key: &RecordKey) -> impl Future<Output = bool> + Send {
        let _ = key;
        async { false }
    }

    /// Makes the store unreachable; `false` where it cannot be made so.
    fn break_store(&self) -> impl Future<Output = bool> + Send {
        async { false }
    }

    /// Brings it back, with its records.
    fn mend_store(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Runs a case, which must end in time.
///
/// # Errors
///
/// What the case has found, or that it did not end.
#[doc(hidden)]
pub async fn run(case: impl Future<Output = Result<Verdict, String>>) -> Result<Verdict, String> {
    let ended = tokio::time::timeout(LONGEST_CASE, case).await;
    ended.unwrap_or_else(|_| Err(format!("no end after {LONGEST_CASE:?}")))
}

/// One test per case, over this [`Harness`].
#[macro_export]
macro_rules! token_store_suite {
    ($harness:ty) => {
        $crate::token_store_cases!([$crate::token_store_suite] $harness);
    };
    (@cases $harness:ty, $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                match $crate::token_store::run($crate::token_store::$case::<$harness>()).await {
                    Ok($crate::token_store::Verdict::Passed) => {}
                    Ok($crate::token_store::Verdict::NotApplicable) => println!("not applicable"),
                    Err(problem) => panic!("{problem}"),
                }
            }
        )*
    };
}

/// The names of all cases, given to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! token_store_cases {
    ([$($macro:tt)*] $harness:ty) => {
        $($macro)*! { @cases $harness,
            a_record_is_read_as_it_was_written
            what_was_never_written_is_not_found
            creating_over_a_record_is_a_conflict_that_changes_nothing
            a_deleted_record_can_be_created_again
            a_swap_writes_the_record_anew
            a_swap_of_an_older_version_is_a_conflict_that_changes_nothing
            a_version_from_before_a_deletion_is_a_conflict
            a_swap_after_a_deletion_makes_no_record
            versions_never_come_back
            taking_gives_the_record_and_ends_it
            deleting_tells_whether_there_was_a_record
            a_record_lives_to_the_last_millisecond_and_no_longer
            what_is_over_is_not_found_by_any_operation
            what_is_over_can_be_created_again
            a_swap_sets_a_new_lifetime
            a_lifetime_may_be_a_millisecond_or_ten_years
            of_100_swaps_of_one_version_one_wins
            of_1000_increments_none_is_lost
            of_1000_who_take_a_record_one_has_it
            of_50_who_create_a_record_one_does
            no_swap_succeeds_after_a_record_was_taken
            a_deletion_beats_every_swap
            work_on_200_records_at_once_is_not_disturbed
            a_lease_is_held_by_one
            of_1000_who_acquire_a_lease_one_has_it
            a_released_lease_goes_to_the_next
            a_lease_is_held_to_its_last_millisecond_and_no_longer
            a_lease_is_abandoned_where_it_was_not_given_back
            renewing_sets_how_long_a_lease_is_held
            a_lease_that_is_over_can_be_renewed_while_nobody_has_it
            a_lost_lease_cannot_be_renewed
            a_released_lease_cannot_be_renewed
            releasing_a_lost_lease_leaves_the_next_one_held
            a_lease_changes_nothing_of_its_record
            a_lease_stays_while_others_write
            the_fence_of_a_lease_is_larger_than_those_before
            a_write_under_a_lost_lease_is_refused
            a_write_under_the_present_lease_is_made
            a_lease_ends_with_its_record
            who_hold_the_lease_in_turn_never_meet
            a_record_is_found_by_its_sub_and_its_sid
            a_person_may_have_1000_records
            a_swap_moves_a_record_between_indexes
            what_has_ended_is_found_no_more
            deleting_by_an_index_ends_and_counts_its_records
            of_those_who_delete_by_one_index_each_record_is_counted_once
            what_has_vanished_is_found_no_more
            keys_match_as_a_whole
            all_handles_see_the_same_at_once
            two_applications_on_one_store_never_meet
            records_are_apart
            two_hundred_kibibytes_come_back_whole
            an_empty_record_is_a_record
            a_damaged_record_is_corrupt_and_stays
            deleting_by_an_index_ends_a_damaged_record_too
            a_damaged_record_is_over_when_its_time_is
            a_record_of_a_newer_format_is_left_alone
            a_store_that_is_away_is_unavailable_and_comes_back_whole
            errors_show_neither_keys_nor_data
            a_store_shows_no_content
        }
    };
}

/// The cases that find something wrong, with what they found. For proofs that the suite bites.
pub async fn failing_cases<H: Harness>() -> Vec<(&'static str, String)> {
    macro_rules! run_all {
        (@cases $harness:ty, $($case:ident)*) => {{
            let mut failing = Vec::new();
            $(if let Err(problem) = run($case::<$harness>()).await {
                failing.push((stringify!($case), problem));
            })*
            failing
        }};
    }
    crate::token_store_cases!([run_all] H)
}
