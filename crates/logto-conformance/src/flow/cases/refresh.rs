//! Tokens for APIs: refreshes that meet, stale sessions, a grant that dies, a provider that goes away.

use super::assert_status;
use crate::flow::{Application, Page, RESOURCES, Stage};
use logto_emulator::{Endpoint, Failure, Rotation};
use reqwest::Method;
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};
use tokio::task::JoinHandle;

/// Signed in, at a provider that replaces each refresh token and takes none twice.
async fn strict<A: Application>() -> Stage {
    let stage = Stage::plain::<A>().await;
    stage.emulator.set_rotation(Rotation::Always);
    stage.emulator.set_reuse_interval(Duration::ZERO);
    assert_status(&stage.sign_in("alice").await, 303);
    stage
}

/// Asks for a token, as a page does.
fn token(stage: &Stage, resource: &str) -> JoinHandle<Page> {
    let (browser, url) = (stage.browser.clone(), stage.at(&format!("/access-token?resource={resource}")));
    tokio::spawn(async move { browser.get(url).await })
}

/// The claims of a token that was served.
async fn served(page: JoinHandle<Page>) -> Value {
    let page = page.await.expect("no panic");
    assert_status(&page, 200);
    serde_json::from_str(&page.body).expect("JSON")
}

async fn tokens_of(stage: &Stage, resources: impl IntoIterator<Item = &str>) -> BTreeSet<String> {
    let asked: Vec<_> = resources.into_iter().map(|resource| (resource, token(stage, resource))).collect();
    let mut ids = BTreeSet::new();
    for (resource, page) in asked {
        let claims = served(page).await;
        assert_eq!(claims["aud"], resource);
        ids.insert(claims["jti"].to_string());
    }
    ids
}

/// Fifty requests that need the same token at once make one token call.
pub async fn fifty_requests_at_once_make_one_refresh<A: Application>() {
    let stage = strict::<A>().await;
    stage.emulator.set_latency(Endpoint::Token, Duration::from_millis(100));
    let ids = tokens_of(&stage, [RESOURCES[0]; 50]).await;
    assert_eq!((ids.len(), stage.emulator.count(Endpoint::Token)), (1, 2), "one for all");
    tokens_of(&stage, [RESOURCES[1]]).await;
}

/// Eight tokens at once: each its own, by calls in turn, each with the newest refresh token.
pub async fn eight_resources_at_once_get_each_their_own_token<A: Application>() {
    let stage = strict::<A>().await;
    let ids = tokens_of(&stage, RESOURCES).await;
    assert_eq!((ids.len(), stage.emulator.count(Endpoint::Token)), (8, 9));
    // Whoever wrote last: the session goes on.
    stage.clock.advance(Duration::from_secs(3600));
    stage.emulator.advance(Duration::from_secs(3600));
    tokens_of(&stage, [RESOURCES[3]]).await;
}

/// The browser goes away during a refresh: the answer is not lost.
pub async fn a_browser_that_leaves_during_a_refresh_loses_nothing<A: Application>() {
    let stage = strict::<A>().await;
    let url = stage.at(&format!("/access-token?resource={}", RESOURCES[0]));
    stage.until_held(Endpoint::Token, url).await.abort();
    stage.emulator.release(Endpoint::Token);
    tokens_of(&stage, [RESOURCES[0]]).await;
    assert_eq!(stage.emulator.count(Endpoint::Token), 2, "the next request hears the answer");
    tokens_of(&stage, [RESOURCES[1]]).await;
}

/// A slow request, which has loaded the session and will write it back whole.
async fn slow_request(stage: &Stage) -> JoinHandle<Page> {
    stage.until_held(Endpoint::Jwks, stage.at("/slow-note?text=written-late")).await
}

/// A slow request writes back the session from before a refresh: the person stays signed in.
pub async fn a_stale_session_after_a_refresh_stays_signed_in<A: Application>() {
    let stage = strict::<A>().await;
    let slow = slow_request(&stage).await;
    tokens_of(&stage, [RESOURCES[0]]).await;
    tokens_of(&stage, [RESOURCES[1]]).await;
    stage.emulator.release(Endpoint::Jwks);
    assert_status(&slow.await.expect("no panic"), 200);
    assert_eq!(stage.get("/note").await.body, "written-late", "the stale session is there");
    tokens_of(&stage, [RESOURCES[2]]).await;
    assert_ne!(stage.who().await, "nobody");
}

/// A slow request writes back the session from before a sign-out: the person stays signed out.
pub async fn a_slow_request_after_a_sign_out_stays_signed_out<A: Application>() {
    let stage = strict::<A>().await;
    let slow = slow_request(&stage).await;
    assert_status(&stage.sign_out().await, 303);
    stage.emulator.release(Endpoint::Jwks);
    drop(slow.await.expect("no panic"));
    let headers = [("sec-fetch-mode", "cors")];
    let url = stage.at(&format!("/access-token?resource={}", RESOURCES[0]));
    assert_status(&stage.browser.request(Method::GET, &url, &headers).await, 401);
    assert_eq!(stage.emulator.count(Endpoint::Token), 1, "nothing is refreshed for who has signed out");
    assert_eq!(stage.who().await, "nobody");
}

/// A refresh followed by an error of the application's own loses nothing.
pub async fn a_refresh_before_an_error_of_the_application_loses_nothing<A: Application>() {
    let stage = strict::<A>().await;
    let failed = stage.get(&format!("/refresh-then-500?resource={}", RESOURCES[0])).await;
    assert_status(&failed, 500);
    assert_eq!(stage.emulator.count(Endpoint::Token), 2);
    tokens_of(&stage, [RESOURCES[1]]).await;
    assert_ne!(stage.who().await, "nobody");
}

/// A grant that is dead sends a page to sign-in once and not in a circle; a program hears 401.
pub async fn a_revoked_grant_sends_a_page_to_sign_in_once<A: Application>() {
    let stage = strict::<A>().await;
    let path = format!("/access-token?resource={}", RESOURCES[0]);
    stage.emulator.revoke_grants_of("alice");
    let sent = stage.get(&path).await;
    assert_status(&sent, 303);
    assert_eq!(sent.location().path(), "/logto/sign-in");
    assert_eq!(stage.who().await, "nobody");
    let authorization = stage.browser.get(sent.location()).await.location();
    let done = stage.browser.get(stage.approve(&authorization, "alice")).await;
    assert_eq!(done.location().as_str(), stage.at(&path));

    stage.emulator.revoke_grants_of("alice");
    let shown = stage.browser.get(done.location()).await;
    assert_status(&shown, 401);
    assert!(shown.body.contains("/logto/sign-in"), "a link instead of a circle: {}", shown.body);

    assert_status(&stage.sign_in("alice").await, 303);
    stage.emulator.revoke_grants_of("alice");
    let told = stage.browser.request(Method::GET, stage.at(&path), &[("sec-fetch-mode", "cors")]).await;
    assert_status(&told, 401);
    assert_eq!(told.body, r#"{"error":"not_authenticated"}"#);
}

/// Neither a provider that is away nor a wrong secret for a while signs anybody out.
pub async fn nobody_is_signed_out_by_an_outage_or_a_wrong_secret<A: Application>() {
    let stage = strict::<A>().await;
    let headers = [("sec-fetch-mode", "cors")];
    let url = stage.at(&format!("/access-token?resource={}", RESOURCES[0]));
    for (failure, status, told) in [
        (Failure::Status(503), 503, "unavailable"),
        (Failure::RetryAfter(2), 503, "rate_limited"),
        (Failure::NotJson, 502, "provider_misbehaved"),
    ] {
        stage.emulator.set_failure(Endpoint::Token, Some(failure));
        let refused = stage.browser.request(Method::GET, &url, &headers).await;
        assert_status(&refused, status);
        assert_eq!(refused.body, format!(r#"{{"error":"{told}"}}"#));
        assert_eq!(refused.header("retry-after").is_some_and(|wait| wait == "2"), told == "rate_limited");
        assert_ne!(stage.who().await, "nobody");
    }
    stage.emulator.set_failure(Endpoint::Token, None);
    stage.emulator.set_secret("local-app", "changed");
    assert_status(&stage.browser.request(Method::GET, &url, &headers).await, 500);
    assert_ne!(stage.who().await, "nobody");
    stage.emulator.set_secret("local-app", "local-secret");
    tokens_of(&stage, [RESOURCES[0]]).await;
}
