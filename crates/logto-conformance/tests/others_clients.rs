//! Others' clients sign in at the emulator, ask for what it gives, and sign out.

use logto_conformance::servers::{find, note_skip};
use logto_emulator::{Emulator, Resource};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

const RESOURCE: &str = "https://api.example.test";
const PACKAGES: &str = include_str!("clients/package.json");
const LOCK: &str = include_str!("clients/package-lock.json");
const BROWSER: &str = include_str!("clients/browser.mjs");

/// The clients of the lock file, installed once for all tests.
fn installed() -> &'static Result<PathBuf, &'static str> {
    static FOLDER: OnceLock<Result<PathBuf, &'static str>> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let npm = find("LOGTO_TEST_NPM", &["npm"]).ok_or("npm")?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        let done = folder.join("installed.json");
        if fs::read_to_string(&done).is_ok_and(|lock| lock == LOCK) {
            return Ok(folder);
        }
        fs::create_dir_all(&folder).expect("a folder for npm");
        fs::write(folder.join("package.json"), PACKAGES).expect("a file");
        fs::write(folder.join("package-lock.json"), LOCK).expect("a file");
        let output = Command::new(npm)
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder)
            .output();
        if !output.is_ok_and(|output| output.status.success()) {
            return Err("npm's packages of others' clients, which cannot be fetched");
        }
        fs::write(done, LOCK).expect("a file");
        Ok(folder)
    })
}

/// Runs one client's script against an emulator of its own.
async fn play(test: &str, script: &str, text: &str) {
    let Some(node) = find("LOGTO_TEST_NODE", &["node", "nodejs"]) else { return note_skip(test, "Node.js") };
    let folder = match installed() {
        Ok(folder) => folder,
        Err(missing) => return note_skip(test, missing),
    };
    let own = folder.join(script.replace(".mjs", ""));
    fs::create_dir_all(&own).expect("a folder for the script");
    fs::write(own.join("browser.mjs"), BROWSER).expect("a file");
    fs::write(own.join(script), text).expect("a file");
    let emulator = Emulator::builder()
        .api_resource(Resource::new(RESOURCE).scopes(["read:x"]).for_everybody())
        .organization_scopes(["read:member"])
        .start()
        .await
        .expect("an emulator");
    let mut command = Command::new(node);
    command.arg(own.join(script));
    command.env("ENDPOINT", emulator.endpoint()).env("ISSUER", emulator.issuer());
    command.env("CLIENT_ID", "local-app").env("CLIENT_SECRET", "local-secret");
    command.env("USERNAME", "alice").env("PASSWORD", "alice");
    command.env("RESOURCE", RESOURCE).env("ORGANIZATION", "acme");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let output = output.expect("Node.js runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end().ends_with("done"), "{script}: {out}{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logto_node_signs_in_refreshes_and_signs_out() {
    let test = "logto_node_signs_in_refreshes_and_signs_out";
    play(test, "logto-node.mjs", include_str!("clients/logto-node.mjs")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logto_express_signs_in_refreshes_and_signs_out() {
    let test = "logto_express_signs_in_refreshes_and_signs_out";
    play(test, "logto-express.mjs", include_str!("clients/logto-express.mjs")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_signs_in_refreshes_and_signs_out() {
    let test = "openid_client_signs_in_refreshes_and_signs_out";
    play(test, "openid-client.mjs", include_str!("clients/openid-client.mjs")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oauth4webapi_signs_in_refreshes_and_signs_out() {
    let test = "oauth4webapi_signs_in_refreshes_and_signs_out";
    play(test, "oauth4webapi.mjs", include_str!("clients/oauth4webapi.mjs")).await;
}
