//! Hostile input: the seeds of every fuzz target, and what chance makes of them.

#![cfg(feature = "hostile")]

use logto_conformance::hostile::{Mutations, TARGETS, Target};
use std::{fs, path::PathBuf, sync::mpsc, thread, time::Duration};

/// So many inputs are made of each target's seeds.
const MADE: usize = 1_500;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn seeds(target: Target) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz().join("seeds").join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    seeds.sort();
    assert!(seeds.iter().any(|(file, _)| file.starts_with("good")), "{} has no good seed", target.name);
    assert!(seeds.len() >= 4, "{} has {} seeds", target.name, seeds.len());
    seeds
}

/// Feeds all seeds, then what chance makes of them; what does harm is told, and 10 s are too long.
fn play(name: &'static str) {
    let target = logto_conformance::hostile::target(name).unwrap();
    let seeds = seeds(target);
    let (sender, ended) = mpsc::channel();
    let playing = thread::spawn(move || {
        for (file, seed) in &seeds {
            drop(sender.send(format!("seed {file}")));
            let taken = target.feed(seed);
            assert_eq!(taken, file.starts_with("good"), "{file} is taken, or is not");
        }
        let seeds: Vec<Vec<u8>> = seeds.into_iter().map(|(_, seed)| seed).collect();
        for input in Mutations::new(&seeds, 7).take(MADE) {
            drop(sender.send(format!("{:?}", String::from_utf8_lossy(&input))));
            target.feed(&input);
        }
    });
    let mut last = String::new();
    loop {
        match ended.recv_timeout(Duration::from_secs(10)) {
            Ok(input) => last = input,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name} hangs on {last}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(playing.join().is_ok(), "{name} is harmed by {last}");
}

macro_rules! replayed {
    ($($name:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
            }
        )*
    };
}

replayed! {
    jwt jwks discovery token_answer user_info logout_token callback_query ticket return_path stored_record
    bearer_header retry_after
}

#[test]
fn every_target_is_replayed_here_and_fuzzed_in_a_program_of_its_own() {
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let mut replayed = REPLAYED.to_vec();
    names.sort_unstable();
    replayed.sort_unstable();
    assert_eq!(names, replayed);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no program");
        let program = fs::read_to_string(fuzz().join(format!("targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("feed(\"{name}\"")), "{name} feeds another target");
    }
    let folders = fs::read_dir(fuzz().join("seeds")).unwrap().count();
    assert_eq!(folders, TARGETS.len(), "seeds of no target");
}

#[test]
fn a_target_that_is_harmed_is_told() {
    assert!(thread::spawn(|| logto_conformance::hostile::feed("no-such-target", b"")).join().is_err());
}
