//! Arguments of the programs: `--name value`, and flags.

use std::{collections::BTreeMap, ops::Range, str::FromStr, time::Duration};

/// What a program was told.
#[derive(Clone, Debug, Default)]
pub struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// Reads them; `values` take a value, `flags` do not.
    ///
    /// # Errors
    ///
    /// The argument that is not known or lacks its value.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        values: &[&str],
        flags: &[&str],
    ) -> Result<Self, String> {
        let mut known = BTreeMap::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let name = argument.strip_prefix("--").unwrap_or_default().to_owned();
            if flags.contains(&name.as_str()) {
                known.insert(name, String::new());
            } else if values.contains(&name.as_str()) {
                let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
                known.insert(name, value);
            } else {
                return Err(format!("`{argument}` is not known"));
            }
        }
        Ok(Self(known))
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.0.contains_key(flag)
    }

    /// The text of a value.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number, or the default.
    ///
    /// # Errors
    ///
    /// Where it is no such number.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("--{name} {text} is no such number")),
        }
    }

    /// Times in milliseconds, as `0..6000`.
    ///
    /// # Errors
    ///
    /// Where it is no such range.
    pub fn times(&self, name: &str, default: Range<u64>) -> Result<Range<Duration>, String> {
        let range = match self.text(name) {
            None => Some(default),
            Some(text) => text
                .split_once("..")
                .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?))
                .filter(|range| range.start <= range.end),
        };
        let range = range.ok_or_else(|| format!("--{name} is written as 0..6000"))?;
        Ok(Duration::from_millis(range.start)..Duration::from_millis(range.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned), &["store", "rounds", "times"], &["fast"])
    }

    #[test]
    fn arguments_are_read_and_what_is_not_known_is_named() {
        let arguments = parse("--store redis --rounds 25 --fast --times 5..70").unwrap();
        assert_eq!((arguments.text("store"), arguments.has("fast")), (Some("redis"), true));
        assert_eq!((arguments.number("rounds", 1), arguments.number("other", 7)), (Ok(25), Ok(7)));
        let times = arguments.times("times", 0..1).unwrap();
        assert_eq!((times.start.as_millis(), times.end.as_millis()), (5, 70));
        for wrong in ["--nope", "redis", "--store"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("--rounds many").unwrap().number("rounds", 1).is_err());
        for wrong in ["--times 5", "--times 9..5", "--times a..b"] {
            assert!(parse(wrong).unwrap().times("times", 0..1).is_err(), "{wrong}");
        }
    }
}
