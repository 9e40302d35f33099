//! `--batch`: a commit now and then, each with the position that it comes to.

use creel::exchange::read::{FaultCode, Op};
use creel::{Batch, Db};

use super::args::{ImportArgs, Twice};
use super::intake::{Intake, Item, Origin};
use super::step::{self, Step};
use super::target::{Target, Verdict, range};
use crate::cli::Failure;

/// The records of one batch.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// Where ranges stand among the records: those before and behind them are apart.
    section: u32,
}

/// One record.
#[derive(Clone, Copy)]
struct Place {
    section: u32,
    space: u32,
    op: Op,
    at: usize,
    key: usize,
    value: usize,
    from: Origin,
}

impl Records {
    fn push(&mut self, item: &Item<'_>) {
        // A range acts on what comes before it, and not on what comes behind it.
        let apart = item.op.is_range();
        self.section += u32::from(apart);
        self.places.push(Place {
            section: self.section,
            space: item.space,
            op: item.op,
            at: self.bytes.len(),
            key: item.key.len(),
            value: item.value.len(),
            from: item.from,
        });
        self.section += u32::from(apart);
        self.bytes.extend_from_slice(item.key);
        self.bytes.extend_from_slice(item.value);
    }

    fn key(&self, place: &Place) -> &[u8] {
        let end = place.at + place.key;
        self.bytes.get(place.at..end).unwrap_or(&[])
    }

    fn value(&self, place: &Place) -> &[u8] {
        let start = place.at + place.key;
        self.bytes.get(start..start + place.value).unwrap_or(&[])
    }

    /// Sorts each section by key; equal keys stay in the order in which they came.
    fn sort(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        places.sort_by(|a, b| {
            let whole = |p: &Place| (p.section, p.space);
            let keys = || self.key(a).cmp(self.key(b));
            whole(a).cmp(&whole(b)).then_with(keys)
        });
        self.places = places;
    }

    fn same_key(&self, a: &Place, b: &Place) -> bool {
        a.section == b.section
            && a.space == b.space
            && !a.op.is_range()
            && self.key(a) == self.key(b)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.section = 0;
    }
}

/// Imports in batches. `committed` hears of each commit: up to which line it came.
pub fn run(
    intake: &mut Intake<'_>,
    args: &ImportArgs,
    db: &Db,
    step: &Step,
    committed: &mut u64,
) -> Result<(), Failure> {
    let mut records = Records::default();
    // With rising keys, a key may come again right behind the end of a batch.
    let mut carried = None;
    while intake.advance()? {
        if let Some(item) = intake.item() {
            records.push(&item);
        }
        if intake.at_cut() {
            let (id, done) = intake.done();
            let last = intake.item().map(|item| (item.space, item.key.to_vec()));
            let mut batch = fill(intake, args, db, &mut records, carried.as_ref())?;
            carried = last.filter(|_| args.reading.sorted);
            forget(&mut batch, &mut intake.outdated);
            batch.import_position(&id, Some(&done.encode()));
            intake.policy.check_share(intake.tally, false)?;
            commit(intake, db, batch)?;
            *committed = done.mark.line;
        }
    }
    let mut batch = fill(intake, args, db, &mut records, carried.as_ref())?;
    step::check(intake, step)?;
    forget(&mut batch, &mut intake.outdated);
    for (id, done) in intake.ended() {
        batch.import_position(id, Some(&done.encode()));
        *committed = done.mark.line;
    }
    for (id, record) in intake.taken() {
        batch.import_position(&id, record.as_deref());
    }
    commit(intake, db, batch)
}

fn forget(batch: &mut Batch, outdated: &mut Vec<Vec<u8>>) {
    for id in outdated.drain(..) {
        batch.import_position(&id, None);
    }
}

fn commit(intake: &mut Intake<'_>, db: &Db, batch: Batch) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    intake.tally.look()?;
    let commit = db.write(batch)?;
    db.give_name()?;
    intake.tally.commits += 1;
    intake.tally.last = Some(commit);
    Ok(())
}

/// Turns records into a batch, by what the database holds now: the writer's lock is held, so that
/// nobody changes it in between.
fn fill(
    intake: &mut Intake<'_>,
    args: &ImportArgs,
    db: &Db,
    records: &mut Records,
    carried: Option<&(u32, Vec<u8>)>,
) -> Result<Batch, Failure> {
    let mut batch = Batch::new();
    if records.places.is_empty() {
        return Ok(batch);
    }
    let mut state = State {
        target: Target::new(Some(db.snapshot()?), None, args.conflicts.if_exists, true),
        twice: args.duplicates(),
    };
    records.sort();
    let mut before: Option<Place> = None;
    let places = std::mem::take(&mut records.places);
    let mut rest = places.as_slice();
    while let Some((place, behind)) = rest.split_first() {
        rest = behind;
        let again = match before {
            Some(before) => records.same_key(&before, place),
            None => carried.is_some_and(|(space, key)| {
                *space == place.space && !place.op.is_range() && key == records.key(place)
            }),
        };
        let comes_again = behind.first().is_some_and(|n| records.same_key(place, n));
        before = Some(*place);
        state.one(intake, records, place, (again, comes_again), &mut batch)?;
    }
    let effect = state.target.effect;
    intake.tally.inserted += effect.inserted;
    intake.tally.replaced += effect.replaced;
    intake.tally.unchanged += effect.unchanged;
    intake.tally.deleted += effect.deleted;
    records.places = places;
    records.clear();
    Ok(batch)
}

/// What a batch is made against.
struct State {
    target: Target,
    twice: Twice,
}

impl State {
    /// One record; `again`: its key came before, and comes once more.
    fn one(
        &mut self,
        intake: &mut Intake<'_>,
        records: &Records,
        place: &Place,
        (again, comes_again): (bool, bool),
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let name = intake.spaces.name(place.space);
        let (key, value) = (records.key(place), records.value(place));
        self.target
            .know(place.space, || std::sync::Arc::clone(&name))?;
        if place.op.is_range() {
            self.target.clear_late(place.space, place.op, key, value)?;
            batch.keyspace(&name);
            if place.op == Op::Drop && &*name != "main" {
                batch.drop_keyspace();
            } else {
                batch.delete_range(&range(place.op, key, value));
            }
            return Ok(());
        }
        let value = (place.op == Op::Put).then_some(value);
        let item = (place.space, key, value);
        match self.twice {
            Twice::Last if comes_again => {
                intake.tally.superseded += 1;
                return Ok(());
            }
            Twice::First if again => {
                intake.tally.superseded += 1;
                return Ok(());
            }
            Twice::Error if again => {
                return intake.refuse(FaultCode::DuplicateKey, item, place.from);
            }
            _ => {}
        }
        match self.target.judge(place.space, key, value)? {
            Verdict::Same => {}
            Verdict::Keep => intake.tally.kept += 1,
            Verdict::Bad(code) => return intake.refuse(code, item, place.from),
            Verdict::Apply => match value {
                Some(value) => drop(batch.keyspace(&name).put(key, value)),
                None => drop(batch.keyspace(&name).delete(key)),
            },
        }
        Ok(())
    }
}
