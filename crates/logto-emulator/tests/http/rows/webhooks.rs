//! §10: webhooks.

use super::{builder, keys_of, request};
use logto_emulator::{Emulator, User, Webhook};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const KEY: &str = "YxaqDIQl4IxrN3QmpbiFDylYECJGRvyM";

type Delivery = (BTreeMap<String, String>, String);

/// Takes deliveries and answers this status.
async fn listener(status: u16) -> (String, Arc<Mutex<Vec<Delivery>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", socket.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            let mut bytes = Vec::new();
            let delivery = loop {
                let mut chunk = [0; 4096];
                let read = stream.read(&mut chunk).await.unwrap();
                bytes.extend_from_slice(&chunk[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let headers: BTreeMap<String, String> = head
                    .lines()
                    .skip(1)
                    .filter_map(|line| line.split_once(": "))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                if body.len().to_string() == headers["content-length"] {
                    break (headers, body.to_owned());
                }
            };
            kept.lock().unwrap().push(delivery);
            stream
                .write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes())
                .await
                .unwrap();
        }
    });
    (address, seen)
}

async fn hooked(status: u16) -> (Emulator, Arc<Mutex<Vec<Delivery>>>) {
    let (address, seen) = listener(status).await;
    let hook = Webhook::new(address).id("the-hook").signing_key(KEY).header("x-custom", "1");
    (builder().webhook(hook).start().await.unwrap(), seen)
}

async fn awaited(seen: &Arc<Mutex<Vec<Delivery>>>, count: usize) -> Vec<Delivery> {
    for _ in 0..500 {
        if seen.lock().unwrap().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    seen.lock().unwrap().clone()
}

#[tokio::test]
async fn the_signature_is_lower_case_hex_over_the_raw_body() {
    let (emulator, seen) = hooked(200).await;
    emulator.add_user(User::new("bob_e").password("b").name("Böb ☃ \"quoted\" </script>"));
    let deliveries = awaited(&seen, 1).await;
    let (headers, body) = &deliveries[0];
    let signature = &headers["logto-signature-sha-256"];
    assert_eq!(emulator.webhook_signature("the-hook", body.as_bytes()).as_ref(), Some(signature));
    assert!(signature.len() == 64 && signature.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()));
    assert_eq!(
        (&*headers["user-agent"], &*headers["content-type"]),
        ("Logto (https://logto.io/)", "application/json")
    );
    assert_eq!(headers["x-custom"], "1");
    let payload: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&payload["event"], &payload["hookId"]), (&json!("User.Created"), &json!("the-hook")));
    assert_eq!(payload["data"]["name"], "Böb ☃ \"quoted\" </script>");
}

#[tokio::test]
async fn a_recorded_signature_comes_out_the_same() {
    // Any body and key: the sum was computed by another implementation of HMAC.
    let emulator = builder()
        .webhook(Webhook::new("http://127.0.0.1:9/").id("known").signing_key("key"))
        .start()
        .await
        .unwrap();
    let known = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    let message = b"The quick brown fox jumps over the lazy dog";
    assert_eq!(emulator.webhook_signature("known", message).as_deref(), Some(known));
}

#[tokio::test]
async fn data_events_and_sign_ins_have_these_members() {
    let (emulator, seen) = hooked(200).await;
    emulator.update_user("alice", |alice| alice.name("Alice Other"));
    emulator.approve(&request(&emulator, "web", &[]), "alice").unwrap();
    let deliveries = awaited(&seen, 2).await;
    let payload = |event: &str| -> Value {
        let bodies = deliveries.iter().map(|(_, body)| serde_json::from_str::<Value>(body).unwrap());
        bodies.into_iter().find(|payload| payload["event"] == event).unwrap()
    };
    let changed = payload("User.Data.Updated");
    assert_eq!(
        keys_of(&changed),
        ["createdAt", "data", "event", "hookId", "ip", "matchedRoute", "method", "params", "path", "status"]
    );
    assert_eq!((&changed["matchedRoute"], &changed["method"]), (&json!("/users/:userId"), &json!("PATCH")));
    let signed_in = payload("PostSignIn");
    assert_eq!(
        keys_of(&signed_in),
        [
            "application",
            "createdAt",
            "event",
            "hookId",
            "interactionEvent",
            "sessionId",
            "user",
            "userId",
            "userIp"
        ]
    );
    assert_eq!(signed_in["application"]["type"], "Traditional");
    assert_eq!(signed_in["createdAt"].as_str().unwrap().len(), "2026-11-23T02:47:46.023Z".len());
}

#[tokio::test]
async fn a_listener_that_answers_500_is_told_once() {
    let (emulator, seen) = hooked(500).await;
    let payload: Map<String, Value> = Map::new();
    assert_eq!(emulator.deliver_webhook("User.Deleted", payload).await, [Ok(500)]);
    assert_eq!(awaited(&seen, 1).await.len(), 1);
    let without = super::emulator().await;
    assert_eq!(without.deliver_webhook("User.Deleted", Map::new()).await, []);
    drop(emulator);
}
