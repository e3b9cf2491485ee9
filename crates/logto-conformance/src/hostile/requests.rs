//! What a browser brings: the callback's query, and where to go afterwards.

use super::{
    answers::check_error,
    scene::{APP, BASE, CALLBACK, ISSUER, NOW, Script, client, config, play, sign},
};
use logto_client::{LogtoClient, SignInOptions, web};
use logto_storage_core::{MemoryStorage, Storage, keys};
use serde_json::json;
use std::{hint::black_box, sync::LazyLock};
use url::Url;

/// A sign-in that is pending, of the state `the-state`.
fn pending() -> String {
    json!({"v": 1, "pending": [{
        "state": "the-state", "verifier": "v", "nonce": "n", "redirect_uri": CALLBACK, "post_redirect_uri": "/orders",
        "clear_tokens": false, "created_at": NOW,
    }]})
    .to_string()
}

/// The query of the callback; a code brings alice's tokens.
pub(super) fn callback_query(input: &[u8]) -> bool {
    static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let claims =
            json!({"iss": ISSUER, "aud": APP, "sub": "alice", "iat": NOW, "exp": NOW + 3600, "nonce": "n"});
        let id_token = sign("JWT", claims.to_string().as_bytes());
        let answer =
            json!({"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "id_token": id_token});
        answer.to_string().into_bytes()
    });
    let query = String::from_utf8_lossy(input);
    let script = Script { at: "/token", status: 200, retry_after: None, body: BODY.clone() };
    let client = client(config(script));
    let storage = MemoryStorage::new();
    let taken = play(async {
        let kept = Storage::set(&storage, keys::SIGN_IN_SESSION, &pending()).await;
        assert!(kept.is_ok(), "the storage");
        let session = client.session(storage);
        let completed = session.handle_sign_in_callback(&format!("{CALLBACK}?{query}")).await;
        let taken = completed.is_ok();
        match completed {
            Ok(signed_in) => {
                let url = Url::parse(&format!("{CALLBACK}?{query}"));
                let states = url.iter().flat_map(Url::query_pairs);
                let states: Vec<_> = states.filter(|(name, _)| name == "state").collect();
                assert!(
                    matches!(&states[..], [(_, state)] if state == "the-state"),
                    "signed in by {states:?}"
                );
                assert_eq!(signed_in.post_redirect_uri(), Some("/orders"));
            }
            Err(error) => {
                check_error(&error);
                assert!(
                    session.is_authenticated().await.is_ok_and(|signed_in| !signed_in),
                    "signed in by an error"
                );
            }
        }
        client.shutdown().await;
        taken
    });
    black_box(web::sign_out_state(Some(&query)).is_ok());
    taken
}

/// Where a person wants to go after the sign-in: as a path, and as the query of the sign-in route.
pub(super) fn return_path(input: &[u8]) -> bool {
    static CLIENT: LazyLock<LogtoClient> = LazyLock::new(|| client(config(Script::default())));
    let Ok(raw) = std::str::from_utf8(input) else { return false };
    let kept = CLIENT.return_to(raw);
    if let Some(target) = &kept {
        check_stays(target);
        assert_eq!(CLIENT.return_to(target).as_ref(), Some(target), "what was good once is not twice");
    }
    drop(web::sign_in_options(&CLIENT, Some(raw), SignInOptions::new()));
    let session = CLIENT.session(MemoryStorage::new());
    let sign_in = play(session.sign_in(SignInOptions::new().post_redirect_uri(raw)));
    assert_eq!(sign_in.is_ok(), kept.is_some(), "two judges of {raw:?} differ");
    if let Ok(url) = sign_in {
        assert!(url.as_str().starts_with(ISSUER), "sign-in at {url}");
    }
    kept.is_some()
}

/// Whether a target is on the application's own origin, by the eyes of a browser and of careless servers.
pub(super) fn check_stays(target: &str) {
    let base = Url::parse(BASE).unwrap_or_else(|error| panic!("the base: {error}"));
    let Ok(url) = base.join(target) else { panic!("{target:?} leads nowhere") };
    assert!(url.origin() == base.origin() && url.username().is_empty(), "{target:?} leaves the origin");
    let harmless = |path: &str| {
        let head = path.split(['?', '#']).next().unwrap_or_default();
        head.starts_with('/') && !head.starts_with("//") && !head.starts_with("/\\")
    };
    assert!(harmless(target) && !target.contains(['\r', '\n', '\t', '\\']), "{target:?} may lead elsewhere");
    let mut decoded = target.to_owned();
    for _ in 0..4 {
        let pairs = format!("x={}", decoded.replace('+', "%2B").replace('&', "%26"));
        decoded = url::form_urlencoded::parse(pairs.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        assert!(harmless(&decoded), "{target:?} may lead elsewhere once it is decoded: {decoded:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_origin_is_seen() {
        check_stays("/orders?id=7&back=//x#/%2Fx");
        for target in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/%2Fevil.example",
            "/%252Fevil",
            "orders",
            "/a\tb",
        ] {
            assert!(std::panic::catch_unwind(|| check_stays(target)).is_err(), "{target:?}");
        }
    }
}
