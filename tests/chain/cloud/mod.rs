//! The clients of the clouds, and the program with them, against servers that speak as those do.

mod contract;
mod fencing;
mod killed;
mod others;
mod policy;
mod round;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use creel::chain::store::Store;

use crate::stub::{Dialect, Stub, azure, gcs};

/// One for each cloud.
const DIALECTS: [Dialect; 3] = [Dialect::S3, Dialect::Gcs, Dialect::Azure];

/// Does this with each of them, all at once: they wait more than they work.
fn for_each_cloud(work: impl Fn(Dialect) + Sync) {
    std::thread::scope(|scope| {
        for dialect in DIALECTS {
            let work = &work;
            scope.spawn(move || work(dialect));
        }
    });
}

/// Variables of the environment that lead to a server.
type Environment = Vec<(&'static str, String)>;

/// A server, and how its users find it.
struct Server {
    stub: Option<Stub>,
    scheme: &'static str,
    environment: Environment,
}

impl Server {
    fn start(dialect: Dialect, store: Arc<dyn Store>) -> Server {
        let stub = Stub::speaking(dialect, store);
        let (scheme, environment) = match dialect {
            Dialect::S3 => ("s3", s3(stub.address())),
            Dialect::Gcs => ("gs", google(stub.address())),
            Dialect::Azure | Dialect::AzureFromTheFront => ("az", blobs(stub.address())),
        };
        Server {
            stub: Some(stub),
            scheme,
            environment,
        }
    }

    /// The whole bucket.
    fn bucket(&self) -> String {
        format!("{}://bucket", self.scheme)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_remove("CREEL_DB")
            .envs(self.environment.clone());
        command
    }

    /// Runs `creel`.
    fn creel(&self, args: &[&str]) -> Output {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_creel")));
        command.args(args).output().unwrap()
    }

    /// Runs it, and gives its standard output.
    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.creel(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it, and gives its status and what it complains about.
    fn exit(&self, args: &[&str]) -> (i32, String) {
        let output = self.creel(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), text)
    }

    fn digest(&self, path: &Path) -> String {
        let text = self.succeeds(&["digest", path.to_str().unwrap()]);
        text.split(' ').next().unwrap().to_owned()
    }
}

fn s3(address: SocketAddr) -> Environment {
    vec![
        ("AWS_ENDPOINT", format!("http://{address}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

fn google(address: SocketAddr) -> Environment {
    vec![
        ("GOOGLE_BASE_URL", format!("http://{address}")),
        ("GOOGLE_BEARER_TOKEN", gcs::TOKEN.to_owned()),
    ]
}

fn blobs(address: SocketAddr) -> Environment {
    let account = azure::ACCOUNT;
    vec![
        (
            "AZURE_STORAGE_ENDPOINT",
            format!("http://{address}/{account}"),
        ),
        ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ("AZURE_STORAGE_ACCOUNT", account.to_owned()),
        ("AZURE_STORAGE_KEY", azure::KEY.to_owned()),
    ]
}
