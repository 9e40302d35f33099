//! What can be wrong with a record or with a whole input: one code each, with its place.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $name:literal $text:literal;)*) => {
        /// What is wrong. The names stand in rejects files and in `docs/import.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultCode {
            $(#[doc = $text] $variant),*
        }

        impl FaultCode {
            /// All codes.
            pub const ALL: &'static [FaultCode] = &[$(FaultCode::$variant),*];

            /// The name of the code.
            pub const fn name(self) -> &'static str {
                match self { $(FaultCode::$variant => $name),* }
            }

            /// One line about it.
            pub const fn text(self) -> &'static str {
                match self { $(FaultCode::$variant => $text),* }
            }
        }
    };
}

codes! {
    BadJson "bad_json" "the line is not JSON";
    CutLine "cut_line" "the last line is cut short";
    TrailingText "trailing_text" "something follows the object on the same line";
    NotAnObject "not_an_object" "the line is JSON, but not an object";
    TooDeep "too_deep" "objects and lists are nested more than 128 deep";
    BadUtf8 "bad_utf8" "the line is not UTF-8";
    NulByte "nul_byte" "the line contains a zero byte";
    ControlCharacter "control_character" "a text contains a control character that is not escaped";
    BadEscape "bad_escape" "a backslash is followed by no known escape";
    LoneSurrogate "lone_surrogate" "an escape is one half of a surrogate pair";
    DuplicateField "duplicate_field" "a field is given twice";
    UnknownField "unknown_field" "no record has this field";
    TwoEncodings "two_encodings" "a field is given in two encodings";
    WrongType "wrong_type" "a field has the wrong type";
    MissingKey "missing_key" "there is no key";
    MissingValue "missing_value" "there is no value";
    UnexpectedField "unexpected_field" "the operation does not take this field";
    BadOp "bad_op" "the operation is none of put, del, del_range and drop";
    BadBase64 "bad_base64" "not standard base64 with padding";
    UrlBase64 "url_base64" "base64 in the URL-safe alphabet; the standard one is needed";
    BadHex "bad_hex" "not pairs of hexadecimal digits";
    LengthDiffers "length_differs" "the value does not have the length that the line states";
    EmptyKey "empty_key" "the key is empty";
    LongKey "long_key" "the key is longer than the database allows";
    LongValue "long_value" "the value is longer than the database allows";
    BadKeyspace "bad_keyspace" "the name of the keyspace is empty or longer than 255 bytes";
    BadRange "bad_range" "the range ends before it begins";
    LateRange "late_range" "a range or drop comes after keys of its keyspace";
    LongLine "long_line" "the line is longer than --max-line";
    CutReject "cut_reject" "the rejected line was too long to be kept whole";
    ColumnCount "column_count" "the line does not have two columns";
    BadQuote "bad_quote" "a quotation mark stands where none may be";
    OpenQuote "open_quote" "a quotation is not closed";
    BadLine "bad_line" "the line is neither data nor a known part of the format";
    DuplicateKey "duplicate_key" "the key came before in this input";
    KeyExists "key_exists" "the key is in the database";
    ValueDiffers "value_differs" "the key is in the database with another value";
    TooManyKeyspaces "too_many_keyspaces" "the input names more than 65536 keyspaces";
    BadHeader "bad_header" "the header is malformed";
    HeaderInside "header_inside" "an export begins inside another";
    FramedInBare "framed_in_bare" "the input has a header or trailer, and --bare says that it has none";
    NoTrailer "no_trailer" "the input ends without the trailer that its header promises";
    LoneTrailer "lone_trailer" "the input ends with the trailer of an export that began elsewhere";
    BadTrailer "bad_trailer" "the trailer is malformed";
    TrailerDiffers "trailer_differs" "the trailer does not match what came before it";
    AfterTrailer "after_trailer" "something follows the trailer";
    OutOfOrder "out_of_order" "the key comes before the one before it, and the input promises order";
    CutInput "cut_input" "the input is cut short";
    EmptyInput "empty_input" "the input is empty: not even a header came";
    DamagedInput "damaged_input" "the compressed input is damaged";
    Unsupported "unsupported" "the input uses something that creel has no equal for";
    OtherInput "other_input" "this is not the input that was imported before";
    RecordCount "record_count" "the number of records is not the expected one";
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: FaultCode,
    /// Line of the record, from 1.
    pub line: u64,
    /// Offset of the record in the uncompressed input, from 0.
    pub byte: u64,
    /// Offset of the very byte that is wrong.
    pub at: u64,
    /// The field concerned, or an empty text.
    pub field: &'static str,
    /// More about it; never a key or value.
    pub detail: Option<Box<str>>,
}

impl Fault {
    /// A fault in the record that begins here.
    pub fn new(code: FaultCode, line: u64, byte: u64) -> Fault {
        Fault {
            code,
            line,
            byte,
            at: byte,
            field: "",
            detail: None,
        }
    }

    /// Names the byte that is wrong.
    #[must_use]
    pub fn at(mut self, at: u64) -> Fault {
        self.at = at;
        self
    }

    /// Says more.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Box<str>>) -> Fault {
        self.detail = Some(detail.into());
        self
    }

    /// True where nothing after it can be read or trusted, so that it cannot be passed over.
    pub fn is_fatal(&self) -> bool {
        use FaultCode::*;
        matches!(
            self.code,
            TooManyKeyspaces
                | BadHeader
                | HeaderInside
                | FramedInBare
                | NoTrailer
                | LoneTrailer
                | BadTrailer
                | TrailerDiffers
                | AfterTrailer
                | OutOfOrder
                | CutInput
                | EmptyInput
                | DamagedInput
                | Unsupported
                | OtherInput
                | RecordCount
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(self.code.text())?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

/// What is wrong inside a line, before the line's own place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub code: FaultCode,
    /// Offset in the line.
    pub at: usize,
    pub field: &'static str,
    pub detail: Option<Box<str>>,
}

impl Flaw {
    pub fn new(code: FaultCode, at: usize) -> Flaw {
        Flaw {
            code,
            at,
            field: "",
            detail: None,
        }
    }

    pub fn field(mut self, field: &'static str) -> Flaw {
        self.field = field;
        self
    }

    pub fn detail(mut self, detail: impl Into<Box<str>>) -> Flaw {
        self.detail = Some(detail.into());
        self
    }

    pub fn limit(self, actual: usize, limit: usize) -> Flaw {
        self.detail(format!("{actual} bytes, the limit is {limit}"))
    }

    /// The same, told as a place in the input.
    pub fn in_line(self, line: u64, byte: u64) -> Fault {
        Fault {
            code: self.code,
            line,
            byte,
            at: byte + self.at as u64,
            field: self.field,
            detail: self.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = FaultCode::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FaultCode::ALL.len());
    }

    #[test]
    fn faults_say_field_and_detail() {
        let fault = Flaw::new(FaultCode::LongKey, 3).field("key").limit(9, 4);
        let fault = fault.in_line(2, 100);
        assert_eq!((fault.line, fault.byte, fault.at), (2, 100, 103));
        assert_eq!(
            fault.to_string(),
            "key: the key is longer than the database allows: 9 bytes, the limit is 4"
        );
    }
}
