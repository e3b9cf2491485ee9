//! For the judge of test vectors: what tokens reach only inside of a whole JWS.

use crate::verify::{Algorithm, JwkSet, VerifyError};

/// The signature check alone, over any bytes, with any key of the set that is for the algorithm.
///
/// # Errors
///
/// `UnknownKey` and `Signature`.
pub fn verify_signature(
    keys: &JwkSet,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    keys.verify(None, algorithm, message, signature).map(drop)
}
