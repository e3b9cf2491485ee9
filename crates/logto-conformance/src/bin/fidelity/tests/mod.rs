//! Proves that what differs is reported.

mod alter;

use crate::{
    bindings::Bindings,
    clients::Client,
    compare::compare,
    http::{Outgoing, Server},
    live::Live,
    play::play,
    recording::{Exchange, Recording, Response},
    run,
    world::{Right, World},
};
use alter::{Kind, alterations};
use logto_conformance::servers::Folder;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The recordings beside the project, where they are there.
fn beside() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/logto");
    folder.is_dir().then_some(folder)
}

fn recordings(folder: &Path) -> Vec<Recording> {
    crate::read(folder).expect("recordings that can be read")
}

/// A recording that the emulator itself answers: what a test has where no other is at hand.
async fn small(folder: &Path) -> Recording {
    let client =
        |id: &str| Client { id: id.to_owned(), secret: Some("s3cret".to_owned()), ..Client::default() };
    let mut world = World { origin: "http://localhost:3001".to_owned(), ..World::default() };
    let machine = Client {
        machine: true,
        rights: vec![Right {
            organization: None,
            resource: Some("https://api.example.test".to_owned()),
            scopes: vec!["read:x".to_owned()],
        }],
        ..client("machine")
    };
    world.resources.insert("https://api.example.test".to_owned(), vec!["read:x".to_owned()]);
    world.clients.insert("machine".to_owned(), machine);
    let web = Client { redirect_uris: vec!["http://localhost:3000/callback".to_owned()], ..client("web") };
    world.clients.insert("web".to_owned(), web);
    let live = Live::start(&world).await.expect("an emulator");
    let server = Server::at(live.address()).expect("an HTTP client");
    let basic = |pair: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(pair))
    };
    let form = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let authorization = "/oidc/auth?client_id=web&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\
                         &response_type=code&scope=openid+profile&state=abc";
    let credentials = form(&[
        ("grant_type", "client_credentials"),
        ("resource", "https://api.example.test"),
        ("scope", "read:x"),
    ]);
    let unknown = form(&[("grant_type", "refresh_token"), ("refresh_token", "nope")]);
    let calls = [
        (Outgoing::get("/oidc/.well-known/openid-configuration"), Vec::new()),
        (Outgoing::get("/oidc/jwks"), Vec::new()),
        (Outgoing::get(authorization), Vec::new()),
        (Outgoing::get("/oidc/me"), Vec::new()),
        (
            Outgoing::form("/oidc/token", &credentials).header("authorization", basic("machine:s3cret")),
            credentials,
        ),
        (Outgoing::form("/oidc/token", &unknown).header("authorization", basic("web:s3cret")), unknown),
    ];
    let mut exchanges = Vec::new();
    for (outgoing, form) in calls {
        let headers: serde_json::Map<String, Value> =
            outgoing.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let mut request = json!({
            "method": outgoing.method, "url": format!("{}{}", world.origin, outgoing.target), "headers": headers,
        });
        if !form.is_empty() {
            request["form"] = form
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect::<serde_json::Map<_, Value>>()
                .into();
        }
        let answer = server.send(outgoing).await.expect("an answer");
        exchanges.push(json!({ "request": request, "response": document(&answer) }));
    }
    let remark = json!({ "note": "a remark has no request" });
    exchanges.push(remark);
    let file = folder.join("small.json");
    fs::write(&file, json!({ "exchanges": exchanges }).to_string()).expect("a recording is written");
    fs::write(folder.join("other.json"), "[]").expect("another file is written");
    Recording::read(&file).expect("a recording that can be read").expect("exchanges")
}

fn document(response: &Response) -> Value {
    let headers: serde_json::Map<String, Value> =
        response.headers.iter().map(|(name, values)| (name.clone(), json!(values))).collect();
    json!({ "status": response.status, "headers": headers, "body": response.body })
}

/// Every alteration of every answer is seen by the comparison.
fn bites(recordings: &[Recording]) -> usize {
    let mut tried = 0;
    for recording in recordings {
        for exchange in recording.exchanges.iter().filter(|exchange| exchange.is_oidc()) {
            let Exchange { request, response, index, .. } = exchange;
            let same = compare(request, response, response, &mut Bindings::default());
            assert_eq!(same, [], "{}[{index}] differs from itself", recording.name);
            for (kind, place, altered) in alterations(response) {
                // Altered on either side.
                for (recorded, live) in [(&altered, response), (response, &altered)] {
                    let found = compare(request, recorded, live, &mut Bindings::default());
                    assert!(
                        !found.is_empty(),
                        "{}[{index}]: {kind:?} of {place} is not seen",
                        recording.name
                    );
                }
                tried += 1;
            }
        }
    }
    tried
}

#[tokio::test]
async fn each_alteration_of_a_small_recording_is_reported() {
    let folder = Folder::new("fidelity");
    let recording = small(folder.path()).await;
    assert!(bites(&[recording]) > 200);
}

#[test]
fn each_alteration_of_the_recordings_beside_is_reported() {
    let Some(folder) = beside() else {
        return logto_conformance::servers::note_skip(
            "each_alteration_of_the_recordings_beside_is_reported",
            "recordings beside the project",
        );
    };
    let all = recordings(&folder);
    assert!(bites(&all) > 100 * all.len());
}

#[tokio::test]
async fn the_program_counts_what_matches_and_what_was_altered() {
    let folder = Folder::new("fidelity");
    let recording = small(folder.path()).await;
    let number = recording.exchanges.len();
    assert_eq!(run(folder.path(), false).await, Ok((number, number)));
    for exchange in &recording.exchanges {
        let altered = alterations(&exchange.response);
        for kind in Kind::ALL {
            let Some((.., response)) = altered.iter().find(|(known, ..)| *known == kind) else { continue };
            let text = fs::read(folder.path().join("small.json")).expect("the recording");
            let mut file: Value = serde_json::from_slice(&text).expect("JSON");
            file["exchanges"][exchange.index]["response"] = document(response);
            let copy = Folder::new("fidelity-altered");
            fs::write(copy.path().join("small.json"), file.to_string()).expect("a copy is written");
            let (matched, total) = run(copy.path(), false).await.expect("a run");
            assert!(matched < number && total == number, "{kind:?} of {}", exchange.index);
        }
    }
}

/// The set-up is told from the recordings: an alteration must not become part of it.
#[tokio::test]
async fn one_alteration_in_a_copy_of_each_recording_is_reported_by_a_run() {
    let Some(folder) = beside() else {
        return logto_conformance::servers::note_skip(
            "one_alteration_in_a_copy_of_each_recording_is_reported_by_a_run",
            "recordings beside the project",
        );
    };
    let original = recordings(&folder);
    let readme = folder.join("README.md");
    let mut unseen = Vec::new();
    let rounds = [0, 17].into_iter().flat_map(|round| Kind::ALL.map(|kind| (round, kind)));
    for (round, kind) in rounds {
        let mut copies = original.clone();
        let mut altered = Vec::new();
        for (number, recording) in copies.iter_mut().enumerate() {
            // Another place in each file, and in each round.
            let (file, number) = (number, number + round);
            let places: Vec<usize> = (0..recording.exchanges.len())
                .filter(|at| recording.exchanges[*at].is_oidc())
                .filter(|at| {
                    alterations(&recording.exchanges[*at].response).iter().any(|(known, ..)| *known == kind)
                })
                .collect();
            let Some(&at) = places.get(number % places.len().max(1)) else { continue };
            let exchange = &mut recording.exchanges[at];
            let all: Vec<_> =
                alterations(&exchange.response).into_iter().filter(|(known, ..)| *known == kind).collect();
            let (_, place, response) = all[number % all.len()].clone();
            exchange.response = response;
            altered.push((file, exchange.index, place));
        }
        let world = World::of(&copies, Some(readme.as_path()));
        for (number, index, place) in altered {
            let outcome = play(&copies[number], &world).await.expect("the file is played");
            let differences = outcome.exchanges.iter().find(|(known, _)| *known == index);
            let (_, differences) = differences.expect("an exchange that is compared");
            if differences.is_empty() {
                unseen.push(format!("{}[{index}]: {kind:?} of {place}", copies[number].name));
            }
        }
    }
    assert_eq!(unseen, Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_without_recordings_has_none_that_match() {
    let folder = Folder::new("fidelity");
    fs::write(folder.path().join("index.json"), "{}").expect("a file is written");
    assert_eq!(run(folder.path(), false).await, Ok((0, 0)));
    fs::write(folder.path().join("broken.json"), "{").expect("a file is written");
    assert!(run(folder.path(), false).await.is_err());
}
