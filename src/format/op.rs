//! The operations inside a commit entry.

use super::bytes::{push_varint, split_bytes, split_varint};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DELETE_RANGE: u8 = 3;
const CREATE_KEYSPACE: u8 = 4;
const DROP_KEYSPACE: u8 = 5;

/// One operation, borrowed from the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op<'a> {
    /// Sets a value.
    Put {
        /// Keyspace id.
        keyspace: u32,
        /// User key.
        key: &'a [u8],
        /// Value.
        value: &'a [u8],
    },
    /// Removes a key.
    Delete {
        /// Keyspace id.
        keyspace: u32,
        /// User key.
        key: &'a [u8],
    },
    /// Removes `from..to`; an empty `to` is the end of the keyspace.
    DeleteRange {
        /// Keyspace id.
        keyspace: u32,
        /// First key that goes.
        from: &'a [u8],
        /// First key that stays.
        to: &'a [u8],
    },
    /// Adds a keyspace to the catalogue.
    CreateKeyspace {
        /// Its id, never used before.
        id: u32,
        /// Its name.
        name: &'a [u8],
    },
    /// Removes a keyspace and everything in it.
    DropKeyspace {
        /// Its id.
        id: u32,
        /// Its name.
        name: &'a [u8],
    },
}

impl Op<'_> {
    /// Appends the encoded operation.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut head = |tag: u8, id: u32, name: &[u8]| {
            out.push(tag);
            push_varint(out, u64::from(id));
            push_bytes(out, name);
        };
        match *self {
            Op::Put {
                keyspace,
                key,
                value,
            } => {
                head(PUT, keyspace, key);
                push_bytes(out, value);
            }
            Op::Delete { keyspace, key } => head(DELETE, keyspace, key),
            Op::DeleteRange { keyspace, from, to } => {
                head(DELETE_RANGE, keyspace, from);
                push_bytes(out, to);
            }
            Op::CreateKeyspace { id, name } => head(CREATE_KEYSPACE, id, name),
            Op::DropKeyspace { id, name } => head(DROP_KEYSPACE, id, name),
        }
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = split_varint(bytes)?;
    split_bytes(rest, len)
}

/// Decodes the operations of a payload one by one.
#[derive(Debug, Clone)]
pub struct Ops<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Ops<'a> {
    /// Operations of an entry's payload, `count` of them.
    pub fn new(payload: &'a [u8], count: u32) -> Self {
        Ops {
            rest: payload,
            left: count,
        }
    }

    /// The bytes not decoded yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next operation; `Ok(None)` after the last, `Err` where the bytes are no operation or
    /// bytes are left over.
    #[allow(clippy::result_unit_err)] // the caller knows which frame this is
    pub fn next_op(&mut self) -> Result<Option<Op<'a>>, ()> {
        if self.left == 0 {
            return if self.rest.is_empty() {
                Ok(None)
            } else {
                Err(())
            };
        }
        self.left -= 1;
        let (op, rest) = split_op(self.rest).ok_or(())?;
        self.rest = rest;
        Ok(Some(op))
    }
}

fn split_op(bytes: &[u8]) -> Option<(Op<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (id, rest) = split_varint(rest)?;
    let id = u32::try_from(id).ok()?;
    let (name, rest) = split_sized(rest)?;
    Some(match tag {
        PUT => {
            let (value, rest) = split_sized(rest)?;
            (
                Op::Put {
                    keyspace: id,
                    key: name,
                    value,
                },
                rest,
            )
        }
        DELETE => (
            Op::Delete {
                keyspace: id,
                key: name,
            },
            rest,
        ),
        DELETE_RANGE => {
            let (to, rest) = split_sized(rest)?;
            (
                Op::DeleteRange {
                    keyspace: id,
                    from: name,
                    to,
                },
                rest,
            )
        }
        CREATE_KEYSPACE => (Op::CreateKeyspace { id, name }, rest),
        DROP_KEYSPACE => (Op::DropKeyspace { id, name }, rest),
        _ => return None,
    })
}
