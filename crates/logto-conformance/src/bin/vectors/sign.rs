//! Signs tokens with private JWKs, for recipes.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The algorithms that a key can sign by.
pub(crate) fn algorithms(key: &Value) -> &'static [&'static str] {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("kty"), text("crv")) {
        ("EC", "P-256") => &["ES256"],
        ("EC", "P-384") => &["ES384"],
        ("EC", "P-521") => &["ES512"],
        ("OKP", "Ed25519") => &["EdDSA"],
        ("RSA", _) => &["RS256", "PS256"],
        _ => &[],
    }
}

/// A compact JWS of header and claims; the header's `alg` says how it is signed.
pub(crate) fn token(key: &Value, header: &Value, claims: &Value) -> Result<String, String> {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(key, header.get("alg").and_then(Value::as_str).unwrap_or_default(), message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn sign(key: &Value, algorithm: &str, message: &[u8]) -> Result<Vec<u8>, String> {
    let part = |name: &str| {
        let text = key.get(name).and_then(Value::as_str);
        let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.ok_or_else(|| format!("the key has no good {name}"))
    };
    let ec = |signing| {
        let public = [&[4], &*part("x")?, &*part("y")?].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &part("d")?, &public).map_err(refused)?;
        Ok(pair.sign(&SystemRandom::new(), message).map_err(refused)?.as_ref().to_vec())
    };
    let rsa = |encoding: &'static dyn RsaEncoding| {
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n: part("n")?, e: part("e")? },
            d: part("d")?,
            p: part("p")?,
            q: part("q")?,
            dP: part("dp")?,
            dQ: part("dq")?,
            qInv: part("qi")?,
        })
        .map_err(refused)?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(refused)?;
        Ok(signature)
    };
    match algorithm {
        "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
        "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
        "ES512" => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
        "RS256" => rsa(&RSA_PKCS1_SHA256),
        "PS256" => rsa(&RSA_PSS_SHA256),
        "EdDSA" => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&part("d")?, &part("x")?).map_err(refused)?;
            Ok(pair.sign(message).as_ref().to_vec())
        }
        other => Err(format!("nothing signs by {other} here")),
    }
}

fn refused(error: impl std::fmt::Display) -> String {
    format!("the key cannot be used: {error}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::{encoding::AsBigEndian, signature::KeyPair};
    use logto_client::verify::{Algorithm, JwkSet, verify_jws};
    use serde_json::json;

    /// A private JWK out of a seed.
    pub(crate) fn ed25519(seed: u8) -> Value {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "OKP", "crv": "Ed25519", "d": encode(&[seed; 32]), "x": encode(pair.public_key().as_ref())})
    }

    /// The public half of a JWK.
    pub(crate) fn public(key: &Value) -> Value {
        let mut key = key.clone();
        key.as_object_mut().unwrap().remove("d");
        key
    }

    pub(crate) fn token(key: &Value, header: &Value, claims: &Value) -> Value {
        super::token(key, header, claims).unwrap().into()
    }

    #[test]
    fn what_is_signed_here_is_verified_by_the_client() {
        let mut keys = vec![ed25519(3)];
        for (signing, crv) in [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            (&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
        ] {
            let pair = EcdsaKeyPair::generate(signing).unwrap();
            let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
            let d = pair.private_key().as_be_bytes().unwrap();
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            keys.push(json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y), "d": encode(d.as_ref())}));
        }
        for key in keys {
            let alg = algorithms(&key)[0];
            let token = super::token(&key, &json!({"alg": alg}), &json!({})).unwrap();
            let set = JwkSet::parse(json!({"keys": [public(&key)]}).to_string().as_bytes()).unwrap();
            assert!(verify_jws(&token, &set, &Algorithm::ALL).is_ok(), "{alg}");
            assert!(super::token(&key, &json!({"alg": "HS256"}), &json!({})).is_err());
        }
    }
}
