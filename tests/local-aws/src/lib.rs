//! The local AWS: the emulator, three accounts in it, and the real deployer fed as Lambda would feed it.
//!
//! [`LocalAws`] is what tests and the demo use. Everything is the test's own: server, accounts, process. Nothing here
//! knows how the deployer works; it uploads, delivers, and looks at what became of it.

mod accounts;
mod binary;
mod bus;
mod calls;
pub mod ci;
mod clients;
mod control;
mod crash;
mod deployctl;
mod door;
mod fleet;
mod mapping;
mod meanwhile;
pub mod policies;
mod process;
mod rights;
mod roles;
mod runtime;
mod runtime_api;
mod server;
mod sight;
pub mod storm;
pub mod terminal;
pub mod terraform;
mod time;
mod upload;
mod venv;
mod wishes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

pub use accounts::{
    ARTIFACTS, CONFIG_KEY, DEPLOYER_ROLE, EXECUTION_ROLE, FIRST, LEDGER, OTHER_REGION, REGION, SECOND, Setup, TOOLING,
};
pub use binary::deployctl;
pub use calls::{Call, longest_chain, shown};
pub use clients::Clients;
pub use control::{Control, SessionKeys, Use};
pub use crash::{Interrupted, Moment};
pub use deployctl::{Operating, Said, Shown};
pub use door::Door;
pub use fixtures::error::{Doing, Error, Result};
pub use mapping::{Delivery, Mapping};
pub(crate) use process::peak_memory;
pub use roles::Roles;
pub use runtime::{Answer, Launch, Runtime};
pub use server::{Server, Transport};
pub use sight::{Live, Snapshot};
pub use upload::Upload;
pub(crate) use venv::target_dir;
pub use wishes::{Fault, Settle};

use crate::terraform::{Applied, Terraform};
use process::guard;

/// The deployer's timeout: five minutes.
const TIMEOUT: Duration = Duration::from_secs(300);
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// A local AWS with the deployer in it.
#[derive(Debug)]
pub struct LocalAws {
    // The deployer goes first when this is dropped, then the server.
    deployer: Arc<Runtime>,
    mapping: Mapping,
    control: Control,
    clients: Clients,
    laid: accounts::Laid,
    delivered: Mutex<Vec<String>>,
    server: Server,
}

impl LocalAws {
    /// The contract's example: `dev` in one account, `prod` in two regions of another.
    ///
    /// # Errors
    /// What is missing, or what went wrong.
    pub async fn start() -> Result<Self> {
        Self::with(Setup::default()).await
    }

    /// As this setup says.
    ///
    /// # Errors
    /// What is missing, or what went wrong.
    pub async fn with(setup: Setup) -> Result<Self> {
        Self::over(Transport::Http, setup).await
    }

    /// As this setup says, over this transport.
    ///
    /// # Errors
    /// What is missing, or what went wrong.
    pub async fn over(transport: Transport, setup: Setup) -> Result<Self> {
        let (program, server) = started(transport).await?;
        let control = Control::new(&server)?;
        let clients = Clients::new(&server)?;
        let laid = accounts::lay(&setup, &clients, &control).await.map_err(|error| said(error, &server.words()))?;
        Self::deploying(program, server, (control, clients), laid).await
    }

    /// As Terraform lays `infra/examples/two-accounts`: `dev` is in the tooling account itself, `prod` in another.
    ///
    /// # Errors
    /// What is missing, or what went wrong.
    pub async fn applied(terraform: Terraform) -> Result<(Self, Applied)> {
        let (program, server) = started(Transport::Http).await?;
        let (control, clients) = (Control::new(&server)?, Clients::new(&server)?);
        let endpoint = server.endpoint().to_owned();
        let applying = tokio::task::spawn_blocking(move || Applied::apply(&terraform, &endpoint));
        let applied = applying.await.doing("applying the example")?.map_err(|error| said(error, &server.words()))?;
        let laid = accounts::found(&applied, &clients, &control).await?;
        Ok((Self::deploying(program, server, (control, clients), laid).await?, applied))
    }

    async fn deploying(
        program: PathBuf,
        server: Server,
        (control, clients): (Control, Clients),
        laid: accounts::Laid,
    ) -> Result<Self> {
        let keys = control.session(DEPLOYER_ROLE, "deployer").await?;
        let launch = Launch { program, environment: environment(&server, &keys)?, timeout: TIMEOUT };
        let poller = control.session(DEPLOYER_ROLE, "poller").await?;
        let poller = aws_sdk_sqs::Client::new(&clients.session_config(&poller, REGION));
        let mapping = Mapping::new(clients.sqs(TOOLING, REGION), poller, (&laid.queue_url, &laid.wake_queue_url));
        let deployer = Arc::new(Runtime::new(launch));
        Ok(Self { deployer, mapping, control, clients, laid, delivered: Mutex::default(), server })
    }

    /// How the emulator is arranged.
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

    /// The deployer's process.
    #[must_use]
    pub fn deployer(&self) -> &Runtime {
        &self.deployer
    }

    /// The queues that wake the deployer.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Where AWS is.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// Changes deployer.json. The deployer is stopped, so that it reads it when it next starts.
    ///
    /// # Errors
    /// S3's words.
    pub async fn configure(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut config = self.laid.config.clone();
        change(&mut config);
        accounts::configure(&self.clients, &config).await?;
        self.deployer.kill();
        Ok(())
    }

    /// Uploads a zip as CI does, and says which S3 version it became.
    ///
    /// # Errors
    /// S3's words.
    pub async fn upload(&self, key: &str, zip: impl Upload) -> Result<String> {
        self.upload_with(key, zip, &[]).await
    }

    /// The same with user metadata.
    ///
    /// # Errors
    /// S3's words.
    pub async fn upload_with(&self, key: &str, zip: impl Upload, metadata: &[(&str, &str)]) -> Result<String> {
        let body = zip.bytes()?;
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let s3 = self.clients.s3(TOOLING, REGION);
        let call = s3.put_object().bucket(ARTIFACTS).key(key).set_metadata(Some(metadata)).body(body.into());
        let answer = call.send().await.doing(format!("uploading {key}"))?;
        answer.version_id.ok_or_else(|| Error::Unexpected(format!("{key} got no version id")))
    }

    /// Delivers what is in the queues until nothing in them can be received. What is delayed stays there: see
    /// [`LocalAws::queue_time_passes`].
    ///
    /// # Errors
    /// The harness's words, with the end of the deployer's log.
    pub async fn deliver(&self) -> Result<Vec<Delivery>> {
        let drained = self.mapping.drain(&self.deployer).await;
        let deliveries = drained.map_err(|error| said(error, &self.deployer.tail()))?;
        self.remember(&deliveries);
        Ok(deliveries)
    }

    fn remember(&self, deliveries: &[Delivery]) {
        guard(&self.delivered).extend(deliveries.iter().flat_map(|delivery| delivery.bodies.clone()));
    }

    /// Uploads, delivers, and gives the result that CI reads.
    ///
    /// # Errors
    /// What went wrong; a deployment that did not succeed has a result too.
    pub async fn deploy(&self, key: &str, zip: impl Upload) -> Result<Value> {
        let version_id = self.upload(key, zip).await?;
        self.deliver().await?;
        self.result(key, &version_id).await
    }

    /// Sends everything that was delivered so far once more, and proves that nothing changes by it.
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

    /// Whether the deployer logs such a line. Lines come through a pipe, a moment after the answer.
    pub async fn logs(&self, such: impl Fn(&Value) -> bool) -> bool {
        let seen = async {
            while !self.deployer.log().iter().any(&such) {
                tokio::time::sleep(LOOKS_EVERY).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.is_ok()
    }

    /// Invokes the deployer by hand, or straight with an event.
    ///
    /// # Errors
    /// The harness's words.
    pub async fn invoke(&self, payload: &Value) -> Result<Answer> {
        self.deployer.invoke(payload).await
    }

    /// Takes the messages that wait out of the queues, for who delivers them in another way.
    ///
    /// # Errors
    /// SQS's words.
    pub async fn take_messages(&self) -> Result<Vec<Value>> {
        let bodies = self.mapping.take().await?;
        bodies.iter().map(|body| serde_json::from_str(body).doing("reading a message")).collect()
    }

    /// The calls that `work` made AWS see, in the order in which they arrived.
    ///
    /// # Errors
    /// Those of the work, or the emulator's words.
    pub async fn calls_of<T>(&self, work: impl Future<Output = Result<T>>) -> Result<(T, Vec<Call>)> {
        let since = self.last_call().await?;
        let done = work.await?;
        Ok((done, self.control.calls_since(since).await?))
    }

    /// The number of the last call so far, for [`Control::calls_since`].
    ///
    /// # Errors
    /// The emulator's words.
    pub async fn last_call(&self) -> Result<u64> {
        Ok(self.control.calls_since(0).await?.last().map_or(0, |call| call.seq))
    }

    /// How many messages the deployer could not handle.
    ///
    /// # Errors
    /// SQS's words.
    pub async fn dead_letters(&self) -> Result<u32> {
        let states = [QueueAttributeName::ApproximateNumberOfMessages];
        mapping::count(&self.clients.sqs(TOOLING, REGION), &self.laid.dead_letter_url, &states).await
    }
}

async fn started(transport: Transport) -> Result<(PathBuf, Server)> {
    let blocking = tokio::task::spawn_blocking(move || {
        // The cheap one first: what is missing shall be told at once.
        venv::python()?;
        Ok((binary::bootstrap()?, Server::start(transport)?))
    });
    blocking.await.doing("starting the local AWS")?
}

/// Python with everything that the local AWS needs, in the folder of its sources.
///
/// # Errors
/// In one sentence what to install, or what went wrong.
pub fn python() -> Result<std::process::Command> {
    let mut command = std::process::Command::new(venv::python()?);
    command.current_dir(venv::source());
    // Neither a proxy nor an account of the surroundings has anything to do with a server on loopback.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AWS_") || name.to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

impl Drop for LocalAws {
    /// What the deployer logged is told only where it helps.
    fn drop(&mut self) {
        use std::io::Write as _;
        if std::thread::panicking() {
            let (log, words) = (self.deployer.tail(), self.server.words());
            let _told = writeln!(std::io::stderr(), "the deployer's log:\n{log}\nthe emulator's words:\n{words}");
        }
    }
}

/// All that Lambda would set, and where AWS is.
fn environment(server: &Server, keys: &SessionKeys) -> Result<Vec<(String, String)>> {
    let mut variables = BTreeMap::from([
        ("AWS_LAMBDA_FUNCTION_NAME", "deployer".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/deployer".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", keys.session_token.clone()),
        ("AWS_ENDPOINT_URL", server.endpoint().to_owned()),
        ("DEPLOYER_CONFIG", format!("s3://{LEDGER}/{CONFIG_KEY}")),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ]);
    if let Some(store) = server.trust_store()? {
        variables.insert("SSL_CERT_FILE", store.to_string_lossy().into_owned());
    }
    // Measuring coverage goes on in the child.
    variables.extend(std::env::var("LLVM_PROFILE_FILE").ok().map(|file| ("LLVM_PROFILE_FILE", file)));
    if let Ok(level) = std::env::var("RUST_LOG") {
        variables.insert("RUST_LOG", level);
    }
    Ok(variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// An error with what the process in question had to say.
fn said(error: Error, words: &str) -> Error {
    if words.is_empty() { error } else { Error::Unexpected(format!("{error}\n{words}")) }
}
