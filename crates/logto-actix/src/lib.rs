//! Logto for actix-web: the storage over actix-session, extractors, routes.
#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)
)]

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

pub use storage::SessionStorage;

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
