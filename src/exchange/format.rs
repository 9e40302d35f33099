//! The formats that data comes and goes in.

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// What LMDB and Berkeley DB dump.
    Mdb,
    /// Comma-separated values, RFC 4180, two columns.
    Csv,
    /// Key, tab, value.
    Tsv,
    /// Lengths and bytes.
    Raw,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [
        Format::Jsonl,
        Format::Mdb,
        Format::Csv,
        Format::Tsv,
        Format::Raw,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Mdb => "mdb",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Raw => "raw",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether records of several keyspaces fit into one file.
    pub const fn holds_keyspaces(self) -> bool {
        matches!(self, Format::Jsonl | Format::Mdb)
    }
}
