//! Which keys verify what.

use super::forge::*;
use crate::verify::{Algorithm, JwkSet, VerifyErrorKind};
use serde_json::{Value, json};

fn judge(algorithm: Algorithm, keys: &[Value]) -> Result<(), VerifyErrorKind> {
    let header = json!({"alg": algorithm.name(), "kid": "k"}).to_string();
    let token = signed(signer(algorithm), algorithm, &header, claims().to_string().as_bytes());
    rules().verify(&token, &set(keys), NOW).map(|_| ()).map_err(|error| error.kind())
}

#[test]
fn a_key_is_used_for_what_it_says() {
    let es384 = |members: Value| judge(Algorithm::Es384, &[jwk(signer(Algorithm::Es384), &members)]);
    for good in [
        json!({"kid": "k"}),
        json!({"kid": "k", "alg": "ES384"}),
        json!({"kid": "k", "use": "sig"}),
        json!({"kid": "k", "key_ops": ["sign", "verify"]}),
        json!({"kid": "k", "x5t": "unknown member", "d": "AAAA"}),
    ] {
        assert_eq!(es384(good.clone()), Ok(()), "{good}");
    }
    for unfit in [
        json!({}),
        json!({"kid": "other"}),
        json!({"kid": 7}),
        json!({"kid": "k", "alg": "ES256"}),
        json!({"kid": "k", "alg": "ES521"}),
        json!({"kid": "k", "alg": 7}),
        json!({"kid": "k", "use": "enc"}),
        json!({"kid": "k", "use": ["sig"]}),
        json!({"kid": "k", "key_ops": ["encrypt"]}),
        json!({"kid": "k", "key_ops": "verify"}),
        json!({"kid": "k", "kty": "RSA"}),
        json!({"kid": "k", "kty": "EC2"}),
        json!({"kid": "k", "crv": "P-256"}),
        json!({"kid": "k", "crv": "secp256k1"}),
        json!({"kid": "k", "x": ""}),
        json!({"kid": "k", "y": b64([1; 48])}),
    ] {
        assert_eq!(es384(unfit.clone()), Err(VerifyErrorKind::UnknownKey), "{unfit}");
    }
}

#[test]
fn an_rsa_key_without_alg_verifies_both_and_with_alg_only_that() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let key = |members: Value| [jwk(signer(algorithm), &members)];
        assert_eq!(judge(algorithm, &key(json!({"kid": "k"}))), Ok(()));
        assert_eq!(judge(algorithm, &key(json!({"kid": "k", "alg": algorithm.name()}))), Ok(()));
        let other = if algorithm == Algorithm::Rs256 { "PS256" } else { "RS256" };
        assert_eq!(
            judge(algorithm, &key(json!({"kid": "k", "alg": other}))),
            Err(VerifyErrorKind::UnknownKey)
        );
    }
}

#[test]
fn rsa_keys_have_2048_to_8192_bits_and_a_sane_exponent() {
    let good = signer(Algorithm::Rs256).jwk();
    let n = good["n"].as_str().unwrap();
    assert_eq!(set(std::slice::from_ref(&good)).len(), 1);
    for (n, e) in [
        (b64([0xc1; 128]), "AQAB".to_owned()),
        (b64([0xc1; 1025]), "AQAB".to_owned()),
        (n.to_owned(), "AQ".to_owned()),
        (n.to_owned(), String::new()),
        (format!("AA{n}"), "AQAB".to_owned()),
        (String::new(), "AQAB".to_owned()),
    ] {
        let key = json!({"kty": "RSA", "kid": "k", "n": n, "e": e});
        assert_eq!(judge(Algorithm::Rs256, &[key]), Err(VerifyErrorKind::UnknownKey), "{} {e}", n.len());
    }
}

#[test]
fn a_weak_modulus_of_the_roca_family_is_left_out() {
    // A power of 65537 modulo every prime of the fingerprint: 65537 to the power of 140, 281 bytes.
    let mut modulus = vec![1_u8];
    for _ in 0..130 {
        let mut carry = 0_u64;
        for byte in modulus.iter_mut().rev() {
            let product = u64::from(*byte) * 65537 + carry;
            *byte = u8::try_from(product & 0xff).unwrap();
            carry = product >> 8;
        }
        while carry > 0 {
            modulus.insert(0, u8::try_from(carry & 0xff).unwrap());
            carry >>= 8;
        }
    }
    assert!((256..=1024).contains(&modulus.len()), "{}", modulus.len());
    let is_taken = |modulus: &[u8]| {
        !set(&[json!({"kty": "RSA", "kid": "k", "n": b64(modulus), "e": "AQAB"})]).is_empty()
    };
    assert!(!is_taken(&modulus));
    // Further on by a multiple of all the primes it is of the family still; by 2 it is not.
    let primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157_u128];
    assert!(!is_taken(&sum(&modulus, 2 * primes.iter().product::<u128>())));
    assert!(is_taken(&sum(&modulus, 2)));
}

/// The sum of a number in bytes, the highest first, and another one.
fn sum(number: &[u8], other: u128) -> Vec<u8> {
    let mut sum = number.to_vec();
    let mut carry = other;
    for byte in sum.iter_mut().rev() {
        let digit = u128::from(*byte) + (carry & 0xff);
        *byte = u8::try_from(digit & 0xff).unwrap();
        carry = (carry >> 8) + (digit >> 8);
    }
    sum
}

#[test]
fn symmetric_and_unknown_keys_spoil_no_others() {
    let good = jwk(signer(Algorithm::Es384), &json!({"kid": "k"}));
    let keys =
        [json!({"kty": "oct", "kid": "k", "k": "AAAA"}), json!({"kty": "XYZ"}), json!(7), json!({}), good];
    assert_eq!(judge(Algorithm::Es384, &keys), Ok(()));
    assert_eq!(set(&keys).len(), 1);
    assert!(set(&keys).contains_kid("k") && !set(&keys).contains_kid("x"));
}

#[test]
fn at_most_four_keys_are_tried() {
    let good = jwk(signer(Algorithm::Es384), &json!({"kid": "k"}));
    let other = |_| {
        let pair = aws_lc_rs::signature::EcdsaKeyPair::generate(
            &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        );
        jwk(&Signer::Ec(pair.unwrap()), &json!({"kid": "k"}))
    };
    for (others, outcome) in [(3, Ok(())), (4, Err(VerifyErrorKind::Signature))] {
        let mut keys: Vec<Value> = (0..others).map(other).collect();
        keys.push(good.clone());
        assert_eq!(judge(Algorithm::Es384, &keys), outcome, "{others}");
    }
}

#[test]
fn what_is_no_key_set_is_an_error() {
    let many = json!({"keys": vec![json!({}); 101]}).to_string();
    for text in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "<html>", &many] {
        assert!(JwkSet::parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(40)]);
    }
    let good = json!({"keys": []}).to_string();
    assert!(JwkSet::parse(good.as_bytes()).is_ok());
    let with_mark = [&b"\xef\xbb\xbf"[..], good.as_bytes()].concat();
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00".to_vec();
    for bytes in [with_mark, utf_16, gzip, good.as_bytes()[..good.len() - 1].to_vec()] {
        assert!(JwkSet::parse(&bytes).is_err());
    }
}

#[test]
fn ten_thousand_keys_are_refused_and_a_huge_one_is_left_out_both_at_once() {
    let since = std::time::Instant::now();
    let key = jwk(signer(Algorithm::Es384), &json!({"kid": "k"}));
    let thousands = json!({"keys": vec![key.clone(); 10_000]}).to_string();
    assert!(JwkSet::parse(thousands.as_bytes()).is_err());
    let huge = |bytes: usize| json!({"kty": "RSA", "kid": "k", "n": b64(vec![0xc1; bytes]), "e": "AQAB"});
    // Of 700 KiB, which is all that an answer may be, and one by one.
    for keys in [vec![huge(700 * 1024), key.clone()], vec![huge(7 * 1024); 99]] {
        let set = set(&keys);
        assert_eq!(set.len(), usize::from(keys.contains(&key)));
    }
    assert_eq!(judge(Algorithm::Es384, &[huge(700 * 1024), key]), Ok(()));
    assert!(since.elapsed() < std::time::Duration::from_secs(5), "{:?}", since.elapsed());
}
