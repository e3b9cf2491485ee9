//! The payloads are live, and the browser tells that they are: each runs where a page shows it raw.

use logto_conformance::{
    answers::{PAYLOADS, escaped, in_data_url, payload},
    sample::Chromium,
    servers::note_skip,
};

#[tokio::test]
async fn each_payload_runs_where_it_is_shown_raw_and_none_where_it_is_escaped() {
    let Some(browser) = Chromium::start().await else {
        return note_skip(
            "each_payload_runs_where_it_is_shown_raw_and_none_where_it_is_escaped",
            "Chromium and chromedriver",
        );
    };
    let (mut dead, mut live) = (Vec::new(), Vec::new());
    for number in 0..PAYLOADS {
        let payload = payload(number);
        if !browser.runs_a_payload(&in_data_url(&payload)).await {
            dead.push(payload.clone());
        }
        if browser.runs_a_payload(&in_data_url(&escaped(&payload))).await {
            live.push(payload);
        }
    }
    println!("{} of {PAYLOADS} payloads run raw, {} escaped", PAYLOADS - dead.len(), live.len());
    assert!(dead.is_empty() && live.is_empty(), "dead: {dead:?}, live: {live:?}");
}
