//! Answers to a callback that does not sign anybody in.

use super::{check::Form, watched::Watched};
use crate::flow::{Application, Browser, Plan};
use logto_emulator::{Endpoint, Failure};

/// Each way in which the callback's address is not the answer to what was asked, and the application's own no.
pub async fn a_callback_that_is_refused_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    let fresh = async || -> String { stage.approve(&stage.start().await, "alice") };
    let callback = fresh().await;
    let (address, query) = callback.split_once('?').expect("a query");
    let parameter = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).expect("the parameter").1
    };
    let (code, state, iss) = (parameter("code"), parameter("state"), parameter("iss"));
    let refused = [
        address.to_owned(),
        format!("{address}?code={code}&iss={iss}"),
        format!("{address}?code={code}&state=another&iss={iss}"),
        format!("{callback}&state={state}"),
        format!("{callback}&code={code}"),
        format!("{address}?{}", "x".repeat(17_000)),
    ];
    let mut checked = 0;
    for url in &refused {
        stage.check(&stage.browser.get(url).await, Form::Page(400));
        checked += 1;
    }
    stage.check(&Browser::new().get(&callback).await, Form::Page(400));
    for change in [
        |callback: &str| callback.replace("&iss=", "&siss="),
        |callback: &str| callback.replace("&iss=http", "&iss=https"),
        |callback: &str| callback.replace("code=", "access_token="),
        |callback: &str| callback.replace("code=", "id_token="),
        |callback: &str| callback.replace("code=", "error="),
        |callback: &str| callback.replace("code=", "error=access_denied&error_description="),
        |callback: &str| callback.replace("code=", "nothing="),
    ] {
        stage.check(&stage.browser.get(change(&fresh().await)).await, Form::Page(400));
        checked += 1;
    }
    // Logto does not know this code, or knows it no longer.
    let unknown = fresh().await.replace("code=", "code=x");
    let answer = stage.browser.get(unknown).await;
    stage.check(&answer, Form::Page(answer.status));
    assert!(answer.status >= 400, "{answer:?}");
    stage.assert_checked(checked + 2);

    let stage = Watched::set::<A>(Plan { refuse: Some("Staff only".to_owned()), ..Plan::default() }).await;
    let callback = stage.approve(&stage.start().await, "alice");
    stage.check(&stage.browser.get(&callback).await, Form::Page(403));
    stage.check(&stage.browser.get(&callback).await, Form::Page(403));
    stage.assert_checked(2);
}

/// Each way in which the provider's endpoints fail, and a token that does not pass verification.
pub async fn a_callback_while_the_provider_fails_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    let failures = [
        (Failure::Status(503), 503),
        (Failure::Disconnect, 503),
        (Failure::RetryAfter(7), 503),
        (Failure::NotJson, 502),
    ];
    for (failure, status) in failures {
        let callback = stage.approve(&stage.start().await, "alice");
        stage.emulator.fail_next(Endpoint::Token, failure, 1);
        stage.check(&stage.browser.get(&callback).await, Form::Page(status));
    }
    stage.emulator.tamper_id_token(|claims| drop(claims.insert("aud".to_owned(), "another".into())));
    stage.check(&stage.sign_in("alice").await, Form::Page(502));
    stage.assert_checked(5);
}
