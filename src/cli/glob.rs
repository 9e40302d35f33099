//! Shell patterns over bytes: `*` any run, `?` one byte, `[a-z]` and `[!a-z]` a class, `\x` the
//! byte itself. There is no path rule: `*` crosses `/`.

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Byte(u8),
    Any,
    Run,
    Class { not: bool, ranges: Vec<(u8, u8)> },
}

impl Glob {
    /// Compiles a pattern; the error says what is wrong.
    pub fn new(pattern: &[u8]) -> Result<Glob, String> {
        let mut parts = Vec::with_capacity(pattern.len());
        let mut rest = pattern;
        while let [first, tail @ ..] = rest {
            rest = tail;
            parts.push(match first {
                b'*' => Part::Run,
                b'?' => Part::Any,
                b'\\' => {
                    let [byte, tail @ ..] = rest else {
                        return Err("the pattern ends in a lone \\, for example use \\\\".into());
                    };
                    rest = tail;
                    Part::Byte(*byte)
                }
                b'[' => {
                    let (class, tail) = class(rest)
                        .ok_or("a [ has no ], for example [a-z]; \\[ is the byte itself")?;
                    rest = tail;
                    class
                }
                byte => Part::Byte(*byte),
            });
        }
        Ok(Glob { parts })
    }

    /// The bytes that every match starts with.
    pub fn prefix(&self) -> Vec<u8> {
        let bytes = self.parts.iter().map_while(|p| match p {
            Part::Byte(byte) => Some(*byte),
            _ => None,
        });
        bytes.collect()
    }

    /// Whether the whole of `text` matches; time at most length times length.
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut part, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.parts.get(part), text.get(at)) {
                (Some(Part::Run), _) => {
                    retry = Some((part, at));
                    part += 1;
                }
                (Some(p), Some(byte)) if p.accepts(*byte) => {
                    part += 1;
                    at += 1;
                }
                (None, None) => return true,
                _ => match retry {
                    Some((run, from)) if from < text.len() => {
                        retry = Some((run, from + 1));
                        part = run + 1;
                        at = from + 1;
                    }
                    _ => return false,
                },
            }
        }
    }
}

impl Part {
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Part::Byte(b) => *b == byte,
            Part::Any => true,
            Part::Run => false,
            Part::Class { not, ranges } => {
                ranges
                    .iter()
                    .any(|(low, high)| (low..=high).contains(&&byte))
                    != *not
            }
        }
    }
}

/// The class that starts after `[`, and what follows its `]`.
fn class(text: &[u8]) -> Option<(Part, &[u8])> {
    let (not, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [b']', tail @ ..] if !ranges.is_empty() => {
                return Some((Part::Class { not, ranges }, tail));
            }
            [low, b'-', high, tail @ ..] if *high != b']' => {
                ranges.push((*low, *high));
                tail
            }
            [byte, tail @ ..] => {
                ranges.push((*byte, *byte));
                tail
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.as_bytes())
            .unwrap()
            .matches(text.as_bytes())
    }

    #[test]
    fn patterns() {
        for (pattern, yes, no) in [
            ("", "", "a"),
            ("user:*", "user:1", "usr:1"),
            ("*:name", "user:1:name", "user:1:age"),
            ("a?c", "abc", "ac"),
            ("[a-c]x", "bx", "dx"),
            ("[!a-c]x", "dx", "bx"),
            ("[]]", "]", "["),
            ("a\\*", "a*", "ab"),
            ("*a*b*c", "xxaxxbxxc", "xxaxxc"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(!matches(pattern, no), "{pattern} {no}");
        }
        assert!(matches("*", "a/b\n") && matches("*", ""));
    }

    #[test]
    fn prefixes_narrow_the_scan() {
        assert_eq!(Glob::new(b"user:\\*[12]").unwrap().prefix(), b"user:*");
        assert_eq!(Glob::new(b"*x").unwrap().prefix(), b"");
    }

    #[test]
    fn no_exponential_time() {
        let pattern = "*a".repeat(50) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }

    #[test]
    fn broken_patterns_are_refused() {
        assert!(Glob::new(b"[abc").is_err());
        assert!(Glob::new(b"abc\\").is_err());
    }
}
