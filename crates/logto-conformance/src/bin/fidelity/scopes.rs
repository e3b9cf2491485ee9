//! Scopes: which exist, and what the claims of a person tell of them.

use serde_json::Value;

/// Those of the protocol and of Logto, in the order in which the SDKs ask for them, each with a claim that
/// tells of it.
const KNOWN: [(&str, Option<&str>); 12] = [
    ("openid", Some("sub")),
    ("offline_access", None),
    ("profile", Some("username")),
    ("email", Some("email")),
    ("phone", Some("phone_number")),
    ("address", Some("address")),
    ("custom_data", Some("custom_data")),
    ("identities", Some("identities")),
    ("roles", Some("roles")),
    ("urn:logto:scope:organizations", Some("organizations")),
    ("urn:logto:scope:organization_roles", Some("organization_roles")),
    ("urn:logto:scope:sessions", None),
];

pub(crate) const ORGANIZATIONS: &str = "urn:logto:scope:organizations";
pub(crate) const ORGANIZATIONS_RESOURCE: &str = "urn:logto:resource:organizations";
pub(crate) const ORGANIZATION: &str = "urn:logto:organization:";

pub(crate) fn is_known(scope: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == scope)
}

/// The scopes that these claims tell of.
pub(crate) fn of_claims(claims: &Value) -> Vec<String> {
    let told = KNOWN.iter().filter(|(_, claim)| claim.is_some_and(|claim| claims.get(claim).is_some()));
    told.map(|(scope, _)| (*scope).to_owned()).collect()
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Adds what is not there yet.
pub(crate) fn add(list: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for word in more {
        if !list.contains(&word) {
            list.push(word);
        }
    }
}
