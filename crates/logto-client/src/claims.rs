//! What is known of a person: the ID token's claims and the user info.

use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

macro_rules! person {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Serialize)]
        #[serde(transparent)]
        pub struct $name(Map<String, Value>);

        impl $name {
            pub(crate) fn new(claims: Map<String, Value>) -> Self {
                Self(claims)
            }

            /// The person's id, never empty.
            #[must_use]
            pub fn sub(&self) -> &str {
                self.text("sub").unwrap_or_default()
            }

            /// The display name.
            #[must_use]
            pub fn name(&self) -> Option<&str> {
                self.text("name")
            }

            /// The user name.
            #[must_use]
            pub fn username(&self) -> Option<&str> {
                self.text("username")
            }

            /// The address of a picture.
            #[must_use]
            pub fn picture(&self) -> Option<&str> {
                self.text("picture")
            }

            /// The e-mail address; asked for by the scope `email`.
            #[must_use]
            pub fn email(&self) -> Option<&str> {
                self.text("email")
            }

            /// Whether Logto has verified the e-mail address.
            #[must_use]
            pub fn email_verified(&self) -> Option<bool> {
                self.0.get("email_verified")?.as_bool()
            }

            /// The phone number; asked for by the scope `phone`.
            #[must_use]
            pub fn phone_number(&self) -> Option<&str> {
                self.text("phone_number")
            }

            /// Whether Logto has verified the phone number.
            #[must_use]
            pub fn phone_number_verified(&self) -> Option<bool> {
                self.0.get("phone_number_verified")?.as_bool()
            }

            /// The person's roles; asked for by the scope `roles`.
            pub fn roles(&self) -> impl Iterator<Item = &str> {
                self.list("roles")
            }

            /// The ids of the person's organizations.
            pub fn organizations(&self) -> impl Iterator<Item = &str> {
                self.list("organizations")
            }

            /// The person's roles in organizations, as `organization:role`.
            pub fn organization_roles(&self) -> impl Iterator<Item = &str> {
                self.list("organization_roles")
            }

            /// Any claim, as Logto sent it: unknown ones, nulls, and times in milliseconds included.
            #[must_use]
            pub fn get(&self, claim: &str) -> Option<&Value> {
                self.0.get(claim)
            }

            /// All claims, as Logto sent them.
            #[must_use]
            pub fn as_map(&self) -> &Map<String, Value> {
                &self.0
            }

            fn text(&self, claim: &str) -> Option<&str> {
                self.0.get(claim)?.as_str()
            }

            fn list(&self, claim: &str) -> impl Iterator<Item = &str> {
                self.0.get(claim).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.0.keys()).finish()
            }
        }
    };
}

person! {
    /// The claims of a verified ID token. `Debug` shows names of claims only: the values are personal.
    IdTokenClaims
}

person! {
    /// The answer of the user info endpoint. `Debug` shows names of claims only.
    UserInfo
}

impl IdTokenClaims {
    /// Who issued the token.
    #[must_use]
    pub fn iss(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// When the token expires, in seconds since 1970. About the token, not about the session.
    #[must_use]
    pub fn exp(&self) -> u64 {
        self.0.get("exp").and_then(Value::as_u64).unwrap_or_default()
    }

    /// When the token was issued, in seconds since 1970.
    #[must_use]
    pub fn iat(&self) -> u64 {
        self.0.get("iat").and_then(Value::as_u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_kept_as_logto_sent_them_and_never_shown_by_debug() {
        let value = json!({
            "sub": "u1", "name": "测试用户", "picture": null, "created_at": 1_700_000_000_000_u64,
            "organizations": ["o1"], "email_verified": true, "foo": "bar",
        });
        let claims = IdTokenClaims::new(value.as_object().unwrap().clone());
        assert_eq!((claims.sub(), claims.name(), claims.picture()), ("u1", Some("测试用户"), None));
        assert_eq!(claims.organizations().collect::<Vec<_>>(), ["o1"]);
        assert_eq!(claims.get("picture"), Some(&Value::Null));
        assert_eq!(serde_json::to_value(&claims).unwrap(), value);
        assert!(!format!("{claims:?}").contains("u1"));
    }
}
