//! What a handler needs, as a type that stands in its signature.

use super::Access;
use std::any::TypeId;

/// What a handler needs of the access token of its request: stands in its signature, in a binding's
/// `LogtoAuth<…>`.
///
/// ```
/// use logto_client::{Access, Organization, Requires};
///
/// struct ReadInvoices;
///
/// impl Requires for ReadInvoices {
///     fn access() -> Access {
///         Access::organization_api(Organization::path("organization_id")).scopes(["read:invoices"])
///     }
/// }
/// ```
pub trait Requires: 'static {
    /// What is needed.
    fn access() -> Access;
}

/// What the route needs, by a `LogtoApi` around it; without one a token for the API, whatever its scopes.
#[derive(Debug)]
pub enum ByRoute {}

impl Requires for ByRoute {
    fn access() -> Access {
        Access::api()
    }
}

impl ByRoute {
    /// Whether `R` is this.
    #[must_use]
    pub fn is<R: Requires>() -> bool {
        TypeId::of::<R>() == TypeId::of::<Self>()
    }
}
