//! The callback's address: what the provider answered (RFC 6749 §4.1.2, RFC 9207).

use crate::{ErrorKind, LogtoError, secret::same};
use std::borrow::Cow;
use url::Url;

/// What a callback's query holds, each at most once.
#[derive(Default)]
pub(crate) struct CallbackQuery {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    implicit: bool,
}

impl CallbackQuery {
    pub(crate) fn parse(url: &Url) -> Result<Self, LogtoError> {
        let mut query = Self::default();
        for (name, value) in url.query_pairs() {
            let slot = match &*name {
                "code" => &mut query.code,
                "state" => &mut query.state,
                "iss" => &mut query.iss,
                "error" => &mut query.error,
                "error_description" => &mut query.error_description,
                "access_token" | "id_token" => {
                    query.implicit = true;
                    continue;
                }
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(rejected(format!("the callback gives `{name}` twice: start again")));
            }
        }
        Ok(query)
    }

    /// Neither code nor error nor state: what Logto sends when consent is refused.
    pub(crate) fn is_bare(&self) -> bool {
        self.code.is_none() && self.error.is_none() && self.state.is_none()
    }

    /// The code, after `iss`, `error` and the rest; the state is checked before this.
    pub(crate) fn into_code(self, issuer: &str, sends_iss: bool) -> Result<String, LogtoError> {
        match &self.iss {
            Some(iss) if !same(iss, issuer) => {
                return Err(rejected("the callback is another issuer's: start again"));
            }
            None if sends_iss => {
                return Err(rejected(
                    "the callback lacks `iss`, which the provider says it sends: start again",
                ));
            }
            _ => {}
        }
        if self.implicit {
            return Err(rejected("the callback holds a token, which was not asked for: start again"));
        }
        if let Some(error) = self.error {
            return Err(provider_error(error, self.error_description));
        }
        self.code.filter(|code| !code.is_empty()).ok_or_else(|| {
            rejected("the callback holds neither code nor error: start again")
                .with_code("callback_uri_verification.missing_code")
        })
    }
}

/// Whether scheme, host, port and path of the callback are those of the redirect URI.
pub(crate) fn same_address(url: &Url, redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).is_ok_and(|expected| {
        url.scheme() == expected.scheme()
            && url.host() == expected.host()
            && url.port_or_known_default() == expected.port_or_known_default()
            && url.path() == expected.path()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

fn provider_error(error: String, description: Option<String>) -> LogtoError {
    let (kind, message) = match error.as_str() {
        "access_denied" | "oidc.aborted" | "consent_denied" => {
            (ErrorKind::ConsentRefused, "the sign-in was aborted or consent refused")
        }
        "temporarily_unavailable" | "server_error" => {
            (ErrorKind::Unavailable, "the provider could not finish the sign-in: try again")
        }
        _ => (ErrorKind::ProviderRefused, "the provider refused the sign-in"),
    };
    LogtoError::new(kind, message).with_code(error).with_description(description)
}

pub(crate) fn rejected(message: impl Into<Cow<'static, str>>) -> LogtoError {
    LogtoError::new(ErrorKind::CallbackRejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://t.logto.app/oidc";

    fn code(query: &str, sends_iss: bool) -> Result<String, LogtoError> {
        let url = Url::parse(&format!("http://localhost:3000/callback?{query}")).unwrap();
        CallbackQuery::parse(&url)?.into_code(ISSUER, sends_iss)
    }

    #[test]
    fn a_code_comes_only_with_the_right_issuer() {
        let iss = "iss=https%3A%2F%2Ft.logto.app%2Foidc";
        assert_eq!(code(&format!("code=some_code&state=s&{iss}"), true).unwrap(), "some_code");
        assert_eq!(code("code=c&state=s", false).unwrap(), "c");
        for query in [
            "code=c&state=s",
            "code=c&state=s&iss=https%3A%2F%2Ft.logto.app%2Foidc%2F",
            "code=c&state=s&iss=https%3A%2F%2FT.logto.app%2Foidc",
            "code=c&state=s&iss=",
            "error=e&state=s&iss=https%3A%2F%2Fevil.example",
        ] {
            assert_eq!(code(query, true).unwrap_err().kind(), ErrorKind::CallbackRejected, "{query}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        for query in ["code=a&code=b", "state=a&state=a", "iss=a&iss=a", "error=a&error=b"] {
            assert!(code(query, false).unwrap_err().to_string().contains("twice"), "{query}");
        }
    }

    #[test]
    fn the_providers_error_keeps_its_code_with_dots_and_its_description() {
        let error = code("error=oidc.aborted&error_description=why&state=s", false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConsentRefused);
        assert_eq!((error.code(), error.description()), (Some("oidc.aborted"), Some("why")));
        let error = code("error=some_error&state=s", false).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::ProviderRefused, Some("some_error")));
    }

    #[test]
    fn a_callback_without_code_or_with_a_token_is_refused() {
        assert_eq!(
            code("state=s", false).unwrap_err().code(),
            Some("callback_uri_verification.missing_code")
        );
        assert!(code("code=&state=s", false).is_err());
        assert!(code("code=c&access_token=t", false).is_err());
    }

    #[test]
    fn addresses_are_compared_whole() {
        let redirect = "http://localhost:3000/callback";
        for (url, expected) in [
            ("http://localhost:3000/callback?code=c", true),
            ("http://LOCALHOST:3000/callback", true),
            ("http://localhost:3000/callbackevil", false),
            ("http://localhost:3000/callback/", false),
            ("https://localhost:3000/callback", false),
            ("http://localhost:30001/callback", false),
            ("http://localhost.evil.example:3000/callback", false),
            ("http://a@localhost:3000/callback", false),
            ("http://example.com:3000/callback", false),
        ] {
            assert_eq!(same_address(&Url::parse(url).unwrap(), redirect), expected, "{url}");
        }
    }
}
