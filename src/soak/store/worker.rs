//! Runs that are killed: the work is done by another process, which tells of every commit.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::commit::advance;
use super::place::{Helper, Place};
use super::run::Run;
use super::setup::Material;
use crate::error::{Error, Result};
use crate::format::Depth;
use crate::soak::check::{Broken, Check, Halt, Step};
use crate::soak::config::{Config, Limit};
use crate::soak::oracle::{Model, Oracle};
use crate::soak::outcome::Outcome;
use crate::soak::random::{Draw, Purpose};
use crate::soak::watch::{Observer, Unwatched};
use crate::soak::workload::Action;
use crate::sys::{OsVfs, Vfs, own_group};

/// What a worker is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The run.
    pub config: Config,
    /// The database.
    pub path: PathBuf,
    /// A file with the model of what is in it.
    pub model: PathBuf,
    /// Number of the session.
    pub session: u64,
    /// Files with the user's records, by class, where there are any.
    pub inputs: serde_json::Value,
}

/// The longest time between the commit after which a worker is to die and its death.
const DELAY_US: u64 = 3000;

/// Starts workers.
#[derive(Debug, Clone)]
pub struct Workers {
    /// How.
    pub helper: Helper,
    /// Files with the user's records.
    pub inputs: serde_json::Value,
}

/// A run in which a worker is killed now and then.
pub fn run_with_kills(
    config: &Config,
    material: &Material,
    place: Place,
    workers: &Workers,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    config.check()?;
    let mut run = Run::new(config, material, place, observer);
    let ended = run.through_kills(workers);
    run.finish(ended)
}

/// What a worker said and how it ended.
#[derive(Debug, Default)]
struct Said {
    /// Operations up to the last commit that it told of.
    confirmed: u64,
    /// It came to its end.
    ended: bool,
    /// It found something wrong.
    broken: Option<Broken>,
    killed: bool,
}

impl Run<'_> {
    fn through_kills(&mut self, workers: &Workers) -> Step<String> {
        self.create()?;
        self.sample();
        self.close()?;
        let mut number = 0;
        while !self.is_over_between()? {
            let said = self.let_work(workers, number)?;
            number += 1;
            self.after_worker(&said)?;
        }
        self.open()?;
        self.last_look()
    }

    fn is_over_between(&mut self) -> Step<bool> {
        if self.observer.stopped() {
            return Err(Halt::Interrupted);
        }
        Ok(match self.config.limit {
            Limit::Ops(ops) => self.counter >= ops,
            Limit::Cycles(_) => true,
            Limit::DurationMs(ms) => self.started.elapsed() >= Duration::from_millis(ms),
        })
    }

    /// Starts a worker and kills it after a while.
    fn let_work(&mut self, workers: &Workers, number: u64) -> Step<Said> {
        let file = self.place.beside(".model");
        let failed = |e| Halt::Setup(Error::io("start a worker", e));
        if let Oracle::Model(model) = &self.oracle {
            let mut bytes = Vec::new();
            model.save(&mut bytes).map_err(failed)?;
            std::fs::write(&file, bytes).map_err(failed)?;
        }
        self.session += 1;
        let job = Job {
            config: self.config.clone(),
            path: self.place.path.clone(),
            model: file,
            session: self.session,
            inputs: workers.inputs.clone(),
        };
        let mut child = start(&workers.helper, &job).map_err(failed)?;
        let every = self.config.kill_every;
        let mut draw = Draw::at(self.config.seed, Purpose::Kill, number);
        let last = self.progress() + draw.between(every / 2, every + every / 2);
        let delay = Duration::from_micros(draw.below(DELAY_US));
        let said = self.listen(&mut child, last, delay);
        let _ = child.kill();
        let status = child.wait().map_err(failed)?;
        let said = said?;
        if !said.killed && !said.ended && said.broken.is_none() {
            let detail = format!("a worker ended by itself: {status}");
            return Err(self.broken(Check::Calls, detail));
        }
        Ok(said)
    }

    fn listen(&mut self, child: &mut Child, last: u64, delay: Duration) -> Step<Said> {
        let mut said = Said {
            confirmed: self.progress(),
            ..Said::default()
        };
        let Some(output) = child.stdout.take() else {
            return Ok(said);
        };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        loop {
            line.clear();
            let read = output.read_line(&mut line);
            let whole = matches!(read, Ok(count) if count > 0 && line.ends_with('\n'));
            if !whole {
                return Ok(said);
            }
            match line.trim_end().split_once(' ') {
                Some(("a", number)) => {
                    said.confirmed = number.parse().unwrap_or(said.confirmed);
                    self.counter = said.confirmed;
                }
                Some(("b", text)) => said.broken = serde_json::from_str(text).ok(),
                _ => said.ended = true,
            }
            if self.started.elapsed() >= self.next_sample {
                self.sample();
            }
            let is_time = match self.config.limit {
                Limit::DurationMs(ms) => self.started.elapsed() >= Duration::from_millis(ms),
                Limit::Ops(_) | Limit::Cycles(_) => false,
            };
            let enough = said.confirmed >= last || is_time || self.observer.stopped();
            if enough && !said.killed && !said.ended {
                OsVfs.pause(delay);
                let _ = child.kill();
                said.killed = true;
            }
        }
    }

    /// What a worker has left behind: every commit that it told of, and at most the next one.
    fn after_worker(&mut self, said: &Said) -> Step {
        let _ = std::fs::remove_file(self.place.beside(".model"));
        if let Some(broken) = &said.broken {
            return Err(Halt::Broken(broken.clone()));
        }
        self.counter = said.confirmed;
        self.open()?;
        let next = self.end_of_commit(said.confirmed);
        let found = self.check_acknowledged(said.confirmed, next)?;
        if found != said.confirmed && found != next {
            let detail = format!("a part of the commit up to operation {next} is there");
            return Err(self.broken(Check::InFlight, detail));
        }
        self.follow(found);
        if said.ended
            && let Limit::Ops(ops) = self.config.limit
        {
            // The last operations may be reads, which leave nothing.
            self.hash_to(ops);
            self.counter = ops;
        }
        self.compare("a kill")?;
        self.close()?;
        self.verify(Depth::Full, "after a kill")?;
        if said.killed {
            self.counts.kills += 1;
            let extra = if found > said.confirmed {
                ", and one more"
            } else {
                ""
            };
            self.event("kill", format!("{found} operations confirmed{extra}"));
        }
        Ok(())
    }

    /// The oracle follows what a worker did.
    fn follow(&mut self, to: u64) {
        let from = self.progress();
        if let Oracle::Model(model) = &mut self.oracle {
            for counter in from..to {
                if self.config.skips(counter) {
                    continue;
                }
                let operation = self.stream.at(counter);
                advance(model, &operation, &self.values);
                match operation.action {
                    Action::Put(_) => self.counts.puts += 1,
                    Action::Swap(_) => self.counts.swaps += 1,
                    Action::Delete | Action::DeleteRange(_) => self.counts.deletes += 1,
                    Action::Get => self.counts.gets += 1,
                    _ => self.counts.scans += 1,
                }
            }
            model.set_progress(to);
        }
        self.hash_to(to);
        self.counts.commits += u64::from(to > from);
        self.counter = to;
    }

    fn hash_to(&mut self, to: u64) {
        for counter in self.hashed..to {
            self.hash.add(&self.stream.at(counter));
        }
        self.hashed = self.hashed.max(to);
    }

    /// The end of the first commit that begins at or after this operation.
    fn end_of_commit(&self, from: u64) -> u64 {
        let limit = match self.config.limit {
            Limit::Ops(ops) => ops,
            Limit::Cycles(_) | Limit::DurationMs(_) => u64::MAX,
        };
        let (mut pending, mut end) = (0, from);
        for counter in from..limit {
            if pending > 0 && self.flushes_before(counter) {
                return end;
            }
            if self.config.skips(counter) {
                continue;
            }
            let operation = self.stream.at(counter);
            match operation.action {
                Action::Swap(_) if pending == 0 => return counter + 1,
                Action::Swap(_) | Action::SwapRefused if pending > 0 => return end,
                Action::Put(_) | Action::Delete | Action::DeleteRange(_) => {
                    (pending, end) = (pending + 1, counter + 1);
                    if operation.ends_batch || pending >= self.config.batch {
                        return end;
                    }
                }
                _ => {}
            }
        }
        end
    }

    fn flushes_before(&self, counter: u64) -> bool {
        let c = self.config;
        [c.hold, c.reopen_every, c.compact_every, c.checkpoint_every]
            .into_iter()
            .any(|every| super::maintain::is_due(every, counter))
    }
}

fn start(helper: &Helper, job: &Job) -> io::Result<Child> {
    let mut child = own_group(&helper.program)
        .args(&helper.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // The pipe is closed at once: a worker asks for nothing more.
    if let Some(mut input) = child.stdin.take() {
        input.write_all(serde_json::to_string(job)?.as_bytes())?;
    }
    Ok(child)
}

/// The other side: works until its limit, or until it is killed.
pub fn serve_worker(
    job: &Job,
    material: &Material,
    reader: Option<Helper>,
    output: impl Write + Send + 'static,
) -> io::Result<()> {
    let place = Place::new(job.path.clone(), reader);
    let mut unwatched = Unwatched;
    let mut run = Run::new(&job.config, material, place, &mut unwatched);
    let output = Arc::new(Mutex::new(output));
    let say = |text: &str| {
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(text.as_bytes())
    };
    let confirmed = Arc::clone(&output);
    run.acknowledge = Some(Box::new(move |to| {
        let mut output = confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(format!("a {to}\n").as_bytes())
    }));
    let done = run.work(job).map_err(|halt| match halt {
        Halt::Engine(doing, error) => run.unexpected(doing, &error),
        halt => halt,
    });
    match done {
        Ok(()) => say("e end\n"),
        Err(Halt::Broken(found)) => {
            let text = serde_json::to_string(&found).unwrap_or_default();
            say(&format!("b {text}\n"))
        }
        Err(Halt::Setup(error) | Halt::Engine(_, error)) => Err(io::Error::other(error)),
        Err(Halt::Interrupted) => Ok(()),
    }
}

impl Run<'_> {
    fn work(&mut self, job: &Job) -> Step {
        let failed = |e| Halt::Setup(Error::io_at("read", &job.model, e));
        let bytes = std::fs::read(&job.model).map_err(failed)?;
        if let Oracle::Model(like) = &self.oracle {
            let model = Model::load(&mut bytes.as_slice(), like, &self.values).map_err(failed)?;
            self.counter = model.progress();
            self.oracle = Oracle::Model(model);
        }
        // Samples are the parent's.
        self.next_sample = Duration::MAX;
        self.session = job.session;
        self.open()?;
        self.go()?;
        self.end_holds()?;
        self.close()
    }
}
