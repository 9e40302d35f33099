//! A shared token, shown by both sides without sending it.

use std::fmt;

/// A token has at least this many bytes: it is a key, not a password.
pub const TOKEN_MIN: usize = 16;
/// And at most this many.
pub const TOKEN_MAX: usize = 1024;

/// The key that both sides derive from the token.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// Which side makes a proof; the other side's proof cannot be played back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The side that connected.
    Follower,
    /// The side that was connected to.
    Leader,
}

impl TokenKey {
    /// From the token's bytes; `None` where it is too short or too long.
    pub fn new(token: &[u8]) -> Option<TokenKey> {
        let fits = (TOKEN_MIN..=TOKEN_MAX).contains(&token.len());
        fits.then(|| {
            TokenKey(blake3::derive_key(
                "creel replication stream token 1",
                token,
            ))
        })
    }

    /// The proof over what both sides have seen.
    pub fn mac(&self, side: Side, transcript: &Transcript) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(match side {
            Side::Follower => b"follower",
            Side::Leader => b"leader__",
        });
        hasher.update(transcript.0.finalize().as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Is this the other side's proof? Takes as long whatever differs.
    pub fn check(&self, side: Side, transcript: &Transcript, mac: &[u8; 32]) -> bool {
        blake3::Hash::from(self.mac(side, transcript)) == blake3::Hash::from(*mac)
    }
}

/// Hash of all handshake bodies so far, and of the encrypted channel that they came through.
#[derive(Debug, Clone)]
pub struct Transcript(blake3::Hasher);

impl Transcript {
    /// Begins with what only the two ends of a TLS connection know (zeros without TLS), so that
    /// nobody can sit between two of them.
    pub fn new(channel: &[u8; 32]) -> Transcript {
        let mut hasher = blake3::Hasher::new();
        hasher.update(channel);
        Transcript(hasher)
    }

    /// Adds a message's body.
    pub fn add(&mut self, body: &[u8]) {
        self.0.update(&(body.len() as u64).to_le_bytes());
        self.0.update(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(parts: &[&[u8]]) -> Transcript {
        let mut t = Transcript::new(&[0; 32]);
        for part in parts {
            t.add(part);
        }
        t
    }

    #[test]
    fn a_proof_holds_for_its_side_key_and_transcript_only() {
        let key = TokenKey::new(b"0123456789abcdef").unwrap();
        let other = TokenKey::new(b"0123456789abcdeg").unwrap();
        let t = transcript(&[b"hello", b"challenge"]);
        let mac = key.mac(Side::Follower, &t);
        assert!(key.check(Side::Follower, &t, &mac));
        assert!(!key.check(Side::Leader, &t, &mac), "played back");
        assert!(!other.check(Side::Follower, &t, &mac));
        // The boundaries of the parts count.
        let shifted = transcript(&[b"helloc", b"hallenge"]);
        assert!(!key.check(Side::Follower, &shifted, &mac));
        let mut tunnel = Transcript::new(&[1; 32]);
        tunnel.add(b"hello");
        tunnel.add(b"challenge");
        assert!(!key.check(Side::Follower, &tunnel, &mac), "other channel");
    }

    #[test]
    fn short_tokens_are_refused() {
        assert!(TokenKey::new(b"password").is_none());
        assert!(TokenKey::new(&[7; TOKEN_MAX + 1]).is_none());
        assert_eq!(
            format!("{:?}", TokenKey::new(&[7; 16]).unwrap()),
            "TokenKey(..)"
        );
    }
}
