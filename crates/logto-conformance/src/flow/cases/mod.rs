//! The cases, each named by the sentence it proves.

mod refresh;
mod sign_in;
mod sign_out;
mod trouble;
mod two_at_once;

pub use refresh::*;
pub use sign_in::*;
pub use sign_out::*;
pub use trouble::*;
pub use two_at_once::*;

use super::Page;

/// The whole address of a page that shows an error of this status and no cookie that opens anything new.
fn assert_status(page: &Page, status: u16) {
    assert_eq!(page.status, status, "{} answered {}", page.url, page.body);
}
