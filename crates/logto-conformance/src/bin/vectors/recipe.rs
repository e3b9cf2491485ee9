//! Tokens that a matrix describes instead of holding them, because of their size.
//!
//! `base valid token with WHAT of SIZE, signed by KEY`: WHAT is a header member (`kid`, `header x`) or a claim
//! (`claim x`, `extra claim x`) of that many characters, KEY a name in the keys beside the file.

use crate::{
    matrix::{Row, Verdict},
    sign,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Larger tokens are not built.
const LARGEST: usize = 64 << 20;

/// Member names that stand in a header where the recipe does not say so.
const HEADER_MEMBERS: [&str; 10] = ["alg", "kid", "typ", "cty", "jku", "jwk", "x5u", "x5c", "x5t", "crit"];

#[derive(Debug, PartialEq, Eq)]
struct Recipe<'a> {
    in_header: bool,
    member: &'a str,
    size: usize,
    signer: &'a str,
}

/// Builds the token of a recipe out of the first accepted token of its kind.
pub(crate) fn build(text: &str, ctx: &str, rows: &[Row], jwks: &Value, keys: &Value) -> Result<String, String> {
    let recipe = Recipe::parse(text).ok_or_else(|| format!("the recipe is not understood: {text}"))?;
    let named = keys.get(recipe.signer).ok_or_else(|| format!("there is no key {}", recipe.signer))?;
    let key = named.get("priv").unwrap_or(named);
    let algorithms = sign::algorithms(key);
    let accepted: Vec<_> = rows
        .iter()
        .filter(|row| row.ctx == ctx && row.expect == Verdict::Accept)
        .filter_map(|row| decode(row.token.as_deref()?))
        .collect();
    let fits = |(header, _): &&(Map<String, Value>, Map<String, Value>)| {
        header.get("alg").and_then(Value::as_str).is_some_and(|alg| algorithms.contains(&alg))
    };
    let base = accepted.iter().find(fits).or(accepted.first());
    let (mut header, mut claims) = base.ok_or("there is no valid token to start from")?.clone();
    if !fits(&&(header.clone(), Map::new())) {
        header.insert("alg".to_owned(), (*algorithms.first().ok_or("the key cannot sign")?).into());
    }
    if let Some(kid) = published_kid(key, jwks) {
        header.insert("kid".to_owned(), kid.into());
    }
    let long = Value::String("x".repeat(recipe.size));
    let target = if recipe.in_header { &mut header } else { &mut claims };
    target.insert(recipe.member.to_owned(), long);
    sign::token(key, &Value::Object(header), &Value::Object(claims))
}

impl<'a> Recipe<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (change, signer) = text.trim().strip_prefix("base valid token with ")?.rsplit_once(", signed by ")?;
        let quotes = ['"', '\'', '`', '.', ' '];
        let signer = signer.strip_prefix("key ").unwrap_or(signer).trim_matches(quotes);
        let (what, size) = change.rsplit_once(" of ")?;
        let words: Vec<&str> = what.split(' ').filter(|word| !["a", "an", "extra", "the"].contains(word)).collect();
        let (in_header, member) = match words[..] {
            ["claim", name] | [name, "claim"] => (false, name),
            ["header", name] | [name, "header"] | ["header", "member", name] => (true, name),
            [name] => (HEADER_MEMBERS.contains(&name), name),
            _ => return None,
        };
        let size = size_of(size).filter(|size| *size <= LARGEST)?;
        Some(Self { in_header, member: member.trim_matches(quotes), size, signer })
    }
}

fn size_of(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" | "B" | "byte" | "bytes" | "characters" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

fn decode(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let mut object = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
    Some((object()?, object()?))
}

/// The id under which the set publishes this key.
fn published_kid<'a>(key: &Value, jwks: &'a Value) -> Option<&'a str> {
    let same = |jwk: &&Value| {
        jwk.get("kty") == key.get("kty")
            && ["crv", "x", "y", "n", "e"].iter().all(|member| jwk.get(member) == key.get(member))
    };
    jwks.get("keys")?.as_array()?.iter().find(same)?.get("kid")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::tests::matrix;
    use serde::Deserialize;

    fn recipe(text: &str) -> Option<(bool, &str, usize, &str)> {
        Recipe::parse(text).map(|recipe| (recipe.in_header, recipe.member, recipe.size, recipe.signer))
    }

    #[test]
    fn a_recipe_says_what_how_long_and_by_whom() {
        for (text, read) in [
            ("base valid token with kid of 1 MiB, signed by key \"attacker\"", (true, "kid", 1 << 20, "attacker")),
            ("base valid token with extra claim pad of 2 MiB, signed by es384", (false, "pad", 2 << 20, "es384")),
            ("base valid token with header x of 70 KiB, signed by rs", (true, "x", 70 << 10, "rs")),
            ("base valid token with sub of 256 bytes, signed by 'rs'", (false, "sub", 256, "rs")),
        ] {
            assert_eq!(recipe(text), Some(read), "{text}");
        }
        for text in [
            "",
            "base valid token",
            "base valid token with kid of 1 MiB",
            "base valid token with kid of one MiB, signed by a",
            "base valid token with kid of 1 parsec, signed by a",
            "base valid token with kid of 99999999999999999999 MiB, signed by a",
            "base valid token with kid of 1000 MiB, signed by a",
            "base valid token with many strange things of 1 MiB, signed by a",
            "another token with kid of 1 MiB, signed by a",
        ] {
            assert_eq!(recipe(text), None, "{text}");
        }
    }

    #[test]
    fn a_built_token_is_the_base_with_the_change() {
        let (file, keys) = matrix();
        let rows = Vec::<Row>::deserialize(&file["vectors"]).unwrap();
        let build = |text: &str| build(text, "id_token", &rows, &file["jwks"], &keys);
        let (base, base_claims) = decode(rows[0].token.as_deref().unwrap()).unwrap();

        let token = build("base valid token with extra claim pad of 3 bytes, signed by ours").unwrap();
        let (header, mut claims) = decode(&token).unwrap();
        assert_eq!(claims.remove("pad"), Some("xxx".into()));
        assert_eq!((header, claims), (base, base_claims.clone()));

        let token = build("base valid token with kid of 5 bytes, signed by theirs").unwrap();
        let (header, claims) = decode(&token).unwrap();
        assert_eq!((header["kid"].as_str(), &claims), (Some("xxxxx"), &base_claims));
        assert!(build("base valid token with kid of 5 bytes, signed by nobody").is_err());
    }
}
