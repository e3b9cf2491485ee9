//! Signing out.

use super::assert_status;
use crate::flow::{Application, Plan, Stage};
use logto_emulator::{Endpoint, Failure};
use reqwest::Method;
use std::time::Duration;

/// A sign-out ends the session here, revokes the grant, and leads to the provider's sign-out and back.
pub async fn sign_out_ends_both_sessions_and_revokes<A: Application>() {
    for keep_session in [false, true] {
        let stage = Stage::set::<A>(Plan { keep_session, ..Plan::default() }).await;
        stage.sign_in("alice").await;
        stage.get("/note?text=cart").await;
        let leaving = stage.sign_out().await;
        assert_status(&leaving, 303);
        assert_eq!(stage.who().await, "nobody");
        assert_eq!(stage.emulator.count(Endpoint::Revocation), 1);
        assert_eq!(stage.get("/note").await.body, if keep_session { "cart" } else { "none" });
        let end = leaving.location();
        let parameter =
            |name: &str| end.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(parameter("client_id").as_deref(), Some("local-app"));
        assert_eq!(parameter("post_logout_redirect_uri"), Some(stage.at("/logto/signed-out")));
        let back = format!("/logto/signed-out?state={}", parameter("state").expect("a state"));
        let done = stage.get(&back).await;
        assert_status(&done, 303);
        assert_eq!(done.location().as_str(), stage.at("/"));
    }
}

/// With the provider away, however it is away, the person is signed out here all the same.
pub async fn sign_out_with_the_provider_down_still_signs_out_here<A: Application>() {
    for failure in [Failure::Status(503), Failure::Disconnect, Failure::NotJson, Failure::RetryAfter(60)] {
        let stage = Stage::plain::<A>().await;
        stage.sign_in("alice").await;
        for endpoint in [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Revocation] {
            stage.emulator.set_failure(endpoint, Some(failure));
        }
        // What is known of the provider is stale by now.
        stage.clock.advance(Duration::from_secs(2 * 3600));
        assert_status(&stage.sign_out().await, 303);
        assert_eq!(stage.who().await, "nobody", "{failure:?}");
    }
}

/// A sign-out that another site fires does nothing.
pub async fn sign_out_from_another_site_is_refused<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.sign_in("alice").await;
    let who = stage.who().await;
    let base = stage.at("/");
    let own = base.trim_end_matches('/');
    for (method, headers, status) in [
        (Method::POST, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..], 403),
        (Method::POST, &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:1")], 403),
        (Method::POST, &[("origin", "null")], 403),
        (Method::POST, &[], 403),
        (Method::GET, &[], 403),
        (Method::GET, &[("sec-fetch-site", "cross-site")], 200),
    ] {
        let asked = stage.browser.request(method, stage.at("/logto/sign-out"), headers).await;
        assert_status(&asked, status);
        assert!(asked.body.contains("<form method=\"post\""), "{}", asked.body);
        assert_eq!(stage.who().await, who);
    }
    let allowed = stage.browser.request(Method::POST, stage.at("/logto/sign-out"), &[("origin", own)]).await;
    assert_status(&allowed, 303);
    assert_eq!(stage.who().await, "nobody");
}

/// The `state` that comes back is the one that was sent.
pub async fn the_state_of_a_sign_out_is_compared<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.sign_in("alice").await;
    stage.sign_out().await;
    assert_status(&stage.get("/logto/signed-out?state=another").await, 400);
    assert_status(&stage.get("/logto/signed-out").await, 303);
}
