//! How an input is to be read.

use std::sync::Arc;

use crate::exchange::Format;

/// How text outside of JSON stands for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellEnc {
    /// The bytes themselves.
    Raw,
    /// Pairs of hexadecimal digits.
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// Text with `\\ \n \t \r \xNN`.
    Escape,
    /// Text with `\\` and `\NN`, as in dumps of LMDB.
    Print,
}

impl CellEnc {
    const ALL: [CellEnc; 5] = [
        CellEnc::Raw,
        CellEnc::Hex,
        CellEnc::Base64,
        CellEnc::Escape,
        CellEnc::Print,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            CellEnc::Raw => "raw",
            CellEnc::Hex => "hex",
            CellEnc::Base64 => "base64",
            CellEnc::Escape => "escape",
            CellEnc::Print => "print",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<CellEnc> {
        CellEnc::ALL.into_iter().find(|e| e.name() == name)
    }
}

/// Which fields of foreign objects are key and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMap {
    /// The field that is the key.
    pub key: String,
    /// The field that is the value; `None`: the whole object, as it stands.
    pub payload: Option<String>,
}

/// Where blocks have to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// After this many records.
    pub records: u64,
    /// After this many bytes of keys and values.
    pub bytes: u64,
}

/// What one block may hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub key: usize,
    pub value: usize,
    pub line: usize,
    pub reject_bytes: usize,
    pub records: usize,
    pub bytes: usize,
}

/// How an input is to be read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// How records are written.
    pub format: Format,
    /// The format is only what is likely: the first bytes may say another.
    pub guess: bool,
    /// How the cells of csv and tsv stand for bytes; `None`: raw for csv, escaped for tsv.
    pub enc: Option<CellEnc>,
    /// Csv and tsv: the first line names the columns.
    pub header_row: bool,
    /// Foreign objects: which fields are key and value.
    pub field_map: Option<FieldMap>,
    /// The keyspace of records that name none.
    pub keyspace: Arc<str>,
    /// The longest key.
    pub max_key: usize,
    /// The longest value.
    pub max_value: usize,
    /// The longest line, without its end.
    pub max_line: usize,
    /// So much of a refused line is kept.
    pub reject_bytes: usize,
    /// A header or trailer is refused.
    pub bare: bool,
    /// A missing trailer or a last record that is cut short is no error.
    pub allow_truncated: bool,
    /// The input promises ascending keys, even without a header that says so.
    pub sorted: bool,
    /// Mdb: a section whose keys have several values each is no error.
    pub allow_duplicates: bool,
    /// Blocks end where this says.
    pub cut: Option<Cut>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            format: Format::Jsonl,
            guess: false,
            enc: None,
            header_row: false,
            field_map: None,
            keyspace: Arc::from("main"),
            max_key: 64 << 10,
            max_value: u32::MAX as usize / 2,
            max_line: 64 << 20,
            reject_bytes: 64 << 10,
            bare: false,
            allow_truncated: false,
            sorted: false,
            allow_duplicates: false,
            cut: None,
        }
    }
}
