//! How endpoints misbehave on demand: by the library and under `/_emulator/`.

use crate::{
    answers::{code, exchange, token},
    visitor::{Answer, Visitor, authorization, parameter},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_emulator::{Claim, Emulator, Endpoint, Failure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn emulator() -> (Emulator, String) {
    let emulator = Emulator::start().await.unwrap();
    let jwks = format!("{}/jwks", emulator.issuer());
    (emulator, jwks)
}

/// What comes over the wire, headers and all, until the other side ends it or nothing comes for a while.
async fn raw(
    emulator: &Emulator,
    path: &str,
    patience: Duration,
) -> (String, Result<(), std::io::ErrorKind>) {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 65_536];
        match tokio::time::timeout(patience, stream.read(&mut chunk)).await {
            Err(_) => {
                break (String::from_utf8_lossy(&bytes).into_owned(), Err(std::io::ErrorKind::TimedOut));
            }
            Ok(Err(error)) => break (String::from_utf8_lossy(&bytes).into_owned(), Err(error.kind())),
            Ok(Ok(0)) => break (String::from_utf8_lossy(&bytes).into_owned(), Ok(())),
            Ok(Ok(read)) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

#[tokio::test]
async fn a_failure_lasts_once_n_times_or_until_told_otherwise() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    emulator.fail_next(Endpoint::Jwks, Failure::Status(500), 1);
    emulator.set_failure(Endpoint::Discovery, Some(Failure::Status(502)));
    for expected in [500, 200] {
        assert_eq!(visitor.get(&jwks).await.status, expected);
    }
    emulator.fail_next(Endpoint::Jwks, Failure::Status(503), 3);
    for expected in [503, 503, 503, 200] {
        assert_eq!(visitor.get(&jwks).await.status, expected);
    }
    let discovery = format!("{}/.well-known/openid-configuration", emulator.issuer());
    for _ in 0..5 {
        assert_eq!(visitor.get(&discovery).await.status, 502);
    }
    emulator.set_failure(Endpoint::Discovery, None);
    assert_eq!(visitor.get(&discovery).await.status, 200);
}

#[tokio::test]
async fn retry_after_comes_in_seconds_as_a_date_absurd_and_negative() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    for (failure, test) in [
        (Failure::RetryAfter(7), (|text| text == "7") as fn(&str) -> bool),
        (Failure::RetryAfterDate(120), |text| text.ends_with(" GMT") && text.len() == 29),
        (Failure::RetryAfterDate(-3600), |text| text.ends_with(" GMT")),
        (Failure::RetryAfterAbsurd, |text| text.parse::<u64>().is_err() && text.len() > 20),
        (Failure::RetryAfterNegative, |text| text.parse::<i64>().is_ok_and(|seconds| seconds < 0)),
    ] {
        emulator.fail_next(Endpoint::Jwks, failure, 1);
        let answer = visitor.get(&jwks).await;
        assert_eq!(answer.status, 429);
        assert!(test(answer.header("retry-after")), "{failure:?}: {}", answer.header("retry-after"));
    }
}

#[tokio::test]
async fn answers_that_are_no_answers() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    let next = async |failure| -> Answer {
        emulator.fail_next(Endpoint::Jwks, failure, 1);
        visitor.get(&jwks).await
    };
    assert!(next(Failure::NotJson).await.text.starts_with("<!doctype html>"));
    let empty = next(Failure::Empty).await;
    assert_eq!((empty.status, &*empty.text), (200, ""));
    assert!(next(Failure::WrongShape).await.json().is_array());
    let odd = next(Failure::WrongContentType).await;
    assert_eq!((odd.header("content-type"), odd.json()["keys"].is_array()), ("image/png", true));
    let moved = next(Failure::Redirect).await;
    assert_eq!((moved.status, moved.header("location").starts_with("http://127.0.0.1")), (302, true));
}

#[tokio::test]
async fn latency_is_a_failure_too() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    emulator.fail_next(Endpoint::Jwks, Failure::Latency(Duration::from_millis(80)), 1);
    let since = Instant::now();
    assert_eq!(visitor.get(&jwks).await.status, 200);
    assert!(since.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn headers_come_and_nothing_after_them() {
    let (emulator, _) = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Failure::StallAfterHeaders, 1);
    let (text, end) = raw(&emulator, "/oidc/jwks", Duration::from_millis(200)).await;
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(end, Err(std::io::ErrorKind::TimedOut));
}

#[tokio::test]
async fn one_byte_comes_and_the_next_a_second_later() {
    let (emulator, _) = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Failure::OneBytePerSecond, 1);
    let (text, end) = raw(&emulator, "/oidc/jwks", Duration::from_millis(400)).await;
    assert!(text.ends_with("\r\n\r\n{"), "{text}");
    assert_eq!(end, Err(std::io::ErrorKind::TimedOut));
}

#[tokio::test]
async fn a_body_ends_after_half_of_what_was_announced() {
    let (emulator, jwks) = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Failure::Truncated, 1);
    let (text, end) = raw(&emulator, "/oidc/jwks", Duration::from_secs(5)).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let announced: usize = announced.parse().unwrap();
    assert!(
        !body.is_empty() && body.len() < announced && end != Err(std::io::ErrorKind::TimedOut),
        "{end:?}"
    );
    emulator.fail_next(Endpoint::Jwks, Failure::Truncated, 1);
    let answer = Visitor::new().client().get(&jwks).send().await.unwrap();
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn a_connection_is_reset_instead_of_an_answer() {
    let (emulator, _) = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Failure::Reset, 1);
    let (text, end) = raw(&emulator, "/oidc/jwks", Duration::from_secs(5)).await;
    assert_eq!((&*text, end), ("", Err(std::io::ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn connections_are_refused_and_accepted_again() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    assert_eq!(visitor.get(&jwks).await.status, 200);
    emulator.fail_next(Endpoint::Jwks, Failure::Refuse(Duration::from_secs(60)), 1);
    assert!(visitor.client().get(&jwks).send().await.is_err());
    let refused = async || {
        let error = TcpStream::connect(emulator.address()).await.err();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    while !refused().await {
        tokio::task::yield_now().await;
    }
    assert!(visitor.client().get(&jwks).send().await.is_err(), "also over the connection that was open");
    emulator.accept_connections();
    while refused().await {
        tokio::task::yield_now().await;
    }
    assert_eq!(visitor.get(&jwks).await.status, 200, "at the same address");
    emulator.refuse_connections(Duration::from_millis(50));
    while visitor.client().get(&jwks).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_body_of_100_mb_comes_in_pieces() {
    let (emulator, jwks) = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Failure::Enormous, 1);
    let mut answer = Visitor::new().client().get(&jwks).send().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, 100_000_000 + 8);
}

/// The lengths of a gzip body: as it comes, and as the blocks of fixed codes in it say.
#[tokio::test]
async fn a_gzip_bomb_is_small_and_becomes_large() {
    let (emulator, jwks) = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Failure::GzipBomb, 1);
    let mut answer = Visitor::new().client().get(&jwks).send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert!(bytes.len() < 10_000_000, "{}", bytes.len());
    assert!(inflated(&bytes[10..]) >= 1024 * 1024 * 1024);
}

/// Counts what a block of fixed codes with literals, length 258 and distance 1 becomes.
fn inflated(bytes: &[u8]) -> u64 {
    let mut at = 0_usize;
    let mut bit = || {
        let bit = bytes.get(at / 8).map(|byte| byte >> (at % 8) & 1);
        at += 1;
        bit
    };
    assert_eq!((bit(), bit(), bit()), (Some(0), Some(1), Some(0)), "not the last block, fixed codes");
    let mut length = 0;
    loop {
        let mut code = 0_u32;
        for _ in 0..8 {
            match bit() {
                Some(next) => code = code << 1 | u32::from(next),
                None => return length,
            }
        }
        match code {
            0b1100_0101 => {
                for _ in 0..5 {
                    assert!(matches!(bit(), Some(0) | None), "distance 1");
                }
                length += 258;
            }
            0x30..=0xbf => length += 1,
            other => panic!("the code {other:#b}"),
        }
    }
}

#[tokio::test]
async fn discovery_names_another_issuer() {
    let (emulator, _) = emulator().await;
    emulator.fail_next(Endpoint::Discovery, Failure::WrongIssuer, 1);
    let discovery = format!("{}/.well-known/openid-configuration", emulator.issuer());
    let visitor = Visitor::new();
    let wrong = visitor.get(&discovery).await.json();
    assert_eq!(wrong["issuer"], "https://wrong.example.test/oidc");
    assert_eq!(wrong["token_endpoint"], format!("{}/token", emulator.issuer()));
    assert_eq!(visitor.get(&discovery).await.json()["issuer"], emulator.issuer());
}

#[tokio::test]
async fn a_token_answer_lacks_expires_in_or_spells_its_type_oddly() {
    let (emulator, _) = emulator().await;
    emulator.fail_next(Endpoint::Token, Failure::WithoutExpiresIn, 1);
    let body = exchange(&emulator, &code(&emulator, &[])).await.json();
    assert!(body.get("expires_in").is_none() && body.get("access_token").is_some());
    emulator.fail_next(Endpoint::Token, Failure::OddTokenType, 1);
    let body = exchange(&emulator, &code(&emulator, &[])).await.json();
    assert_eq!(body["token_type"], "bEaReR");
}

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

#[tokio::test]
async fn a_claim_of_a_token_is_wrong_or_missing() {
    let (emulator, _) = emulator().await;
    let good = exchange(&emulator, &code(&emulator, &[])).await.json();
    let (good_header, good_claims) = parts(good["id_token"].as_str().unwrap());
    for (claim, name) in [
        (Claim::Iss, "iss"),
        (Claim::Aud, "aud"),
        (Claim::Nonce, "nonce"),
        (Claim::Exp, "exp"),
        (Claim::Kid, "kid"),
        (Claim::Alg, "alg"),
    ] {
        emulator.fail_next(Endpoint::Token, Failure::WrongClaim(claim), 1);
        let body = exchange(&emulator, &code(&emulator, &[])).await.json();
        let (header, claims) = parts(body["id_token"].as_str().unwrap());
        let (part, good) = match name {
            "kid" | "alg" => (&header, &good_header),
            _ => (&claims, &good_claims),
        };
        assert!(part.get(name).is_some() && part[name] != good[name], "{name}");
        emulator.fail_next(Endpoint::Token, Failure::MissingClaim(claim), 1);
        let body = exchange(&emulator, &code(&emulator, &[])).await.json();
        let (header, claims) = parts(body["id_token"].as_str().unwrap());
        assert_eq!((header.get(name), claims.get(name)), (None, None), "{name}");
    }
    emulator.fail_next(Endpoint::Token, Failure::WrongClaim(Claim::Aud), 1);
    let form = [("grant_type", "client_credentials"), ("resource", "https://default.logto.app/api")];
    let machine = Some(("local-machine", "local-machine-secret"));
    let body = token(&emulator, machine, &form).await.json();
    assert_eq!(parts(body["access_token"].as_str().unwrap()).1["aud"], "wrong-audience", "access tokens too");
}

#[tokio::test]
async fn a_published_key_is_missing_until_the_nth_fetch() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    emulator.rotate_keys().unwrap();
    emulator.hide_signing_key(2);
    let body = exchange(&emulator, &code(&emulator, &[])).await.json();
    let kid = parts(body["id_token"].as_str().unwrap()).0["kid"].clone();
    for known in [false, false, true] {
        let keys = visitor.get(&jwks).await.json()["keys"].clone();
        assert_eq!(keys.as_array().unwrap().iter().any(|key| key["kid"] == kid), known);
    }
}

#[tokio::test]
async fn metadata_and_published_keys_are_changed_before_they_are_sent() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    let metadata = format!("{}/.well-known/openid-configuration", emulator.issuer());
    emulator.tamper_metadata(|metadata| drop(metadata.insert("jwks_uri".to_owned(), "elsewhere".into())));
    emulator.tamper_published_keys(|set| drop(set.insert("keys".to_owned(), json!([]))));
    assert_eq!(visitor.get(&metadata).await.json()["jwks_uri"], "elsewhere");
    assert_eq!(visitor.get(&jwks).await.json(), json!({"keys": []}));
}

#[tokio::test]
async fn the_same_is_told_over_http() {
    let (emulator, jwks) = emulator().await;
    let visitor = Visitor::new();
    let control = format!("{}/_emulator", emulator.endpoint());
    let tell = async |path: &str, body: Value| -> Answer {
        let request = visitor.client().post(format!("{control}/{path}"));
        visitor.send(request.header("content-type", "application/json").body(body.to_string())).await
    };
    for fault in [
        json!({"fault": "status", "status": 418}),
        json!({"fault": "retry_after", "seconds": 3}),
        json!({"fault": "retry_after_date", "seconds": -3}),
        json!({"fault": "retry_after_absurd"}),
        json!({"fault": "retry_after_negative"}),
        json!({"fault": "html"}),
        json!({"fault": "empty"}),
        json!({"fault": "wrong_shape"}),
        json!({"fault": "wrong_content_type"}),
        json!({"fault": "redirect"}),
        json!({"fault": "too_large"}),
        json!({"fault": "latency", "milliseconds": 1}),
    ] {
        let mut body = fault.clone();
        (body["endpoint"], body["times"]) = ("jwks".into(), 1.into());
        assert_eq!(tell("faults", body).await.status, 200, "{fault}");
        let odd = visitor.get(&jwks).await;
        if fault["fault"] != "latency" && fault["fault"] != "wrong_content_type" {
            assert!(odd.status != 200 || !odd.text.contains("\"keys\""), "{fault}");
        }
        assert!(visitor.get(&jwks).await.json()["keys"].is_array(), "once");
    }
    for fault in [
        json!({"fault": "enormous"}),
        json!({"fault": "gzip_bomb"}),
        json!({"fault": "stall_after_headers"}),
        json!({"fault": "one_byte_per_second"}),
        json!({"fault": "disconnect"}),
        json!({"fault": "truncated"}),
        json!({"fault": "reset"}),
        json!({"fault": "hang"}),
        json!({"fault": "refuse", "milliseconds": 1}),
        json!({"fault": "wrong_issuer"}),
        json!({"fault": "without_expires_in"}),
        json!({"fault": "odd_token_type"}),
        json!({"fault": "wrong_claim", "claim": "nonce"}),
        json!({"fault": "missing_claim", "claim": "kid"}),
    ] {
        let mut body = fault.clone();
        body["endpoint"] = "end_session".into();
        assert_eq!(tell("faults", body).await.status, 200, "{fault}");
    }
    let clear = visitor.client().delete(format!("{control}/faults"));
    assert_eq!(visitor.send(clear).await.status, 200);
    for (body, reason) in [
        (
            json!({"endpoint": "nope", "fault": "empty"}),
            "no endpoint is called \"nope\"; there are discovery",
        ),
        (
            json!({"endpoint": "jwks", "fault": "nope"}),
            "no fault is called \"nope\"; there are retry_after_absurd",
        ),
        (json!({"endpoint": "jwks", "fault": "status"}), "`status` is missing"),
        (json!({"endpoint": "jwks", "fault": "wrong_claim", "claim": "x"}), "`claim` is one of iss, aud"),
    ] {
        let answer = tell("faults", body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].as_str().unwrap().starts_with(reason), "{}", answer.text);
    }

    let approved =
        tell("approve", json!({"url": authorization(&emulator, &[]), "user": "alice"})).await.json();
    let code = parameter(approved["callback"].as_str().unwrap(), "code").unwrap();
    let body = exchange(&emulator, &code).await.json();
    let seen = visitor.get(&format!("{control}/requests?endpoint=token")).await.json();
    assert!(seen["requests"][0]["parameters"].as_array().unwrap().contains(&json!(["code", code])));
    let refresh_token = body["refresh_token"].as_str().unwrap();
    assert_eq!(tell("grants", json!({ "revoke": refresh_token })).await.status, 200);
    assert!(!emulator.accepts_refresh_token(refresh_token));
    let before = visitor.get(&format!("{control}/")).await.json();
    assert_eq!(before["requests"]["token"], 1);
    let moved = tell("time", json!({"advance_seconds": 3600})).await.json();
    assert!(moved["time"].as_u64().unwrap() >= before["time"].as_u64().unwrap() + 3600);
    assert_eq!(tell("keys", json!({"rotate": "RSA", "hide_for_fetches": 1})).await.status, 200);
    assert_eq!(visitor.get(&jwks).await.json()["keys"][0]["kty"], "EC");
    assert_eq!(visitor.get(&jwks).await.json()["keys"][0]["kty"], "RSA");
    assert_eq!(tell("roles", json!({"user": "alice", "assign": "x"})).await.status, 200);
    assert_eq!(tell("users", json!({"user": "alice", "suspended": true})).await.status, 200);
    assert!(emulator.approve(&authorization(&emulator, &[]), "alice").is_err());
}
