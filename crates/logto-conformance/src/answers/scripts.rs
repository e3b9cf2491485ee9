//! Scripts in what the provider and others say: escaped or not shown, to the byte.

use super::{
    check::Form,
    payloads::{PAYLOADS, encoded, escaped, payload},
    watched::Watched,
};
use crate::flow::{Application, Browser, Page};
use reqwest::Method;

/// The callback of a refused sign-in, with this as all that the provider says.
async fn refused(stage: &Watched, text: &str) -> Page {
    let callback = stage.emulator.abort(stage.start().await.as_str()).expect("a callback");
    let text = encoded(text);
    let error = format!("error={text}&error_description={text}&error_uri={text}&{text}={text}&x");
    stage.browser.get(callback.replace("error=", &error)).await
}

/// The page of an error is the same whatever the provider says, but for its code, which is escaped.
pub async fn an_error_of_the_provider_is_escaped_or_not_shown<A: Application>() {
    let stage = Watched::plain::<A>().await;
    let page = refused(&stage, "harmless").await;
    stage.check(&page, Form::Page(400));
    assert_eq!(page.body.matches("harmless").count(), 1, "{}", page.body);
    for number in 0..PAYLOADS {
        let payload = payload(number);
        let answer = refused(&stage, &payload).await;
        stage.check(&answer, Form::Page(400));
        assert_eq!(answer.body, page.body.replace("harmless", &escaped(&payload)), "{payload}");
    }
    stage.assert_checked(1 + PAYLOADS);
}

/// Queries of all routes: a page is the same whatever stands in them, and an address holds it percent-encoded.
pub async fn a_payload_in_a_query_is_neither_in_a_page_nor_in_an_address<A: Application>() {
    let stage = Watched::plain::<A>().await;
    stage.sign_in("alice").await;
    let ask = async |path: &str, query: &str| {
        let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        stage.browser.request(Method::GET, stage.at(&format!("{path}?{query}")), &headers).await
    };
    let pages = [
        ("/logto/sign-in", "iss=", Form::Page(400)),
        ("/logto/sign-in", "login_hint=a&login_hint=", Form::Page(400)),
        ("/logto/sign-in-callback", "state=", Form::Page(400)),
        ("/logto/sign-in-callback", "code=a&code=", Form::Page(400)),
        ("/logto/sign-in-callback", "error=", Form::Page(400)),
        ("/logto/sign-out", "x=", Form::PageThatAsks(200)),
        ("/logto/signed-out", "state=a&state=", Form::Page(400)),
    ];
    let (mut harmless, nobody) = (Vec::new(), Browser::new());
    for (path, query, form) in pages {
        let page = ask(path, &format!("{query}harmless")).await;
        stage.check(&page, form);
        assert!(!page.body.contains("harmless"), "{}", page.body);
        harmless.push(page.body);
    }
    for number in 0..PAYLOADS {
        let text = encoded(&payload(number));
        for ((path, query, form), harmless) in pages.iter().zip(&harmless) {
            let page = ask(path, &format!("{query}{text}")).await;
            stage.check(&page, *form);
            assert_eq!(&page.body, harmless, "{path} {text}");
        }
        for path in [format!("/protected?{text}"), format!("/protected?x={text}")] {
            let sent = nobody.get(stage.at(&path)).await;
            stage.check(&sent, Form::Redirect);
            let back = sent.location().query_pairs().next().expect("where to come back to").1.into_owned();
            assert_eq!(back, path);
        }
    }
    stage.assert_checked(pages.len() + PAYLOADS * (pages.len() + 2));
}

/// Where a person wants to come back to is a path of the application's own, or nothing.
pub async fn a_payload_as_a_return_path_is_no_address<A: Application>() {
    let stage = Watched::plain::<A>().await;
    let mut away = 0;
    for number in 0..PAYLOADS {
        let payload = payload(number);
        let target = match number % 4 {
            0 => payload,
            1 => format!("/{payload}"),
            2 => format!("javascript:top.ran=1//{payload}"),
            _ => format!("data:text/html,{payload}"),
        };
        let start = stage.get(&format!("/logto/sign-in?return_to={}", encoded(&target))).await;
        stage.check(&start, Form::Redirect);
        let done = stage.browser.get(stage.approve(&start.location(), "alice")).await;
        stage.check(&done, Form::Redirect);
        let location = done.header("location").unwrap_or_default();
        assert!(location.starts_with('/'), "{target} leads to {location}");
        away += usize::from(location == "/");
    }
    assert!(away >= PAYLOADS * 3 / 4, "{away} of {PAYLOADS} are no path");
    stage.assert_checked(2 * PAYLOADS);
}
