//! The names of events.

use std::{convert::Infallible, fmt, str::FromStr};

macro_rules! kinds {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// What has happened. Events that this version does not know pass as [`Other`](Self::Other): compare
        /// those by [`as_str`](Self::as_str), which stays the same when a later version knows them.
        ///
        /// ```
        /// use logto_client::WebhookEventKind;
        ///
        /// let kind: WebhookEventKind = "User.Data.Updated".parse()?;
        /// assert_eq!(kind, WebhookEventKind::UserDataUpdated);
        /// assert_eq!("Moon.Landed".parse::<WebhookEventKind>()?.as_str(), "Moon.Landed");
        /// # Ok::<(), std::convert::Infallible>(())
        /// ```
        ///
        /// Source: <https://docs.logto.io/developers/webhooks/webhooks-events>.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum WebhookEventKind {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
            /// Any other, by its name.
            Other(String),
        }

        impl WebhookEventKind {
            /// The name that Logto gives it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }
        }

        impl FromStr for WebhookEventKind {
            type Err = Infallible;

            fn from_str(name: &str) -> Result<Self, Infallible> {
                Ok(match name {
                    $($name => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                })
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),+];
    };
}

kinds! {
    PostRegister = "PostRegister",
    PostSignIn = "PostSignIn",
    PostSignInAdaptiveMfaTriggered = "PostSignInAdaptiveMfaTriggered",
    PostResetPassword = "PostResetPassword",
    UserCreated = "User.Created",
    UserDeleted = "User.Deleted",
    UserDataUpdated = "User.Data.Updated",
    UserSuspensionStatusUpdated = "User.SuspensionStatus.Updated",
    TrustedDeviceCreated = "TrustedDevice.Created",
    TrustedDeviceDeleted = "TrustedDevice.Deleted",
    RoleCreated = "Role.Created",
    RoleDeleted = "Role.Deleted",
    RoleDataUpdated = "Role.Data.Updated",
    RoleScopesUpdated = "Role.Scopes.Updated",
    ScopeCreated = "Scope.Created",
    ScopeDeleted = "Scope.Deleted",
    ScopeDataUpdated = "Scope.Data.Updated",
    OrganizationCreated = "Organization.Created",
    OrganizationDeleted = "Organization.Deleted",
    OrganizationDataUpdated = "Organization.Data.Updated",
    OrganizationMembershipUpdated = "Organization.Membership.Updated",
    OrganizationRoleCreated = "OrganizationRole.Created",
    OrganizationRoleDeleted = "OrganizationRole.Deleted",
    OrganizationRoleDataUpdated = "OrganizationRole.Data.Updated",
    OrganizationRoleScopesUpdated = "OrganizationRole.Scopes.Updated",
    OrganizationScopeCreated = "OrganizationScope.Created",
    OrganizationScopeDeleted = "OrganizationScope.Deleted",
    OrganizationScopeDataUpdated = "OrganizationScope.Data.Updated",
    IdentifierLockout = "Identifier.Lockout",
    MessageRateLimited = "Message.RateLimited",
    GrantLimitExceeded = "Grant.LimitExceeded",
}

impl fmt::Display for WebhookEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_known_and_comes_back() {
        for name in NAMES {
            let Ok(kind) = name.parse::<WebhookEventKind>();
            assert!(!matches!(kind, WebhookEventKind::Other(_)), "{name}");
            assert_eq!((kind.as_str(), kind.to_string()), (*name, (*name).to_owned()));
        }
        let Ok(other) = "user.created".parse::<WebhookEventKind>();
        assert_eq!(other, WebhookEventKind::Other("user.created".to_owned()), "to the letter");
    }
}
