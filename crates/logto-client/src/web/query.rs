//! The queries of the sign-in and signed-out routes.

use crate::{ErrorKind, LogtoClient, LogtoError, SignInOptions};
use url::form_urlencoded;

/// The options of a sign-in that the sign-in route was asked for.
///
/// `return_to` is where the person goes afterwards; `iss`, `login_hint` and `target_link_uri` come from a
/// third party that starts the sign-in. What leads off the application's origin is left out.
///
/// # Errors
///
/// `InvalidInput` where `iss` is another issuer's, or a parameter is given twice.
///
/// Source: OpenID Connect Core §4.
pub fn sign_in_options(
    client: &LogtoClient,
    query: Option<&str>,
    defaults: SignInOptions,
) -> Result<SignInOptions, LogtoError> {
    let mut options = defaults;
    if let Some(iss) = parameter(query, "iss")?
        && iss != client.issuer()
    {
        return Err(LogtoError::new(
            ErrorKind::InvalidInput,
            "sign-in: `iss` is not the issuer of this application",
        ));
    }
    if let Some(hint) = parameter(query, "login_hint")? {
        options = options.login_hint(hint);
    }
    let target = match parameter(query, "return_to")? {
        Some(target) => Some(target),
        None => parameter(query, "target_link_uri")?,
    };
    if let Some(target) = target.and_then(|target| client.return_to(&target)) {
        options = options.post_redirect_uri(target);
    }
    Ok(options)
}

/// The `state` with which the provider comes back from a sign-out.
///
/// # Errors
///
/// `InvalidInput` where it is given twice.
pub fn sign_out_state(query: Option<&str>) -> Result<Option<String>, LogtoError> {
    parameter(query, "state")
}

/// The most bytes that the body of a back-channel logout has.
pub const MOST_LOGOUT_BYTES: usize = 64 * 1024;

/// The logout token in the form that the provider sends.
///
/// # Errors
///
/// `InvalidInput` where it is missing or given twice.
///
/// Source: OpenID Connect Back-Channel Logout 1.0 §2.5.
pub fn logout_token(body: &[u8]) -> Result<String, LogtoError> {
    let body = std::str::from_utf8(body).ok();
    parameter(body, "logout_token")?.ok_or_else(|| {
        LogtoError::new(ErrorKind::InvalidInput, "the back-channel logout holds no `logout_token`")
    })
}

fn parameter(query: Option<&str>, name: &'static str) -> Result<Option<String>, LogtoError> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let value = values.next();
    if values.next().is_some() {
        return Err(LogtoError::new(ErrorKind::InvalidInput, format!("`{name}` is given twice")));
    }
    Ok(value.filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogtoConfig;

    fn options(query: &str) -> Result<SignInOptions, LogtoError> {
        let config = LogtoConfig::new("https://t.logto.app", "app").base_url("https://app.example.com");
        sign_in_options(&LogtoClient::new(config)?, Some(query), SignInOptions::new())
    }

    #[test]
    fn a_third_party_starts_a_sign_in_with_our_issuer_and_a_target_of_our_origin() {
        let options = options(
            "iss=https%3A%2F%2Ft.logto.app%2Foidc&login_hint=alice%40example.com\
             &target_link_uri=https%3A%2F%2Fapp.example.com%2Forders%3Fid%3D7",
        )
        .unwrap();
        assert_eq!(options.post_redirect_uri.as_deref(), Some("/orders?id=7"));
        assert_eq!(options.hints(), [("login_hint", "alice@example.com".to_owned())]);
    }

    #[test]
    fn another_issuer_and_repeated_parameters_are_refused_and_foreign_targets_left_out() {
        for query in
            ["iss=https%3A%2F%2Fevil.example", "return_to=/a&return_to=/b", "login_hint=a&login_hint=b"]
        {
            assert_eq!(options(query).unwrap_err().kind(), ErrorKind::InvalidInput, "{query}");
        }
        for query in ["return_to=//evil.example", "target_link_uri=https://evil.example", "return_to=", ""] {
            assert!(options(query).unwrap().post_redirect_uri.is_none(), "{query}");
        }
    }
}
