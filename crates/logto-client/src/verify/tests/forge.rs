//! Makes keys and tokens, good and bad.

use crate::verify::{Algorithm, IdTokenRules, JwkSet};
use aws_lc_rs::{
    digest,
    encoding::AsDer,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{sync::OnceLock, time::Duration};

pub(crate) const NOW: Duration = Duration::from_secs(1_800_000_000);
pub(crate) const ISSUER: &str = "https://op.example/oidc";
pub(crate) const CLIENT: &str = "client-1";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";
pub(crate) const ACCESS_TOKEN: &str = "access-token-value";

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A signing key of its own for each algorithm.
pub(crate) enum Signer {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair, Vec<u8>),
}

impl Signer {
    fn generate(algorithm: Algorithm) -> Self {
        let ec = |signing| Self::Ec(EcdsaKeyPair::generate(signing).unwrap());
        match algorithm {
            Algorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDsa => Self::Ed(Ed25519KeyPair::generate().unwrap()),
            Algorithm::Rs256 | Algorithm::Ps256 => Self::rsa(rsa::KeySize::Rsa2048),
        }
    }

    pub(crate) fn rsa(size: rsa::KeySize) -> Self {
        let pair = rsa::KeyPair::generate(size).unwrap();
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let signer = RsaKeyPair::from_pkcs8(der.as_ref()).unwrap();
        // PKCS#1: SEQUENCE { INTEGER 0, n; INTEGER 65537 }
        let public = signer.public_key().as_ref().to_vec();
        let n = public[public.len() - 5 - signer.public_modulus_len()..public.len() - 5].to_vec();
        Self::Rsa(signer, n)
    }

    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair, _) => {
                let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if algorithm == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// The public key, without `kid` and `alg`.
    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": crv, "x": b64(x), "y": b64(y)})
            }
            Self::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key())}),
            Self::Rsa(_, n) => json!({"kty": "RSA", "n": b64(n), "e": "AQAB"}),
        }
    }
}

/// The key of an algorithm; the same in all tests.
pub(crate) fn signer(algorithm: Algorithm) -> &'static Signer {
    static SIGNERS: OnceLock<Vec<Signer>> = OnceLock::new();
    let signers = SIGNERS.get_or_init(|| Algorithm::ALL.into_iter().map(Signer::generate).collect());
    &signers[Algorithm::ALL.iter().position(|known| *known == algorithm).unwrap()]
}

/// A JWK with these members on top.
pub(crate) fn jwk(signer: &Signer, members: &Value) -> Value {
    let mut jwk = signer.jwk();
    jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    jwk
}

/// A key set.
pub(crate) fn set(keys: &[Value]) -> JwkSet {
    JwkSet::parse(&serde_json::to_vec(&json!({"keys": keys})).unwrap()).unwrap()
}

/// The public keys of all algorithms; each `kid` is the algorithm's name.
pub(crate) fn keys() -> JwkSet {
    let keys: Vec<Value> = Algorithm::ALL
        .into_iter()
        .map(|algorithm| jwk(signer(algorithm), &json!({"kid": algorithm.name(), "use": "sig"})))
        .collect();
    set(&keys)
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "u1", "nonce": NONCE,
        "iat": NOW.as_secs() - 10, "exp": NOW.as_secs() + 3600,
    })
}

/// Header and payload as given, signed by this key.
pub(crate) fn signed(signer: &Signer, algorithm: Algorithm, header: &str, payload: &[u8]) -> String {
    let message = format!("{}.{}", b64(header), b64(payload));
    let signature = signer.sign(algorithm, message.as_bytes());
    format!("{message}.{}", b64(signature))
}

/// A good header and these claims, signed by the algorithm's own key.
pub(crate) fn token(algorithm: Algorithm, claims: &Value) -> String {
    let header = json!({"alg": algorithm.name(), "kid": algorithm.name()}).to_string();
    signed(signer(algorithm), algorithm, &header, claims.to_string().as_bytes())
}

/// The good claims with one changed; `null` is a value, [`without`] removes.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

pub(crate) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

pub(crate) fn rules() -> IdTokenRules {
    IdTokenRules::new(ISSUER, CLIENT)
        .nonce(NONCE)
        .clock_tolerance(Duration::from_secs(60))
        .access_token(ACCESS_TOKEN)
}

pub(crate) fn at_hash(algorithm: &'static digest::Algorithm) -> String {
    let digest = digest::digest(algorithm, ACCESS_TOKEN.as_bytes());
    b64(&digest.as_ref()[..digest.as_ref().len() / 2])
}
