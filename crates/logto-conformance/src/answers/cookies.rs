//! Cookies whose name begins with `__Host-`: kept by browsers only with `Secure`, for this host and all paths.

use crate::flow::{Application, Plan, Stage};

/// A person signs in and out with the prefix, in a browser that demands what it promises.
pub async fn a_cookie_with_the_host_prefix_signs_in_and_out<A: Application>() {
    let stage = Stage::set::<A>(Plan { host_cookie: true, ..Plan::default() }).await;
    assert_eq!(stage.sign_in("alice").await.status, 303);
    let cookies = stage.browser.cookie_header("localhost");
    assert!(cookies.starts_with("__Host-id=") && !cookies.contains(';'), "the one cookie, kept");
    let who = stage.who().await;
    assert_ne!(who, "nobody");
    let stolen = stage.browser.with_cookies_of_its_own();
    assert_eq!(stage.sign_out().await.status, 303);
    assert_eq!(stage.who().await, "nobody");
    // Where the browser keeps the cookie, it opens nothing.
    assert_eq!(stolen.get(stage.at("/")).await.body, "nobody");
    assert_eq!(stage.get("/logto/signed-out").await.status, 303);
    assert_eq!(stage.sign_in("alice").await.status, 303);
    assert_eq!(stage.who().await, who);
}
