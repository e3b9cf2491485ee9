//! Refusals of a machine's call, with what to do about them in Logto's console.

use crate::{ErrorKind, LogtoError, TokenTarget};

/// What the provider refuses, in the words of this call.
pub(super) fn refused(
    error: LogtoError,
    app_id: &str,
    target: &TokenTarget,
    management_api: &str,
) -> LogtoError {
    let description = error.description().unwrap_or_default().to_owned();
    match (error.kind(), error.code()) {
        (ErrorKind::ProviderMisbehaved, Some("invalid_request")) if description.contains("grant type") => {
            error.retold(
                ErrorKind::Misconfigured,
                format!(
                    "the application {app_id} may not ask for tokens in its own name: create a \
                     machine-to-machine application in Logto's console and use its id and secret"
                ),
            )
        }
        (ErrorKind::Forbidden, _) => {
            let message = match target.organization_id() {
                Some(organization) => format!(
                    "the application {app_id} may not have this token: add it to the organization \
                     {organization} in Logto's console, with an organization role for machines"
                ),
                None => format!("the provider denies the application {app_id} this token"),
            };
            error.retold(ErrorKind::Forbidden, message)
        }
        (ErrorKind::InvalidTarget, _) => {
            let resource = target.resource_indicator().unwrap_or_default();
            let hint = match resource == management_api {
                true => {
                    "the Management API of a tenant of Logto Cloud is https://<tenant id>.logto.app/api: \
                     tell it by `management_api`"
                }
                false => "create it in Logto's console, API resources, with this identifier to the letter",
            };
            let message = format!("the provider knows no API resource {resource}: {hint}");
            error.retold(ErrorKind::InvalidTarget, message)
        }
        (ErrorKind::NotAuthenticated | ErrorKind::CallbackRejected, _) => error.retold(
            ErrorKind::ProviderMisbehaved,
            "the provider refuses the request for a token and does not say why",
        ),
        _ => error,
    }
}

/// A token that has come without these scopes.
pub(super) fn lacking(missing: &[&str], app_id: &str, target: &TokenTarget) -> LogtoError {
    let missing = missing.join(" ");
    let place = match (target.resource_indicator(), target.organization_id()) {
        (Some(resource), None) => format!(
            "assign to the application {app_id} a machine-to-machine role with this permission of {resource}"
        ),
        (resource, Some(organization)) => {
            let of = resource.map(|resource| format!(" of {resource}")).unwrap_or_default();
            format!(
                "assign to the application {app_id}, in the organization {organization}, an organization role \
                 for machines with this permission{of}"
            )
        }
        (None, None) => "ask for a resource or an organization".to_owned(),
    };
    let message = format!("the token lacks `{missing}`: in Logto's console, {place}");
    LogtoError::new(ErrorKind::InsufficientScope, message).with_code("insufficient_scope")
}
