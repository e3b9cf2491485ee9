//! Pages: their title and their forms, which are what a browser and a test go by; looks are a server's own.

use super::{Comparison, quoted};
use std::collections::BTreeMap;

pub(super) fn compare(comparison: &mut Comparison<'_>, place: &str, recorded: &str, live: &str) {
    if !live.trim_start().starts_with('<') {
        return comparison.differs(place, "a page", quoted(live));
    }
    if title(recorded) != title(live) {
        comparison.differs(&format!("{place}, title"), quoted(&title(recorded)), quoted(&title(live)));
    }
    let (one, other) = (elements(recorded), elements(live));
    for tag in ["form", "input"] {
        let of =
            |all: &[Element]| all.iter().filter(|element| element.tag == tag).cloned().collect::<Vec<_>>();
        let (recorded, live) = (of(&one), of(&other));
        for element in &recorded {
            let key = element.key();
            let place = format!("{place}, {tag} {key}");
            match live.iter().find(|live| live.key() == key) {
                Some(live) => attributes(comparison, &place, element, live),
                None => comparison.differs(&place, "there", "nothing"),
            }
        }
        for element in live.iter().filter(|live| !recorded.iter().any(|known| known.key() == live.key())) {
            comparison.differs(&format!("{place}, {tag} {}", element.key()), "nothing", "there");
        }
    }
    let submits = |page: &str| page.contains(".submit()");
    if submits(recorded) != submits(live) {
        let kind = |page: &str| if submits(page) { "submits itself" } else { "waits for a click" };
        comparison.differs(place, kind(recorded), kind(live));
    }
}

fn attributes(comparison: &mut Comparison<'_>, place: &str, recorded: &Element, live: &Element) {
    for name in ["id", "method", "action", "type", "name", "value"] {
        let place = format!("{place}, {name}");
        match (recorded.attributes.get(name), live.attributes.get(name)) {
            (Some(recorded), Some(live)) => comparison.plain(&place, recorded, live),
            (None, None) => {}
            (recorded, live) => {
                let said = |value: Option<&String>| value.map_or("nothing".to_owned(), |value| quoted(value));
                comparison.differs(&place, said(recorded), said(live));
            }
        }
    }
}

fn title(page: &str) -> String {
    let from = page.find("<title>").map(|at| at + "<title>".len());
    let rest = from.map(|from| &page[from..]).unwrap_or_default();
    rest.split("</title>").next().unwrap_or_default().trim().to_owned()
}

#[derive(Clone, Debug)]
struct Element {
    tag: &'static str,
    attributes: BTreeMap<String, String>,
}

impl Element {
    /// An input by its name; a page has one form.
    fn key(&self) -> String {
        self.attributes.get("name").cloned().unwrap_or_default()
    }
}

fn elements(page: &str) -> Vec<Element> {
    let mut found = Vec::new();
    for tag in ["form", "input"] {
        let opening = format!("<{tag} ");
        for (at, _) in page.match_indices(&opening) {
            let rest = &page[at + opening.len()..];
            let text = &rest[..rest.find('>').unwrap_or(rest.len())];
            found.push(Element { tag, attributes: parse(text) });
        }
    }
    found
}

/// `name="value"`, one after another.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else { break };
        let name = name.rsplit(char::is_whitespace).next().unwrap_or_default();
        attributes.insert(name.to_lowercase(), value.to_owned());
        rest = after;
    }
    attributes
}
