//! Direct deployments from a machine with credentials: the same engine with other ports.
//!
//! The engine and the planner give the same waits, preconditions, checks of the code and masking as in the deployer.
//! The ledger's guarantees are missing: nothing claims the function, orders deployments, remembers what was live, or
//! can roll back. The ledger is in memory and ends with the process; the zip is on this machine and is sent along.

mod files;
mod ledger;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use deployer_core::artifact::ArtifactKey;
use deployer_core::config::{Config, Environment, FunctionNameTemplate, Span, Target, WhenFrozen};
use deployer_core::head::Source;
use deployer_core::id::{
    AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, Release, RoleArn, RoleName,
};
use deployer_core::ledger_keys;
use deployer_core::names::{DEPLOY_ROLE, HEADS};
use deployer_core::plan::PlanReport;
use deployer_core::record::{CauseKind, DeploymentRecord};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use deployer_aws::CallerError;
use deployer_aws::{OsRng, SystemClock};
use deployer_engine::MaskingSessions;
use deployer_engine::port::{Clock as _, Ledger as _, LedgerError, SessionProvider};
use deployer_engine::{Caller, CommandError, Engine, Planned, Ports, RetryPolicy};
use files::Files;
pub use ledger::MemoryLedger;
use watch::{NotifiedFunctions, WatchedSessions};

/// The number of functions that are deployed at once.
pub const FUNCTIONS_AT_ONCE: usize = 4;

/// The time that a deployment may take: a session lasts 15 minutes, and nothing is sent when it is about to end.
const MAX_DURATION: Duration = Duration::from_secs(14 * 60);

/// The release of a zip that has none: the engine names artifacts by keys, and a key ends in a release.
const RELEASE: &str = "direct";

/// The target of a direct deployment, and how it is entered.
#[derive(Debug, Clone)]
pub struct DirectTarget {
    /// The part of the manifest that counts.
    pub environment: EnvironmentName,
    /// The region.
    pub region: Region,
    /// The alias that serves.
    pub alias: AliasName,
    /// The role to assume; without one, the caller's own credentials are used.
    pub role: Option<RoleArn>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<ExternalId>,
    /// The required account; without one, the role's or the caller's account.
    pub account: Option<AccountId>,
}

/// A notice to the user during a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The alias's description says that a deployer moves it.
    AliasOfADeployer {
        /// The function.
        function: FunctionName,
        /// The alias.
        alias: AliasName,
    },
    /// A ledger has a head of a function with this name.
    HeadInALedger {
        /// The function.
        function: FunctionName,
        /// The environments of the heads.
        environments: Vec<String>,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AliasOfADeployer { function, alias } => write!(
                f,
                "a deployer owns function {function} (it made alias {alias}): it does not hear of this deployment, and its \
                 next one puts its own release in this one's place"
            ),
            Self::HeadInALedger { function, environments } => write!(
                f,
                "the ledger knows function {function} (in {}): if it is this one, the deployer does not hear of this \
                 deployment, and its next one puts its own release in this one's place",
                environments.join(", ")
            ),
        }
    }
}

/// The receiver of notices.
pub type NoticeSink = Arc<dyn Fn(Notice) + Send + Sync>;

/// Deployments to one account and region, as one identity.
pub struct Direct {
    direct_target: DirectTarget,
    target: Target,
    config: Arc<Config>,
    sessions: Arc<dyn SessionProvider>,
    ledger: Arc<MemoryLedger>,
    files: Arc<Files>,
    inline_body: Arc<Semaphore>,
    notify: NoticeSink,
    notified: NotifiedFunctions,
}

impl Direct {
    /// Finds the account and prepares the ports.
    ///
    /// # Errors
    /// [`CallerError`]: neither a role nor an account is given, and the credentials do not work.
    pub async fn prepare(
        sdk: &SdkConfig,
        direct_target: DirectTarget,
        notify: NoticeSink,
    ) -> Result<Self, CallerError> {
        let account = match (&direct_target.account, &direct_target.role) {
            (Some(account), _) => account.clone(),
            (None, Some(role)) => role.account(),
            (None, None) => deployer_aws::caller(sdk).await?,
        };
        let target = Target { account, region: direct_target.region.clone() };
        Ok(Self {
            config: Arc::new(config(&direct_target, target.clone())),
            target,
            sessions: Arc::new(deployer_aws::DirectSessions::new(sdk, direct_target.role.clone())),
            ledger: Arc::default(),
            files: Arc::default(),
            inline_body: Arc::new(Semaphore::new(FUNCTIONS_AT_ONCE)),
            direct_target,
            notify,
            notified: Arc::default(),
        })
    }

    /// Returns the account and the region.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the alias that serves.
    #[must_use]
    pub fn alias(&self) -> &AliasName {
        &self.direct_target.alias
    }

    /// Deploys a zip to the function.
    ///
    /// # Errors
    /// [`CommandError`]: another try can mend it.
    pub async fn deploy(
        &self,
        function: &FunctionName,
        zip: File,
        caller: Caller,
    ) -> Result<DeploymentRecord, CommandError> {
        let source = Source::Newest { release: self.register_zip(function, zip) };
        let command = (caller.cause(CauseKind::Deploy), source);
        let record =
            self.engine().deploy_by_command(&self.direct_target.environment, function, command, caller).await?;
        Ok(DeploymentRecord { release: None, ..record })
    }

    /// Plans what [`Direct::deploy`] would do.
    ///
    /// # Errors
    /// [`CommandError`]: another try can mend it.
    pub async fn plan(&self, function: &FunctionName, zip: File) -> Result<PlanReport, CommandError> {
        let what = Planned::Release(self.register_zip(function, zip));
        let report = self.engine().plan(&self.direct_target.environment, function, what).await?;
        Ok(PlanReport { release: None, live: None, brings: None, ..report })
    }

    /// Sends a notice for each of these functions that a ledger knows.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn notify_if_in_ledger(
        &self,
        sdk: &SdkConfig,
        bucket: BucketName,
        functions: &[FunctionName],
    ) -> Result<(), LedgerError> {
        let ledger = deployer_aws::S3Ledger::new(aws_sdk_s3::Client::new(sdk), bucket);
        let mut heads: BTreeMap<FunctionName, Vec<String>> = BTreeMap::new();
        for key in ledger.keys(HEADS).await? {
            if let Some((environment, function)) = ledger_keys::parse_head(&key) {
                heads.entry(function).or_default().push(environment.to_string());
            }
        }
        for function in functions {
            if let Some(environments) = heads.remove(function) {
                (self.notify)(Notice::HeadInALedger { function: function.clone(), environments });
            }
        }
        Ok(())
    }

    /// Makes the engine of one deployment, with its own deadline and its own watch.
    fn engine(&self) -> Engine {
        let masked = Arc::new(MaskingSessions::new(self.sessions.clone()));
        let ports = Ports {
            artifacts: self.files.clone(),
            ledger: self.ledger.clone(),
            sessions: Arc::new(WatchedSessions::new(masked, self.notify.clone(), self.notified.clone())),
            rollouts: None,
            begins_rollouts: false,
            queue: None,
            events: None,
            identities: None,
            clock: Arc::new(SystemClock),
            rng: Arc::new(OsRng),
            inline_body: self.inline_body.clone(),
        };
        let deadline = SystemClock.now().checked_add(MAX_DURATION).unwrap_or(Timestamp::MAX);
        let policy = RetryPolicy { write_needs: deployer_aws::SENDING_TIMEOUT, ..RetryPolicy::default() };
        Engine { ports, config: self.config.clone(), outdated: None, region: None, deadline, retries: policy }
    }

    /// Registers the zip as the newest upload of the function's only release.
    fn register_zip(&self, function: &FunctionName, zip: File) -> Release {
        let (environment, function) = (self.direct_target.environment.clone(), function.clone());
        let artifact_key = ArtifactKey { environment, function, release: literal(RELEASE) };
        self.files.put(artifact_key.object_key(), zip);
        artifact_key.release
    }
}

/// Makes the configuration of one environment with one target.
fn config(direct_target: &DirectTarget, target: Target) -> Config {
    let environment = Environment {
        targets: vec![target],
        // `DirectSessions` has the role's whole ARN, so this name is not used.
        role_name: literal::<RoleName>(DEPLOY_ROLE),
        external_id: direct_target.external_id.clone(),
        alias: direct_target.alias.clone(),
        function_name: FunctionNameTemplate::default(),
        execution_role: None,
        log_groups: None,
        dead_letter_targets: None,
        accept_uploads: true,
        // `deployctl deploy` asks for --create itself.
        create: true,
        traffic_within: Span::TRAFFIC_WITHIN,
        // Without a ledger the versions that a rollback may need are unknown, so that none is deleted.
        keep_versions: u32::MAX,
        prune_durable: false,
        immutable_releases: false,
        promotion: None,
        approval: None,
        freeze: vec![],
        when_frozen: WhenFrozen::default(),
        proven: vec![],
        rollout: None,
    };
    Config {
        artifact_bucket: literal("no-bucket"),
        ledger_bucket: literal("no-ledger"),
        queue_url: None,
        wake_queue_url: None,
        event_bus: None,
        account: None,
        environments: [(direct_target.environment.clone(), environment)].into(),
    }
}

#[expect(clippy::expect_used, reason = "literals, each parsed by the test below")]
fn literal<T: std::str::FromStr<Err: fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a literal that obeys its rule")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_for_buckets_role_and_release_are_valid() {
        let direct_target = DirectTarget {
            environment: EnvironmentName::parse("dev").unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
            alias: AliasName::parse("live").unwrap(),
            role: None,
            external_id: None,
            account: None,
        };
        let target =
            Target { account: AccountId::parse("111111111111").unwrap(), region: direct_target.region.clone() };
        let config = config(&direct_target, target);
        assert_ne!(config.artifact_bucket, config.ledger_bucket);
        assert_eq!(literal::<Release>(RELEASE).as_str(), RELEASE);
    }
}
