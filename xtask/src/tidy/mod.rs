//! Checks of the sources as text. Each takes what it looks at as an argument, so that its tests plant faults.

mod documents;
mod files;
mod imports;
mod manifest;
mod twins;

pub(crate) use documents::proofs;
pub(crate) use manifest::Package;

use crate::certify::MODULES;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Tables whose rows name the tests that prove them: the file, and how the first row begins.
const TABLES: [(&str, &str); 2] =
    [("README.md", "guarantee"), ("crates/logto-conformance/README.md", "ASVS")];

/// A file: its path from the root, and its text.
#[derive(Debug)]
pub(crate) struct File {
    path: String,
    text: String,
}

/// All checks, each with the problems it found.
pub(crate) fn check(root: &Path) -> Vec<(&'static str, Vec<String>)> {
    let sources = sources(root);
    let packages = packages(root);
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let workspace = read("Cargo.toml");
    vec![
        ("who imports whom", imports::manifests(&packages)),
        ("what files name", imports::sources(&sources)),
        ("names of the bindings", twins::compare(&sources)),
        ("first lines", files::first_lines(&sources)),
        ("file sizes", files::sizes(&sources)),
        ("key constants", files::key_constants(&read("crates/logto-storage-core/src/keys.rs"))),
        ("lints", manifest::lints(&packages)),
        ("feature tables", documents::feature_tables(&packages, read)),
        ("reasons of dependencies", documents::dependency_reasons(&workspace, &read("ARCHITECTURE.md"))),
        ("crates on the map", documents::crates_on_the_map(&packages, &read("ARCHITECTURE.md"))),
        ("guide of modules", documents::modules(&read("docs/relying-party-modules.md"), &MODULES)),
        ("tests of the tables", {
            let tables = TABLES.iter();
            tables
                .flat_map(|(path, heading)| documents::tables_of_proofs(path, &read(path), heading, &sources))
                .collect()
        }),
    ]
}

/// The packages of the workspace, in the order of their folders.
pub(crate) fn packages(root: &Path) -> Vec<Package> {
    let mut folders = vec![PathBuf::from("xtask")];
    for group in ["crates", "examples"] {
        folders.extend(
            entries(&root.join(group))
                .into_iter()
                .filter_map(|folder| Some(Path::new(group).join(folder.file_name()?))),
        );
    }
    folders.sort();
    folders
        .iter()
        .filter_map(|folder| {
            let text = fs::read_to_string(root.join(folder).join("Cargo.toml")).ok()?;
            Some(Package::parse(&folder.to_string_lossy(), &text))
        })
        .collect()
}

fn sources(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("examples"), root.join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder) {
            if entry.is_dir()
                && entry.file_name().is_some_and(|name| name != "target" && name != "node_modules")
            {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path = entry.strip_prefix(root).unwrap_or(&entry).to_string_lossy().into_owned();
                files.push(File { path, text: fs::read_to_string(&entry).unwrap_or_default() });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_of_this_project_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert!(sources(root).iter().any(|file| file.path == "xtask/src/tidy/mod.rs"));
        let packages = packages(root);
        assert!(packages.iter().any(|package| package.name == "logto-axum" && !package.features.is_empty()));
    }
}
