//! Random values and the PKCE challenge (RFC 7636).

use crate::{ErrorKind, LogtoError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// 256 random bits, 43 characters: state, nonce, verifier.
pub(crate) fn random() -> Result<String, LogtoError> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| LogtoError::new(ErrorKind::Unavailable, "the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The S256 challenge of a verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    sha256(verifier)
}

/// SHA-256, base64url without padding.
pub(crate) fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_logtos_sdks_and_of_the_rfc() {
        for (verifier, expected) in [
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            (
                "tO6MabnMFRAatnlMa1DdSstypzzkgalL1-k8Hr_GdfTj-VXGiEACqAkSkDhFuAuD8FOU8lMishaXjt29Xt2Oww",
                "0K3SLeGlNNzFswYJjcVzcN4C76m_8NZORxFJLBJWGwg",
            ),
            ("ipK7uh7F41nJyYY4RZQzEwBwBTd-BlXSO4W8q0tK5VA", "C51JGVPSnuLTTumLt6X5w2JAL_kBaeqHON3KPIviYaU"),
            ("Á", "p3yvZiKYauPicLIDZ0W1peDz4Z9KFC-9uxtDfoO1KOQ"),
            ("🚀", "67wLKHDrMj8rbP-lxJPO74GufrNq_HPU4DZzAWMdrsU"),
            (
                "12345678901234567890123456789012345678901234567890",
                "9Y__uhKapn7GO_ElcaQpd8C3hdOyqTzAU4VXyR2iEV0",
            ),
        ] {
            assert_eq!(challenge(verifier), expected);
        }
    }

    #[test]
    fn random_values_are_256_bits_and_never_the_same() {
        let values: std::collections::HashSet<String> = (0..100_000).map(|_| random().unwrap()).collect();
        assert_eq!(values.len(), 100_000);
        // Each is a verifier of RFC 7636 §4.1: 43 to 128 unreserved characters.
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        assert!(values.iter().all(|value| value.len() == 43 && value.bytes().all(unreserved)));
    }
}
