//! A sign-out against refreshes in flight and against slow writers: what has ended stays ended.

use crate::options::Options;
use logto_conformance::{
    flow::RESOURCES,
    harness::{Answer, Chance, Figure, Site, overlapping, sum, token_path},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

pub(crate) async fn play(site: &Arc<Site>, options: &Options) -> Vec<Value> {
    overlapping(options.rounds, options.at_once, |number| {
        let site = Arc::clone(site);
        let chance = Chance::new(options.seed ^ (number as u64) << 20);
        async move {
            let username = format!("user-{number}");
            match round(&site, number, &username, chance).await {
                Ok(outcome) => outcome,
                Err(problem) => json!({ "round": number, "failed": 1, "problem": problem }),
            }
        }
    })
    .await
}

async fn round(site: &Arc<Site>, number: usize, username: &str, mut chance: Chance) -> Result<Value, String> {
    let (person, _) = site.expired_session(number, username, RESOURCES[0]).await?;
    let (within, cookie) = (Duration::from_millis(60), person.cookie.clone());
    let mut at = |process: usize, path: String| {
        let (site, cookie, wait) = (Arc::clone(site), cookie.clone(), chance.within(within));
        async move {
            tokio::time::sleep(wait).await;
            site.get(process, &path, &cookie).await
        }
    };
    // The processes take turns: here the one that signs out refreshes too, there another.
    let refreshes = [
        at(number, token_path(RESOURCES[0])),
        at(number + 1, token_path(RESOURCES[0])),
        at(number + 2, token_path(RESOURCES[1])),
    ];
    let mut times = Chance::new(number as u64);
    let mut slow = |process| {
        let millis = times.within(Duration::from_millis(90)).as_millis();
        at(process, format!("/slow-write?ms={millis}"))
    };
    let writers = [slow(number), slow(number + 1), slow(number + 2)];
    let sign_out = {
        let (site, cookie, wait) = (Arc::clone(site), cookie.clone(), chance.within(within));
        async move {
            tokio::time::sleep(wait).await;
            site.wire.post(&site.at(number / 2, "/logto/sign-out"), &cookie).await
        }
    };
    let mut others = tokio::task::JoinSet::new();
    refreshes.into_iter().for_each(|request| drop(others.spawn(request)));
    writers.into_iter().for_each(|request| drop(others.spawn(request)));
    let sign_out = sign_out.await;
    let others = others.join_all().await;
    if sign_out.status != 303 {
        return Err(format!("the sign-out is refused: {sign_out:?}"));
    }
    // Whichever cookie the browser keeps.
    let answers = others.iter().chain([&sign_out]);
    let cookies: BTreeSet<&str> = answers
        .filter_map(|answer| answer.cookie.as_deref())
        .filter(|cookie| !cookie.is_empty())
        .chain([cookie.as_str()])
        .collect();
    let mut back = 0;
    for cookie in &cookies {
        for process in 0..site.processes.len() {
            back += usize::from(site.get(process, "/", cookie).await.body != "nobody");
            let token = site.get(process, &token_path(RESOURCES[0]), cookie).await;
            back += usize::from(token.status != 401);
        }
    }
    let records = site.records_of(number, &person.sub).await;
    let of = |status: u16| others.iter().filter(|answer| answer.status == status).count();
    drop(site.provider.take_calls(username));
    Ok(json!({
        "round": number,
        "resurrected": u8::from(back > 0 || records > 0),
        "records": records,
        "before_the_sign_out": of(200),
        "after_the_sign_out": of(401),
        "other_answers": others.len() - of(200) - of(401),
        "grants_left": site.provider.emulator.living_grants_of(username),
        "problem": others.iter().find(|answer| odd(answer)).map(|answer| format!("{answer:?}")),
    }))
}

fn odd(answer: &Answer) -> bool {
    !matches!(answer.status, 200 | 401)
}

pub(crate) fn figures(rounds: &[Value], naive: &[Value]) -> Vec<Figure> {
    let (before, after) = (sum(rounds, "before_the_sign_out"), sum(rounds, "after_the_sign_out"));
    let naive_back = sum(naive, "resurrected");
    vec![
        Figure::none("resurrections", sum(rounds, "resurrected")),
        Figure::none("rounds that failed", sum(rounds, "failed")),
        Figure::new("requests served before the sign-out", before, before > 0),
        Figure::new("told that nobody is signed in", after, after > 0),
        Figure::none("other answers", sum(rounds, "other_answers")),
        Figure::none("grants left at the provider", sum(rounds, "grants_left")),
        Figure::new(
            "resurrected by the naive client",
            format!("{naive_back} of {}", naive.len()),
            naive_back > 0,
        ),
    ]
}
