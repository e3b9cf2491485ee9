//! What goes wrong between this crate and Redis, and what follows from it.

use logto_storage_core::{TokenStoreError, TokenStoreErrorKind};
use redis::{ErrorKind, RedisError};
use std::{error::Error, fmt, io};

/// The advice where keys live on several servers.
const CLUSTER: &str = "Redis Cluster is not supported: a record and its indexes must lie on one server. Use one \
                       primary, alone or behind Sentinel";

/// Why Redis did not do what it was asked. Holds no key, no value and no password.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: TokenStoreErrorKind,
    what: String,
    pub(crate) aftermath: Aftermath,
}

/// What a failure leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// The connection is good, and nothing was done.
    Nothing,
    /// Nothing was done, and another connection may do better: this server is no primary any more.
    WrongServer,
    /// The connection is broken, and whether the request was carried out is not known.
    Unknown,
}

impl Failure {
    pub(crate) fn new(kind: TokenStoreErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), aftermath: Aftermath::Nothing }
    }

    pub(crate) fn misconfigured(what: impl Into<String>) -> Self {
        Self::new(TokenStoreErrorKind::Misconfigured, what)
    }

    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::new(TokenStoreErrorKind::Unavailable, what)
    }

    /// Redis did not answer in time.
    pub(crate) fn late() -> Self {
        Self { aftermath: Aftermath::Unknown, ..Self::unavailable("no answer in time") }
    }

    /// What is stored under a key is nothing that this crate has written.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::new(TokenStoreErrorKind::Corrupt, what)
    }

    pub(crate) fn cluster() -> Self {
        Self::misconfigured(CLUSTER)
    }

    /// What a server answers instead of a value.
    pub(crate) fn answered(code: &str, detail: &str) -> Self {
        // Redis 6.2 wraps what a script meets; the code stands among the words.
        let mut words = detail.split_whitespace().map(|word| word.trim_start_matches('-'));
        let code = match code {
            "ERR" => words.find(|word| CODES.contains(word)).unwrap_or(code),
            _ => code,
        };
        // Arguments are keys and values.
        let detail = detail.split(", with args beginning").next().unwrap_or_default();
        let text = format!("{code} {detail}").trim_end().to_owned();
        let has = |known: &str| text.contains(known);
        match code {
            "ASK" | "CLUSTERDOWN" | "CROSSSLOT" | "MOVED" | "TRYAGAIN" => Self::cluster(),
            // How a cluster behind a proxy speaks of keys that a script was not told of.
            "ERR" if has("Script attempted to access") => Self::cluster(),
            "WRONGTYPE" => Self::corrupt("something else lies under the key"),
            "DENIED" | "NOAUTH" | "NOPERM" | "WRONGPASS" => Self::misconfigured(text),
            "ERR" if has("unknown command") => Self::misconfigured(text),
            "MASTERDOWN" | "READONLY" => {
                Self { aftermath: Aftermath::WrongServer, ..Self::unavailable(text) }
            }
            _ => Self::unavailable(text),
        }
    }

    pub(crate) fn replica() -> Self {
        let what = "this is a replica: use the address of the primary, or `connect_via_sentinel`";
        Self { aftermath: Aftermath::WrongServer, ..Self::misconfigured(what) }
    }

    /// The same, with where it happened.
    pub(crate) fn at(self, place: &impl fmt::Display) -> Self {
        Self { what: format!("{place}: {}", self.what), ..self }
    }

    /// The same of a server that has been fine before: it may be so again.
    pub(crate) fn for_now(self) -> Self {
        Self { kind: TokenStoreErrorKind::Unavailable, ..self }
    }

    /// The same where waiting does not help.
    pub(crate) fn for_good(self) -> Self {
        Self { kind: TokenStoreErrorKind::Misconfigured, ..self }
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        let kind = match error.kind() {
            // So rustls speaks of certificates, on either side, and of what is no TLS.
            io::ErrorKind::InvalidData => TokenStoreErrorKind::Misconfigured,
            _ => TokenStoreErrorKind::Unavailable,
        };
        Self { aftermath: Aftermath::Unknown, ..Self::new(kind, error.to_string()) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::IoError, _) => {
                match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
                    Some(error) => Self::from(error),
                    None => Self {
                        aftermath: Aftermath::Unknown,
                        ..Self::unavailable("the connection is broken")
                    },
                }
            }
            (_, Some(code)) => Self::answered(code, error.detail().unwrap_or_default()),
            // The error itself would show what was answered.
            (_, None) => Self {
                aftermath: Aftermath::Unknown,
                ..Self::misconfigured("the server does not speak as Redis does")
            },
        }
    }
}

/// The codes that say what to do.
const CODES: [&str; 12] = [
    "ASK",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "DENIED",
    "MASTERDOWN",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
    "WRONGTYPE",
];

impl From<Failure> for TokenStoreError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind).with_source(failure.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str, detail: &str) -> TokenStoreErrorKind {
        Failure::answered(code, detail).kind
    }

    #[test]
    fn what_a_script_meets_is_understood_as_redis_6_2_and_7_say_it() {
        use TokenStoreErrorKind::{Corrupt, Misconfigured, Unavailable};
        let wrapped = |text: &str| {
            let detail =
                format!("Error running script (call to f_9e1): @user_script:12: @user_script: 12: {text}");
            Failure::answered("ERR", &detail)
        };
        assert_eq!(wrapped("WRONGTYPE Operation against a key").kind, Corrupt);
        assert_eq!(kind("WRONGTYPE", "Operation against a key script: 9e1, on @user_script:12."), Corrupt);
        assert_eq!(wrapped("-NOPERM this user has no permissions").kind, Misconfigured);
        assert_eq!(wrapped("-OOM command not allowed").kind, Unavailable);
        assert_eq!(wrapped("-READONLY You can't write").aftermath, Aftermath::WrongServer);
        assert_eq!(Failure::answered("READONLY", "You can't write").aftermath, Aftermath::WrongServer);
        assert_eq!(kind("LOADING", "Redis is loading the dataset in memory"), Unavailable);
    }

    #[test]
    fn every_word_of_a_cluster_is_refused_with_advice() {
        for (code, detail) in [
            ("MOVED", "866 10.0.0.7:6379"),
            ("CROSSSLOT", "Keys in request don't hash to the same slot"),
            ("CLUSTERDOWN", "Hash slot not served"),
            ("ERR", "Error running script: @user_script: 4: Script attempted to access a non local key"),
        ] {
            let failure = Failure::answered(code, detail);
            assert_eq!(failure.kind, TokenStoreErrorKind::Misconfigured);
            assert!(
                failure.what.contains("Sentinel") && !failure.what.contains("10.0.0.7"),
                "{}",
                failure.what
            );
        }
    }

    #[test]
    fn arguments_and_answers_are_never_shown() {
        let failure =
            Failure::answered("ERR", "unknown command 'EVALSHA', with args beginning with: '1' 'logto:key'");
        assert_eq!(failure.what, "ERR unknown command 'EVALSHA'");
        let parsed: redis::RedisResult<u64> = redis::from_redis_value(&redis::Value::Okay);
        let unexpected = "the server does not speak as Redis does";
        assert_eq!(Failure::from(parsed.unwrap_err()).what, unexpected);
    }
}
