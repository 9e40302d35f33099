//! A database that is served: hub, listeners, and what belongs to them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::control::answerer;
use super::http::{Facts, Http};
use super::live::Live;
use super::slot::{Slot, entropy};
use super::source::{DbSource, Published};
use super::state::State;
use super::store::SharedService;
use crate::error::{Error, Result};
use crate::stream::auth::TokenKey;
use crate::stream::hub::{Hub, words};
use crate::stream::server::{Dress, ServeOptions, Server, serve_wire};
use crate::stream::source::Refusal;
use crate::stream::stop::Stop;
use crate::stream::transport::Wire;
use crate::sys::peer_is_own_user;

/// What to listen on.
#[derive(Default)]
pub struct Setup {
    /// For followers.
    pub listener: Option<TcpListener>,
    /// Plain TCP where there is none.
    pub dress: Option<Dress>,
    /// What followers must know.
    pub token: Option<TokenKey>,
    /// Followers show nothing: only processes of this user are believed when they name a newer epoch.
    pub strangers: bool,
    /// For load balancers.
    pub http: Option<TcpListener>,
    /// For commands on this machine, with the secret that they know.
    pub control: Option<(TcpListener, TokenKey)>,
    /// How this copy follows, if it does.
    pub state: Option<Arc<State>>,
    /// How it is published, if it is.
    pub publisher: Option<SharedService>,
    /// Nobody follows: only questions are answered, and the log is not read.
    pub idle: bool,
}

/// A database that is served.
pub struct Serving {
    /// What is served.
    pub hub: Arc<Hub>,
    options: ServeOptions,
    server: Option<Server>,
    control: Option<Server>,
    http: Option<Http>,
    reader: Option<JoinHandle<()>>,
}

fn refused(doing: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::io(doing, error)
}

/// The log cannot be read: not what was asked for is wrong.
fn unreadable(refusal: &Refusal) -> Error {
    Error::io("read the log", io::Error::other(words(refusal)))
}

impl Serving {
    /// Begins to serve what is open in the slot.
    pub fn start(slot: &Arc<Slot>, stop: &Arc<Stop>, setup: Setup) -> Result<Serving> {
        // A copy passes on what its source says of that.
        let published: Published = match (setup.publisher.clone(), setup.state.clone()) {
            (Some(publisher), _) => Box::new(move || publisher.look().published),
            (None, Some(state)) => Box::new(move || state.look().published),
            (None, None) => Box::new(|| 0),
        };
        let source = DbSource::new(Arc::clone(slot))?.published(published);
        let source = Arc::new(source);
        let hub = Hub::new(source, Arc::clone(stop)).map_err(|refusal| unreadable(&refusal))?;
        let reading = Arc::clone(&hub);
        let reader = (!setup.idle).then(|| {
            let thread = std::thread::Builder::new().name("log".to_owned());
            thread.spawn(move || reading.run())
        });
        let reader = reader.transpose().map_err(refused("start a thread"))?;
        let live = Live {
            slot: Arc::clone(slot),
            state: setup.state.clone(),
            publisher: setup.publisher.clone(),
        };
        let mut options = ServeOptions::plain(Arc::new(entropy));
        options.answer = Some(answerer(&hub, &live, false));
        let mut serving = Serving {
            options: options.clone(),
            server: None,
            control: None,
            http: None,
            reader,
            hub,
        };
        serving.options.token = setup.token;
        if setup.strangers {
            serving.options.vouch = Some(Arc::new(peer_is_own_user));
        }
        if let Some(dress) = setup.dress {
            serving.options.dress = dress;
        }
        let listening = refused("listen");
        if let Some(listener) = setup.listener {
            let (hub, options) = (Arc::clone(&serving.hub), serving.options.clone());
            serving.server = Some(Server::start(listener, hub, options).map_err(&listening)?);
        }
        if let Some((listener, secret)) = setup.control {
            options.token = Some(secret);
            options.clients_only = true;
            options.answer = Some(answerer(&serving.hub, &live, !setup.idle));
            let hub = Arc::clone(&serving.hub);
            serving.control = Some(Server::start(listener, hub, options).map_err(&listening)?);
        }
        if let Some(listener) = setup.http {
            let facts = Facts {
                slot: Arc::clone(slot),
                hub: (!setup.idle).then(|| Arc::clone(&serving.hub)),
                state: setup.state,
                publisher: setup.publisher,
            };
            let http = Http::start(listener, facts, Arc::clone(stop));
            serving.http = Some(http.map_err(&listening)?);
        }
        Ok(serving)
    }

    /// Where followers connect.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(Server::address)
    }

    /// Where health checks connect.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Http::address)
    }

    /// Where commands of this machine connect.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(Server::address)
    }

    /// Serves one connection that is no socket, until it ends.
    pub fn serve_wire(&self, wire: Wire) -> Result<()> {
        let ended = serve_wire(&self.hub, &self.options, wire);
        ended.map(drop).map_err(refused("serve the pipe"))
    }

    /// Says goodbye to everybody.
    pub fn finish(self) {
        self.hub.stop().request();
        for server in [self.server, self.control].into_iter().flatten() {
            server.finish();
        }
        if let Some(http) = self.http {
            http.finish();
        }
        if let Some(reader) = self.reader {
            let _ = reader.join();
        }
    }
}
