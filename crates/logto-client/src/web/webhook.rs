//! Webhooks whose body could not be read.

use crate::{LogtoError, webhook};

/// Of a body that is larger than [`most_bytes`](crate::WebhookVerifier::most_bytes).
///
/// ```
/// assert_eq!(logto_client::web::webhook_too_large().kind().status(), 413);
/// ```
#[must_use]
pub fn webhook_too_large() -> LogtoError {
    webhook::too_large()
}

/// Of a body that has broken off.
///
/// ```
/// assert_eq!(logto_client::web::webhook_broken_off().kind().status(), 400);
/// ```
#[must_use]
pub fn webhook_broken_off() -> LogtoError {
    webhook::broken()
}
