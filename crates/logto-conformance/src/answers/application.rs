//! Answers to who signs in, and to who may or may not pass.

use super::{check::Form, watched::Watched};
use crate::flow::{Application, Browser, Page, Plan};
use logto_emulator::{Endpoint, Failure, User};
use reqwest::Method;

/// A person's request for a page; a program's.
const NAVIGATES: &[(&str, &str)] = &[("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-origin")];
const FETCHES: &[(&str, &str)] = &[("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")];

/// Both routes that start a sign-in, what they refuse, and the provider away.
pub async fn a_sign_in_starts_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    stage.emulator.set_failure(Endpoint::Discovery, Some(Failure::Status(503)));
    stage.check(&stage.get("/logto/sign-in").await, Form::Page(503));
    stage.check(&stage.get("/logto/sign-up").await, Form::Page(503));
    stage.emulator.clear_failures();
    // Until then nobody asks again.
    stage.clock.advance(std::time::Duration::from_secs(60));
    for path in [
        "/logto/sign-in",
        "/logto/sign-up",
        "/logto/sign-in?return_to=/protected&login_hint=alice",
        "/logto/sign-in?return_to=https://evil.example",
    ] {
        stage.check(&stage.get(path).await, Form::Redirect);
    }
    for query in ["iss=https://evil.example", "return_to=/a&return_to=/b", "login_hint=a&login_hint=b"] {
        stage.check(&stage.get(&format!("/logto/sign-in?{query}")).await, Form::Page(400));
    }
    stage.assert_checked(9);
}

/// The first time, again by the same address, and by another person.
pub async fn a_callback_that_succeeds_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    stage.emulator.add_user(User::new("bob").password("bob"));
    let callback = stage.approve(&stage.get("/logto/sign-in?return_to=/protected").await.location(), "alice");
    let before = stage.browser.with_cookies_of_its_own();
    let done = stage.browser.get(&callback).await;
    stage.check(&done, Form::Redirect);
    assert_eq!(done.header("location"), Some("/protected"));
    assert!(done.headers.contains_key("set-cookie"), "the session's id is renewed");
    // The answer that was lost on the way is given again, and no other than that.
    stage.check(&before.get(&callback).await, Form::Redirect);
    stage.check(&stage.sign_in("bob").await, Form::Redirect);
    stage.assert_checked(3);
}

/// Everybody is sent to sign-in or told so, and a program hears JSON.
pub async fn who_may_not_pass_is_answered_privately<A: Application>() {
    let stage = Watched::plain::<A>().await;
    let ask = async |method: Method, path: &str, headers: &[(&str, &str)]| -> Page {
        Browser::new().request(method, stage.at(path), headers).await
    };
    stage.check(&ask(Method::GET, "/protected?a=b", NAVIGATES).await, Form::Redirect);
    stage.check(&ask(Method::GET, "/protected", FETCHES).await, Form::Json(401));
    stage.check(&ask(Method::POST, "/protected", NAVIGATES).await, Form::Json(401));
    stage.check(&ask(Method::GET, "/user-info", NAVIGATES).await, Form::Redirect);
    stage.check(&ask(Method::GET, "/user-info", FETCHES).await, Form::Json(401));
    stage.sign_in("alice").await;
    let own = async |path: &str, headers: &[(&str, &str)]| -> Page {
        stage.browser.request(Method::GET, stage.at(path), headers).await
    };
    // The provider is away.
    stage.emulator.set_failure(Endpoint::UserInfo, Some(Failure::Status(503)));
    stage.check(&own("/user-info", NAVIGATES).await, Form::Page(503));
    stage.check(&own("/user-info", FETCHES).await, Form::Json(503));
    stage.emulator.set_failure(Endpoint::UserInfo, Some(Failure::RetryAfter(7)));
    let told = own("/user-info", FETCHES).await;
    stage.check(&told, Form::Json(503));
    assert!(told.headers.contains_key("retry-after"), "{told:?}");
    stage.emulator.set_failure(Endpoint::UserInfo, Some(Failure::NotJson));
    stage.check(&own("/user-info", NAVIGATES).await, Form::Page(502));
    stage.emulator.clear_failures();
    // An API that is not among those of the sign-in, and then the grant is gone.
    let unknown = own("/access-token?resource=https://unknown.example", FETCHES).await;
    stage.check(&unknown, Form::Json(unknown.status));
    assert!(unknown.status >= 400, "{unknown:?}");
    stage.emulator.revoke_grants_of("alice");
    let resource = format!("/access-token?resource={}", crate::flow::RESOURCES[0]);
    stage.check(&own(&resource, FETCHES).await, Form::Json(401));
    stage.check(&own("/protected", NAVIGATES).await, Form::Redirect);
    stage.assert_checked(12);
}

/// Whatever changes the session, in the application's handlers too, no cache keeps its cookie.
pub async fn an_answer_that_changes_the_session_is_never_stored<A: Application>() {
    let stage = Watched::set::<A>(Plan { keep_session: true, ..Plan::default() }).await;
    let mut with_cookie = 0;
    let mut look = |page: &Page| {
        super::check::check_cookies(&page.headers, &format!("{page:?}"));
        if page.headers.contains_key("set-cookie") {
            with_cookie += 1;
            assert_eq!(page.header("cache-control"), Some("no-store"), "{} may be stored", page.url);
        }
    };
    look(&stage.get("/note?text=cart").await);
    look(&stage.sign_in("alice").await);
    look(&stage.get("/access-token?resource=https://api0.example.test").await);
    look(&stage.get("/note?text=list").await);
    look(&stage.get("/user-info").await);
    look(&stage.sign_out().await);
    look(&stage.get("/logto/signed-out").await);
    look(&stage.get("/").await);
    assert!(with_cookie >= 4, "{with_cookie} answers changed the session");
}
