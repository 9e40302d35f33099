//! Reading and writing catalogues. They are rare and cold: each is a new object with the next number.

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::{Name, prefix};
use crate::chain::object::{Catalogue, MAX_CATALOGUE, hash_of};
use crate::chain::pace::{Pace, repeat};
use crate::chain::store::{Created, MAX_LIST};

/// Catalogues behind the newest that are kept. Each has the whole epoch table, so an older one says
/// nothing that a newer one does not.
const KEPT: u64 = 8;
/// How often a change is made again because somebody else was faster.
const ROUNDS: u32 = 100;

impl Chain {
    /// The newest catalogue that can be read, and the hash of its bytes. It may be behind the chain.
    pub fn catalogue(&self, pace: &mut dyn Pace) -> ChainResult<Option<(Catalogue, [u8; 32])>> {
        let numbers = self.catalogue_numbers(pace)?;
        for number in numbers.iter().rev() {
            match self.read_catalogue(*number, pace) {
                Ok(Some(found)) => return Ok(Some(found)),
                // Removed since, or damaged: an older one is as good, since none is an authority.
                Ok(None) => {}
                Err(ChainError::Damaged { damage, .. }) if !damage.newer => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Numbers of all catalogues, rising.
    pub fn catalogue_numbers(&self, pace: &mut dyn Pace) -> ChainResult<Vec<u64>> {
        let mut numbers = Vec::new();
        let mut after = String::new();
        loop {
            let names = repeat(pace, "listing catalogues", || {
                self.store().list_after(prefix::CATALOGUE, &after, MAX_LIST)
            })?;
            for name in &names {
                if let Ok(Name::Catalogue(number)) = name.parse() {
                    numbers.push(number);
                }
            }
            match names.last() {
                Some(last) if names.len() == MAX_LIST => after = last.clone(),
                _ => return Ok(numbers),
            }
        }
    }

    /// One catalogue.
    pub fn read_catalogue(
        &self,
        number: u64,
        pace: &mut dyn Pace,
    ) -> ChainResult<Option<(Catalogue, [u8; 32])>> {
        let name = Name::Catalogue(number).to_string();
        let bytes = repeat(pace, "reading a catalogue", || {
            self.store().get(&name, MAX_CATALOGUE)
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let damaged = |text: &str| ChainError::damaged(&name, super::damage(text));
        let catalogue = Catalogue::decode(&bytes).map_err(|e| ChainError::damaged(&name, e))?;
        if catalogue.lineage != self.lineage() {
            return Err(damaged("it belongs to another database"));
        }
        if catalogue.n != number {
            return Err(damaged("it was written under another number"));
        }
        Ok(Some((catalogue, hash_of(&bytes))))
    }

    /// Writes the next catalogue: the newest one, changed. `change` may be called several times and
    /// says whether there is anything to write.
    pub fn update_catalogue(
        &self,
        node: [u8; 16],
        time_us: u64,
        change: &mut dyn FnMut(&mut Catalogue) -> bool,
        pace: &mut dyn Pace,
    ) -> ChainResult<Catalogue> {
        for _ in 0..ROUNDS {
            let newest = self.catalogue_numbers(pace)?.last().copied().unwrap_or(0);
            let mut next = match self.catalogue(pace)? {
                None => Catalogue::first(self.lineage(), node, self.start().into()),
                Some((mut catalogue, hash)) => {
                    catalogue.previous = hash;
                    catalogue
                }
            };
            next.n = newest + 1;
            next.node = node;
            next.time_us = time_us;
            if !change(&mut next) {
                return Ok(next);
            }
            let name = Name::Catalogue(next.n).to_string();
            let bytes = next.encode();
            let made = repeat(pace, "creating a catalogue", || {
                self.store().create(&name, &bytes)
            })?;
            let ours = match made {
                Created::Created => true,
                // By an earlier try of this very create, perhaps.
                Created::Exists => self
                    .read_catalogue(next.n, pace)?
                    .is_some_and(|(_, hash)| hash == hash_of(&bytes)),
            };
            // A number that was used and removed looks free: then there are newer ones.
            let newer = self
                .catalogue_numbers(pace)?
                .last()
                .is_some_and(|last| *last > next.n);
            if ours && !newer {
                self.prune(next.n, pace)?;
                return Ok(next);
            }
        }
        Err(ChainError::Refused(
            "the catalogue is changed by others all the time".to_owned(),
        ))
    }

    fn prune(&self, newest: u64, pace: &mut dyn Pace) -> ChainResult<()> {
        for number in self.catalogue_numbers(pace)? {
            if number + KEPT >= newest {
                break;
            }
            let name = Name::Catalogue(number).to_string();
            repeat(pace, "removing a catalogue", || self.store().delete(&name))?;
        }
        Ok(())
    }
}
