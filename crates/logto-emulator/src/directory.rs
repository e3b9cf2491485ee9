//! The applications that are known.

use std::fmt;
use url::{Host, Url};

/// An application, as registered in Logto's console.
#[derive(Clone)]
pub struct Application {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) third_party: bool,
    pub(crate) always_issue_refresh_token: bool,
    pub(crate) back_channel_logout_uri: Option<String>,
    back_channel_logout_session_required: bool,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
}

impl Application {
    /// A public application (SPA or native); with a [`secret`](Self::secret) a Traditional one. Without
    /// registered addresses any on loopback is accepted.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: None,
            third_party: false,
            always_issue_refresh_token: false,
            back_channel_logout_uri: None,
            back_channel_logout_session_required: false,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
        }
    }

    pub(crate) fn local() -> Self {
        Self::new("local-app").secret("local-secret")
    }

    /// The secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Registers a redirect URI; only registered ones are accepted then.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Registers a post sign-out redirect URI; only registered ones are accepted then.
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    /// A third party's: people are asked for consent.
    #[must_use]
    pub fn third_party(mut self) -> Self {
        self.third_party = true;
        self
    }

    /// A refresh token comes even without `offline_access`.
    #[must_use]
    pub fn always_issue_refresh_token(mut self) -> Self {
        self.always_issue_refresh_token = true;
        self
    }

    /// Where logout tokens are sent to, over HTTP on loopback.
    #[must_use]
    pub fn back_channel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.back_channel_logout_uri = Some(uri.into());
        self
    }

    /// With a [`back_channel_logout_uri`](Self::back_channel_logout_uri), ID tokens and logout tokens name
    /// the session by `sid`.
    #[must_use]
    pub fn back_channel_logout_session_required(mut self) -> Self {
        self.back_channel_logout_session_required = true;
        self
    }

    /// Whether its tokens carry `sid`.
    pub(crate) fn is_told_sid(&self) -> bool {
        self.back_channel_logout_uri.is_some() && self.back_channel_logout_session_required
    }

    pub(crate) fn accepts_redirect_uri(&self, uri: &str) -> bool {
        accepts(&self.redirect_uris, uri, |registered| registered == uri)
    }

    /// The one to use where a request names none.
    pub(crate) fn only_redirect_uri(&self) -> Option<&str> {
        match self.redirect_uris.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    pub(crate) fn accepts_post_logout_redirect_uri(&self, uri: &str) -> bool {
        let normal = |uri: &str| Url::parse(uri).map(String::from).ok();
        accepts(&self.post_logout_redirect_uris, uri, |registered| normal(registered) == normal(uri))
    }
}

fn accepts(registered: &[String], uri: &str, same: impl Fn(&str) -> bool) -> bool {
    match registered {
        [] => Url::parse(uri).is_ok_and(|url| is_loopback(&url)),
        list => list.iter().any(|uri| same(uri)),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("id", &self.id).finish_non_exhaustive()
    }
}
