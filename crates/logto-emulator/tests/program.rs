//! The program and its file.

use logto_emulator::Builder;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/logto.toml");

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logto-emulator"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> (Output, String, String) {
    let output = program(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// A file of this text, gone with the test's process.
fn file(name: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Stops it, whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn print_env_prints_what_an_application_needs_and_ends() {
    let (output, out, _) = run(&["--config", FILE, "--print-env"]);
    assert!(output.status.success());
    assert_eq!(
        out,
        "LOGTO_ENDPOINT=http://127.0.0.1:3001\nLOGTO_APP_ID=shop\nLOGTO_APP_SECRET=shop-secret\n"
    );
    let (_, out, _) = run(&["--config", FILE, "--port", "3999", "--print-env", "--application", "spa"]);
    assert_eq!(out, "LOGTO_ENDPOINT=http://127.0.0.1:3999\nLOGTO_APP_ID=spa\n");
    let (output, ..) = run(&["--print-env", "--application", "nope"]);
    assert!(!output.status.success());
}

#[test]
fn it_serves_the_tenant_of_its_file_on_loopback() {
    let child = program(&["--config", FILE, "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ready = lines.find(|line| line.starts_with("A local Logto for development is at ")).unwrap();
    let endpoint = ready.split(' ').nth(7).unwrap().trim_end_matches(';').to_owned();
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{ready}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let page = runtime.block_on(async {
        reqwest::get(format!("{endpoint}/_emulator")).await.unwrap().text().await.unwrap()
    });
    assert!(page.contains("\"reports\"") && page.contains("MachineToMachine"), "{page}");
}

#[test]
fn a_bad_file_is_refused_with_its_line_and_what_is_allowed() {
    for (name, text, line, says) in [
        (
            "unknown-member.toml",
            "port = 1\n\n[[users]]\nusername = 'a'\nemial = 'x'\n",
            5,
            "expected one of `username`, `password`",
        ),
        (
            "unknown-table.toml",
            "[[user]]\nusername = 'a'\n",
            1,
            "expected one of `port`, `endpoint`, `signing_key`, `applications`",
        ),
        (
            "unknown-kind.toml",
            "[[applications]]\nid = 'a'\ntype = 'desktop'\n",
            3,
            "expected one of `traditional`, `single-page`, `native`, `machine-to-machine`",
        ),
        ("unknown-key.toml", "signing_key = 'ED'\n", 1, "expected `EC` or `RSA`"),
        ("no-toml.toml", "port = \n", 1, ""),
        ("missing.toml", "[[applications]]\ntype = 'native'\n", 1, "missing field `id`"),
        ("no-secret.toml", "\n[[applications]]\nid = 'a'\ntype = 'traditional'\n", 3, "needs a `secret`"),
        ("secret.toml", "[[applications]]\nid = 'a'\ntype = 'native'\nsecret = 's'\n", 2, "has no `secret`"),
        (
            "uri.toml",
            "[[applications]]\nid = 'a'\ntype = 'native'\nredirect_uris = [\n  '/callback',\n]\n",
            5,
            "`/callback` is no absolute URI",
        ),
        (
            "role.toml",
            "[[roles]]\nname = 'clerk'\n[[users]]\nusername = 'a'\nroles = ['clrk']\n",
            5,
            "unknown role `clrk`; the file has `clerk`",
        ),
        (
            "organization.toml",
            "[[users]]\nusername = 'a'\norganizations = { acme = [] }\n",
            3,
            "unknown organization `acme`; the file has none",
        ),
        (
            "resource.toml",
            "[[roles]]\nname = 'r'\nscopes = { 'https://a.test' = ['x'] }\n",
            3,
            "unknown resource `https://a.test`",
        ),
        ("type.toml", "port = 'x'\n", 1, "expected u16"),
    ] {
        let error = Builder::from_toml(text).unwrap_err();
        assert_eq!(error.line(), Some(line), "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
        let path = file(name, text);
        let (output, out, err) = run(&["--config", &path]);
        assert!(output.status.code() == Some(2) && out.is_empty(), "{name}");
        assert!(err.contains(&format!("{path}: line {line}: ")), "{name}: {err}");
    }
    let (output, _, err) = run(&["--config", "/nowhere/logto.toml"]);
    assert!(output.status.code() == Some(2) && err.contains("/nowhere/logto.toml"), "{err}");
}

#[test]
fn it_listens_on_loopback_unless_a_flag_says_what_that_risks() {
    for arguments in [&["--listen-on", "0.0.0.0"][..], &["--host", "0.0.0.0"], &["--port", "x"], &["--port"]]
    {
        assert_eq!(run(arguments).0.status.code(), Some(2), "{arguments:?}");
    }
    let (_, help, _) = run(&["--help"]);
    assert!(help.contains("--dangerously-listen-on") && help.contains("signs in as anybody"));
    let (_, out, _) = run(&["--dangerously-listen-on", "127.0.0.2", "--print-env"]);
    assert!(out.starts_with("LOGTO_ENDPOINT=http://127.0.0.2:3001\n"), "{out}");
}
