//! Tables: drawn on a terminal, tab-separated lines to a pipe.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::failure::Failure;
use super::output::Out;
use super::report::printable;
use super::units::{human_duration, human_size};

/// One value of a report, shown to people and to programs in different ways.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number of things.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A share.
    Percent(f64),
    /// Milliseconds.
    Time(u64),
}

impl Value {
    fn show(&self, terminal: bool) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Count(n) => n.to_string(),
            Value::Bytes(n) if terminal => human_size(*n),
            Value::Bytes(n) => n.to_string(),
            Value::Percent(p) => format!("{p:.1}{}", if terminal { "%" } else { "" }),
            Value::Time(ms) if terminal => human_duration(*ms),
            Value::Time(ms) => format!("{}.{:03} s", ms / 1000, ms % 1000),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Value::Count(n)
    }
}

/// Names and values, one a line: aligned on a terminal, `name<TAB>value` to a pipe.
pub fn facts(out: &mut Out, facts: &[(&str, Value)]) -> Result<(), Failure> {
    let terminal = out.is_terminal();
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in facts {
        let value = value.show(terminal);
        if terminal {
            out.line(&format!(
                "{:<width$}  {}",
                name.replace('_', " "),
                printable(&value)
            ))?;
        } else {
            out.line(&format!("{name}\t{value}"))?;
        }
    }
    Ok(())
}

/// A table with a heading; the heading is left out to a pipe.
pub fn rows(out: &mut Out, heading: &[&str], rows: &[Vec<Value>]) -> Result<(), Failure> {
    if !out.is_terminal() {
        for row in rows {
            let cells: Vec<String> = row.iter().map(|v| v.show(false)).collect();
            out.line(&cells.join("\t"))?;
        }
        return Ok(());
    }
    out.line(&drawn(heading, rows).trim_fmt())
}

/// The same with many columns: where they do not fit, each row is a list of its names and values.
pub fn wide_rows(out: &mut Out, heading: &[&str], rows: &[Vec<Value>]) -> Result<(), Failure> {
    let needed: u64 = drawn(heading, rows)
        .column_max_content_widths()
        .iter()
        .map(|width| u64::from(*width) + 2)
        .sum();
    if !out.is_terminal() || needed <= u64::from(width()) {
        return self::rows(out, heading, rows);
    }
    for row in rows {
        out.line("")?;
        let named = heading.iter().copied().zip(row.iter().cloned());
        let said = named.filter(|(_, value)| !value.show(true).is_empty());
        facts(out, &said.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn drawn(heading: &[&str], rows: &[Vec<Value>]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width());
    table.set_header(heading.iter().map(Cell::new));
    for row in rows {
        table.add_row(row.iter().map(|value| {
            let cell = Cell::new(printable(&value.show(true)));
            match value {
                Value::Text(_) => cell,
                _ => cell.set_alignment(CellAlignment::Right),
            }
        }));
    }
    table
}

/// The width of the terminal; `COLUMNS` wins.
fn width() -> u16 {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .filter(|c| *c >= 20);
    columns
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0))
        .unwrap_or(80)
}
