//! The local AWS: the emulator, three accounts in it, and the real deployer, which gets its events as from Lambda.
//!
//! Tests and the demo use [`LocalAws`]. Each test has its own server, accounts and process. Nothing here knows how the
//! deployer works: the harness uploads, delivers and inspects the result.

mod accounts;
mod binary;
mod bus;
mod calls;
pub mod ci;
mod clients;
mod control;
mod crash;
mod deliver_while;
pub mod demo;
mod deployctl;
mod emulator_faults;
mod fleet;
mod inspect;
mod lambda_endpoint;
mod live_version;
pub mod load;
mod mapping;
pub mod picture;
pub mod policies;
mod process;
mod rights;
mod roles;
mod runtime;
mod runtime_api;
mod server;
mod shell;
pub mod terminal;
pub mod terraform;
mod time;
mod upload;
mod venv;
mod waited_for;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployer_core::names::CONFIG_VARIABLE;
use serde_json::Value;

pub use accounts::{
    ARTIFACTS, CONFIG_KEY, DEPLOYER_FUNCTION, DEPLOYER_ROLE, EXECUTION_ROLE, FIRST, LEDGER, OTHER_REGION, REGION,
    SECOND, Setup, TOOLING,
};
pub use binary::deployctl;
pub use calls::{Call, longest_chain, shown};
pub use clients::Clients;
pub use control::{Control, SessionKeys, Signed, Use};
pub use crash::{Interrupted, Moment};
pub use deployctl::{RunOnTerminal, RunOutput, TerminalStreams};
pub use emulator_faults::{Fault, Settle};
pub use fixtures::error::{Doing, Error, Result};
pub use inspect::{ServedVersion, Snapshot};
pub use lambda_endpoint::LambdaEndpoint;
pub use mapping::{Delivery, Mapping};
pub(crate) use process::peak_memory;
pub use roles::Roles;
pub use runtime::{Answer, Launch, Runtime};
pub use server::{NOBODYS_AUTHORITY, Server, TRUSTED, Transport};
pub use shell::Shell;
pub use upload::Upload;
pub(crate) use venv::target_dir;
pub use waited_for::{make_programs_stoppable, stop_programs};

use crate::terraform::{Applied, Terraform};
use process::guard;

/// The deployer's timeout: five minutes.
const TIMEOUT: Duration = Duration::from_secs(300);
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// A local AWS with the deployer in it.
#[derive(Debug)]
pub struct LocalAws {
    // Fields are dropped in this order: the deployer before the server.
    deployer: Arc<Runtime>,
    mapping: Mapping,
    control: Control,
    clients: Clients,
    resources: accounts::Resources,
    delivered: Mutex<Vec<String>>,
    server: Server,
}

impl LocalAws {
    /// Starts a local AWS with the contract's example: `dev` in one account, `prod` in two regions of another.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn start() -> Result<Self> {
        Self::with(Setup::default()).await
    }

    /// Starts a local AWS with this setup.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn with(setup: Setup) -> Result<Self> {
        Self::over(Transport::Http, setup).await
    }

    /// Starts a local AWS with this setup over this transport.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn over(transport: Transport, setup: Setup) -> Result<Self> {
        let (program, server) = started(transport).await?;
        let control = Control::new(&server)?;
        let clients = Clients::new(&server)?;
        let resources = accounts::set_up(&setup, &clients, &control)
            .await
            .map_err(|error| with_output(error, &server.stderr_tail()))?;
        Self::deploying(program, server, (control, clients), resources).await
    }

    /// Starts a local AWS and applies `infra/examples/two-accounts`: `dev` is in the tooling account, `prod` in
    /// another.
    ///
    /// # Errors
    /// A program is missing, or starting fails.
    pub async fn applied(terraform: Terraform) -> Result<(Self, Applied)> {
        let (program, server) = started(Transport::Http).await?;
        let (control, clients) = (Control::new(&server)?, Clients::new(&server)?);
        let endpoint = server.endpoint().to_owned();
        let applying = tokio::task::spawn_blocking(move || Applied::apply(&terraform, &endpoint));
        let applied =
            applying.await.doing("applying the example")?.map_err(|error| with_output(error, &server.stderr_tail()))?;
        let resources = accounts::find_applied(&applied, &clients, &control).await?;
        Ok((Self::deploying(program, server, (control, clients), resources).await?, applied))
    }

    async fn deploying(
        program: PathBuf,
        server: Server,
        (control, clients): (Control, Clients),
        resources: accounts::Resources,
    ) -> Result<Self> {
        let keys = control.function_session(DEPLOYER_ROLE, "deployer", DEPLOYER_FUNCTION).await?;
        let mut environment = environment(&server, &keys)?;
        environment.push((CONFIG_VARIABLE.to_owned(), resources.config_source.clone()));
        let launch = Launch { program, environment, timeout: TIMEOUT };
        // Lambda polls the queue outside of the function, so that these credentials tell none.
        let poller = control.session(DEPLOYER_ROLE, "poller").await?;
        let poller = aws_sdk_sqs::Client::new(&clients.session_config(&poller, REGION));
        let mapping =
            Mapping::new(clients.sqs(TOOLING, REGION), poller, (&resources.queue_url, &resources.wake_queue_url));
        let deployer = Arc::new(Runtime::new(launch));
        Ok(Self { deployer, mapping, control, clients, resources, delivered: Mutex::default(), server })
    }

    /// Returns the emulator's control API.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The roles of an account.
    #[must_use]
    pub fn roles<'a>(&'a self, account: &'a str) -> Roles<'a> {
        Roles::of(&self.control, account)
    }

    /// SDK clients of any account.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Returns the deployer's process.
    #[must_use]
    pub fn deployer(&self) -> &Runtime {
        &self.deployer
    }

    /// Returns the mappings of the deployer's queues.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Returns the URL of the emulator.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// Changes deployer.json and kills the deployer, which reads that version of it at its next start: as if a version of
    /// its function were published that names it.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn configure(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut config = self.resources.config.clone();
        change(&mut config);
        let source = accounts::configure(&self.clients, &config).await?;
        self.deployer.set_variable(CONFIG_VARIABLE, &source);
        self.deployer.kill();
        Ok(())
    }

    /// Uploads a zip as CI does and returns its S3 version id.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn upload(&self, key: &str, zip: impl Upload) -> Result<String> {
        self.upload_with(key, zip, &[]).await
    }

    /// Uploads a zip with user metadata and returns its S3 version id.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn upload_with(&self, key: &str, zip: impl Upload, metadata: &[(&str, &str)]) -> Result<String> {
        let body = zip.bytes()?;
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let s3 = self.clients.s3(TOOLING, REGION);
        let call = s3.put_object().bucket(ARTIFACTS).key(key).set_metadata(Some(metadata)).body(body.into());
        let answer = call.send().await.doing(format!("uploading {key}"))?;
        answer.version_id.ok_or_else(|| Error::Unexpected(format!("{key} got no version id")))
    }

    /// Delivers messages until nothing in the queues can be received. Delayed messages stay there: see
    /// [`LocalAws::advance_queue_time`].
    ///
    /// # Errors
    /// The harness fails; the error has the end of the deployer's log.
    pub async fn deliver(&self) -> Result<Vec<Delivery>> {
        let drained = self.mapping.drain(&self.deployer).await;
        let deliveries = drained.map_err(|error| with_output(error, &self.deployer.tail()))?;
        self.remember(&deliveries);
        Ok(deliveries)
    }

    fn remember(&self, deliveries: &[Delivery]) {
        guard(&self.delivered).extend(deliveries.iter().flat_map(|delivery| delivery.bodies.clone()));
    }

    /// Uploads, delivers, and returns the result that CI reads.
    ///
    /// # Errors
    /// AWS answers with an error, or the harness fails. A failed deployment is no error: it has a result too.
    pub async fn deploy(&self, key: &str, zip: impl Upload) -> Result<Value> {
        let version_id = self.upload(key, zip).await?;
        self.deliver().await?;
        self.result(key, &version_id).await
    }

    /// Sends all messages that were delivered so far once more and checks that nothing changes.
    ///
    /// # Errors
    /// [`Error::Unexpected`], naming what changed.
    pub async fn same_events_again_change_nothing(&self) -> Result<()> {
        let before = self.snapshot().await?;
        let bodies = guard(&self.delivered).clone();
        for body in &bodies {
            self.mapping.send(body).await?;
        }
        for delivery in self.mapping.drain(&self.deployer).await? {
            if delivery.failed > 0 || matches!(delivery.answer, Answer::FunctionError { .. }) {
                return Err(Error::Unexpected(format!("a duplicate was not taken: {delivery:?}")));
            }
        }
        let changes = before.changes_to(&self.snapshot().await?);
        if bodies.is_empty() {
            return Err(Error::Unexpected("nothing was delivered yet that could come again".into()));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let changes = changes.join("\n");
        Err(Error::Unexpected(format!("the same events again changed:\n{changes}\n{}", self.deployer.tail())))
    }

    /// Whether the deployer logs a matching line. Lines come through a pipe, a moment after the answer.
    pub async fn logs(&self, such: impl Fn(&Value) -> bool) -> bool {
        let seen = async {
            while !self.deployer.log().iter().any(&such) {
                tokio::time::sleep(LOOKS_EVERY).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.is_ok()
    }

    /// Invokes the deployer directly with a payload.
    ///
    /// # Errors
    /// The harness fails.
    pub async fn invoke(&self, payload: &Value) -> Result<Answer> {
        self.deployer.invoke(payload).await
    }

    /// Removes the waiting messages from the queues and returns them, for tests that deliver them in another way.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn take_messages(&self) -> Result<Vec<Value>> {
        let bodies = self.mapping.take().await?;
        bodies.iter().map(|body| serde_json::from_str(body).doing("reading a message")).collect()
    }

    /// Does `work` and returns its result with all AWS calls meanwhile, in the order in which they arrived.
    ///
    /// # Errors
    /// The work fails, or the emulator answers with an error.
    pub async fn calls_of<T>(&self, work: impl Future<Output = Result<T>>) -> Result<(T, Vec<Call>)> {
        let since = self.last_call().await?;
        let done = work.await?;
        Ok((done, self.control.calls_since(since).await?))
    }

    /// Returns the number of the last call so far, for [`Control::calls_since`].
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn last_call(&self) -> Result<u64> {
        Ok(self.control.calls_since(0).await?.last().map_or(0, |call| call.seq))
    }
}

async fn started(transport: Transport) -> Result<(PathBuf, Server)> {
    let blocking = tokio::task::spawn_blocking(move || {
        // Python comes first because it is cheap: a missing one is reported at once.
        venv::python()?;
        Ok((binary::bootstrap()?, Server::start(transport)?))
    });
    blocking.await.doing("starting the local AWS")?
}

/// Returns Python with everything that the local AWS needs, in the folder of its sources.
///
/// # Errors
/// Something is missing, and the error says in one sentence what to install; or making the environment fails.
pub fn python() -> Result<std::process::Command> {
    let mut command = std::process::Command::new(venv::python()?);
    command.current_dir(venv::source());
    // The process's proxies and AWS accounts do not concern a server on loopback.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AWS_") || name.to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

impl Drop for LocalAws {
    /// Prints the deployer's log and the emulator's output if the test has failed.
    fn drop(&mut self) {
        use std::io::Write as _;
        if std::thread::panicking() {
            let (log, words) = (self.deployer.tail(), self.server.stderr_tail());
            let _told = writeln!(std::io::stderr(), "the deployer's log:\n{log}\nthe emulator's words:\n{words}");
        }
    }
}

/// Returns the deployer's environment: the variables that Lambda sets, and the emulator's endpoint.
fn environment(server: &Server, keys: &SessionKeys) -> Result<Vec<(String, String)>> {
    let mut variables = BTreeMap::from([
        ("AWS_LAMBDA_FUNCTION_NAME", "deployer".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/deployer".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", keys.session_token.clone()),
        ("AWS_ENDPOINT_URL", server.endpoint().to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ]);
    let store = server.trust_store()?.unwrap_or_else(|| NOBODYS_AUTHORITY.into());
    variables.insert(TRUSTED, store.to_string_lossy().into_owned());
    // Coverage is measured in the child too.
    variables.extend(std::env::var("LLVM_PROFILE_FILE").ok().map(|file| ("LLVM_PROFILE_FILE", file)));
    if let Ok(level) = std::env::var("RUST_LOG") {
        variables.insert("RUST_LOG", level);
    }
    Ok(variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Adds a process's output to an error.
fn with_output(error: Error, words: &str) -> Error {
    if words.is_empty() { error } else { Error::Unexpected(format!("{error}\n{words}")) }
}
