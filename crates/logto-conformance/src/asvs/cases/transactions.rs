//! V10.1 and V10.2: where tokens go, and which answers of a provider belong to whom.

use crate::{
    asvs::{
        Binding, Keeping, Stage,
        stage::{parameter, with_parameter},
    },
    flow::{Browser, Page, RESOURCES},
};
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_client::SignInOptions;
use logto_emulator::{Emulator, Endpoint};
use logto_storage_core::MemoryStorage;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

/// So many sign-ins are started.
const STARTS: usize = 1_000;

/// No token reaches the browser, and none goes to an endpoint that has no use for it.
pub async fn v10_1_1_tokens_stay_in_the_back_end<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let issued = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&issued);
        stage.emulator.tamper_token_answer(move |answer| {
            let tokens = ["access_token", "refresh_token", "id_token"].map(|name| answer.get(name).cloned());
            let tokens = tokens.into_iter().flatten().filter_map(|token| Some(token.as_str()?.to_owned()));
            seen.lock().expect("no panic while tokens are seen").extend(tokens);
        });
        let mut pages = vec![stage.get("/logto/sign-in").await];
        let authorization = pages[0].location();
        Browser::new().get(authorization.as_str()).await;
        let callback = stage.approve(&authorization, "alice");
        pages.push(stage.browser.get(&callback).await);
        let token = format!("/access-token?resource={}", RESOURCES[0]);
        for path in ["/", "/protected", "/user-info", "/note?text=x", &token, &token, "/logto/sign-in"] {
            pages.push(stage.get(path).await);
        }
        pages.push(stage.browser.get(&callback).await);
        let leaving = stage.sign_out().await;
        Browser::new().get(leaving.location()).await;
        pages.extend([leaving, stage.get("/logto/signed-out").await, stage.get("/").await]);
        let issued = issued.lock().expect("no panic while tokens are seen").clone();
        assert!(issued.len() >= 5, "{} tokens", issued.len());
        for page in &pages {
            let told = told(page);
            // The last part alone would do for who knows the rest.
            let token = issued.iter().find(|token| {
                told.contains(*token) || told.contains(token.rsplit('.').next().unwrap_or_default())
            });
            assert!(token.is_none(), "{} tells a token to the browser", page.url);
        }
        let elsewhere = [
            Endpoint::Discovery,
            Endpoint::Jwks,
            Endpoint::Authorize,
            Endpoint::EndSession,
            Endpoint::Introspection,
        ];
        for endpoint in elsewhere {
            for received in stage.emulator.all_received(endpoint) {
                let mut values = received.parameters.iter().map(|(_, value)| value);
                assert!(values.all(|value| !issued.contains(value)), "{endpoint:?} is sent a token");
                assert_eq!(received.authorization, None, "{endpoint:?}");
            }
        }
    }
}

fn told(page: &Page) -> String {
    let headers = page.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n"));
    format!("{}\n{}{}", page.url, headers.collect::<String>(), page.body)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Own,
    OfAThird,
    Absent,
    Used,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cookie {
    Own,
    OfAnother,
    Absent,
}

/// Five states and three cookies: one of the fifteen signs in, and no other makes a token request. What binds
/// a transaction is never the same, and goes out as a hash alone.
pub async fn v10_1_2_a_callback_belongs_to_its_browser_and_transaction<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        for state in [State::Own, State::OfAThird, State::Absent, State::Used, State::Expired] {
            for cookie in [Cookie::Own, Cookie::OfAnother, Cookie::Absent] {
                one_callback(&stage, state, cookie).await;
            }
        }
        let authorization = stage.start().await;
        stage.browser.get(stage.approve(&authorization, "alice")).await;
        let sent = stage.emulator.received(Endpoint::Token).expect("a token request").parameters;
        let sent = sent.into_iter().find(|(name, _)| name == "code_verifier").expect("a verifier").1;
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, sent.as_bytes()));
        assert_eq!(parameter(&authorization, "code_challenge"), Some(hash));
    }
    let stage = Stage::set::<B>(Keeping::Session).await;
    let mut values = BTreeSet::new();
    for _ in 0..STARTS {
        let session = stage.client.session(MemoryStorage::new());
        let authorization = session.sign_in(SignInOptions::new()).await.expect("a sign-in starts");
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(&authorization, name).expect(name);
            assert_eq!(value.len(), 43, "256 bits");
            values.insert(value);
        }
        assert_eq!(parameter(&authorization, "code_challenge_method").as_deref(), Some("S256"));
    }
    assert_eq!(values.len(), 3 * STARTS, "a value has come twice");
}

async fn one_callback(stage: &Stage, state: State, cookie: Cookie) {
    let (own, another, fresh) = (stage.fresh(), stage.fresh(), stage.fresh());
    let authorization = stage.start_in(&own).await;
    stage.start_in(&another).await;
    let of_a_third = parameter(&stage.start_in(&stage.fresh()).await, "state");
    let mut callback = stage.approve(&authorization, "alice");
    match state {
        State::Own => {}
        State::OfAThird => callback = with_parameter(&callback, "state", of_a_third.as_deref()),
        State::Absent => callback = with_parameter(&callback, "state", None),
        State::Used => assert_eq!(own.get(&callback).await.status, 303),
        State::Expired => {
            for _ in 0..4 {
                stage.clock.advance(Duration::from_secs(20 * 60));
                own.get(stage.at("/note")).await;
                another.get(stage.at("/note")).await;
            }
        }
    }
    let browser = match cookie {
        Cookie::Own => own,
        Cookie::OfAnother => another,
        Cookie::Absent => fresh,
    };
    let calls = stage.emulator.count(Endpoint::Token);
    let before = browser.get(stage.at("/")).await.body;
    let status = browser.get(&callback).await.status;
    let after = browser.get(stage.at("/")).await.body;
    if (state, cookie) == (State::Own, Cookie::Own) {
        assert_eq!((status, after == "nobody"), (303, false));
        return assert_eq!(stage.emulator.count(Endpoint::Token), calls + 1);
    }
    assert_eq!((status, after), (400, before), "{state:?} state, {cookie:?} cookie");
    assert_eq!(stage.emulator.count(Endpoint::Token), calls, "{state:?} state, {cookie:?} cookie");
}

/// A link to an attacker's callback makes no request in the victim's name, and a code of the attacker's under
/// the victim's state is worth nothing.
pub async fn v10_2_1_a_forged_callback_makes_no_token_request<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        stage.emulator.add_user(logto_emulator::User::new("mallory").password("mallory"));
        let attacker = stage.fresh();
        let forged = async || stage.approve(&stage.start_in(&attacker).await, "mallory");
        let (newcomer, pending) = (stage.fresh(), stage.fresh());
        let authorization = stage.start_in(&pending).await;
        assert_eq!(parameter(&authorization, "code_challenge_method").as_deref(), Some("S256"));
        let alice = stage.signed_in("alice").await;
        let calls = stage.emulator.count(Endpoint::Token);
        for (victim, who) in [(&newcomer, "nobody"), (&pending, "nobody"), (&stage.browser, alice.as_str())] {
            assert_eq!(victim.get(forged().await).await.status, 400, "{keeping:?}");
            assert_eq!(victim.get(stage.at("/")).await.body, who, "{keeping:?}");
        }
        assert_eq!(stage.emulator.count(Endpoint::Token), calls, "{keeping:?}");
        let state = parameter(&authorization, "state");
        let injected = with_parameter(&forged().await, "state", state.as_deref());
        let refused = pending.get(&injected).await.status;
        assert!((400..600).contains(&refused), "{keeping:?}: {refused}");
        assert_eq!(pending.get(stage.at("/")).await.body, "nobody", "{keeping:?}");
    }
}

/// An answer in the name of another provider, or of none, with a code or an error, goes to no token endpoint.
pub async fn v10_2_2_an_answer_of_another_provider_is_refused<B: Binding>() {
    let other = Emulator::start().await.expect("another local Logto starts");
    let stage = Stage::set::<B>(Keeping::Session).await;
    let issuer = stage.emulator.issuer();
    let (slash, upper) = (format!("{issuer}/"), issuer.to_uppercase());
    let (cut, encoded) = (&issuer[..issuer.len() - 1], issuer.replace("oidc", "%6Fidc"));
    for wrong in
        [&other.issuer(), &slash, &upper, cut, &encoded, "", "null"].map(Some).into_iter().chain([None])
    {
        for answer in ["code", "error"] {
            let authorization = stage.start().await;
            let callback = match answer {
                "code" => stage.approve(&authorization, "alice"),
                _ => stage.emulator.abort(authorization.as_str()).expect("an answer"),
            };
            let page = stage.browser.get(with_parameter(&callback, "iss", wrong)).await;
            assert_eq!(page.status, 400, "{wrong:?} with {answer}: {}", page.body);
            assert!(!page.body.contains("oidc.aborted"), "an error of who knows whom is told: {}", page.body);
        }
    }
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    let twice = format!("{callback}&iss={}", other.issuer());
    assert_eq!(stage.browser.get(twice).await.status, 400);
    assert_eq!(stage.emulator.count(Endpoint::Token) + other.count(Endpoint::Token), 0);
    assert_eq!(stage.who().await, "nobody");
    stage.signed_in("alice").await;
}

/// Scopes, resources and parameters are those that were configured; a refresh asks for its resource alone.
pub async fn v10_2_3_only_the_configured_scopes_are_asked_for<B: Binding>() {
    let stage = Stage::set::<B>(Keeping::Session).await;
    let authorization = stage.start().await;
    let scopes = |text: Option<String>| {
        text.unwrap_or_default().split(' ').map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let configured = ["openid", "offline_access", "profile", "email", "custom_data"].map(str::to_owned);
    assert_eq!(scopes(parameter(&authorization, "scope")), configured.into());
    let (mut resources, mut names) = (Vec::new(), BTreeSet::new());
    for (name, value) in authorization.query_pairs() {
        match &*name {
            "resource" => resources.push(value.into_owned()),
            _ => assert!(names.insert(name.into_owned()), "a parameter comes twice: {authorization}"),
        }
    }
    assert_eq!(resources, RESOURCES);
    let known = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "prompt",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(names, known.map(str::to_owned).into());
    assert_eq!(parameter(&authorization, "response_type").as_deref(), Some("code"));
    stage.browser.get(stage.approve(&authorization, "alice")).await;
    assert_eq!(stage.token_status().await, 200);
    let sent = stage.emulator.received(Endpoint::Token).expect("a refresh").parameters;
    let resources: Vec<_> = sent.iter().filter(|(name, _)| name == "resource").collect();
    assert_eq!(resources, [&("resource".to_owned(), RESOURCES[0].to_owned())]);

    let little = Stage::with::<B>(Keeping::Session, |config| {
        config.include_reserved_scopes(false).scopes(["openid"]).resources([""; 0])
    });
    let authorization = little.await.start().await;
    assert_eq!(scopes(parameter(&authorization, "scope")), ["openid".to_owned()].into());
    assert_eq!(parameter(&authorization, "resource"), None);
}
