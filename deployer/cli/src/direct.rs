//! What the verbs share that deploy, or plan, straight from this machine.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use aws_config::SdkConfig;
use deployer_core::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, RoleArn};
use deployer_core::manifest::Manifest;
use deployer_core::names::ALIAS;

use super::CliError;
use super::sources::{self, Source};
use super::zips::{self, Finding};
use crate::direct_deploy::{Direct, DirectTarget, Notice};

/// What it is called where no environment is named: nothing counts but what the manifest says for all.
const DIRECT_ENVIRONMENT: &str = "direct";

/// How the target is entered from here.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Past the deployer: enter the target from this machine, by this role.
    #[arg(short = 'i', long, value_name = "ARN")]
    role_arn: Option<RoleArn>,
    /// Past the deployer as well, with the credentials that are here, and no role.
    #[arg(long, conflicts_with = "role_arn")]
    direct: bool,
    /// The external id that the role's trust policy asks for.
    #[arg(long, value_name = "ID", requires = "role_arn", conflicts_with = "direct")]
    external_id: Option<ExternalId>,
    /// With --direct: the account that the credentials must belong to.
    #[arg(long, value_name = "ID", requires = "direct", conflicts_with = "role_arn")]
    account: Option<AccountId>,
    /// Past the deployer: the alias that serves [default: live].
    #[arg(long, value_name = "NAME")]
    alias: Option<AliasName>,
    /// Past the deployer: look into this ledger bucket whether the deployer knows the function, and warn if it does.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_LEDGER_BUCKET")]
    ledger: Option<BucketName>,
}

impl Options {
    /// Whether the deployer has no part in it.
    pub fn is_direct(&self) -> bool {
        self.role_arn.is_some() || self.direct
    }

    /// Options that mean nothing to the deployer.
    ///
    /// # Errors
    /// Wrong use, naming one that was given.
    pub fn reject_if_given(&self) -> Result<(), CliError> {
        // A ledger may be known to everything in this shell.
        match &self.alias {
            Some(_) => Err(CliError::wrong_use("--alias is for --role-arn or --direct")),
            None => Ok(()),
        }
    }

    /// Everything that is ready before the first function.
    ///
    /// # Errors
    /// Wrong use: no region. Failed: the credentials say nothing.
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
            CliError::failed(format!("whose credentials are these? {error}\n  log in, or name a --profile"))
        })
    }

    /// Warns of functions that the ledger knows, where one is named.
    pub async fn warn_if_in_ledger(&self, sdk: &SdkConfig, direct: &Direct, functions: &[FunctionName]) {
        if let Some(bucket) = &self.ledger
            && let Err(error) = direct.notify_if_in_ledger(sdk, bucket.clone(), functions).await
        {
            warn(&format!("whether the deployer knows the function could not be looked up: {error}"));
        }
    }
}

/// A zip, or a folder as one, that the deployer would take too.
pub(super) struct CheckedSource {
    pub source: Source,
    pub zip: File,
    manifest: Option<Manifest>,
}

impl CheckedSource {
    /// Packs and reads it; it is checked for an environment, or for what the manifest says for all.
    ///
    /// # Errors
    /// Wrong use: it cannot be read. Refused: what is wrong with it.
    pub fn open(source: Source, environment: Option<&EnvironmentName>) -> Result<Self, CliError> {
        let zip = sources::open_zip(&source.path)?;
        let invalid = |mistakes: Vec<Finding>| zips::invalid_zip(&source.path, &mistakes);
        let package = zips::read(&zip, |_| {}).map_err(invalid)?;
        let manifest = package.manifest.as_ref().map(|(format, text)| zips::manifest(*format, text)).transpose();
        let manifest = manifest.map_err(invalid)?;
        let environment = environment.cloned().map_or_else(|| unnamed_environment(manifest.iter()), Ok)?;
        zips::check(&package, Some(&environment)).map_err(invalid)?;
        Ok(Self { source, zip, manifest })
    }
}

/// The environment that was named; or a name that no manifest has a part for, so that none counts.
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
        return Err(CliError::wrong_use("in which region is the function? --region or AWS_REGION says so"));
    };
    Region::parse(region.as_ref()).map_err(CliError::wrong_use)
}

/// Said where it hinders no program that reads the answer.
pub(super) fn warn(message: &str) {
    let style = anstyle::AnsiColor::Yellow.on_default();
    // Whoever does not read our warnings gets the answer all the same.
    let _unread = writeln!(anstream::stderr(), "{style}warning:{style:#} {message}");
}
