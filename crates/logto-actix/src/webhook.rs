//! The extractor of webhooks.

use crate::{LogtoError, extract::of_application};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web as actix};
use logto_client::{WEBHOOK_SIGNATURE_HEADER, WebhookEvent, WebhookVerifier, web};
use std::{future::Future, ops::Deref, pin::Pin};

/// An event that Logto has told, under its signature: dereferences to [`WebhookEvent`].
///
/// A request whose signature does not hold is answered 401, one with a body over the verifier's
/// [limit](WebhookVerifier::body_limit) 413, one whose body is no event 400; why stands in the log only. The
/// signature is that of the body as it comes: no middleware may change it before.
///
/// The application's data hold the [`WebhookVerifier`]:
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use logto_actix::{LogtoWebhook, WebhookEventKind, WebhookVerifier};
///
/// async fn on_event(event: LogtoWebhook) -> HttpResponse {
///     if *event.event() == WebhookEventKind::UserDeleted {
///         println!("forget {:?}", event.user_id());
///     }
///     HttpResponse::NoContent().finish()
/// }
///
/// let verifier = WebhookVerifier::new("the signing key from the webhook's page in Logto's console")?;
/// let app = App::new().app_data(web::Data::new(verifier)).route("/webhooks/logto", web::post().to(on_event));
/// # Ok::<(), logto_client::LogtoError>(())
/// ```
///
/// Source: <https://docs.logto.io/developers/webhooks/secure-webhooks>.
#[derive(Clone, Debug)]
pub struct LogtoWebhook(WebhookEvent);

impl FromRequest for LogtoWebhook {
    type Error = LogtoError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, LogtoError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let verifier = verifier_of(request);
        let headers = request.headers().get_all(WEBHOOK_SIGNATURE_HEADER);
        let signatures: Vec<_> = headers.cloned().collect();
        let payload = actix::Payload::from_request(request, payload);
        Box::pin(async move {
            let verifier = verifier?;
            let payload = payload.await.map_err(|_| web::webhook_broken_off())?;
            let body = match payload.to_bytes_limited(verifier.most_bytes()).await {
                Ok(Ok(body)) => body,
                Ok(Err(_)) => return Err(web::webhook_broken_off().into()),
                Err(_) => return Err(web::webhook_too_large().into()),
            };
            Ok(Self(verifier.verify(signatures, &body)?))
        })
    }
}

/// The verifier among the application's data.
fn verifier_of(request: &HttpRequest) -> Result<WebhookVerifier, logto_client::LogtoError> {
    of_application(request).ok_or_else(|| {
        let message =
            "no WebhookVerifier among the application's data: add `.app_data(Data::new(verifier.clone()))`";
        logto_client::LogtoError::misconfigured(message)
    })
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
