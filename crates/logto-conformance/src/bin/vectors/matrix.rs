//! Files of the attack matrix: rows with a token or a recipe for one, and what each must come to.

use crate::verdict::Report;
use logto_client::verify::{Algorithm, IdTokenRules, JwkSet};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) fn judge(document: &Value, keys: Option<&Value>, only: Option<&str>) -> Result<Report, String> {
    let text = |name: &str| document[name].as_str().ok_or_else(|| format!("`{name}` is missing"));
    let seconds = |name: &str| document[name].as_u64().ok_or_else(|| format!("`{name}` is missing"));
    let (issuer, client_id) = (text("issuer")?, text("client_id")?);
    let (now, skew) = (Duration::from_secs(seconds("now")?), Duration::from_secs(seconds("clock_skew_s")?));
    let allowed: Vec<Algorithm> = document["allowed_algs"]
        .as_array()
        .ok_or("`allowed_algs` is missing")?
        .iter()
        .filter_map(|name| Algorithm::from_name(name.as_str()?))
        .collect();
    let set =
        JwkSet::parse(document["jwks"].to_string().as_bytes()).map_err(|error| format!("`jwks` {error}"))?;
    let rows = document["vectors"].as_array().ok_or("`vectors` is no list")?;
    let base = rows.iter().find(|row| row["ctx"] == "id_token" && row["expect"] == "accept");

    let mut report = Report::default();
    for row in rows {
        let kind = row["ctx"].as_str().ok_or("a row without `ctx`")?;
        let id = row["id"].as_str().ok_or("a row without `id`")?;
        if only.is_some_and(|only| only != kind) {
            continue;
        }
        if kind != "id_token" {
            report.skip(format!("of kind {kind}, which is not verified yet"));
            continue;
        }
        let accept = match row["expect"].as_str() {
            Some("accept") => true,
            Some("reject") => false,
            _ => return Err(format!("{id}: `expect` is neither accept nor reject")),
        };
        let token = match row["token"].as_str() {
            Some(token) => token.to_owned(),
            None => match recipe(row, base.and_then(|base| base["token"].as_str()), keys) {
                Some(token) => token,
                None => {
                    report.skip(format!("with a recipe that is not known ({id})"));
                    continue;
                }
            },
        };
        let mut rules = IdTokenRules::new(issuer, client_id).algorithms(&allowed).clock_tolerance(skew);
        if let Some(nonce) = row.get("nonce").or_else(|| document.get("nonce")).and_then(Value::as_str) {
            rules = rules.nonce(nonce);
        }
        if let Some(access_token) = row["access_token"].as_str() {
            rules = rules.access_token(access_token);
        }
        if let Some(max_age) = row["max_age"].as_u64() {
            rules = rules.max_age(Duration::from_secs(max_age));
        }
        report.judge(id, accept, || rules.verify(&token, &set, now).map(|_| ()));
    }
    Ok(report)
}

/// Builds the token that a recipe describes: `base valid token with kid of N MiB, signed by key "K"`, and
/// `base valid token with extra claim pad of N MiB, signed by K`.
fn recipe(row: &Value, base: Option<&str>, keys: Option<&Value>) -> Option<String> {
    let recipe = row["recipe"].as_str()?;
    let mebibytes: usize = recipe.split(" MiB").next()?.rsplit(' ').next()?.parse().ok()?;
    let key = recipe.rsplit("signed by").next()?.trim().trim_start_matches("key").trim().trim_matches('"');
    let mut parts = base?.split('.').map(super::wycheproof::decode);
    let mut header: Value = serde_json::from_slice(&parts.next()??).ok()?;
    let mut claims: Value = serde_json::from_slice(&parts.next()??).ok()?;
    let filling = "A".repeat(mebibytes.checked_mul(1024 * 1024).filter(|&bytes| bytes <= 64 * 1024 * 1024)?);
    if recipe.contains("with kid of") {
        header["kid"] = filling.into();
    } else if let Some(claim) = recipe.split("extra claim ").nth(1) {
        claims[claim.split(' ').next()?] = json!(filling);
    } else {
        return None;
    }
    sign(&header, &claims, keys?.get(key)?)
}

/// Signs with an EC key in JWK form.
fn sign(header: &Value, claims: &Value, key: &Value) -> Option<String> {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
            ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
        },
    };
    let private = key.get("priv").unwrap_or(key);
    let bytes = |name: &str| super::wycheproof::decode(private[name].as_str()?);
    let signing = match private["crv"].as_str()? {
        "P-256" => &ECDSA_P256_SHA256_FIXED_SIGNING,
        "P-384" => &ECDSA_P384_SHA384_FIXED_SIGNING,
        "P-521" => &ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => return None,
    };
    let public = [&[4][..], &bytes("x")?, &bytes("y")?].concat();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &bytes("d")?, &public).ok()?;
    let encode = super::wycheproof::encode;
    let message =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).ok()?;
    Some(format!("{message}.{}", encode(signature.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rows: &Value) -> Value {
        json!({
            "now": 1_800_000_000_u64, "issuer": "https://op.example/oidc", "client_id": "c", "nonce": "n",
            "clock_skew_s": 60, "allowed_algs": ["ES384"], "jwks": {"keys": []}, "vectors": rows,
        })
    }

    #[test]
    fn a_row_that_must_be_accepted_and_is_not_is_wrong() {
        let right = document(&json!([{"ctx": "id_token", "id": "a", "expect": "reject", "token": ""}]));
        assert!(judge(&right, None, None).unwrap().is_right());
        let planted =
            document(&json!([{"ctx": "id_token", "id": "a", "expect": "accept", "token": "a.b.c"}]));
        assert!(!judge(&planted, None, None).unwrap().is_right());
    }

    #[test]
    fn other_kinds_are_skipped_and_counted_or_left_out() {
        let rows = json!([
            {"ctx": "access_token", "id": "k", "expect": "accept", "token": "x"},
            {"ctx": "id_token", "id": "a", "expect": "reject", "token": "x"},
        ]);
        let all = judge(&document(&rows), None, None).unwrap();
        assert_eq!(all.judged(), 1);
        assert!(all.to_string().contains("skipped           1\n    1 of kind access_token"));
        let only = judge(&document(&rows), None, Some("id_token")).unwrap();
        assert!(only.to_string().contains("skipped           0"));
    }

    #[test]
    fn a_file_without_its_clock_is_an_error() {
        let mut broken = document(&json!([]));
        broken.as_object_mut().unwrap().remove("now");
        assert!(judge(&broken, None, None).unwrap_err().contains("now"));
    }
}
