//! A process is killed at a step, another one starts, and the same browser comes again.

use crate::{
    options::Options,
    steps::{self, Step, Work},
    visit::{self, Visit},
};
use logto_conformance::{
    flow::RESOURCES,
    harness::{
        Figure, Process, Provider, Report, Setting, Store, Wire, highest, overlapping, sum, token_path,
        worker::{Client, Plan},
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// A lease lives for six seconds; this is its life and what a visit takes besides.
const LONGEST_VISIT: Duration = Duration::from_millis(8000);
/// Two redirects to sign-in are none too many.
const MOST_SIGN_INS: u32 = 2;

/// What rounds have in common.
pub(crate) struct Scene {
    pub(crate) provider: Provider,
    pub(crate) plan: Plan,
    pub(crate) wire: Wire,
}

impl Scene {
    pub(crate) async fn set(store: &Store, client: Client, leeway: Duration, seed: u64) -> Arc<Self> {
        let latency = Duration::ZERO..Duration::from_millis(100);
        let provider = Provider::start(&Setting { leeway, latency, seed, behind_gateway: false }).await;
        let plan = Plan { endpoint: provider.emulator.endpoint(), store: store.address.clone(), client };
        Arc::new(Self { provider, plan, wire: Wire::new(1) })
    }

    /// The process stops there.
    pub(crate) async fn set_step(&self, process: &Process, name: &str, point: &str, nth: u32) {
        let query = [("name", name), ("point", point), ("nth", &nth.to_string())];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.wire.post(&process.at(&format!("/control/halt?{query}")), "").await;
    }

    /// Somebody who is signed in and whose token has expired.
    pub(crate) async fn expired(&self, process: &Process, username: &str) -> Result<Visit, String> {
        let mut visit = Visit::new(username);
        self.provider.set_brief(username, true);
        visit.sign_in(process, &self.provider).await?;
        let page = visit.go(process, "/orders").await;
        self.provider.set_brief(username, false);
        if page.status != 200 {
            return Err(format!("the first token: {} {}", page.status, page.body));
        }
        tokio::time::sleep(Duration::from_millis(1100)).await;
        drop(self.provider.take_calls(username));
        Ok(visit)
    }

    /// Whether this person has living tokens: by one more refresh.
    pub(crate) async fn is_alive(&self, process: &Process, visit: &Visit) -> bool {
        let path = format!("{}&force=1", token_path(RESOURCES[1]));
        let answer = self.wire.get(&process.at(&path), &visit.cookie()).await;
        answer.status == 200
    }
}

/// Plays every step with this client.
pub(crate) async fn play(
    options: &Options,
    store: &Store,
    client: Client,
    report: &mut Report,
) -> Vec<Value> {
    let scene = Scene::set(store, client, Duration::ZERO, options.seed).await;
    let (steps, rounds) = match client {
        Client::Logto => (&steps::ALL[..], options.rounds),
        _ => (&steps::NAIVE[..], options.rounds.min(2)),
    };
    report.say(&format!("{} client: kills at {} steps", client.name(), steps.len()));
    let outcomes = overlapping(steps.len() * rounds, options.at_once, |number| {
        let (scene, step) = (Arc::clone(&scene), steps[number % steps.len()]);
        async move {
            match round(&scene, step, number).await {
                Ok(outcome) => outcome,
                Err(problem) => json!({ "step": step.name, "lost": 1, "failed": 1, "problem": problem }),
            }
        }
    });
    let outcomes = outcomes.await;
    report.say(&format!("{} client: {} kills", client.name(), outcomes.len()));
    outcomes
}

async fn round(scene: &Scene, step: Step, number: usize) -> Result<Value, String> {
    let username = format!("killed-{number}");
    let mut process = Process::start(&scene.plan).await;
    let (visit, path) = match step.work {
        Work::Callback => {
            drop(scene.provider.add(&username));
            let mut visit = Visit::new(&username);
            let path = visit.until_callback(&process, "/logto/sign-in?return_to=/orders").await?;
            (visit, path)
        }
        Work::Refresh => (scene.expired(&process, &username).await?, "/orders".to_owned()),
    };
    let request = {
        let (browser, url) = (visit.browser.clone(), visit::at(&process, &path));
        async move { browser.try_get(url).await }
    };
    match step.point {
        Some((point, nth)) => {
            scene.set_step(&process, step.name, point, nth).await;
            let mut request = std::pin::pin!(request);
            tokio::select! {
                halted = process.halted() => {
                    halted.ok_or_else(|| "the process has ended by itself".to_owned())?;
                }
                answer = &mut request => {
                    let answer = answer.map(|page| (page.status, page.body));
                    return Err(format!("answered without coming to the step: {answer:?}"));
                }
            }
            process.kill();
            // The browser learns that the server has gone.
            drop(request.await);
        }
        None => {
            request.await.map_err(|error| format!("no answer: {error}"))?;
            process.kill();
        }
    }
    again(scene, step, &process, visit, &path).await
}

/// The same browser at a process that has just started.
async fn again(
    scene: &Scene,
    step: Step,
    killed: &Process,
    visit: Visit,
    path: &str,
) -> Result<Value, String> {
    let since = Instant::now();
    let process = Process::start(&scene.plan).await;
    let mut visit = visit.anew();
    let page = visit.go(&process, path).await;
    let took = since.elapsed();
    let signed_in = page.status == 200 && scene.is_alive(&process, &visit).await;
    let loops = visit.sign_ins > MOST_SIGN_INS;
    let outlived = took > LONGEST_VISIT;
    let lost = !signed_in || visit.prompts > 0 || loops || outlived;
    let calls = scene.provider.take_calls(&visit.username);
    Ok(json!({
        "step": step.name,
        "killed": killed.pid(),
        "started": process.pid(),
        "signed_in": signed_in,
        "prompts": visit.prompts,
        "sign_ins": visit.sign_ins,
        "clicks": visit.clicks,
        "reloads": visit.reloads,
        "loops": u8::from(loops),
        "outlived": u8::from(outlived),
        "used_before": calls.iter().filter(|call| call.used_before).count(),
        "ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "lost": u8::from(lost),
        "problem": lost.then(|| format!("{} {}", page.status, page.body)),
    }))
}

pub(crate) fn figures(rounds: &[Value], naive: &[Value]) -> Vec<Figure> {
    let naive_lost = sum(naive, "lost");
    vec![
        Figure::told("kills", rounds.len()),
        Figure::none("password prompts", sum(rounds, "prompts")),
        Figure::none("loops", sum(rounds, "loops")),
        Figure::none("leases that outlive their time", sum(rounds, "outlived")),
        Figure::none("sessions lost", sum(rounds, "lost")),
        Figure::told("silent sign-ins", sum(rounds, "sign_ins")),
        Figure::told("clicks", sum(rounds, "clicks")),
        Figure::told("longest visit", format!("{} ms", highest(rounds, "ms"))),
        Figure::new("the naive client lost", format!("{naive_lost} of {}", naive.len()), naive_lost > 0),
    ]
}

/// What became of the visits, step by step.
pub(crate) fn by_step(rounds: &[Value]) -> Vec<String> {
    let mut steps: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for round in rounds {
        steps.entry(round["step"].as_str().unwrap_or_default()).or_default().push(round.clone());
    }
    let line = |(step, rounds): (&&str, &Vec<Value>)| {
        format!(
            "{step:<30} {:>3} kills, {:>3} silent sign-ins, {:>3} clicks, {:>5} ms at most, {} lost",
            rounds.len(),
            sum(rounds, "sign_ins"),
            sum(rounds, "clicks"),
            highest(rounds, "ms"),
            sum(rounds, "lost"),
        )
    };
    steps.iter().map(line).collect()
}
