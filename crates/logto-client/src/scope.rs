//! Scopes and resources by the names that Logto gives them.

/// Asked for always, unless reserved scopes are switched off.
pub const RESERVED_SCOPES: [&str; 3] = ["openid", "offline_access", "profile"];

/// `email`: the e-mail address.
pub const EMAIL: &str = "email";
/// `phone`: the phone number.
pub const PHONE: &str = "phone";
/// `address`: the postal address.
pub const ADDRESS: &str = "address";
/// `custom_data`: the person's custom data (user info only).
pub const CUSTOM_DATA: &str = "custom_data";
/// `identities`: linked social and enterprise identities (user info only).
pub const IDENTITIES: &str = "identities";
/// `roles`: the person's roles.
pub const ROLES: &str = "roles";
/// The organizations that the person is in.
pub const ORGANIZATIONS: &str = "urn:logto:scope:organizations";
/// The person's roles in their organizations.
pub const ORGANIZATION_ROLES: &str = "urn:logto:scope:organization_roles";

/// The resource that carries organization scopes; added by itself where [`ORGANIZATIONS`] is asked for.
pub const ORGANIZATIONS_RESOURCE: &str = "urn:logto:resource:organizations";

/// Scopes as they are sent: reserved first, then the application's, each once.
pub(crate) fn scope_list(scopes: &[String], include_reserved: bool) -> Vec<String> {
    let reserved = if include_reserved { &RESERVED_SCOPES[..] } else { &[] };
    deduplicated(reserved.iter().copied().chain(scopes.iter().map(String::as_str)))
}

/// Resources as they are sent: in order, each once, with the one that organizations need.
pub(crate) fn resource_list(resources: &[String], scopes: &[String]) -> Vec<String> {
    let organizations = scopes.iter().any(|scope| scope == ORGANIZATIONS).then_some(ORGANIZATIONS_RESOURCE);
    deduplicated(resources.iter().map(String::as_str).chain(organizations))
}

fn deduplicated<'a>(items: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for item in items {
        if !list.iter().any(|known| known == item) {
            list.push(item.to_owned());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn reserved_scopes_come_first_and_each_scope_once() {
        let table: [(&[&str], &str); 5] = [
            (&[], "openid offline_access profile"),
            (&["profile"], "openid offline_access profile"),
            (&["openid", "offline_access", "profile"], "openid offline_access profile"),
            (&["profile", "email"], "openid offline_access profile email"),
            (&["email", "phone", "email"], "openid offline_access profile email phone"),
        ];
        for (scopes, expected) in table {
            assert_eq!(scope_list(&strings(scopes), true).join(" "), expected);
        }
        assert_eq!(scope_list(&strings(&["openid"]), false), ["openid"]);
        assert!(scope_list(&[], false).is_empty());
    }

    #[test]
    fn the_organizations_scope_brings_its_resource() {
        assert!(resource_list(&[], &strings(&["openid"])).is_empty());
        assert_eq!(resource_list(&[], &strings(&[ORGANIZATIONS])), [ORGANIZATIONS_RESOURCE]);
        assert_eq!(
            resource_list(&strings(&["123", "123"]), &strings(&["openid", ORGANIZATIONS])),
            ["123", ORGANIZATIONS_RESOURCE]
        );
    }
}
