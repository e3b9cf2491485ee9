//! The bill of materials of the published crates, as CycloneDX 1.5 in JSON.

use crate::{run::cargo, tidy};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
    process::ExitCode,
};

/// What applications are built with; the rest is for tests and development.
const PUBLISHED: [&str; 6] = [
    "logto-storage-core",
    "logto-storage-redis",
    "logto-storage-sqlx",
    "logto-client",
    "logto-axum",
    "logto-actix",
];
const FILE: &str = "target/sbom.cdx.json";

/// A crate, by name and version.
type Id = (String, String);

/// What is known of a crate.
#[derive(Debug, Default, PartialEq, Eq)]
struct Component {
    licence: String,
    checksum: Option<String>,
    dependencies: BTreeSet<Id>,
}

/// Writes the list; right where each crate has a licence, and each that is not ours a checksum.
pub(crate) fn sbom() -> ExitCode {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--edges", "normal,build", "--target", "all", "--all-features"]);
    tree.args(["--prefix", "depth", "--format", "|{p}|{l}"]);
    for package in PUBLISHED {
        tree.args(["--package", package]);
    }
    let tree = tree.output().map(|output| (output.status.success(), output.stdout));
    let (Ok((true, tree)), Ok(lock)) = (tree, fs::read_to_string("Cargo.lock")) else {
        println!("sbom: the tree or the lock file cannot be read");
        return ExitCode::FAILURE;
    };
    let mut components = read_tree(&String::from_utf8_lossy(&tree));
    for (id, checksum) in checksums(&lock) {
        if let Some(component) = components.get_mut(&id) {
            component.checksum = Some(checksum);
        }
    }
    if let Err(error) = fs::create_dir_all("target").and_then(|()| fs::write(FILE, json(&components))) {
        println!("sbom: {FILE} cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    let ours: BTreeSet<String> =
        tidy::packages(Path::new(".")).into_iter().map(|package| package.name).collect();
    let lacking = lacking(&components, &ours);
    for problem in &lacking {
        println!("{problem}");
    }
    println!("sbom: {} crates in {FILE}, {} without licence or checksum", components.len(), lacking.len());
    if lacking.is_empty() && !components.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn lacking(components: &BTreeMap<Id, Component>, ours: &BTreeSet<String>) -> Vec<String> {
    let lacks = |(name, version): &Id, what| format!("{name} {version} has no {what}");
    let licences = components.iter().filter(|(_, component)| component.licence.is_empty());
    let checksums = components
        .iter()
        .filter(|((name, _), component)| component.checksum.is_none() && !ours.contains(name));
    licences
        .map(|(id, _)| lacks(id, "licence"))
        .chain(checksums.map(|(id, _)| lacks(id, "checksum")))
        .collect()
}

/// Lines `DEPTH|NAME vVERSION …|LICENCE`; what a crate depends on stands below it where it comes first.
fn read_tree(text: &str) -> BTreeMap<Id, Component> {
    let mut components = BTreeMap::<Id, Component>::new();
    let mut above: Vec<Id> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('|');
        let (Some(depth), Some(package), Some(licence)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let mut words = package.split(' ');
        let (Ok(depth), Some(name), Some(version)) = (depth.parse::<usize>(), words.next(), words.next())
        else {
            continue;
        };
        let id = (name.to_owned(), version.trim_start_matches('v').to_owned());
        above.truncate(depth);
        if let Some(parent) = above.last().and_then(|parent| components.get_mut(parent)) {
            parent.dependencies.insert(id.clone());
        }
        let component = components.entry(id.clone()).or_default();
        // A repeated crate is marked at the end of its line.
        let licence = licence.trim_end_matches("(*)").trim();
        component.licence = expression(licence);
        above.push(id);
    }
    components
}

/// Before there were expressions, a slash meant "or".
fn expression(licence: &str) -> String {
    let choices: Vec<&str> = licence.split('/').map(str::trim).collect();
    choices.join(" OR ")
}

fn checksums(lock: &str) -> Vec<(Id, String)> {
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            Some(((value(package, "name")?, value(package, "version")?), value(package, "checksum")?))
        })
        .collect()
}

fn json(components: &BTreeMap<Id, Component>) -> String {
    let reference = |(name, version): &Id| quoted(&format!("pkg:cargo/{name}@{version}"));
    let mut text = String::from(
        "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n  \"components\": [",
    );
    for (index, (id, component)) in components.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let (name, version) = (quoted(&id.0), quoted(&id.1));
        let _ = write!(
            text,
            "{comma}\n    {{\"type\": \"library\", \"bom-ref\": {0}, \"purl\": {0}, \"name\": {name}, \"version\": {version}, \
             \"licenses\": [{{\"expression\": {1}}}]",
            reference(id),
            quoted(&component.licence)
        );
        if let Some(checksum) = &component.checksum {
            let _ =
                write!(text, ", \"hashes\": [{{\"alg\": \"SHA-256\", \"content\": {}}}]", quoted(checksum));
        }
        text.push('}');
    }
    text.push_str("\n  ],\n  \"dependencies\": [");
    for (index, (id, component)) in components.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let dependencies: Vec<String> = component.dependencies.iter().map(reference).collect();
        let _ = write!(
            text,
            "{comma}\n    {{\"ref\": {}, \"dependsOn\": [{}]}}",
            reference(id),
            dependencies.join(", ")
        );
    }
    text.push_str("\n  ]\n}\n");
    text
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|logto-client v0.1.0 (/somewhere/logto-client)|MIT OR Apache-2.0\n1|url v2.5.0|MIT/Apache-2.0\n2|idna v1.0.0|MIT / ISC\n1|idna v1.0.0|MIT / ISC (*)\n\n0|url v2.5.0|MIT/Apache-2.0 (*)\n";
    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"url\"\nversion = \"2.5.0\"\nchecksum = \"aa\"\n\n[[package]]\nname = \"logto-client\"\nversion = \"0.1.0\"\n";

    fn id(name: &str, version: &str) -> Id {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn the_tree_tells_crates_licences_and_who_needs_whom() {
        let components = read_tree(TREE);
        assert_eq!(components.len(), 3);
        let client = &components[&id("logto-client", "0.1.0")];
        assert_eq!(client.dependencies, BTreeSet::from([id("idna", "1.0.0"), id("url", "2.5.0")]));
        let url = &components[&id("url", "2.5.0")];
        assert_eq!((url.licence.as_str(), url.dependencies.len()), ("MIT OR Apache-2.0", 1));
        assert_eq!(components[&id("idna", "1.0.0")].licence, "MIT OR ISC");
    }

    #[test]
    fn what_lacks_a_licence_or_a_checksum_is_told() {
        let mut components = read_tree(TREE);
        assert_eq!(checksums(LOCK), [(id("url", "2.5.0"), "aa".to_owned())]);
        let ours = BTreeSet::from(["logto-client".to_owned()]);
        for name in ["url", "idna"] {
            components
                .iter_mut()
                .filter(|(id, _)| id.0 == name)
                .for_each(|(_, of)| of.checksum = Some("aa".to_owned()));
        }
        assert!(lacking(&components, &ours).is_empty());
        components.get_mut(&id("idna", "1.0.0")).unwrap().checksum = None;
        components.get_mut(&id("url", "2.5.0")).unwrap().licence.clear();
        assert_eq!(lacking(&components, &ours), ["url 2.5.0 has no licence", "idna 1.0.0 has no checksum"]);
    }

    #[test]
    fn the_list_is_json_without_a_path_of_this_machine() {
        let text = json(&read_tree(TREE));
        assert!(text.contains(r#""bom-ref": "pkg:cargo/url@2.5.0""#) && !text.contains("somewhere"));
        assert!(text.contains(r#"{"ref": "pkg:cargo/url@2.5.0", "dependsOn": ["pkg:cargo/idna@1.0.0"]}"#));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert_eq!(quoted("a\"b\\c\u{1}"), "\"a\\\"b\\\\c\\u0001\"");
    }
}
