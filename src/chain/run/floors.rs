//! Floors: what may have been removed, said before it is. Each is an object of its own that stays for
//! ever, so whoever knows the n-th asks for one more to learn whether there is another.

use crate::chain::chain::Chain;
use crate::chain::error::{ChainError, ChainResult};
use crate::chain::name::{Name, prefix};
use crate::chain::object::{FloorDoc, MAX_SMALL};
use crate::chain::pace::{Pace, repeat};
use crate::chain::store::MAX_LIST;

/// How often a floor is announced again because somebody else was faster.
const ROUNDS: u32 = 100;

impl Chain {
    /// The number that the n-th floor names; [`None`] where there is none such.
    pub fn floor(&self, n: u64, pace: &mut dyn Pace) -> ChainResult<Option<u64>> {
        let name = Name::Floor(n).to_string();
        let bytes = repeat(pace, "reading a floor", || {
            self.store().get(&name, MAX_SMALL)
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let doc = FloorDoc::decode(&bytes).map_err(|e| ChainError::damaged(&name, e))?;
        match doc.lineage == self.lineage() && doc.n == n {
            true => Ok(Some(doc.number)),
            false => {
                let text = "it is of another database or number";
                Err(ChainError::damaged(name, super::damage(text)))
            }
        }
    }

    /// How many floors there are, and the number that the last one names: (0, 1) where there is none.
    pub fn newest_floor(&self, pace: &mut dyn Pace) -> ChainResult<(u64, u64)> {
        let newest = self.count_floors(pace)?;
        if newest == 0 {
            return Ok((0, 1));
        }
        let gone = || ChainError::Missing(Name::Floor(newest).to_string());
        let number = self.floor(newest, pace)?.ok_or_else(gone)?;
        Ok((newest, number))
    }

    /// How many floors there are.
    pub(super) fn count_floors(&self, pace: &mut dyn Pace) -> ChainResult<u64> {
        let (mut newest, mut after) = (0, String::new());
        loop {
            let names = repeat(pace, "listing floors", || {
                self.store().list_after(prefix::FLOOR, &after, MAX_LIST)
            })?;
            for name in &names {
                if let Ok(Name::Floor(n)) = name.parse() {
                    newest = n;
                }
            }
            match names.last() {
                Some(last) if names.len() == MAX_LIST => after = last.clone(),
                _ => return Ok(newest),
            }
        }
    }

    /// Sees to it that this floor, or a higher one, is announced.
    pub(super) fn announce_floor(&self, number: u64, pace: &mut dyn Pace) -> ChainResult<()> {
        // One that is damaged says nothing: then the next one does.
        let read = |n, pace: &mut dyn Pace| match self.floor(n, pace) {
            Err(ChainError::Damaged { damage, .. }) if !damage.newer => Ok(Some(1)),
            other => other,
        };
        let mut newest = self.count_floors(pace)?;
        let mut known = match newest {
            0 => 1,
            n => read(n, pace)?.unwrap_or(1),
        };
        for _ in 0..ROUNDS {
            if known >= number {
                return Ok(());
            }
            let next = newest + 1;
            let name = Name::Floor(next).to_string();
            let bytes = FloorDoc::new(self.lineage(), next, number).encode();
            repeat(pace, "announcing a floor", || {
                self.store().create(&name, &bytes)
            })?;
            // Somebody else may have been faster; and a conflict need not be an object.
            if let Some(found) = read(next, pace)? {
                (newest, known) = (next, found);
            }
        }
        Err(ChainError::Refused(
            "floors are announced by others all the time".to_owned(),
        ))
    }
}
