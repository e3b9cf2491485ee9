//! Payloads of known attacks on redirects, where their files are beside the project: none leaves the origin.

use logto_client::{LogtoClient, LogtoConfig};
use logto_conformance::servers::note_skip;
use std::{collections::BTreeSet, fs, path::Path};
use url::{Url, form_urlencoded};

const BASE: &str = "https://app.example.com";

fn payloads() -> Option<BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/open-redirect");
    let mut payloads = BTreeSet::new();
    for file in fs::read_dir(folder).ok()? {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "json") {
            payloads.extend(serde_json::from_str::<Vec<String>>(&text).unwrap());
        } else {
            payloads.extend(text.lines().map(str::to_owned));
        }
    }
    Some(payloads)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The payload as it is, and percent-encoded once and twice.
fn encodings(payload: &str) -> [String; 3] {
    let once = encoded(payload);
    let twice = encoded(&once);
    [payload.to_owned(), once, twice]
}

#[test]
fn no_known_payload_leaves_the_origin() {
    let Some(payloads) = payloads() else {
        return note_skip("no_known_payload_leaves_the_origin", "the lists of payloads beside the project");
    };
    let client = LogtoClient::new(LogtoConfig::new("https://t.logto.app", "app").base_url(BASE)).unwrap();
    let base = Url::parse(BASE).unwrap();
    let (mut judged, mut kept) = (0, 0);
    for payload in &payloads {
        // Alone, and where a careless server joins it to a path.
        for raw in encodings(payload).iter().flat_map(|text| [text.clone(), format!("/{text}")]) {
            judged += 1;
            let Some(target) = client.return_to(&raw) else { continue };
            kept += 1;
            let url = base.join(&target).unwrap();
            assert_eq!(url.origin(), base.origin(), "{raw:?} leads to {url}");
            let mut path = url.path().to_owned();
            for _ in 0..4 {
                let own = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
                assert!(own, "{raw:?} is kept as {target:?}, which decodes to {path:?}");
                let bytes = path.replace('+', "%2B");
                let pair = format!("p={}", bytes.replace('&', "%26"));
                let next = form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned();
                path = next;
            }
        }
    }
    println!("{} payloads, {judged} judged, {kept} kept on the origin, none leaves it", payloads.len());
    assert!(payloads.len() >= 900 && judged == 6 * payloads.len());
}
