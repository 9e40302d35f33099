//! `creel replicate serve`: give the log of a database to others.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use creel::replica::acks::{self, Door};
use creel::replica::serve::{Serving, Setup};
use creel::replica::slot::Slot;
use creel::replica::store::{AttachOptions, Instead, PublishService, SharedService, attach};
use creel::stream::stop::Stop;
use creel::{IdentityChange, Interest, Role};
use serde::Serialize;

use super::super::Run;
use super::publishing::PublishArgs;
use super::store::{PatienceArg, failure};
use super::stream::{ListenArgs, bind_local, stdio, stop_on_signal};
use crate::cli::args::DbArg;
use crate::cli::{Context, Exit, Failure, Outcome, signals};

/// Arguments of `creel replicate serve`.
#[derive(Debug, Args)]
#[command(mut_arg("store_timeout", |arg| arg.requires("publish")))]
pub struct ServeArgs {
    #[command(flatten)]
    db: DbArg,
    /// Address for followers, for example 127.0.0.1:7070; port 0 lets the system choose
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Serve one follower over standard input and output, as ssh:// does
    #[arg(long, conflicts_with_all = ["listen", "http"])]
    stdio: bool,
    #[command(flatten)]
    secure: ListenArgs,
    /// Publish the log to this store: dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or
    /// az://CONTAINER/PREFIX
    #[arg(long, value_name = "STORE", conflicts_with = "stdio")]
    publish: Option<String>,
    #[command(flatten)]
    publishing: PublishArgs,
    /// With --publish: also to a store that cannot decide who is primary
    #[arg(long, requires = "publish")]
    unsafe_no_fencing: bool,
    /// With --publish: leave the store that the file publishes to for this one
    #[arg(long, requires = "publish")]
    instead: bool,
    /// With --instead: also where the store before does not answer whether somebody was promoted in it
    #[arg(long, requires = "instead")]
    accept_loss: bool,
    #[command(flatten)]
    patience: PatienceArg,
    /// Answer /primary, /replica, /lag and /metrics here, on this machine only
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
}

/// Where a server listens: the first line of its output.
#[derive(Serialize)]
pub struct ListenLine {
    pub schema: &'static str,
    pub event: &'static str,
    pub address: Option<String>,
    pub http: Option<String>,
}

impl Run for ServeArgs {
    const NAME: &'static str = "serve";
    const ABOUT: &'static str = "Give the log of a database to copies that follow it";
    const EXAMPLES: &'static str = "\
Examples:
  creel replicate serve my.db --listen 127.0.0.1:7070
  creel replicate serve my.db --listen 0.0.0.0:7070 --tls-cert c.pem --tls-key k.pem --client-ca ca.pem
  creel replicate serve my.db --listen 127.0.0.1:0 --token-file token --http 127.0.0.1:8080
  creel replicate serve my.db --publish s3://my-bucket/db1 --listen 127.0.0.1:7070
  creel replicate serve my.db --publish dir:/srv/chain --max-unpublished 64MiB,60s --gc-every 6h
  ssh host creel replicate serve /srv/my.db --stdio

Standard output has the address, then the line ready. Other commands write to the database as
before; what they commit goes out as soon as it is durable. A database on its own becomes a primary.
--max-unpublished bounds what a fail-over can lose: while the store cannot be reached for longer, or
more bytes wait, all writes to the file are refused (status 12), and taken again once it is reached.
Up to 64 followers; one that is slow reads the file by itself and holds up nobody.
Exit status: 10 another copy has become the primary, 143 ended by SIGTERM; others: creel explain CODE";

    fn run(self, ctx: &mut Context) -> Outcome {
        ctx.long();
        if self.listen.is_none() && !self.stdio && self.publish.is_none() {
            let text = "nobody would be served, and nothing published";
            return Err(Failure::usage(text).hint("--listen ADDR, --publish STORE, or --stdio"));
        }
        let path = ctx.path(&self.db)?;
        ctx.refuse_read_only()?;
        ctx.refuse_less_sync()?;
        let options = ctx.options().interest(Interest::None);
        let db = ctx.open(&path, options.clone(), "opened for serving")?;
        let info = db.info()?;
        if info.role == Role::Standalone {
            let role = Some(Role::Primary);
            db.set_identity(&IdentityChange {
                role,
                ..IdentityChange::default()
            })?;
        }
        // A replica that has heard of a newer epoch is about to get it.
        if info.fenced && info.role != Role::Replica {
            return Err(creel::Error::Fenced {
                reason: "a newer epoch has begun elsewhere".to_owned(),
            }
            .into());
        }
        let stop = stop_on_signal()?;
        // One that comes while the address is printed must not skip the goodbye.
        signals::allow_last_words();
        let slot = Arc::new(Slot::new(&path, options, Some(db)));
        // Commands of this machine ask here who has which commit.
        let door = Door::new().map_err(|e| creel::Error::io("listen", e))?;
        let control = door.text();
        let publisher = self.publisher(ctx, &slot, &stop)?;
        let setup = Setup {
            control: Some((door.listener, door.key)),
            listener: self
                .listen
                .as_deref()
                .map(|a| self.secure.bind(a))
                .transpose()?,
            dress: self.secure.dress()?,
            token: self.secure.token()?,
            strangers: self.secure.is_strange(),
            http: self.http.as_deref().map(bind_local).transpose()?,
            publisher: publisher.as_ref().map(PublishService::state),
            ..Setup::default()
        };
        let serving = Serving::start(&slot, &stop, setup)?;
        if self.stdio {
            serving.serve_wire(stdio())?;
            serving.finish();
            return ended(None);
        }
        if self.listen.is_some() && self.secure.is_open() {
            ctx.notice(
                "without --token-file everybody who reaches this address may copy the database",
            );
        }
        let db = slot.get();
        if let Some(db) = &db {
            acks::announce(db, &control)?;
        }
        announce(ctx, &serving, self.secure.scheme())?;
        match &publisher {
            Some(publisher) => tell_reach(ctx, self.publish.as_deref(), &publisher.state(), &stop),
            None => stop.sleep(),
        }
        let fenced = serving.hub.fenced();
        stop.request();
        serving.finish();
        if let Some(db) = slot.get().filter(|_| fenced.is_none()) {
            acks::withdraw(&db, &control)?;
        }
        if let Some(trouble) = publisher.and_then(PublishService::finish) {
            return Err(failure(trouble));
        }
        ended(fenced.map(|fenced| fenced.epoch))
    }
}

impl ServeArgs {
    /// Begins to publish, where that is asked for. A new chain has its first snapshot when this returns.
    fn publisher(
        &self,
        ctx: &Context,
        slot: &Slot,
        stop: &Arc<Stop>,
    ) -> Result<Option<PublishService>, Failure> {
        let (Some(store), Some(db)) = (&self.publish, slot.get()) else {
            return Ok(None);
        };
        let options = AttachOptions {
            unsafe_no_fencing: self.unsafe_no_fencing,
            instead: Instead::said(self.instead, self.accept_loss),
        };
        let meter = ctx.meter("publish");
        let mut pace = self.patience.start();
        let attached = attach(&db, store, &options, &mut pace, &meter).map_err(failure)?;
        drop(meter);
        if attached.publishing.chain().creel().fencing() == "none" {
            ctx.notice(
                "fencing: none: the store failed its probe, so it cannot keep a second primary from publishing",
            );
        }
        let options = self.publishing.options(db.path())?;
        let service = PublishService::start(&db, attached.publishing, options, stop);
        service.map(Some).map_err(failure)
    }
}

/// Waits for the end; says when the store cannot be reached, and when it can be again.
fn tell_reach(ctx: &Context, store: Option<&str>, service: &SharedService, stop: &Stop) {
    const LOOK: Duration = Duration::from_millis(250);
    let store = store.unwrap_or_default();
    let mut told = false;
    while !stop.wait(LOOK) {
        let state = service.look();
        if state.unreachable == told {
            continue;
        }
        told = state.unreachable;
        match state.trouble.filter(|_| told) {
            Some(why) => ctx.notice(&format!(
                "warning: nothing can be published to {store}: {why}; it is tried again"
            )),
            None => ctx.notice(&format!("{store} can be reached again")),
        }
    }
}

/// Prints where it listens, and that it does.
pub fn announce(ctx: &mut Context, serving: &Serving, scheme: &str) -> Result<(), Failure> {
    let address = serving.address().map(|a| format!("{scheme}://{a}"));
    let http = serving.http_address().map(|a| format!("http://{a}"));
    if ctx.globals.json {
        ctx.out.json(&ListenLine {
            schema: "creel.serving/1",
            event: "listening",
            address,
            http,
        })?;
        ctx.out.json(&ListenLine {
            schema: "creel.serving/1",
            event: "ready",
            address: None,
            http: None,
        })?;
    } else {
        for line in address.iter().chain(&http) {
            ctx.out.line(line)?;
        }
        ctx.out.line("ready")?;
    }
    ctx.out.flush()
}

/// Serving ends by a signal, or because a newer epoch was heard of.
fn ended(fenced: Option<u32>) -> Outcome {
    if let Some(epoch) = fenced {
        return Err(creel::Error::Fenced {
            reason: format!("epoch {epoch} has begun elsewhere"),
        }
        .into());
    }
    Ok(signals::exit().unwrap_or(Exit::Ok))
}
