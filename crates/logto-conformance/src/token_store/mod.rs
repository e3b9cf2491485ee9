//! The token store suite: what every store of token records must do, whatever it keeps them in.
//!
//! A case asks the store only what [`TokenStore`] offers; what happens behind the store's back is done by the
//! [`Harness`]. No case waits for time: the harness moves it.

mod lab;
mod lifetimes;
mod records;

pub use crate::storage::Verdict;
pub use lifetimes::*;
pub use records::*;

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
