//! First lines, sizes, and the constants that must not change.

use super::File;

/// Lines outside tests; files under `tests` may be longer.
const MOST_LINES: usize = 400;
const MOST_LINES_OF_TESTS: usize = 600;

const KEYS: [&str; 5] = [
    "pub const SIGN_IN_SESSION: &str = \"logto_sign_in_session\";",
    "pub const ID_TOKEN: &str = \"logto_id_token\";",
    "pub const REFRESH_TOKEN: &str = \"logto_refresh_token\";",
    "pub const ACCESS_TOKEN_MAP: &str = \"logto_access_token_map\";",
    "pub const SESSION_META: &str = \"logto_session_meta\";",
];

/// Each file says in its first line what lives there.
pub(super) fn first_lines(files: &[File]) -> Vec<String> {
    let without = files.iter().filter(|file| !file.text.starts_with("//! "));
    without.map(|file| format!("{} does not begin with `//! `", file.path)).collect()
}

pub(super) fn sizes(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        let tests = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
        let most = if tests { MOST_LINES_OF_TESTS } else { MOST_LINES };
        let lines = file.text.lines().take_while(|line| tests || *line != "mod tests {").count();
        if lines > most {
            problems.push(format!("{} has {lines} lines, at most {most} are allowed", file.path));
        }
    }
    problems
}

/// What is stored under these names is read by other SDKs and by versions to come.
pub(super) fn key_constants(text: &str) -> Vec<String> {
    KEYS.iter().filter(|key| !text.contains(**key)).map(|key| format!("keys.rs lacks `{key}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: String) -> [File; 1] {
        [File { path: path.to_owned(), text }]
    }

    #[test]
    fn a_file_without_a_first_line_is_found() {
        assert!(first_lines(&file("a.rs", "//! A.\n".to_owned())).is_empty());
        assert_eq!(first_lines(&file("a.rs", "use x;\n".to_owned())).len(), 1);
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        assert!(sizes(&file("a.rs", "x\n".repeat(400))).is_empty());
        assert_eq!(sizes(&file("a.rs", "x\n".repeat(401))).len(), 1);
        assert!(sizes(&file("a.rs", "x\n".repeat(300) + "mod tests {\n" + &"x\n".repeat(300))).is_empty());
        assert_eq!(sizes(&file("a/tests/b.rs", "x\n".repeat(601))).len(), 1);
    }

    #[test]
    fn a_changed_key_is_found() {
        assert!(key_constants(&KEYS.join("\n")).is_empty());
        assert_eq!(key_constants(&KEYS.join("\n").replace("logto_id_token", "id_token")).len(), 1);
    }
}
