//! Who may import whom.

use super::{File, Package};

/// What a package may never depend on, dev-dependencies aside.
fn forbidden(name: &str) -> &'static [&'static str] {
    match name {
        "logto-storage-core" => &[
            "axum",
            "actix-web",
            "actix-session",
            "tower-sessions",
            "tower-sessions-core",
            "reqwest",
            "tokio",
            "url",
            "logto-client",
            "logto-axum",
            "logto-actix",
            "logto-emulator",
            "logto-conformance",
        ],
        "logto-storage-redis" | "logto-storage-sqlx" => &[
            "axum",
            "actix-web",
            "actix-session",
            "tower-sessions",
            "tower-sessions-core",
            "reqwest",
            "logto-client",
            "logto-axum",
            "logto-actix",
            "logto-emulator",
            "logto-conformance",
        ],
        "logto-client" => &[
            "axum",
            "actix-web",
            "actix-session",
            "tower-sessions",
            "tower-sessions-core",
            "logto-axum",
            "logto-actix",
            "logto-emulator",
            "logto-conformance",
        ],
        "logto-axum" | "logto-actix" => &[
            "reqwest",
            "aws-lc-rs",
            "base64",
            "logto-emulator",
            "logto-conformance",
            "logto-axum",
            "logto-actix",
        ],
        "logto-emulator" => {
            &["logto-client", "logto-storage-core", "logto-axum", "logto-actix", "logto-conformance"]
        }
        "logto-conformance" => &["logto-axum", "logto-actix"],
        _ => &[],
    }
}

pub(super) fn manifests(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            if forbidden(&package.name).contains(&dependency.as_str()) {
                problems.push(format!("{} depends on {dependency}", package.name));
            }
            if package.name == "xtask" {
                problems.push(format!("xtask depends on {dependency}; it compiles by std alone"));
            }
        }
    }
    problems
}

/// Words that no source may hold: what the manifests forbid, reached by another road.
pub(super) fn sources(files: &[File]) -> Vec<String> {
    let rules: [(&str, &[&str]); 4] = [
        ("crates/logto-emulator/src/", &["logto_client", "logto_storage_core"]),
        ("crates/logto-client/src/", &["logto_emulator", "axum::", "actix_web"]),
        ("crates/logto-axum/src/", &["reqwest", "aws_lc_rs", "actix"]),
        ("crates/logto-actix/src/", &["reqwest", "aws_lc_rs", "axum"]),
    ];
    let mut problems = Vec::new();
    for file in files {
        for (folder, words) in rules {
            let found = words.iter().filter(|word| {
                file.path.starts_with(folder) && code(&file.text).any(|line| line.contains(**word))
            });
            problems.extend(found.map(|word| format!("{} names {word}", file.path)));
        }
    }
    problems
}

/// The lines that are no comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_dependency_is_found() {
        let package = |name: &str, dependency: &str| {
            Package::parse(
                "x",
                &format!("[package]\nname = \"{name}\"\n[dependencies]\n{dependency}.workspace = true\n"),
            )
        };
        assert!(
            manifests(&[package("logto-axum", "logto-client"), package("logto-client", "reqwest")])
                .is_empty()
        );
        for (name, dependency) in [
            ("logto-storage-core", "tokio"),
            ("logto-storage-redis", "logto-client"),
            ("logto-client", "axum"),
            ("logto-axum", "reqwest"),
            ("logto-emulator", "logto-client"),
            ("xtask", "anything"),
        ] {
            assert_eq!(manifests(&[package(name, dependency)]).len(), 1, "{name} {dependency}");
        }
    }

    #[test]
    fn a_forbidden_name_in_a_source_is_found() {
        let file = |text: &str| {
            [File { path: "crates/logto-emulator/src/lib.rs".to_owned(), text: text.to_owned() }]
        };
        assert!(sources(&file("//! Not like logto_client.\nuse axum::Router;\n")).is_empty());
        assert_eq!(sources(&file("//! x\nuse logto_client::Secret;\n")).len(), 1);
    }
}
