//! Token verification: strict JWS (RFC 7515), keys (RFC 7517), ID tokens (OpenID Connect Core §3.1.3.7),
//! access tokens (RFC 9068), logout tokens (OpenID Connect Back-Channel Logout §2.6).
//!
//! Only asymmetric algorithms are known, never `none` and never HMAC. Anything that two parsers could read
//! in two ways is refused: non-canonical base64url, duplicate JSON members, critical extensions.
//!
//! ```
//! use logto_client::verify::{IdTokenRules, JwkSet};
//! use std::time::Duration;
//!
//! let keys = JwkSet::parse(br#"{"keys":[]}"#)?;
//! let rules = IdTokenRules::new("https://tenant.logto.app/oidc", "app-id").nonce("…");
//! assert!(rules.verify("not.a.token", &keys, Duration::from_secs(1_800_000_000)).is_err());
//! # Ok::<(), logto_client::verify::VerifyError>(())
//! ```

mod access_token;
mod algorithm;
mod auth_info;
mod claims;
mod error;
mod id_token;
mod json;
mod jws;
mod keys;
mod logout_token;
#[cfg(test)]
pub(crate) mod tests;

pub use access_token::AccessTokenRules;
pub use algorithm::Algorithm;
pub use auth_info::AuthInfo;
pub use error::{VerifyError, VerifyErrorKind};
pub use id_token::{IdTokenRules, VerifiedIdToken};
pub use json::parse_strict_object;
pub use jws::{MAX_TOKEN_BYTES, VerifiedJws, decode_claims, verify_jws};
pub use keys::JwkSet;
pub use logout_token::{LogoutToken, LogoutTokenRules};
