//! Races of processes over one token store: `race --store memory|redis|postgres|sqlite`, see `usage`.

mod callback;
mod options;
mod outage;
mod sign_out;
mod tokens;

use logto_conformance::harness::{NoStore, Report, Setting, Site, Store, worker};
use options::{Mode, Options};
use serde_json::Value;
use std::{env, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments == ["--worker"] {
        return worker::run();
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let store = match Store::start(&options.store) {
        Ok(store) => store,
        Err(NoStore::Unknown) => {
            eprintln!("no store is called {}\n{}", options.store, options::USAGE);
            return ExitCode::from(2);
        }
        Err(NoStore::Missing(program)) => {
            println!("skipped: race {} needs {program}", options.store);
            return ExitCode::from(3);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(play(options, store))
}

async fn play(options: Options, store: Store) -> ExitCode {
    let mut report = Report::new("race", store.name, options.title(), options.rounds);
    if options.mode == Mode::Outage {
        let naive = outage::play(&options.naive(), &store, worker::Client::Naive, &mut report).await;
        let judged = outage::play(&options, &store, worker::Client::Logto, &mut report).await;
        report.add(outage::figures(&judged, &naive));
        report.keep("outages of the naive client", naive.raw());
        report.keep("outages", judged.raw());
        return report.close(judged.sessions);
    }
    let naive = rounds(&options.naive(), &store, worker::Client::Naive, &mut report).await;
    let judged = rounds(&options, &store, worker::Client::Logto, &mut report).await;
    report.add(match options.mode {
        Mode::Tokens => tokens::figures(&options, &judged, &naive),
        Mode::Callback => callback::figures(&options, &judged, &naive),
        Mode::SignOut => sign_out::figures(&judged, &naive),
        Mode::Outage => Vec::new(),
    });
    report.keep("naive", naive);
    report.close(judged)
}

/// Plays all rounds with this client.
async fn rounds(options: &Options, store: &Store, client: worker::Client, report: &mut Report) -> Vec<Value> {
    let setting = Setting {
        leeway: options.leeway,
        latency: options.latency.clone(),
        seed: options.seed,
        behind_gateway: false,
    };
    let requests = options.at_once * options.requests;
    let site = Arc::new(Site::start(&store.address, client, options.processes, &setting, requests).await);
    report.say(&format!("{} client: processes {:?}", client.name(), site.pids()));
    report.keep(&format!("processes of the {} client", client.name()), site.pids());
    let outcomes = match options.mode {
        Mode::Tokens => tokens::play(&site, options).await,
        Mode::Callback => callback::play(&site, options).await,
        Mode::SignOut => sign_out::play(&site, options).await,
        Mode::Outage => Vec::new(),
    };
    report.say(&format!("{} client: {} rounds", client.name(), outcomes.len()));
    outcomes
}
