//! Wycheproof's files of JWS and JWK tests.
//!
//! A label says what a verifier of all algorithms does. This one knows six, pins a key's `alg` and reads
//! only canonical base64url, so a row is right to be accepted where it is labelled valid, or is the very
//! bytes of one that is, and these hold; everything else is right to be refused.

use crate::verdict::Report;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_client::verify::{Algorithm, JwkSet, verify_jws};
use serde_json::{Value, json};

pub(crate) fn judge(document: &Value) -> Result<Report, String> {
    let groups = document["testGroups"].as_array().ok_or("`testGroups` is no list")?;
    let mut rows = Vec::new();
    for group in groups {
        let keys = group.get("public").or_else(|| group.get("private"));
        let set = match keys {
            Some(keys) if keys.get("keys").is_some() => keys.clone(),
            Some(key) => json!({ "keys": [key] }),
            None => return Err("a group without keys".to_owned()),
        };
        for test in group["tests"].as_array().ok_or("a group without tests")? {
            rows.push((set.clone(), test));
        }
    }
    let valid = |set: &Value, test: &Value| {
        test["result"] == "valid"
            || rows
                .iter()
                .any(|(other, twin)| twin["result"] == "valid" && twin["jws"] == test["jws"] && other == set)
    };
    let mut report = Report::default();
    for (set, test) in &rows {
        let id = format!("tc{}", test["tcId"]);
        // JSON serialisation is no compact JWS: its text is judged.
        let token = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
        let keys =
            JwkSet::parse(set.to_string().as_bytes()).map_err(|error| format!("{id}: keys: {error}"))?;
        let verify = || verify_jws(&token, &keys, &Algorithm::ALL).map(drop);
        if test["result"] == "acceptable" {
            report.either(&id, verify);
        } else {
            report.judge(&id, valid(set, test) && is_ours(&token, set), verify);
        }
    }
    Ok(report)
}

/// Whether the algorithm is one of ours and that of the key, and the segments are canonical.
fn is_ours(token: &str, set: &Value) -> bool {
    let segments: Option<Vec<Vec<u8>>> = token.split('.').map(decode).collect();
    let Some(header) = segments.and_then(|segments| serde_json::from_slice::<Value>(segments.first()?).ok())
    else {
        return false;
    };
    let Some(algorithm) = header["alg"].as_str().filter(|name| Algorithm::from_name(name).is_some()) else {
        return false;
    };
    set["keys"].as_array().is_some_and(|keys| {
        keys.iter().any(|key| {
            let named = header.get("kid").is_none_or(|kid| key.get("kid") == Some(kid));
            named && key.get("alg").is_none_or(|alg| alg == algorithm)
        })
    })
}

pub(crate) fn decode(segment: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(alg: &str) -> String {
        format!("{}.AA.AA", encode(json!({"alg": alg, "kid": "k"}).to_string().as_bytes()))
    }

    #[test]
    fn a_label_counts_only_for_our_algorithms_the_keys_alg_and_canonical_segments() {
        let set = |alg: &str| json!({"keys": [{"kid": "k", "alg": alg}]});
        assert!(is_ours(&token("ES256"), &set("ES256")));
        assert!(is_ours(&token("ES256"), &json!({"keys": [{"kid": "k"}]})));
        for (token, set) in [
            (token("HS256"), set("HS256")),
            (token("RS384"), set("RS384")),
            (token("ES256"), set("ES384")),
            (token("ES512"), set("ES521")),
            (token("ES256").replace(".AA.", ".A?A."), set("ES256")),
            (token("ES256"), json!({"keys": [{"kid": "other"}]})),
        ] {
            assert!(!is_ours(&token, &set), "{token} {set}");
        }
    }

    #[test]
    fn a_planted_label_is_reported() {
        let key = json!({"kty": "oct", "kid": "k", "k": "AA"});
        let group = |result: &str, alg: &str| json!({"testGroups": [{"public": key, "tests": [{"tcId": 7, "jws": token(alg), "result": result}]}]});
        assert!(judge(&group("invalid", "ES256")).unwrap().is_right());
        assert!(judge(&group("valid", "HS256")).unwrap().is_right());
        let planted = judge(&group("valid", "ES256")).unwrap();
        assert!(!planted.is_right() && planted.to_string().contains("tc7"));
    }
}
