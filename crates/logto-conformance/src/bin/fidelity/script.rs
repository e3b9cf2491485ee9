//! Scripts of custom claims, so far as recordings have them: an object of literals, the names of the person's
//! roles, and refusals.

use serde_json::{Map, Value};

/// What a script does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Script {
    Claims(Map<String, Value>),
    Deny(String),
}

impl Script {
    pub(crate) fn parse(text: &str, roles: &[String]) -> Option<Self> {
        if let Some(rest) = text.split("api.denyAccess(").nth(1) {
            return Some(Self::Deny(literal(rest.split(')').next()?)?.as_str()?.to_owned()));
        }
        let object = text.split("return").nth(1)?.split_once('{')?.1;
        let object = &object[..end_of(object)?];
        let mut claims = Map::new();
        for member in top_level(object) {
            let (name, value) = member.split_once(':')?;
            let (name, value) = (name.trim().trim_matches(['\'', '"']), value.trim());
            let names_of_roles = value.contains("context.user.roles") && value.contains(".name");
            let value = if names_of_roles { Some(Value::from(roles)) } else { literal(value) };
            // What is not understood is left out, and shows as a difference.
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        }
        Some(Self::Claims(claims))
    }
}

fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => Some(inner.into()),
        None => serde_json::from_str(text).ok(),
    }
}

/// Where the brace that is open closes.
fn end_of(text: &str) -> Option<usize> {
    let mut open = 1_i32;
    text.char_indices().find_map(|(at, c)| {
        open += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        (open == 0).then_some(at)
    })
}

/// Members, apart at commas outside of brackets.
fn top_level(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut open) = (Vec::new(), 0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open -= 1,
            ',' if open == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_roles_and_refusals_are_understood() {
        let roles = ["x-user".to_owned()];
        let text = "const f = async ({ token, context }) => { return { tier: 'gold', \
                    names: context.user.roles?.map(r => r.name), n: 7 }; };";
        let Some(Script::Claims(claims)) = Script::parse(text, &roles) else { panic!("no claims") };
        assert_eq!(Value::Object(claims), json!({"tier": "gold", "names": ["x-user"], "n": 7}));
        let text = "const f = async ({ api }) => { return api.denyAccess('no entry'); };";
        assert_eq!(Script::parse(text, &roles), Some(Script::Deny("no entry".to_owned())));
    }
}
