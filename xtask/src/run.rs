//! Running commands: printed, streamed, and their test results counted.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
};

/// How a command ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// How it ended, where nobody has killed it.
    pub(crate) code: Option<i32>,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

/// Cargo, as it runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Prints the command, runs it, streams what it prints, and counts the results of tests.
pub(crate) fn run(command: &mut Command) -> Outcome {
    run_hearing(command, |_| ())
}

/// The same, where somebody else hears each line too.
pub(crate) fn run_hearing(command: &mut Command, mut hear: impl FnMut(&str)) -> Outcome {
    println!("\n$ {}", shown(command));
    heard(command, |line| {
        println!("{line}");
        hear(line);
    })
}

/// Runs the command beside others: what it prints is printed at its end, as a whole.
pub(crate) fn run_aside(command: &mut Command) -> Outcome {
    let mut text = format!("\n$ {}\n", shown(command));
    let outcome = heard(command, |line| text.extend([line, "\n"]));
    print!("{text}");
    outcome
}

/// Runs the command and gives what it exits with; 2 where it does not.
pub(crate) fn exit_code(command: &mut Command) -> ExitCode {
    let code = command.status().ok().and_then(|status| status.code());
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}

fn heard(command: &mut Command, mut hear: impl FnMut(&str)) -> Outcome {
    let child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            hear(&format!("cannot be run: {error}"));
            return Outcome::default();
        }
    };
    let mut outcome = Outcome::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((passed, failed)) = test_result(&line) {
                outcome.passed += passed;
                outcome.failed += failed;
            }
            hear(&line);
        }
    }
    if let Ok(status) = child.wait() {
        outcome.success = status.success();
        outcome.code = status.code();
    }
    outcome
}

fn shown(command: &Command) -> String {
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quoted(value?))));
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let arguments = std::iter::once(program).chain(command.get_args()).map(quoted);
    environment.chain(arguments).collect::<Vec<_>>().join(" ")
}

fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    if text.contains(' ') { format!("\"{text}\"") } else { text.into_owned() }
}

/// The counts in `test result: ok. 3 passed; 0 failed; …`.
fn test_result(line: &str) -> Option<(usize, usize)> {
    let rest = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count =
        |what: &str| rest.split("; ").find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok());
    Some((count("passed")?, count("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_tests_are_counted() {
        let line =
            "test result: FAILED. 27 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2s";
        assert_eq!(test_result(line), Some((27, 1)));
        assert_eq!(test_result("test result: ok. 0 passed; 0 failed; 0 ignored"), Some((0, 0)));
        assert_eq!(test_result("test a ... ok"), None);
    }

    #[test]
    fn a_command_that_fails_or_does_not_exist_is_no_success() {
        assert!(run(&mut Command::new("true")).success);
        assert!(!run(&mut Command::new("false")).success);
        assert!(!run(&mut Command::new("/nowhere/program")).success);
        assert!(run_aside(&mut Command::new("true")).success);
        assert!(!run_aside(&mut Command::new("false")).success);
    }
}
