//! The protocol, pure: addresses, forms and answers. Nothing here sends or stores.

pub(crate) mod answer;
pub(crate) mod callback;
pub(crate) mod discovery;
pub(crate) mod pkce;
pub(crate) mod sign_in_url;
pub(crate) mod token;
