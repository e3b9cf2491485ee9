//! Answers to who signs out, here or at the provider.

use super::{check::Form, watched::Watched};
use crate::flow::{Application, Browser};
use logto_emulator::{Endpoint, Failure};
use reqwest::Method;

/// Here, at the provider, and back; with the provider never reached too.
pub async fn a_sign_out_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    stage.sign_in("alice").await;
    stage.check(&stage.sign_out().await, Form::Redirect);
    stage.check(&stage.get("/logto/signed-out?state=another").await, Form::Page(400));
    stage.check(&stage.get("/logto/signed-out?state=a&state=b").await, Form::Page(400));
    stage.check(&stage.get("/logto/signed-out").await, Form::Redirect);
    stage.sign_in("alice").await;
    let by_link = stage.get("/logto/sign-out").await;
    stage.check(&by_link, Form::Redirect);
    let state =
        by_link.location().query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    stage.check(&stage.get(&format!("/logto/signed-out?state={state}")).await, Form::Redirect);
    stage.assert_checked(6);

    let stage = Watched::plain::<A>().await;
    stage.emulator.set_failure(Endpoint::Discovery, Some(Failure::Status(503)));
    stage.check(&stage.sign_out().await, Form::Page(200));
    stage.assert_checked(1);
}

/// Another site's link is asked about, its form is refused.
pub async fn a_sign_out_that_is_not_to_be_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    stage.sign_in("alice").await;
    for (method, headers, status) in [
        (Method::GET, &[("sec-fetch-site", "cross-site")][..], 200),
        (Method::GET, &[], 403),
        (Method::POST, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], 403),
        (Method::POST, &[], 403),
    ] {
        let answer = stage.browser.request(method, stage.at("/logto/sign-out"), headers).await;
        stage.check(&answer, Form::PageThatAsks(status));
    }
    assert_ne!(stage.who().await, "nobody");
    stage.assert_checked(4);
}

/// A logout token that is good, and ones that are not.
pub async fn a_back_channel_logout_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    let token = stage.emulator.logout_token("local-app", "alice", None, |_| {}).expect("a logout token");
    let send = async |token: &str| {
        let form = [("logout_token".to_owned(), token.to_owned())];
        Browser::new().post_form(stage.at("/logto/back-channel-logout"), &form).await
    };
    stage.check(&send(&token).await, Form::Empty(200));
    stage.check(&send(&token).await, Form::Empty(200));
    for refused in ["", "x.y.z", "<script>top.ran=1</script>"] {
        stage.check(&send(refused).await, Form::Json(400));
    }
    stage.assert_checked(5);
}
