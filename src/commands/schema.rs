//! `creel schema`: the JSON Schema of every JSON output.

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::cli::{Context, Exit, Failure, Outcome, codes};

/// Each name stands for `schema/NAME.json`, which describes `creel.NAME/1`.
macro_rules! schemas {
    ($($name:literal)*) => {
        const SCHEMAS: &[(&str, &str)] = &[
            $((concat!("creel.", $name, "/1"), include_str!(concat!("schema/", $name, ".json")))),*
        ];
    };
}

schemas! {
    "backup"
    "batch"
    "checkpoint"
    "compact"
    "delete"
    "diff"
    "digest"
    "doctor"
    "drill"
    "error"
    "exists"
    "explain"
    "export"
    "gc"
    "get"
    "hold"
    "import"
    "info"
    "inspect"
    "keep"
    "keyspaces"
    "list"
    "log"
    "lost"
    "mirror"
    "open"
    "probe"
    "progress"
    "promote"
    "put"
    "reapply"
    "rejoin"
    "replicated"
    "restore"
    "salvage"
    "schema"
    "serving"
    "snapshot"
    "soak"
    "soak_test"
    "stats"
    "status"
    "store"
    "store_status"
    "tail"
    "tail_key"
    "verify"
    "version"
}

/// Arguments of `creel schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The output that is wanted: put, creel.put or creel.put/1; without it all names are listed
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(Serialize)]
struct Names {
    schema: &'static str,
    names: Vec<&'static str>,
}

impl Run for SchemaArgs {
    const NAME: &'static str = "schema";
    const ABOUT: &'static str = "Print the JSON Schema of an output, or list them";
    const EXAMPLES: &'static str = "\
Examples:
  creel schema
  creel schema put
  creel schema creel.error/1 > error.schema.json

The schemas are of draft 2020-12. The name stands in the field schema of every JSON object. New
fields may come without a new number, so the schemas allow fields that they do not name.

Exit status: 0 printed, 1 there is no such schema; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let Some(name) = &self.name else {
            return list(ctx);
        };
        let found = SCHEMAS.iter().find(|(full, _)| answers_to(full, name));
        let Some((_, text)) = found else {
            return Err(
                Failure::new(&codes::ABSENT, format!("there is no schema {name:?}"))
                    .hint("creel schema lists them"),
            );
        };
        ctx.out.bytes(text.as_bytes())?;
        Ok(Exit::Ok)
    }
}

/// `creel.put/1` may be called `creel.put` and `put`.
fn answers_to(full: &str, name: &str) -> bool {
    let short = full.split('/').next().unwrap_or(full);
    [Some(full), Some(short), short.strip_prefix("creel.")].contains(&Some(name))
}

fn list(ctx: &mut Context) -> Outcome {
    let names: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
    if ctx.globals.json {
        ctx.out.json(&Names {
            schema: "creel.schema/1",
            names,
        })?;
        return Ok(Exit::Ok);
    }
    for name in names {
        ctx.out.line(name)?;
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_names_itself_and_is_found_by_each_of_its_names() {
        let mut before = "";
        for (name, text) in SCHEMAS {
            let schema: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(schema["$id"], *name);
            assert!(before < *name, "{name}: in order of the alphabet");
            before = name;
            let short = name
                .strip_prefix("creel.")
                .and_then(|n| n.strip_suffix("/1"));
            for called in [*name, short.unwrap(), name.strip_suffix("/1").unwrap()] {
                let found: Vec<&str> = SCHEMAS
                    .iter()
                    .map(|(full, _)| *full)
                    .filter(|full| answers_to(full, called))
                    .collect();
                assert_eq!(found, [*name], "{called}");
            }
        }
    }
}
