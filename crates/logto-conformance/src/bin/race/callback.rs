//! The same callback many times in parallel, over all processes.

use crate::options::Options;
use logto_conformance::flow::RESOURCES;
use logto_conformance::harness::{Figure, Person, Site, highest, overlapping, sum};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Instant};
use tokio::task::JoinSet;

pub(crate) async fn play(site: &Arc<Site>, options: &Options) -> Vec<Value> {
    overlapping(options.rounds, options.at_once, |number| {
        let (site, requests) = (Arc::clone(site), options.requests);
        async move {
            let username = format!("user-{number}");
            match round(&site, requests, number, &username).await {
                Ok(outcome) => outcome,
                Err(problem) => json!({ "round": number, "lost": 1, "problem": problem }),
            }
        }
    })
    .await
}

async fn round(site: &Arc<Site>, requests: usize, number: usize, username: &str) -> Result<Value, String> {
    let sub = site.provider.add(username);
    let (cookie, callback) = site.start_sign_in(number, username).await?;
    let since = Instant::now();
    let mut sent = JoinSet::new();
    for _ in 0..requests {
        for process in 0..site.processes.len() {
            let (site, cookie, callback) = (Arc::clone(site), cookie.clone(), callback.clone());
            sent.spawn(async move { site.get(process, &callback, &cookie).await });
        }
    }
    let answers = sent.join_all().await;
    let took = since.elapsed();
    let calls = site.provider.take_calls(username);
    let completed = answers.iter().filter(|answer| answer.status == 303);
    let sessions: BTreeSet<String> = completed.clone().filter_map(|answer| answer.cookie.clone()).collect();
    let told = |body: &str| body.contains("callback_rejected");
    let refused = answers.iter().filter(|answer| answer.status == 400 && told(&answer.body));
    let (completed, refused) = (completed.count(), refused.count());
    // Whichever answer the browser keeps: it is signed in.
    let (mut signed_out, mut dead) = (0, usize::from(sessions.is_empty()));
    for session in &sessions {
        signed_out += usize::from(site.get(number, "/", session).await.body != sub);
        let person = Person { username: username.to_owned(), sub: sub.clone(), cookie: session.clone() };
        dead += usize::from(!site.is_alive(number, &person, RESOURCES[0]).await);
    }
    let untold = answers.len() - completed - refused;
    let problem = answers.iter().find(|answer| !matches!(answer.status, 303 | 400));
    drop(site.provider.take_calls(username));
    Ok(json!({
        "round": number,
        "calls": calls.len(),
        "invalid_grant": calls.iter().filter(|call| call.error == Some("invalid_grant")).count(),
        "requests": answers.len(),
        "completed": completed,
        "refused": refused,
        "untold": untold,
        "sessions": sessions.len(),
        "records": site.records_of(number, &sub).await,
        "lost": u8::from(signed_out + dead > 0),
        "ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "problem": problem.map(|answer| format!("{answer:?}")),
    }))
}

pub(crate) fn figures(options: &Options, rounds: &[Value], naive: &[Value]) -> Vec<Figure> {
    let calls = (sum(rounds, "calls"), highest(rounds, "calls"));
    let (sessions, records) = (highest(rounds, "sessions"), highest(rounds, "records"));
    let naive_lost = sum(naive, "lost");
    let all = (options.rounds * options.requests * options.processes) as u64;
    let told = sum(rounds, "completed") + sum(rounds, "refused");
    vec![
        Figure::new("token calls a round", calls.1, calls == (rounds.len() as u64, 1)),
        Figure::none("invalid_grant", sum(rounds, "invalid_grant")),
        Figure::new("sessions a round at most", sessions, sessions == 1),
        Figure::new("records a round at most", records, records == 1),
        Figure::told("answers that lead on", sum(rounds, "completed")),
        Figure::told("told that it is completed", sum(rounds, "refused")),
        Figure::new("answered one way or the other", format!("{told} of {all}"), told == all),
        Figure::none("sessions lost", sum(rounds, "lost")),
        Figure::told("longest round", format!("{} ms", highest(rounds, "ms"))),
        Figure::new("the naive client lost", format!("{naive_lost} of {}", naive.len()), naive_lost > 0),
    ]
}
