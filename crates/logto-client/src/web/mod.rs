//! What every binding asks about a request, and the pages it answers with. Pure.

mod bearer;
mod challenge;
mod pages;
mod query;
mod refusal;
mod request;
mod webhook;

pub use bearer::{MOST_FORM_BYTES, bearer, form_not_read, is_form, no_resource_metadata};
pub use challenge::{ApiAnswer, Challenge};
pub use pages::{error_json, error_page, sign_out_page, signed_out_locally_page};
pub use query::{MOST_LOGOUT_BYTES, logout_token, sign_in_options, sign_out_state};
pub use refusal::{Refusal, Visit, causes, signed_out_here};
pub use request::{RequestFacts, SignOutVerdict, is_page_request, judge_sign_out};
pub use webhook::{webhook_broken_off, webhook_too_large};

/// `Cache-Control` of every answer of the routes.
pub const NO_STORE: &str = "no-store";

/// `Referrer-Policy` of every answer but the page that asks: addresses hold codes and states.
pub const NO_REFERRER: &str = "no-referrer";

/// `Referrer-Policy` of the page that asks: with none, browsers send its form with `Origin: null`.
pub const SAME_ORIGIN_REFERRER: &str = "same-origin";

/// `X-Content-Type-Options` of every answer: what is told as JSON is never read as a page.
pub const NO_SNIFF: &str = "nosniff";

/// `Content-Security-Policy` of the pages: nothing is loaded, nobody frames them. Without `form-action`:
/// some browsers apply it to the redirect that follows, which leads to Logto.
pub const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
