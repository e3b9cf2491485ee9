//! The refresh plan, and the sign-in that a third party starts.

use crate::{
    flow::{Application, Browser},
    relying_party::trial::{DISCOVERY, JWKS, TOKEN, Trial, alice, both_ways, parameter},
};
use logto_emulator::{Endpoint, Rotation, SigningKey};
use std::time::Duration;

/// The tokens of a refresh are used from then on.
pub async fn oidcc_client_test_refresh_token<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let emulator = &trial.stage.emulator;
        emulator.set_rotation(Rotation::Always);
        emulator.set_reuse_interval(Duration::ZERO);
        let browser = trial.accepts().await;
        for _ in 0..3 {
            let (access_token, refresh_token) = (trial.issued("access_token"), trial.issued("refresh_token"));
            trial.let_tokens_expire();
            trial.is_signed_in(&browser).await;
            let sent = emulator.received(Endpoint::Token).expect("a refresh").parameters;
            assert!(sent.contains(&("refresh_token".to_owned(), refresh_token.clone())), "not the newest");
            let used = emulator.received(Endpoint::UserInfo).expect("a request").authorization;
            assert_eq!(used, Some(format!("Bearer {}", trial.issued("access_token"))));
            assert_ne!(trial.issued("access_token"), access_token);
            assert_ne!(trial.issued("refresh_token"), refresh_token);
            for member in ["access_token", "id_token", "refresh_token"] {
                assert_ne!(trial.has_kept(member), Some(false), "the {member} is not kept");
            }
        }
    })
    .await;
}

/// The ID token of a refresh is another issuer's.
pub async fn oidcc_client_test_refresh_token_invalid_issuer<A: Application>() {
    a_refresh_is_refused::<A>("iss", "https://wrong.example.test/oidc").await;
}

/// The ID token of a refresh is of another person.
pub async fn oidcc_client_test_refresh_token_invalid_sub<A: Application>() {
    a_refresh_is_refused::<A>("sub", "mallory").await;
}

/// What comes with such an ID token is neither used nor kept; the sign-in stays as it was.
async fn a_refresh_is_refused<A: Application>(claim: &'static str, value: &'static str) {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let browser = trial.accepts().await;
        trial
            .stage
            .emulator
            .tamper_id_token(move |claims| drop(claims.insert(claim.to_owned(), value.into())));
        trial.let_tokens_expire();
        for api in [false, true] {
            let mut due = trial.counts();
            due[TOKEN] += 1;
            let refused = ask(&trial, &browser, api).await;
            assert_eq!(refused.0, 502, "not refused: {}", refused.1);
            assert_eq!(trial.who(&browser).await, alice(), "not refused");
            let counts = trial.counts();
            // After an hour keys are stale by themselves.
            due[DISCOVERY] = counts[DISCOVERY].min(due[DISCOVERY] + 1);
            due[JWKS] = counts[JWKS].min(due[JWKS] + 1);
            assert_eq!(counts, due, "not refused: more is asked for");
            for member in ["access_token", "id_token"] {
                assert_ne!(trial.has_kept(member), Some(true), "not refused: the {member} is kept");
            }
        }
        trial.stage.emulator.tamper_id_token(|_| ());
        trial.is_signed_in(&browser).await;
        assert_eq!(ask(&trial, &browser, true).await.0, 200);
    })
    .await;
}

async fn ask(trial: &Trial, browser: &Browser, api: bool) -> (u16, String) {
    let page = match api {
        true => trial.token_for_an_api(browser).await,
        false => trial.ask(browser, "/user-info").await,
    };
    (page.status, page.body)
}

/// A sign-in is started from outside, by `iss`, `login_hint` and a `target_link_uri` of the application's own
/// origin. Another issuer starts nothing, and another origin is not gone to.
pub async fn oidcc_client_test_3rd_party_init_login<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let issuer = trial.stage.emulator.issuer();
        for (target, leads_to) in [
            (trial.stage.at("/protected?a=1"), "/protected?a=1"),
            ("https://evil.example/".to_owned(), "/"),
            ("//evil.example/".to_owned(), "/"),
        ] {
            let browser = Browser::new();
            let start = initiation(&trial, &issuer, &target);
            // From a page of another site.
            let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
            let started = browser.request(reqwest::Method::GET, &start, &headers).await;
            let authorization = started.location();
            assert!(authorization.as_str().starts_with(&issuer), "{authorization}");
            assert_eq!(parameter(&authorization, "login_hint").as_deref(), Some("alice"));
            let done = browser.get(trial.stage.approve(&authorization, "alice")).await;
            assert_eq!(done.location().as_str(), trial.stage.at(leads_to), "not refused: {target}");
            trial.is_signed_in(&browser).await;
        }
        let (before, browser) = (trial.counts(), Browser::new());
        let foreign = initiation(&trial, "https://evil.example/oidc", &trial.stage.at("/protected"));
        let refused = browser.get(foreign).await;
        assert_eq!(refused.status, 400, "not refused: {}", refused.body);
        assert!(refused.header("location").is_none(), "not refused");
        assert_eq!((trial.counts(), trial.who(&browser).await.as_str()), (before, "nobody"));
    })
    .await;
}

fn initiation(trial: &Trial, issuer: &str, target: &str) -> String {
    let mut url = url::Url::parse(&trial.stage.at("/logto/sign-in")).expect("an address");
    let pairs = [("iss", issuer), ("login_hint", "alice"), ("target_link_uri", target)];
    url.query_pairs_mut().extend_pairs(pairs);
    url.into()
}
