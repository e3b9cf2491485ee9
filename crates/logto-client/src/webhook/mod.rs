//! Webhooks: what Logto tells an application, believed only under its signature.

mod event;
mod kind;
mod time;
mod user;

pub use event::WebhookEvent;
pub use kind::WebhookEventKind;
pub use user::{WebhookApplication, WebhookUser};

use crate::{ErrorKind, LogtoError, Secret, web::Refusal};
use aws_lc_rs::hmac;
use std::{fmt, sync::Arc};

/// Where the signature stands.
pub const WEBHOOK_SIGNATURE_HEADER: &str = "logto-signature-sha-256";

/// The largest body that is read by default, in bytes.
const MOST_BYTES: usize = 1024 * 1024;
/// Of SHA-256, in bytes.
const TAG_BYTES: usize = 32;

/// Checks that webhooks come from Logto. Cheap to clone; `Debug` shows nothing of the key.
///
/// The signature covers the body as it was sent: give it the bytes of the request, not JSON that was read and
/// written again. It does not cover the time of sending, and no delivery has an id: whoever learns one may
/// send it again, so that what a handler does must be the same for the second time. When the event happened is
/// signed: [`WebhookEvent::created_at`].
///
/// ```
/// use logto_client::WebhookVerifier;
///
/// let verifier = WebhookVerifier::new("the signing key from the webhook's page in Logto's console")?;
/// let error = verifier.verify(["0123"], b"{}").unwrap_err();
/// assert_eq!(error.kind(), logto_client::ErrorKind::InvalidSignature);
/// # Ok::<(), logto_client::LogtoError>(())
/// ```
///
/// Source: <https://docs.logto.io/developers/webhooks/secure-webhooks>.
#[derive(Clone)]
pub struct WebhookVerifier {
    keys: Arc<Vec<hmac::Key>>,
    most_bytes: usize,
}

impl WebhookVerifier {
    /// By the signing key of a webhook, as Logto's console shows it.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the key is empty: everybody could sign with it.
    pub fn new(signing_key: impl Into<String>) -> Result<Self, LogtoError> {
        Ok(Self { keys: Arc::new(vec![key(signing_key)?]), most_bytes: MOST_BYTES })
    }

    /// From the environment variable `LOGTO_WEBHOOK_SIGNING_KEY`.
    ///
    /// ```no_run
    /// use logto_client::WebhookVerifier;
    ///
    /// let verifier = WebhookVerifier::from_env()?;
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where it is not set.
    pub fn from_env() -> Result<Self, LogtoError> {
        const NAME: &str = "LOGTO_WEBHOOK_SIGNING_KEY";
        let key = std::env::var(NAME).ok().filter(|key| !key.trim().is_empty());
        let missing = || LogtoError::misconfigured(format!("the environment variable {NAME} is not set"));
        Self::new(key.ok_or_else(missing)?)
    }

    /// Takes another key as well: a second webhook's, or the new one while the old is still in use.
    ///
    /// ```
    /// use logto_client::WebhookVerifier;
    ///
    /// let verifier = WebhookVerifier::new("old key")?.also("new key")?;
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where the key is empty.
    pub fn also(mut self, signing_key: impl Into<String>) -> Result<Self, LogtoError> {
        Arc::make_mut(&mut self.keys).push(key(signing_key)?);
        Ok(self)
    }

    /// The largest body that is taken, in bytes; default 1 MiB.
    ///
    /// ```
    /// use logto_client::WebhookVerifier;
    ///
    /// let verifier = WebhookVerifier::new("key")?.body_limit(64 * 1024);
    /// assert_eq!(verifier.most_bytes(), 65_536);
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// The largest body that is taken, in bytes; for bindings.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// The event, where the signature holds: `signatures` are the values of the header
    /// [`WEBHOOK_SIGNATURE_HEADER`], as many as there are, and `body` is the body as it was received.
    ///
    /// ```
    /// use logto_client::{WebhookEventKind, WebhookVerifier};
    ///
    /// let verifier = WebhookVerifier::new("foo")?;
    /// let body = br#"{"event":"User.Created","hookId":"h","createdAt":"2026-11-23T02:47:49.794Z","data":{"id":"u"}}"#;
    /// let signature = "69ba6b1e27f43688d4f089409fe8243c00b9776e274ec129538766cc019e05dc";
    /// let event = verifier.verify([signature], body)?;
    /// assert_eq!((event.event(), event.user_id()), (&WebhookEventKind::UserCreated, Some("u")));
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidSignature` where the header is missing, there several times, malformed or not that of this body
    /// and key; `TooLarge` where the body is larger than [`body_limit`](Self::body_limit); `InvalidInput` where
    /// the signature holds and the body is no event.
    pub fn verify<S: AsRef<[u8]>>(
        &self,
        signatures: impl IntoIterator<Item = S>,
        body: &[u8],
    ) -> Result<WebhookEvent, LogtoError> {
        self.verify_signature(signatures, body)?;
        WebhookEvent::parse(body)
            .ok_or_else(|| refused(ErrorKind::InvalidInput, "the body of a webhook holds no event"))
    }

    /// Whether the signature holds, without reading the body.
    ///
    /// ```
    /// use logto_client::WebhookVerifier;
    ///
    /// let signature = "436958f1dbfefab37712fb3927760490fbf7757da8c0b2306ee7b485f0360eee";
    /// WebhookVerifier::new("foo")?.verify_signature([signature], br#"{"bar":"bar","foo":"foo"}"#)?;
    /// # Ok::<(), logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify), but for `InvalidInput`.
    pub fn verify_signature<S: AsRef<[u8]>>(
        &self,
        signatures: impl IntoIterator<Item = S>,
        body: &[u8],
    ) -> Result<(), LogtoError> {
        if body.len() > self.most_bytes {
            return Err(too_large());
        }
        let invalid = |message: &'static str| refused(ErrorKind::InvalidSignature, message);
        let mut signatures = signatures.into_iter();
        let signature = signatures
            .next()
            .ok_or_else(|| invalid("a webhook without the header logto-signature-sha-256"))?;
        if signatures.next().is_some() {
            return Err(invalid("a webhook with the header logto-signature-sha-256 several times"));
        }
        let tag = tag(signature.as_ref())
            .ok_or_else(|| invalid("a webhook whose signature is not 64 lower-case hexadecimal digits"))?;
        // Each key is tried, so that the time does not tell which one holds.
        let holds = self.keys.iter().filter(|key| hmac::verify(key, body, &tag).is_ok()).count();
        match holds {
            0 => {
                Err(invalid("a webhook whose signature is not that of its body: is the signing key its own?"))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookVerifier").field("most_bytes", &self.most_bytes).finish_non_exhaustive()
    }
}

/// The key is used as the bytes of its text.
fn key(signing_key: impl Into<String>) -> Result<hmac::Key, LogtoError> {
    let text = Secret::new(signing_key);
    if text.expose().trim().is_empty() {
        return Err(LogtoError::misconfigured(
            "the signing key is empty: copy it from the webhook's page in Logto's console",
        ));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, text.expose().as_bytes()))
}

/// The bytes of a signature in lower-case hexadecimal digits.
fn tag(signature: &[u8]) -> Option<[u8; TAG_BYTES]> {
    let mut tag = [0; TAG_BYTES];
    if signature.len() != 2 * TAG_BYTES {
        return None;
    }
    for (byte, digits) in tag.iter_mut().zip(signature.chunks_exact(2)) {
        for digit in digits {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(tag)
}

/// Told to a program, without a detail.
fn refused(kind: ErrorKind, message: &'static str) -> LogtoError {
    LogtoError::new(kind, message).with_refusal(Refusal::Program)
}

pub(crate) fn too_large() -> LogtoError {
    refused(ErrorKind::TooLarge, "the body of a webhook is larger than it may be")
}

pub(crate) fn broken() -> LogtoError {
    refused(ErrorKind::InvalidInput, "the body of a webhook has broken off")
}
