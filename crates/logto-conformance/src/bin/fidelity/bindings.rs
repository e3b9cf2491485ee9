//! Which value of this run stands for which value of the recording.

use std::collections::HashMap;

/// Pairs of values, one to one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    live: HashMap<String, String>,
    recorded: HashMap<String, String>,
}

impl Bindings {
    /// From now on `live` stands for `recorded`.
    pub(crate) fn bind(&mut self, recorded: &str, live: &str) {
        self.live.insert(recorded.to_owned(), live.to_owned());
        self.recorded.insert(live.to_owned(), recorded.to_owned());
    }

    pub(crate) fn live(&self, recorded: &str) -> Option<&str> {
        self.live.get(recorded).map(String::as_str)
    }

    /// Takes a pair that is new; one that contradicts an earlier one is refused with what should have been.
    pub(crate) fn agree(&mut self, recorded: &str, live: &str) -> Result<(), String> {
        match (self.live.get(recorded), self.recorded.get(live)) {
            (Some(known), _) if known == live => Ok(()),
            (Some(_), _) => Err("the same value as before".to_owned()),
            (None, Some(_)) => Err("a value not seen before".to_owned()),
            (None, None) => {
                self.bind(recorded, live);
                Ok(())
            }
        }
    }

    /// A text of the recording as it is in this run.
    pub(crate) fn substitute(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (recorded, live) in &self.live {
            if recorded != live && text.contains(recorded.as_str()) {
                text = text.replace(recorded.as_str(), live);
            }
        }
        text
    }
}
