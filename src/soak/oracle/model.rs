//! A place for every key, in their order.

use std::io::{self, Read, Write};

use crate::soak::workload::{Keys, Reference, Values};

/// Which value every key has.
#[derive(Debug, Clone)]
pub struct Model {
    /// By keyspace, then by number of the key; 0 = absent.
    places: Vec<Vec<u64>>,
    /// Operations that are in it: the number that the database has to name.
    progress: u64,
    entries: u64,
    bytes: u64,
}

impl Model {
    /// All keys absent.
    pub fn new(keyspaces: u32, keys: u64) -> Model {
        let keys = usize::try_from(keys).unwrap_or(usize::MAX);
        Model {
            places: (0..keyspaces).map(|_| vec![0; keys]).collect(),
            progress: 0,
            entries: 0,
            bytes: 0,
        }
    }

    /// Operations that are in it.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// They are so many now.
    pub fn set_progress(&mut self, progress: u64) {
        self.progress = progress;
    }

    /// Keys that are there.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of the values that are there.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number of keyspaces.
    pub fn keyspaces(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, keyspace: u32, key: u64) -> Option<Reference> {
        let places = self.places.get(keyspace as usize)?;
        let number = places.get(usize::try_from(key).ok()?)?;
        Reference::from_number(*number)
    }

    /// Gives a key another value, or takes it away.
    #[inline]
    pub fn set(&mut self, keyspace: u32, key: u64, value: Option<Reference>, values: &Values) {
        let places = self.places.get_mut(keyspace as usize);
        let place = places.and_then(|p| p.get_mut(usize::try_from(key).ok()?));
        let Some(place) = place else { return };
        if let Some(old) = Reference::from_number(*place) {
            self.entries -= 1;
            self.bytes -= values.length(old);
        }
        if let Some(new) = value {
            self.entries += 1;
            self.bytes += values.length(new);
        }
        *place = value.map_or(0, Reference::number);
    }

    /// The keys from one on that are there, in their order.
    pub fn from(&self, keyspace: u32, from: u64) -> impl Iterator<Item = (u64, Reference)> + '_ {
        let places = self.places.get(keyspace as usize);
        let start = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = places.and_then(|p| p.get(start..)).unwrap_or(&[]);
        let present = rest.iter().enumerate();
        present.filter_map(move |(at, number)| {
            Reference::from_number(*number).map(|value| (from + at as u64, value))
        })
    }

    /// The keys before one that are there, from the last to the first.
    pub fn before(&self, keyspace: u32, end: u64) -> impl Iterator<Item = (u64, Reference)> + '_ {
        let places = self.places.get(keyspace as usize);
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let rest = places.map_or(&[][..], |p| p.get(..end.min(p.len())).unwrap_or(&[]));
        let present = rest.iter().enumerate().rev();
        present.filter_map(|(at, number)| {
            Reference::from_number(*number).map(|value| (at as u64, value))
        })
    }

    /// Writes it down for another process.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.progress.to_le_bytes())?;
        for places in &self.places {
            for chunk in places.chunks(4096) {
                let bytes: Vec<u8> = chunk.iter().flat_map(|n| n.to_le_bytes()).collect();
                out.write_all(&bytes)?;
            }
        }
        Ok(())
    }

    /// Reads what another process has written down.
    pub fn load(input: &mut impl Read, like: &Model, values: &Values) -> io::Result<Model> {
        let mut number = || {
            let mut bytes = [0; 8];
            input.read_exact(&mut bytes)?;
            Ok::<u64, io::Error>(u64::from_le_bytes(bytes))
        };
        let mut model = Model {
            places: like.places.iter().map(|p| vec![0; p.len()]).collect(),
            progress: number()?,
            entries: 0,
            bytes: 0,
        };
        for place in model.places.iter_mut().flatten() {
            *place = number()?;
            if let Some(value) = Reference::from_number(*place) {
                model.entries += 1;
                model.bytes += values.length(value);
            }
        }
        Ok(model)
    }

    /// The digest that the contents should have, `creel digest` prints the same.
    pub fn digest(&self, keys: &Keys, values: &Values) -> crate::digest::Digest {
        let mut digest = crate::digest::ContentDigest::new();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for keyspace in 0..self.keyspaces() {
            digest.keyspace(&crate::soak::config::keyspace_name(keyspace));
            for (number, reference) in self.from(keyspace, 0) {
                keys.write(number, &mut key);
                values.write(reference, &mut value);
                digest.entry(&key, &value);
            }
        }
        digest.keyspace(crate::soak::config::PROGRESS);
        digest.entry(PROGRESS_KEY, &self.progress.to_be_bytes());
        digest.finish()
    }
}

/// The key in the keyspace of the same purpose.
pub const PROGRESS_KEY: &[u8] = b"operations";

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::soak::config::Class;

    #[test]
    fn a_model_counts_and_keeps_order() {
        let values = Values::Made(1);
        let mut model = Model::new(2, 10);
        let value = |counter| Some(Reference::new(counter, Class::Small));
        for key in [7, 2, 5] {
            model.set(1, key, value(key), &values);
        }
        model.set(1, 5, None, &values);
        model.set(1, 2, value(99), &values);
        model.set_progress(100);
        assert_eq!(model.entries(), 2);
        let length = |c| values.length(Reference::new(c, Class::Small));
        assert_eq!(model.bytes(), length(99) + length(7));
        let numbers = |i: Vec<(u64, Reference)>| i.into_iter().map(|e| e.0).collect::<Vec<_>>();
        assert_eq!(numbers(model.from(1, 0).collect()), [2, 7]);
        assert_eq!(numbers(model.from(1, 3).collect()), [7]);
        assert_eq!(numbers(model.before(1, 8).collect()), [7, 2]);
        assert_eq!(numbers(model.before(1, 7).collect()), [2]);
        assert_eq!(model.from(0, 0).count(), 0);
        assert_eq!(model.get(1, 7), value(7));
        assert_eq!(model.get(9, 7), None);
        let mut bytes = Vec::new();
        model.save(&mut bytes).unwrap();
        let again = Model::load(&mut bytes.as_slice(), &model, &values).unwrap();
        let keys = Keys::Made(10);
        assert_eq!(again.digest(&keys, &values), model.digest(&keys, &values));
        assert_eq!((again.entries(), again.bytes()), (2, model.bytes()));
        assert_eq!(again.progress(), 100);
        bytes.pop();
        assert!(Model::load(&mut bytes.as_slice(), &model, &values).is_err());
    }
}
