//! The holder of a lease is stopped for one to ten seconds, and goes on when others have taken over.

use crate::{kills::Scene, options::Options, visit};
use logto_conformance::harness::{Figure, Process, Report, Store, overlapping, sum, worker::Client};
use logto_emulator::TokenCall;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Where the holder is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// It is about to ask the provider.
    BeforeTheCall,
    /// The provider has answered, and nothing is written yet.
    BeforeTheWrite,
}

pub(crate) const POINTS: [Point; 2] = [Point::BeforeTheCall, Point::BeforeTheWrite];

/// Longer than anybody is stopped: the provider takes a replaced refresh token again for so long.
const FORGIVING: Duration = Duration::from_secs(60);

impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeTheCall => "stopped before the call",
            Self::BeforeTheWrite => "stopped before the write",
        }
    }

    fn among_the_operations(self, client: Client) -> (&'static str, u32) {
        match (self, client) {
            (Self::BeforeTheCall, Client::Logto) => ("after read", 2),
            (Self::BeforeTheCall, _) => ("after read", 1),
            (Self::BeforeTheWrite, _) => ("before swap", 1),
        }
    }
}

pub(crate) async fn play(
    options: &Options,
    store: &Store,
    client: Client,
    report: &mut Report,
) -> Vec<Value> {
    // One provider forgives what the stop has led to, the other one nothing.
    let forgiving = Scene::set(store, client, FORGIVING, options.seed).await;
    let strict = Scene::set(store, client, Duration::ZERO, options.seed).await;
    let rounds = match client {
        Client::Logto => options.rounds,
        _ => options.rounds.min(2),
    };
    report.say(&format!("{} client: stops", client.name()));
    let outcomes = overlapping(rounds * POINTS.len(), options.at_once, |number| {
        let point = POINTS[number % POINTS.len()];
        let is_forgiving = (number / POINTS.len()).is_multiple_of(2);
        let scene = Arc::clone(if is_forgiving { &forgiving } else { &strict });
        // From one to ten seconds, each in its turn, the long ones first: there somebody takes over.
        let seconds = 10 - (number / POINTS.len() * 3) as u64 % 10;
        async move {
            match round(&scene, point, seconds, is_forgiving, number).await {
                Ok(outcome) => outcome,
                Err(problem) => {
                    json!({ "step": point.name(), "failed": 1, "problem": problem })
                }
            }
        }
    });
    let outcomes = outcomes.await;
    report.say(&format!("{} client: {} stops", client.name(), outcomes.len()));
    outcomes
}

async fn round(
    scene: &Scene,
    point: Point,
    seconds: u64,
    is_forgiving: bool,
    number: usize,
) -> Result<Value, String> {
    let username = format!("stopped-{number}");
    let mut holder = Process::start(&scene.plan).await;
    let other = Process::start(&scene.plan).await;
    let visit = scene.expired(&other, &username).await?;
    let (at, nth) = point.among_the_operations(scene.plan.client);
    scene.set_step(&holder, point.name(), at, nth).await;
    let go = |process: &Process| {
        let (browser, url) = (visit.browser.with_cookies_of_its_own(), visit::at(process, "/orders"));
        tokio::spawn(async move { browser.try_get(url).await })
    };
    let first = go(&holder);
    let halted = tokio::time::timeout(Duration::from_secs(20), holder.halted()).await;
    halted.ok().flatten().ok_or("the holder does not come to the step")?;
    holder.signal("STOP");
    let second = go(&other);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    holder.signal("CONT");
    scene.wire.post(&holder.at("/control/go-on"), "").await;
    let first = first.await.expect("no panic").map_err(|error| format!("no answer: {error}"))?;
    let second = second.await.expect("no panic").map_err(|error| format!("no answer: {error}"))?;
    let held = scene.wire.get(&other.at("/held"), &visit.cookie()).await.body;
    let calls = scene.provider.take_calls(&username);
    let taken_over = calls.len() > 1;
    let stale = !may_be_held(point, &calls, &held);
    let mut again = visit.anew();
    let page = again.go(&other, "/orders").await;
    let signed_in = page.status == 200 && scene.is_alive(&other, &again).await;
    // Where the provider forgives it is as if nothing had been.
    let lost = !signed_in || again.prompts > 0 || again.sign_ins > if is_forgiving { 0 } else { 2 };
    Ok(json!({
        "step": point.name(),
        "stopped": holder.pid(),
        "other": other.pid(),
        "seconds": seconds,
        "forgiving": is_forgiving,
        "calls": calls.len(),
        "taken_over": u8::from(taken_over),
        "stale": u8::from(stale),
        "answers": [first.status, second.status],
        "prompts": again.prompts,
        "sign_ins": again.sign_ins,
        "lost": u8::from(lost),
        "problem": (lost || stale).then(|| format!("{} {}; {calls:?}", page.status, page.body)),
    }))
}

/// Whether the record holds the refresh token of the last one whose turn it was.
fn may_be_held(point: Point, calls: &[TokenCall], held: &str) -> bool {
    let by_right = match (point, calls) {
        (_, [only]) => only,
        // The holder was late: whoever has taken over had asked before.
        (Point::BeforeTheCall, [other, ..]) => other,
        (Point::BeforeTheWrite, [.., other]) => other,
        (_, []) => return false,
    };
    // A sign-in that has ended holds nothing.
    by_right.issued.as_deref().unwrap_or_default() == held
}

pub(crate) fn figures(rounds: &[Value], naive: &[Value]) -> Vec<Figure> {
    let naive_stale = sum(naive, "stale");
    vec![
        Figure::told("stops", rounds.len()),
        Figure::new("stops in which another took over", sum(rounds, "taken_over"), true),
        Figure::none("stale writes", sum(rounds, "stale")),
        Figure::none("stops that failed", sum(rounds, "failed")),
        Figure::none("password prompts after a stop", sum(rounds, "prompts")),
        Figure::none("sessions lost by a stop", sum(rounds, "lost")),
        Figure::new(
            "stale writes of the naive client",
            format!("{naive_stale} of {}", naive.len()),
            naive_stale > 0,
        ),
    ]
}
