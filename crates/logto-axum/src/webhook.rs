//! The extractor of webhooks.

use crate::LogtoError;
use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRef, FromRequest, Request},
    http::StatusCode,
};
use logto_client::{WEBHOOK_SIGNATURE_HEADER, WebhookEvent, WebhookVerifier, web};
use std::ops::Deref;

/// An event that Logto has told, under its signature: dereferences to [`WebhookEvent`].
///
/// A request whose signature does not hold is answered 401, one with a body over the verifier's
/// [limit](WebhookVerifier::body_limit) 413, one whose body is no event 400; why stands in the log only. The
/// signature is that of the body as it comes: no layer may change it before.
///
/// The application's state is the [`WebhookVerifier`], or gives it by [`FromRef`].
///
/// ```
/// use axum::{Router, extract::FromRef, http::StatusCode, routing::post};
/// use logto_axum::{LogtoClient, LogtoWebhook, WebhookEventKind, WebhookVerifier};
///
/// #[derive(Clone)]
/// struct AppState {
///     logto: LogtoClient,
///     webhooks: WebhookVerifier,
/// }
///
/// impl FromRef<AppState> for WebhookVerifier {
///     fn from_ref(state: &AppState) -> Self {
///         state.webhooks.clone()
///     }
/// }
///
/// async fn on_event(event: LogtoWebhook) -> StatusCode {
///     if *event.event() == WebhookEventKind::UserDeleted {
///         println!("forget {:?}", event.user_id());
///     }
///     StatusCode::NO_CONTENT
/// }
///
/// let app: Router<AppState> = Router::new().route("/webhooks/logto", post(on_event));
/// ```
///
/// Source: <https://docs.logto.io/developers/webhooks/secure-webhooks>.
#[derive(Clone, Debug)]
pub struct LogtoWebhook(WebhookEvent);

impl<S> FromRequest<S> for LogtoWebhook
where
    S: Send + Sync,
    WebhookVerifier: FromRef<S>,
{
    type Rejection = LogtoError;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, LogtoError> {
        let verifier = WebhookVerifier::from_ref(state);
        let headers = request.headers().get_all(WEBHOOK_SIGNATURE_HEADER);
        let signatures: Vec<_> = headers.iter().cloned().collect();
        // The limit of webhooks and not that of other routes.
        DefaultBodyLimit::max(verifier.most_bytes()).apply(&mut request);
        let body =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => web::webhook_too_large(),
                _ => web::webhook_broken_off(),
            })?;
        Ok(Self(verifier.verify(signatures, &body)?))
    }
}

impl Deref for LogtoWebhook {
    type Target = WebhookEvent;

    fn deref(&self) -> &WebhookEvent {
        &self.0
    }
}

impl LogtoWebhook {
    /// The event, owned.
    #[must_use]
    pub fn into_inner(self) -> WebhookEvent {
        self.0
    }
}
