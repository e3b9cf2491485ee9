//! §3: authorization and sign-in.

use super::{ALL, API, builder, emulator, exchange, refusal, refused, request, sign_in, text, tokens};
use crate::{
    pages::uid_in,
    visitor::{CALLBACK, Visitor, parameter},
};
use logto_emulator::Application;
use serde_json::json;
use std::time::Duration;

fn told(location: &str) -> (Option<String>, Option<String>) {
    (parameter(location, "error"), parameter(location, "error_description"))
}

fn error(code: &str, description: &str) -> (Option<String>, Option<String>) {
    (Some(code.to_owned()), Some(description.to_owned()))
}

#[tokio::test]
async fn the_way_leads_over_sign_in_and_consent_to_the_callback_with_state_and_iss() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let asked = visitor.get(&request(&emulator, "web", &[])).await;
    assert_eq!((asked.status, asked.header("location")), (303, "/sign-in?app_id=web"));
    assert_eq!(asked.text, "Redirecting to /sign-in?app_id=web.");
    assert_eq!(asked.header("content-type"), "text/html; charset=utf-8");
    let cookies: Vec<&str> =
        asked.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    for name in ["_logto=", "_logto.sig=", "_interaction=%7B", "_interaction.sig=", "_interaction_resume="] {
        assert!(cookies.iter().any(|cookie| cookie.starts_with(name)), "{name} of {cookies:?}");
    }
    let resumes = cookies.iter().find(|cookie| cookie.starts_with("_interaction_resume=")).unwrap();
    assert!(resumes.contains("path=/oidc/auth/") && resumes.contains("httponly"), "{resumes}");
    assert!(!cookies.iter().any(|cookie| cookie.to_lowercase().contains("secure")));

    let page = visitor.get(&format!("{}/sign-in?app_id=web", emulator.endpoint())).await;
    let form = [("uid", uid_in(&page)), ("username", "alice"), ("password", "alice")];
    let done = visitor.post(&format!("{}/sign-in", emulator.endpoint()), &form).await;
    let resumed = visitor.get(&format!("{}{}", emulator.endpoint(), done.header("location"))).await;
    assert_eq!((resumed.status, resumed.header("location")), (303, "/consent?app_id=web"));
    let session = resumed
        .headers
        .get_all("set-cookie")
        .iter()
        .find(|value| value.to_str().unwrap().starts_with("_session="));
    assert!(session.unwrap().to_str().unwrap().contains("samesite=lax; httponly"));
    let consent = visitor.get(&format!("{}/consent?app_id=web", emulator.endpoint())).await;
    assert_eq!(consent.status, 302, "the first party consents by itself");
    let callback = visitor.get(consent.header("location")).await;
    assert_eq!(callback.status, 303);
    let location = callback.header("location");
    assert!(location.starts_with(CALLBACK), "{location}");
    assert_eq!(parameter(location, "code").unwrap().len(), 43);
    assert_eq!(parameter(location, "state").as_deref(), Some("st"));
    assert_eq!(parameter(location, "iss"), Some(emulator.issuer()));
}

#[tokio::test]
async fn state_is_absent_where_none_was_sent_and_iss_is_not() {
    let emulator = emulator().await;
    let callback = emulator.approve(&request(&emulator, "web", &[("state", "")]), "alice").unwrap();
    assert_eq!((parameter(&callback, "state"), parameter(&callback, "iss")), (None, Some(emulator.issuer())));
    let silent = request(&emulator, "web", &[("state", ""), ("prompt", "none")]);
    let refused = Visitor::new().get(&silent).await;
    let location = refused.header("location");
    assert_eq!((parameter(location, "state"), parameter(location, "iss")), (None, Some(emulator.issuer())));
}

#[tokio::test]
async fn extra_parameters_go_through_to_the_page() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    for (more, place) in [
        (
            &[("login_hint", "alice@example.test"), ("first_screen", "register")][..],
            "/register?app_id=web&login_hint=alice%40example.test",
        ),
        (&[("direct_sign_in", "social:google")], "/direct/social/google?app_id=web&fallback=sign-in"),
        (&[("organization_id", "acme")], "/sign-in?app_id=web&organization_id=acme"),
        (&[("ui_locales", "fr-CA fr")], "/sign-in?app_id=web&ui_locales=fr-CA+fr"),
        (
            &[("identifier", "username"), ("login_hint", "alice")],
            "/sign-in?app_id=web&login_hint=alice&identifier=username",
        ),
    ] {
        let answer = visitor.get(&request(&emulator, "web", more)).await;
        assert_eq!((answer.status, answer.header("location")), (303, place));
    }
}

#[tokio::test]
async fn a_request_by_post_works_as_by_get() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let url = url::Url::parse(&request(&emulator, "web", &[])).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let form: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = visitor.post(&format!("{}/auth", emulator.issuer()), &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in?app_id=web"));
}

#[tokio::test]
async fn form_post_answers_with_a_form() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let silent = [("response_mode", "form_post"), ("prompt", "none")];
    let refused = visitor.get(&request(&emulator, "web", &silent)).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("name=\"error\" value=\"login_required\""), "{}", refused.text);
    let done =
        sign_in(&visitor, &emulator, &request(&emulator, "web", &[("response_mode", "form_post")])).await;
    assert_eq!(done.status, 200);
    assert!(done.text.contains("name=\"code\" value=\"") && done.text.contains("name=\"iss\""));
}

#[tokio::test]
async fn a_live_session_answers_at_once_unless_a_prompt_asks_for_more() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let first = sign_in(&visitor, &emulator, &request(&emulator, "web", &[])).await;
    assert!(parameter(first.header("location"), "code").is_some());
    for prompt in ["", "none"] {
        let answer = visitor.get(&request(&emulator, "web", &[("prompt", prompt)])).await;
        assert!(parameter(answer.header("location"), "code").is_some(), "prompt={prompt}");
    }
    let consent = visitor.get(&request(&emulator, "web", &[("prompt", "consent")])).await;
    assert_eq!(consent.header("location"), "/consent?app_id=web");
    let consented = visitor.follow(&emulator, consent).await;
    assert!(parameter(consented.header("location"), "code").is_some());
    let login = visitor.get(&request(&emulator, "web", &[("prompt", "login")])).await;
    assert_eq!(login.header("location"), "/sign-in?app_id=web");
}

#[tokio::test]
async fn prompt_none_needs_a_session_and_a_consent() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let silent = request(&emulator, "web", &[("prompt", "none")]);
    let nobody = visitor.get(&silent).await;
    let required = error("login_required", "End-User authentication is required");
    assert_eq!(told(nobody.header("location")), required);
    sign_in(&visitor, &emulator, &request(&emulator, "web2", &[])).await;
    let stranger = visitor.get(&silent).await;
    assert_eq!(told(stranger.header("location")), error("consent_required", "requested scopes not granted"));
}

#[tokio::test]
async fn after_a_revocation_a_silent_sign_in_needs_prompt_consent_and_no_password() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let callback = sign_in(&visitor, &emulator, &request(&emulator, "web", &[])).await;
    let body = exchange(&emulator, "web", callback.header("location"), &[]).await.json();
    emulator.revoke_grant(text(&body, "refresh_token"));
    let silent = visitor.get(&request(&emulator, "web", &[("prompt", "none")])).await;
    assert_eq!(told(silent.header("location")), error("consent_required", "requested scopes not granted"));
    let again = visitor.visit(&emulator, &request(&emulator, "web", &[("prompt", "consent")])).await;
    let body = exchange(&emulator, "web", again.header("location"), &[]).await.json();
    assert!(emulator.accepts_refresh_token(text(&body, "refresh_token")));
}

#[tokio::test]
async fn a_refresh_token_comes_with_offline_access_and_prompt_consent_or_where_it_always_comes() {
    let emulator = emulator().await;
    for (client, prompt, scope, issued, granted) in [
        ("web", "consent", "openid offline_access", true, "openid offline_access"),
        ("web", "login", "openid offline_access", true, "openid"),
        ("web", "login", "openid", true, "openid"),
        ("web2", "consent", "openid offline_access", true, "openid offline_access"),
        ("web2", "login", "openid offline_access", false, "openid"),
        ("web2", "consent", "openid", false, "openid"),
        ("spa", "consent", "openid offline_access", true, "openid offline_access"),
        ("spa", "login", "openid offline_access", false, "openid"),
    ] {
        let body = tokens(&emulator, client, &[("prompt", prompt), ("scope", scope)]).await;
        assert_eq!(body.get("refresh_token").is_some(), issued, "{client} {prompt} {scope}");
        assert_eq!(body["scope"], granted, "{client} {prompt} {scope}");
    }
}

#[tokio::test]
async fn pkce_is_required_for_public_applications_and_optional_for_confidential_ones() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for client in ["spa", "native"] {
        let answer = visitor.get(&request(&emulator, client, &without)).await;
        let description = "Authorization Server policy requires PKCE to be used for this request";
        assert_eq!(told(answer.header("location")), error("invalid_request", description));
    }
    let callback = emulator.approve(&request(&emulator, "web", &without), "alice").unwrap();
    let code = parameter(&callback, "code").unwrap();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    let surplus = exchange(&emulator, "web", &callback, &[]).await;
    assert_eq!(
        refusal(&surplus),
        refused(400, "invalid_grant", "grant request is invalid"),
        "a verifier too many"
    );
    assert_eq!(crate::answers::token(&emulator, super::WEB, &form).await.status, 200);
    for (method, description) in [
        ("plain", "not supported value of code_challenge_method"),
        ("", "code_challenge_method must be provided"),
    ] {
        let answer = visitor.get(&request(&emulator, "web", &[("code_challenge_method", method)])).await;
        assert_eq!(told(answer.header("location")), error("invalid_request", description));
    }
}

#[tokio::test]
async fn unknown_scopes_are_ignored_and_openid_is_not_required() {
    let emulator = emulator().await;
    let body = tokens(&emulator, "web", &[("scope", "openid offline_access nope:scope")]).await;
    assert_eq!(body["scope"], "openid offline_access");
    let body = tokens(&emulator, "web", &[("scope", "offline_access profile")]).await;
    assert_eq!((body.get("id_token"), &body["scope"]), (None, &json!("offline_access profile")));
}

#[tokio::test]
async fn what_cannot_be_redirected_is_shown_as_json() {
    let two =
        Application::new("two").secret("s").redirect_uri(CALLBACK).redirect_uri("http://localhost:3000/o");
    let emulator = builder().application(two).start().await.unwrap();
    let visitor = Visitor::new();
    for (more, code, description) in [
        (&[("client_id", "nope")][..], "invalid_client", "invalid client nope"),
        (
            &[("redirect_uri", "http://localhost:3000/evil")],
            "invalid_redirect_uri",
            "redirect_uri did not match any of the client's registered redirect_uris",
        ),
        (
            &[("client_id", "two"), ("redirect_uri", "")],
            "invalid_request",
            "missing required parameter 'redirect_uri'",
        ),
        (
            &[("client_id", "m2m")],
            "invalid_redirect_uri",
            "redirect_uri did not match any of the client's registered redirect_uris",
        ),
    ] {
        let answer = visitor.get(&request(&emulator, "web", more)).await;
        assert_eq!(refusal(&answer), refused(400, code, description));
        let body = answer.json();
        assert_eq!((&body["state"], &body["iss"]), (&json!("st"), &json!(emulator.issuer())));
    }
}

#[tokio::test]
async fn what_the_application_may_know_is_redirected() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    for (more, code, description) in [
        (
            &[("resource", "https://nope.example.test")][..],
            "invalid_target",
            Some("resource indicator is missing, or unknown"),
        ),
        (&[("resource", "nope")], "invalid_target", Some("resource indicator must be an absolute URI")),
        (&[("prompt", "junk")], "invalid_request", Some("unsupported prompt value requested")),
        (&[("request", "abc")], "request_not_supported", None),
    ] {
        let answer = visitor.get(&request(&emulator, "web", more)).await;
        let location = answer.header("location");
        assert_eq!(answer.status, 303);
        assert_eq!(told(location), (Some(code.to_owned()), description.map(str::to_owned)));
        assert_eq!(
            (parameter(location, "state").as_deref(), parameter(location, "iss")),
            (Some("st"), Some(emulator.issuer()))
        );
    }
    let answer = visitor.get(&request(&emulator, "web", &[("response_type", "token")])).await;
    let start = format!(
        "{CALLBACK}#error=unsupported_response_type&error_description=unsupported+response_type+requested&state=st&iss="
    );
    assert!(answer.header("location").starts_with(&start), "{}", answer.header("location"));
}

#[tokio::test]
async fn a_missing_redirect_uri_is_the_only_registered_one() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let answer = visitor.get(&request(&emulator, "web", &[("redirect_uri", "")])).await;
    assert_eq!(answer.header("location"), "/sign-in?app_id=web");
}

#[tokio::test]
async fn a_third_party_is_consented_to_at_a_page_and_refused_scopes_it_may_not_ask_for() {
    let third = Application::new("third")
        .secret("s")
        .redirect_uri(CALLBACK)
        .third_party()
        .user_scopes(["profile", "email"]);
    let emulator = builder().application(third).start().await.unwrap();
    let visitor = Visitor::new();
    let asked = request(&emulator, "third", &[("scope", "openid offline_access profile email")]);
    let page = sign_in(&visitor, &emulator, &asked).await;
    assert!(page.status == 200 && page.text.contains("Allow access?"), "{}", page.text);
    let refuse = [("uid", uid_in(&page)), ("action", "refuse")];
    let back = visitor.post(&format!("{}/consent", emulator.endpoint()), &refuse).await;
    assert_eq!(back.header("location"), CALLBACK, "no code, no error, no state");
    let phone = visitor.get(&request(&emulator, "third", &[("scope", "openid phone")])).await;
    let location = phone.header("location");
    assert_eq!(told(location), error("invalid_scope", "requested scope is not allowed"));
    assert_eq!(parameter(location, "scope").as_deref(), Some("phone"));
}

#[tokio::test]
async fn an_interaction_that_is_aborted_comes_back_with_a_dotted_error() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let page = visitor.visit(&emulator, &request(&emulator, "web", &[])).await;
    let next = emulator.abort_interaction(uid_in(&page)).unwrap();
    let answer = visitor.get(&next).await;
    let location = answer.header("location");
    assert_eq!(told(location), (Some("oidc.aborted".to_owned()), None));
    assert_eq!(
        (parameter(location, "state").as_deref(), parameter(location, "iss")),
        (Some("st"), Some(emulator.issuer()))
    );
}

#[tokio::test]
async fn an_unknown_interaction_is_not_found_and_pages_without_one_lead_to_unknown_session() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let answer = visitor.get(&format!("{}/auth/doesnotexist", emulator.issuer())).await;
    assert_eq!(refusal(&answer), refused(400, "invalid_request", "authorization request has expired"));
    let body = answer.json();
    assert_eq!((&body["code"], &body["iss"]), (&json!("session.not_found"), &json!(emulator.issuer())));
    for path in ["/consent?app_id=web", "/sign-in?app_id=web"] {
        let answer = visitor.get(&format!("{}{path}", emulator.endpoint())).await;
        let unknown = format!("{}/unknown-session", emulator.endpoint());
        assert_eq!((answer.status, answer.header("location")), (302, unknown.as_str()));
    }
}

#[tokio::test]
async fn a_code_lives_60_seconds_an_interaction_an_hour_a_session_14_days() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let first =
        sign_in(&visitor, &emulator, &request(&emulator, "web", &[("scope", ALL), ("resource", API)])).await;
    emulator.advance(Duration::from_secs(61));
    let late = exchange(&emulator, "web", first.header("location"), &[]).await;
    assert_eq!(refusal(&late), refused(400, "invalid_grant", "grant request is invalid"));
    let other = Visitor::new();
    other.get(&request(&emulator, "web", &[])).await;
    emulator.advance(Duration::from_secs(3601));
    let page = other.get(&format!("{}/sign-in?app_id=web", emulator.endpoint())).await;
    assert!(page.header("location").ends_with("/unknown-session"));
    let still = visitor.get(&request(&emulator, "web", &[("prompt", "")])).await;
    assert!(parameter(still.header("location"), "code").is_some());
    emulator.advance(Duration::from_secs(14 * 86_400));
    let over = visitor.get(&request(&emulator, "web", &[("prompt", "")])).await;
    assert_eq!(over.header("location"), "/sign-in?app_id=web");
}
