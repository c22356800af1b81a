//! One target of a function, and a person's own way into its account.
//!
//! Status and records say where the target is and what the function is called there. The person enters the account with
//! rights of their own: the deploy role is for the deployer alone.

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region as AwsRegion, SdkConfig};
use aws_sdk_lambda::config::SharedCredentialsProvider;
use deployer_core::config::Target;
use deployer_core::id::{AccountId, AliasName, ExternalId, FunctionName, Region, Release, RoleArn, Version};
use deployer_core::names::DEPLOY_ROLE;
use deployer_core::record::TargetOutcome;
use deployer_core::status::{FunctionStatus, TargetStatus};
use serde::Serialize;

use super::sdk_config::{self, NamedProfile};
use crate::answer::CliError;
use crate::remote::ledger::StatusSource;
use crate::text::hints::hint;
use crate::{follow, remote};

/// The option that names a target.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The target, where the environment has several: account and region, such as 111111111111/eu-west-1.
    #[arg(long, value_name = "ACCOUNT/REGION", value_parser = parse)]
    pub target: Option<Target>,
}

/// The options that say as whom the target account is entered.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Access {
    /// The profile for the target account [default: the credentials that ask the deployer].
    #[arg(long, value_name = "NAME", conflicts_with = "role_arn")]
    target_profile: Option<String>,
    /// A role of yours in the target account to assume. The deploy role is none: only the deployer enters it.
    #[arg(short = 'i', long, value_name = "ARN")]
    role_arn: Option<RoleArn>,
    /// The external id that the role's trust policy asks for.
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<ExternalId>,
}

/// A function in one target, as the deployer's records know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Located {
    /// The account and the region.
    #[serde(flatten)]
    pub target: Target,
    /// The function's name there.
    pub function_name: FunctionName,
    /// The alias that serves.
    pub alias: AliasName,
    /// The version that the ledger says the alias serves.
    pub version: Option<Version>,
    /// The release of that version.
    pub release: Option<Release>,
}

/// The number of records among which one with a target is looked for.
const RECORDS: u32 = 20;
/// The session's name, as CloudTrail of the target account shows it.
const SESSION: &str = "deployctl";

fn parse(text: &str) -> Result<Target, String> {
    let (account, region) = text.split_once('/').ok_or("it is ACCOUNT/REGION, such as 111111111111/eu-west-1")?;
    let account = AccountId::parse(account).map_err(|error| error.to_string())?;
    let region = Region::parse(region).map_err(|error| error.to_string())?;
    Ok(Target { account, region })
}

impl Options {
    /// Finds the target that is meant: the named one, or the only one.
    ///
    /// # Errors
    /// Refused: nothing was deployed there. Wrong use: there is no such target, or several are there and none is named.
    pub async fn locate(
        &self,
        status_source: &mut StatusSource,
        args: &follow::FunctionArgs,
    ) -> Result<Located, CliError> {
        let follow::FunctionArgs { environment, function } = args;
        let report = status_source.status(Some(environment), Some(function)).await?;
        let status = report.functions.into_iter().next();
        let records = status_source.history(args, RECORDS).await?.deployments;
        // The name and the alias are the same in all targets of an environment.
        let named = records.iter().flat_map(|record| &record.targets).next();
        let named = named.ok_or_else(|| CliError::refused(nothing_deployed(args)))?;
        located(status.as_ref(), named, self.target.as_ref())
            .map_err(|because| CliError::wrong_use(format!("{function} in {environment}: {because}")))
    }
}

/// Says that nothing was deployed for a function there, and how to see where it is.
pub(crate) fn nothing_deployed(follow::FunctionArgs { environment, function }: &follow::FunctionArgs) -> String {
    format!(
        "nothing was deployed for {function} in {environment} yet. To see what is live where:\n  deployctl status {function}"
    )
}

fn located(status: Option<&FunctionStatus>, named: &TargetOutcome, wanted: Option<&Target>) -> Result<Located, String> {
    let targets = status.map_or(&[][..], |status| &status.targets[..]);
    let is_meant = |target: &&TargetStatus| wanted.is_none_or(|wanted| target.target == *wanted);
    let meant: Vec<&TargetStatus> = targets.iter().filter(is_meant).collect();
    let all = || targets.iter().map(|target| target.target.to_string()).collect::<Vec<_>>().join(", ");
    match (&meant[..], wanted) {
        ([one], _) => Ok(Located {
            target: one.target.clone(),
            function_name: named.function_name.clone(),
            alias: named.alias.clone(),
            version: one.version.clone(),
            release: one.release.clone(),
        }),
        (_, Some(wanted)) => Err(format!("{wanted} is none of its targets, which are {}", all())),
        ([], None) => Err("it has no target: is the environment still in deployer.json?".to_owned()),
        (_, None) => Err(format!("--target says which one is meant: {}", all())),
    }
}

impl Access {
    /// Whether the user names a profile or a role.
    pub fn is_given(&self) -> bool {
        self.target_profile.is_some() || self.role_arn.is_some()
    }

    /// Enters the target account with rights of the person's own.
    ///
    /// # Errors
    /// Wrong use: the credentials are another account's, or the role is the deploy role. Failed: they do not work.
    pub async fn enter(&self, remote: &remote::Options, target: &Target) -> Result<SdkConfig, CliError> {
        let region = target.region.as_str();
        let sdk = match &self.target_profile {
            Some(name) => {
                let profile = NamedProfile { name, option: "--target-profile" };
                sdk_config::load_by(Some(profile), Some(region)).await?
            }
            None => remote.sdk().await?.into_builder().region(AwsRegion::new(region.to_owned())).build(),
        };
        let sdk = match &self.role_arn {
            Some(role) => self.assume(sdk, role).await?,
            None => sdk,
        };
        let ways = "--target-profile or --role-arn (-i) says as whom that account is entered: with rights of your own, \
                    because only the deployer enters by the deploy role";
        let found = deployer_aws::caller(&sdk).await.map_err(|error| {
            let hint = hint(error.obstacle(), ways);
            CliError::failed(format!("the account {} cannot be entered: {error}\n  {hint}", target.account))
        })?;
        if found != target.account {
            let account = &target.account;
            return Err(CliError::wrong_use(format!(
                "the credentials are those of account {found}, and the target is in {account}\n  {ways}"
            )));
        }
        Ok(sdk)
    }

    async fn assume(&self, sdk: SdkConfig, role: &RoleArn) -> Result<SdkConfig, CliError> {
        if role.as_str().rsplit('/').next() == Some(DEPLOY_ROLE) {
            return Err(CliError::wrong_use(format!(
                "{role} is the deploy role, which only the deployer enters: name a role of your own"
            )));
        }
        let provider = AssumeRoleProvider::builder(role.as_str()).session_name(SESSION).configure(&sdk);
        let provider = match &self.external_id {
            Some(id) => provider.external_id(id.as_str()),
            None => provider,
        };
        let credentials = SharedCredentialsProvider::new(provider.build().await);
        Ok(sdk.into_builder().credentials_provider(credentials).build())
    }
}

impl Located {
    /// Returns the function's ARN, by the alias.
    pub fn alias_arn(&self) -> String {
        let Self { target: Target { account, region }, function_name, alias, .. } = self;
        let partition = region.partition();
        format!("arn:{partition}:lambda:{region}:{account}:function:{function_name}:{alias}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn status(targets: &[&str]) -> FunctionStatus {
        let targets: Vec<serde_json::Value> = targets
            .iter()
            .map(|target| {
                let Target { account, region } = parse(target).unwrap();
                serde_json::json!({ "account": account, "region": region, "version": "7", "release": "1.4.2" })
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "environment": "prod", "function": "orders", "live": null, "targets": targets, "active": null,
            "pending": null, "hold": null, "rejected": false,
        }))
        .unwrap()
    }

    fn named() -> TargetOutcome {
        serde_json::from_value(serde_json::json!({
            "account": "111111111111", "region": "eu-west-1", "status": "succeeded", "function_name": "prod-orders",
            "alias": "serving", "version": "7", "previous": null, "error": null,
        }))
        .unwrap()
    }

    #[test]
    fn only_target_is_meant_and_has_name_and_alias_of_the_records() {
        let status = status(&["111111111111/eu-west-1"]);
        let found = located(Some(&status), &named(), None).unwrap();
        assert_eq!((found.function_name.as_str(), found.alias.as_str()), ("prod-orders", "serving"));
        assert_eq!(found.version.as_ref().map(Version::as_str), Some("7"));
        assert_eq!(found.alias_arn(), "arn:aws:lambda:eu-west-1:111111111111:function:prod-orders:serving");
    }

    #[test]
    fn target_that_is_not_named_among_several_is_wrong_use() {
        let status = status(&["111111111111/eu-west-1", "222222222222/us-gov-west-1"]);
        let wanted = parse("222222222222/us-gov-west-1").unwrap();
        let found = located(Some(&status), &named(), Some(&wanted)).unwrap();
        assert!(found.alias_arn().starts_with("arn:aws-us-gov:lambda:us-gov-west-1:222222222222:"));
        let other = parse("333333333333/eu-west-1").unwrap();
        for (wanted, expected) in [
            (None, "--target says which one is meant: 111111111111/eu-west-1, 222222222222/us-gov-west-1"),
            (Some(&other), "333333333333/eu-west-1 is none of its targets, which are 111111111111/eu-west-1, "),
        ] {
            let error = located(Some(&status), &named(), wanted).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn function_without_a_target_is_wrong_use() {
        let error = located(Some(&status(&[])), &named(), None).unwrap_err();
        assert!(error.starts_with("it has no target"), "{error}");
    }

    #[test]
    fn target_in_another_form_is_refused() {
        for text in ["", "111111111111", "111111111111/", "1/eu-west-1", "111111111111/eu-west-1/x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
