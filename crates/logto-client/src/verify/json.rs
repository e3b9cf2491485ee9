//! JSON that has one reading: an object, no member twice, not too deep, nothing after it.

use super::VerifyError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Deeper nesting is refused.
const DEEPEST: usize = 32;

/// Reads a JSON object strictly: UTF-8, no member twice at any depth, at most 32 deep, nothing after it.
///
/// ```
/// use logto_client::verify::parse_strict_object;
///
/// assert!(parse_strict_object(br#"{"a":{"b":[1,2]}}"#).is_ok());
/// assert!(parse_strict_object(br#"{"a":1,"a":2}"#).is_err());
/// ```
///
/// # Errors
///
/// `Malformed` for everything else.
pub fn parse_strict_object(bytes: &[u8]) -> Result<Map<String, Value>, VerifyError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer);
    match (value, deserializer.end()) {
        (Ok(Value::Object(object)), Ok(())) => Ok(object),
        _ => Err(VerifyError::malformed("holds no JSON object, or one with a member twice")),
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST { Err(E::custom("too deep")) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let element = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(element)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let member = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(member)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#"{"a":null,"b":[true,-1,18446744073709551615,1.5,"ü\u0000"],"c":{"d":{}}}"#;
        let object = parse_strict_object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(object), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_is_expected_is_called_json() {
        assert_eq!((&Strict { depth: 0 } as &dyn serde::de::Expected).to_string(), "JSON");
    }

    #[test]
    fn what_has_two_readings_or_is_no_object_is_refused() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).into_bytes();
        assert!(parse_strict_object(&nested(32)).is_ok());
        for bytes in [
            b"".to_vec(),
            b"null".to_vec(),
            b"[]".to_vec(),
            b"\"a\"".to_vec(),
            b"{".to_vec(),
            b"{} {}".to_vec(),
            b"{}x".to_vec(),
            b"{\"a\":1,\"a\":1}".to_vec(),
            b"{\"a\":1,\"\\u0061\":2}".to_vec(),
            b"{\"x\":[{\"a\":1,\"a\":1}]}".to_vec(),
            b"{\"a\":\"\xff\"}".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"{\"a\":1e999}".to_vec(),
            nested(33),
            nested(10_000),
        ] {
            assert!(
                parse_strict_object(&bytes).is_err(),
                "{:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(40)])
            );
        }
    }
}
