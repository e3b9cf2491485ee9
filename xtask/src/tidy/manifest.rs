//! Manifests, read line by line.

/// What of a manifest the checks look at.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<String>,
    lints_of_the_workspace: bool,
}

impl Package {
    pub(crate) fn parse(folder: &str, text: &str) -> Self {
        let mut package = Self { folder: folder.to_owned(), ..Self::default() };
        for (section, key, value) in lines(text) {
            match section {
                "package" if key == "name" => value.trim_matches('"').clone_into(&mut package.name),
                "features" => package.features.push(key.to_owned()),
                "dependencies" => package.dependencies.push(key.trim_end_matches(".workspace").to_owned()),
                "lints" if key == "workspace" => package.lints_of_the_workspace = value == "true",
                _ => {}
            }
        }
        package
    }
}

/// The names in a section of a manifest.
pub(super) fn keys<'a>(text: &'a str, section: &str) -> Vec<&'a str> {
    lines(text).filter(|(of, ..)| *of == section).map(|(_, key, _)| key).collect()
}

/// Section, key and value of each line that has a key.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').trim_matches('[');
            return None;
        }
        let key = line.starts_with(|c: char| c.is_ascii_alphanumeric());
        let (name, value) = line.split_once('=').filter(|_| key)?;
        Some((section, name.trim(), value.trim()))
    })
}

/// Each package takes the lints of the workspace.
pub(super) fn lints(packages: &[Package]) -> Vec<String> {
    let without = packages.iter().filter(|package| !package.lints_of_the_workspace);
    without.map(|package| format!("{} lacks `[lints] workspace = true`", package.folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read() {
        let text = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n\n[features]\ndefault = [\"x\"]\nx = []\n\n\
                    [dependencies]\nb.workspace = true\nc = { workspace = true }\n\n[dev-dependencies]\nd = \"1\"\n";
        let package = Package::parse("crates/a", text);
        assert_eq!((package.name.as_str(), package.features.len()), ("a", 2));
        assert_eq!(package.dependencies, ["b", "c"]);
        assert!(lints(&[package]).is_empty());
        assert_eq!(lints(&[Package::parse("crates/a", "[package]\nname = \"a\"\n")]).len(), 1);
    }
}
