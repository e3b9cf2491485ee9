//! Parallel requests for access tokens on one expired session, at all processes.

use crate::options::Options;
use logto_conformance::{
    flow::RESOURCES,
    harness::{Answer, Figure, Person, Site, highest, overlapping, sum, token_path},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};
use tokio::task::JoinSet;

pub(crate) async fn play(site: &Arc<Site>, options: &Options) -> Vec<Value> {
    overlapping(options.rounds, options.at_once, |number| {
        let (site, options) = (Arc::clone(site), options.clone());
        async move {
            let username = format!("user-{number}");
            match round(&site, &options, number, &username).await {
                Ok(outcome) => outcome,
                Err(problem) => json!({ "round": number, "lost": 1, "problem": problem }),
            }
        }
    })
    .await
}

async fn round(site: &Arc<Site>, options: &Options, number: usize, username: &str) -> Result<Value, String> {
    let (person, expired) = site.expired_session(number, username, RESOURCES[0]).await?;
    let since = Instant::now();
    let mut requests = JoinSet::new();
    for request in 0..options.requests {
        for process in 0..site.processes.len() {
            let (site, cookie) = (Arc::clone(site), person.cookie.clone());
            let resource = RESOURCES[request % options.resources];
            requests
                .spawn(async move { (resource, site.get(process, &token_path(resource), &cookie).await) });
        }
    }
    let answers = requests.join_all().await;
    let took = since.elapsed();
    let calls = site.provider.take_calls(username);
    let seen = Seen::of(&person, &expired, &answers);
    let alive = site.is_alive(number + 1, &person, RESOURCES[0]).await;
    drop(site.provider.take_calls(username));
    let problem = answers.iter().find(|(_, answer)| answer.status != 200).map(|(_, answer)| &answer.body);
    Ok(json!({
        "round": number,
        "calls": calls.len(),
        "invalid_grant": calls.iter().filter(|call| call.error == Some("invalid_grant")).count(),
        "old_refresh_tokens": calls.iter().filter(|call| call.used_before).count(),
        "requests": answers.len(),
        "answered_with_the_new_token": seen.new,
        "wrong_audience": seen.wrong_audience,
        "foreign": seen.foreign,
        "statuses": seen.statuses,
        "lost": u8::from(!alive),
        "ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "problem": problem,
    }))
}

#[derive(Default)]
struct Seen {
    new: usize,
    wrong_audience: usize,
    foreign: usize,
    statuses: BTreeMap<String, usize>,
}

impl Seen {
    fn of(person: &Person, expired: &str, answers: &[(&str, Answer)]) -> Self {
        let mut seen = Self::default();
        let mut first: HashMap<&str, Value> = HashMap::new();
        for (resource, answer) in answers {
            *seen.statuses.entry(answer.status.to_string()).or_default() += 1;
            if answer.status != 200 {
                continue;
            }
            let token: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            let (ours, fits) = (token["sub"] == person.sub.as_str(), token["aud"] == *resource);
            seen.foreign += usize::from(!ours);
            seen.wrong_audience += usize::from(!fits);
            // There is one new token for each resource.
            let new = first.entry(resource).or_insert_with(|| token["jti"].clone());
            seen.new += usize::from(ours && fits && *new == token["jti"] && token["jti"] != expired);
        }
        seen
    }
}

pub(crate) fn figures(options: &Options, rounds: &[Value], naive: &[Value]) -> Vec<Figure> {
    let most = highest(rounds, "calls");
    let requests = (options.processes * options.requests * options.rounds) as u64;
    let new = sum(rounds, "answered_with_the_new_token");
    let naive_lost = sum(naive, "lost");
    vec![
        Figure::new("token calls a round at most", most, (1..=options.resources as u64).contains(&most)),
        Figure::none("invalid_grant", sum(rounds, "invalid_grant")),
        Figure::none("old refresh tokens", sum(rounds, "old_refresh_tokens")),
        Figure::new("answered with the new token", format!("{new} of {requests}"), new == requests),
        Figure::none("wrong audience", sum(rounds, "wrong_audience")),
        Figure::none("foreign tokens", sum(rounds, "foreign")),
        Figure::none("sessions lost", sum(rounds, "lost")),
        Figure::told("longest round", format!("{} ms", highest(rounds, "ms"))),
        Figure::new("the naive client lost", format!("{naive_lost} of {}", naive.len()), naive_lost > 0),
    ]
}
