//! Both lines of tower-sessions as one session.

use super::AnySession;
#[cfg(feature = "client")]
use super::SessionStorage;
use logto_storage_core::{Operation, StorageError, StorageErrorKind};
use serde_json::Value;
use std::error::Error;

#[cfg(feature = "tower-sessions-0_15")]
use tower_sessions_core as v15;
#[cfg(feature = "tower-sessions-0_14")]
use tower_sessions_core_0_14 as v14;

#[derive(Clone)]
pub(super) enum Session {
    #[cfg(feature = "tower-sessions-0_15")]
    V15(v15::Session),
    #[cfg(feature = "tower-sessions-0_14")]
    V14(v14::Session),
}

/// Why a session could not do it; what was being done is added by the caller.
pub(super) struct Failure {
    kind: StorageErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl Failure {
    pub(super) fn during(self, operation: Operation, key: &str) -> StorageError {
        StorageError::new(self.kind, operation, key).with_source(self.source)
    }
}

/// The same call on the session of either line.
macro_rules! on {
    ($session:expr, $inner:ident => $call:expr) => {
        match $session {
            #[cfg(feature = "tower-sessions-0_15")]
            Session::V15($inner) => $call,
            #[cfg(feature = "tower-sessions-0_14")]
            Session::V14($inner) => $call,
        }
    };
}

impl Session {
    pub(super) async fn get(&self, key: &str) -> Result<Option<Value>, Failure> {
        on!(self, session => Ok(session.get_value(key).await?))
    }

    pub(super) async fn insert(&self, key: &str, value: Value) -> Result<(), Failure> {
        on!(self, session => { session.insert_value(key, value).await?; Ok(()) })
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), Failure> {
        on!(self, session => { session.remove_value(key).await?; Ok(()) })
    }

    pub(super) async fn clear(&self) {
        on!(self, session => session.clear().await);
    }

    pub(super) async fn cycle_id(&self) -> Result<(), Failure> {
        on!(self, session => Ok(session.cycle_id().await?))
    }
}

/// For one line: its session, and what its errors mean.
macro_rules! line {
    ($feature:literal, $line:ident, $variant:ident) => {
        #[cfg(feature = $feature)]
        impl From<$line::Session> for AnySession {
            fn from(session: $line::Session) -> Self {
                Self(Session::$variant(session))
            }
        }

        #[cfg(feature = $feature)]
        impl From<$line::session::Error> for Failure {
            fn from(error: $line::session::Error) -> Self {
                use $line::{session::Error, session_store};
                let kind = match &error {
                    Error::Store(session_store::Error::Backend(_)) => StorageErrorKind::Unavailable,
                    _ => StorageErrorKind::Corrupt,
                };
                Self { kind, source: Box::new(error) }
            }
        }
    };
}

line!("tower-sessions-0_15", v15, V15);
line!("tower-sessions-0_14", v14, V14);

#[cfg(feature = "client")]
impl SessionStorage {
    /// Over the session that a layer of either line has put into the request.
    pub(crate) fn of_request(extensions: &axum::http::Extensions, cookie: bool) -> Option<Self> {
        let storage = |session: AnySession| match cookie {
            true => Self::for_cookie_session(session),
            false => Self::new(session),
        };
        #[cfg(feature = "tower-sessions-0_15")]
        if let Some(session) = extensions.get::<v15::Session>() {
            return Some(storage(session.clone().into()));
        }
        #[cfg(feature = "tower-sessions-0_14")]
        if let Some(session) = extensions.get::<v14::Session>() {
            return Some(storage(session.clone().into()));
        }
        None
    }
}
