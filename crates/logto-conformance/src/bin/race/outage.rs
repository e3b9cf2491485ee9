//! The provider away for ten minutes of injected time, the store away for half a minute: nobody is lost.

mod load;
mod switch;

use crate::options::Options;
use load::{Kept, Load};
use logto_conformance::{
    flow::RESOURCES,
    harness::{Figure, Passage, Person, Provider, Report, Setting, Site, Store, token_path, worker},
};
use logto_emulator::{Endpoint, Failure};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use switch::Switch;

/// So much time passes in one step while the provider is away, for everybody.
const STEP: Duration = Duration::from_secs(10);
/// Three kinds of being away, each of so many steps: together ten minutes.
const STEPS: u32 = 20;
const HOUR: Duration = Duration::from_secs(3600);
/// Longer than it may take until everything is normal.
const AFTERWARDS: Duration = Duration::from_secs(8);
/// How soon everything is normal again.
const AFTER_PROVIDER: Duration = Duration::from_secs(5);
const AFTER_STORE: Duration = Duration::from_secs(1);

pub(crate) struct Played {
    pub(crate) sessions: Vec<Value>,
    outages: Vec<(&'static str, Duration, Kept)>,
}

/// Plays both outages on as many sessions as there are rounds.
pub(crate) async fn play(
    options: &Options,
    store: &Store,
    client: worker::Client,
    report: &mut Report,
) -> Played {
    let setting = Setting {
        leeway: options.leeway,
        latency: options.latency.clone(),
        seed: options.seed,
        behind_gateway: true,
    };
    let (switch, address) = Switch::of(store).await;
    let site = Arc::new(Site::start(&address, client, options.processes, &setting, 3000).await);
    report.say(&format!("{} client: processes {:?}", client.name(), site.pids()));
    report.keep(&format!("processes of the {} client", client.name()), site.pids());
    let people = match sign_in(&site, options.rounds).await {
        Ok(people) => Arc::new(people),
        Err(problem) => {
            report.say(&problem);
            return Played { sessions: Vec::new(), outages: Vec::new() };
        }
    };
    let mut outages = Vec::new();
    let kept = provider_away(&site, &people, report).await;
    let mut lost = lost(&site, &people).await;
    outages.push(("provider", AFTER_PROVIDER, kept));
    match switch {
        Some(mut switch) => {
            let kept = store_away(&site, &people, &mut switch, options, report).await;
            outages.push(("store", AFTER_STORE, kept));
            let again = self::lost(&site, &people).await;
            lost.iter_mut().zip(again).for_each(|(lost, again)| *lost |= again);
        }
        None => {
            println!("skipped: store away: what a process keeps in memory is away with the process alone");
        }
    }
    let sessions = people.iter().zip(lost).enumerate();
    let sessions = sessions.map(|(number, (person, lost))| {
        json!({ "round": number, "username": person.username, "lost": u8::from(lost) })
    });
    Played { sessions: sessions.collect(), outages }
}

/// Signs people in at different times: their tokens expire one after another while the provider is away.
async fn sign_in(site: &Arc<Site>, sessions: usize) -> Result<Vec<Person>, String> {
    let mut people = Vec::new();
    for group in 0..8 {
        for number in (0..sessions).filter(|number| number % 8 == group) {
            let person = site.sign_in(number, &format!("user-{number}")).await?;
            let answer = site.get(number, &token_path(RESOURCES[0]), &person.cookie).await;
            if answer.status != 200 {
                return Err(format!("no token: {answer:?}"));
            }
            people.push(person);
        }
        pass(site, Duration::from_secs(60)).await;
    }
    pass(site, HOUR - Duration::from_secs(9 * 60)).await;
    Ok(people)
}

/// Time passes for everybody.
async fn pass(site: &Site, time: Duration) {
    site.provider.emulator.advance(time);
    for process in 0..site.processes.len() {
        let path = format!("/control/advance?ms={}", time.as_millis());
        site.wire.post(&site.at(process, &path), "").await;
    }
}

async fn provider_away(site: &Arc<Site>, people: &Arc<Vec<Person>>, report: &Report) -> Kept {
    let load = Load::start(site, people);
    let Provider { emulator, gateway, .. } = &site.provider;
    let gateway = gateway.as_ref().expect("the provider stands behind a gateway");
    let all = [Endpoint::Token, Endpoint::Discovery, Endpoint::Jwks, Endpoint::Revocation];
    report.say("the provider answers 503");
    all.iter().for_each(|endpoint| emulator.set_failure(*endpoint, Some(Failure::Status(503))));
    steps(site, Duration::from_millis(100)).await;
    report.say("the provider refuses connections");
    gateway.set(Passage::Refused).await;
    steps(site, Duration::from_millis(100)).await;
    report.say("the provider says nothing");
    gateway.set(Passage::Silent).await;
    // Long enough to see requests that have waited in vain.
    steps(site, Duration::from_millis(600)).await;
    all.iter().for_each(|endpoint| emulator.set_failure(*endpoint, None));
    gateway.set(Passage::Open).await;
    report.say("the provider is back");
    load.back();
    tokio::time::sleep(AFTERWARDS).await;
    load.stop().await
}

async fn steps(site: &Site, real: Duration) {
    for _ in 0..STEPS {
        pass(site, STEP).await;
        tokio::time::sleep(real).await;
    }
}

async fn store_away(
    site: &Arc<Site>,
    people: &Arc<Vec<Person>>,
    switch: &mut Switch,
    options: &Options,
    report: &Report,
) -> Kept {
    let load = Load::start(site, people);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // All tokens expire: refreshes are on their way when the store goes.
    pass(site, HOUR).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    switch.off(options.away, report).await;
    report.say("the store is back");
    load.back();
    tokio::time::sleep(AFTERWARDS).await;
    load.stop().await
}

/// Who is not signed in any more: by one more refresh of each.
async fn lost(site: &Site, people: &[Person]) -> Vec<bool> {
    let mut lost = Vec::new();
    for (number, person) in people.iter().enumerate() {
        lost.push(!site.is_alive(number, person, RESOURCES[0]).await);
    }
    lost
}

pub(crate) fn figures(played: &Played, naive: &Played) -> Vec<Figure> {
    let lost = |sessions: &[Value]| logto_conformance::harness::sum(sessions, "lost");
    let mut figures = vec![Figure::none("sessions lost", lost(&played.sessions))];
    for (what, limit, kept) in &played.outages {
        let normal = kept.normal_after();
        figures.extend([
            Figure::new(format!("{what}: requests"), kept.requests(), kept.requests() > 0),
            Figure::new(format!("{what}: told to come later"), kept.later(), kept.later() > 0),
            Figure::none(format!("{what}: told that nobody is signed in"), kept.signed_out()),
            Figure::none(format!("{what}: other answers"), kept.odd()),
            Figure::none(format!("{what}: cookies changed"), kept.cookies()),
            Figure::new(
                format!("{what}: normal after"),
                format!("{:.2} s", normal.as_secs_f64()),
                normal <= *limit,
            ),
        ]);
    }
    let naive_lost = lost(&naive.sessions);
    let all = naive.sessions.len();
    figures.push(Figure::new("the naive client lost", format!("{naive_lost} of {all}"), naive_lost > 0));
    figures
}

impl Played {
    /// As it is kept in the raw results.
    pub(crate) fn raw(&self) -> Value {
        self.outages.iter().map(|(what, _, kept)| json!({ "away": what, "answers": kept.raw() })).collect()
    }
}
