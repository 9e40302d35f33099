//! Records in every format that an import takes.

use creel::exchange::Format;
use creel::exchange::read::{Block, Cut, FieldMap, ReadOptions, Reader};

/// The first byte: format and options. Lines and values are limited as a cautious caller would.
pub fn records(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    let formats = [
        Format::Jsonl,
        Format::Jsonl,
        Format::Csv,
        Format::Tsv,
        Format::Mdb,
        Format::Raw,
    ];
    let format = formats[usize::from(how & 7) % formats.len()];
    let map = FieldMap {
        key: "id".to_owned(),
        payload: None,
    };
    let options = ReadOptions {
        format,
        guess: how & 8 != 0,
        field_map: (how & 7 == 1).then_some(map),
        max_line: 1 << 20,
        max_key: 960,
        allow_truncated: how & 16 != 0,
        sorted: how & 32 != 0,
        header_row: how & 64 != 0,
        cut: (how & 128 != 0).then_some(Cut {
            records: 3,
            bytes: 100,
        }),
        ..ReadOptions::default()
    };
    let Ok(mut reader) = Reader::open(std::io::Cursor::new(rest.to_vec()), options) else {
        return;
    };
    let _ = reader.identify();
    let mut block = Block::default();
    // A reader that says "go on" for ever would hang here.
    while let Ok(true) = reader.fill(&mut block) {
        for i in 0..block.len() {
            let _ = block.get(i);
        }
    }
}
