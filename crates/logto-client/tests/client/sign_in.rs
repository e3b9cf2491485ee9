//! Starting a sign-in.

use crate::stage::{Stage, parameter};
use logto_client::{ErrorKind, FirstScreen, Prompt, SignInOptions};
use logto_emulator::Endpoint;
use std::collections::HashSet;

#[tokio::test]
async fn each_sign_in_has_a_state_nonce_and_challenge_of_its_own() {
    let stage = Stage::set().await;
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let url = stage.session().sign_in(SignInOptions::new()).await.unwrap();
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(url.as_str(), name);
            assert_eq!(value.len(), 43, "256 random bits, base64url");
            assert!(seen.insert(value), "{name} comes again");
        }
    }
    assert_eq!(stage.emulator.count(Endpoint::Discovery), 1);
}

#[tokio::test]
async fn the_address_carries_what_was_configured_and_asked_for() {
    let stage = Stage::with(|config| config.scopes(["email"]).resources(["https://api.example.com"])).await;
    let options = SignInOptions::new().first_screen(FirstScreen::Register).login_hint("a b");
    let url = stage.session().sign_in(options).await.unwrap();
    assert!(
        url.as_str()
            .starts_with(&format!("{}/auth?client_id=local-app&redirect_uri=", stage.client.issuer()))
    );
    for (name, value) in [
        ("redirect_uri", crate::stage::CALLBACK),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
        ("scope", "openid offline_access profile email"),
        ("resource", "https://api.example.com"),
        ("first_screen", "register"),
        ("login_hint", "a b"),
    ] {
        assert_eq!(parameter(url.as_str(), name), value);
    }
}

#[tokio::test]
async fn a_wrong_option_is_an_error_that_names_it() {
    let stage = Stage::set().await;
    let new = SignInOptions::new;
    for (options, name) in [
        (new().redirect_uri("callback"), "redirect_uri"),
        (new().redirect_uri("http://localhost:3000/callback#x"), "redirect_uri"),
        (new().post_redirect_uri("https://evil.example"), "post_redirect_uri"),
        (new().post_redirect_uri("//evil.example"), "post_redirect_uri"),
        (new().prompt([]), "prompt"),
        (new().prompt([Prompt::None, Prompt::Consent]), "prompt"),
        (new().extra_param("state", "mine"), "extra_param"),
        (new().extra_param("redirect_uri", "mine"), "extra_param"),
        (new().extra_param("request_uri", "mine"), "extra_param"),
    ] {
        let error = stage.session().sign_in(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    assert!(stage.items().await.is_empty(), "nothing is pending of what was refused");
}

#[tokio::test]
async fn where_the_person_goes_afterwards_is_kept_on_this_side() {
    let stage = Stage::set().await;
    let url = stage.session().sign_in(SignInOptions::new().post_redirect_uri("/orders?id=7")).await.unwrap();
    assert!(!url.as_str().contains("orders"));
    let callback = stage.emulator.approve(url.as_str(), "alice").unwrap();
    let signed_in = stage.complete(&callback).await.unwrap();
    assert_eq!(signed_in.post_redirect_uri(), Some("/orders?id=7"));
}
