//! Signatures of this run's tokens, against the keys that its server publishes.

use crate::{
    compare::Difference,
    http::{Outgoing, Server},
    recording::Response,
    shape::Jwt,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// Tokens of an answer that no published key has signed.
pub(crate) async fn problems(server: &Server, answer: &Response) -> Vec<Difference> {
    let names = ["access_token", "id_token"];
    let tokens: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((name, answer.member(name)?, Jwt::decode(answer.member(name)?)?)))
        .collect();
    if tokens.is_empty() {
        return Vec::new();
    }
    let keys = match server.send(Outgoing::get("/oidc/jwks")).await {
        Ok(answer) => answer.body,
        Err(_) => Value::Null,
    };
    let unsigned = tokens.iter().filter(|(_, token, decoded)| !is_signed(token, decoded, &keys));
    let difference = |name: &str| Difference {
        place: format!("body.{name}"),
        recorded: "a signature by a published key".to_owned(),
        live: "none".to_owned(),
    };
    unsigned.map(|(name, ..)| difference(name)).collect()
}

fn is_signed(token: &str, decoded: &Jwt, keys: &Value) -> bool {
    let list = keys.get("keys").and_then(Value::as_array).into_iter().flatten();
    let mut named = list.filter(|key| key.get("kid") == decoded.header.get("kid"));
    let (Some(key), Some((message, signature))) = (named.next(), token.rsplit_once('.')) else {
        return false;
    };
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let member = |name: &str| bytes(key.get(name).and_then(Value::as_str).unwrap_or_default());
    let signature = bytes(signature);
    let point = || [vec![4], member("x"), member("y")].concat();
    match decoded.header.get("alg").and_then(Value::as_str) {
        Some("ES256") => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point())
            .verify(message.as_bytes(), &signature)
            .is_ok(),
        Some("ES384") => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point())
            .verify(message.as_bytes(), &signature)
            .is_ok(),
        Some("RS256") => RsaPublicKeyComponents { n: member("n"), e: member("e") }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
            .is_ok(),
        _ => false,
    }
}
