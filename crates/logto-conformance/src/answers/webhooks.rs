//! Answers to a webhook that is refused.

use super::check::{Form, check};
use crate::{
    flow::Page,
    webhook::{
        Application, PATH,
        delivery::{Answer, BODY, KEY, LIMIT, SIGNATURE, Stage, sign},
    },
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

fn page(answer: &Answer) -> Page {
    let url = Url::parse("http://localhost").and_then(|base| base.join(PATH)).expect("an address");
    let pairs = answer.head.lines().filter_map(|line| line.split_once(": "));
    let headers = pairs.map(|(name, value)| {
        let name: HeaderName = name.parse().expect("the name of a header");
        (name, HeaderValue::from_str(value).expect("the value of a header"))
    });
    let headers: HeaderMap = headers.collect();
    Page { status: answer.status, headers, body: answer.body.clone(), url }
}

/// A wrong signature, too much, and a body that is no event.
///
/// # Panics
///
/// Where an answer is of another form, or tells the key.
pub async fn what_a_webhook_is_answered_is_private_and_never_sniffed<A: Application>() {
    let stage = Stage::set::<A>().await;
    let secrets = [KEY.to_owned(), sign("{}")];
    check(&page(&stage.deliver(&[], BODY).await), Form::Json(401), &secrets);
    check(&page(&stage.deliver(&[SIGNATURE], "{}").await), Form::Json(401), &secrets);
    check(&page(&stage.deliver(&[], &"x".repeat(LIMIT + 1)).await), Form::Json(413), &secrets);
    check(&page(&stage.deliver(&[&sign("{}")], "{}").await), Form::Json(400), &secrets);
}
