//! Back-channel logout, at applications that listen for it.

use crate::{
    answers::{payload, token},
    pages::{at_the_page, sign_out},
    visitor::{CALLBACK, VERIFIER, Visitor, authorization, parameter},
};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_emulator::{Application, Builder, Emulator, Endpoint, User};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::{net::TcpListener, task::JoinHandle};
use url::form_urlencoded;

/// What listens for logout tokens, and what it has received.
struct Listener {
    address: String,
    received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    /// What it requests before it answers.
    asks: Arc<OnceLock<String>>,
    server: JoinHandle<()>,
}

impl Listener {
    /// Answers this status and a long page.
    async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/logout?from=logto", listener.local_addr().unwrap());
        let (received, asks) = (Arc::new(Mutex::new(Vec::new())), Arc::new(OnceLock::<String>::new()));
        let (keep, ask) = (Arc::clone(&received), Arc::clone(&asks));
        let answer = async move |headers: HeaderMap, body: Bytes| {
            keep.lock().unwrap().push((headers, body));
            if let Some(url) = ask.get() {
                assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
            }
            (StatusCode::from_u16(status).unwrap(), "x".repeat(100_000))
        };
        let router = Router::new().route("/logout", post(answer));
        let server = tokio::spawn(async { drop(axum::serve(listener, router).await) });
        Self { address, received, asks, server }
    }

    /// The logout tokens.
    fn tokens(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let token = |(_, body): &(HeaderMap, Bytes)| {
            let form: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
            assert!(form.len() == 1 && form[0].0 == "logout_token", "{form:?}");
            form[0].1.clone()
        };
        received.iter().map(token).collect()
    }

    /// The claims of the only logout token.
    fn claims(&self) -> Value {
        let tokens = self.tokens();
        assert_eq!(tokens.len(), 1);
        payload(&tokens[0])
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn application(id: &str, listener: &Listener) -> Application {
    Application::new(id).secret("s").back_channel_logout_uri(&listener.address)
}

async fn emulator(applications: impl IntoIterator<Item = Application>) -> Emulator {
    let builder = applications.into_iter().fold(Emulator::builder(), Builder::application);
    builder.start().await.unwrap()
}

/// Alice signs in at the page.
async fn sign_in(visitor: &Visitor, emulator: &Emulator, changes: &[(&str, &str)]) {
    let (_, uid) = at_the_page(visitor, emulator, changes).await;
    let form = [("uid", uid.as_str()), ("username", "alice"), ("password", "alice")];
    let done = visitor.post(&format!("{}/sign-in", emulator.endpoint()), &form).await;
    assert_eq!(done.status, 303);
    visitor.follow(emulator, done).await;
}

/// What an application gets for the callback.
async fn exchange(emulator: &Emulator, client_id: &str, callback: &str) -> Value {
    let code = parameter(callback, "code").expect("a code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    token(emulator, Some((client_id, "s")), &form).await.json()
}

/// The `sid` of an ID token that an application gets for the browser's session.
async fn sid_in(visitor: &Visitor, emulator: &Emulator, client_id: &str) -> Value {
    let back = visitor.visit(emulator, &authorization(emulator, &[("client_id", client_id)])).await;
    sid_of(&exchange(emulator, client_id, back.header("location")).await)
}

fn sid_of(answer: &Value) -> Value {
    payload(answer["id_token"].as_str().unwrap())["sid"].clone()
}

/// The answer to a sign-in of a browser of its own.
async fn approved(emulator: &Emulator, client_id: &str, changes: &[(&str, &str)]) -> Value {
    let changes = [&[("client_id", client_id)], changes].concat();
    let callback = emulator.approve(&authorization(emulator, &changes), "alice").unwrap();
    exchange(emulator, client_id, &callback).await
}

#[tokio::test]
async fn a_sign_out_tells_each_application_of_the_session_as_the_server_does() {
    let (named, plain, other) =
        (Listener::start(200).await, Listener::start(204).await, Listener::start(200).await);
    let emulator = emulator([
        application("named", &named).back_channel_logout_session_required(),
        application("plain", &plain),
        application("other", &other).back_channel_logout_session_required(),
        Application::new("deaf").secret("s").back_channel_logout_session_required(),
    ])
    .await;
    let (visitor, elsewhere) = (Visitor::new(), Visitor::new());
    sign_in(&visitor, &emulator, &[("client_id", "named")]).await;
    sign_in(&elsewhere, &emulator, &[("client_id", "other")]).await;
    let sid = sid_in(&visitor, &emulator, "named").await;
    assert_eq!(sid_in(&visitor, &emulator, "named").await, sid, "the same in one session");
    assert_eq!(sid_in(&visitor, &emulator, "plain").await, Value::Null);
    assert_eq!(sid_in(&visitor, &emulator, "deaf").await, Value::Null);

    let back = sign_out(&visitor, &emulator, "client_id=plain").await;
    assert_eq!(back.header("location"), format!("{}/session/end/success", emulator.issuer()));

    let (named, plain) = (named.claims(), plain.claims());
    let members = |claims: &Value| claims.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&named), ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"]);
    assert_eq!(members(&plain), ["aud", "events", "exp", "iat", "iss", "jti", "sub"]);
    assert_eq!((&named["sid"], sid.as_str().unwrap().len()), (&sid, 43));
    assert_eq!((&named["aud"], &plain["aud"]), (&json!("named"), &json!("plain")));
    assert_ne!(named["jti"], plain["jti"]);
    for claims in [named, plain] {
        assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 120);
        assert_eq!((&claims["iss"], claims["sub"].as_str().unwrap().len()), (&json!(emulator.issuer()), 12));
    }
    assert!(other.tokens().is_empty(), "the person is signed in there by another session");
    sign_out(&visitor, &emulator, "client_id=plain").await;
    sign_out(&elsewhere, &emulator, "").await;
    assert_eq!(other.claims()["aud"], "other");
}

#[tokio::test]
async fn a_logout_token_is_signed_by_the_published_key_and_sent_as_a_form() {
    let listener = Listener::start(200).await;
    let emulator = emulator([application("app", &listener)]).await;
    assert_eq!(emulator.send_back_channel_logout("alice").await, [("app".to_owned(), Ok(200))]);
    let token = &listener.tokens()[0];
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(token.split('.').next().unwrap())).unwrap();
    let keys = Visitor::new().get(&format!("{}/jwks", emulator.issuer())).await.json();
    let key = &keys["keys"][0];
    assert_eq!(header, json!({"alg": "ES384", "typ": "logout+jwt", "kid": key["kid"]}));
    let point = [vec![4], decode(key["x"].as_str().unwrap()), decode(key["y"].as_str().unwrap())].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point);
    key.verify(message.as_bytes(), &decode(signature)).unwrap();
    let headers = listener.received.lock().unwrap()[0].0.clone();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["user-agent"], "");
    assert!(listener.address.contains(headers["host"].to_str().unwrap()));
}

#[tokio::test]
async fn an_id_token_names_the_session_where_it_is_required_and_so_do_those_of_a_refresh() {
    let listener = Listener::start(200).await;
    let emulator = emulator([application("app", &listener).back_channel_logout_session_required()]).await;
    let (one, other) = (approved(&emulator, "app", &[]).await, approved(&emulator, "app", &[]).await);
    assert_ne!(sid_of(&one), sid_of(&other), "each approval is a session of its own");
    let form = [("grant_type", "refresh_token"), ("refresh_token", one["refresh_token"].as_str().unwrap())];
    let refreshed = token(&emulator, Some(("app", "s")), &form).await.json();
    assert_eq!(sid_of(&refreshed), sid_of(&one));
    emulator.send_back_channel_logout("alice").await;
    let mut told: Vec<Value> = listener.tokens().iter().map(|token| payload(token)["sid"].clone()).collect();
    let mut known = vec![sid_of(&one), sid_of(&other)];
    told.sort_by_key(Value::to_string);
    known.sort_by_key(Value::to_string);
    assert_eq!(told, known);
    assert!(emulator.send_back_channel_logout("alice").await.is_empty(), "no session is left to be named");
}

#[tokio::test]
async fn a_sign_in_anew_in_the_same_browser_keeps_the_session_and_another_persons_does_not() {
    let listener = Listener::start(200).await;
    let emulator = emulator([application("app", &listener).back_channel_logout_session_required()]).await;
    let visitor = Visitor::new();
    let again = [("client_id", "app"), ("prompt", "login consent")];
    sign_in(&visitor, &emulator, &again).await;
    let sid = sid_in(&visitor, &emulator, "app").await;
    sign_in(&visitor, &emulator, &again).await;
    assert_eq!(sid_in(&visitor, &emulator, "app").await, sid);
    emulator.add_user(User::new("bob").password("bob"));
    let (_, uid) = at_the_page(&visitor, &emulator, &again).await;
    let form = [("uid", uid.as_str()), ("username", "bob"), ("password", "bob")];
    let done = visitor.post(&format!("{}/sign-in", emulator.endpoint()), &form).await;
    visitor.follow(&emulator, done).await;
    assert_ne!(sid_in(&visitor, &emulator, "app").await, sid);
}

#[tokio::test]
async fn an_application_may_ask_the_server_before_it_answers() {
    let receiver = Listener::start(200).await;
    let emulator = emulator([application("app", &receiver)]).await;
    receiver.asks.set(format!("{}/jwks", emulator.issuer())).unwrap();
    let visitor = Visitor::new();
    sign_in(&visitor, &emulator, &[("client_id", "app")]).await;
    assert_eq!(sign_out(&visitor, &emulator, "").await.status, 303);
    assert_eq!(receiver.tokens().len(), 1, "the browser goes on when the application has answered");
    assert_eq!(emulator.send_back_channel_logout("alice").await, [("app".to_owned(), Ok(200))]);
}

#[tokio::test]
async fn an_administrator_hears_how_each_application_answered() {
    let (good, bad) = (Listener::start(204).await, Listener::start(400).await);
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let emulator = emulator([
        application("good", &good),
        application("bad", &bad),
        Application::new("closed").back_channel_logout_uri(closed),
        Application::new("far").back_channel_logout_uri("http://app.example.com/logout"),
        Application::new("tls").back_channel_logout_uri("https://localhost/logout"),
        Application::new("wrong").back_channel_logout_uri("logout"),
        Application::new("none"),
    ])
    .await;
    let answers = emulator.send_back_channel_logout("alice").await;
    let ids: Vec<&str> = answers.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["bad", "closed", "far", "good", "tls", "wrong"]);
    let statuses: Vec<Option<u16>> = answers.iter().map(|(_, answer)| answer.clone().ok()).collect();
    assert_eq!(statuses, [Some(400), None, None, Some(204), None, None]);
    assert_eq!((good.tokens().len(), bad.tokens().len()), (1, 1));
    assert!(emulator.send_back_channel_logout("nobody").await.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_an_error() {
    let babbling = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", babbling.local_addr().unwrap());
    let emulator = emulator([Application::new("babbling").back_channel_logout_uri(address)]).await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = babbling.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 ready\r\n").await.unwrap();
    });
    let answers = emulator.send_back_channel_logout("alice").await;
    server.await.unwrap();
    assert_eq!(answers, [("babbling".to_owned(), Err("the answer is not HTTP/1.1".to_owned()))]);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", silent.local_addr().unwrap());
    let emulator = emulator([Application::new("silent").back_channel_logout_uri(address)]).await;
    let answers = emulator.send_back_channel_logout("alice").await;
    assert_eq!(answers, [("silent".to_owned(), Err("no answer in time".to_owned()))]);
}

#[tokio::test]
async fn sessions_that_an_administrator_ends_are_over_with_their_online_grants() {
    let listener = Listener::start(200).await;
    let always = application("app", &listener).always_issue_refresh_token();
    let emulator = emulator([always]).await;
    let (visitor, elsewhere) = (Visitor::new(), Visitor::new());
    sign_in(&visitor, &emulator, &[("client_id", "app")]).await;
    sign_in(&elsewhere, &emulator, &[("client_id", "app")]).await;
    let refresh_token = async |changes: &[(&str, &str)]| {
        let answer = approved(&emulator, "app", changes).await;
        answer["refresh_token"].as_str().unwrap().to_owned()
    };
    let offline = refresh_token(&[]).await;
    let online = refresh_token(&[("scope", "openid")]).await;
    sign_out(&elsewhere, &emulator, "").await;
    assert!(emulator.accepts_refresh_token(&online), "of another session");
    emulator.send_back_channel_logout("alice").await;
    assert_eq!(
        [&offline, &online].map(|token| emulator.accepts_refresh_token(token)),
        [true, false],
        "as after a sign-out"
    );
    let asked = visitor.get(&authorization(&emulator, &[])).await;
    assert_eq!(asked.header("location"), "/sign-in?app_id=local-app");
}

#[tokio::test]
async fn a_logout_token_is_altered_before_it_is_signed() {
    let listener = Listener::start(200).await;
    let emulator = emulator([application("app", &listener)]).await;
    let whole = payload(&emulator.logout_token("app", "alice", None, |_| {}).unwrap());
    assert_eq!((&whole["aud"], whole.get("sid"), whole.get("nonce")), (&json!("app"), None, None));
    let altered = emulator.logout_token("app", "alice", Some("s1"), |claims| {
        claims.remove("events");
        claims.insert("nonce".to_owned(), "n".into());
        assert_eq!(emulator.count(Endpoint::Token), 0, "the server may be asked meanwhile");
    });
    let altered = payload(&altered.unwrap());
    assert_eq!(
        (&altered["sid"], &altered["nonce"], altered.get("events")),
        (&json!("s1"), &json!("n"), None)
    );
    assert_eq!(altered["sub"], whole["sub"]);
    assert_ne!(altered["jti"], whole["jti"]);
    for (application, person) in [("nope", "alice"), ("app", "nobody")] {
        assert!(emulator.logout_token(application, person, None, |_| {}).is_err());
    }
    assert!(listener.tokens().is_empty(), "nothing is sent");
}
