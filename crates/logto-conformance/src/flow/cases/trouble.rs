//! What the provider answers when it does not say yes, and when it does not answer.

use super::assert_status;
use crate::flow::{Application, Stage};
use logto_emulator::{Endpoint, Failure};
use std::time::Duration;

/// Refused consent comes back as a bare address.
pub async fn a_refused_consent_is_told_as_such<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.start().await;
    let refused = stage.get("/logto/sign-in-callback").await;
    assert_status(&refused, 400);
    assert!(refused.body.contains("cancelled"), "{}", refused.body);
}

/// An abort comes back with a dotted code.
pub async fn an_aborted_sign_in_is_told_as_such<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.emulator.abort(authorization.as_str()).expect("a callback");
    let refused = stage.browser.get(&callback).await;
    assert_status(&refused, 400);
    assert!(refused.body.contains("oidc.aborted") && refused.body.contains("cancelled"), "{}", refused.body);
    assert_eq!(stage.emulator.count(Endpoint::Token), 0);
}

/// An error of the provider is shown by its code; its text, which anybody may write, is not.
pub async fn a_provider_error_is_shown_without_its_text<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.emulator.abort(authorization.as_str()).expect("a callback");
    let callback = callback.replace("oidc.aborted", "%3Cscript%3E") + "&error_description=Call+555";
    let refused = stage.browser.get(&callback).await;
    assert_status(&refused, 400);
    assert!(!refused.body.contains("<script>") && !refused.body.contains("555"), "{}", refused.body);
}

/// While the provider is away the answer is 503 with a wait, and the same callback completes later.
pub async fn a_provider_outage_answers_503_and_a_reload_completes<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    for failure in [Failure::Status(503), Failure::Disconnect] {
        stage.emulator.fail_next(Endpoint::Token, failure, 1);
        let away = stage.browser.get(&callback).await;
        assert_status(&away, 503);
        assert_eq!(stage.who().await, "nobody");
    }
    assert_status(&stage.browser.get(&callback).await, 303);
    assert_ne!(stage.who().await, "nobody");
}

/// A provider that takes its time is waited for.
pub async fn a_slow_provider_is_waited_for<A: Application>() {
    let stage = Stage::plain::<A>().await;
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token] {
        stage.emulator.set_latency(endpoint, Duration::from_millis(400));
    }
    assert_status(&stage.sign_in("alice").await, 303);
    assert_ne!(stage.who().await, "nobody");
}
