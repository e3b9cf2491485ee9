//! One process of the application: reads what it is to be from stdin, says where it listens, and serves
//! until its stdin ends or somebody kills it.

mod application;
mod halt;
mod naive;
mod visitor;

use crate::stores;
use axum::{
    Router,
    extract::{Query, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::post,
};
use halt::{Halt, HaltingStore, Step};
use logto_storage_core::{Clock, Realm, SystemClock, TokenStore};
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, Read, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What a process is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The provider's endpoint.
    pub endpoint: String,
    /// The store's address.
    pub store: String,
    /// Who serves.
    pub client: Client,
}

/// Which client a process signs people in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// This project's.
    Logto,
    /// One as it is written by hand: it reads the record, asks the provider, writes the record.
    Naive,
    /// The same with a lock as it is written by hand: a flag in the record.
    NaiveWithLock,
}

/// Where people reach the application: a balancer that the orchestrator plays.
pub const BASE: &str = "http://localhost:8080";

impl Plan {
    /// As the process is told.
    pub(super) fn to_json(&self) -> Value {
        json!({ "endpoint": self.endpoint, "store": self.store, "client": self.client.name() })
    }

    fn parse(text: &str) -> Option<Self> {
        let plan: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| Some(plan.get(name)?.as_str()?.to_owned());
        let client = text("client")?;
        Some(Self {
            endpoint: text("endpoint")?,
            store: text("store")?,
            client: [Client::Logto, Client::Naive, Client::NaiveWithLock]
                .into_iter()
                .find(|known| known.name() == client)?,
        })
    }
}

impl Client {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logto => "logto",
            Self::Naive => "naive",
            Self::NaiveWithLock => "naive with lock",
        }
    }
}

/// The clock of this process: the machine's, and what the orchestrator moves it by.
#[derive(Debug, Default)]
struct MovedClock(AtomicU64);

impl Clock for MovedClock {
    fn now(&self) -> Duration {
        SystemClock.now() + Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// What every part of a process has.
#[derive(Clone, Debug)]
struct Process {
    plan: Plan,
    store: Arc<dyn TokenStore>,
    clock: Arc<MovedClock>,
    halt: Arc<Halt>,
}

/// Runs a process: its plan is the first line of stdin.
pub fn run() -> ExitCode {
    let mut line = String::new();
    let plan = io::stdin().lock().read_line(&mut line).ok().and_then(|_| Plan::parse(&line));
    let Some(plan) = plan else { return told("no plan on stdin") };
    // Nobody is left behind: the orchestrator's end, however it comes, ends this process.
    std::thread::spawn(|| {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    if std::env::var_os("LOGTO_HARNESS_LOG").is_some() {
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(io::stderr);
        log.with_max_level(tracing::Level::WARN).init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(plan)),
        Err(error) => told(&error.to_string()),
    }
}

async fn serve(plan: Plan) -> ExitCode {
    let halt = Arc::new(Halt::default());
    let store = match stores::open(&plan.store).await {
        Ok(store) => Arc::new(HaltingStore { store, halt: Arc::clone(&halt) }) as Arc<dyn TokenStore>,
        Err(error) => return told(&error.to_string()),
    };
    let process = Process { plan, store, clock: Arc::default(), halt };
    let application = match process.plan.client {
        Client::Logto => match application::router(&process) {
            Ok(router) => router,
            Err(error) => return told(&error.to_string()),
        },
        Client::Naive | Client::NaiveWithLock => naive::router(process.clone()),
    };
    let application = application.layer(from_fn_with_state(process.clone(), around));
    let listener = match tokio::net::TcpListener::bind("127.0.0.1:0").await {
        Ok(listener) => listener,
        Err(error) => return told(&error.to_string()),
    };
    let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
    say(&json!({ "pid": std::process::id(), "port": port }));
    match axum::serve(listener, application.merge(control(process))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => told(&error.to_string()),
    }
}

/// Every request may stop before anything is done for it, and before its answer leaves.
async fn around(State(process): State<Process>, request: Request, next: Next) -> Response {
    process.halt.pass("before request").await;
    let response = next.run(request).await;
    process.halt.pass("before answer").await;
    response
}

/// What the orchestrator says to this process.
fn control(process: Process) -> Router {
    Router::new()
        .route("/control/advance", post(advance))
        .route("/control/halt", post(halt_at))
        .route("/control/go-on", post(go_on))
        .route("/control/records", post(records))
        .with_state(process)
}

type Parameters = Query<std::collections::HashMap<String, String>>;

async fn advance(State(process): State<Process>, Query(query): Parameters) {
    let by = query.get("ms").and_then(|ms| ms.parse().ok()).unwrap_or_default();
    process.clock.0.fetch_add(by, Ordering::SeqCst);
}

async fn halt_at(State(process): State<Process>, Query(query): Parameters) {
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let nth = text("nth").parse().unwrap_or(1);
    process.halt.set(Step { name: text("name"), point: text("point"), nth });
}

async fn go_on(State(process): State<Process>) {
    process.halt.go_on();
}

/// How many records a person has.
async fn records(State(process): State<Process>, Query(query): Parameters) -> String {
    let realm = Realm::new(format!("{}/oidc", process.plan.endpoint), "local-app");
    let sub = query.get("sub").map_or("", String::as_str);
    match process.store.find(&realm.sub(sub)).await {
        Ok(keys) => keys.len().to_string(),
        Err(error) => error.to_string(),
    }
}

/// One line to the orchestrator.
fn say(line: &Value) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn told(problem: &str) -> ExitCode {
    say(&json!({ "problem": problem }));
    ExitCode::FAILURE
}
