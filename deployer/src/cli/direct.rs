//! What the verbs share that deploy, or plan, straight from this machine.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use aws_config::SdkConfig;
use deployer_core::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, RoleArn};
use deployer_core::manifest::Manifest;
use deployer_core::names::ALIAS;

use super::{Stopped, remote, zips};
use crate::direct::{Direct, Notice, Way};

/// The environment where none is named: nothing but what the manifest says for all.
const NO_ENVIRONMENT: &str = "direct";

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
    #[arg(long, value_name = "BUCKET")]
    ledger: Option<BucketName>,
}

impl Options {
    /// Whether the deployer has no part in it.
    pub fn is_asked_for(&self) -> bool {
        self.role_arn.is_some() || self.direct
    }

    /// Options that mean nothing to the deployer.
    ///
    /// # Errors
    /// Wrong use, naming one that was given.
    pub fn not_given(&self) -> Result<(), Stopped> {
        let given = [("--alias", self.alias.is_some()), ("--ledger", self.ledger.is_some())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Stopped::wrong_use(format!("{name} is for --role-arn or --direct"))),
            None => Ok(()),
        }
    }

    /// Everything that is ready before the first function, and the warnings that can be given before it.
    ///
    /// # Errors
    /// Wrong use: no region. Failed: the credentials say nothing.
    pub async fn prepare(
        &self,
        remote: &remote::Options,
        environment: Option<&EnvironmentName>,
        functions: &[FunctionName],
    ) -> Result<Direct, Stopped> {
        let sdk = remote.sdk().await;
        let way = Way {
            environment: environment.cloned().map_or_else(|| name(EnvironmentName::parse(NO_ENVIRONMENT)), Ok)?,
            region: region(&sdk)?,
            alias: self.alias.clone().map_or_else(|| name(AliasName::parse(ALIAS)), Ok)?,
            role: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            account: self.account.clone(),
        };
        let direct = Direct::prepare(&sdk, way, Arc::new(|notice: Notice| warn(&notice.to_string())));
        let direct = direct.await.map_err(|error| {
            Stopped::failed(format!("whose credentials are these? {error}\n  log in, or name a --profile"))
        })?;
        if let Some(bucket) = &self.ledger
            && let Err(error) = direct.look_into(&sdk, bucket.clone(), functions).await
        {
            warn(&format!("whether the deployer knows the function could not be looked up: {error}"));
        }
        Ok(direct)
    }
}

fn name<T>(parsed: Result<T, deployer_core::id::InvalidName>) -> Result<T, Stopped> {
    parsed.map_err(Stopped::failed)
}

fn region(sdk: &SdkConfig) -> Result<Region, Stopped> {
    let Some(region) = sdk.region() else {
        return Err(Stopped::wrong_use("in which region is the function? --region or AWS_REGION says so"));
    };
    Region::parse(region.as_ref()).map_err(Stopped::wrong_use)
}

/// What the manifest says for environments counts only where one is named.
pub(super) fn warn_of_unused_parts(function: &FunctionName, zip: &File) {
    // Whatever is wrong with it is told when it is verified.
    let manifest = zips::read(zip, |_| {}).ok().and_then(|package| package.manifest);
    let Some(Ok(manifest)) = manifest.map(|(format, text)| Manifest::parse(format, &text)) else { return };
    let parts: Vec<&str> = manifest.environments().map(EnvironmentName::as_str).collect();
    if !parts.is_empty() {
        let parts = parts.join(", ");
        warn(&format!("the manifest of {function} has parts for {parts}: without --environment none of them counts"));
    }
}

/// Said where it hinders no program that reads the answer.
pub(super) fn warn(message: &str) {
    let style = anstyle::AnsiColor::Yellow.on_default();
    // Whoever does not read our warnings gets the answer all the same.
    let _unread = writeln!(anstream::stderr(), "{style}warning:{style:#} {message}");
}
