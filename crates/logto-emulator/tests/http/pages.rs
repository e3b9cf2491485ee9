//! A person at the pages, over real HTTP.

use crate::visitor::{Answer, CALLBACK, Visitor, authorization, parameter};
use logto_emulator::{Application, Emulator};

/// From the authorization request to where the pages lead.
pub(crate) async fn at_the_page(
    visitor: &Visitor,
    emulator: &Emulator,
    changes: &[(&str, &str)],
) -> (String, String) {
    let asked = visitor.get(&authorization(emulator, changes)).await;
    assert_eq!(asked.status, 303, "{}", asked.text);
    let place = asked.header("location").to_owned();
    let page = visitor.get(&format!("{}{place}", emulator.endpoint())).await;
    assert_eq!(page.status, 200);
    (place, uid_in(&page).to_owned())
}

/// The id of the interaction, in the form of a page.
pub(crate) fn uid_in(page: &Answer) -> &str {
    page.text.split("name=\"uid\" value=\"").nth(1).unwrap().split('"').next().unwrap()
}

/// From the end of session to where its form leads.
pub(crate) async fn sign_out(visitor: &Visitor, emulator: &Emulator, query: &str) -> Answer {
    let page = visitor.get(&format!("{}/session/end?{query}", emulator.issuer())).await;
    let xsrf = page.text.split("name=\"xsrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let confirm = format!("{}/session/end/confirm", emulator.issuer());
    visitor.post(&confirm, &[("xsrf", xsrf), ("logout", "yes")]).await
}

#[tokio::test]
async fn a_person_signs_in_by_the_page_and_later_without_it() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let (place, uid) = at_the_page(&visitor, &emulator, &[("login_hint", "alice")]).await;
    assert_eq!(place, "/sign-in?app_id=local-app&login_hint=alice");
    let page = format!("{}/sign-in", emulator.endpoint());

    let wrong = visitor.post(&page, &[("uid", &uid), ("username", "alice"), ("password", "x")]).await;
    assert!(wrong.status == 200 && wrong.text.contains("Incorrect account or password"));
    let right = visitor.post(&page, &[("uid", &uid), ("username", "alice"), ("password", "alice")]).await;
    assert_eq!((right.status, right.header("location")), (303, format!("/oidc/auth/{uid}").as_str()));

    let back = visitor.follow(&emulator, right).await;
    let callback = back.header("location");
    assert_eq!(parameter(callback, "state").as_deref(), Some("st"));
    assert_eq!(parameter(callback, "iss"), Some(emulator.issuer()));
    assert_eq!(parameter(callback, "code").unwrap().len(), 43);

    let again = visitor.visit(&emulator, &authorization(&emulator, &[])).await;
    assert!(parameter(again.header("location"), "code").is_some(), "the session at the provider lives on");
    let forced = visitor.get(&authorization(&emulator, &[("prompt", "login")])).await;
    assert_eq!(forced.header("location"), "/sign-in?app_id=local-app");
}

#[tokio::test]
async fn a_person_registers_and_is_known_afterwards() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let (place, uid) = at_the_page(&visitor, &emulator, &[("first_screen", "register")]).await;
    assert_eq!(place, "/register?app_id=local-app");
    let page = format!("{}/register", emulator.endpoint());
    let taken = visitor.post(&page, &[("uid", &uid), ("username", "alice"), ("password", "x")]).await;
    assert!(taken.text.contains("already in use"));
    let done = visitor.post(&page, &[("uid", &uid), ("username", "bob"), ("password", "bob")]).await;
    assert_eq!(done.status, 303);
    assert!(emulator.approve(&authorization(&emulator, &[]), "bob").is_ok());
}

#[tokio::test]
async fn a_sign_in_that_is_cancelled_comes_back_as_aborted() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let (_, uid) = at_the_page(&visitor, &emulator, &[]).await;
    let back = visitor.post(&format!("{}/cancel", emulator.endpoint()), &[("uid", &uid)]).await;
    assert_eq!(parameter(back.header("location"), "error").as_deref(), Some("oidc.aborted"));
}

#[tokio::test]
async fn a_third_partys_consent_is_asked_for_and_its_refusal_comes_back_bare() {
    let application = Application::new("third").third_party();
    let emulator = Emulator::builder().application(application).start().await.unwrap();
    for (action, bare) in [("refuse", true), ("allow", false)] {
        let visitor = Visitor::new();
        let (_, uid) = at_the_page(&visitor, &emulator, &[("client_id", "third")]).await;
        let page = format!("{}/sign-in", emulator.endpoint());
        let done = visitor.post(&page, &[("uid", &uid), ("username", "alice"), ("password", "alice")]).await;
        let asked = visitor.follow(&emulator, done).await;
        assert!(asked.status == 200 && asked.text.contains("Allow access?"));
        let form = [("uid", uid_in(&asked)), ("action", action)];
        let back = visitor.post(&format!("{}/consent", emulator.endpoint()), &form).await;
        let back = visitor.follow(&emulator, back).await;
        assert_eq!(back.header("location") == CALLBACK, bare, "{}", back.header("location"));
        assert_eq!(parameter(back.header("location"), "code").is_some(), !bare);
    }
}

#[tokio::test]
async fn a_sign_out_ends_the_session_and_comes_back_with_its_state() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    let (_, uid) = at_the_page(&visitor, &emulator, &[]).await;
    let form = [("uid", uid.as_str()), ("username", "alice"), ("password", "alice")];
    let done = visitor.post(&format!("{}/sign-in", emulator.endpoint()), &form).await;
    visitor.follow(&emulator, done).await;

    let back = sign_out(
        &visitor,
        &emulator,
        "client_id=local-app&post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A3000%2F&state=x",
    )
    .await;
    assert_eq!((back.status, back.header("location")), (303, "http://localhost:3000/?state=x"));
    let asked = visitor.get(&authorization(&emulator, &[])).await;
    assert_eq!(asked.header("location"), "/sign-in?app_id=local-app");
}

#[tokio::test]
async fn a_page_without_its_sign_in_says_so() {
    let (emulator, visitor) = (Emulator::start().await.unwrap(), Visitor::new());
    for path in ["/sign-in", "/register", "/consent"] {
        let answer = visitor.get(&format!("{}{path}", emulator.endpoint())).await;
        let unknown = format!("{}/unknown-session", emulator.endpoint());
        assert_eq!((answer.status, answer.header("location")), (302, unknown.as_str()), "{path}");
    }
    let stale = visitor.get(&format!("{}/oidc/auth/nope", emulator.endpoint())).await;
    assert_eq!((stale.status, stale.json()["code"].as_str()), (400, Some("session.not_found")));
}
