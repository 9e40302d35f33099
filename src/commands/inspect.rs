//! `creel inspect`: an annotated dump of one structure.

use clap::{Args, ValueEnum};
use creel::Inspect;
use serde::Serialize;

use super::Run;
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome};

/// What can be dumped.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Thing {
    /// A header slot, A or B (both without one)
    Header,
    /// A page, by number
    Page,
    /// A log frame, by index
    Frame,
    /// A log region's header, 0 or 1
    Region,
    /// The free list
    Freelist,
}

/// Arguments of `creel inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    db: DbArg,
    /// What to dump
    #[arg(value_name = "WHAT")]
    what: Thing,
    /// Which one: header A or B, region 0 or 1, the number of a page, the index of a frame
    #[arg(value_name = "WHICH")]
    which: Option<String>,
}

#[derive(Serialize)]
struct InspectReport<'a> {
    schema: &'static str,
    what: &'a str,
    text: &'a str,
}

impl Run for InspectArgs {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Dump a header, page, log frame or the free list with notes";
    const EXAMPLES: &'static str = "\
Examples:
  creel inspect my.db header
  creel inspect my.db page 17
  creel inspect my.db frame 812

Never writes. docs/format.md explains the fields.
Exit status: 0 done, 2 no such page, 5 no such file; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        let path = ctx.path(&self.db)?;
        for (name, what) in self.parts()? {
            let text = creel::inspect(&path, what)?;
            let text = text.trim_end();
            if ctx.globals.json {
                ctx.out.json(&InspectReport {
                    schema: "creel.inspect/1",
                    what: &name,
                    text,
                })?;
            } else {
                ctx.out.line(text)?;
            }
        }
        Ok(Exit::Ok)
    }
}

impl InspectArgs {
    fn parts(&self) -> Result<Vec<(String, Inspect)>, Failure> {
        let which = self.which.as_deref();
        Ok(match self.what {
            Thing::Header => match which {
                None => vec![
                    ("header A".into(), Inspect::Header(0)),
                    ("header B".into(), Inspect::Header(1)),
                ],
                Some("A" | "a" | "0") => vec![("header A".into(), Inspect::Header(0))],
                Some("B" | "b" | "1") => vec![("header B".into(), Inspect::Header(1))],
                Some(other) => return Err(wrong("header", other, "A or B")),
            },
            Thing::Page => {
                let page = number(which, "page", "17")?;
                vec![(format!("page {page}"), Inspect::Page(page))]
            }
            Thing::Frame => {
                let index = number(which, "frame", "812")?;
                vec![(format!("frame {index}"), Inspect::Frame(index))]
            }
            Thing::Region => match which {
                Some("0") => vec![("region 0".into(), Inspect::Region(0))],
                Some("1") => vec![("region 1".into(), Inspect::Region(1))],
                other => return Err(wrong("region", other.unwrap_or(""), "0 or 1")),
            },
            Thing::Freelist if which.is_some() => {
                return Err(Failure::usage("there is only one free list"));
            }
            Thing::Freelist => vec![("freelist".into(), Inspect::FreeList)],
        })
    }
}

fn number<N: std::str::FromStr>(
    which: Option<&str>,
    what: &str,
    example: &str,
) -> Result<N, Failure> {
    let text = which.unwrap_or("");
    text.parse().map_err(|_| {
        wrong(
            what,
            text,
            &format!("a number, for example {what} {example}"),
        )
    })
}

fn wrong(what: &str, given: &str, wanted: &str) -> Failure {
    Failure::usage(format!("{given:?} does not name a {what}")).hint(format!("give {wanted}"))
}
