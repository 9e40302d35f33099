//! Bounds what a fail-over could lose: where too much is unpublished for too long, writes wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::service::SharedService;
use super::{StoreResult, io, position};
use crate::db::{Db, LogReader};
use crate::error::{Error, Result};
use crate::format::entry::Point;
use crate::stream::stop::Stop;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Moments that are remembered: an unpublished entry is at most one look older than it seems.
const MOMENTS: usize = 4096;

/// How much may be unpublished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// Bytes of entries.
    pub bytes: u64,
    /// Age of the oldest of them.
    pub time: Duration,
}

/// Starts to look, until the end is wished.
pub(super) fn start(
    db: &Db,
    guard: Guard,
    published: Point,
    service: SharedService,
    stop: &Arc<Stop>,
) -> StoreResult<JoinHandle<()>> {
    let mut watch = Watch {
        db: db.clone(),
        guard,
        service,
        moments: VecDeque::new(),
        gauge: Gauge::new(published),
    };
    let stop = Arc::clone(stop);
    let work = move || {
        while !stop.wait(LOOK) {
            // What cannot be read or written now is tried again at the next look.
            let _ = watch.look(Instant::now());
        }
    };
    let thread = std::thread::Builder::new().name("guard".to_owned());
    thread.spawn(work).map_err(|e| io("start a thread", e))
}

struct Watch {
    db: Db,
    guard: Guard,
    service: SharedService,
    /// Newest entries at earlier looks, and when: rising.
    moments: VecDeque<(u64, Instant)>,
    gauge: Gauge,
}

impl Watch {
    fn look(&mut self, now: Instant) -> Result<()> {
        let newest = self.db.position()?.index;
        let published = self.service.look().point;
        let over = self.is_over(newest, &published, now)?;
        if self.db.facts()?.held_back != over {
            self.db.change_facts(|facts| facts.held_back = over)?;
        }
        Ok(())
    }

    fn is_over(&mut self, newest: u64, published: &Point, now: Instant) -> Result<bool> {
        while self
            .moments
            .front()
            .is_some_and(|(index, _)| *index <= published.index)
        {
            self.moments.pop_front();
        }
        if newest <= published.index {
            return Ok(false);
        }
        let grew = self.moments.back().is_none_or(|(index, _)| *index < newest);
        if grew && self.moments.len() < MOMENTS {
            self.moments.push_back((newest, now));
        }
        let since = self.moments.front().map_or(now, |(_, since)| *since);
        let late = now.saturating_duration_since(since) > self.guard.time;
        Ok(late || self.gauge.bytes(&self.db, published)? > self.guard.bytes)
    }
}

/// Bytes of the log behind what is published. Each entry is read once.
struct Gauge {
    published: Point,
    reader: Option<LogReader>,
    /// Where pieces end, and their bytes.
    pieces: VecDeque<(u64, u64)>,
}

/// Bytes that are read at a time: what is published within one counts as not published.
const PIECE: usize = 1 << 20;

impl Gauge {
    fn new(published: Point) -> Gauge {
        Gauge {
            published,
            reader: None,
            pieces: VecDeque::new(),
        }
    }

    fn bytes(&mut self, db: &Db, published: &Point) -> Result<u64> {
        if *published != self.published {
            self.published = *published;
            while self
                .pieces
                .front()
                .is_some_and(|(end, _)| *end <= published.index)
            {
                self.pieces.pop_front();
            }
        }
        match self.read(db) {
            Ok(()) => {}
            // Taken back, or replaced: from what is published on it is one log.
            Err(Error::Diverged { .. } | Error::NotRetained { .. }) => {
                *self = Gauge::new(*published);
                self.read(db)?;
            }
            Err(error) => return Err(error),
        }
        Ok(self.pieces.iter().map(|(_, bytes)| bytes).sum())
    }

    fn read(&mut self, db: &Db) -> Result<()> {
        let mut reader = match self.reader.take() {
            Some(reader) if reader.position().index >= self.published.index => reader,
            _ => {
                self.pieces.clear();
                db.log_reader(&position(&self.published))?.with_bulk()
            }
        };
        loop {
            let bytes = reader.read(usize::MAX, PIECE)?.len() as u64;
            if bytes == 0 {
                break;
            }
            self.pieces.push_back((reader.position().index, bytes));
        }
        self.reader = Some(reader);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{CreateOptions, OpenOptions, SyncMode};
    use crate::format::header::Role;

    fn point(db: &Db) -> Point {
        super::super::super::slot::durable_point(db).unwrap()
    }

    #[test]
    fn what_is_unpublished_for_too_long_or_too_much_holds_writes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let options = OpenOptions::new().sync(SyncMode::Full);
        let primary = CreateOptions {
            role: Role::Primary,
            ..CreateOptions::default()
        };
        let db = options.clone().create(&path, &primary).unwrap();
        let put = |key: &str| db.put(key.as_bytes(), &[7; 1000]).map(drop);
        put("first").unwrap();
        let start_point = point(&db);
        let service = SharedService::at(start_point, 1, "fit");
        let guard = Guard {
            bytes: 5000,
            time: Duration::from_secs(60),
        };
        let mut watch = Watch {
            db: db.clone(),
            guard,
            service: service.clone(),
            moments: VecDeque::new(),
            gauge: Gauge::new(start_point),
        };
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        watch.look(at(0)).unwrap();
        put("second").unwrap();
        watch.look(at(1)).unwrap();
        watch.look(at(61)).unwrap();
        put("in time").unwrap();
        watch.look(at(62)).unwrap();
        assert!(matches!(put("late"), Err(Error::HeldBack)));
        // Other handles are refused as well, and reading goes on.
        let other = options.open(&path).unwrap();
        assert!(matches!(other.put(b"x", b"y"), Err(Error::HeldBack)));
        assert!(other.get(b"in time").unwrap().is_some());
        service.set(point(&db), 2);
        watch.look(at(63)).unwrap();
        put("published").unwrap();
        other.put(b"x", b"y").unwrap();
        watch.look(at(64)).unwrap();
        for n in 0..5 {
            put(&n.to_string()).unwrap();
        }
        watch.look(at(65)).unwrap();
        assert!(matches!(put("too much"), Err(Error::HeldBack)));
        service.set(point(&db), 3);
        watch.look(at(66)).unwrap();
        put("again").unwrap();
    }
}
