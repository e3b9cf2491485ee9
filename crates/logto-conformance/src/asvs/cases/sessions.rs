//! V7: session tokens, time-outs, the end of sessions.

use crate::{
    asvs::{
        Binding, Keeping, Stage,
        stage::{ABSOLUTE, IDLE, parameter, with_parameter},
    },
    flow::Browser,
};
use logto_client::{ErrorKind, SignInOptions};
use logto_emulator::{Endpoint, User};
use logto_storage_core::{MemoryStorage, Storage, keys};
use reqwest::Method;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// So many ids are looked at.
const IDS: usize = 2_000;
/// Less than a session may be out of use.
const PAUSE: Duration = Duration::from_secs(20 * 60);

/// Nothing that a browser says of itself counts: only the very token that the server gave out opens a session.
pub async fn v7_2_1_a_session_is_verified_on_the_server<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let who = stage.signed_in("alice").await;
        let cookie = stage.cookie();
        assert_eq!(stage.with_cookie(&cookie, "/").await.body, who, "the cookie is all there is");
        let (name, value) = cookie.split_once('=').expect("a cookie");
        let mut wrong = vec![
            format!("{name}="),
            format!("{name}={value}x"),
            format!("{name}={}", value.to_lowercase()),
            format!("{name}={who}"),
            format!("sub={who}; user={who}; {name}=x"),
            format!("{}={who}; {}=1.{}", keys::ID_TOKEN, keys::SESSION_META, "A".repeat(43)),
        ];
        for (index, character) in value.char_indices() {
            let other = if character == 'a' { 'b' } else { 'a' };
            wrong.push(format!("{name}={}{other}{}", &value[..index], &value[index + 1..]));
            wrong.push(format!("{name}={}", &value[..index]));
        }
        for cookie in wrong.into_iter().filter(|wrong| *wrong != cookie) {
            assert_eq!(stage.with_cookie(&cookie, "/").await.body, "nobody", "{cookie}");
        }
        assert_eq!(stage.who().await, who);
    }
}

/// Each sign-in has a session token of its own, which is good for that sign-in alone.
pub async fn v7_2_2_session_tokens_are_made_anew_and_none_is_static<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let mut cookies = BTreeSet::new();
        for _ in 0..5 {
            let browser = stage.fresh();
            assert_eq!(stage.sign_in_by(&browser, "alice").await.status, 303);
            cookies.insert(browser.cookie_header("localhost"));
        }
        let who = stage.signed_in("alice").await;
        let before = stage.cookie();
        stage.sign_out().await;
        assert!(cookies.insert(before.clone()));
        stage.signed_in("alice").await;
        cookies.insert(stage.cookie());
        assert_eq!(cookies.len(), 7, "of one person: {cookies:?}");
        for cookie in &cookies {
            let expected = if *cookie == before { "nobody" } else { who.as_str() };
            assert_eq!(stage.with_cookie(cookie, "/").await.body, expected);
            assert!(!cookie.contains("local-secret") && !cookie.contains("local-app"));
        }
    }
}

/// Ids of sessions and tickets: no two are equal, they can say 128 bits, and every sign of them is in even use.
pub async fn v7_2_3_session_ids_have_128_random_bits_and_never_repeat<B: Binding>() {
    let stage = Stage::set::<B>(Keeping::Session).await;
    let mut ids = Vec::with_capacity(IDS);
    for _ in 0..IDS {
        let browser = stage.fresh();
        browser.get(stage.at("/note?text=x")).await;
        let cookie = browser.cookie_header("localhost");
        let (_, value) = cookie.split_once('=').expect("a session");
        ids.push(B::session_id(value).to_owned());
    }
    assert_random(&ids);

    let stage = Stage::set::<B>(Keeping::Tickets).await;
    let mut tickets = Vec::with_capacity(IDS);
    for _ in 0..IDS {
        let session = MemoryStorage::new();
        let visitor = stage.client.session(stage.client.storage(session.clone()));
        visitor.sign_in(SignInOptions::new()).await.expect("a sign-in starts");
        let item = Storage::get(&session, keys::SESSION_META).await.expect("a storage");
        tickets.push(item.and_then(|item| Some(item.strip_prefix("1.")?.to_owned())).expect("a ticket"));
    }
    assert_random(&tickets);
}

/// Of what a sound generator makes, one row in a billion fails.
fn assert_random(ids: &[String]) {
    let length = ids[0].len();
    assert!(ids.iter().all(|id| id.len() == length), "ids of several lengths");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids repeat");
    let mut bits = 0.0;
    for place in 0..length {
        let mut signs = BTreeMap::new();
        for id in ids {
            *signs.entry(id.as_bytes()[place]).or_insert(0_u32) += 1;
        }
        // As many signs as are seen, each as often as the others: 7 deviations are never met.
        let each = ids.len() as f64 / signs.len() as f64;
        let most = f64::from(signs.values().copied().max().unwrap_or_default());
        let least = f64::from(signs.values().copied().min().unwrap_or_default());
        assert!(most - each < 7.0 * each.sqrt() && each - least < 7.0 * each.sqrt(), "{signs:?} at {place}");
        bits += (signs.len() as f64).log2();
    }
    assert!(bits >= 128.0, "{bits} bits");
}

/// The token of before opens nothing after a sign-in, whoever planted it; so it is at a second sign-in.
pub async fn v7_2_4_a_new_session_id_at_sign_in<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        stage.get("/note?text=cart").await;
        let mut earlier = Vec::new();
        for _ in 0..3 {
            let before = stage.cookie();
            stage.signed_in("alice").await;
            assert_ne!(stage.cookie(), before, "{keeping:?}");
            assert_eq!(stage.get("/note").await.body, "cart");
            earlier.push(before);
            for planted in &earlier {
                assert_eq!(stage.with_cookie(planted, "/").await.body, "nobody", "{keeping:?}");
                assert_eq!(stage.with_cookie(planted, "/note").await.body, "none", "{keeping:?}");
                assert_eq!(stage.with_cookie(planted, "/user-info").await.status, 401, "{keeping:?}");
            }
        }
    }
}

/// A session that is used lives on; one that nobody has used for the time-out ends.
pub async fn v7_3_1_a_session_out_of_use_ends<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let who = stage.signed_in("alice").await;
        for _ in 0..3 {
            stage.advance(PAUSE);
            assert_eq!(stage.who().await, who, "{keeping:?}");
        }
        assert_eq!(stage.token_status().await, 200);
        let (cookie, calls) = (stage.cookie(), stage.emulator.count(Endpoint::Token));
        stage.advance(IDLE);
        assert_eq!(stage.token_status().await, 401, "{keeping:?}");
        assert_eq!(stage.who().await, "nobody", "{keeping:?}");
        assert_eq!(stage.with_cookie(&cookie, "/").await.body, "nobody", "{keeping:?}");
        assert_eq!(stage.emulator.count(Endpoint::Token), calls, "nothing is refreshed");
    }
}

/// At its age a session ends although it is used all the time, and the provider asks who it is.
pub async fn v7_3_2_a_session_ends_at_its_age_however_much_it_is_used<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let who = stage.signed_in("alice").await;
        let mut age = PAUSE;
        while age < ABSOLUTE {
            stage.advance(PAUSE);
            assert_eq!(stage.who().await, who, "{keeping:?} at {age:?}");
            assert_eq!(stage.token_status().await, 200, "{keeping:?} at {age:?}");
            age += PAUSE;
        }
        let cookie = stage.cookie();
        stage.advance(PAUSE);
        assert_eq!(stage.token_status().await, 401, "{keeping:?}");
        assert_eq!(stage.who().await, "nobody", "{keeping:?}");
        assert_eq!(stage.with_cookie(&cookie, "/").await.body, "nobody", "{keeping:?}");
        let authorization = stage.start().await;
        let prompt = parameter(&authorization, "prompt").unwrap_or_default();
        assert!(prompt.split(' ').any(|prompt| prompt == "login"), "{authorization}");
        assert_eq!(stage.browser.get(stage.approve(&authorization, "alice")).await.status, 303);
        assert_eq!(stage.who().await, who);
    }
}

/// After a sign-out neither the cookie nor the callback nor a page of before brings anything back, here or at
/// the provider; and the next person meets nothing of who was here, however that sign-in ended.
pub async fn v7_4_1_nothing_resumes_a_session_that_has_ended<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let authorization = stage.start().await;
        let callback = stage.approve(&authorization, "alice");
        assert_eq!(stage.browser.get(&callback).await.status, 303);
        assert_eq!(stage.token_status().await, 200);
        assert_eq!(stage.emulator.living_grants_of("alice"), 1);
        let (cookie, calls) = (stage.cookie(), stage.emulator.count(Endpoint::Token));
        let left = stage.browser.with_cookies_of_its_own();
        assert_eq!(stage.sign_out().await.status, 303);
        for browser in [&stage.browser, &left] {
            let again = browser.get(&callback).await.status;
            assert!((400..500).contains(&again), "{keeping:?}: {again}");
            assert_eq!(browser.get(stage.at("/")).await.body, "nobody", "{keeping:?}");
        }
        for path in ["/protected", "/user-info", "/access-token?resource=https://api0.example.test"] {
            assert_eq!(stage.with_cookie(&cookie, path).await.status, 401, "{keeping:?} {path}");
            assert_eq!(stage.ask(path).await.status, 401, "{keeping:?} {path}");
        }
        assert_eq!(stage.emulator.living_grants_of("alice"), 0, "nothing of it is good at the provider");
        assert_eq!(stage.emulator.count(Endpoint::Token), calls);

        stage.emulator.add_user(User::new("bob").password("bob"));
        let who = stage.signed_in("alice").await;
        stage.get("/note?text=of-alice").await;
        stage.emulator.revoke_grants_of("alice");
        assert_eq!(stage.token_status().await, 401);
        assert_eq!(stage.who().await, "nobody");
        assert_ne!(stage.signed_in("bob").await, who);
        assert_eq!(stage.get("/note").await.body, "none", "{keeping:?}");
    }
}

/// An administrator ends all sessions of a person, in the application and in Logto's console; where items lie
/// in sessions, what the person may do ends at the next token.
pub async fn v7_4_5_an_administrator_ends_the_sessions_of_a_person<B: Binding>() {
    let stage = Stage::set::<B>(Keeping::Tickets).await;
    stage.emulator.add_user(User::new("bob").password("bob"));
    let browsers = [stage.fresh(), stage.fresh(), stage.fresh()];
    let everybody = async |username: &str, who: &str| {
        for browser in &browsers {
            assert_eq!(stage.sign_in_by(browser, username).await.status, 303);
            assert_eq!(browser.get(stage.at("/")).await.body, who);
        }
    };
    let nobody = async || {
        for browser in &browsers {
            assert_eq!(browser.get(stage.at("/")).await.body, "nobody");
        }
    };
    let alice = stage.signed_in("alice").await;
    stage.sign_out().await;
    let bob = stage.signed_in("bob").await;
    everybody("alice", &alice).await;
    assert_eq!(stage.client.sign_out_everywhere(&alice).await.expect("a store"), 3);
    nobody().await;
    everybody("alice", &alice).await;
    let told = stage.emulator.send_back_channel_logout("alice").await;
    assert_eq!(told, [("local-app".to_owned(), Ok(200))]);
    nobody().await;
    assert_eq!(stage.who().await, bob, "nobody else's sessions end");

    let stage = Stage::set::<B>(Keeping::Session).await;
    let alice = stage.signed_in("alice").await;
    let refused = stage.client.sign_out_everywhere(&alice).await;
    assert_eq!(
        refused.expect_err("no store").kind(),
        ErrorKind::Misconfigured,
        "it is said that it cannot be"
    );
    stage.emulator.revoke_grants_of("alice");
    assert_eq!(stage.token_status().await, 401);
    assert_eq!(stage.who().await, "nobody");
}

/// Pages, pictures and scripts sign nobody in, nor does an answer that nobody has asked for: the person is
/// sent to the provider, which asks them.
pub async fn v7_6_2_no_session_begins_without_the_person<B: Binding>() {
    for keeping in Keeping::BOTH {
        let stage = Stage::set::<B>(keeping).await;
        let page = stage.get("/").await;
        assert_eq!((page.status, page.body.as_str()), (200, "nobody"));
        assert!(page.header("set-cookie").is_none(), "a visitor has no session");
        for headers in [[("sec-fetch-mode", "cors")], [("sec-fetch-mode", "no-cors")]] {
            let refused = stage.browser.request(Method::GET, stage.at("/protected"), &headers).await;
            assert_eq!(refused.status, 401);
            assert!(refused.header("set-cookie").is_none() && refused.header("location").is_none());
        }
        let unasked = with_parameter(
            &stage.at("/logto/sign-in-callback?code=c&state=s"),
            "iss",
            Some(stage.client.issuer()),
        );
        assert_eq!(stage.get(&unasked).await.status, 400);
        let third_party = with_parameter(&stage.at("/logto/sign-in"), "iss", Some(stage.client.issuer()));
        for start in [stage.get("/protected").await.location().to_string(), third_party] {
            let authorization = stage.browser.get(start).await.location();
            assert!(authorization.as_str().starts_with(stage.client.issuer()), "{authorization}");
            assert_eq!(parameter(&authorization, "prompt").as_deref(), Some("login consent"));
            let asked = Browser::new().get(authorization).await;
            assert!(!asked.location().path().contains("callback"), "the provider asks nobody: {asked:?}");
        }
        assert_eq!(stage.who().await, "nobody");
        assert_eq!(stage.emulator.count(Endpoint::Token), 0);
    }
}
