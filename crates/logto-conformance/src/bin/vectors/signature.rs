//! Wycheproof's files of signatures over bytes: ECDSA in the P1363 form, RSA PKCS#1, RSA-PSS and Ed25519.
//!
//! All of them are in the verifier's algorithms, so every valid one is accepted and every invalid one
//! refused. Keys go the verifier's way, as a JWK set.

use crate::{verdict::Report, wycheproof::encode};
use logto_client::{
    vectors::verify_signature,
    verify::{Algorithm, JwkSet},
};
use serde_json::{Value, json};

const TYPES: [&str; 4] = ["EcdsaP1363Verify", "EddsaVerify", "RsassaPkcs1Verify", "RsassaPssVerify"];

/// Whether the file holds such signatures.
pub(crate) fn is_one(document: &Value) -> bool {
    document["testGroups"][0]["type"].as_str().is_some_and(|kind| TYPES.contains(&kind))
}

pub(crate) fn judge(document: &Value) -> Result<Report, String> {
    let mut report = Report::default();
    for group in document["testGroups"].as_array().ok_or("`testGroups` is no list")? {
        let algorithm = algorithm(group)?;
        let jwk = jwk(group).ok_or("a group whose key cannot be told")?;
        let keys = JwkSet::parse(json!({ "keys": [jwk] }).to_string().as_bytes())
            .map_err(|error| format!("keys: {error}"))?;
        for test in group["tests"].as_array().ok_or("a group without tests")? {
            let id = format!("tc{}", test["tcId"]);
            let bytes = |name: &str| hex(&test[name]).ok_or_else(|| format!("{id}: `{name}` is no hex"));
            let (message, signature) = (bytes("msg")?, bytes("sig")?);
            let verify = || verify_signature(&keys, algorithm, &message, &signature);
            match test["result"].as_str() {
                Some("valid") => report.judge(&id, true, verify),
                Some("invalid") => report.judge(&id, false, verify),
                Some("acceptable") => report.either(&id, verify),
                _ => return Err(format!("{id}: `result` is not known")),
            }
        }
    }
    Ok(report)
}

/// The algorithm of a group; another hash, curve or salt is none of ours.
fn algorithm(group: &Value) -> Result<Algorithm, String> {
    let kind = group["type"].as_str().unwrap_or_default();
    let sha = group["sha"].as_str().unwrap_or_default();
    let curve = group["publicKey"]["curve"].as_str().unwrap_or_default();
    let salt = group["sLen"].as_u64().unwrap_or_default();
    match (kind, curve, sha) {
        ("EcdsaP1363Verify", "secp256r1", "SHA-256") => Ok(Algorithm::Es256),
        ("EcdsaP1363Verify", "secp384r1", "SHA-384") => Ok(Algorithm::Es384),
        ("EcdsaP1363Verify", "secp521r1", "SHA-512") => Ok(Algorithm::Es512),
        ("EddsaVerify", "edwards25519", _) => Ok(Algorithm::EdDsa),
        ("RsassaPkcs1Verify", _, "SHA-256") => Ok(Algorithm::Rs256),
        ("RsassaPssVerify", _, "SHA-256") if group["mgfSha"] == "SHA-256" && salt == 32 => {
            Ok(Algorithm::Ps256)
        }
        _ => Err(format!("{kind} with {sha} on {curve}, salt {salt}, is in no algorithm of the verifier")),
    }
}

/// The key as a JWK: the one in the file, or built from its numbers.
fn jwk(group: &Value) -> Option<Value> {
    for name in ["publicKeyJwk", "keyJwk"] {
        if group[name].is_object() {
            return Some(group[name].clone());
        }
    }
    let key = &group["publicKey"];
    // A leading zero is a mark of ASN.1 for "not negative"; a JWK has none.
    let number = |name: &str| {
        let bytes = hex(&key[name])?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        Some(encode(&bytes[zeros..]))
    };
    match group["type"].as_str()? {
        "EcdsaP1363Verify" => {
            let (name, width) = match key["curve"].as_str()? {
                "secp256r1" => ("P-256", 32),
                "secp384r1" => ("P-384", 48),
                "secp521r1" => ("P-521", 66),
                _ => return None,
            };
            let point = hex(&key["uncompressed"])?;
            let (&[4], both) = point.split_first_chunk()? else { return None };
            let (x, y) = both.split_at_checked(width)?;
            Some(json!({"kty": "EC", "crv": name, "x": encode(x), "y": encode(y)}))
        }
        "EddsaVerify" => Some(json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&hex(&key["pk"])?)})),
        _ => Some(json!({"kty": "RSA", "n": number("modulus")?, "e": number("publicExponent")?})),
    }
}

fn hex(value: &Value) -> Option<Vec<u8>> {
    let digits = value.as_str()?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        &[high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
            RSA_PSS_SHA256, RsaEncoding,
        },
    };

    fn to_hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A file with one group: the good signature and a broken one, labelled as told.
    fn file(mut group: Value, signature: &[u8], labels: [&str; 2]) -> Value {
        let mut broken = signature.to_vec();
        *broken.last_mut().unwrap() ^= 1;
        let test = |id: u8, signature: &[u8], label: &str| json!({"tcId": id, "msg": "0a0B", "sig": to_hex(signature), "result": label});
        group["tests"] = json!([test(1, signature, labels[0]), test(2, &broken, labels[1])]);
        json!({"testGroups": [group]})
    }

    const MESSAGE: [u8; 2] = [0x0a, 0x0b];

    fn ed25519() -> (Value, Vec<u8>) {
        let pair = Ed25519KeyPair::generate().unwrap();
        let pk = to_hex(pair.public_key().as_ref());
        let group = json!({"type": "EddsaVerify", "publicKey": {"curve": "edwards25519", "pk": pk}});
        (group, pair.sign(&MESSAGE).as_ref().to_vec())
    }

    fn p256() -> (Value, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = to_hex(pair.public_key().as_ref());
        let group = json!({
            "type": "EcdsaP1363Verify", "sha": "SHA-256",
            "publicKey": {"curve": "secp256r1", "uncompressed": point},
        });
        (group, pair.sign(&SystemRandom::new(), &MESSAGE).unwrap().as_ref().to_vec())
    }

    fn rsa(pair: &RsaKeyPair, kind: &str, padding: &'static dyn RsaEncoding) -> (Value, Vec<u8>) {
        // Two ASN.1 integers: 257 bytes with a leading zero after a head of 8 bytes, and 3 bytes at the end.
        let key = pair.public_key().as_ref();
        let (modulus, exponent) = (to_hex(&key[8..8 + 257]), to_hex(&key[key.len() - 3..]));
        let group = json!({
            "type": kind, "sha": "SHA-256", "mgfSha": "SHA-256", "sLen": 32,
            "publicKey": {"modulus": modulus, "publicExponent": exponent},
        });
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &SystemRandom::new(), &MESSAGE, &mut signature).unwrap();
        (group, signature)
    }

    #[test]
    fn each_format_is_read_and_a_planted_label_of_each_is_reported() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        for (group, signature) in [
            ed25519(),
            p256(),
            rsa(&pair, "RsassaPkcs1Verify", &RSA_PKCS1_SHA256),
            rsa(&pair, "RsassaPssVerify", &RSA_PSS_SHA256),
        ] {
            let judged = |labels| {
                let file = file(group.clone(), &signature, labels);
                assert!(is_one(&file));
                judge(&file).unwrap()
            };
            let right = judged(["valid", "invalid"]);
            assert!(right.is_right() && right.judged() == 2, "{right}");
            assert!(judged(["acceptable", "acceptable"]).is_right());
            let let_in = judged(["invalid", "invalid"]);
            assert!(!let_in.is_right() && let_in.to_string().contains("wrongly accepted  1 (tc1)"));
            let shut_out = judged(["valid", "valid"]);
            assert!(!shut_out.is_right() && shut_out.to_string().contains("wrongly rejected  1 (tc2)"));
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_never_passes() {
        let (group, signature) = p256();
        for (name, value) in
            [("sha", json!("SHA-1")), ("type", json!("EcdsaVerify")), ("publicKey", json!({}))]
        {
            let mut other = group.clone();
            other[name] = value;
            assert!(judge(&file(other, &signature, ["valid", "invalid"])).is_err(), "{name}");
        }
        assert!(judge(&file(group, &signature, ["valid", "unheard"])).unwrap_err().contains("tc2"));
        assert!(!is_one(&json!({"testGroups": [{"type": "JsonWebSignature"}]})));
    }

    #[test]
    fn a_jwk_of_the_file_comes_first() {
        let given = json!({"kty": "OKP"});
        assert_eq!(jwk(&json!({"type": "EddsaVerify", "keyJwk": given})), Some(given));
    }
}
