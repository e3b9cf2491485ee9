//! Kills and stops of processes at every step of callback and refresh: `kill --store …`, see `usage`.

mod kills;
mod options;
mod steps;
mod stops;
mod visit;

use logto_conformance::harness::{NoStore, Report, Store, worker};
use options::Options;
use std::{env, process::ExitCode};

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
            println!("skipped: kill {} needs {program}", options.store);
            return ExitCode::from(3);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(play(&options, &store))
}

async fn play(options: &Options, store: &Store) -> ExitCode {
    let asked = options.rounds * (steps::ALL.len() + stops::POINTS.len());
    let mut report = Report::new("kill", store.name, options.title(), asked);
    let naive = kills::play(options, store, worker::Client::NaiveWithLock, &mut report).await;
    let naive_stops = stops::play(options, store, worker::Client::Naive, &mut report).await;
    let killed = kills::play(options, store, worker::Client::Logto, &mut report).await;
    let stopped = stops::play(options, store, worker::Client::Logto, &mut report).await;
    report.add(kills::figures(&killed, &naive));
    report.add(stops::figures(&stopped, &naive_stops));
    for line in kills::by_step(&killed) {
        println!("{line}");
    }
    report.keep("kills of the naive client", naive);
    report.keep("stops of the naive client", naive_stops);
    report.close([killed, stopped].concat())
}
