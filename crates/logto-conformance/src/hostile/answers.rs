//! What a provider answers.

use super::scene::{API, ID_TOKEN, NOW, Script, choice, client, config, is_safe, machine, member, play};
use super::stored::signed_in;
use logto_client::{ErrorKind, LogtoError, TokenTarget, web};
use logto_storage_core::MemoryStorage;
use serde_json::Value;
use std::{hint::black_box, time::Duration};

/// The first byte is the status, the rest the body.
fn answer(at: &'static str, input: &[u8]) -> Script {
    const STATUSES: [u16; 10] = [200, 200, 200, 201, 400, 401, 403, 429, 500, 503];
    let (first, body) = choice(input);
    Script {
        at,
        status: STATUSES[usize::from(first) % STATUSES.len()],
        retry_after: None,
        body: body.to_vec(),
    }
}

/// What every error keeps to, whatever the provider has put in it.
pub(super) fn check_error(error: &LogtoError) {
    let page = web::error_page(error, Some("/logto/sign-in"));
    assert!(!page.contains("<script"), "a page that runs: {page}");
    assert!((400..600).contains(&error.kind().status()), "an error that is none");
    assert!(serde_json::from_str::<Value>(&web::error_json(error)).is_ok(), "an answer that is no JSON");
    assert!(error.retry_after().is_none_or(|wait| wait <= Duration::from_secs(60)), "too long a wait");
    black_box((format!("{error} {error:?}"), web::causes(error)));
}

/// The metadata.
pub(super) fn discovery(input: &[u8]) -> bool {
    let script = Script { at: "openid-configuration", status: 200, retry_after: None, body: input.to_vec() };
    let session = client(config(script)).session(MemoryStorage::new());
    let sign_in = play(session.sign_in(logto_client::SignInOptions::new()));
    let taken = sign_in.is_ok();
    match sign_in {
        Ok(url) => {
            assert!(is_safe(&url) && url.fragment().is_none(), "sign-in at {url}");
            let states = url.query_pairs().filter(|(name, _)| name == "state").count();
            assert!(states >= 1, "sign-in without `state`");
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::ProviderMisbehaved), "{error:?}");
            check_error(&error);
        }
    }
    match play(session.sign_out(None)) {
        Ok(url) => assert!(is_safe(&url), "sign-out at {url}"),
        Err(error) => check_error(&error),
    }
    taken
}

/// The token endpoint's answer to a refresh and to a machine.
pub(super) fn token_answer(input: &[u8]) -> bool {
    let script = answer("/token", input);
    let machine = machine(script.clone());
    let storage = signed_in(&ID_TOKEN);
    let client = client(config(script));
    play(async {
        let refreshed = client.session(storage.clone()).access_token(API).await;
        let taken = refreshed.is_ok();
        match refreshed {
            Ok(token) => {
                assert!(!token.expose().is_empty(), "an empty token");
                assert!(token.expires_at() >= NOW, "a token that is over already");
                black_box((token.claims(), token.scopes().count()));
            }
            Err(error) => {
                check_error(&error);
                let over = error.kind() == ErrorKind::NotAuthenticated;
                let still = client.session(storage).is_authenticated().await;
                assert!(over || still.is_ok_and(|still| still), "signed out by {error}");
            }
        }
        match machine.access_token(TokenTarget::resource(API)).await {
            Ok(token) => assert!(!token.expose().is_empty(), "an empty token"),
            Err(error) => check_error(&error),
        }
        client.shutdown().await;
        taken
    })
}

/// The answer about a person.
pub(super) fn user_info(input: &[u8]) -> bool {
    let storage = signed_in(&ID_TOKEN);
    let session = client(config(answer("/me", input))).session(storage);
    let info = play(session.fetch_user_info());
    match &info {
        Ok(info) => {
            assert!(member(info.as_map(), "sub") == "alice", "of somebody else");
            let names = (info.name(), info.username(), info.picture(), info.email(), info.phone_number());
            black_box((
                names,
                info.roles().count(),
                info.organizations().count(),
                info.organization_roles().count(),
            ));
            black_box((info.email_verified(), info.phone_number_verified(), format!("{info:?}")));
        }
        Err(error) => check_error(error),
    }
    info.is_ok()
}

/// The header `Retry-After`.
pub(super) fn retry_after(input: &[u8]) -> bool {
    let (first, text) = choice(input);
    let script = Script {
        at: "/token",
        status: if first % 2 == 0 { 429 } else { 503 },
        retry_after: Some(String::from_utf8_lossy(text).into_owned()),
        body: Vec::new(),
    };
    let machine = machine(script);
    let Err(error) = play(machine.access_token(TokenTarget::resource(API))) else {
        panic!("a token out of an error");
    };
    check_error(&error);
    let wait = error.retry_after().unwrap_or_default();
    assert!(wait >= Duration::from_millis(500), "a wait of {wait:?} is no wait");
    wait != Duration::from_secs(1)
}
