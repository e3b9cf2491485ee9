//! Runs the checks and tests over all crates: `cargo xtask ci`, or one step of it.

mod asvs;
mod certify;
mod fidelity;
mod harness;
mod hostile;
mod measure;
mod report;
mod run;
mod steps;
mod suite;
mod supply;
mod system;
mod tidy;

use report::Report;
use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default();
    if let Err(error) = env::set_current_dir(&root) {
        eprintln!("cannot enter {}: {error}", root.display());
        return ExitCode::from(2);
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ci"] => {
            let mut report = Report::new();
            for step in steps::ALL {
                steps::run(&step, &mut report);
            }
            report.close()
        }
        ["certify"] => certify::certify(),
        ["vectors", files @ ..] if !files.is_empty() => hostile::vectors(files),
        ["fidelity", arguments @ ..] if !arguments.is_empty() => fidelity::compare(arguments),
        [name @ ("race" | "kill"), arguments @ ..] if !arguments.is_empty() => harness::play(name, arguments),
        ["asvs"] => asvs::run(),
        ["sbom"] => supply::sbom(),
        ["coverage"] => measure::coverage(),
        ["mutants"] => measure::mutants(None),
        ["mutants", part] => measure::mutants(Some(part)),
        [name] => match steps::ALL.iter().find(|step| step.name == *name) {
            Some(step) => {
                let mut report = Report::new();
                steps::run(step, &mut report);
                report.close()
            }
            None => help(),
        },
        _ => help(),
    }
}

fn help() -> ExitCode {
    println!("cargo xtask ci                            everything below, in this order");
    for step in steps::ALL {
        println!("cargo xtask {:<29} {}", step.name, step.what);
    }
    println!("cargo xtask certify                       the OpenID Foundation's modules for relying parties");
    println!("cargo xtask vectors [--only KIND] FILE…   judges files of hostile tokens");
    println!("cargo xtask fidelity [--all] FOLDER       compares the emulator with recordings");
    println!("cargo xtask race --store STORE …          races of processes over one store");
    println!("cargo xtask kill --store STORE …          kills and stops of processes at every step");
    println!("cargo xtask asvs                          the items of OWASP ASVS 5.0, by both bindings");
    println!("cargo xtask sbom                          the bill of materials of the published crates");
    println!("cargo xtask coverage                      lines that tests run, by cargo-llvm-cov");
    println!("cargo xtask mutants [PART]                faults that tests notice, by cargo-mutants");
    ExitCode::from(2)
}
