//! Hostile tokens and signatures, judged by the program `vectors`.

use crate::{
    report::Report,
    run::{cargo, exit_code, run},
};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// Where hostile tokens may lie, beside the project.
const BESIDE: &str = "../shared/vectors";

/// The files that the step of `ci` judges.
const FILES: [&str; 9] = [
    "attack-matrix/attack-matrix.json",
    "wycheproof/testvectors_v1/json_web_signature_test.json",
    "wycheproof/testvectors_v1/json_web_key_test.json",
    "wycheproof/testvectors_v1/ecdsa_secp256r1_sha256_p1363_test.json",
    "wycheproof/testvectors_v1/ecdsa_secp384r1_sha384_p1363_test.json",
    "wycheproof/testvectors_v1/ecdsa_secp521r1_sha512_p1363_test.json",
    "wycheproof/testvectors_v1/ed25519_test.json",
    "wycheproof/testvectors_v1/rsa_signature_2048_sha256_test.json",
    "wycheproof/testvectors_v1/rsa_pss_2048_sha256_mgf1_32_test.json",
];

fn judge() -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "logto-conformance", "--features", "hostile"]);
    command.args(["--bin", "vectors", "--"]);
    command
}

/// `cargo xtask vectors FILE…`: the exit code of the judge.
pub(crate) fn vectors(arguments: &[&str]) -> ExitCode {
    exit_code(judge().args(arguments))
}

/// The step of `ci`: each file is one check.
pub(crate) fn vectors_beside(report: &mut Report) {
    for file in FILES {
        let path = Path::new(BESIDE).join(file);
        if !path.is_file() {
            report.skip(format!("skipped: vectors of {file}: the file is not beside the project"), false);
            continue;
        }
        let outcome = run(judge().arg(path));
        report.check(outcome.success, || format!("vectors of {file}; again alone: cargo xtask vectors"));
    }
}
