//! Signing in, and what is refused.

use super::assert_status;
use crate::flow::{Application, Browser, Plan, Stage};
use logto_emulator::Endpoint;
use reqwest::Method;
use url::Url;

/// A person signs in and the application knows them.
pub async fn a_person_signs_in_and_sees_who_they_are<A: Application>() {
    let stage = Stage::plain::<A>().await;
    assert_eq!(stage.who().await, "nobody");
    let done = stage.sign_in("alice").await;
    assert_status(&done, 303);
    assert_eq!(done.location().as_str(), stage.at("/"));
    let who = stage.who().await;
    assert!(!who.is_empty() && who != "nobody", "{who}");
    let info = stage.get("/user-info").await;
    assert_status(&info, 200);
    assert!(
        info.body.contains(&format!("\"sub\":\"{who}\"")) && info.body.contains("\"custom_data\""),
        "{}",
        info.body
    );
}

/// A protected page is shown after the sign-in, address and query kept.
pub async fn a_protected_page_sends_to_sign_in_and_back<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let refused = stage.get("/protected?a=1&b=%2Fx").await;
    assert_status(&refused, 303);
    assert_eq!(refused.location().path(), "/logto/sign-in");
    let authorization = stage.browser.get(refused.location()).await.location();
    let done = stage.browser.get(stage.approve(&authorization, "alice")).await;
    assert_eq!(done.location().as_str(), stage.at("/protected?a=1&b=%2Fx"));
    assert_status(&stage.browser.get(done.location()).await, 200);
}

/// What is not a page is told 401.
pub async fn a_program_gets_401_and_no_redirect<A: Application>() {
    let stage = Stage::plain::<A>().await;
    for (method, headers) in [
        (Method::GET, &[("sec-fetch-mode", "cors")][..]),
        (Method::GET, &[("x-requested-with", "XMLHttpRequest")]),
        (Method::POST, &[("sec-fetch-mode", "navigate")]),
    ] {
        let refused = stage.browser.request(method, stage.at("/protected"), headers).await;
        assert_status(&refused, 401);
        assert_eq!(refused.body, r#"{"error":"not_authenticated"}"#);
    }
}

/// A state that nobody here sent is refused before the provider is asked, and the sign-in stays pending.
pub async fn a_wrong_state_is_refused_and_spends_no_code<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    let state = query(&authorization, "state");
    for wrong in [state.replace(&state[..1], "!"), String::new(), format!("{state}x")] {
        let refused = stage.browser.get(callback.replace(&state, &wrong)).await;
        assert_status(&refused, 400);
    }
    assert_eq!(stage.emulator.count(Endpoint::Token), 0);
    assert_status(&stage.browser.get(callback).await, 303);
}

/// A callback that has signed somebody in does so once.
pub async fn a_used_state_is_refused_and_spends_no_code<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    assert_status(&stage.browser.get(&callback).await, 303);
    assert_status(&stage.browser.get(&callback).await, 400);
    assert_eq!(stage.emulator.count(Endpoint::Token), 1);
    assert_ne!(stage.who().await, "nobody", "the sign-in itself stays");
}

/// A link to a callback signs nobody in who did not start it.
pub async fn a_callback_of_another_browser_is_refused<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    let other = Browser::new();
    let refused = other.get(&callback).await;
    assert_status(&refused, 400);
    assert_eq!(stage.emulator.count(Endpoint::Token), 0);
    assert_eq!(other.get(stage.at("/")).await.body, "nobody");
}

/// The id is renewed by a sign-in, and an error leaves the old one working.
pub async fn the_session_id_is_renewed_at_sign_in_and_not_by_an_error<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.get("/note?text=cart").await;
    let before = stage.browser.cookie_header("localhost");
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    stage.emulator.tamper_id_token(|claims| {
        claims.insert("nonce".to_owned(), "wrong".into());
    });
    assert_status(&stage.browser.get(&callback).await, 502);
    assert_eq!(stage.browser.cookie_header("localhost"), before);
    assert_eq!(stage.get("/note").await.body, "cart");
    stage.emulator.tamper_id_token(|_| ());
    assert_status(&stage.sign_in("alice").await, 303);
    assert_ne!(stage.browser.cookie_header("localhost"), before);
    assert_eq!(stage.get("/note").await.body, "cart", "renewing the id keeps the session");
    let old =
        reqwest::Client::new().get(stage.at("/")).header("cookie", before).send().await.expect("an answer");
    assert_eq!(old.text().await.expect("a body"), "nobody", "the old id opens nothing");
}

/// Whatever of the ID token is wrong: nobody is signed in and nothing is kept.
pub async fn a_token_that_fails_verification_signs_nobody_in<A: Application>() {
    let stage = Stage::plain::<A>().await;
    for (claim, value) in [
        ("nonce", serde_json::json!("another")),
        ("iss", serde_json::json!("https://evil.example/oidc")),
        ("aud", serde_json::json!("another-app")),
        ("exp", serde_json::json!(1)),
        ("sub", serde_json::json!("")),
    ] {
        stage.emulator.tamper_id_token(move |claims| {
            claims.insert(claim.to_owned(), value.clone());
        });
        assert_status(&stage.sign_in("alice").await, 502);
        assert_eq!(stage.who().await, "nobody", "{claim}");
    }
    stage.emulator.tamper_id_token(|_| ());
    assert_status(&stage.sign_in("alice").await, 303);
}

/// The application's own refusal is shown, nothing is kept, the grant is gone.
pub async fn a_refusing_hook_keeps_nothing_and_revokes<A: Application>() {
    let stage = Stage::set::<A>(Plan { refuse: Some("Staff <only>".to_owned()), ..Plan::default() }).await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    let refused = stage.browser.get(&callback).await;
    assert_status(&refused, 403);
    assert!(refused.body.contains("Staff &lt;only&gt;"), "{}", refused.body);
    assert_eq!(stage.who().await, "nobody");
    assert_eq!(stage.emulator.count(Endpoint::Revocation), 1);
    let again = stage.browser.get(&callback).await.status;
    assert!((400..500).contains(&again), "{again}");
    assert_eq!(stage.emulator.count(Endpoint::Token), 1);
}

/// Who signs in after somebody else meets nothing of them.
pub async fn another_person_drops_the_earlier_ones_data<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.emulator.add_user(logto_emulator::User::new("bob").password("bob"));
    stage.sign_in("alice").await;
    let alice = stage.who().await;
    stage.get("/note?text=of-alice").await;
    assert_status(&stage.sign_in("bob").await, 303);
    assert_ne!(stage.who().await, alice);
    assert_eq!(stage.get("/note").await.body, "none");
    assert!(!stage.get("/user-info").await.body.contains(&alice));
}

/// A third party may start a sign-in, to a place of the application's own.
pub async fn a_third_party_starts_a_sign_in<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let issuer: String = url::form_urlencoded::byte_serialize(stage.emulator.issuer().as_bytes()).collect();
    let start =
        format!("/logto/sign-in?iss={issuer}&login_hint=alice&target_link_uri={}", stage.at("/protected"));
    let authorization = stage.get(&start).await.location();
    assert_eq!(query(&authorization, "login_hint"), "alice");
    let done = stage.browser.get(stage.approve(&authorization, "alice")).await;
    assert_eq!(done.location().as_str(), stage.at("/protected"));
    assert_status(&stage.get("/logto/sign-in?iss=https%3A%2F%2Fevil.example").await, 400);
    let sign_up = stage.get("/logto/sign-up").await.location();
    assert_eq!(query(&sign_up, "first_screen"), "register");
}

/// A foreign `return_to` leads nowhere else than home.
pub async fn nothing_in_an_answer_leads_off_the_origin<A: Application>() {
    let stage = Stage::plain::<A>().await;
    for target in [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "\\\\evil.example",
    ] {
        let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let authorization = stage.get(&format!("/logto/sign-in?return_to={target}")).await.location();
        let done = stage.browser.get(stage.approve(&authorization, "alice")).await;
        assert_eq!(done.location().as_str(), stage.at("/"));
    }
}

/// Each redirect of the routes is a 303 that nobody stores and that does not tell where it came from.
pub async fn redirects_are_303_and_neither_stored_nor_referred<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let start = stage.get("/logto/sign-in").await;
    let done = stage.browser.get(stage.approve(&start.location(), "alice")).await;
    let cookie = done.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let guarded = Browser::new().get(stage.at("/protected")).await;
    for page in [start, done, stage.sign_out().await, stage.get("/logto/signed-out").await, guarded] {
        assert_status(&page, 303);
        assert_eq!(page.header("cache-control"), Some("no-store"), "{}", page.url);
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{}", page.url);
    }
}

/// Once warm: callback 1, user info 1, sign-out 1, the rest 0.
pub async fn the_floor_of_requests_to_the_provider_is_kept<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.sign_in("alice").await;
    let all =
        [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token, Endpoint::UserInfo, Endpoint::Revocation];
    let total = || all.iter().map(|&endpoint| stage.emulator.count(endpoint)).sum::<u64>();
    assert_eq!(total(), 3, "cold: metadata, keys, token");
    let authorization = stage.start().await;
    assert_eq!(total(), 3, "a sign-in starts without a request");
    stage.browser.get(stage.approve(&authorization, "alice")).await;
    assert_eq!(total(), 4, "a callback is one request");
    stage.get("/").await;
    stage.get("/protected").await;
    assert_eq!(total(), 4, "pages are none");
    stage.get("/user-info").await;
    assert_eq!(total(), 5, "user info is one");
    stage.sign_out().await;
    assert_eq!(total(), 6, "a sign-out is one");
}

fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).expect("the parameter").1.into_owned()
}
