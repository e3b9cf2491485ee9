//! The cases, each named by the sentence it proves.

mod back_channel;
mod refresh;
mod sign_in;
mod sign_out;
mod trouble;
mod two_at_once;

pub use back_channel::*;
pub use refresh::*;
pub use sign_in::*;
pub use sign_out::*;
pub use trouble::*;
pub use two_at_once::*;

use super::Page;

/// The page has this status; else its address and what it says are told.
fn assert_status(page: &Page, status: u16) {
    assert_eq!(page.status, status, "{} answered {}", page.url, page.body);
}
