//! A call of the token endpoint that brings an access token and no sign-in.

use crate::{
    LogtoError, Secret,
    oidc::{
        answer,
        token::{self, TokenAnswer},
    },
    provider::Provider,
    transport::Request,
};
use std::time::Duration;

/// From connecting to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the token endpoint answers to this form. No keys are needed for that: such an answer holds nothing
/// that is verified here.
pub(crate) async fn ask(
    provider: &Provider,
    form: &[(&str, &str)],
    authorization: Option<Secret>,
) -> Result<TokenAnswer, LogtoError> {
    let endpoint = provider.metadata().await?.token_endpoint.clone();
    let request = Request::post(endpoint, form, TIMEOUT).with_authorization(authorization);
    token::parse(answer::json(&provider.send(request).await?)?)
}
