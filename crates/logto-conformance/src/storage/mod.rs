//! The storage suite: what every adapter must do, told as requests of visitors.
//!
//! A case is a list of requests, a request a list of [`Step`]s; the harness takes a request to where the
//! adapter lives, inside a handler of its framework, and runs the steps there with [`run_steps`]. So the
//! suite needs no `Send`, and runs over any framework.

mod cases;
mod steps;

pub use cases::*;
pub use steps::{Failed, Outcome, Step, run_steps};

use std::future::Future;

/// Takes requests to an adapter.
pub trait Harness: Sized {
    /// An adapter over an empty store.
    fn start() -> impl Future<Output = Self>;

    /// One request of this visitor: a session of its own, kept from request to request.
    fn request(&mut self, visitor: usize, steps: Vec<Step>) -> impl Future<Output = Vec<Outcome>>;

    /// Gives the visitor's session a new id; `false` where there are no ids.
    fn renew_id(&mut self, visitor: usize) -> impl Future<Output = bool> {
        let _ = visitor;
        async { false }
    }

    /// Keeps a text of the application's own in the visitor's session; `false` where nothing can be.
    fn set_other(&mut self, visitor: usize, text: &str) -> impl Future<Output = bool> {
        let _ = (visitor, text);
        async { false }
    }

    /// The text of the application's own.
    fn other(&mut self, visitor: usize) -> impl Future<Output = Option<String>> {
        let _ = visitor;
        async { None }
    }

    /// Whether a value may be as large as 64 KiB; a cookie's may not.
    fn holds_large_values(&self) -> bool {
        true
    }

    /// Makes the store fail from now on; `false` where it cannot be made to.
    fn break_store(&mut self) -> impl Future<Output = bool> {
        async { false }
    }
}

/// How a case ended that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It held.
    Passed,
    /// The harness cannot do what the case needs.
    NotApplicable,
}

/// One test per case, over this [`Harness`].
#[macro_export]
macro_rules! storage_suite {
    ($harness:ty) => {
        $crate::storage_cases!([$crate::storage_suite] $harness);
    };
    (@cases $harness:ty, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                match $crate::storage::$case::<$harness>().await {
                    Ok($crate::storage::Verdict::Passed) => {}
                    Ok($crate::storage::Verdict::NotApplicable) => println!("not applicable"),
                    Err(problem) => panic!("{problem}"),
                }
            }
        )*
    };
}

/// The names of all cases, given to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! storage_cases {
    ([$($macro:tt)*] $harness:ty) => {
        $($macro)*! { @cases $harness,
            a_written_value_is_read_in_the_same_request
            a_written_value_survives_the_request
            a_later_value_replaces_the_earlier
            removing_what_is_absent_is_fine
            what_is_absent_is_none
            what_is_empty_is_not_absent
            any_text_comes_back_as_it_was
            keys_are_apart
            visitors_are_apart
            renewing_the_id_keeps_the_values
            all_keys_are_kept_together
            sixty_four_kibibytes_are_kept_whole
            changes_are_applied_in_order
            a_failing_store_is_an_error_with_its_source
            other_data_of_the_session_is_untouched
        }
    };
}

/// The cases that find something wrong, with what they found. For proofs that the suite bites.
pub async fn failing_cases<H: Harness>() -> Vec<(&'static str, String)> {
    macro_rules! run_all {
        (@cases $harness:ty, $($case:ident)*) => {{
            let mut failing = Vec::new();
            $(if let Err(problem) = $case::<$harness>().await {
                failing.push((stringify!($case), problem));
            })*
            failing
        }};
    }
    crate::storage_cases!([run_all] H)
}
