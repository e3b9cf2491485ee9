//! The provider's metadata (OpenID Connect Discovery 1.0).

use crate::{ErrorKind, LogtoError, connection::Connection, verify::parse_strict_object};
use serde_json::{Map, Value};
use url::Url;

/// What of the metadata the client uses.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) end_session_endpoint: Option<Url>,
    pub(crate) revocation_endpoint: Option<Url>,
    pub(crate) introspection_endpoint: Option<Url>,
    pub(crate) jwks_uri: Url,
    pub(crate) sends_iss: bool,
}

/// Where the metadata are.
pub(crate) fn address(connection: &Connection) -> Result<Url, LogtoError> {
    let url = connection
        .endpoint
        .join("oidc/.well-known/openid-configuration")
        .map_err(|_| refused("its address cannot be built"))?;
    Ok(connection.internal(url))
}

/// Reads the metadata; the issuer must be the configured one, to the letter.
pub(crate) fn parse(body: &[u8], connection: &Connection) -> Result<Metadata, LogtoError> {
    let document =
        parse_strict_object(body).map_err(|error| refused("it is no JSON object").with_source(error))?;
    let issuer = document.get("issuer").and_then(Value::as_str);
    if issuer != Some(&connection.issuer) {
        return Err(refused("its `issuer` is not the configured endpoint followed by /oidc"));
    }
    if let Some(methods) = document.get("code_challenge_methods_supported").and_then(Value::as_array)
        && !methods.iter().any(|method| method == "S256")
    {
        return Err(refused("it does not offer the PKCE method S256"));
    }
    let required = |name| endpoint(&document, name, connection)?.ok_or_else(|| missing(name));
    Ok(Metadata {
        authorization_endpoint: required("authorization_endpoint")?,
        token_endpoint: connection.internal(required("token_endpoint")?),
        userinfo_endpoint: endpoint(&document, "userinfo_endpoint", connection)?
            .map(|url| connection.internal(url)),
        end_session_endpoint: endpoint(&document, "end_session_endpoint", connection)?,
        revocation_endpoint: endpoint(&document, "revocation_endpoint", connection)?
            .map(|url| connection.internal(url)),
        introspection_endpoint: endpoint(&document, "introspection_endpoint", connection)?
            .map(|url| connection.internal(url)),
        jwks_uri: connection.internal(required("jwks_uri")?),
        sends_iss: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
    })
}

fn endpoint(
    document: &Map<String, Value>,
    name: &'static str,
    connection: &Connection,
) -> Result<Option<Url>, LogtoError> {
    let Some(value) = document.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let url = value.as_str().and_then(|text| Url::parse(text).ok()).ok_or_else(|| missing(name))?;
    if !connection.accepts_scheme(&url) || url.fragment().is_some() {
        return Err(refused("it names an address without https"));
    }
    Ok(Some(url))
}

fn missing(name: &'static str) -> LogtoError {
    LogtoError::new(
        ErrorKind::ProviderMisbehaved,
        format!("the provider's metadata are refused: `{name}` is missing or no absolute URL"),
    )
}

fn refused(reason: &str) -> LogtoError {
    LogtoError::new(ErrorKind::ProviderMisbehaved, format!("the provider's metadata are refused: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ConnectionConfig;
    use std::time::Duration;

    fn document(change: impl FnOnce(&mut Map<String, Value>)) -> Result<Metadata, LogtoError> {
        let config = ConnectionConfig::new("https://t.logto.app", Duration::ZERO);
        let connection = Connection::new(config).unwrap();
        let mut document = Map::new();
        for (name, path) in [
            ("issuer", ""),
            ("authorization_endpoint", "/auth"),
            ("token_endpoint", "/token"),
            ("jwks_uri", "/jwks"),
        ] {
            document.insert(name.to_owned(), format!("https://t.logto.app/oidc{path}").into());
        }
        change(&mut document);
        parse(&serde_json::to_vec(&document).unwrap(), &connection)
    }

    #[test]
    fn metadata_of_the_configured_issuer_are_read() {
        assert!(document(|_| ()).is_ok());
    }

    #[test]
    fn metadata_that_do_not_fit_are_refused() {
        for (name, value) in [
            ("issuer", Value::from("https://t.logto.app/oidc/")),
            ("issuer", Value::from("https://T.logto.app/oidc")),
            ("issuer", Value::from("http://t.logto.app/oidc")),
            ("issuer", Value::from("https://t.logto.app/oidc?")),
            ("issuer", Value::from("https://t.logto.app:443/oidc")),
            ("issuer", Value::from("https://t.logto.app/%6Fidc")),
            ("issuer", Value::from(" https://t.logto.app/oidc")),
            ("issuer", serde_json::json!(["https://t.logto.app/oidc"])),
            ("issuer", Value::Null),
            ("token_endpoint", Value::from("http://t.logto.app/oidc/token")),
            ("jwks_uri", Value::from("/oidc/jwks")),
            ("jwks_uri", Value::Null),
            ("code_challenge_methods_supported", serde_json::json!(["plain"])),
        ] {
            let error = document(|document| {
                document.insert(name.to_owned(), value.clone());
            })
            .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ProviderMisbehaved, "{name} {value}");
        }
    }
}
