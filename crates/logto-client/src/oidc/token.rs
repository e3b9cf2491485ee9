//! The token endpoint: forms, the answer, client authentication (RFC 6749 §2.3.1, §4.1.3, §4.4.2, §5.1, §6).

use crate::{ErrorKind, LogtoError, Secret, TokenTarget, settings::Settings, tokens::StoredToken};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::time::Duration;

/// A token answer, read but not verified.
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) scope: Option<String>,
    /// Seconds; absent where the answer does not say.
    pub(crate) expires_in: Option<u64>,
}

/// Where the answer does not say how long the access token lives, in seconds.
const DEFAULT_EXPIRES_IN: u64 = 60;

impl TokenAnswer {
    /// The access token as it is stored; its life is counted from `since`.
    pub(crate) fn stored(&self, since: Duration) -> StoredToken {
        StoredToken {
            token: self.access_token.clone(),
            scope: self.scope.clone().unwrap_or_default(),
            expires_at: since.as_secs() + self.expires_in.unwrap_or(DEFAULT_EXPIRES_IN),
        }
    }
}

/// The form of the code exchange, in the order of Logto's SDKs.
pub(crate) fn code_form<'a>(
    settings: &'a Settings,
    code: &'a str,
    verifier: &'a str,
    redirect_uri: &'a str,
) -> [(&'static str, &'a str); 5] {
    [
        ("client_id", &settings.app_id),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect_uri),
        ("grant_type", "authorization_code"),
    ]
}

/// The form of a refresh, in the order of Logto's SDKs.
pub(crate) fn refresh_form<'a>(
    settings: &'a Settings,
    refresh_token: &'a str,
    target: &'a TokenTarget,
    scope: Option<&'a str>,
) -> Vec<(&'static str, &'a str)> {
    let mut form = vec![
        ("client_id", settings.app_id.as_str()),
        ("refresh_token", refresh_token),
        ("grant_type", "refresh_token"),
    ];
    add_target(&mut form, target, scope);
    form
}

/// The form of the client credentials grant (RFC 6749 §4.4.2).
pub(crate) fn client_credentials_form<'a>(
    target: &'a TokenTarget,
    scope: Option<&'a str>,
) -> Vec<(&'static str, &'a str)> {
    let mut form = vec![("grant_type", "client_credentials")];
    add_target(&mut form, target, scope);
    form
}

/// What a token is asked for, in any form.
pub(crate) fn add_target<'a>(
    form: &mut Vec<(&'static str, &'a str)>,
    target: &'a TokenTarget,
    scope: Option<&'a str>,
) {
    form.extend(target.resource_indicator().map(|resource| ("resource", resource)));
    form.extend(target.organization_id().map(|organization| ("organization_id", organization)));
    form.extend(scope.map(|scope| ("scope", scope)));
}

/// HTTP Basic with form-encoded id and secret; public clients have none.
pub(crate) fn client_authentication(app_id: &str, app_secret: Option<&Secret>) -> Option<Secret> {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let secret = app_secret?;
    let pair = format!("{}:{}", encode(app_id), encode(secret.expose()));
    Some(Secret::new(format!("Basic {}", STANDARD.encode(pair))))
}

pub(crate) fn parse(mut answer: Map<String, Value>) -> Result<TokenAnswer, LogtoError> {
    let token_type = text(&mut answer, "token_type")?;
    if !token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(wrong("token_type"));
    }
    let expires_in = match answer.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(value) => {
            Some(value.as_u64().filter(|&s| s <= 100 * 365 * 86_400).ok_or_else(|| wrong("expires_in"))?)
        }
    };
    Ok(TokenAnswer {
        access_token: text(&mut answer, "access_token")?
            .map(Secret::new)
            .ok_or_else(|| wrong("access_token"))?,
        refresh_token: text(&mut answer, "refresh_token")?.map(Secret::new),
        id_token: text(&mut answer, "id_token")?.map(Secret::new),
        scope: match answer.remove("scope") {
            None | Some(Value::Null) => None,
            Some(Value::String(scope)) => Some(scope),
            Some(_) => return Err(wrong("scope")),
        },
        expires_in,
    })
}

/// A member that is a non-empty string or absent.
fn text(answer: &mut Map<String, Value>, name: &'static str) -> Result<Option<String>, LogtoError> {
    match answer.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(wrong(name)),
    }
}

fn wrong(name: &'static str) -> LogtoError {
    LogtoError::new(
        ErrorKind::ProviderMisbehaved,
        format!("the provider's token answer is refused: `{name}` is missing or of a wrong type"),
    )
    .with_code("unexpected_response_error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogtoConfig;
    use serde_json::json;

    fn read(answer: &Value) -> Result<TokenAnswer, LogtoError> {
        parse(answer.as_object().unwrap().clone())
    }

    #[test]
    fn an_answer_without_expires_in_and_with_an_odd_token_type_is_read() {
        let answer = read(&json!({"access_token": "a", "token_type": "bEARER"})).unwrap();
        assert!(answer.expires_in.is_none() && answer.refresh_token.is_none());
    }

    #[test]
    fn answers_of_a_wrong_shape_are_refused() {
        for answer in [
            json!({"token_type": "Bearer"}),
            json!({"access_token": "", "token_type": "Bearer"}),
            json!({"access_token": 1, "token_type": "Bearer"}),
            json!({"access_token": "a"}),
            json!({"access_token": "a", "token_type": "mac"}),
            json!({"access_token": "a", "token_type": "Bearer", "expires_in": -1}),
            json!({"access_token": "a", "token_type": "Bearer", "expires_in": 1e300}),
            json!({"access_token": "a", "token_type": "Bearer", "expires_in": "3600"}),
            json!({"access_token": "a", "token_type": "Bearer", "refresh_token": ""}),
            json!({"access_token": "a", "token_type": "Bearer", "scope": []}),
        ] {
            assert!(read(&answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn basic_credentials_are_form_encoded() {
        let settings =
            Settings::new(LogtoConfig::new("https://a.example", "id:1").app_secret("a b&ü")).unwrap();
        let header = client_authentication(&settings.app_id, settings.app_secret.as_ref()).unwrap();
        let pair = STANDARD.decode(header.expose().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(pair, b"id%3A1:a+b%26%C3%BC");
    }
}
