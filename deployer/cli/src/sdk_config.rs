//! Loads the AWS configuration as the AWS CLI does: profiles, credentials, region and authorities.
//!
//! AWS CLI User Guide, "Configuration and credential precedence"; AWS SDKs and Tools Reference Guide, "Standardized
//! credential providers".

use std::borrow::Cow;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{self, ProfileFileCredentialsProvider, ProfileFileRegionProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use deployer_aws::CaBundle;

use super::answer::CliError;

/// The profile that counts if none is named.
const DEFAULT: &str = "default";

/// Loads the configuration for a named profile or the environment's, and for this region or the configured one.
///
/// # Errors
/// Wrong use: the profile does not exist or asks for a code, or a setting of the network cannot be used.
pub async fn load(profile: Option<&str>, region: Option<&str>) -> Result<SdkConfig, CliError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let profiles = read_profiles(profile).await?;
    ensure_profile(&profiles, profile, variable)?;
    // Without a named profile, keys of the environment go before any profile.
    if profile.is_some() || variable("AWS_ACCESS_KEY_ID").is_none() {
        reject_mfa(&profiles)?;
    }
    let http_client = deployer_aws::http_client(ca_bundle(&profiles)).map_err(CliError::wrong_use)?;
    let loader = deployer_aws::loader(http_client.clone());
    let region = region.map(|region| Region::new(region.to_owned()));
    let loader = match (profile, region) {
        (Some(profile), region) => for_profile(loader, http_client, profile, region).await,
        (None, Some(region)) => loader.region(region),
        (None, None) => loader,
    };
    Ok(deployer_aws::with_app_name(loader.load().await))
}

/// A named profile goes before keys and a region of the environment. A profile without credentials leaves them to the
/// container or the instance.
async fn for_profile(
    loader: ConfigLoader,
    http_client: SharedHttpClient,
    profile: &str,
    region: Option<Region>,
) -> ConfigLoader {
    let provider = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_http_client(http_client);
    let region = match region {
        Some(region) => Some(region),
        None => {
            let of_profile = ProfileFileRegionProvider::builder().configure(&provider).profile_name(profile).build();
            RegionProviderChain::first_try(of_profile).or_else(EnvironmentVariableRegionProvider::new()).region().await
        }
    };
    let provider = provider.with_region(region.clone());
    let of_profile = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
    let credentials = CredentialsProviderChain::first_try("Profile", of_profile)
        .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(&provider).build())
        .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&provider).build());
    loader.profile_name(profile).credentials_provider(credentials).region(region)
}

async fn read_profiles(profile: Option<&str>) -> Result<ProfileSet, CliError> {
    let profile = profile.map(|name| Cow::Owned(name.to_owned()));
    profile::load(&Default::default(), &Default::default(), &Default::default(), profile).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        CliError::wrong_use(format!("the files of profiles cannot be read: {error}{cause}"))
    })
}

/// Refuses a profile that no file has, naming the files.
fn ensure_profile(
    profiles: &ProfileSet,
    named: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), CliError> {
    let selected = profiles.selected_profile();
    if profiles.get_profile(selected).is_some() || (named.is_none() && selected == DEFAULT) {
        return Ok(());
    }
    let by = if named.is_some() { "--profile" } else { "AWS_PROFILE" };
    let file = |name: &str, place: &str| variable(name).unwrap_or_else(|| format!("~/.aws/{place}"));
    let (config, credentials) = (file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials"));
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
    let known = match known[..] {
        [] => "they have none".to_owned(),
        _ => format!("they have {}", known.join(", ")),
    };
    Err(CliError::wrong_use(format!(
        "there is no profile {selected:?} ({by}) in {config} (as [profile {selected}]) or {credentials} (as \
         [{selected}]): {known}"
    )))
}

/// Refuses a profile whose role asks for a code of a device, which deployctl cannot ask for.
fn reject_mfa(profiles: &ProfileSet) -> Result<(), CliError> {
    let selected = profiles.selected_profile();
    let mut visited = Vec::new();
    let mut next = Some(selected);
    while let Some(name) = next.filter(|name| !visited.contains(name)) {
        let Some(profile) = profiles.get_profile(name) else { break };
        if profile.get("role_arn").is_some() && profile.get("mfa_serial").is_some() {
            let of = if name == selected { String::new() } else { format!(", a source of profile {selected:?},") };
            return Err(CliError::wrong_use(format!(
                "profile {name:?}{of} asks for the code of an MFA device (mfa_serial), and deployctl cannot ask you \
                 for it: use a profile of IAM Identity Center, or let the AWS CLI ask, and use what it gets:\n  \
                 eval \"$(aws configure export-credentials --profile {selected} --format env)\"\n    \
                 and then deployctl without --profile and AWS_PROFILE"
            )));
        }
        visited.push(name);
        next = profile.get("role_arn").and_then(|_| profile.get("source_profile"));
    }
    Ok(())
}

/// Returns the authorities that the profile names.
fn ca_bundle(profiles: &ProfileSet) -> Option<CaBundle> {
    let path = profiles.get("ca_bundle").filter(|path| !path.is_empty())?;
    Some(CaBundle { setting: format!("ca_bundle of profile {:?}", profiles.selected_profile()), path: path.to_owned() })
}
