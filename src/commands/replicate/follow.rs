//! `creel replicate follow`: keep a copy where its source is.

use std::sync::Arc;

use clap::Args;
use creel::Interest;
use creel::replica::acks::Door;
use creel::replica::address::Source;
use creel::replica::follow_file::follow_file;
use creel::replica::serve::{Serving, Setup};
use creel::replica::sink::DbSink;
use creel::replica::slot::{Slot, durable_point};
use creel::replica::state::{Following, State};
use creel::stream::follow::{Followed, Trouble, follow};
use creel::stream::follower::FollowerEnd;
use creel::stream::source::shared;

use super::super::Run;
use super::follow_store;
use super::outcome::{Damage, report, report_store};
use super::serve::announce;
use super::source::{OtherArg, Reseed, SourceArgs};
use super::stream::{ListenArgs, bind_local, stop_on_signal};
use crate::cli::args::DbArg;
use crate::cli::{Context, Failure, Outcome, signals};

/// Arguments of `creel replicate follow`.
#[derive(Debug, Args)]
pub struct FollowArgs {
    #[command(flatten)]
    db: DbArg,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    other: OtherArg,
    /// What to do where the source's log does not reach back: never, auto or force
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    reseed: Reseed,
    /// Serve what is here to others, at this address
    #[arg(long, value_name = "ADDR")]
    serve: Option<String>,
    #[command(flatten)]
    secure: ListenArgs,
    /// Answer /primary, /replica, /lag and /metrics here, on this machine only
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
}

impl Run for FollowArgs {
    const NAME: &'static str = "follow";
    const ABOUT: &'static str = "Keep a copy where its source is";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate follow copy.db --from tcp://127.0.0.1:7070
  creel replicate follow copy.db --from my.db
  creel replicate follow copy.db --from tls://db.example.org:7070 --tls-ca ca.pem --http 127.0.0.1:8081
  creel replicate follow copy.db --from tcp://127.0.0.1:7070 --serve 127.0.0.1:7071
  creel replicate follow copy.db --from tcp://127.0.0.1:7070 --other s3://my-bucket/db1

A connection that ends is made again, after 100 ms at first and 30 s at most; a store that is away is
waited for. Readers see a commit as soon as it is durable here. It ends by a signal, or where trying again makes no sense.
Exit status: 10 the source is of an older epoch, 11 a new copy is needed, 15 the histories parted,
143 ended by SIGTERM; others: creel explain CODE";

    fn run(mut self, ctx: &mut Context) -> Outcome {
        ctx.long();
        let path = ctx.path(&self.db)?;
        ctx.refuse_read_only()?;
        ctx.refuse_less_sync()?;
        let options = ctx
            .options()
            .background_checkpoint(true)
            .interest(Interest::All);
        let db = ctx.open(&path, options.clone(), "opened for following");
        let db = db.map_err(|failure| super::files::no_copy(failure, &path))?;
        self.source.resolve(Some(&db))?;
        super::files::refuse_other_role(&db)?;
        let stop = stop_on_signal()?;
        // One that comes while the address is printed must not skip the goodbye.
        signals::allow_last_words();
        let state = Arc::new(State::at(durable_point(&db)?.index));
        let slot = Arc::new(Slot::new(&path, options, Some(db)));
        let relief = self.other.relief(&self.source, (&slot, &state, &stop))?;
        if let Some(store) = self.source.store()? {
            let helpers = self.helpers(ctx, &slot, &state, &stop)?;
            let done = follow_store::follow(
                ctx,
                &slot,
                &store,
                self.reseed,
                relief.as_ref(),
                (&state, &stop),
            );
            stop.request();
            helpers.finish();
            if let Some(db) = slot.take() {
                db.close()?;
            }
            return report_store(ctx, "follow", &path, &done?, Damage::from(&state.look()));
        }
        if let Source::Path(from) = self.source.source()? {
            let helpers = self.helpers(ctx, &slot, &state, &stop)?;
            let gone = self.reseed.when_gone();
            let done = follow_file(&slot, &from, gone, relief.as_ref(), (&state, &stop));
            stop.request();
            helpers.finish();
            return super::files::followed(ctx, &slot, &from, done, Damage::from(&state.look()));
        }
        let tell = ctx.globals.quiet == 0 && !ctx.globals.json;
        let mut dialer = self.source.dialer(&slot, &state, tell)?;
        dialer.takes_snapshots = self.reseed != Reseed::Never;
        dialer.relief = relief;
        let mut options = self.reseed.options();
        // A pipe that has ended cannot be opened again.
        options.retry = !self.source.takes_stdout();
        let helpers = self.helpers(ctx, &slot, &state, &stop)?;
        let mut sink = DbSink::new(Arc::clone(&slot), Arc::clone(&state));
        sink.force = self.reseed == Reseed::Force;
        let sink = shared(sink);
        let mut followed = follow(&mut dialer, &sink, &stop, options);
        drop(sink);
        if self.source.takes_stdout() && has_everything(&followed, &state.look()) {
            followed.trouble = None;
        }
        helpers.finish();
        let quiet = self.source.takes_stdout() || !ctx.globals.json;
        let outcome = {
            let state = state.look();
            let damage = Damage::from(&state);
            report(ctx, "follow", &slot, &followed, &state, quiet, damage)
        };
        if let Some(db) = slot.take() {
            db.close()?;
        }
        outcome
    }
}

/// The other side has gone, and what it had is here.
fn has_everything(followed: &Followed, state: &Following) -> bool {
    let gone = match &followed.trouble {
        None | Some(Trouble::Connect(_)) => true,
        Some(Trouble::Ended(end)) => matches!(end, FollowerEnd::Carrier { .. } | FollowerEnd::Dead),
    };
    let last = followed.last.as_ref();
    gone && last.is_some_and(|last| last.caught_up) && state.lag_entries() == 0
}

/// What runs beside following: a server for others, or only for those who ask how it stands.
struct Helpers {
    serving: Serving,
    slot: Arc<Slot>,
}

impl Helpers {
    fn finish(self) {
        self.slot.withdraw();
        self.serving.finish();
    }
}

impl FollowArgs {
    fn helpers(
        &self,
        ctx: &mut Context,
        slot: &Arc<Slot>,
        state: &Arc<State>,
        stop: &Arc<creel::stream::stop::Stop>,
    ) -> Result<Helpers, Failure> {
        let door = Door::new().map_err(|e| creel::Error::io("listen", e))?;
        let control = door.text_to_look();
        let mut setup = Setup {
            control: Some((door.listener, door.key)),
            http: self.http.as_deref().map(bind_local).transpose()?,
            state: Some(Arc::clone(state)),
            idle: self.serve.is_none(),
            ..Setup::default()
        };
        if let Some(address) = &self.serve {
            setup.listener = Some(self.secure.bind(address)?);
            setup.dress = self.secure.dress()?;
            setup.token = self.secure.token()?;
            setup.strangers = self.secure.is_strange();
        }
        let serving = Serving::start(slot, stop, setup)?;
        if self.serve.is_some() {
            announce(ctx, &serving, self.secure.scheme())?;
        } else if let Some(address) = serving.http_address() {
            ctx.out.line(&format!("http://{address}"))?;
            ctx.out.flush()?;
        }
        slot.announce(&control);
        Ok(Helpers {
            serving,
            slot: Arc::clone(slot),
        })
    }
}
