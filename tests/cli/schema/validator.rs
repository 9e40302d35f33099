//! JSON Schema as far as creel's schemas use it, and stricter in one point: a field that the
//! schema does not name is an error here, though readers are told to expect new ones.

use std::collections::BTreeSet;

use base64::Engine as _;
use regex::Regex;
use serde_json::{Map, Value};

/// Words that say something to people only.
const REMARKS: [&str; 5] = ["$schema", "$id", "title", "description", "$defs"];

/// One schema and which of its fields have been seen.
pub struct Schema {
    root: Value,
    seen: BTreeSet<String>,
}

impl Schema {
    pub fn new(text: &str) -> Schema {
        let root = serde_json::from_str(text).unwrap();
        Schema {
            root,
            seen: BTreeSet::new(),
        }
    }

    /// The places of all fields that the schema names.
    pub fn fields(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        collect(&self.root, "#", &mut found);
        found
    }

    /// Fields that no value had.
    pub fn unseen(&self) -> Vec<String> {
        self.fields().difference(&self.seen).cloned().collect()
    }

    /// Checks a value and remembers its fields.
    pub fn check(&mut self, value: &Value) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let root = self.root.clone();
        let result = Check { root: &root }.value(&root, "#", value, "", &mut seen);
        self.seen.extend(seen);
        result
    }
}

struct Check<'a> {
    root: &'a Value,
}

impl Check<'_> {
    fn value(
        &self,
        schema: &Value,
        place: &str,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let rules = schema.as_object().ok_or(format!("{place} is no object"))?;
        for (word, rule) in rules {
            let wrong = |what: &str| Err(format!("{at}: {value} {what} {rule} ({place})"));
            match word.as_str() {
                "properties" | "required" => {}
                word if REMARKS.contains(&word) => {}
                "type" if !is_type(rule, value) => return wrong("is not of type"),
                "const" if value != rule => return wrong("is not"),
                "enum" if !list(rule).contains(value) => return wrong("is not one of"),
                "minimum" if below(value, rule) => return wrong("is below"),
                "maximum" if below(rule, value) => return wrong("is above"),
                "pattern" if !matches(rule, value) => return wrong("does not match"),
                "contentEncoding" if !is_base64(rule, value) => return wrong("is not"),
                "type" | "const" | "enum" | "minimum" | "maximum" | "pattern"
                | "contentEncoding" => {}
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        let place = format!("{place}/items");
                        self.value(rule, &place, item, &format!("{at}[{i}]"), seen)?;
                    }
                }
                "anyOf" => self.any(rule, place, value, at, seen)?,
                "$ref" => {
                    let place = rule.as_str().unwrap();
                    let target = self.root.pointer(&place[1..]);
                    let target = target.ok_or(format!("{place} leads nowhere"))?;
                    self.value(target, place, value, at, seen)?;
                }
                other => return Err(format!("{place}: the test knows no {other:?}")),
            }
        }
        match value.as_object() {
            Some(object) if rules.contains_key("properties") => {
                self.fields(rules, place, object, at, seen)
            }
            _ => Ok(()),
        }
    }

    fn any(
        &self,
        rule: &Value,
        place: &str,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let mut reasons = Vec::new();
        for (i, branch) in list(rule).iter().enumerate() {
            let mut tried = BTreeSet::new();
            match self.value(branch, &format!("{place}/anyOf/{i}"), value, at, &mut tried) {
                Ok(()) => {
                    seen.extend(tried);
                    return Ok(());
                }
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; or "))
    }

    fn fields(
        &self,
        rules: &Map<String, Value>,
        place: &str,
        object: &Map<String, Value>,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let known = rules["properties"].as_object().unwrap();
        let required = rules.get("required").map(list).unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str) {
            if !known.contains_key(name) {
                return Err(format!("{place}: {name} is required, but not described"));
            }
            if !object.contains_key(name) {
                return Err(format!("{at}: no field {name:?}"));
            }
        }
        for (name, value) in object {
            let at = format!("{at}.{name}");
            let Some(rule) = known.get(name) else {
                return Err(format!("{at}: the schema has no such field"));
            };
            let place = format!("{place}/properties/{name}");
            self.value(rule, &place, value, &at, seen)?;
            seen.insert(place);
        }
        Ok(())
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn is_type(rule: &Value, value: &Value) -> bool {
    let names = match rule {
        Value::Array(names) => names.clone(),
        one => vec![one.clone()],
    };
    names
        .iter()
        .filter_map(Value::as_str)
        .any(|name| match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "number" => value.is_number(),
            // Above 2^53 not every reader of JSON gets a number exactly.
            "integer" => value.as_i64().is_some_and(|n| n.abs() < 1 << 53),
            other => panic!("no type {other}"),
        })
}

fn below(value: &Value, limit: &Value) -> bool {
    match (value.as_f64(), limit.as_f64()) {
        (Some(value), Some(limit)) => value < limit,
        _ => false,
    }
}

fn matches(pattern: &Value, value: &Value) -> bool {
    let pattern = Regex::new(pattern.as_str().unwrap()).unwrap();
    value.as_str().is_none_or(|text| pattern.is_match(text))
}

fn is_base64(rule: &Value, value: &Value) -> bool {
    assert_eq!(rule, "base64");
    let engine = base64::engine::general_purpose::STANDARD;
    value
        .as_str()
        .is_none_or(|text| engine.decode(text).is_ok())
}

fn collect(schema: &Value, place: &str, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(rules) => {
            for (word, rule) in rules {
                let place = format!("{place}/{word}");
                if word == "properties" {
                    for name in rule.as_object().unwrap().keys() {
                        found.insert(format!("{place}/{name}"));
                    }
                }
                collect(rule, &place, found);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, &format!("{place}/{i}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_validator_refuses_what_a_schema_refuses() {
    let text = r##"{
        "anyOf": [{ "$ref": "#/$defs/a" }, { "const": 5 }],
        "$defs": { "a": { "type": "object", "required": ["n"], "properties": {
            "n": { "type": ["integer", "null"], "minimum": 0, "maximum": 9 },
            "s": { "type": "string", "pattern": "^x+$" },
            "b": { "type": "string", "contentEncoding": "base64" },
            "l": { "type": "array", "items": { "enum": ["p", 1] } }
        } } }
    }"##;
    let mut schema = Schema::new(text);
    assert_eq!(schema.fields().len(), 4);
    for good in [
        r#"{"n":3,"s":"xx","b":"YQ==","l":["p",1]}"#,
        r#"{"n":null}"#,
        "5",
    ] {
        schema.check(&serde_json::from_str(good).unwrap()).unwrap();
    }
    assert!(schema.unseen().is_empty());
    for bad in [
        "6",
        "{}",
        r#"{"n":"3"}"#,
        r#"{"n":-1}"#,
        r#"{"n":10}"#,
        r#"{"n":1.5}"#,
        r#"{"n":9007199254740993}"#,
        r#"{"n":3,"s":"y"}"#,
        r#"{"n":3,"b":"YQ"}"#,
        r#"{"n":3,"l":["q"]}"#,
        r#"{"n":3,"more":1}"#,
    ] {
        let value = serde_json::from_str(bad).unwrap();
        assert!(schema.check(&value).is_err(), "{bad}");
    }
    let mut odd = Schema::new(r#"{ "uniqueItems": true }"#);
    assert!(odd.check(&Value::Null).unwrap_err().contains("uniqueItems"));
}
