//! What the verbs that work on an object store have in common.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use creel::chain::name::Name;
use creel::chain::object::Catalogue;
use creel::chain::store::{Address, StoreError, StoreErrorKind, open};
use creel::chain::{Chain, ChainError, ChainResult, random_id};
use creel::replica::address::Source;
use creel::replica::store::{Patience, StoreFailure};

use crate::cli::codes::{self, Code};
use crate::cli::{Failure, signals, units};

/// A store and how long to ask it.
#[derive(Debug, Clone, Args)]
pub struct StoreArg {
    /// The store: dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX
    #[arg(value_name = "STORE")]
    pub store: String,
    #[command(flatten)]
    pub patience: PatienceArg,
}

/// How long to repeat requests.
#[derive(Debug, Clone, Args)]
pub struct PatienceArg {
    /// Give up a request to the store that fails for so long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    pub store_timeout: Duration,
}

impl PatienceArg {
    /// With each request; a signal ends it.
    pub fn start(&self) -> Patience<'static> {
        Patience::for_each(self.store_timeout, &signals::stopped)
    }
}

impl StoreArg {
    /// Opens the chain that is there.
    pub fn chain(&self) -> Result<Chain, Failure> {
        open_chain(&self.store, &self.patience)
    }
}

/// Reads an address.
pub fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text).map_err(|error| Failure::usage(error.to_string()).hint("dir:PATH"))
}

/// Opens a store; only a directory can be made.
pub fn open_store(
    text: &str,
    create: bool,
) -> Result<Arc<dyn creel::chain::store::Store>, Failure> {
    let store = open(&address(text)?, create);
    Ok(Arc::from(
        store.map_err(|e| failure(StoreFailure::Chain(e.into())))?,
    ))
}

/// What names a store, where both a store and a file may be given. A file of that name goes before.
pub fn store_address(text: &OsStr) -> Option<String> {
    match text.to_str()?.parse() {
        Ok(Source::Store(address)) if !Path::new(text).exists() => Some(address),
        _ => None,
    }
}

/// Opens the chain in a store.
pub fn open_chain(text: &str, patience: &PatienceArg) -> Result<Chain, Failure> {
    try_chain(text, patience)?.map_err(chain_failure)
}

/// The same for who counts what the store does not do.
pub fn try_chain(text: &str, patience: &PatienceArg) -> Result<ChainResult<Chain>, Failure> {
    let store = match open(&address(text)?, false) {
        Ok(store) => Arc::from(store),
        Err(error) => return Ok(Err(error.into())),
    };
    Ok(Chain::open(store, &mut patience.start()))
}

/// Notes in the catalogue that something was done now.
pub fn note(
    chain: &Chain,
    patience: &PatienceArg,
    change: impl Fn(&mut Catalogue, u64),
) -> Result<(), Failure> {
    let now_us = now_us();
    let mut changed = |catalogue: &mut Catalogue| {
        change(catalogue, now_us);
        true
    };
    let node = random_id().map_err(chain_failure)?;
    let noted = chain.update_catalogue(node, now_us, &mut changed, &mut patience.start());
    noted.map(drop).map_err(chain_failure)
}

/// What passes by a hole in the log.
const ABOVE: &str = "creel replicate snapshot PRIMARY --to STORE, where the primary is, and then creel replicate reseed COPY for copies that stand before it";
/// What has to be done with an object that nothing can be written behind.
const AT_THE_END: &str = "where creel replicate status STORE lists it as an error, move it away by hand, unless an epoch began with it or may have (docs/operations.md has the steps)";

fn is_segment(name: &str) -> bool {
    matches!(name.parse(), Ok(Name::Segment(_)))
}

/// A chain's failure as an exit status.
pub fn chain_failure(error: ChainError) -> Failure {
    failure(StoreFailure::Chain(error))
}

/// A failure as an exit status.
pub fn failure(failure: StoreFailure) -> Failure {
    let error = match failure {
        StoreFailure::HalfPromoted {
            epoch,
            is_primary,
            failure: why,
        } => return half_promoted(epoch, is_primary, *why),
        StoreFailure::Unexpected { what, reason } => {
            return super::super::promote::stands_in_the_way(what, &reason);
        }
        StoreFailure::Elsewhere { publishes, failure } => return elsewhere(&publishes, failure),
        StoreFailure::Db(error) => return error.into(),
        StoreFailure::Chain(ChainError::Here(error)) => return (*error).into(),
        StoreFailure::Chain(error) => error,
    };
    let text = error.to_string();
    let code = match &error {
        ChainError::Store(error) => store_code(error),
        ChainError::GaveUp { .. } => &codes::UNREACHABLE,
        ChainError::Damaged { damage, .. } if damage.newer => &codes::NOT_A_DB,
        ChainError::Lost {
            damage: None,
            passed: true,
            ..
        } => &codes::RESEED,
        ChainError::Damaged { .. } | ChainError::Foreign(_) | ChainError::Lost { .. } => {
            &codes::STORE_DAMAGED
        }
        ChainError::OtherLineage { .. } | ChainError::OffChain { .. } => &codes::DIVERGED,
        ChainError::NoChain { .. } => &codes::NO_CHAIN,
        ChainError::Missing(_) | ChainError::LostSnapshot(_) => &codes::NOT_IN_STORE,
        ChainError::Fenced(_) => &codes::FENCED,
        ChainError::Gap { .. } => &codes::RESEED,
        ChainError::Unfit(_) => &codes::UNFIT_STORE,
        ChainError::TooManyHolds { .. } => &codes::LIMIT,
        ChainError::Ahead { .. } | ChainError::Mirror { .. } | ChainError::Refused(_) => {
            &codes::REFUSED
        }
        ChainError::Here(_) => &codes::IO,
        ChainError::Interrupted => return creel::Error::Interrupted.into(),
    };
    let failure = Failure::new(code, text);
    match error {
        ChainError::Fenced(by) => failure
            .detail("epoch", by.epoch)
            .detail("segment", by.number),
        ChainError::Gap { found, .. } => failure.detail("first_segment", found),
        ChainError::LostSnapshot(_) => failure.hint("creel replicate snapshot PRIMARY --to STORE, where the primary is, writes another one"),
        ChainError::Lost { number, .. } => failure.detail("segment", number).hint(ABOVE),
        // Whether a snapshot can be written behind it depends on whether the log goes on behind it.
        ChainError::Damaged { name, damage } if !damage.newer && is_segment(&name) => failure
            .hint(format!("{AT_THE_END}; otherwise {ABOVE}"))
            .detail("object", name),
        ChainError::Foreign(found) => failure
            .hint("creel replicate status STORE names who wrote it; of two files that publish as one primary only one may go on")
            .detail("segment", found.number),
        ChainError::Damaged { name, .. } => failure.detail("object", name),
        ChainError::TooManyHolds { limit } => failure
            .detail("limit", limit)
            .hint("creel replicate forget STORE NAME takes one out; creel replicate status STORE lists them"),
        ChainError::Ahead { .. } => failure.hint(
            "creel replicate reseed DB --from STORE brings it to what the store has, and then creel promote DB makes it the primary again; or promote another copy",
        ),
        ChainError::Mirror { of } => failure.hint(format!("do it there: {of}")),
        _ => failure,
    }
}

/// Another store would be another history.
fn elsewhere(publishes: &str, why: Option<Box<StoreFailure>>) -> Failure {
    let unknown = why.is_some();
    let text = StoreFailure::Elsewhere {
        publishes: publishes.to_owned(),
        failure: why,
    }
    .to_string();
    let failure = Failure::new(&codes::REFUSED, text).detail("publishes", publishes);
    match unknown {
        true => failure.hint(format!(
            "look whether {publishes} is mounted, or who moved it; --instead --accept-loss goes on without an answer from there"
        )),
        false => failure.hint(format!(
            "creel replicate mirror {publishes} STORE copies that one; --instead publishes here from now on, and nobody may be promoted there any more"
        )),
    }
}

/// The old primary is deposed: what is left to be done is said.
fn half_promoted(epoch: u32, is_primary: bool, why: StoreFailure) -> Failure {
    let state = match is_primary {
        true => format!(
            "this copy is the primary of epoch {epoch}; where it publishes is not noted in it"
        ),
        false => {
            format!("epoch {epoch} has begun in the store, and this copy is not its primary yet")
        }
    };
    failure(why)
        .state(state)
        .hint("once that is mended, the same command again, without --expect-epoch and --expect-index")
        .detail("epoch", epoch)
}

fn store_code(error: &StoreError) -> &'static Code {
    match error.kind {
        StoreErrorKind::Unreachable => &codes::UNREACHABLE,
        StoreErrorKind::Unauthorised => &codes::UNAUTHORISED,
        StoreErrorKind::NoStore => &codes::NO_CHAIN,
        StoreErrorKind::Unsupported | StoreErrorKind::Invalid => &codes::USAGE,
        StoreErrorKind::TooLarge | StoreErrorKind::Odd => &codes::STORE_DAMAGED,
        StoreErrorKind::Io => &codes::IO,
        StoreErrorKind::Poisoned => &codes::POISONED,
    }
}

/// Microseconds since 1970.
pub fn now_us() -> u64 {
    use creel::sys::Vfs;
    creel::sys::OsVfs.now_us()
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    creel::chain::name::Hex(bytes).to_string()
}
