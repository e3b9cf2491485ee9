//! V9: what a self-contained token is believed by. The same at all who take one: callback, API, logout.

use crate::{
    asvs::{
        Binding,
        forge::{Claims, by_secret, by_stranger, changed, claims_of, header_of, jwk, now, unsigned},
        receivers::{Receiver, Receivers},
    },
    servers::listener,
};
use serde_json::{Value, json};

/// Makes a bad token of a good one.
type Spoil = fn(&str) -> String;

/// A token whose signature is not that of the provider over these very bytes.
pub async fn v9_1_1_a_token_is_believed_by_its_signature_alone<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    let spoils: [(&str, Spoil); 6] = [
        ("a signature of a stranger", |good| by_stranger(&header_of(good), &claims_of(good))),
        ("a flipped bit", |good| {
            let at = good.rfind('.').unwrap_or_default() + 10;
            let other = if good[at..].starts_with('A') { "B" } else { "A" };
            format!("{}{other}{}", &good[..at], &good[at + 1..])
        }),
        ("no signature", |good| good[..=good.rfind('.').unwrap_or_default()].to_owned()),
        ("half a signature", |good| good[..good.len() - 64].to_owned()),
        ("two parts", |good| good[..good.rfind('.').unwrap_or_default()].to_owned()),
        ("other claims under a good signature", |good| {
            let mut claims = claims_of(good);
            claims.insert("admin".to_owned(), true.into());
            let forged = unsigned(&header_of(good), &claims);
            format!("{forged}{}", &good[good.rfind('.').unwrap_or_default() + 1..])
        }),
    ];
    receivers.take_good_ones(&Receiver::ALL).await;
    for (what, spoil) in spoils {
        receivers
            .refuse(&Receiver::ALL, what, |them, receiver, claims| spoil(&them.signed(receiver, claims)))
            .await;
    }
}

/// Neither `none` nor a MAC, under whatever secret, nor an algorithm that is not the key's.
pub async fn v9_1_2_only_the_allowed_algorithms_are_taken<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    receivers.take_good_ones(&Receiver::ALL).await;
    let header = |them: &Receivers, receiver, claims: &Claims, alg: &str| {
        changed(&header_of(&them.signed(receiver, claims)), json!({"alg": alg}))
    };
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            unsigned(&header(them, receiver, claims, alg), claims)
        };
        receivers.refuse(&Receiver::ALL, alg, make).await;
    }
    let keys = receivers.stage.fresh().get(format!("{}/jwks", receivers.stage.emulator.issuer())).await.body;
    let published: Value = serde_json::from_str(&keys).expect("keys");
    let key = &published["keys"][0];
    let x = key["x"].as_str().unwrap_or_default();
    for secret in ["local-secret", "", keys.trim(), &key.to_string(), x] {
        for alg in ["HS256", "ES384"] {
            let make = |them: &Receivers, receiver, claims: &Claims| {
                by_secret(&header(them, receiver, claims, alg), claims, secret.as_bytes())
            };
            receivers.refuse(&Receiver::ALL, (alg, secret), make).await;
        }
    }
    for alg in ["ES256", "ES512", "RS256", "PS256", "EdDSA", "es384"] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            let good = them.signed(receiver, claims);
            let signature = &good[good.rfind('.').unwrap_or_default() + 1..];
            format!("{}{signature}", unsigned(&changed(&header_of(&good), json!({"alg": alg})), claims))
        };
        receivers.refuse(&Receiver::ALL, alg, make).await;
    }
}

/// Keys that a token itself brings or points to are neither used nor fetched.
pub async fn v9_1_3_keys_come_from_the_configured_issuer_alone<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    receivers.take_good_ones(&Receiver::ALL).await;
    let (trap, address) = listener();
    let at = format!("http://{address}/keys");
    let x5c = json!(["MIIBszCCAVmgAwIBAgIUe"]);
    for brought in [
        json!({"jwk": jwk("stranger"), "kid": "stranger"}),
        json!({"jwk": jwk("stranger"), "kid": null}),
        json!({"jwk": jwk("stranger")}),
        json!({"jku": at, "kid": "stranger"}),
        json!({"jku": at}),
        json!({"x5u": at}),
        json!({"x5c": x5c, "kid": "stranger"}),
        json!({"kid": at}),
        json!({"kid": "../../../dev/null"}),
        json!({"kid": "stranger"}),
        json!({"kid": null}),
    ] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            by_stranger(&changed(&header_of(&them.signed(receiver, claims)), brought.clone()), claims)
        };
        receivers.refuse(&Receiver::ALL, &brought, make).await;
    }
    assert!(trap.accept().is_err(), "somebody has followed an address in a token");
}

/// Before it begins and after it ends a token is refused, and so is one without an end.
pub async fn v9_2_1_a_token_is_taken_within_its_time_alone<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    receivers.take_good_ones(&Receiver::ALL).await;
    let now = now();
    for times in [
        json!({"iat": now - 7200, "exp": now - 3600}),
        json!({"exp": now - 3600}),
        json!({"exp": 1}),
        json!({"exp": 0}),
        json!({"exp": -1}),
        json!({"exp": "9999999999"}),
        json!({"exp": null}),
        json!({"nbf": now + 3600}),
        json!({"iat": now + 3600, "exp": now + 7200}),
        json!({"iat": null}),
    ] {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            them.signed(receiver, &changed(claims, times.clone()))
        };
        // An access token is good without saying since when: RFC 9068 asks for it, and so it is refused.
        receivers.refuse(&Receiver::ALL, &times, make).await;
    }
}

/// A good token of one type opens nothing at who takes another, whatever else it says.
pub async fn v9_2_2_a_token_of_another_type_is_refused<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    receivers.take_good_ones(&Receiver::ALL).await;
    // The same claims under the type of another.
    for (receiver, typs) in [
        (
            Receiver::Callback,
            [Some("at+jwt"), Some("logout+jwt"), Some("application/at+jwt"), Some("dpop+jwt")],
        ),
        (Receiver::Api, [None, Some("JWT"), Some("logout+jwt"), Some("id+jwt")]),
        (Receiver::Logout, [None, Some("JWT"), Some("at+jwt"), Some("secevent+jwt")]),
    ] {
        for typ in typs {
            let make = |them: &Receivers, _, claims: &Claims| them.stage.emulator.sign(typ, claims.clone());
            receivers.refuse(&[receiver], typ, make).await;
        }
    }
    // Tokens as they are issued, each taken to the others.
    let now = now();
    let id_token = json!({
        "iss": receivers.stage.emulator.issuer(), "aud": "local-app", "sub": "person", "iat": now, "exp": now + 3600,
    });
    let id_token = receivers.stage.emulator.sign(None, changed(&Claims::new(), id_token));
    let access_token = receivers.signed(Receiver::Api, &receivers.api.claims(json!({})));
    let logout_token = receivers.signed(Receiver::Logout, &receivers.logout_claims());
    for (token, receivers_of_others) in [
        (&id_token, [Receiver::Api, Receiver::Logout]),
        (&access_token, [Receiver::Callback, Receiver::Logout]),
        (&logout_token, [Receiver::Callback, Receiver::Api]),
    ] {
        receivers.refuse(&receivers_of_others, token, |_, _, _| token.clone()).await;
    }
}

/// A token whose audience is not this application, or this API, to the letter.
pub async fn v9_2_3_a_token_for_somebody_else_is_refused<B: Binding>() {
    let receivers = Receivers::set::<B>().await;
    receivers.take_good_ones(&Receiver::ALL).await;
    let others: [fn(&str) -> Value; 9] = [
        |_| json!("https://somebody.else"),
        |ours| json!(format!("{ours}x")),
        |ours| json!(ours[..ours.len() - 1]),
        |ours| json!(ours.to_uppercase()),
        |ours| json!(format!("{ours} ")),
        |_| json!(["https://somebody.else", "another"]),
        |_| json!([]),
        |_| json!(""),
        |_| Value::Null,
    ];
    for other in others {
        let make = |them: &Receivers, receiver, claims: &Claims| {
            let ours = claims["aud"].as_str().expect("an audience");
            them.signed(receiver, &changed(claims, json!({"aud": other(ours)})))
        };
        receivers.refuse(&Receiver::ALL, other("ours"), make).await;
    }
}
