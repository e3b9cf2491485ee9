//! Judges files of hostile tokens by the client's verifier: `vectors [--only KIND] FILE…`.

mod matrix;
mod signature;
mod verdict;
mod wycheproof;

use serde_json::Value;
use std::{env, fs, path::Path, process::ExitCode};
use verdict::Report;

const KINDS: [&str; 3] = ["id_token", "access_token", "logout_token"];

fn main() -> ExitCode {
    let mut files = Vec::new();
    let mut only = None;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => match arguments.next().filter(|kind| KINDS.contains(&kind.as_str())) {
                Some(kind) => only = Some(kind),
                None => return usage(),
            },
            flag if flag.starts_with('-') => return usage(),
            _ => files.push(argument),
        }
    }
    if files.is_empty() {
        return usage();
    }
    // A panic is counted and named; its own message would only bury the report.
    std::panic::set_hook(Box::new(|_| ()));
    let mut reports = Vec::new();
    for file in &files {
        match judge(Path::new(file), only.as_deref()) {
            Ok(report) => {
                println!("{file}\n{report}");
                reports.push(report);
            }
            Err(problem) => {
                eprintln!("{file}: {problem}");
                return ExitCode::from(2);
            }
        }
    }
    println!("{}", verdict::summary(&reports));
    if reports.iter().all(Report::is_right) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    eprintln!("usage: vectors [--only id_token|access_token|logout_token] FILE…");
    ExitCode::from(2)
}

fn judge(path: &Path, only: Option<&str>) -> Result<Report, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| format!("no JSON: {error}"))?;
    let report = match (document.get("vectors"), document.get("testGroups")) {
        (Some(_), None) => {
            let keys = fs::read(path.with_file_name("keys.json")).unwrap_or_default();
            matrix::judge(&document, serde_json::from_slice(&keys).ok().as_ref(), only)?
        }
        (None, Some(_)) if signature::is_one(&document) => signature::judge(&document)?,
        (None, Some(_)) => wycheproof::judge(&document)?,
        _ => return Err("neither an attack matrix (`vectors`) nor of Wycheproof (`testGroups`)".to_owned()),
    };
    if report.judged() == 0 {
        return Err("nothing in it can be judged".to_owned());
    }
    Ok(report)
}
