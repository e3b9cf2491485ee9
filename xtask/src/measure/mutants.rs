//! `cargo xtask mutants [PART]`: faults that no test notices, by cargo-mutants.

use super::{percent, share};
use crate::run::{cargo, run};
use std::{fs, path::Path, process::ExitCode};

/// What is mutated together, and what of its tests runs first.
struct Part {
    name: &'static str,
    files: &'static [&'static str],
    /// Those tests of the client's library that notice most: all others only see what these let live.
    first: &'static str,
    /// So many may live, in hundredths of a percent of those that can be built.
    most_alive: usize,
}

const PARTS: [Part; 4] = [
    Part { name: "verification", files: &["verify/**"], first: "verify::", most_alive: 0 },
    Part {
        name: "state",
        files: &["pending.rs", "session_meta.rs", "tokens.rs"],
        first: "",
        most_alive: 500,
    },
    Part { name: "callback", files: &["callback.rs", "oidc/callback.rs"], first: "oidc::", most_alive: 500 },
    Part { name: "refresh", files: &["refresh/machine.rs"], first: "refresh::", most_alive: 500 },
];

/// What has become of the mutants of a part.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    killed: usize,
    alive: Vec<String>,
}

/// Runs all parts, or one; the count is the last line.
pub(crate) fn mutants(only: Option<&str>) -> ExitCode {
    let parts: Vec<&Part> = PARTS.iter().filter(|part| only.is_none_or(|only| only == part.name)).collect();
    if parts.is_empty() {
        println!("mutants: the parts are verification, state, callback and refresh");
        return ExitCode::from(2);
    }
    let mut right = true;
    let mut lines = Vec::new();
    for part in parts {
        let folder = format!("target/mutants/{}", part.name);
        drop(fs::remove_dir_all(&folder));
        // Most die of the tests beside them, which take a second; the rest meets all tests of the client.
        for tests in [&["--lib", part.first][..], &[]] {
            let mut command = cargo();
            command.args(["mutants", "--package", "logto-client", "--no-shuffle", "--output", &folder]);
            for file in part.files {
                command.args(["--file", &format!("crates/logto-client/src/{file}")]);
            }
            command.args(["--iterate", "--minimum-test-timeout", "120", "--"]);
            command.args(tests.iter().filter(|test| !test.is_empty()));
            run(&mut command);
        }
        let count = count(&folder);
        count.alive.iter().for_each(|line| println!("alive: {line}"));
        let all = count.killed + count.alive.len();
        let enough = all > 0 && share(count.alive.len(), all) <= part.most_alive;
        right &= enough;
        lines.push(format!(
            "{}: {} of {all} killed, {}",
            part.name,
            count.killed,
            percent(share(count.killed, all))
        ));
    }
    println!("mutants: {}", lines.join("; "));
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn count(folder: &str) -> Count {
    let read = |name: &str| {
        let text = fs::read_to_string(Path::new(folder).join("mutants.out").join(name)).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let killed = ["previously_caught.txt", "caught.txt", "timeout.txt"].map(read);
    let mut killed = killed.concat();
    killed.sort();
    killed.dedup();
    Count { killed: killed.len(), alive: read("missed.txt") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_caught_in_either_run_counts_once_and_what_lives_is_named() {
        let folder = std::env::temp_dir().join(format!("logto-mutants-{}", std::process::id()));
        let out = folder.join("mutants.out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("previously_caught.txt"), "a\nb\n").unwrap();
        fs::write(out.join("caught.txt"), "b\nc\n").unwrap();
        fs::write(out.join("missed.txt"), "d\n").unwrap();
        let count = count(&folder.to_string_lossy());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(count, Count { killed: 3, alive: vec!["d".to_owned()] });
    }
}
