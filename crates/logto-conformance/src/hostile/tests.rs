//! Properties: no address that the SDK builds leaves its origin, and any content of a storage is answered.

use super::{
    Mutations,
    requests::check_stays,
    scene::{APP, BASE, CALLBACK, ENDPOINT, ISSUER, NOW, Script, client, clock, config, play},
    target,
};
use logto_client::{
    LogtoClient, LogtoConfig, Route, SignInOptions,
    web::{Refusal, RequestFacts, Visit, sign_in_options},
};
use logto_storage_core::MemoryStorage;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};
use url::{Url, form_urlencoded};

/// Where attackers want people to go, and what is made of that by chance.
fn hostile_targets() -> Vec<String> {
    let seeds: Vec<Vec<u8>> = [
        "/orders",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https://app.example@evil.example/",
        "https://app.example.evil.example/",
        "/%2f%2fevil.example",
        "/..//evil.example",
        "javascript:alert(1)",
        "/\u{200b}/evil.example",
        "/a?b=//evil.example#//evil.example",
        "https://app.example/x",
    ]
    .map(|seed| seed.as_bytes().to_vec())
    .to_vec();
    let made = Mutations::new(&seeds, 11).take(4_000).filter_map(|input| String::from_utf8(input).ok());
    made.chain(payloads_beside()).collect()
}

/// The lists of known payloads, where they lie beside the project.
fn payloads_beside() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/open-redirect");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    texts
        .flat_map(|text| match serde_json::from_str::<Vec<String>>(&text) {
            Ok(list) => list,
            Err(_) => text.lines().map(str::to_owned).collect(),
        })
        .collect()
}

fn origin_of(address: &Url) -> String {
    address.origin().ascii_serialization()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[test]
fn wherever_a_person_wants_to_go_after_the_sign_in_they_stay_with_the_application() {
    let client = client(config(Script::default()));
    let page = RequestFacts { method: "GET", ..RequestFacts::default() };
    for raw in hostile_targets() {
        if let Some(target) = client.return_to(&raw) {
            check_stays(&target);
        }
        // A page that needs a sign-in was asked for under this very address.
        let session = client.session(MemoryStorage::new()).for_visit(Visit::new(&page, raw.as_str(), None));
        let error = play(session.id_token_claims()).unwrap_err();
        let Some(Refusal::Redirect(location)) = error.refusal() else { panic!("no redirect for {raw:?}") };
        check_stays(location);
        assert!(location.starts_with("/logto/sign-in?return_to="), "{location}");
        // The sign-in route hears it in its query, and as third parties say it.
        for name in ["return_to", "target_link_uri"] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, &raw).finish();
            let options = sign_in_options(&client, Some(&query), SignInOptions::new()).unwrap();
            let sign_in = play(client.session(MemoryStorage::new()).sign_in(options)).unwrap();
            assert_eq!(origin_of(&sign_in), ENDPOINT, "{raw:?}");
            assert_eq!(parameter(&sign_in, "redirect_uri").as_deref(), Some(CALLBACK), "{raw:?}");
        }
    }
}

#[test]
fn the_addresses_at_the_provider_stay_there_whatever_the_options_say() {
    let client = client(config(Script::default()));
    for raw in hostile_targets() {
        let options = SignInOptions::new()
            .login_hint(&*raw)
            .ui_locales(&*raw)
            .organization_id(&*raw)
            .extra_param(&*raw, &*raw);
        if let Ok(url) = play(client.session(MemoryStorage::new()).sign_in(options)) {
            assert!(url.as_str().starts_with(&format!("{ISSUER}/auth?")), "{url}");
            assert_eq!(parameter(&url, "redirect_uri").as_deref(), Some(CALLBACK));
            assert_eq!(parameter(&url, "login_hint").as_deref(), Some(&*raw));
        }
        if let Ok(url) = play(client.session(MemoryStorage::new()).sign_out(Some(&raw))) {
            assert!(url.as_str().starts_with(&format!("{ISSUER}/session/end?")), "{url}");
            assert_eq!(parameter(&url, "post_logout_redirect_uri").as_deref(), Some(&*raw));
        }
    }
}

#[test]
fn a_prefix_of_the_routes_moves_no_route_off_the_base() {
    let routes = [
        Route::SignIn,
        Route::SignUp,
        Route::SignInCallback,
        Route::SignOut,
        Route::SignedOut,
        Route::BackChannelLogout,
    ];
    let mut accepted = 0;
    for prefix in hostile_targets() {
        let config = config(Script::default()).route_prefix(&*prefix);
        let Ok(client) = LogtoClient::new(config) else { continue };
        accepted += 1;
        for route in routes {
            let url = client.route_url(route).unwrap();
            assert_eq!(origin_of(&url), BASE, "{prefix:?}");
            assert_eq!(url.path(), client.route_path(route), "{prefix:?}");
            assert!(url.query().is_none() && url.fragment().is_none(), "{prefix:?}");
        }
    }
    assert!(accepted > 0);
}

#[test]
fn a_base_or_an_endpoint_is_refused_or_is_the_origin_of_all_that_is_built() {
    for raw in hostile_targets() {
        let plain = LogtoConfig::new(ENDPOINT, APP).clock(clock()).transport(Arc::new(Script::default()));
        if let Ok(client) = LogtoClient::new(plain.base_url(&*raw)) {
            let url = client.route_url(Route::SignInCallback).unwrap();
            assert_eq!(Some(origin_of(&url)), client.base_url().map(origin_of), "{raw:?}");
        }
        let elsewhere = LogtoConfig::new(&*raw, APP).clock(clock()).transport(Arc::new(Script::default()));
        if let Ok(client) = LogtoClient::new(elsewhere) {
            let issuer = Url::parse(client.issuer()).unwrap();
            assert!(
                issuer.path().ends_with("/oidc") && issuer.username().is_empty(),
                "{raw:?} gives {issuer}"
            );
        }
    }
}

/// The document with each value in it replaced by each odd one in turn.
fn with_odd_values(document: &Value) -> Vec<Value> {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("\u{0}\u{202e}"),
        json!("x".repeat(70_000)),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"v": 1}),
    ];
    let mut all = odd.to_vec();
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                let mut without = members.clone();
                without.remove(name);
                all.push(Value::Object(without));
                all.extend(with_odd_values(value).into_iter().map(|odd| {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), odd);
                    Value::Object(changed)
                }));
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                all.extend(with_odd_values(value).into_iter().map(|odd| {
                    let mut changed = list.clone();
                    changed[index] = odd;
                    Value::Array(changed)
                }));
            }
        }
        _ => {}
    }
    all
}

#[test]
fn whatever_a_storage_holds_is_answered() {
    let pending = json!({"v": 1, "pending": [{
        "state": "the-state", "verifier": "v", "nonce": "n", "redirect_uri": CALLBACK, "post_redirect_uri": "/",
        "max_age": 60, "clear_tokens": true, "created_at": NOW,
        "exchanged": {
            "key": "k", "id_token": "a.b.c", "refresh_token": "r",
            "access_token": ["@", {"token": "t", "scope": "s", "expiresAt": NOW + 60}],
        },
    }]});
    let tokens = json!({"@https://api.example": {"token": "t", "scope": "s", "expiresAt": NOW + 3600}, "@": {"token": "u", "expiresAt": NOW}});
    let meta = json!({"v": 1, "visitor": "x", "sign_out_state": "s", "ended_at": NOW});
    let stored_record = target("stored_record").unwrap();
    let mut fed = 0;
    let mut feed = |items: [&str; 5]| {
        fed += 1;
        let input = format!("i{}", items.join("\0"));
        stored_record.feed(input.as_bytes());
        let names = logto_storage_core::keys::ALL;
        let items: serde_json::Map<_, _> =
            names.iter().zip(items).map(|(name, item)| ((*name).to_owned(), json!(item))).collect();
        stored_record.feed(format!("p{}", json!({"salt": "s", "items": items})).as_bytes());
    };
    let good = [pending.to_string(), "$ID".to_owned(), "r".to_owned(), tokens.to_string(), meta.to_string()];
    for (index, document) in [(0, &pending), (3, &tokens), (4, &meta)] {
        for odd in with_odd_values(document) {
            let odd = odd.to_string();
            let mut items = [&*good[0], &*good[1], &*good[2], &*good[3], &*good[4]];
            items[index] = &odd;
            feed(items);
        }
    }
    for odd in ["", ".", "..", "a.b.c", "e30.e30.", "\u{202e}", "null", "{}"] {
        for index in 0..5 {
            let mut items = [&*good[0], &*good[1], &*good[2], &*good[3], &*good[4]];
            items[index] = odd;
            feed(items);
        }
    }
    assert!(fed > 300, "{fed}");
}
