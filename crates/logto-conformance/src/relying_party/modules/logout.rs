//! The plans of RP-initiated and of back-channel logout.

use crate::{
    flow::{Application, Browser, Page},
    relying_party::{
        forge,
        trial::{Trial, both_ways, parameter, with_a_store},
    },
};
use logto_emulator::{Endpoint, SigningKey};
use reqwest::Method;
use serde_json::{Map, Value, json};
use url::Url;

/// A sign-in by the provider's own pages: the browser has a session there too.
async fn sign_in_at_the_provider(trial: &Trial, browser: &Browser) {
    let authorization = trial.get(browser, "/logto/sign-in").await.location();
    browser.get(&authorization).await;
    let cookies = browser.cookie_header("127.0.0.1");
    let interaction = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("_interaction_resume="));
    let next = trial.stage.emulator.sign_in(interaction.expect("an interaction"), "alice");
    let mut next = Url::parse(&next.expect("the next page")).expect("an address");
    while next.host_str() != Some("localhost") {
        next = browser.get(&next).await.location();
    }
    trial.accepts_callback(browser, &next).await;
}

/// Signs out here and at the provider; the address that the provider asks for, and the one it leads back to.
async fn sign_out_at_both(trial: &Trial, browser: &Browser) -> (Url, Url) {
    let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
    let leaving = browser.request(Method::POST, trial.stage.at("/logto/sign-out"), &headers).await;
    assert_eq!(leaving.status, 303, "{}", leaving.body);
    let end = leaving.location();
    assert_eq!(trial.who(browser).await, "nobody");
    let page = browser.get(&end).await;
    let xsrf = page.body.split("name=\"xsrf\"").nth(1).and_then(|rest| rest.split('"').nth(1));
    let form = [("xsrf", xsrf.expect("a form")), ("logout", "yes")];
    let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let confirm = format!("{}/session/end/confirm", trial.stage.emulator.issuer());
    let back = browser.post_form(confirm, &form).await.location();
    (end, back)
}

/// The session ends at the provider, and the person comes back from there.
pub async fn oidcc_client_test_rp_init_logout<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let browser = Browser::new();
        sign_in_at_the_provider(&trial, &browser).await;
        let (end, back) = sign_out_at_both(&trial, &browser).await;
        assert_eq!(parameter(&end, "client_id").as_deref(), Some("local-app"));
        assert_eq!(parameter(&end, "post_logout_redirect_uri"), Some(trial.stage.at("/logto/signed-out")));
        assert!(parameter(&end, "state").is_some_and(|state| state.len() >= 43));
        assert_eq!(parameter(&back, "state"), parameter(&end, "state"));
        let done = browser.get(&back).await;
        assert_eq!((done.status, done.location().as_str()), (303, &*trial.stage.at("/")));
        assert_eq!(trial.who(&browser).await, "nobody");
        assert_eq!(trial.stage.emulator.count(Endpoint::EndSession), 1);
        // Nobody is known at the provider any more either.
        let authorization = trial.get(&browser, "/logto/sign-in").await.location();
        let page = browser.get(authorization).await.location();
        assert!(page.path().ends_with("/sign-in"), "{page}");
    })
    .await;
}

/// The provider leads back with the `state` of another sign-out: that is noticed.
pub async fn oidcc_client_test_rp_init_logout_other_state<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let browser = Browser::new();
        sign_in_at_the_provider(&trial, &browser).await;
        let (_, back) = sign_out_at_both(&trial, &browser).await;
        let other = trial.get(&browser, "/logto/signed-out?state=of-another-sign-out").await;
        assert_eq!(other.status, 400, "not refused: {}", other.body);
        assert_eq!(trial.who(&browser).await, "nobody");
        assert_eq!(browser.get(back).await.status, 303, "the right one comes later");
    })
    .await;
}

/// The provider leads back without a `state`.
pub async fn oidcc_client_test_rp_init_logout_no_state<A: Application>() {
    both_ways::<A>(SigningKey::Ec, async |trial| {
        let browser = Browser::new();
        sign_in_at_the_provider(&trial, &browser).await;
        sign_out_at_both(&trial, &browser).await;
        let done = trial.get(&browser, "/logto/signed-out").await;
        assert_eq!((done.status, done.location().as_str()), (303, &*trial.stage.at("/")));
        assert_eq!(trial.who(&browser).await, "nobody");
    })
    .await;
}

/// A sign-out at the provider ends the person's other sessions by a logout token, which is answered 200.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout<A: Application>() {
    with_a_store::<A>(SigningKey::Ec, async |trial| {
        let (leaves, browser) = (Browser::new(), trial.accepts().await);
        sign_in_at_the_provider(&trial, &leaves).await;
        let (_, back) = sign_out_at_both(&trial, &leaves).await;
        assert_eq!(trial.who(&browser).await, "nobody", "the other session has ended");
        assert_eq!(browser.get(back).await.status, 303);
        let browser = trial.accepts().await;
        let answers = trial.stage.emulator.send_back_channel_logout("alice").await;
        assert_eq!(answers, [("local-app".to_owned(), Ok(200))]);
        assert_eq!(trial.who(&browser).await, "nobody");
    })
    .await;
}

async fn tell(trial: &Trial, token: &str) -> Page {
    let form = [("logout_token".to_owned(), token.to_owned())];
    Browser::new().post_form(trial.stage.at("/logto/back-channel-logout"), &form).await
}

fn logout_token(trial: &Trial, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    trial.stage.emulator.logout_token("local-app", "alice", None, change).expect("a logout token")
}

/// A logout token that is made like this is answered 400, which nobody stores, and the session stays; one
/// without the fault ends it.
async fn a_logout_token_is_refused<A: Application>(
    change: impl Fn(&mut Map<String, Value>),
    forge: impl Fn(&str) -> String,
    right: impl Fn(&str) -> String,
) {
    with_a_store::<A>(SigningKey::Ec, async |trial| {
        trial.publish(vec![forge::rsa_jwk()]);
        let browser = trial.accepts().await;
        let answer = tell(&trial, &forge(&logout_token(&trial, &change))).await;
        assert_eq!(answer.status, 400, "not refused: {}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("set-cookie").is_none());
        trial.is_signed_in(&browser).await;
        let answer = tell(&trial, &right(&logout_token(&trial, |_| ()))).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert_eq!(trial.who(&browser).await, "nobody");
    })
    .await;
}

/// The logout token is not signed.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_alg_none<A: Application>() {
    a_logout_token_is_refused::<A>(|_| (), forge::unsigned, str::to_owned).await;
}

/// The logout token is signed by an algorithm that its key is not for, or by the application's secret.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg<A: Application>() {
    a_logout_token_is_refused::<A>(|_| (), forge::ps256, forge::rs256).await;
    a_logout_token_is_refused::<A>(|_| (), |token| forge::hs256(token, "local-secret"), forge::rs256).await;
}

/// The logout token has no event.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_no_event<A: Application>() {
    a_logout_token_is_refused::<A>(|claims| drop(claims.remove("events")), str::to_owned, str::to_owned)
        .await;
}

/// The logout token tells of something else.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event<A: Application>() {
    let other = json!({ "http://schemas.openid.net/event/another": {} });
    let change = |claims: &mut Map<String, Value>| drop(claims.insert("events".to_owned(), other.clone()));
    a_logout_token_is_refused::<A>(change, str::to_owned, str::to_owned).await;
}

/// The logout token has a nonce, as ID tokens have.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce<A: Application>() {
    a_logout_token_is_refused::<A>(
        |claims| drop(claims.insert("nonce".to_owned(), "n".into())),
        str::to_owned,
        str::to_owned,
    )
    .await;
}

/// The logout token is for another application.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud<A: Application>() {
    let change =
        |claims: &mut Map<String, Value>| drop(claims.insert("aud".to_owned(), "another-app".into()));
    a_logout_token_is_refused::<A>(change, str::to_owned, str::to_owned).await;
}

/// The logout token is another issuer's.
pub async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss<A: Application>() {
    let other = "https://wrong.example.test/oidc";
    let change = |claims: &mut Map<String, Value>| drop(claims.insert("iss".to_owned(), other.into()));
    a_logout_token_is_refused::<A>(change, str::to_owned, str::to_owned).await;
}
