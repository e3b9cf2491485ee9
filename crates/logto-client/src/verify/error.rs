//! Why a token is refused.

use std::{error::Error, fmt};

/// Why a token is refused. Holds no part of the token but the name of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    kind: VerifyErrorKind,
    claim: Option<&'static str>,
    reason: &'static str,
}

/// At which step a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// It is no well-formed token.
    Malformed,
    /// Its algorithm is not allowed.
    Algorithm,
    /// No known key fits: newer keys may.
    UnknownKey,
    /// Its signature is wrong.
    Signature,
    /// A claim is missing or wrong; [`VerifyError::claim`] names it.
    Claim,
}

impl VerifyError {
    pub(super) fn new(kind: VerifyErrorKind, reason: &'static str) -> Self {
        Self { kind, claim: None, reason }
    }

    pub(super) fn malformed(reason: &'static str) -> Self {
        Self::new(VerifyErrorKind::Malformed, reason)
    }

    pub(crate) fn claim_of(claim: &'static str, reason: &'static str) -> Self {
        Self { kind: VerifyErrorKind::Claim, claim: Some(claim), reason }
    }

    /// At which step the token is refused.
    #[must_use]
    pub fn kind(&self) -> VerifyErrorKind {
        self.kind
    }

    /// The claim that is missing or wrong.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        self.claim
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.claim {
            Some(claim) => write!(f, "`{claim}` {}", self.reason),
            None => f.write_str(self.reason),
        }
    }
}

impl Error for VerifyError {}
