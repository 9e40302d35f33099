//! One thing at a time: what a publisher, a promoter and a reader make of each answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use creel::chain::object::{Creel, Segment};
use creel::chain::store::{Created, MemoryStore, Store, StoreError, StoreErrorKind, StoreOver};
use creel::chain::{
    Chain, ChainError, Opened, Promotion, PublishRun, ReadRun, Start, Tries, promote,
};
use creel::format::entry::Point;

use crate::log::{LINEAGE, fence, note, notes, start, writer};

/// What happens to the next create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It is carried out, and the answer is lost.
    Lost,
    /// It is refused as a conflict, though nothing is there: some servers do.
    Conflict,
    /// It is not allowed.
    Unauthorised,
}

/// A store whose next creates go as they are told.
#[derive(Debug, Clone, Default)]
struct Scripted {
    inner: MemoryStore,
    next: Arc<Mutex<VecDeque<Next>>>,
}

impl Scripted {
    fn then(&self, next: Next) {
        self.next.lock().unwrap().push_back(next);
    }
}

impl StoreOver for Scripted {
    fn under(&self) -> &dyn Store {
        &self.inner
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        let next = self.next.lock().unwrap().pop_front();
        let fail = |kind| Err(StoreError::new(kind, "create", name, "scripted"));
        match next {
            None => self.inner.create(name, bytes),
            Some(Next::Lost) => {
                self.inner.create(name, bytes)?;
                fail(StoreErrorKind::Unreachable)
            }
            Some(Next::Conflict) => Ok(Created::Exists),
            Some(Next::Unauthorised) => fail(StoreErrorKind::Unauthorised),
        }
    }

    fn address(&self) -> String {
        "scripted".to_owned()
    }
}

fn chain() -> (Scripted, Chain) {
    let store = Scripted::default();
    let creel = Creel::new(LINEAGE, start().into(), 5);
    let chain = Chain::create(Arc::new(store.clone()), &creel, &mut Tries(0)).unwrap();
    (store, chain)
}

fn open(chain: &Chain, incarnation: u8, own: Point) -> Result<Opened, ChainError> {
    PublishRun::open(chain, writer(1, incarnation), own, 0, &mut Tries(0))
}

fn ready(chain: &Chain, incarnation: u8, own: Point) -> Box<PublishRun> {
    match open(chain, incarnation, own).unwrap() {
        Opened::Ready(run) => run,
        Opened::Ahead(facts) => panic!("{facts:?}"),
    }
}

fn publish(run: &mut PublishRun, body: &[u8], tries: u32) -> Result<Point, ChainError> {
    // Compares as a primary does whose log begins with `body`.
    let mut same = |found: &Segment| Ok(body.starts_with(found.body()));
    run.publish(body, &mut same, &mut Tries(tries))
}

#[test]
fn a_lost_answer_is_resolved_by_reading_back() {
    let (store, chain) = chain();
    let (body, after) = notes(&start(), 2, "a");
    let mut run = ready(&chain, 1, after);
    store.then(Next::Lost);
    assert_eq!(publish(&mut run, &body, 1).unwrap(), after);
    assert_eq!((run.number(), run.point()), (1, after));
}

#[test]
fn a_conflict_without_an_object_is_no_loss() {
    let (store, chain) = chain();
    let (body, after) = notes(&start(), 2, "a");
    let mut run = ready(&chain, 1, after);
    store.then(Next::Conflict);
    store.then(Next::Conflict);
    assert_eq!(publish(&mut run, &body, 2).unwrap(), after);
}

#[test]
fn what_was_given_up_is_finished_before_anything_else() {
    let (store, chain) = chain();
    let (first, middle) = notes(&start(), 2, "a");
    let (both, end) = {
        let (second, end) = notes(&middle, 1, "b");
        ([first.clone(), second].concat(), end)
    };
    let mut run = ready(&chain, 1, end);
    store.then(Next::Lost);
    let given_up = publish(&mut run, &first, 0);
    assert!(matches!(given_up, Err(ChainError::GaveUp { .. })));
    assert!(run.is_in_flight());
    assert_eq!(run.point(), start(), "not known");
    // More has been committed since; the same bytes go first.
    assert_eq!(publish(&mut run, &both, 0).unwrap(), middle);
    assert!(!run.is_in_flight());
    let rest = &both[first.len()..];
    assert_eq!(publish(&mut run, rest, 0).unwrap(), end);
    assert_eq!(run.number(), 2);
}

#[test]
fn missing_rights_are_no_fence() {
    let (store, chain) = chain();
    let (body, after) = notes(&start(), 1, "a");
    let mut run = ready(&chain, 1, after);
    store.then(Next::Unauthorised);
    let refused = publish(&mut run, &body, 9);
    assert!(matches!(refused, Err(ChainError::Store(e)) if e.kind == StoreErrorKind::Unauthorised));
    assert_eq!(publish(&mut run, &body, 0).unwrap(), after);
}

#[test]
fn a_late_put_of_the_process_before_counts_where_it_has_the_same_entries() {
    for same in [true, false] {
        let (_store, chain) = chain();
        let (body, after) = notes(&start(), 2, "a");
        let mut run = ready(&chain, 2, after);
        // Meanwhile the create of a killed process arrives.
        let (old, old_after) = match same {
            true => notes(&start(), 1, "a"),
            false => notes(&start(), 1, "other"),
        };
        let late = Segment::build(&writer(1, 1), 1, [3; 16], start(), &old).unwrap();
        chain
            .store()
            .create("log/00000000000000000001.seg", late.bytes())
            .unwrap();
        let done = publish(&mut run, &body, 0);
        if same {
            assert_eq!(done.unwrap(), old_after, "up to there it is published");
            let rest = &body[old.len()..];
            assert_eq!(publish(&mut run, rest, 0).unwrap(), after);
        } else {
            assert!(matches!(done, Err(ChainError::Foreign(_))));
            assert!(matches!(
                publish(&mut run, &body, 0),
                Err(ChainError::Foreign(_))
            ));
        }
    }
}

#[test]
fn a_fence_ends_publishing_for_good() {
    let (_store, chain) = chain();
    let (body, after) = notes(&start(), 1, "a");
    let mut run = ready(&chain, 1, after);
    publish(&mut run, &body, 0).unwrap();
    let mut idle = ready(&chain, 1, after);
    let mut fenced = Vec::new();
    let end = fence(&mut fenced, &after, b"f");
    let won = promote(&chain, &writer(2, 1), 1, after, &fenced, &mut Tries(0)).unwrap();
    assert!(matches!(won, Promotion::Won(facts) if facts.after == end && facts.epoch == 2));
    // One notices when it looks, the other when it writes, a third when it opens.
    assert!(matches!(idle.look(&mut Tries(0)), Err(ChainError::Fenced(by)) if by.epoch == 2));
    assert!(matches!(
        idle.look(&mut Tries(0)),
        Err(ChainError::Fenced(_))
    ));
    let (more, _) = notes(&after, 1, "b");
    assert!(matches!(
        publish(&mut run, &more, 0),
        Err(ChainError::Fenced(_))
    ));
    assert!(matches!(
        publish(&mut run, &more, 0),
        Err(ChainError::Fenced(_))
    ));
    assert!(matches!(open(&chain, 3, after), Err(ChainError::Fenced(_))));
    // The new primary goes on.
    let opened = PublishRun::open(&chain, writer(2, 1), end, 0, &mut Tries(0)).unwrap();
    let Opened::Ready(mut new) = opened else {
        panic!()
    };
    let (more, last) = notes(&end, 1, "c");
    assert_eq!(publish(&mut new, &more, 0).unwrap(), last);
}

#[test]
fn a_chain_that_is_ahead_or_of_another_epoch_is_told_apart() {
    let (_store, chain) = chain();
    let (body, after) = notes(&start(), 3, "a");
    publish(&mut ready(&chain, 1, after), &body, 0).unwrap();
    let (_, behind) = notes(&start(), 1, "a");
    assert!(matches!(open(&chain, 1, behind), Ok(Opened::Ahead(facts)) if facts.after == after));
    let newer = Point { epoch: 2, ..after };
    assert!(matches!(
        open(&chain, 1, newer),
        Err(ChainError::Refused(_))
    ));
}

#[test]
fn fences_are_not_published_as_entries() {
    let (_store, chain) = chain();
    let mut body = Vec::new();
    let after = fence(&mut body, &start(), b"f");
    let mut run = ready(&chain, 1, Point { epoch: 1, ..after });
    assert!(matches!(
        publish(&mut run, &body, 0),
        Err(ChainError::Refused(_))
    ));
    assert!(!run.is_in_flight());
    assert!(chain.newest(0, &mut Tries(0)).unwrap().is_none());
}

#[test]
fn promoters_that_are_late_lose() {
    let (_store, chain) = chain();
    let (body, after) = notes(&start(), 1, "a");
    publish(&mut ready(&chain, 1, after), &body, 0).unwrap();
    let mut fences = Vec::new();
    fence(&mut fences, &start(), b"too early");
    let behind = promote(&chain, &writer(2, 1), 0, start(), &fences, &mut Tries(0)).unwrap();
    assert_eq!(behind, Promotion::Behind(1));
    // Entries received over a wire ride with the fence.
    let mut adopting = Vec::new();
    let adopted = note(&mut adopting, &after, b"acknowledged by a replica");
    let end = fence(&mut adopting, &adopted, b"f");
    let won = promote(&chain, &writer(2, 1), 1, after, &adopting, &mut Tries(0)).unwrap();
    assert!(matches!(won, Promotion::Won(facts) if facts.after == end));
    let without = promote(&chain, &writer(3, 1), 2, end, &body, &mut Tries(0));
    assert!(without.is_err(), "a promotion without a fence");
}

/// Reads to the end and gives all entries.
fn read(chain: &Chain, own: Point, hint: u64) -> Result<Vec<u8>, ChainError> {
    let mut run = match ReadRun::start(chain, own, hint, &mut Tries(0))? {
        Start::Reading(run) => run,
        Start::Ahead(point, number) => panic!("ends at {point:?}, {number}"),
    };
    let mut all = Vec::new();
    while let Some(delivered) = run.next(&mut Tries(0))? {
        all.extend_from_slice(delivered.entries());
    }
    Ok(all)
}

#[test]
fn a_reader_begins_anywhere_in_the_log() {
    let (_store, chain) = chain();
    let (body, end) = notes(&start(), 9, "a");
    let mut run = ready(&chain, 1, end);
    let mut points = vec![(start(), 0)];
    let mut at = start();
    for _ in 0..3 {
        let from = points.last().unwrap().1;
        let mut segment = Vec::new();
        for _ in 0..3 {
            let text = format!("a {}", (at.index) as usize);
            at = note(&mut segment, &at, text.as_bytes());
            points.push((at, from + segment.len()));
        }
        assert!(body[from..].starts_with(&segment));
        publish(&mut run, &segment, 0).unwrap();
    }
    for (point, offset) in &points {
        for hint in [0, 1, 2, 3, 9] {
            let entries = read(&chain, *point, hint).unwrap();
            assert_eq!(entries, body[*offset..], "{point:?} with {hint}");
        }
        let forked = Point {
            history: [9; 16],
            ..*point
        };
        if point.index < 9 {
            let off = read(&chain, forked, 1);
            assert!(matches!(off, Err(ChainError::OffChain { .. })), "{off:?}");
        }
    }
    let (_, beyond) = notes(&end, 1, "more");
    let ahead = ReadRun::start(&chain, beyond, 1, &mut Tries(0)).unwrap();
    assert!(matches!(ahead, Start::Ahead(point, 3) if point == end));
    chain
        .store()
        .delete("log/00000000000000000001.seg")
        .unwrap();
    assert!(matches!(
        read(&chain, points[1].0, 1),
        Err(ChainError::Gap { found: 2, .. })
    ));
    chain
        .store()
        .delete("log/00000000000000000002.seg")
        .unwrap();
    let gap = read(&chain, points[3].0, 1);
    assert!(
        matches!(gap, Err(ChainError::Gap { found: 3, .. })),
        "{gap:?}"
    );
}

#[test]
fn a_reader_does_not_follow_a_false_fence() {
    let (_store, chain) = chain();
    let (body, end) = notes(&start(), 3, "a");
    let mut run = ready(&chain, 1, end);
    let mut at = start();
    let mut first = start();
    for i in 0..3 {
        let mut segment = Vec::new();
        at = note(&mut segment, &at, format!("a {i}").as_bytes());
        publish(&mut run, &segment, 0).unwrap();
        if i == 0 {
            first = at;
        }
    }
    assert!(!body.is_empty());
    let mut reader = match ReadRun::start(&chain, first, 1, &mut Tries(0)).unwrap() {
        Start::Reading(run) => run,
        Start::Ahead(..) => panic!(),
    };
    // Number 2 is removed, and the fence of a promoter that slept takes its place.
    chain
        .store()
        .delete("log/00000000000000000002.seg")
        .unwrap();
    let mut false_fence = Vec::new();
    fence(&mut false_fence, &first, b"f");
    let made = Segment::build(&writer(2, 1), 2, [1; 16], first, &false_fence).unwrap();
    chain
        .store()
        .create("log/00000000000000000002.seg", made.bytes())
        .unwrap();
    let off = reader.next(&mut Tries(0));
    assert!(
        matches!(off, Err(ChainError::OffChain { number: 2, .. })),
        "{off:?}"
    );
}

/// Another history with the same number of entries was told that it has everything.
#[test]
fn a_log_that_parted_at_the_chains_end_is_not_at_the_end() {
    let (_store, chain) = chain();
    let (body, end) = notes(&start(), 3, "a");
    let mut run = ready(&chain, 1, end);
    run.publish(&body, &mut |_| Ok(false), &mut Tries(0))
        .unwrap();
    let (_, other) = notes(&start(), 3, "b");
    assert_eq!(other.index, end.index);
    for hint in [0, 1, 2] {
        let read = read(&chain, other, hint);
        assert!(
            matches!(read, Err(ChainError::OffChain { number: 1, .. })),
            "{read:?}"
        );
        assert_eq!(self::read(&chain, end, hint).unwrap(), b"");
    }
    let opened = PublishRun::open(&chain, writer(1, 2), other, 0, &mut Tries(0));
    assert!(matches!(opened, Err(ChainError::Foreign(_))), "{opened:?}");
}

/// The next segments were removed while nobody read: a copy that lacks them has not everything.
#[test]
fn an_end_that_is_told_was_listed() {
    let (_store, chain) = chain();
    let (first, middle) = notes(&start(), 3, "a");
    let mut own = middle;
    own.index += 100;
    let mut run = ready(&chain, 1, own);
    run.publish(&first, &mut |_| Ok(false), &mut Tries(0))
        .unwrap();
    let Start::Reading(mut reader) = ReadRun::start(&chain, start(), 1, &mut Tries(0)).unwrap()
    else {
        panic!("ahead")
    };
    assert!(reader.next(&mut Tries(0)).unwrap().is_some());
    let (second, end) = notes(&middle, 3, "b");
    run.publish(&second, &mut |_| Ok(false), &mut Tries(0))
        .unwrap();
    let (third, _) = notes(&end, 3, "c");
    run.publish(&third, &mut |_| Ok(false), &mut Tries(0))
        .unwrap();
    let removed = "log/00000000000000000002.seg";
    chain.store().delete(removed).unwrap();
    let end = reader.next_or_certain_end(&mut Tries(0));
    assert!(
        matches!(
            end,
            Err(ChainError::Gap {
                wanted: 2,
                found: 3
            })
        ),
        "{end:?}"
    );
}

/// A publisher whose comparison failed once said "an answer to nothing" for ever.
#[test]
fn a_comparison_that_fails_can_be_made_again() {
    let (_store, chain) = chain();
    let (body, end) = notes(&start(), 3, "a");
    let mut first = ready(&chain, 1, end);
    let mut again = ready(&chain, 2, end);
    first
        .publish(&body, &mut |_| Ok(false), &mut Tries(0))
        .unwrap();
    // The same node after a restart: its own segment stands there, under another nonce.
    let failed = again.publish(&body, &mut |_| Err(ChainError::Interrupted), &mut Tries(0));
    assert!(matches!(failed, Err(ChainError::Interrupted)), "{failed:?}");
    let done = again.publish(&body, &mut |_| Ok(true), &mut Tries(0));
    assert_eq!(done.unwrap(), end);
}
