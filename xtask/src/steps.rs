//! The steps of `ci`, each also a command of its own.

use crate::{fidelity, harness, hostile, report::Report, run::cargo, supply, system, tidy};
use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A step.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    run: fn(&mut Report),
}

/// All steps, in the order of `ci`.
pub(crate) const ALL: [Step; 11] = [
    Step { name: "fmt", what: "the format of all files", run: fmt },
    Step { name: "tidy", what: "imports, file sizes, tables, key constants", run: tidy },
    Step { name: "deny", what: "licences, duplicates and advisories of dependencies", run: supply::deny },
    Step { name: "clippy", what: "lints: all features, and each crate with none", run: clippy },
    Step { name: "doc", what: "the documentation builds without a warning", run: doc },
    Step { name: "test", what: "all tests, doctests included", run: test },
    Step { name: "features", what: "each combination of features compiles", run: features },
    Step { name: "sample", what: "the samples start and answer", run: sample },
    Step {
        name: "vectors",
        what: "hostile tokens and signatures, where their files are beside the project",
        run: hostile::vectors_beside,
    },
    Step {
        name: "fidelity",
        what: "the emulator beside recordings, where they are beside the project",
        run: fidelity::beside,
    },
    Step {
        name: "race",
        what: "races and kills of processes over each store, in short",
        run: harness::short,
    },
];

/// Runs one step and times it.
pub(crate) fn run(step: &Step, report: &mut Report) {
    println!("\n== {}: {}", step.name, step.what);
    let since = Instant::now();
    (step.run)(report);
    report.time(step.name, since.elapsed());
}

fn rerun(step: &str) -> impl FnOnce() -> String {
    move || format!("{step}; again alone: cargo xtask {step}")
}

/// One command that is one check.
fn check(report: &mut Report, step: &'static str, command: &mut Command) {
    let outcome = crate::run::run(command);
    report.check(outcome.success, rerun(step));
}

fn fmt(report: &mut Report) {
    check(report, "fmt", cargo().args(["fmt", "--all", "--check"]));
}

fn tidy(report: &mut Report) {
    println!("\n$ cargo xtask tidy");
    for (name, problems) in tidy::check(Path::new(".")) {
        for problem in &problems {
            println!("{name}: {problem}");
        }
        report.check(problems.is_empty(), || format!("tidy, {name}; again alone: cargo xtask tidy"));
    }
}

fn clippy(report: &mut Report) {
    let all = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    check(report, "clippy", cargo().args(all));
    for package in tidy::packages(Path::new(".")) {
        // The adapter of a binding needs one line of its session crate.
        let features: &[&str] =
            if package.name == "logto-axum" { &["--features", "tower-sessions-0_15"] } else { &[] };
        let none = ["clippy", "--package", &package.name, "--no-default-features"];
        check(report, "clippy", cargo().args(none).args(features).args(["--", "-D", "warnings"]));
    }
}

fn doc(report: &mut Report) {
    let arguments = ["doc", "--workspace", "--no-deps", "--all-features"];
    check(report, "doc", cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings"));
}

fn test(report: &mut Report) {
    let skips = env::temp_dir().join(format!("logto-test-skips-{}", std::process::id()));
    drop(fs::remove_file(&skips));
    let tools = system::prepare();
    for arguments in [
        &["test", "--workspace", "--all-features", "--all-targets", "--no-fail-fast"][..],
        &["test", "--workspace", "--all-features", "--doc", "--no-fail-fast"],
    ] {
        let mut command = cargo();
        command.args(arguments).env("LOGTO_TEST_SKIPS", &skips);
        for (tool, path) in &tools {
            if let Some(path) = path {
                command.env(tool.variable, path);
            }
        }
        let outcome = crate::run::run(&mut command);
        let failed = outcome.failed.max(usize::from(!outcome.success));
        report.tests(outcome.passed, failed, rerun("test"));
    }
    let mut lines: Vec<String> =
        fs::read_to_string(&skips).unwrap_or_default().lines().map(str::to_owned).collect();
    lines.sort();
    for line in lines {
        report.skip(line, true);
    }
    drop(fs::remove_file(&skips));
}

fn features(report: &mut Report) {
    for package in tidy::packages(Path::new(".")) {
        let features: Vec<&String> =
            package.features.iter().filter(|feature| *feature != "default").collect();
        for choice in 1..(1_usize << features.len()) {
            let chosen: Vec<&str> = features
                .iter()
                .enumerate()
                .filter(|(index, _)| choice >> index & 1 == 1)
                .map(|(_, feature)| feature.as_str())
                .collect();
            // Without a line of tower-sessions there is nothing to adapt, and the crate says so.
            if package.name == "logto-axum"
                && !chosen.iter().any(|feature| feature.starts_with("tower-sessions"))
            {
                continue;
            }
            let arguments = ["check", "--package", &package.name, "--no-default-features", "--features"];
            check(report, "features", cargo().args(arguments).arg(chosen.join(",")));
        }
    }
}

/// Starts each sample as a newcomer does and asks for its first page.
fn sample(report: &mut Report) {
    for name in ["axum-sample", "actix-sample"] {
        check(report, "sample", cargo().args(["build", "--package", name]));
        let mut command = cargo();
        command.args(["run", "--quiet", "--package", name]).env("PORT", "0");
        for variable in ["LOGTO_ENDPOINT", "LOGTO_BASE_URL"] {
            command.env_remove(variable);
        }
        println!("\n$ PORT=0 cargo run --package {name}");
        let problem = try_sample(&mut command).err();
        if let Some(problem) = &problem {
            println!("{problem}");
        }
        report.check(problem.is_none(), rerun("sample"));
    }
}

fn try_sample(command: &mut Command) -> Result<(), String> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let outcome = (|| {
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines().map_while(Result::ok);
        let mut printed = |begin: &str| {
            let line =
                lines.find(|line| line.starts_with(begin)).ok_or(format!("no line begins with `{begin}`"))?;
            println!("{line}");
            Ok::<String, String>(line)
        };
        let address = printed("open http://localhost:")?;
        printed("sign in as alice / alice at the local Logto on http://127.0.0.1:")?;
        let port: u16 = address.rsplit(':').next().and_then(|port| port.parse().ok()).ok_or("no port")?;
        let page = get(port, "/").map_err(|error| error.to_string())?;
        if page.starts_with("HTTP/1.1 200") && page.contains("You are not signed in.") {
            return Ok(());
        }
        Err(format!("the first page is not what it should be: {page}"))
    })();
    drop(child.kill());
    drop(child.wait());
    outcome
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
