//! Numbers that were used, removed, and used once more by what a killed process had sent.

use std::sync::{Arc, Mutex};

use creel::NoProgress;
use creel::chain::object::{Creel, Segment};
use creel::chain::store::{MemoryStore, Store, StoreError, StoreOver};
use creel::chain::{
    Chain, ChainError, Opened, PublishRun, ReadRun, Start, Tries, collect, mirror, promote,
};
use creel::format::entry::{Entry, Point};

use crate::log::{LINEAGE, fence, note, notes, start, writer};

fn chain() -> Chain {
    let creel = Creel::new(LINEAGE, start().into(), 5);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    Chain::create(store, &creel, &mut Tries(0)).unwrap()
}

fn open(chain: &Chain, incarnation: u8, own: Point) -> Box<PublishRun> {
    let opened = PublishRun::open(chain, writer(1, incarnation), own, 0, &mut Tries(0));
    match opened.unwrap() {
        Opened::Ready(run) => run,
        Opened::Ahead(facts) => panic!("{facts:?}"),
    }
}

fn publish(run: &mut PublishRun, body: &[u8]) -> Result<Point, ChainError> {
    run.publish(body, &mut |_| Ok(true), &mut Tries(0))
}

/// What the first process of the primary has sent under a number, and nobody has carried out yet.
fn sent(number: u64, before: Point, body: &[u8]) -> (String, Vec<u8>) {
    let segment = Segment::build(&writer(1, 1), number, [3; 16], before, body).unwrap();
    let name = format!("log/{number:020}.seg");
    (name, segment.bytes().to_vec())
}

fn arrives(chain: &Chain, (name, bytes): &(String, Vec<u8>)) {
    chain.store().create(name, bytes).unwrap();
}

/// A primary that was started anew and stopped right away confirmed what the chain lacks: its number had
/// been used by what the process before it had sent, the next primary went on from there, and removed it.
#[test]
fn a_first_segment_was_confirmed_under_a_number_that_was_used_and_removed() {
    let chain = chain();
    let (own, end) = notes(&start(), 3, "a");
    let (one, middle) = notes(&start(), 1, "a");
    let late = sent(1, start(), &one);
    let mut run = open(&chain, 2, end);
    arrives(&chain, &late);
    let mut body = Vec::new();
    fence(&mut body, &middle, b"another is primary");
    promote(&chain, &writer(2, 1), 1, middle, &body, &mut Tries(0)).unwrap();
    collect(&chain, 2, &mut Tries(0), &NoProgress).unwrap();
    assert!(chain.segment(1, &mut Tries(0)).unwrap().is_none());
    let confirmed = publish(&mut run, &own);
    let Err(ChainError::Fenced(by)) = &confirmed else {
        panic!("{confirmed:?}");
    };
    assert_eq!((by.number, by.before), (2, middle));
    assert!(publish(&mut run, &own).is_err(), "and so it stays");
}

/// One who was promoted behind that very segment has it in his history.
#[test]
fn a_first_segment_that_a_fence_follows_counts() {
    let chain = chain();
    let (own, end) = notes(&start(), 2, "a");
    let mut run = open(&chain, 2, end);
    // It is carried out, and before the answer is there somebody is promoted.
    let late = Segment::build(&writer(1, 2), 1, [3; 16], start(), &own).unwrap();
    arrives(
        &chain,
        &(
            "log/00000000000000000001.seg".to_owned(),
            late.bytes().to_vec(),
        ),
    );
    let mut body = Vec::new();
    fence(&mut body, &end, b"another is primary");
    promote(&chain, &writer(2, 1), 1, end, &body, &mut Tries(0)).unwrap();
    assert_eq!(publish(&mut run, &own).unwrap(), end);
    let (more, _) = notes(&end, 1, "b");
    assert!(matches!(
        publish(&mut run, &more),
        Err(ChainError::Fenced(_))
    ));
}

fn reader(chain: &Chain, own: Point) -> ReadRun {
    match ReadRun::start(chain, own, 1, &mut Tries(0)).unwrap() {
        Start::Reading(run) => *run,
        Start::Ahead(..) => panic!("ahead"),
    }
}

/// Three segments of which the first two are gone, and under the second number stands what the killed
/// process had sent. Readers that have the first one, and began before all this.
fn removed_and_made_again() -> (Chain, Vec<ReadRun>) {
    let chain = chain();
    let (first, at) = notes(&start(), 1, "a");
    let (second, middle) = notes(&at, 2, "b");
    let (third, end) = notes(&middle, 1, "c");
    let mut run = open(&chain, 2, end);
    publish(&mut run, &first).unwrap();
    let mut readers = Vec::new();
    for knows in [false, true] {
        let mut reader = reader(&chain, start());
        if knows {
            reader.learn_floors(&mut Tries(0)).unwrap();
        }
        assert!(reader.next(&mut Tries(0)).unwrap().is_some());
        assert!(reader.next(&mut Tries(0)).unwrap().is_none());
        readers.push(reader);
    }
    let mut short = Vec::new();
    note(&mut short, &at, b"b 0");
    let late = sent(2, at, &short);
    publish(&mut run, &second).unwrap();
    publish(&mut run, &third).unwrap();
    collect(&chain, 3, &mut Tries(0), &NoProgress).unwrap();
    arrives(&chain, &late);
    (chain, readers)
}

/// A reader that slept took it: entries that the primary has, in a segment that the chain never had.
#[test]
fn a_segment_that_was_made_again_below_the_floor_was_taken() {
    let (_chain, readers) = removed_and_made_again();
    for mut reader in readers {
        let taken = reader.next(&mut Tries(0));
        let gap = |found: &ChainError| {
            matches!(
                found,
                ChainError::Gap {
                    wanted: 2,
                    found: 3
                }
            )
        };
        assert!(taken.as_ref().is_err_and(gap), "{taken:?}");
    }
}

/// A floor that is damaged says nothing; then a listing does.
#[test]
fn a_damaged_floor_stops_nobody() {
    let (chain, mut readers) = removed_and_made_again();
    let name = "floor/00000000000000000001.json";
    let mut bytes = chain.store().get(name, u64::MAX).unwrap().unwrap();
    bytes[9] ^= 1;
    chain.store().put(name, &bytes).unwrap();
    let taken = readers.pop().unwrap().next(&mut Tries(0));
    assert!(
        matches!(taken, Err(ChainError::OffChain { .. })),
        "{taken:?}"
    );
    let late = reader(
        &chain,
        chain
            .segment(3, &mut Tries(0))
            .unwrap()
            .unwrap()
            .facts
            .before,
    );
    let mut late = late;
    late.learn_floors(&mut Tries(0)).unwrap();
    assert!(late.next(&mut Tries(0)).unwrap().is_some());
    // And the next collection says where the floor is.
    collect(&chain, 3, &mut Tries(0), &NoProgress).unwrap();
    assert_eq!(chain.newest_floor(&mut Tries(0)).unwrap(), (2, 3));
    collect(&chain, 3, &mut Tries(0), &NoProgress).unwrap();
    assert_eq!(chain.newest_floor(&mut Tries(0)).unwrap(), (2, 3), "once");
}

/// A segment at the end proves itself by the floors where what is behind it is damaged.
#[test]
fn what_lies_ahead_and_is_damaged_does_not_hide_the_segment_before_it() {
    let chain = chain();
    let (first, middle) = notes(&start(), 1, "a");
    let (second, end) = notes(&middle, 1, "b");
    let mut run = open(&chain, 2, end);
    publish(&mut run, &first).unwrap();
    publish(&mut run, &second).unwrap();
    let name = "log/00000000000000000002.seg";
    let mut bytes = chain.store().get(name, u64::MAX).unwrap().unwrap();
    bytes[150] ^= 1;
    chain.store().put(name, &bytes).unwrap();
    for knows in [false, true] {
        let mut reader = reader(&chain, start());
        if knows {
            reader.learn_floors(&mut Tries(0)).unwrap();
        }
        assert_eq!(
            reader.next(&mut Tries(0)).unwrap().unwrap().entries(),
            first
        );
        let damaged = reader
            .next(&mut Tries(0))
            .and_then(|_| reader.next(&mut Tries(0)));
        assert!(
            matches!(damaged, Err(ChainError::Damaged { .. })),
            "{damaged:?}"
        );
    }
}

/// What happens before a name is read for the first time.
type Meanwhile = Box<dyn FnOnce() + Send>;

struct Slow {
    inner: Arc<dyn Store>,
    before: Mutex<Option<(String, Meanwhile)>>,
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl StoreOver for Slow {
    fn under(&self) -> &dyn Store {
        &*self.inner
    }

    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let meanwhile = self.before.lock().unwrap().take_if(|(at, _)| at == name);
        if let Some((_, meanwhile)) = meanwhile {
            meanwhile();
        }
        self.inner.get(name, limit)
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

/// The same chain, seen by one to whom something happens before he reads a segment.
fn slow(chain: &Chain, number: u64, meanwhile: impl FnOnce() + Send + 'static) -> Chain {
    let name = format!("log/{number:020}.seg");
    let store: Arc<dyn Store> = Arc::new(Slow {
        inner: Arc::clone(chain.store()),
        before: Mutex::new(Some((name, Box::new(meanwhile)))),
    });
    Chain::open(store, &mut Tries(0)).unwrap()
}

/// Between its listing and its read the end was removed and made again by what a killed process had sent: the
/// primary went on behind that, met its own third segment, and said that somebody else had written it.
#[test]
fn a_primary_that_opened_while_the_end_was_made_again_took_its_own_segment_for_a_foreign_one() {
    for late_has in [1, 3] {
        let chain = chain();
        let (first, one) = notes(&start(), 1, "a");
        let (second, two) = notes(&one, 2, "b");
        let (third, three) = notes(&two, 2, "c");
        let mut run = open(&chain, 2, three);
        publish(&mut run, &first).unwrap();
        // The process before had cut its log in another way.
        let all = [second.as_slice(), &third].concat();
        let mut rest = all.as_slice();
        for _ in 0..late_has {
            (_, rest) = Entry::split(rest).unwrap().unwrap();
        }
        let late = sent(2, one, &all[..all.len() - rest.len()]);
        publish(&mut run, &second).unwrap();
        let store = chain.clone();
        let looked = slow(&chain, 2, move || {
            publish(&mut run, &third).unwrap();
            collect(&store, 3, &mut Tries(0), &NoProgress).unwrap();
            arrives(&store, &late);
        });
        let mut anew = open(&looked, 3, three);
        assert_eq!((anew.number(), anew.point()), (3, three));
        let (more, end) = notes(&three, 1, "d");
        assert_eq!(publish(&mut anew, &more).unwrap(), end);
    }
}

/// What is behind the end and links to it proves it too: the chain may grow as fast as it is read.
#[test]
fn the_end_is_known_while_the_chain_grows() {
    let chain = chain();
    let (first, one) = notes(&start(), 1, "a");
    let (second, two) = notes(&one, 1, "b");
    let mut run = open(&chain, 2, two);
    publish(&mut run, &first).unwrap();
    let looked = slow(&chain, 1, move || {
        publish(&mut run, &second).unwrap();
    });
    let end = looked.end(0, &mut Tries(0)).unwrap().unwrap();
    assert_eq!((end.number, end.after), (1, one));
    let end = looked.end(0, &mut Tries(0)).unwrap().unwrap();
    assert_eq!((end.number, end.after), (2, two));
}

/// A mirror took it too, and who followed the mirror took it from there, for a mirror has no floors.
#[test]
fn a_mirror_copied_a_segment_that_was_made_again_below_the_floor() {
    let tries = &mut Tries(0);
    let chain = chain();
    let (first, one) = notes(&start(), 1, "a");
    let (second, two) = notes(&one, 2, "b");
    let (third, three) = notes(&two, 1, "c");
    let (fourth, four) = notes(&three, 1, "d");
    let mut run = open(&chain, 2, four);
    publish(&mut run, &first).unwrap();
    let copy: Arc<dyn Store> = Arc::new(MemoryStore::default());
    mirror(&chain, Arc::clone(&copy), tries, &NoProgress).unwrap();
    let copied = Chain::open(Arc::clone(&copy), tries).unwrap();
    let mut follower = reader(&copied, start());
    follower.learn_floors(tries).unwrap();
    assert!(follower.next(tries).unwrap().is_some());
    assert!(follower.next(tries).unwrap().is_none());
    let mut short = Vec::new();
    note(&mut short, &one, b"b 0");
    let late = sent(2, one, &short);
    for body in [&second, &third, &fourth] {
        publish(&mut run, body).unwrap();
    }
    collect(&chain, 4, tries, &NoProgress).unwrap();
    arrives(&chain, &late);
    let report = mirror(&chain, copy, tries, &NoProgress).unwrap();
    assert_eq!((report.segments, report.tail), (1, 4));
    assert_eq!(copied.numbers_after(0, tries).unwrap(), [1, 4]);
    let taken = follower.next_or_certain_end(tries);
    let gap = |found: &ChainError| {
        matches!(
            found,
            ChainError::Gap {
                wanted: 2,
                found: 4
            }
        )
    };
    assert!(taken.as_ref().is_err_and(gap), "{taken:?}");
}

/// What is not below a floor is copied although the one behind it is damaged or lost.
#[test]
fn a_mirror_has_what_stands_before_a_hole() {
    let tries = &mut Tries(0);
    let chain = chain();
    let (first, one) = notes(&start(), 1, "a");
    let (second, two) = notes(&one, 1, "b");
    let (third, three) = notes(&two, 1, "c");
    let mut run = open(&chain, 2, three);
    for body in [&first, &second, &third] {
        publish(&mut run, body).unwrap();
    }
    let name = "log/00000000000000000002.seg";
    let mut bytes = chain.store().get(name, u64::MAX).unwrap().unwrap();
    bytes[150] ^= 1;
    chain.store().put(name, &bytes).unwrap();
    let copy: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let damaged = mirror(&chain, Arc::clone(&copy), tries, &NoProgress);
    assert!(matches!(damaged, Err(ChainError::Damaged { .. })));
    let copied = Chain::open(Arc::clone(&copy), tries).unwrap();
    assert_eq!(copied.numbers_after(0, tries).unwrap(), [1]);
    chain.store().delete(name).unwrap();
    mirror(&chain, copy, tries, &NoProgress).unwrap();
    assert_eq!(copied.numbers_after(0, tries).unwrap(), [1, 3]);
}
