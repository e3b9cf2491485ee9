//! The two bindings: the same files, the same public names.

use super::File;
use std::collections::BTreeSet;

const TWINS: [&str; 2] = ["crates/logto-axum/src/", "crates/logto-actix/src/"];

/// What the frameworks name differently, or only one of them has.
const EXCEPTIONS: [&str; 4] = [
    // tower-sessions has two lines, behind one type.
    "AnySession",
    "storage/session.rs",
    "into_router",
    "configure",
];

/// Files and public names that only one of the bindings has.
pub(super) fn compare(files: &[File]) -> Vec<String> {
    let [left, right] = TWINS.map(|folder| names(files, folder));
    let only = |folder: &str, ours: &BTreeSet<String>, others: &BTreeSet<String>| {
        let alone = ours.difference(others).filter(|name| !EXCEPTIONS.contains(&name.as_str()));
        alone.map(|name| format!("only {folder} has {name}")).collect::<Vec<_>>()
    };
    [only(TWINS[0], &left, &right), only(TWINS[1], &right, &left)].concat()
}

/// The files of a binding, and the names that it makes public.
fn names(files: &[File], folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files {
        let Some(path) = file.path.strip_prefix(folder) else { continue };
        names.insert(path.to_owned());
        for line in file.text.lines().map(str::trim_start) {
            names.extend(public_name(line));
        }
        if path == "lib.rs" {
            names.extend(reexports(&file.text));
        }
    }
    names
}

fn public_name(line: &str) -> Option<String> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let (kind, rest) = rest.split_once(' ')?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    ["fn", "struct", "enum", "trait", "type", "const"].contains(&kind).then_some(name)
}

/// The names in all `pub use` of a file, paths left out.
fn reexports(text: &str) -> Vec<String> {
    let uses = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = uses.flat_map(|list| list.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    words.filter(|word| word.starts_with(char::is_uppercase)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_only_one_binding_has_is_found() {
        let twins = |actix: &str| {
            compare(&[
                file(
                    "crates/logto-axum/src/lib.rs",
                    "pub use {a::One, b::{Two, AnySession}};\npub fn go() {}\n",
                ),
                file("crates/logto-actix/src/lib.rs", actix),
            ])
        };
        assert!(twins("pub use a::{One, Two};\n    pub async fn go() {}\n").is_empty());
        assert_eq!(twins("pub use a::One;\npub fn go() {}\n").len(), 1);
        assert_eq!(twins("pub use a::{One, Two};\npub fn go() {}\npub struct Three;\n").len(), 1);
        assert_eq!(twins("pub use a::{One, Two};\n").len(), 1);
        let other = [file("crates/logto-axum/src/a.rs", ""), file("crates/logto-actix/src/b.rs", "")];
        assert_eq!(compare(&other).len(), 2);
    }
}
