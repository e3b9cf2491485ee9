//! Files of the attack matrix: rows with a token or a recipe for one, and what each must come to.

use crate::verdict::Report;
use logto_client::verify::{AccessTokenRules, Algorithm, IdTokenRules, JwkSet, LogoutTokenRules};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};

pub(crate) fn judge(document: &Value, keys: Option<&Value>, only: Option<&str>) -> Result<Report, String> {
    let receiver = Receiver::of(document)?;
    let rows = document["vectors"].as_array().ok_or("`vectors` is no list")?;
    let mut report = Report::default();
    for row in rows {
        let kind = row["ctx"].as_str().ok_or("a row without `ctx`")?;
        let id = row["id"].as_str().ok_or("a row without `id`")?;
        if only.is_some_and(|only| only != kind) {
            continue;
        }
        if !crate::KINDS.contains(&kind) {
            report.skip(format!("of kind {kind}, which is not known"));
            continue;
        }
        let accept = match row["expect"].as_str() {
            Some("accept") => true,
            Some("reject") => false,
            _ => return Err(format!("{id}: `expect` is neither accept nor reject")),
        };
        let Some(token) = token_of(row, rows, keys) else {
            report.skip(format!("with a recipe that is not known ({id})"));
            continue;
        };
        match kind {
            "id_token" => {
                report.judge(id, accept, || receiver.take_id_token(&token, row));
                continue;
            }
            "access_token" => {
                let audience = receiver.api_audience()?;
                report.judge(id, accept, || receiver.take_access_token(&token, audience));
                continue;
            }
            _ => {}
        }
        let first = match row["replay_of"].as_str() {
            Some(first) => Some(
                rows.iter()
                    .find(|row| row["id"] == first)
                    .and_then(|row| token_of(row, rows, keys))
                    .ok_or_else(|| format!("{id}: `replay_of` names no row with a token"))?,
            ),
            None => None,
        };
        report.judge(id, accept, || {
            let mut taken = HashSet::new();
            if let Some(first) = &first {
                // Where it is not taken, nothing is a replay of it, and the row is judged wrong by that.
                drop(receiver.take_logout_token(first, &mut taken));
            }
            receiver.take_logout_token(&token, &mut taken)
        });
    }
    Ok(report)
}

/// Who the tokens of a file are for.
struct Receiver<'a> {
    document: &'a Value,
    issuer: &'a str,
    client_id: &'a str,
    now: Duration,
    tolerance: Duration,
    algorithms: Vec<Algorithm>,
    keys: JwkSet,
}

impl<'a> Receiver<'a> {
    fn of(document: &'a Value) -> Result<Self, String> {
        let text = |name: &str| document[name].as_str().ok_or_else(|| format!("`{name}` is missing"));
        let seconds = |name: &str| {
            document[name].as_u64().map(Duration::from_secs).ok_or_else(|| format!("`{name}` is missing"))
        };
        Ok(Self {
            document,
            issuer: text("issuer")?,
            client_id: text("client_id")?,
            now: seconds("now")?,
            tolerance: seconds("clock_skew_s")?,
            algorithms: document["allowed_algs"]
                .as_array()
                .ok_or("`allowed_algs` is missing")?
                .iter()
                .filter_map(|name| Algorithm::from_name(name.as_str()?))
                .collect(),
            keys: JwkSet::parse(document["jwks"].to_string().as_bytes())
                .map_err(|error| format!("`jwks` {error}"))?,
        })
    }

    fn take_id_token(&self, token: &str, row: &Value) -> Result<(), String> {
        let mut rules = IdTokenRules::new(self.issuer, self.client_id)
            .algorithms(&self.algorithms)
            .clock_tolerance(self.tolerance);
        if let Some(nonce) = row.get("nonce").or_else(|| self.document.get("nonce")).and_then(Value::as_str) {
            rules = rules.nonce(nonce);
        }
        if let Some(access_token) = row["access_token"].as_str() {
            rules = rules.access_token(access_token);
        }
        if let Some(max_age) = row["max_age"].as_u64() {
            rules = rules.max_age(Duration::from_secs(max_age));
        }
        rules.verify(token, &self.keys, self.now).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Only files with access tokens name it.
    fn api_audience(&self) -> Result<&'a str, String> {
        self.document["api_audience"].as_str().ok_or_else(|| "`api_audience` is missing".to_owned())
    }

    fn take_access_token(&self, token: &str, audience: &str) -> Result<(), String> {
        AccessTokenRules::new(self.issuer, audience)
            .algorithms(&self.algorithms)
            .clock_tolerance(self.tolerance)
            .verify(token, &self.keys, self.now)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Each `jti` is taken once.
    fn take_logout_token(&self, token: &str, taken: &mut HashSet<String>) -> Result<(), String> {
        let verified = LogoutTokenRules::new(self.issuer, self.client_id)
            .algorithms(&self.algorithms)
            .clock_tolerance(self.tolerance)
            .verify(token, &self.keys, self.now)
            .map_err(|error| error.to_string())?;
        if taken.insert(verified.jti().to_owned()) { Ok(()) } else { Err("is a replay".to_owned()) }
    }
}

/// The token of a row, built where it is described; a recipe starts from the first good row of its kind.
fn token_of(row: &Value, rows: &[Value], keys: Option<&Value>) -> Option<String> {
    let base = || rows.iter().find(|base| base["ctx"] == row["ctx"] && base["expect"] == "accept");
    match row["token"].as_str() {
        Some(token) => Some(token.to_owned()),
        None => recipe(row, base().and_then(|base| base["token"].as_str()), keys),
    }
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
    use aws_lc_rs::{
        encoding::AsBigEndian,
        signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };

    fn document(rows: &Value) -> Value {
        json!({
            "now": 1_800_000_000_u64, "issuer": "https://op.example/oidc", "client_id": "c", "nonce": "n",
            "clock_skew_s": 60, "allowed_algs": ["ES384"], "jwks": {"keys": []}, "vectors": rows,
            "api_audience": "https://api.example",
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
            {"ctx": "refresh_token", "id": "k", "expect": "accept", "token": "x"},
            {"ctx": "id_token", "id": "a", "expect": "reject", "token": "x"},
        ]);
        let all = judge(&document(&rows), None, None).unwrap();
        assert_eq!(all.judged(), 1);
        assert!(all.to_string().contains("skipped           1\n    1 of kind refresh_token"));
        let only = judge(&document(&rows), None, Some("id_token")).unwrap();
        assert!(only.to_string().contains("skipped           0"));
    }

    #[test]
    fn a_replay_is_refused_by_its_jti_alone() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let logout = |jti: &str| {
            let claims = json!({
                "iss": "https://op.example/oidc", "aud": "c", "sub": "u", "jti": jti,
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
                "iat": 1_800_000_000_u64, "exp": 1_800_000_120_u64,
            });
            sign(&json!({"alg": "ES384", "typ": "logout+jwt"}), &claims, &jwk(&pair)).unwrap()
        };
        let row = |id: &str, expect: &str, jti: &str, replay_of: Option<&str>| {
            json!({
                "ctx": "logout_token", "id": id, "expect": expect, "token": logout(jti),
                "replay_of": replay_of,
            })
        };
        let judged = |rows: Value| {
            let mut document = document(&rows);
            document["jwks"] = json!({"keys": [jwk(&pair)]});
            judge(&document, None, None)
        };
        let right = judged(json!([
            row("a", "accept", "j1", None),
            row("b", "accept", "j1", None),
            row("c", "reject", "j1", Some("a")),
            row("d", "accept", "j2", Some("a")),
        ]));
        let right = right.unwrap();
        assert_eq!(right.judged(), 4);
        assert!(right.is_right(), "rows without `replay_of` know nothing of each other: {right}");
        let planted = judged(json!([row("a", "accept", "j1", None), row("c", "accept", "j1", Some("a"))]));
        assert!(planted.unwrap().to_string().contains("wrongly rejected  1 (c)"));
        assert!(judged(json!([row("c", "reject", "j1", Some("nobody"))])).is_err());
    }

    #[test]
    fn an_access_token_is_judged_by_its_type_and_the_audience_of_the_file() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let row = |id: &str, expect: &str, typ: &str, audience: &str| {
            let claims = json!({
                "iss": "https://op.example/oidc", "aud": audience, "sub": "u", "client_id": "c", "jti": id,
                "iat": 1_800_000_000_u64, "exp": 1_800_003_600_u64,
            });
            let token = sign(&json!({"alg": "ES384", "typ": typ}), &claims, &jwk(&pair)).unwrap();
            json!({"ctx": "access_token", "id": id, "expect": expect, "token": token})
        };
        let judged = |rows: Value, change: &dyn Fn(&mut Value)| {
            let mut document = document(&rows);
            document["jwks"] = json!({"keys": [jwk(&pair)]});
            change(&mut document);
            judge(&document, None, None)
        };
        let right = json!([
            row("k1", "accept", "at+jwt", "https://api.example"),
            row("k2", "reject", "JWT", "https://api.example"),
            row("k3", "reject", "at+jwt", "https://other.example"),
        ]);
        let report = judged(right.clone(), &|_| ()).unwrap();
        assert!(report.is_right() && report.judged() == 3, "{report}");
        let planted = json!([row("k4", "accept", "JWT", "https://api.example")]);
        assert!(judged(planted, &|_| ()).unwrap().to_string().contains("wrongly rejected  1 (k4)"));
        let without_audience = judged(right, &|document| {
            document.as_object_mut().unwrap().remove("api_audience");
        });
        assert!(without_audience.unwrap_err().contains("api_audience"));
    }

    fn jwk(pair: &EcdsaKeyPair) -> Value {
        let encode = super::super::wycheproof::encode;
        let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
        let private = pair.private_key().as_be_bytes().unwrap();
        json!({"kty": "EC", "crv": "P-384", "x": encode(x), "y": encode(y), "d": encode(private.as_ref())})
    }

    #[test]
    fn a_file_without_its_clock_is_an_error() {
        let mut broken = document(&json!([]));
        broken.as_object_mut().unwrap().remove("now");
        assert!(judge(&broken, None, None).unwrap_err().contains("now"));
    }
}
