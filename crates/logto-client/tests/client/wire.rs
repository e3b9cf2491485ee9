//! What goes out, as whoever sits between sees it: first lines, grants, time-outs, redirects.

use crate::stage::{BASE, Stage, config};
use logto_client::{
    AccessTokenVerifier, ApiConfig, ErrorKind, Introspection, LogtoClient, MachineClient, MachineConfig,
    Request, Response, SignInOptions, TokenExchange, TokenTarget, Transport, TransportError,
};
use logto_emulator::{Application, Emulator, Endpoint, Failure};
use logto_storage_core::MemoryStorage;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

const API: &str = "https://api.example.test";

/// A proxy for plain HTTP to this provider, that notes all that is sent to it.
async fn listening(to: std::net::SocketAddr) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((inside, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            tokio::spawn(async move {
                let outside = TcpStream::connect(to).await.unwrap();
                let ((mut from, mut back), (mut answers, mut on)) =
                    (inside.into_split(), outside.into_split());
                tokio::spawn(async move { drop(copy(&mut answers, &mut back).await) });
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = from.read(&mut buffer).await {
                    noted.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
                    if on.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, heard)
}

/// RFC 9700 §4.3.2: no token, code or secret is in an address that the application asks for.
#[tokio::test]
async fn no_address_that_is_asked_for_holds_a_secret() {
    let machine = Application::new("machine").secret("machine-secret").machine_to_machine();
    let emulator =
        Emulator::builder().application(machine.api_scopes(API, ["read:x"])).start().await.unwrap();
    let (proxy, heard) = listening(emulator.address()).await;
    let issued = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&issued);
    emulator.tamper_token_answer(move |answer| {
        let tokens = ["access_token", "refresh_token", "id_token"].map(|name| answer.get(name).cloned());
        let tokens = tokens.into_iter().flatten().filter_map(|token| Some(token.as_str()?.to_owned()));
        seen.lock().unwrap().extend(tokens);
    });
    let client =
        LogtoClient::new(config(&emulator.endpoint()).resources([API]).proxy(proxy.as_str())).unwrap();
    let session = client.session(MemoryStorage::new());
    let url = session.sign_in(SignInOptions::new()).await.unwrap();
    session.handle_sign_in_callback(&emulator.approve(url.as_str(), "alice").unwrap()).await.unwrap();
    let token = session.access_token(API).await.unwrap();
    session.fetch_user_info().await.unwrap();
    session.sign_out(None).await.unwrap();
    let asked = MachineConfig::new(emulator.endpoint(), "machine", "machine-secret").proxy(proxy.as_str());
    MachineClient::new(asked).unwrap().access_token(TokenTarget::resource(API)).await.unwrap();
    let asked = Introspection::new("local-app", "local-secret");
    let asked = ApiConfig::new(emulator.endpoint()).audience(API).introspection(asked).proxy(proxy);
    let verifier = AccessTokenVerifier::new(asked).unwrap();
    verifier.verify(token.expose(), &logto_client::Access::api()).await.unwrap();
    drop(verifier.verify("an-opaque-token", &logto_client::Access::api()).await);

    let heard = heard.lock().unwrap().clone();
    // A first line follows a form without a break.
    let lines = heard.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1"));
    let lines: Vec<&str> = lines.filter_map(|line| Some(&line[line.rfind("http://")?..])).collect();
    // Metadata and keys thrice, three tokens, user info, revocation, introspection.
    assert!(lines.len() >= 10, "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains(['?', '#', '@'])), "{lines:#?}");
    for issued in issued.lock().unwrap().iter().map(String::as_str).chain(["local-secret", "machine-secret"])
    {
        assert!(lines.iter().all(|line| !line.contains(issued)), "{lines:#?}");
    }
}

/// RFC 9700 §2.4 and §2.1.2: a password is never sent, and no grant is asked for but these.
#[tokio::test]
async fn no_grant_is_asked_for_by_a_password() {
    let machine = Application::new("machine").secret("machine-secret").machine_to_machine().token_exchange();
    let emulator =
        Emulator::builder().application(machine.api_scopes(API, ["read:x"])).start().await.unwrap();
    let stage = Stage::over(emulator, |config| config.resources([API]));
    stage.sign_in().await;
    stage.session().access_token(API).await.unwrap();
    let asked = MachineConfig::new(stage.emulator.endpoint(), "machine", "machine-secret");
    let machine = MachineClient::new(asked).unwrap();
    machine.access_token(TokenTarget::resource(API)).await.unwrap();
    let subject = stage.emulator.subject_token("alice").unwrap();
    drop(machine.exchange_token(TokenExchange::subject_token(subject), TokenTarget::resource(API)).await);
    let mut grants = BTreeSet::new();
    for sent in stage.emulator.all_received(Endpoint::Token) {
        assert!(sent.parameters.iter().all(|(name, _)| name != "password" && name != "username"));
        grants.extend(sent.parameters.into_iter().filter(|(name, _)| name == "grant_type").map(|(_, of)| of));
    }
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let known = ["authorization_code", "client_credentials", "refresh_token", exchange];
    assert_eq!(grants.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

/// Notes how long each request may take, and answers as a good provider does.
#[derive(Debug, Default)]
struct Timed(Mutex<BTreeMap<String, Duration>>);

#[async_trait::async_trait]
impl Transport for Timed {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let issuer = format!("{BASE}/oidc");
        let path = request.url.path().to_owned();
        let at = |path: &str| format!("{issuer}/{path}");
        let body = match path.as_str() {
            "/oidc/jwks" => serde_json::json!({"keys": []}),
            "/oidc/.well-known/openid-configuration" => serde_json::json!({
                "issuer": issuer, "authorization_endpoint": at("auth"), "token_endpoint": at("token"),
                "jwks_uri": at("jwks"), "introspection_endpoint": at("introspection"),
            }),
            _ => serde_json::json!({}),
        };
        self.0.lock().unwrap().insert(path, request.timeout);
        Ok(Response {
            status: 200,
            content_type: Some("application/json".to_owned()),
            cache_control: None,
            retry_after: None,
            body: body.to_string().into_bytes(),
        })
    }
}

/// A provider that sends one byte a second is left: every request has an end, from connecting to the last byte.
#[tokio::test]
async fn every_request_to_the_provider_has_an_end() {
    let timed = Arc::new(Timed::default());
    let client = LogtoClient::new(config(BASE).transport(Arc::<Timed>::clone(&timed))).unwrap();
    let session = client.session(MemoryStorage::new());
    let url = session.sign_in(SignInOptions::new()).await.unwrap();
    let state = crate::stage::parameter(url.as_str(), "state");
    let callback = format!("{BASE}/logto/sign-in-callback?code=c&state={state}&iss={BASE}/oidc");
    assert!(session.handle_sign_in_callback(&callback).await.is_err());
    let asked = Introspection::new("local-app", "local-secret");
    let asked =
        ApiConfig::new(BASE).audience(API).introspection(asked).transport(Arc::<Timed>::clone(&timed));
    let verifier = AccessTokenVerifier::new(asked).unwrap();
    drop(verifier.verify("an-opaque-token", &logto_client::Access::api()).await);
    let seconds: BTreeMap<String, u64> =
        timed.0.lock().unwrap().iter().map(|(path, timeout)| (path.clone(), timeout.as_secs())).collect();
    assert_eq!(seconds["/oidc/.well-known/openid-configuration"], 5);
    assert_eq!(seconds["/oidc/jwks"], 5);
    assert_eq!(seconds["/oidc/token"], 10);
    assert!(seconds.values().all(|seconds| (1..=10).contains(seconds)), "{seconds:?}");
}

/// Whoever answers with a redirect is not followed, and what was sent goes nowhere else.
#[tokio::test]
async fn a_redirect_of_no_endpoint_is_followed() {
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token, Endpoint::UserInfo] {
        let stage = Stage::set().await;
        stage.emulator.set_failure(endpoint, Some(Failure::Redirect));
        let outcome = async {
            let url = stage.session().sign_in(SignInOptions::new()).await?;
            stage.complete(&stage.emulator.approve(url.as_str(), "alice").unwrap()).await?;
            stage.session().fetch_user_info().await
        };
        let error = outcome.await.unwrap_err();
        let told = (error.kind(), error.code());
        assert_eq!(told, (ErrorKind::ProviderMisbehaved, Some("http_error_302")), "{endpoint:?}");
    }
}
