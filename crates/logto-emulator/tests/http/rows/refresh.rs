//! §5: the refresh token grant of a confidential application.

use super::{
    ALL, API, ORG_API, ORGANIZATIONS, ORGANIZATIONS_SCOPE, SECOND, claims, emulator, refreshed, refusal,
    refused, text, tokens,
};
use crate::answers::user_info;
use logto_emulator::{Emulator, Role};
use serde_json::{Value, json};

const ASKED: &str = "openid offline_access profile email custom_data identities \
    urn:logto:scope:organizations urn:logto:scope:organization_roles read:x write:x read:o write:o \
    read:member invite:member";

/// Signed in for all resources: the refresh token.
async fn everything(emulator: &Emulator) -> String {
    let asked = [
        ("scope", ASKED),
        ("resource", API),
        ("resource", ORG_API),
        ("resource", ORGANIZATIONS),
        ("nonce", "n"),
    ];
    text(&tokens(emulator, "web", &asked).await, "refresh_token").to_owned()
}

async fn brought(emulator: &Emulator, refresh_token: &str, more: &[(&str, &str)]) -> Value {
    let answer = refreshed(emulator, "web", refresh_token, more).await;
    assert_eq!(answer.status, 200, "{more:?}: {}", answer.text);
    answer.json()
}

#[tokio::test]
async fn plain_brings_an_opaque_token_and_an_id_token_with_the_nonce_of_the_sign_in() {
    let emulator = emulator().await;
    let body = brought(&emulator, &everything(&emulator).await, &[]).await;
    assert_eq!((text(&body, "access_token").len(), &body["scope"]), (43, &json!(ALL)));
    assert_eq!(claims(&body, "id_token")["nonce"], "n");
}

#[tokio::test]
async fn a_resource_brings_its_token_and_an_id_token() {
    let emulator = emulator().await;
    let body = brought(&emulator, &everything(&emulator).await, &[("resource", API)]).await;
    assert_eq!(
        (&claims(&body, "access_token")["aud"], &body["scope"]),
        (&json!(API), &json!("read:x write:x"))
    );
    assert!(body.get("id_token").is_some());
}

#[tokio::test]
async fn an_organization_brings_its_token_with_the_scopes_of_the_role_there() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    let body = brought(&emulator, &good, &[("organization_id", "acme")]).await;
    let claims = claims(&body, "access_token");
    assert_eq!(
        (&claims["aud"], &claims["scope"]),
        (&json!("urn:logto:organization:acme"), &json!("read:member invite:member"))
    );
    assert_eq!(claims.get("organization_id"), None);
    let plain = tokens(&emulator, "web", &[("scope", ALL), ("resource", API)]).await;
    let body = brought(&emulator, text(&plain, "refresh_token"), &[("organization_id", "acme")]).await;
    assert_eq!(body["scope"], "");
}

#[tokio::test]
async fn an_organization_and_a_resource_bring_a_token_of_the_resource_that_names_the_organization() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    for (resource, scope) in [(ORG_API, "read:o"), (API, "read:x write:x")] {
        let body = brought(&emulator, &good, &[("organization_id", "acme"), ("resource", resource)]).await;
        let claims = claims(&body, "access_token");
        assert_eq!((&claims["aud"], &claims["organization_id"]), (&json!(resource), &json!("acme")));
        assert_eq!(claims["scope"], scope);
    }
}

#[tokio::test]
async fn an_organizations_api_without_organization_brings_its_scopes_and_names_none() {
    let emulator = emulator().await;
    let body = brought(&emulator, &everything(&emulator).await, &[("resource", ORG_API)]).await;
    let claims = claims(&body, "access_token");
    assert_eq!((&claims["scope"], claims.get("organization_id")), (&json!("read:o"), None));
}

#[tokio::test]
async fn a_narrower_scope_narrows_the_answer_and_not_the_refresh_token() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    let body = brought(&emulator, &good, &[("scope", "openid profile")]).await;
    assert_eq!(body["scope"], "openid profile");
    let claims = claims(&body, "id_token");
    assert_eq!((claims.get("email"), claims.get("organizations")), (None, None));
    let body = brought(&emulator, &good, &[("scope", "profile")]).await;
    assert_eq!(
        (text(&body, "access_token").len(), body.get("id_token")),
        (43, None),
        "several resources: opaque"
    );
    assert_eq!(user_info(&emulator, text(&body, "access_token")).await.status, 403);
    assert_eq!(brought(&emulator, &good, &[]).await["scope"], ALL);
}

#[tokio::test]
async fn a_narrower_scope_without_openid_and_one_resource_brings_that_resources_token() {
    let emulator = emulator().await;
    let asked = [("scope", "openid offline_access profile read:x"), ("resource", API)];
    let body = tokens(&emulator, "web", &asked).await;
    let body = brought(&emulator, text(&body, "refresh_token"), &[("scope", "profile")]).await;
    assert_eq!((&claims(&body, "access_token")["aud"], &body["scope"]), (&json!(API), &json!("")));
}

#[tokio::test]
async fn a_wider_or_unknown_scope_is_refused_and_named() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    for scope in ["phone", "nope"] {
        let answer = refreshed(&emulator, "web", &good, &[("scope", &format!("openid {scope}"))]).await;
        assert_eq!(refusal(&answer), refused(400, "invalid_scope", "refresh token missing requested scope"));
        assert_eq!(answer.json()["scope"], scope);
        assert_eq!(answer.json()["message"], "Invalid scope: {{error_description}}.");
    }
}

#[tokio::test]
async fn an_unknown_malformed_or_unasked_resource_is_refused() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    for resource in ["https://nope.example.test", "not a uri", SECOND, "urn:logto:organization:acme"] {
        let answer = refreshed(&emulator, "web", &good, &[("resource", resource)]).await;
        let expected = refused(400, "invalid_target", "resource indicator is missing, or unknown");
        assert_eq!(refusal(&answer), expected, "{resource}");
    }
}

#[tokio::test]
async fn two_resources_bring_an_opaque_token() {
    let emulator = emulator().await;
    let two = [("resource", API), ("resource", ORG_API)];
    let body = brought(&emulator, &everything(&emulator).await, &two).await;
    assert_eq!(text(&body, "access_token").len(), 43);
}

#[tokio::test]
async fn an_organization_of_others_or_of_nobody_is_refused() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    for id in ["other", "zzzzzzzzzzzz"] {
        let answer = refreshed(&emulator, "web", &good, &[("organization_id", id)]).await;
        assert_eq!(
            refusal(&answer),
            refused(403, "access_denied", "user is not a member of the organization")
        );
    }
}

#[tokio::test]
async fn an_organization_without_its_scope_in_the_sign_in_is_refused() {
    let emulator = emulator().await;
    let body = tokens(&emulator, "web", &[("resource", API)]).await;
    for more in [&[("organization_id", "acme")][..], &[("organization_id", "acme"), ("resource", API)]] {
        let answer = refreshed(&emulator, "web", text(&body, "refresh_token"), more).await;
        assert_eq!(
            refusal(&answer),
            refused(403, "insufficient_scope", "refresh token missing required scope")
        );
        let body = answer.json();
        assert_eq!(body["scope"], ORGANIZATIONS_SCOPE);
        assert_eq!(body["message"], "Token missing scope `{{scope}}`.");
    }
}

#[tokio::test]
async fn the_resource_of_organizations_is_a_resource_where_it_was_asked_for() {
    let emulator = emulator().await;
    let body = brought(&emulator, &everything(&emulator).await, &[("resource", ORGANIZATIONS)]).await;
    assert_eq!(claims(&body, "access_token")["aud"], ORGANIZATIONS);
    assert_eq!(body["scope"], "read:member invite:member");
    let plain = tokens(&emulator, "web", &[("scope", ALL), ("resource", API)]).await;
    let answer =
        refreshed(&emulator, "web", text(&plain, "refresh_token"), &[("resource", ORGANIZATIONS)]).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn organization_scopes_need_the_resource_of_organizations_in_the_request() {
    let emulator = emulator().await;
    let asked = [("scope", ASKED), ("resource", API)];
    let body = tokens(&emulator, "web", &asked).await;
    let more = [("organization_id", "acme"), ("scope", "read:member")];
    let answer = refreshed(&emulator, "web", text(&body, "refresh_token"), &more).await;
    assert_eq!(refusal(&answer), refused(400, "invalid_scope", "refresh token missing requested scope"));
}

#[tokio::test]
async fn scopes_follow_the_roles_live_as_far_as_the_sign_in_asked() {
    let emulator = emulator().await;
    let good = everything(&emulator).await;
    let scope = async || brought(&emulator, &good, &[("resource", API)]).await["scope"].clone();
    emulator.remove_role("alice", "x-user");
    assert_eq!(scope().await, "");
    emulator.assign_role("alice", "x-user");
    assert_eq!(scope().await, "read:x write:x");
    emulator.add_role(Role::new("x-user").scopes(API, ["read:x", "write:x", "late:z"]));
    assert_eq!(scope().await, "read:x write:x", "what was not asked for does not appear");
    emulator.leave_organization("alice", "acme");
    let answer = refreshed(&emulator, "web", &good, &[("organization_id", "acme")]).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_suspended_or_deleted_person_is_an_invalid_grant() {
    let emulator = emulator().await;
    let body = tokens(&emulator, "web", &[]).await;
    let (refresh_token, access_token) = (text(&body, "refresh_token"), text(&body, "access_token"));
    emulator.suspend("alice", true);
    assert_eq!(refreshed(&emulator, "web", refresh_token, &[]).await.json()["error"], "invalid_grant");
    assert_eq!(user_info(&emulator, access_token).await.status, 401);
    emulator.suspend("alice", false);
    assert_eq!(refreshed(&emulator, "web", refresh_token, &[]).await.status, 200);
    emulator.remove_user("alice");
    assert_eq!(refreshed(&emulator, "web", refresh_token, &[]).await.json()["error"], "invalid_grant");
    assert_eq!(user_info(&emulator, access_token).await.status, 401);
}

#[tokio::test]
async fn a_person_kept_out_of_an_application_is_refused_and_the_token_lives_on() {
    let emulator = emulator().await;
    let body = tokens(&emulator, "web", &[]).await;
    emulator.set_access("web", "alice", false);
    let answer = refreshed(&emulator, "web", text(&body, "refresh_token"), &[]).await;
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("access_denied")));
    emulator.set_access("web", "alice", true);
    assert_eq!(refreshed(&emulator, "web", text(&body, "refresh_token"), &[]).await.status, 200);
}
