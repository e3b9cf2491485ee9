//! How a visitor hears of an error.

use super::{RequestFacts, is_page_request};
use crate::{ErrorKind, LogtoClient, LogtoError, Route, Secret, oidc::pkce};
use std::error::Error;
use url::form_urlencoded;

/// The answer that tells an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 303 to sign-in, and back to where the person was.
    Redirect(String),
    /// A page, with a link to this sign-in route.
    Page(String),
    /// JSON.
    Program,
}

/// What of a request decides how its visitor hears of an error, and by what a reload is recognised.
#[derive(Clone, Debug)]
pub struct Visit {
    page: bool,
    here: String,
    cookies: Option<Secret>,
}

impl Visit {
    /// Of a request for this path and query, with this `Cookie` header.
    #[must_use]
    pub fn new(facts: &RequestFacts<'_>, here: impl Into<String>, cookies: Option<&str>) -> Self {
        let cookies = cookies.filter(|cookies| !cookies.is_empty()).map(Secret::new);
        Self { page: is_page_request(facts), here: here.into(), cookies }
    }

    /// A hash of the browser's cookies: who sends the same has the same session cookie.
    pub(crate) fn browser(&self) -> Option<String> {
        self.cookies.as_ref().map(|cookies| pkce::sha256(cookies.expose()))
    }

    /// Notes in an error how it is told: a page that needs sign-in is sent there, any other page is shown
    /// the error, a program hears JSON. A sign-in that has ended twice within a minute is shown instead
    /// of going round in a circle.
    #[must_use]
    pub fn address(&self, client: &LogtoClient, error: LogtoError) -> LogtoError {
        let sign_in = client.route_path(Route::SignIn);
        let refusal = if !self.page {
            Refusal::Program
        } else if error.kind() != ErrorKind::NotAuthenticated || error.is_repeated() {
            Refusal::Page(sign_in)
        } else {
            let mut query = form_urlencoded::Serializer::new(String::new());
            Refusal::Redirect(format!("{sign_in}?{}", query.append_pair("return_to", &self.here).finish()))
        };
        error.with_refusal(refusal)
    }
}

/// What caused an error, and what caused that, for the operator's log.
#[must_use]
pub fn causes(error: &dyn Error) -> Option<String> {
    let first = error.source()?;
    let causes = std::iter::successors(Some(first), |cause: &&dyn Error| (*cause).source());
    Some(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// Whether a sign-out that failed so has signed the person out here all the same.
#[must_use]
pub fn signed_out_here(error: &LogtoError) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::ProviderMisbehaved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogtoConfig;

    #[test]
    fn only_a_page_that_needs_sign_in_is_sent_there_and_not_in_a_circle() {
        let client = LogtoClient::new(LogtoConfig::new("https://t.logto.app", "app")).unwrap();
        let tell = |page, error: LogtoError| {
            let facts = RequestFacts { method: if page { "GET" } else { "POST" }, ..RequestFacts::default() };
            Visit::new(&facts, "/a?b=c", None).address(&client, error).refusal().cloned().unwrap()
        };
        let ended = || LogtoError::new(ErrorKind::NotAuthenticated, "x");
        let away = || LogtoError::new(ErrorKind::Unavailable, "x");
        let sign_in = "/logto/sign-in".to_owned();
        let there = Refusal::Redirect("/logto/sign-in?return_to=%2Fa%3Fb%3Dc".to_owned());
        assert_eq!(tell(true, ended()), there);
        assert_eq!(tell(true, ended().repeated()), Refusal::Page(sign_in.clone()));
        assert_eq!(tell(true, away()), Refusal::Page(sign_in));
        assert_eq!(tell(false, ended()), Refusal::Program);
        assert_eq!(tell(false, away()), Refusal::Program);
    }
}
