//! What can be wrong with an input, and what to do about it.

use creel::exchange::read::{Fault, FaultCode};

/// The fault with this name; `-` counts as `_`.
pub(super) fn find(name: &str) -> Option<FaultCode> {
    let name = name.replace('-', "_").to_ascii_lowercase();
    FaultCode::ALL.iter().copied().find(|c| c.name() == name)
}

/// What becomes of the input.
pub(super) fn consequence(code: FaultCode) -> &'static str {
    if Fault::new(code, 1, 0).is_fatal() {
        "what follows in this input cannot be trusted, so nothing of it is taken; with --batch, \
         batches before it stay, and --resume goes on from there"
    } else {
        "the record is not imported; --on-error says whether the import stops there, passes over \
         it, or sets it aside in a rejects file (exit 3)"
    }
}

/// What to do.
pub(super) fn next(code: FaultCode) -> &'static str {
    use FaultCode::*;
    match code {
        BadJson | TrailingText | BadEscape => "write one JSON object on each line",
        CutLine => "get the whole file, or take in what there is of it: --allow-truncated",
        NotAnObject => "write each record as an object: {\"key\":...,\"payload\":...}",
        TooDeep => {
            "take the deep part as text, or import another field: --field-map key=ID,payload=FIELD"
        }
        BadUtf8 | NulByte | ControlCharacter => {
            "save the file as UTF-8, and give other bytes as base64 (key, payload) or hex (key_hex, payload_hex)"
        }
        LoneSurrogate => "write the character whole, or the bytes as base64",
        DuplicateField => "leave out one of the two fields",
        UnknownField => {
            "leave out the field, or say which fields are key and value: --field-map key=ID,payload=FIELD"
        }
        TwoEncodings => "give each of key and value once: key, key_utf8 or key_hex",
        WrongType => "write keys, values and names as texts",
        MissingKey => "give a key, or say which field it is: --field-map key=ID",
        MissingValue => "give a payload (it may be empty), or delete the key: \"op\":\"del\"",
        UnexpectedField => "leave out the field, or name another operation",
        BadOp => "write put, del, del_range or drop",
        BadBase64 => {
            "encode it anew with the standard alphabet and padding, or name the field key_utf8 or payload_utf8"
        }
        UrlBase64 => "put + and / in place of - and _, and pad it with = to a multiple of four",
        BadHex => "write two digits for each byte",
        LengthDiffers => "write the record anew; value_bytes is the length of the decoded value",
        EmptyKey => "give a key of at least one byte",
        LongKey => {
            "shorten the key, or import into a database with larger pages: creel open DB --create --page-size 64KiB"
        }
        LongValue => "split the value over several keys",
        BadKeyspace => "name the keyspace with 1 to 255 bytes",
        BadRange => "put the smaller key first",
        LateRange => "put ranges and drops before the keys of their keyspace",
        LongLine => "allow longer lines: --max-line 256MiB",
        CutReject => {
            "take the record from the original input, or keep more of bad lines: --reject-bytes 64MiB"
        }
        ColumnCount => "write key and value, separated once; quote a comma, escape a tab",
        BadQuote | OpenQuote => "put the whole cell in quotation marks, and double those inside",
        BadLine => "write the line as its format has it, or name another one: --format",
        DuplicateKey => "say which of them counts: --duplicates last or first",
        KeyExists => "say what is to happen: --if-exists overwrite or keep",
        ValueDiffers => "compare the two values, then --if-exists overwrite or keep",
        TooManyKeyspaces => "import in parts",
        BadHeader | BadTrailer | TrailerDiffers | LoneTrailer | DamagedInput => {
            "the file was cut or changed; get it again"
        }
        HeaderInside | AfterTrailer => "import the exports one by one: creel import DB FILE FILE",
        FramedInBare => "leave out --bare",
        EmptyInput => {
            "see whether the command that writes it failed; where nothing may come, --bare takes it for no records"
        }
        NoTrailer | CutInput => {
            "get the whole file, or take in what there is of it: --allow-truncated"
        }
        OutOfOrder => "leave out --sorted; an export that is out of order is damaged",
        Unsupported => {
            "write the input without it, for example as one table of an LMDB environment"
        }
        OtherInput => "leave out --resume to import it from its beginning",
        RecordCount => "count the records of the input, or leave out --expect",
    }
}
