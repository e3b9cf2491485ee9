//! Compares the emulator with recordings of a real server: `fidelity FOLDER`.

mod bindings;
mod browser;
mod clients;
mod compare;
mod evidence;
mod http;
mod live;
mod note;
mod obtain;
mod people;
mod play;
mod recording;
mod scopes;
mod script;
mod shape;
mod signature;
mod steps;
#[cfg(test)]
mod tests;
mod visits;
mod world;

use play::{Outcome, play};
use recording::Recording;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use world::World;

/// There is no such folder: nothing to compare with.
const SKIPPED: u8 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut verbose = false;
    let mut folders = Vec::new();
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--all" => verbose = true,
            flag if flag.starts_with('-') => return usage(),
            _ => folders.push(PathBuf::from(argument)),
        }
    }
    let [folder] = folders.as_slice() else { return usage() };
    if !folder.is_dir() {
        println!("there is no folder {}: nothing is compared", folder.display());
        return ExitCode::from(SKIPPED);
    }
    match run(folder, verbose).await {
        Ok((matched, total)) => {
            println!("{matched} of {total} exchanges matched");
            if matched == total { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: fidelity [--all] FOLDER\n  --all  every difference, not only the first of each file");
    ExitCode::from(2)
}

/// The recordings of a folder; those that are none are named.
fn read(folder: &Path) -> Result<Vec<Recording>, String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let mut recordings = Vec::new();
    for file in files {
        match Recording::read(&file)? {
            Some(recording) => recordings.push(recording),
            None => println!("skipped: {}: no exchanges", file.display()),
        }
    }
    Ok(recordings)
}

/// How many exchanges matched, of how many.
async fn run(folder: &Path, verbose: bool) -> Result<(usize, usize), String> {
    let recordings = read(folder)?;
    let readme = folder.join("README.md");
    let world = World::of(&recordings, Some(readme.as_path()).filter(|path| path.is_file()));
    let (mut matched, mut total) = (0, 0);
    for recording in &recordings {
        let outcome = play(recording, &world).await?;
        matched += outcome.matched();
        total += outcome.exchanges.len();
        report(&recording.name, &outcome, verbose);
    }
    Ok((matched, total))
}

fn report(name: &str, outcome: &Outcome, verbose: bool) {
    println!("{name}: {} of {}", outcome.matched(), outcome.exchanges.len());
    let differing = outcome.exchanges.iter().filter(|(_, differences)| !differences.is_empty());
    for (index, differences) in differing.take(if verbose { usize::MAX } else { 1 }) {
        for difference in differences.iter().take(if verbose { usize::MAX } else { 1 }) {
            println!("  exchange {index}: {difference}");
        }
    }
}
