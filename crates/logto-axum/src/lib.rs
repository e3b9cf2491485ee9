//! Logto for axum: the storage over tower-sessions, extractors, routes.
#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)
)]

#[cfg(not(any(feature = "tower-sessions-0_15", feature = "tower-sessions-0_14")))]
compile_error!(
    "logto-axum needs a line of tower-sessions: enable `tower-sessions-0_15` or `tower-sessions-0_14`"
);

mod storage;

#[cfg(feature = "client")]
mod access_error;
#[cfg(feature = "client")]
mod api;
#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod extract;
#[cfg(feature = "client")]
mod guard;
#[cfg(feature = "client")]
mod routes;
#[cfg(feature = "client")]
mod webhook;

pub use storage::{AnySession, SessionStorage};

#[cfg(feature = "client")]
pub use {
    access_error::AccessError,
    api::{LogtoApi, LogtoApiService},
    auth::LogtoAuth,
    error::LogtoError,
    extract::{Logto, LogtoUser, OptionalLogtoUser},
    guard::{no_store_with_cookie, watch_cookie_size},
    logto_client::{
        self, Access, AccessErrorKind, AccessToken, AccessTokenClaims, AccessTokenVerifier, ApiConfig,
        ApiRequest, AuthInfo, ByRoute, ContextOptions, EncryptedTokenStore, EncryptionKey, IdTokenClaims,
        Introspection, LogtoClient, LogtoConfig, LogtoContext, LogtoSession, MachineClient, MachineConfig,
        MemoryTokenStore, Organization, Requires, Scopes, SignInOptions, SignInRefused, TokenStore,
        TokenTarget, UserInfo, VerifiedSignIn, VisitorStorage, WebhookEvent, WebhookEventKind,
        WebhookVerifier,
    },
    routes::LogtoRoutes,
    webhook::LogtoWebhook,
};

#[cfg(all(doctest, feature = "client", feature = "tower-sessions-0_15"))]
#[doc = include_str!("../../../README.md")]
struct ReadmeOfTheProject;

#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../../../docs/protect-an-api.md")]
struct GuideOfApis;
