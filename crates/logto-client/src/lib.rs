//! Sign people in with Logto: configuration, sign-in, callback, sign-out.
#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)
)]

pub mod scope;
#[cfg(feature = "vectors")]
#[doc(hidden)]
pub mod vectors;
pub mod verify;
pub mod web;

mod access_token;
mod api;
mod callback;
mod claims;
mod client;
mod config;
mod connection;
mod context;
mod error;
mod everywhere;
mod exchange;
mod machine;
mod memory;
mod oidc;
mod options;
mod pending;
mod provider;
mod refresh;
mod return_to;
mod secret;
mod session;
mod session_meta;
mod settings;
mod sign_in;
mod sign_out;
mod storage;
mod target;
mod token_exchange;
mod tokens;
mod transport;
mod turn;
mod user_info;
mod webhook;

pub use access_token::{AccessToken, AccessTokenClaims};
pub use api::{
    Access, AccessError, AccessErrorKind, AccessTokenVerifier, ApiConfig, ApiRequest, ByRoute, Introspection,
    Organization, Requires, Scopes,
};
pub use callback::{SignedIn, VerifiedSignIn};
pub use claims::{IdTokenClaims, UserInfo};
pub use client::{LogtoClient, Route};
pub use config::{LogtoConfig, StorageMode};
pub use context::{ContextOptions, LogtoContext};
pub use error::{ErrorKind, LogtoError, SignInRefused};
pub use logto_storage_core::{
    Clock, EncryptedTokenStore, EncryptionKey, ManualClock, MemoryTokenStore, SystemClock, TokenStore,
};
pub use machine::{MachineClient, MachineConfig};
pub use options::{DirectSignIn, FirstScreen, Identifier, InteractionMode, Prompt, SignInOptions};
pub use secret::Secret;
pub use session::LogtoSession;
pub use storage::VisitorStorage;
pub use target::TokenTarget;
pub use token_exchange::TokenExchange;
pub use transport::{MAX_BODY_BYTES, Request, Response, Transport, TransportError};
pub use verify::AuthInfo;
pub use webhook::{
    WEBHOOK_SIGNATURE_HEADER, WebhookApplication, WebhookEvent, WebhookEventKind, WebhookUser,
    WebhookVerifier,
};
