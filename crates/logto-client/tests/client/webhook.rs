//! Webhooks: the vectors of the server's own tests, and deliveries that were recorded from a server.

use logto_client::{ErrorKind, LogtoError, WebhookEvent, WebhookEventKind, WebhookVerifier};
use serde_json::{Value, json};

struct Delivery {
    body: String,
    signature: String,
}

fn recorded() -> (WebhookVerifier, Vec<Delivery>) {
    let recording: Value = serde_json::from_str(include_str!("../webhooks.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let deliveries = recording["deliveries"].as_array().unwrap().iter();
    let deliveries = deliveries
        .map(|delivery| Delivery { body: text(&delivery["body"]), signature: text(&delivery["signature"]) });
    (WebhookVerifier::new(text(&recording["signing_key"])).unwrap(), deliveries.collect())
}

fn events() -> Vec<WebhookEvent> {
    let (verifier, deliveries) = recorded();
    let verified = deliveries
        .iter()
        .map(|delivery| verifier.verify([&delivery.signature], delivery.body.as_bytes()).unwrap());
    verified.collect()
}

/// An event of this body, which is signed for it.
fn signed(body: &str) -> Result<WebhookEvent, LogtoError> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"k\xc3\xa9y");
    let tag = aws_lc_rs::hmac::sign(&key, body.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    WebhookVerifier::new("kéy").unwrap().verify([hex], body.as_bytes())
}

#[test]
fn the_vectors_of_the_servers_own_tests_hold() {
    let verifier = WebhookVerifier::new("foo").unwrap();
    for (body, signature) in [
        (r#"{"bar":"bar","foo":"foo"}"#, "436958f1dbfefab37712fb3927760490fbf7757da8c0b2306ee7b485f0360eee"),
        ("{}", "c76356efa19d219d1d7e08ccb20b1d26db53b143156f406c99dcb8e0876d6c55"),
    ] {
        verifier.verify_signature([signature], body.as_bytes()).unwrap();
        let error = verifier.verify([signature], body.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "signed, but no event");
        let other = WebhookVerifier::new("Foo").unwrap();
        assert_eq!(
            other.verify_signature([signature], body.as_bytes()).unwrap_err().kind(),
            ErrorKind::InvalidSignature
        );
        other.also("foo").unwrap().verify_signature([signature], body.as_bytes()).unwrap();
    }
}

#[test]
fn all_recorded_deliveries_hold() {
    let kinds: Vec<_> = events().iter().map(|event| event.event().clone()).collect();
    use WebhookEventKind::{PostSignIn, UserCreated, UserDataUpdated, UserDeleted};
    assert_eq!(
        kinds,
        [UserDataUpdated, PostSignIn, UserCreated, UserDeleted, PostSignIn, UserCreated, UserDataUpdated]
    );
    assert!(events().iter().all(|event| event.hook_id() == "m3odtxgvmt9v3kh7n2k58"));
    assert!(events().iter().all(|event| event.created_at_millis().unwrap() / 86_400_000 == 20_780));
}

#[test]
fn each_changed_byte_of_body_and_signature_is_refused() {
    let (verifier, deliveries) = recorded();
    for Delivery { body, signature } in deliveries {
        for index in 0..body.len() {
            let mut changed = body.clone().into_bytes();
            changed[index] ^= 1;
            let error = verifier.verify([&signature], &changed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSignature);
        }
        for index in 0..signature.len() {
            for digit in *b"0123456789abcdef" {
                let mut changed = signature.clone().into_bytes();
                changed[index] = digit;
                let same = changed == signature.as_bytes();
                assert_eq!(verifier.verify([changed], body.as_bytes()).is_ok(), same);
            }
        }
        let longer = format!("{body} ");
        assert!(verifier.verify([&signature], longer.as_bytes()).is_err());
        assert!(verifier.verify([&signature], &body.as_bytes()[1..]).is_err());
        assert!(verifier.verify([&signature], b"").is_err());
    }
}

#[test]
fn signatures_of_a_wrong_form_are_refused_with_the_reason() {
    let (verifier, deliveries) = recorded();
    let Delivery { body, signature } = &deliveries[2];
    let good = signature.as_str();
    let (upper, short, long) = (good.to_uppercase(), &good[..63], format!("{good}0"));
    let (spaced, prefixed) = (format!(" {}", &good[1..]), format!("sha256={good}"));
    let bytes = "é".repeat(32);
    for (signatures, words) in [
        (vec![], "without the header"),
        (vec![good, good], "several times"),
        (vec![good, ""], "several times"),
        (vec![&upper], "lower-case"),
        (vec![short], "64 lower-case"),
        (vec![&long], "64 lower-case"),
        (vec![&spaced], "64 lower-case"),
        (vec![&prefixed], "64 lower-case"),
        (vec![&bytes], "64 lower-case"),
        (vec![""], "64 lower-case"),
        (vec!["0".repeat(64).as_str()], "not that of its body"),
    ] {
        let error = verifier.verify(&signatures, body.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.kind().status()), (ErrorKind::InvalidSignature, 401));
        assert!(error.to_string().contains(words), "{signatures:?}: {error}");
    }
    verifier.verify(Some(good), body.as_bytes()).unwrap();
}

#[test]
fn a_sign_in_tells_who_where_and_from_where() {
    let events = events();
    let event = &events[1];
    assert_eq!((event.interaction_event(), event.user_id()), (Some("SignIn"), Some("lbgqkcj7h5y0")));
    assert_eq!((event.ip(), event.user_agent()), (Some("127.0.0.1"), None));
    assert_eq!(event.session_id(), Some("q-xHt7w7UFWYGCxEnJBxRF9ua5TserkIV2XQx1dSKH_"));
    assert_eq!(event.created_at(), "2026-11-23T02:47:47.660Z");
    assert_eq!(event.created_at_millis(), Some(1_795_402_067_660));
    let user = event.user().unwrap();
    assert_eq!((user.id(), user.username()), ("lbgqkcj7h5y0", Some("alice")));
    assert_eq!((user.primary_email(), user.primary_phone()), (Some("alice@example.test"), None));
    assert_eq!((user.name(), user.avatar()), (Some("Alice Example"), None));
    assert_eq!(user.custom_data().unwrap().get("seats"), Some(&json!(3)));
    assert_eq!(user.profile().unwrap().get("givenName"), Some(&json!("Alice")));
    assert!(user.identities().unwrap().is_empty());
    assert_eq!(user.application_id(), Some("wbmq4e2lcr6f8pyzeuuri"));
    assert_eq!((user.is_suspended(), user.has_password()), (Some(false), None));
    assert_eq!(user.last_sign_in_at(), Some(1_795_402_067_627));
    assert_eq!((user.created_at(), user.updated_at()), (Some(1_795_400_794_891), Some(1_795_402_067_629)));
    assert_eq!(user.get("cimdClientId"), Some(&Value::Null));
    let application = event.application().unwrap();
    assert_eq!(application.id(), "wbmq4e2lcr6f8pyzeuuri");
    assert_eq!((application.kind(), application.name()), (Some("Traditional"), Some("web-always-rt")));
    assert_eq!(application.description(), Some("web-always-rt"));
    assert_eq!((event.data(), event.path(), event.status()), (None, None, None));
}

#[test]
fn a_change_tells_what_and_by_which_call() {
    let events = events();
    let (updated, created, deleted) = (&events[0], &events[2], &events[3]);
    assert_eq!((updated.method(), updated.path()), (Some("PATCH"), Some("/users/lbgqkcj7h5y0")));
    assert_eq!((updated.status(), updated.matched_route()), (Some(200), Some("/users/:userId")));
    assert_eq!((updated.param("userId"), updated.param("id")), (Some("lbgqkcj7h5y0"), None));
    assert_eq!((updated.ip(), updated.user_id()), (Some("127.0.0.1"), Some("lbgqkcj7h5y0")));
    assert_eq!(updated.user().unwrap().has_password(), Some(true));
    assert_eq!(updated.data().unwrap()["username"], "alice");
    assert!(updated.application().is_none() && updated.session_id().is_none());
    let bob = created.user().unwrap();
    assert_eq!(bob.name(), Some("Böb ☃ \"quoted\" </script>"));
    assert_eq!((bob.last_sign_in_at(), bob.application_id()), (None, None));
    assert_eq!((deleted.status(), deleted.user_id()), (Some(204), Some("rt7vj85hotgm")));
}

#[test]
fn what_the_console_sends_as_a_test_passes() {
    let events = events();
    let (sign_in, created) = (&events[4], &events[5]);
    assert_eq!((sign_in.user_agent(), sign_in.ip()), (Some("fake-user-agent"), Some("fake-user-ip")));
    assert_eq!(sign_in.interaction_event(), None);
    let user = sign_in.user().unwrap();
    assert_eq!(user.identities().unwrap()["google"]["userId"], "fake-google-user-id");
    assert_eq!(created.data(), Some(&json!({ "result": "success" })));
    assert!(created.user().is_none() && created.user_id().is_none(), "its data are no person");
    assert_eq!(created.param("id"), Some("fake-id"));
}

#[test]
fn unknown_events_and_odd_members_pass_as_such() {
    let event = signed(
        r#"{"event":"Moon.Landed","hookId":"h","createdAt":"soon","data":{"id":"m"},"status":70000,"params":[],
            "user":7,"application":null,"more":[1]}"#,
    )
    .unwrap();
    assert_eq!(*event.event(), WebhookEventKind::Other("Moon.Landed".to_owned()));
    assert_eq!((event.created_at(), event.created_at_millis()), ("soon", None));
    assert_eq!(event.data(), Some(&json!({ "id": "m" })));
    assert!(event.user().is_none() && event.application().is_none() && event.user_id().is_none());
    assert_eq!((event.status(), event.param("x")), (None, None));
    assert_eq!(event.get("more"), Some(&json!([1])));
    let gone =
        signed(r#"{"event":"Organization.Membership.Updated","hookId":"h","createdAt":"t","data":null}"#);
    assert_eq!(gone.unwrap().data(), None);
}

#[test]
fn what_is_signed_and_no_event_is_refused() {
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "null",
        "[]",
        "{",
        "\"event\"",
        r#"{"event":"PostSignIn","hookId":"h"}"#,
        r#"{"event":"PostSignIn","createdAt":"t"}"#,
        r#"{"hookId":"h","createdAt":"t"}"#,
        r#"{"event":1,"hookId":"h","createdAt":"t"}"#,
        r#"{"event":"PostSignIn","hookId":null,"createdAt":"t"}"#,
        r#"{"event":"PostSignIn","hookId":"h","createdAt":7}"#,
        r#"{"event":"PostSignIn","hookId":"h","createdAt":"t"} x"#,
        &deep,
    ] {
        let error = signed(body).unwrap_err();
        assert_eq!((error.kind(), error.kind().status()), (ErrorKind::InvalidInput, 400));
    }
}

#[test]
fn a_body_over_the_limit_is_refused_before_anything_else() {
    let (verifier, deliveries) = recorded();
    let Delivery { body, signature } = &deliveries[0];
    verifier.clone().body_limit(body.len()).verify([signature], body.as_bytes()).unwrap();
    let error = verifier.clone().body_limit(body.len() - 1).verify([signature], body.as_bytes()).unwrap_err();
    assert_eq!((error.kind(), error.kind().status()), (ErrorKind::TooLarge, 413));
    assert_eq!(verifier.most_bytes(), 1024 * 1024);
}

#[test]
fn an_empty_key_is_no_key_and_debug_shows_neither_keys_nor_people() {
    for key in ["", " "] {
        assert_eq!(WebhookVerifier::new(key).unwrap_err().kind(), ErrorKind::Misconfigured);
        let other = WebhookVerifier::new("canary").unwrap().also(key);
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Misconfigured);
    }
    let (verifier, deliveries) = recorded();
    let error = verifier.verify(["0".repeat(64)], deliveries[0].body.as_bytes()).unwrap_err();
    let event = &events()[1];
    let told = format!("{verifier:?} {error:?} {event:?} {:?}", event.user().unwrap());
    for secret in ["YxaqDIQl4Ixr", "alice", "127.0.0.1", &deliveries[0].signature] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(told.contains("PostSignIn") && told.contains("primaryEmail"));
}
