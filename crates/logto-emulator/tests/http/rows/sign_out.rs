//! §7: user info, introspection, revocation, end of session.

use super::{
    ALL, API, Credentials, M2M, WEB, claims, emulator, exchange, keys_of, refreshed, refusal, refused,
    request, sign_in, text, tokens,
};
use crate::{
    answers::user_info,
    pages::sign_out,
    visitor::{Answer, Visitor, encoded, parameter},
};
use logto_emulator::Emulator;
use serde_json::{Value, json};

async fn post(emulator: &Emulator, path: &str, credentials: Credentials, form: &[(&str, &str)]) -> Answer {
    Visitor::new().post_as(credentials, &format!("{}{path}", emulator.issuer()), form).await
}

#[tokio::test]
async fn user_info_has_all_claims_by_get_and_by_post() {
    let emulator = emulator().await;
    let scope = format!("{ALL} phone roles");
    let body = tokens(&emulator, "web", &[("scope", &scope)]).await;
    let token = text(&body, "access_token");
    let info = user_info(&emulator, token).await.json();
    assert_eq!(
        keys_of(&info),
        [
            "created_at",
            "custom_data",
            "email",
            "email_verified",
            "family_name",
            "given_name",
            "identities",
            "name",
            "organization_data",
            "organization_roles",
            "organizations",
            "phone_number",
            "phone_number_verified",
            "picture",
            "preferred_username",
            "roles",
            "sso_identities",
            "sub",
            "updated_at",
            "username"
        ]
    );
    assert_eq!(info["organization_data"], json!([{"id": "acme", "name": "Acme", "description": "acme"}]));
    let visitor = Visitor::new();
    let posted = visitor.client().post(format!("{}/me", emulator.issuer())).bearer_auth(token);
    assert_eq!(visitor.send(posted).await.json(), info);
}

#[tokio::test]
async fn user_info_refuses_with_a_challenge() {
    let emulator = emulator().await;
    let realm = format!("Bearer realm=\"{}\"", emulator.issuer());
    let asked = [("resource", API)];
    let body = tokens(&emulator, "web", &asked).await;
    let jwt = refreshed(&emulator, "web", text(&body, "refresh_token"), &asked).await.json();
    for token in [text(&jwt, "access_token"), "garbage"] {
        let answer = user_info(&emulator, token).await;
        assert_eq!(refusal(&answer), refused(401, "invalid_token", "invalid token provided"));
        let challenge =
            format!("{realm}, error=\"invalid_token\", error_description=\"invalid token provided\"");
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    let nothing = Visitor::new().get(&format!("{}/me", emulator.issuer())).await;
    assert_eq!(refusal(&nothing), refused(401, "invalid_token", "no access token provided"));
    assert_eq!(nothing.header("www-authenticate"), realm);
    let narrow = refreshed(
        &emulator,
        "web",
        text(&tokens(&emulator, "web", &[]).await, "refresh_token"),
        &[("scope", "offline_access")],
    )
    .await
    .json();
    let answer = user_info(&emulator, text(&narrow, "access_token")).await;
    assert_eq!(refusal(&answer), refused(403, "insufficient_scope", "access token missing openid scope"));
    assert_eq!(answer.json()["scope"], "openid");
    assert!(answer.header("www-authenticate").ends_with("scope=\"openid\""));
}

#[tokio::test]
async fn introspection_tells_any_confidential_application_of_opaque_tokens() {
    let emulator = emulator().await;
    let asked = [("scope", "openid offline_access profile read:x nope"), ("resource", API)];
    let body = tokens(&emulator, "web", &asked).await;
    for credentials in [WEB, M2M] {
        let form = [("token", text(&body, "access_token"))];
        let told = post(&emulator, "/token/introspection", credentials, &form).await.json();
        assert_eq!(
            keys_of(&told),
            ["active", "client_id", "exp", "iat", "iss", "scope", "sub", "token_type"]
        );
        assert_eq!(told["scope"], "openid offline_access profile");
        let form = [("token", text(&body, "refresh_token"))];
        let told = post(&emulator, "/token/introspection", credentials, &form).await.json();
        assert_eq!(
            (told.get("token_type"), &told["scope"]),
            (None, &json!("openid offline_access profile read:x"))
        );
    }
    let jwt = refreshed(&emulator, "web", text(&body, "refresh_token"), &[("resource", API)]).await.json();
    let answer = post(&emulator, "/token/introspection", WEB, &[("token", text(&jwt, "access_token"))]).await;
    let description = "Structured JWT Tokens cannot be introspected via the introspection_endpoint";
    assert_eq!(refusal(&answer), refused(400, "unsupported_token_type", description));
    let garbage = post(&emulator, "/token/introspection", WEB, &[("token", "garbage")]).await;
    assert_eq!((garbage.status, garbage.json()), (200, json!({ "active": false })));
    let public = [("token", text(&body, "access_token")), ("client_id", "spa")];
    assert_eq!(
        post(&emulator, "/token/introspection", None, &public).await.json(),
        json!({ "active": false })
    );
    let nobody = post(&emulator, "/token/introspection", None, &public[..1]).await;
    assert_eq!(
        refusal(&nobody),
        refused(400, "invalid_request", "no client authentication mechanism provided")
    );
}

#[tokio::test]
async fn a_revocation_of_either_token_ends_the_grant_and_not_the_session() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    for name in ["access_token", "refresh_token"] {
        let callback = sign_in(&visitor, &emulator, &request(&emulator, "web", &[])).await;
        let body = exchange(&emulator, "web", callback.header("location"), &[]).await.json();
        let sibling = refreshed(&emulator, "web", text(&body, "refresh_token"), &[]).await.json();
        let answer = post(&emulator, "/token/revocation", WEB, &[("token", text(&body, name))]).await;
        assert_eq!((answer.status, &*answer.text), (200, ""));
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        let dead = refreshed(&emulator, "web", text(&body, "refresh_token"), &[]).await;
        assert_eq!(dead.json()["error"], "invalid_grant");
        assert_eq!(user_info(&emulator, text(&sibling, "access_token")).await.status, 401);
        let silent = visitor.get(&request(&emulator, "web", &[("prompt", "none")])).await;
        assert_eq!(parameter(silent.header("location"), "error").as_deref(), Some("consent_required"));
    }
}

#[tokio::test]
async fn a_revocation_refuses_jwts_and_others_tokens_and_takes_garbage() {
    let emulator = emulator().await;
    let body = tokens(&emulator, "web", &[("resource", API)]).await;
    let token = [("token", text(&body, "refresh_token"))];
    let other = post(&emulator, "/token/revocation", M2M, &token).await;
    let description = "client is not authorized to revoke the presented token";
    assert_eq!(refusal(&other), refused(400, "invalid_request", description));
    let nobody = post(&emulator, "/token/revocation", None, &token).await;
    assert_eq!(
        refusal(&nobody),
        refused(400, "invalid_request", "no client authentication mechanism provided")
    );
    let jwt = refreshed(&emulator, "web", token[0].1, &[("resource", API)]).await.json();
    let jwt = post(&emulator, "/token/revocation", WEB, &[("token", text(&jwt, "access_token"))]).await;
    let description = "Structured JWT Tokens cannot be revoked via the revocation_endpoint";
    assert_eq!(refusal(&jwt), refused(400, "unsupported_token_type", description));
    assert_eq!(post(&emulator, "/token/revocation", WEB, &[("token", "garbage")]).await.status, 200);
    assert!(emulator.accepts_refresh_token(token[0].1));
}

const HOME: &str = "http://localhost:3000/";

fn query(pairs: &[(&str, &str)]) -> String {
    encoded(pairs)
}

#[tokio::test]
async fn a_sign_out_leads_to_a_registered_address_where_it_is_known_whose_it_is() {
    let emulator = emulator().await;
    let id_token = tokens(&emulator, "web", &[]).await["id_token"].as_str().unwrap().to_owned();
    let success = format!("{}/session/end/success", emulator.issuer());
    for (pairs, place) in [
        (
            &[("client_id", "web"), ("post_logout_redirect_uri", HOME), ("state", "st-1")][..],
            "http://localhost:3000/?state=st-1",
        ),
        (&[("id_token_hint", &*id_token), ("post_logout_redirect_uri", HOME)], HOME),
        (&[("client_id", "web"), ("post_logout_redirect_uri", "http://localhost:3000")], HOME),
        (&[("id_token_hint", &*id_token)], &*success),
        (&[("client_id", "web")], &*success),
        (&[("post_logout_redirect_uri", HOME)], &*success),
        (&[], &*success),
    ] {
        let visitor = Visitor::new();
        sign_in(&visitor, &emulator, &request(&emulator, "web", &[])).await;
        let page = visitor.get(&format!("{}/session/end?{}", emulator.issuer(), query(pairs))).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("name=\"logout\" value=\"yes\""));
        assert!(page.text.contains(&format!("action=\"{}/session/end/confirm\"", emulator.issuer())));
        let back = sign_out(&visitor, &emulator, &query(pairs)).await;
        assert_eq!((back.status, back.header("location")), (303, place));
        let over = visitor.get(&request(&emulator, "web", &[("prompt", "none")])).await;
        assert_eq!(parameter(over.header("location"), "error").as_deref(), Some("login_required"));
    }
    let back = sign_out(
        &Visitor::new(),
        &emulator,
        &query(&[("client_id", "web"), ("post_logout_redirect_uri", HOME)]),
    )
    .await;
    assert_eq!(back.header("location"), HOME, "without a session, too");
}

#[tokio::test]
async fn a_sign_out_is_refused_in_these_words() {
    let (emulator, visitor) = (emulator().await, Visitor::new());
    let id_token = tokens(&emulator, "web2", &[]).await["id_token"].as_str().unwrap().to_owned();
    for (pairs, code, description) in [
        (
            &[("client_id", "web"), ("post_logout_redirect_uri", "http://localhost:3000/nope")][..],
            "invalid_request",
            "post_logout_redirect_uri not registered",
        ),
        (
            &[("client_id", "nope"), ("post_logout_redirect_uri", HOME)],
            "invalid_client",
            "invalid client nope",
        ),
        (&[("id_token_hint", "a.b.c")], "invalid_request", "could not decode id_token_hint"),
        (
            &[("id_token_hint", &*id_token), ("client_id", "web")],
            "invalid_request",
            "client_id does not match the provided id_token_hint",
        ),
    ] {
        let answer = visitor.get(&format!("{}/session/end?{}", emulator.issuer(), query(pairs))).await;
        assert_eq!(refusal(&answer), refused(400, code, description));
    }
}

#[tokio::test]
async fn offline_access_survives_a_sign_out_and_nothing_else_does() {
    let emulator = emulator().await;
    for (scope, survives) in [("openid offline_access", true), ("openid", false)] {
        let visitor = Visitor::new();
        let callback = sign_in(&visitor, &emulator, &request(&emulator, "web", &[("scope", scope)])).await;
        let body = exchange(&emulator, "web", callback.header("location"), &[]).await.json();
        sign_out(&visitor, &emulator, "client_id=web").await;
        let refreshed = refreshed(&emulator, "web", text(&body, "refresh_token"), &[]).await;
        assert_eq!(refreshed.status == 200, survives, "{scope}");
        let info = user_info(&emulator, text(&body, "access_token")).await;
        assert_eq!(info.status, if survives { 200 } else { 401 });
    }
}

#[tokio::test]
async fn a_logout_token_has_these_members() {
    let emulator = emulator().await;
    let token = emulator.logout_token("web", "alice", Some("a-session"), |_| {}).unwrap();
    let head = super::header(&token);
    assert_eq!((&head["alg"], &head["typ"]), (&json!("ES384"), &json!("logout+jwt")));
    let claims: Value = claims(&json!({ "token": token }), "token");
    assert_eq!(keys_of(&claims), ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"]);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 120);
    assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
}
