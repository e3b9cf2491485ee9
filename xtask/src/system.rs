//! What tests need from the system: found, or installed by apt where that is possible, or named as missing.

use crate::run::run;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A program that tests start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// How tests are told where it is.
    pub(crate) variable: &'static str,
    names: &'static [&'static str],
    package: &'static str,
}

/// Every program that tests start.
pub(crate) const TOOLS: [Tool; 6] = [
    Tool { variable: "LOGTO_TEST_REDIS_SERVER", names: &["redis-server"], package: "redis-server" },
    Tool { variable: "LOGTO_TEST_POSTGRES", names: &["postgres"], package: "postgresql" },
    Tool {
        variable: "LOGTO_TEST_CHROMIUM",
        names: &["chromium", "chromium-browser", "google-chrome"],
        package: "chromium",
    },
    Tool { variable: "LOGTO_TEST_CHROMEDRIVER", names: &["chromedriver"], package: "chromium-driver" },
    Tool { variable: "LOGTO_TEST_NODE", names: &["node", "nodejs"], package: "nodejs" },
    Tool { variable: "LOGTO_TEST_NPM", names: &["npm"], package: "npm" },
];

/// The programs that are there, after apt has had its chance.
pub(crate) fn prepare() -> Vec<(Tool, Option<PathBuf>)> {
    let missing: Vec<&str> =
        TOOLS.iter().filter(|tool| find(tool).is_none()).map(|tool| tool.package).collect();
    if !missing.is_empty() {
        install(&missing);
    }
    TOOLS.iter().map(|tool| (*tool, find(tool))).collect()
}

fn find(tool: &Tool) -> Option<PathBuf> {
    if let Some(named) = env::var_os(tool.variable).filter(|value| !value.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(folders_of_postgresql())
        .flat_map(|folder| tool.names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Debian keeps its programs beside the path.
fn folders_of_postgresql() -> impl Iterator<Item = PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin"))
}

fn install(packages: &[&str]) {
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        println!("\nmissing: {0}; install with: apt-get install {0}", packages.join(" "));
        return;
    }
    // No package starts a service: the tests start servers of their own.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let ours =
        !policy.exists() && fs::write(policy, "#!/bin/sh\nexit 101\n").is_ok() && make_executable(policy);
    run(apt().arg("update"));
    // One after another: what one lacks does not keep the others out.
    for package in packages {
        run(apt().args(["install", "-y", "--no-install-recommends", package]));
    }
    if ours {
        drop(fs::remove_file(policy));
    }
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn make_executable(file: &Path) -> bool {
    Command::new("chmod").arg("755").arg(file).status().is_ok_and(|status| status.success())
}
