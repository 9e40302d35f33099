//! A strict reader of one JSON object, field by field, without copying.

use super::super::fault::{FaultCode, Flaw};

/// Levels of objects and lists, the outermost counted.
const DEPTH: u32 = 128;

/// A text between quotation marks, not decoded yet; its escapes are known to be good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub inner: &'a [u8],
    /// Offset of `inner` in the line.
    pub at: usize,
    pub escaped: bool,
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(Text<'a>),
    Number(&'a [u8]),
    /// true, false or null.
    Word(&'a [u8]),
    Object(&'a [u8]),
    List(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value as it stands, a text without its quotation marks.
    pub fn raw(&self) -> &'a [u8] {
        match self {
            Value::Text(text) => text.inner,
            Value::Number(raw) | Value::Word(raw) | Value::Object(raw) | Value::List(raw) => raw,
        }
    }
}

/// Reads a line.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    pos: usize,
    /// What comes next: the first field, or a comma or the end.
    first: bool,
    /// Where the object begins.
    start: usize,
}

type Result<T> = std::result::Result<T, Flaw>;

impl<'a> Scan<'a> {
    /// Begins with the object of a line; the whole line has to be UTF-8.
    pub fn object(text: &'a [u8]) -> Result<Scan<'a>> {
        if let Err(e) = std::str::from_utf8(text) {
            return Err(Flaw::new(FaultCode::BadUtf8, e.valid_up_to()));
        }
        let mut scan = Scan {
            text,
            pos: 0,
            first: true,
            start: 0,
        };
        scan.space();
        scan.start = scan.pos;
        match scan.peek() {
            Some(b'{') => scan.pos += 1,
            Some(b'[' | b'"' | b'0'..=b'9' | b'-') => {
                return Err(Flaw::new(FaultCode::NotAnObject, scan.pos));
            }
            _ => return Err(scan.expected("an object")),
        }
        Ok(scan)
    }

    /// The next field's name and value; `None` at the end of the object, where the line has to
    /// end too.
    pub fn field(&mut self) -> Result<Option<(Text<'a>, Value<'a>)>> {
        self.space();
        match self.peek() {
            Some(b'}') => {
                self.pos += 1;
                return self.end().map(|()| None);
            }
            Some(b',') if !self.first => {
                self.pos += 1;
                self.space();
            }
            Some(_) if self.first => {}
            _ => return Err(self.expected("a comma or }")),
        }
        self.first = false;
        if self.peek() != Some(b'"') {
            return Err(self.expected("the name of a field"));
        }
        let name = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.pos += 1;
        self.space();
        let value = self.value()?;
        Ok(Some((name, value)))
    }

    /// The object as it stands; after its end was seen.
    pub fn whole(&self) -> &'a [u8] {
        let text = self.text.get(self.start..).unwrap_or(&[]);
        text.trim_ascii_end()
    }

    fn end(&mut self) -> Result<()> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(0) => Err(Flaw::new(FaultCode::NulByte, self.pos)),
            Some(_) => Err(Flaw::new(FaultCode::TrailingText, self.pos)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.pos += 1;
        }
    }

    #[cold]
    fn expected(&self, what: &'static str) -> Flaw {
        if self.peek() == Some(0) {
            return Flaw::new(FaultCode::NulByte, self.pos);
        }
        let found = match self.peek() {
            None => "the end",
            Some(_) => "something else",
        };
        let detail = format!("{what} was expected, and {found} found");
        Flaw::new(FaultCode::BadJson, self.pos).detail(detail)
    }

    fn value(&mut self) -> Result<Value<'a>> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => self.nested(true).map(Value::Object),
            Some(b'[') => self.nested(false).map(Value::List),
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> Result<Value<'a>> {
        let rest = self.text.get(self.pos..).unwrap_or(&[]);
        for word in [&b"true"[..], b"false", b"null"] {
            if rest.starts_with(word) {
                self.pos += word.len();
                return Ok(Value::Word(word));
            }
        }
        let start = self.pos;
        let len = number(rest);
        if len == 0 {
            return Err(self.expected("a value"));
        }
        self.pos += len;
        Ok(Value::Number(self.text.get(start..self.pos).unwrap_or(&[])))
    }

    /// A text; the opening mark is known to be there.
    fn string(&mut self) -> Result<Text<'a>> {
        let at = self.pos + 1;
        let mut escaped = false;
        let mut pos = at;
        loop {
            let rest = self.text.get(pos..).unwrap_or(&[]);
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                no_controls(rest, pos)?;
                self.pos = self.text.len();
                return Err(self.expected("a closing quotation mark"));
            };
            no_controls(rest.get(..found).unwrap_or(&[]), pos)?;
            pos += found;
            if self.text.get(pos) == Some(&b'"') {
                break;
            }
            escaped = true;
            pos += 2;
        }
        let inner = self.text.get(at..pos).unwrap_or(&[]);
        let text = Text { inner, at, escaped };
        if escaped {
            unescape(text, |_| {})?;
        }
        self.pos = pos + 1;
        Ok(text)
    }

    /// An object or list inside the object, checked and stepped over without recursion.
    fn nested(&mut self, object: bool) -> Result<&'a [u8]> {
        let start = self.pos;
        // One bit a level: 1 for an object.
        let mut levels = u128::from(object);
        let mut depth = 2;
        let mut fresh = true;
        self.pos += 1;
        while depth > 1 {
            let in_object = levels & 1 == 1;
            self.space();
            let close = if in_object { b'}' } else { b']' };
            if self.peek() == Some(close) {
                self.pos += 1;
                levels >>= 1;
                depth -= 1;
                fresh = false;
                continue;
            }
            if !fresh {
                if self.peek() != Some(b',') {
                    return Err(self.expected("a comma or the end"));
                }
                self.pos += 1;
                self.space();
            }
            if in_object {
                self.name()?;
            }
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH {
                        return Err(Flaw::new(FaultCode::TooDeep, self.pos));
                    }
                    self.pos += 1;
                    levels = levels << 1 | u128::from(open == b'{');
                    depth += 1;
                    fresh = true;
                }
                _ => {
                    self.value()?;
                    fresh = false;
                }
            }
        }
        Ok(self.text.get(start..self.pos).unwrap_or(&[]))
    }

    fn name(&mut self) -> Result<()> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("the name of a field"));
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.pos += 1;
        self.space();
        Ok(())
    }
}

/// Control characters have to be escaped.
fn no_controls(text: &[u8], at: usize) -> Result<()> {
    // One pass without a branch in it for what is nearly always true.
    if text.iter().fold(false, |bad, b| bad | (*b < 0x20)) {
        let offset = text.iter().position(|b| *b < 0x20).unwrap_or(0);
        let code = match text.get(offset) {
            Some(0) => FaultCode::NulByte,
            _ => FaultCode::ControlCharacter,
        };
        return Err(Flaw::new(code, at + offset));
    }
    Ok(())
}

/// Length of the number at the beginning of `text`, 0 where there is none.
fn number(text: &[u8]) -> usize {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or(&[]);
        rest.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    // A zero stands alone.
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
        return 0;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return 0;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return 0;
        }
        at += 1 + sign + exponent;
    }
    at
}

/// Hands over the decoded pieces of a text; returns their length.
pub(crate) fn unescape(text: Text<'_>, mut put: impl FnMut(&[u8])) -> Result<usize> {
    let inner = text.inner;
    let (mut at, mut len) = (0, 0);
    let mut emit = |bytes: &[u8]| {
        put(bytes);
        len += bytes.len();
    };
    while let Some(rest) = inner.get(at..).filter(|r| !r.is_empty()) {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (before, after) = rest.split_at(plain);
        emit(before);
        at += plain;
        let simple = match after.get(1) {
            None if after.is_empty() => break,
            Some(b'u') => {
                let (c, taken) = unicode(after).map_err(|code| Flaw::new(code, text.at + at))?;
                emit(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += taken;
                continue;
            }
            Some(c @ (b'"' | b'\\' | b'/')) => *c,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            _ => return Err(Flaw::new(FaultCode::BadEscape, text.at + at)),
        };
        emit(&[simple]);
        at += 2;
    }
    Ok(len)
}

/// The character of a `\u` escape or of a pair of them, and how many bytes it takes.
fn unicode(text: &[u8]) -> std::result::Result<(char, usize), FaultCode> {
    let high = unit(text).ok_or(FaultCode::BadEscape)?;
    match high {
        0xd800..=0xdbff => {
            let low = text.get(6..).and_then(unit);
            let Some(low @ 0xdc00..=0xdfff) = low else {
                return Err(FaultCode::LoneSurrogate);
            };
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            let c = char::from_u32(code).ok_or(FaultCode::LoneSurrogate)?;
            Ok((c, 12))
        }
        _ => char::from_u32(high)
            .map(|c| (c, 6))
            .ok_or(FaultCode::LoneSurrogate),
    }
}

fn unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits
        .iter()
        .try_fold(0, |sum, b| Some(sum << 4 | char::from(*b).to_digit(16)?))
}
