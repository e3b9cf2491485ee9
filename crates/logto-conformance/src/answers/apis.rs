//! Answers of an API: its refusals, and what it says of itself.

use super::check::{Form, check};
use crate::{
    api::{
        Application,
        stage::{Answer, METADATA, Stage},
        tokens::{API, Token},
    },
    flow::Page,
};
use reqwest::Method;
use std::sync::atomic::Ordering;
use url::Url;

fn page(path: &str, answer: Answer) -> Page {
    let url = Url::parse(API).and_then(|api| api.join(path)).expect("an address");
    Page { status: answer.status, headers: answer.headers, body: answer.body, url }
}

/// Each refusal, at the route and in the handler's signature, and the document that anybody may have.
///
/// # Panics
///
/// Where an answer is of another form, or tells the token.
pub async fn what_an_api_answers_is_private_and_never_sniffed<A: Application>() {
    let stage = Stage::set::<A>().await;
    let good = Token::good().signed();
    let expired = Token::good().claim("exp", 1).claim("iat", 0).signed();
    let without_scope = Token::good().claim("scope", "write:x").signed();
    let of_an_organization = Token::good().claim("aud", "urn:logto:organization:acme").signed();
    let forged = format!("{good}x");
    let payload = "<script>top.ran=1</script>";
    let secrets = [&good, &expired, &without_scope, &of_an_organization, &forged].map(Clone::clone);
    let bearer = |token: &str| format!("Bearer {token}");
    let mut checked = 0;
    for route in ["/route/orders", "/signature/orders"] {
        for (authorization, query, status) in [
            (String::new(), "", 401),
            ("Basic dXNlcjpwYXNz".to_owned(), "", 401),
            (String::new(), "?access_token=abc", 401),
            (bearer(&expired), "", 401),
            (bearer(&forged), "", 401),
            (bearer(&of_an_organization), "", 401),
            (bearer(payload), "", 400),
            (bearer(""), "", 400),
            (bearer(&good), "?access_token=abc", 400),
            (bearer(&without_scope), "", 403),
        ] {
            let headers = [("authorization", authorization.as_str())];
            let headers = if authorization.is_empty() { &[][..] } else { &headers };
            let path = format!("{route}{query}");
            let answer = stage.send(Method::GET, &path, headers, None).await;
            check(&page(&path, answer), Form::Json(status), &secrets);
            checked += 1;
        }
        let answer = stage.get("/route/header", &good).await;
        check(&page(route, answer), Form::Json(400), &secrets);
        checked += 1;
    }
    let headers = [("authorization", &*bearer(&good)), ("content-type", "application/x-www-form-urlencoded")];
    let form = Some(format!("access_token={good}"));
    let answer = stage.send(Method::POST, "/route/orders", &headers, form).await;
    check(&page("/route/orders", answer), Form::Json(400), &secrets);
    let document = METADATA.strip_prefix("https://api.example.test").unwrap_or_default();
    let answer = stage.send(Method::GET, document, &[], None).await;
    check(&page(document, answer), Form::Public, &secrets);
    assert_eq!(checked + 2, 24);

    let stage = Stage::set::<A>().await;
    stage.provider.is_away.store(true, Ordering::SeqCst);
    for route in ["/route/orders", "/signature/orders"] {
        check(&page(route, stage.get(route, &good).await), Form::Json(503), &secrets);
    }
}
