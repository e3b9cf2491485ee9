//! Many emulators in one process, and a tenant from a file.

use crate::visitor::{CALLBACK, Visitor, authorization, parameter};
use logto_emulator::{Application, Builder, Emulator, Endpoint, Failure, User};
use std::time::{Duration, Instant};

#[tokio::test]
async fn parallel_emulators_do_not_disturb_each_other() {
    let mut all = Vec::new();
    for _ in 0..16 {
        all.push(Emulator::start().await.unwrap());
    }
    all[0].set_failure(Endpoint::Jwks, Some(Failure::Status(503)));
    all[1].advance(Duration::from_secs(86_400));
    all[2].rotate_keys().unwrap();
    all[3].add_user(User::new("bob"));
    let visitor = Visitor::new();
    for (index, emulator) in all.iter().enumerate() {
        let keys = visitor.get(&format!("{}/jwks", emulator.issuer())).await;
        assert_eq!(keys.status, if index == 0 { 503 } else { 200 });
        if index != 0 {
            assert_eq!(keys.json()["keys"].as_array().unwrap().len(), if index == 2 { 2 } else { 1 });
        }
        assert_eq!(emulator.approve(&authorization(emulator, &[]), "bob").is_ok(), index == 3);
        assert_eq!(emulator.count(Endpoint::Jwks), 1);
        let callback = emulator.approve(&authorization(emulator, &[]), "alice").unwrap();
        assert_eq!(parameter(&callback, "iss"), Some(emulator.issuer()));
    }
}

#[tokio::test]
async fn a_start_takes_less_than_50_milliseconds() {
    let mut times = Vec::new();
    for _ in 0..9 {
        let since = Instant::now();
        let emulator = Emulator::start().await.unwrap();
        times.push(since.elapsed());
        drop(emulator);
    }
    times.sort();
    assert!(times[4] < Duration::from_millis(50), "{times:?}");
}

#[tokio::test]
async fn a_tenant_from_a_text_signs_its_people_in() {
    let text = format!(
        "[[applications]]\nid = 'local-app'\ntype = 'traditional'\nsecret = 's'\nredirect_uris = ['{CALLBACK}']\n\
         [[users]]\nusername = 'carol'\npassword = 'c'\n"
    );
    let emulator = Builder::from_toml(&text).unwrap().start().await.unwrap();
    assert!(emulator.approve(&authorization(&emulator, &[]), "carol").is_ok());
    assert!(
        emulator.approve(&authorization(&emulator, &[]), "alice").is_err(),
        "nothing beside the text is there"
    );
}

#[tokio::test]
async fn requests_are_read_back() {
    let emulator = Emulator::builder().application(Application::new("spa")).start().await.unwrap();
    let visitor = Visitor::new();
    for state in ["one", "two"] {
        visitor.get(&authorization(&emulator, &[("state", state), ("client_id", "spa")])).await;
    }
    let all = emulator.all_received(Endpoint::Authorize);
    let states: Vec<&str> = all
        .iter()
        .flat_map(|request| &request.parameters)
        .filter(|(name, _)| name == "state")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(states, ["one", "two"]);
    assert!(emulator.received(Endpoint::Authorize).is_some() && emulator.received(Endpoint::Token).is_none());
}
