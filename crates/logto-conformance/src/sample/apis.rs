//! The samples of APIs: each of Logto's three models on a route, and a call from one API to another.

use super::Sample;
use crate::servers::free_port;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const API: &str = "https://api.example.test";
const MACHINE: (&str, &str) = ("reports", "local-secret");

/// What is asked for a token of each model, and the route that takes it.
const MODELS: [(&str, &[(&str, &str)]); 3] = [
    ("/orders", &[("resource", API), ("scope", "read:orders")]),
    ("/organizations/acme/members", &[("organization_id", "acme"), ("scope", "read:member")]),
    (
        "/organizations/acme/orders",
        &[("organization_id", "acme"), ("resource", API), ("scope", "read:orders")],
    ),
];

async fn token(endpoint: &str, what: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials").extend_pairs(what);
    let body = form.finish();
    let request = reqwest::Client::new()
        .post(format!("{endpoint}/oidc/token"))
        .basic_auth(MACHINE.0, Some(MACHINE.1))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let answer = request.send().await.expect("an answer").bytes().await.expect("its body");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}

/// The status, and what the route says.
async fn ask(url: String, token: Option<&str>) -> (u16, Value) {
    let request = reqwest::Client::new().get(url);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Each route takes tokens of its own model and refuses the others.
///
/// # Panics
///
/// Where it does not.
pub async fn each_route_takes_tokens_of_its_own_model(program: &str) {
    let mut sample = Sample::start(program, 0, &[]);
    let endpoint = sample.local_logto();
    for (own, what) in MODELS {
        let token = token(&endpoint, what).await;
        for (route, _) in MODELS {
            let (status, said) = ask(sample.at(route), Some(&token)).await;
            if route == own {
                assert_eq!((status, &said["sub"], &said["machine"]), (200, &MACHINE.0.into(), &true.into()));
            } else {
                assert!([401, 403].contains(&status), "{route} {own}: {status} {said}");
            }
        }
        assert_eq!(ask(sample.at(own), None).await.0, 401);
        let elsewhere = own.replace("acme", "umbrella");
        if elsewhere != own {
            assert_eq!(ask(sample.at(&elsewhere), Some(&token)).await.0, 403);
        }
    }
    let without_scope = token(&endpoint, &[("resource", API)]).await;
    let (status, said) = ask(sample.at("/orders"), Some(&without_scope)).await;
    assert_eq!(
        (status, &said["error"], &said["scope"]),
        (403, &"insufficient_scope".into(), &"read:orders".into())
    );
}

/// This sample and the other one call each other, machine to machine, at a Logto that three variables name.
///
/// # Panics
///
/// Where they do not, or where the other sample cannot be built.
pub async fn two_apis_call_each_other(program: &str, other: &str) {
    let port = free_port();
    let mut local = Sample::start(program, 0, &[("OTHER_API", &format!("http://localhost:{port}"))]);
    let endpoint = local.local_logto();
    let other = beside(program, other);
    let environment = [
        ("LOGTO_ENDPOINT", endpoint.as_str()),
        ("LOGTO_M2M_APP_ID", MACHINE.0),
        ("LOGTO_M2M_APP_SECRET", MACHINE.1),
        ("OTHER_API", &local.at("/")),
    ];
    let at_tenant = Sample::start(&other.to_string_lossy(), port, &environment);
    let token = token(&endpoint, MODELS[0].1).await;
    for sample in [&local, &at_tenant] {
        assert_eq!(ask(sample.at("/report"), None).await.0, 401);
        let (status, said) = ask(sample.at("/report"), Some(&token)).await;
        assert_eq!((status, &said["what"]), (200, &"all orders".into()), "{said}");
    }
    drop(local);
    let (status, _) = ask(at_tenant.at("/report"), Some(&token)).await;
    assert_eq!(status, 502, "the other one has gone");
}

/// The program of another sample, which is built beside this one.
fn beside(program: &str, other: &str) -> PathBuf {
    let path = Path::new(program).with_file_name(other);
    if !path.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo).args(["build", "--quiet", "--package", other]).status();
        assert!(built.is_ok_and(|status| status.success()), "{other} is built");
    }
    path
}

/// One test per case, over the sample of an API that is this program, and the other one.
#[macro_export]
macro_rules! api_sample_suite {
    ($program:expr, $other:expr) => {
        #[tokio::test]
        async fn each_route_takes_tokens_of_its_own_model() {
            $crate::sample::each_route_takes_tokens_of_its_own_model($program).await;
        }

        #[tokio::test]
        async fn two_apis_call_each_other() {
            $crate::sample::two_apis_call_each_other($program, $other).await;
        }
    };
}
