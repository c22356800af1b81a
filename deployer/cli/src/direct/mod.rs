//! Shared parts of the verbs that deploy or plan from this machine.

pub(crate) mod deploy;

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use aws_config::SdkConfig;
use deployer_core::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, RoleArn};
use deployer_core::manifest::Manifest;
use deployer_core::names::ALIAS;

use crate::answer::CliError;
use crate::aws::sdk_config::no_region;
use crate::text::hints::hint;
pub(crate) use crate::text::warning::warn;
use crate::zips::source::SourceZip;
use crate::zips::sources::Source;
use crate::zips::{self, Finding};
use deploy::{Direct, DirectTarget, Notice};

/// The environment's name if the user names none; only the manifest's part for all environments applies then.
const DIRECT_ENVIRONMENT: &str = "direct";

/// The options of a direct deployment.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Without the deployer: assume this role from this machine to enter the target.
    #[arg(short = 'i', long, value_name = "ARN")]
    role_arn: Option<RoleArn>,
    /// Without the deployer: use the credentials of this machine, without a role.
    #[arg(long, conflicts_with = "role_arn")]
    direct: bool,
    /// The external id that the role's trust policy asks for.
    #[arg(long, value_name = "ID", requires = "role_arn", conflicts_with = "direct")]
    external_id: Option<ExternalId>,
    /// With --direct: the account that the credentials must belong to.
    #[arg(long, value_name = "ID", requires = "direct", conflicts_with = "role_arn")]
    account: Option<AccountId>,
    /// Without the deployer: the alias that serves [default: live].
    #[arg(long, value_name = "NAME")]
    alias: Option<AliasName>,
    /// Without the deployer: read this ledger bucket, and warn if the deployer knows the function.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_LEDGER_BUCKET")]
    ledger: Option<BucketName>,
}

impl Options {
    /// Whether the user asks for a direct deployment.
    pub fn is_direct(&self) -> bool {
        self.role_arn.is_some() || self.direct
    }

    /// Refuses options that are for direct deployments only.
    ///
    /// # Errors
    /// Wrong use, naming the option that was given.
    pub fn reject_if_given(&self) -> Result<(), CliError> {
        // --ledger is not checked: its variable may be set for the whole shell.
        match &self.alias {
            Some(_) => Err(CliError::wrong_use("--alias is for --role-arn or --direct")),
            None => Ok(()),
        }
    }

    /// Prepares direct deployments before the first function.
    ///
    /// # Errors
    /// Wrong use: no region is set. Failed: the credentials do not work.
    pub async fn prepare(&self, sdk: &SdkConfig, environment: EnvironmentName) -> Result<Direct, CliError> {
        let target = DirectTarget {
            environment,
            region: region(sdk)?,
            alias: self.alias.clone().map_or_else(|| name(AliasName::parse(ALIAS)), Ok)?,
            role: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            account: self.account.clone(),
        };
        let direct = Direct::prepare(sdk, target, Arc::new(|notice: Notice| warn(&notice.to_string())));
        direct.await.map_err(|error| {
            let hint = hint(error.obstacle(), "try again, or name another --region or --profile");
            CliError::failed(format!("the account of the credentials cannot be found: {error}\n  {hint}"))
        })
    }

    /// Warns about functions that the ledger knows, if the user names a ledger.
    pub async fn warn_if_in_ledger(&self, sdk: &SdkConfig, direct: &Direct, functions: &[FunctionName]) {
        if let Some(bucket) = &self.ledger
            && let Err(error) = direct.notify_if_in_ledger(sdk, bucket.clone(), functions).await
        {
            warn(&format!("whether the deployer knows the function could not be looked up: {error}"));
        }
    }
}

/// A zip, or a packed folder, that passes the deployer's checks.
pub(super) struct CheckedSource {
    pub source: Source,
    pub zip: File,
    manifest: Option<Manifest>,
}

impl CheckedSource {
    /// Packs a folder, then reads and checks the zip for the environment, or for the manifest's part for all
    /// environments.
    ///
    /// # Errors
    /// Wrong use: the source cannot be read. Refused: the list of mistakes.
    pub fn open(source: Source, environment: Option<&EnvironmentName>) -> Result<Self, CliError> {
        let zip = SourceZip::open(&source.path).map_err(|error| error.error(&source.path))?;
        let invalid = |findings: Vec<Finding>| zips::invalid_zip(&source.path, &findings);
        let package = zip.read(|_| {}).map_err(invalid)?;
        let manifest = package.manifest.as_ref().map(|(format, text)| zips::manifest(*format, text)).transpose();
        let manifest = manifest.map_err(invalid)?;
        let environment = environment.cloned().map_or_else(|| unnamed_environment(manifest.iter()), Ok)?;
        zips::check(&package, Some(&environment)).map_err(invalid)?;
        zip.tell();
        Ok(Self { source, zip: zip.file, manifest })
    }
}

/// Returns the named environment, or a name that no manifest has a part for, so that no part counts.
pub(super) fn environment(named: Option<&EnvironmentName>, all: &[CheckedSource]) -> Result<EnvironmentName, CliError> {
    if let Some(environment) = named {
        return Ok(environment.clone());
    }
    for CheckedSource { source, manifest, .. } in all {
        let parts: Vec<&str> = manifest.iter().flat_map(Manifest::environments).map(EnvironmentName::as_str).collect();
        if !parts.is_empty() {
            let (function, parts) = (&source.function, parts.join(", "));
            warn(&format!(
                "the manifest of {function} has parts for {parts}: without --environment none of them counts"
            ));
        }
    }
    unnamed_environment(all.iter().filter_map(|checked| checked.manifest.as_ref()))
}

fn unnamed_environment<'a>(manifests: impl Iterator<Item = &'a Manifest>) -> Result<EnvironmentName, CliError> {
    let used: BTreeSet<&EnvironmentName> = manifests.flat_map(Manifest::environments).collect();
    let mut candidate = name(EnvironmentName::parse(DIRECT_ENVIRONMENT))?;
    for number in 2.. {
        if !used.contains(&candidate) {
            break;
        }
        candidate = name(EnvironmentName::parse(format!("{DIRECT_ENVIRONMENT}-{number}")))?;
    }
    Ok(candidate)
}

fn name<T>(parsed: Result<T, deployer_core::id::InvalidName>) -> Result<T, CliError> {
    parsed.map_err(CliError::failed)
}

fn region(sdk: &SdkConfig) -> Result<Region, CliError> {
    let Some(region) = sdk.region() else {
        return Err(no_region());
    };
    Region::parse(region.as_ref()).map_err(CliError::wrong_use)
}
