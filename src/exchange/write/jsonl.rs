//! One JSON object a record, put together from fixed text and encoded bytes.

use super::options::Enc;
use super::sink::Sink;
use super::{Encoder, bytes};
use crate::exchange::error::{Error, Result};
use crate::exchange::format::Format;
use crate::exchange::frame::{Header, Trailer};

/// The encoder.
pub(super) struct Jsonl {
    enc: Enc,
    header: Option<Header>,
    /// `{"key":"`, with `ks` before it where the keyspace is not `main`.
    open: Vec<u8>,
    /// `"ks":"fruit",` or nothing.
    keyspace: Vec<u8>,
}

impl Jsonl {
    pub fn new(enc: Enc, header: Option<Header>) -> Jsonl {
        Jsonl {
            enc,
            header,
            open: b"{\"key\":\"".to_vec(),
            keyspace: Vec::new(),
        }
    }

    /// `"NAME":"BYTES"`, with the encoding in the name.
    fn field(&self, name: &str, value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        let (suffix, codec): (&[u8], bytes::Codec) = match self.enc {
            Enc::Base64 | Enc::Print => (b"\":\"", bytes::base64),
            Enc::Hex => (b"_hex\":\"", bytes::hex),
            Enc::Utf8 if std::str::from_utf8(value).is_err() => {
                return Err(Error::NotHeld {
                    format: "--enc utf8",
                    what: "bytes that are not UTF-8",
                });
            }
            Enc::Utf8 => (b"_utf8\":\"", bytes::json),
            Enc::Auto if bytes::is_plain_text(value) => (b"_utf8\":\"", bytes::json),
            Enc::Auto => (b"\":\"", bytes::base64),
        };
        let text = sink.text();
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(suffix);
        sink.encode(value, codec)?;
        sink.text().push(b'"');
        Ok(())
    }

    fn op(&self, op: &[u8], sink: &mut Sink<'_>) {
        let text = sink.text();
        text.extend_from_slice(b"{\"op\":\"");
        text.extend_from_slice(op);
        text.extend_from_slice(b"\",");
        text.extend_from_slice(&self.keyspace);
    }
}

impl Encoder for Jsonl {
    fn format(&self) -> Format {
        Format::Jsonl
    }

    fn begin(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        match &self.header {
            Some(header) => header.render(sink.text()),
            None => Ok(()),
        }
    }

    fn keyspace(&mut self, name: &str, _sink: &mut Sink<'_>) -> Result<()> {
        self.keyspace.clear();
        if name != "main" {
            self.keyspace.extend_from_slice(b"\"ks\":\"");
            bytes::json(name.as_bytes(), &mut self.keyspace);
            self.keyspace.extend_from_slice(b"\",");
        }
        self.open = [b"{", self.keyspace.as_slice(), b"\"key\":\""].concat();
        Ok(())
    }

    #[inline]
    fn entry(&mut self, key: &[u8], value: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        if self.enc == Enc::Base64 {
            sink.text().extend_from_slice(&self.open);
            sink.encode(key, bytes::base64)?;
            sink.text().extend_from_slice(b"\",\"payload\":\"");
            sink.encode(value, bytes::base64)?;
            sink.text().extend_from_slice(b"\"}\n");
            return Ok(());
        }
        sink.text().push(b'{');
        sink.text().extend_from_slice(&self.keyspace);
        self.field("key", key, sink)?;
        sink.text().push(b',');
        self.field("payload", value, sink)?;
        sink.text().extend_from_slice(b"}\n");
        Ok(())
    }

    fn delete(&mut self, key: &[u8], sink: &mut Sink<'_>) -> Result<()> {
        self.op(b"del", sink);
        self.field("key", key, sink)?;
        sink.text().extend_from_slice(b"}\n");
        Ok(())
    }

    fn delete_range(&mut self, from: &[u8], to: Option<&[u8]>, sink: &mut Sink<'_>) -> Result<()> {
        self.op(b"del_range", sink);
        sink.text().extend_from_slice(b"\"from\":\"");
        bytes::base64(from, sink.text());
        if let Some(to) = to {
            sink.text().extend_from_slice(b"\",\"to\":\"");
            bytes::base64(to, sink.text());
        }
        sink.text().extend_from_slice(b"\"}\n");
        Ok(())
    }

    fn drop_keyspace(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        self.op(b"drop", sink);
        let text = sink.text();
        if self.keyspace.is_empty() {
            text.extend_from_slice(b"\"ks\":\"main\"}\n");
        } else {
            // The comma behind the name.
            text.pop();
            text.extend_from_slice(b"}\n");
        }
        Ok(())
    }

    fn end(&mut self, trailer: &Trailer, out: &mut Vec<u8>) -> Result<()> {
        match &self.header {
            Some(_) => trailer.render(out),
            None => Ok(()),
        }
    }
}
