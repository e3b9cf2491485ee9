//! The provider's keys (RFC 7517), and which of them may verify what.

use super::{Algorithm, VerifyError, VerifyErrorKind, jws::decode, parse_strict_object};
use aws_lc_rs::{
    digest,
    encoding::AsDer,
    signature::{ParsedPublicKey, RsaPublicKeyComponents},
};
use serde_json::{Map, Value};
use std::fmt;

/// More keys are refused.
const MOST_KEYS: usize = 100;
/// So many keys are tried for one token.
const MOST_TRIED: usize = 4;

/// A set of public keys. Symmetric, broken, unknown, weak and non-signature keys are left out.
///
/// ```
/// let set = logto_client::verify::JwkSet::parse(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#)?;
/// assert!(set.is_empty());
/// # Ok::<(), logto_client::verify::VerifyError>(())
/// ```
#[derive(Clone, Default)]
pub struct JwkSet(Vec<Key>);

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    /// What it verifies; more than one for an RSA key without `alg`.
    verifiers: Vec<Verifier>,
}

#[derive(Clone)]
struct Verifier {
    algorithm: Algorithm,
    key: ParsedPublicKey,
    id: KeyId,
}

/// Tells keys apart by all that decides what they verify: name, algorithm and the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId([u8; 32]);

impl JwkSet {
    /// Reads a JWK set.
    ///
    /// # Errors
    ///
    /// `Malformed` where it is no JSON object with a list `keys` of at most 100.
    pub fn parse(bytes: &[u8]) -> Result<Self, VerifyError> {
        let set = parse_strict_object(bytes)?;
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .filter(|keys| keys.len() <= MOST_KEYS)
            .ok_or_else(|| VerifyError::malformed("is no set of at most 100 keys"))?;
        Ok(Self(keys.iter().filter_map(|key| Key::parse(key.as_object()?)).collect()))
    }

    /// How many keys of it can verify something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none can.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them has this id.
    #[must_use]
    pub fn contains_kid(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether this very key is among them, under the same name and for the same algorithm.
    pub(crate) fn holds(&self, id: KeyId) -> bool {
        self.0.iter().flat_map(|key| &key.verifiers).any(|verifier| verifier.id == id)
    }

    /// The key that made the signature.
    pub(crate) fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<KeyId, VerifyError> {
        let fitting = self.0.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let mut verifiers = fitting
            .filter_map(|key| key.verifiers.iter().find(|verifier| verifier.algorithm == algorithm))
            .take(MOST_TRIED)
            .peekable();
        if verifiers.peek().is_none() {
            return Err(VerifyError::new(
                VerifyErrorKind::UnknownKey,
                "is signed with a key that is not known",
            ));
        }
        verifiers
            .find(|verifier| verifier.key.verify_sig(message, signature).is_ok())
            .map(|verifier| verifier.id)
            .ok_or_else(|| VerifyError::new(VerifyErrorKind::Signature, "has a wrong signature"))
    }
}

impl Key {
    /// `None` for what verifies nothing here.
    fn parse(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).map(|value| value.as_str().ok_or(()));
        let kid = text("kid").transpose().ok()?;
        let alg = text("alg").transpose().ok()?;
        if text("use").is_some_and(|usage| usage != Ok("sig")) {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops")
            && !operations.as_array()?.iter().any(|operation| operation == "verify")
        {
            return None;
        }
        let bytes = |name: &str| decode(jwk.get(name)?.as_str()?).ok();
        let (algorithms, public): (&[Algorithm], Vec<u8>) =
            match (text("kty")?.ok()?, text("crv").transpose().ok()?) {
                ("EC", Some(curve)) => {
                    let (algorithm, width) = match curve {
                        "P-256" => (&[Algorithm::Es256], 32),
                        "P-384" => (&[Algorithm::Es384], 48),
                        "P-521" => (&[Algorithm::Es512], 66),
                        _ => return None,
                    };
                    let (x, y) = (bytes("x")?, bytes("y")?);
                    if (x.len(), y.len()) != (width, width) {
                        return None;
                    }
                    (algorithm, [&[4], &*x, &*y].concat())
                }
                ("OKP", Some("Ed25519")) => (&[Algorithm::EdDsa], bytes("x").filter(|x| x.len() == 32)?),
                ("RSA", None) => {
                    let (n, e) = (bytes("n")?, bytes("e")?);
                    if !(256..=1024).contains(&n.len()) || has_roca_fingerprint(&n) {
                        return None;
                    }
                    let key = RsaPublicKeyComponents { n, e }.as_der().ok()?;
                    (&[Algorithm::Rs256, Algorithm::Ps256], key.as_ref().to_vec())
                }
                _ => return None,
            };
        let verifiers: Vec<_> = algorithms
            .iter()
            .filter(|algorithm| alg.is_none_or(|alg| alg == algorithm.name()))
            .filter_map(|&algorithm| {
                let key = ParsedPublicKey::new(algorithm.verification(), &public).ok()?;
                Some(Verifier { algorithm, key, id: KeyId::of(kid, algorithm, &public) })
            })
            .collect();
        (!verifiers.is_empty()).then(|| Self { kid: kid.map(str::to_owned), verifiers })
    }
}

impl KeyId {
    fn of(kid: Option<&str>, algorithm: Algorithm, public: &[u8]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        // The public key comes last, and the name with its length: no two keys are hashed alike.
        hash.update(algorithm.name().as_bytes());
        hash.update(&kid.map_or(u64::MAX, |kid| kid.len() as u64).to_be_bytes());
        hash.update(kid.unwrap_or_default().as_bytes());
        hash.update(public);
        let mut id = [0; 32];
        id.copy_from_slice(hash.finish().as_ref());
        Self(id)
    }
}

/// Whether an RSA modulus is of the family whose private keys can be computed (CVE-2017-15361): modulo
/// each of these primes it is a power of 65537.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|&prime| {
        let residue = modulus.iter().fold(0, |residue, &byte| (residue * 256 + u32::from(byte)) % prime);
        let mut power = 1;
        for _ in 0..prime {
            if power == residue {
                return true;
            }
            power = power * 65537 % prime;
        }
        false
    })
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| key.kid.as_deref().unwrap_or("without kid"))).finish()
    }
}
