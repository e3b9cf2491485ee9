//! Scopes: which exist, and what the claims of a person tell of them.

use serde_json::Value;

/// Those of the protocol and of Logto, in the order in which the SDKs ask for them, each with claims that tell
/// of it.
const KNOWN: [(&str, &[&str]); 12] = [
    ("openid", &["sub"]),
    ("offline_access", &[]),
    ("profile", &["username", "name", "picture", "updated_at"]),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
    ("custom_data", &["custom_data"]),
    ("identities", &["identities", "sso_identities"]),
    ("roles", &["roles"]),
    ("urn:logto:scope:organizations", &["organizations", "organization_data"]),
    ("urn:logto:scope:organization_roles", &["organization_roles"]),
    ("urn:logto:scope:sessions", &[]),
];

pub(crate) const ORGANIZATIONS: &str = "urn:logto:scope:organizations";
pub(crate) const ORGANIZATIONS_RESOURCE: &str = "urn:logto:resource:organizations";
pub(crate) const ORGANIZATION: &str = "urn:logto:organization:";

pub(crate) fn is_known(scope: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == scope)
}

/// The scopes that these claims tell of.
pub(crate) fn of_claims(claims: &Value) -> Vec<String> {
    let told = KNOWN.iter().filter(|(_, names)| names.iter().any(|name| claims.get(name).is_some()));
    told.map(|(scope, _)| (*scope).to_owned()).collect()
}

/// Every scope that tells something of a person.
pub(crate) fn of_people() -> Vec<String> {
    let telling = KNOWN.iter().filter(|(scope, names)| *scope != "address" && !names.is_empty());
    telling.map(|(scope, _)| (*scope).to_owned()).collect()
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
