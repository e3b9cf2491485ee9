//! Form, header and signature.

use super::forge::*;
use crate::verify::{Algorithm, VerifyErrorKind, decode_claims, verify_jws};
use VerifyErrorKind::{Algorithm as Alg, Malformed, Signature, UnknownKey};
use serde_json::{Value, json};

fn judge(token: &str) -> Result<(), VerifyErrorKind> {
    rules().verify(token, &keys(), NOW).map(|_| ()).map_err(|error| error.kind())
}

fn by_header(header: &str) -> String {
    signed(signer(Algorithm::Es384), Algorithm::Es384, header, claims().to_string().as_bytes())
}

#[test]
fn a_header_is_read_strictly() {
    assert_eq!(judge(&by_header(r#"{"alg":"ES384","kid":"ES384","x-unknown":1}"#)), Ok(()));
    assert_eq!(judge(&by_header(r#"{"alg":"ES384"}"#)), Ok(()), "without kid every fitting key is tried");
    for (header, kind) in [
        (r#"{"alg":"none"}"#, Alg),
        (r#"{"alg":"None","kid":"ES384"}"#, Alg),
        (r#"{"alg":"NONE","kid":"ES384"}"#, Alg),
        (r#"{"alg":"nOnE","kid":"ES384"}"#, Alg),
        (r#"{"alg":"HS256","kid":"ES384"}"#, Alg),
        (r#"{"alg":"es384","kid":"ES384"}"#, Alg),
        (r#"{"alg":"XX999","kid":"ES384"}"#, Alg),
        (r#"{"alg":["ES384"],"kid":"ES384"}"#, Alg),
        (r#"{"alg":null,"kid":"ES384"}"#, Alg),
        (r#"{"kid":"ES384"}"#, Alg),
        (r#"{"alg":"ES256","kid":"ES384"}"#, UnknownKey),
        (r#"{"alg":"RS256","kid":"ES384"}"#, UnknownKey),
        (r#"{"alg":"ES384","kid":"unknown"}"#, UnknownKey),
        (r#"{"alg":"ES384","kid":""}"#, UnknownKey),
        (r#"{"alg":"ES384","kid":"../../dev/null"}"#, UnknownKey),
        (r#"{"alg":"ES384","kid":"x' OR '1'='1"}"#, UnknownKey),
        (r#"{"alg":"ES384","kid":7}"#, Malformed),
        (r#"{"alg":"ES384","kid":"ES384","typ":1}"#, Malformed),
        (r#"{"alg":"ES384","kid":"ES384","crit":["x"]}"#, Malformed),
        (r#"{"alg":"ES384","kid":"ES384","crit":[]}"#, Malformed),
        (r#"{"alg":"ES384","kid":"ES384","crit":"exp"}"#, Malformed),
        (r#"{"alg":"ES384","kid":"ES384","b64":true}"#, Malformed),
        (r#"{"alg":"ES384","kid":"ES384","zip":"DEF"}"#, Malformed),
        (r#"{"alg":"ES384","alg":"ES384","kid":"ES384"}"#, Malformed),
        (r#"["ES384"]"#, Malformed),
        ("", Malformed),
    ] {
        assert_eq!(judge(&by_header(header)), Err(kind), "{header}");
    }
}

#[test]
fn keys_in_the_header_are_never_used() {
    let attacker = Signer::rsa(aws_lc_rs::rsa::KeySize::Rsa2048);
    for member in [
        json!({"jwk": attacker.jwk()}),
        json!({"jku": "https://evil.example/jwks"}),
        json!({"x5c": ["AAAA"]}),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "RS256"});
        header.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let token = signed(&attacker, Algorithm::Rs256, &header.to_string(), claims().to_string().as_bytes());
        assert_eq!(judge(&token), Err(Signature), "{header}");
    }
}

#[test]
fn a_signature_is_exact() {
    for algorithm in Algorithm::ALL {
        let good = token(algorithm, &claims());
        let (message, signature) = good.rsplit_once('.').unwrap();
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).unwrap();
        let mut flipped = bytes.clone();
        flipped[0] ^= 1;
        for wrong in [
            flipped,
            bytes[..bytes.len() - 1].to_vec(),
            [&bytes[..], &[0]].concat(),
            vec![0; bytes.len()],
            vec![0xff; bytes.len()],
            vec![7],
            Vec::new(),
        ] {
            assert_eq!(
                judge(&format!("{message}.{}", b64(&wrong))),
                Err(Signature),
                "{algorithm:?} {wrong:x?}"
            );
        }
    }
}

#[test]
fn what_was_signed_is_what_is_read() {
    let good = token(Algorithm::Es384, &claims());
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = b64(with("sub", json!("admin")).to_string());
    assert_eq!(judge(&format!("{header}.{other}.{signature}")), Err(Signature));
    let other = b64(r#"{"alg":"ES384"}"#);
    assert_eq!(judge(&format!("{other}.{payload}.{signature}")), Err(Signature));
}

#[test]
fn a_token_has_one_form() {
    let good = token(Algorithm::Es384, &claims());
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for token in [
        String::new(),
        "..".to_owned(),
        ".".to_owned(),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!("{good}.AAAA"),
        format!("{good}.AAAA.AAAA"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{header}.{payload}. {signature}"),
        format!("{header}?.{payload}.{signature}"),
        format!("{header}.{payload}?.{signature}"),
        json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]})
            .to_string(),
        good.replace(['-', '_'], "+"),
        "a".repeat(70_000),
    ] {
        let outcome = judge(&token);
        assert!(token == good || outcome.is_err(), "{}", &token[..token.len().min(80)]);
        assert_ne!(outcome, Ok(()));
    }
    assert_eq!(judge(&good), Ok(()));
}

#[test]
fn trailing_bits_of_base64url_are_refused() {
    let good = token(Algorithm::Es512, &claims());
    // 132 bytes are 176 characters; a header of 4n+1 bytes ends in a character with four spare bits.
    let header = format!("{{\"alg\":\"ES512\"{}}}", " ".repeat(2));
    let encoded = b64(&header);
    assert_ne!(header.len() % 3, 0);
    let last = encoded.chars().last().unwrap();
    let odd = char::from(u8::try_from(u32::from(last)).unwrap() + 1);
    let (_, rest) = good.split_once('.').unwrap();
    let token = format!("{}{odd}.{rest}", &encoded[..encoded.len() - 1]);
    assert_eq!(judge(&token), Err(Malformed));
}

#[test]
fn a_payload_has_one_reading() {
    let header = r#"{"alg":"ES384","kid":"ES384"}"#;
    let good = claims().to_string();
    let inner = good.strip_prefix('{').unwrap();
    for payload in [
        b"not json".to_vec(),
        b"\"text\"".to_vec(),
        b"[]".to_vec(),
        b"".to_vec(),
        format!("{{\"aud\":\"evil\",{inner}").into_bytes(),
        format!("{{\"sub\":\"admin\",{inner}").into_bytes(),
        format!("{{\"x\":{{\"a\":1,\"a\":2}},{inner}").into_bytes(),
        format!("{good}x").into_bytes(),
        format!("{good}{good}").into_bytes(),
        [b"{\"x\":\"\xff\",", inner.as_bytes()].concat(),
        format!("{{\"x\":{}1{},{inner}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
    ] {
        let token = signed(signer(Algorithm::Es384), Algorithm::Es384, header, &payload);
        assert_eq!(
            judge(&token),
            Err(Malformed),
            "{:?}",
            String::from_utf8_lossy(&payload[..payload.len().min(60)])
        );
    }
}

#[test]
fn a_large_token_is_refused_unread() {
    let padded = token(Algorithm::Es384, &with("pad", json!("x".repeat(2 * 1024 * 1024))));
    assert_eq!(judge(&padded), Err(Malformed));
    let header = json!({"alg": "ES384", "kid": "k".repeat(1024 * 1024)}).to_string();
    assert_eq!(judge(&by_header(&header)), Err(Malformed));
    let fits = token(Algorithm::Es384, &with("pad", json!("x".repeat(40_000))));
    assert_eq!(judge(&fits), Ok(()));
}

#[test]
fn claims_are_decoded_without_a_check_only_where_asked_for() {
    let good = token(Algorithm::Es384, &claims());
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    assert_eq!(decode_claims(&unsigned).unwrap().get("sub"), Some(&Value::from("u1")));
    assert!(verify_jws(&unsigned, &keys(), &Algorithm::ALL).is_err());
    for token in ["", "a.b", "a.b.c", "..", "AA.AA.AA"] {
        assert!(decode_claims(token).is_err(), "{token}");
    }
}
