//! Loads the AWS configuration as the AWS CLI does: profiles, credentials, region and authorities.
//!
//! AWS CLI User Guide, "Configuring settings for the AWS CLI" (an option goes before a variable, and a variable before a
//! profile) and "Configuring environment variables for the AWS CLI"; AWS SDKs and Tools Reference Guide, "Standardized
//! credential providers".

use std::borrow::Cow;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{self, ProfileFileCredentialsProvider, ProfileFileRegionProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::SharedCredentialsProvider;
use deployer_aws::CaBundle;

use crate::answer::CliError;

/// The profile that counts if none is named.
const DEFAULT: &str = "default";
/// The variables that name a profile, in the order in which they count (AWS CLI v2, `configprovider.py`). The second is
/// of older AWS CLIs, and the SDK does not know it.
const PROFILES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
/// The variables that name a region, in the order in which they count. Both go before a profile's region.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The option that names the profile by which the deployer is asked.
const OPTION: &str = "--profile";

/// A profile that an option of the command line names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedProfile<'a> {
    pub name: &'a str,
    /// The option.
    pub option: &'static str,
}

/// A profile, and what names it.
struct Selected<'a> {
    name: Cow<'a, str>,
    /// The option or the variable; `None` if nothing names a profile.
    by: Option<&'static str>,
    /// Whether an option names it. Then it goes before keys of the environment.
    is_option: bool,
}

/// Loads the configuration for the profile of `--profile` or the environment's, and for this region or the configured one.
///
/// # Errors
/// Wrong use: the profile does not exist or asks for a code, or a setting of the network cannot be used.
pub async fn load(profile: Option<&str>, region: Option<&str>) -> Result<SdkConfig, CliError> {
    load_by(profile.map(|name| NamedProfile { name, option: OPTION }), region).await
}

/// Loads the configuration for the profile of any option. The messages name the option.
///
/// # Errors
/// As for [`load`].
pub(crate) async fn load_by(profile: Option<NamedProfile<'_>>, region: Option<&str>) -> Result<SdkConfig, CliError> {
    // An empty variable counts as one that is not set.
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let selected = select(profile, variable);
    let profiles = read_profiles(&selected).await?;
    ensure_profile(&profiles, &selected, variable)?;
    // Without a profile on the command line, keys of the environment go before any profile.
    if selected.is_option || variable("AWS_ACCESS_KEY_ID").is_none() {
        check_sources(&profiles, &selected, variable)?;
    }
    let http_client = deployer_aws::http_client(ca_bundle(&profiles)).map_err(CliError::wrong_use)?;
    let provider = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_http_client(http_client.clone());
    let named = region.map(str::to_owned).or_else(|| REGIONS.iter().find_map(|name| variable(name)));
    let of_profile = ProfileFileRegionProvider::builder().configure(&provider).profile_name(&*selected.name).build();
    let region = RegionProviderChain::first_try(named.map(Region::new))
        .or_else(of_profile)
        .or_else(ImdsRegionProvider::builder().configure(&provider).build());
    let loader = deployer_aws::loader(http_client).profile_name(&*selected.name).region(region);
    let sdk = loader.load().await;
    let sdk = if selected.is_option { with_profile(sdk, provider, &selected.name) } else { sdk };
    Ok(deployer_aws::with_app_name(sdk))
}

/// Makes the error of a configuration without a region.
pub fn no_region() -> CliError {
    CliError::wrong_use("no region is known: say --region, AWS_REGION or a --profile that has one")
}

fn select<'a>(profile: Option<NamedProfile<'a>>, variable: impl Fn(&str) -> Option<String>) -> Selected<'a> {
    let of_variable = |by| variable(by).map(|name| Selected { name: name.into(), by: Some(by), is_option: false });
    let default = Selected { name: DEFAULT.into(), by: None, is_option: false };
    match profile {
        Some(NamedProfile { name, option }) => Selected { name: name.into(), by: Some(option), is_option: true },
        None => PROFILES.into_iter().find_map(of_variable).unwrap_or(default),
    }
}

/// Takes the credentials of a profile, which goes before keys of the environment. A profile without credentials leaves
/// them to the container or the instance. The services that give them are called in the same region, and at the same
/// kind of endpoint, as all others.
fn with_profile(sdk: SdkConfig, provider: ProviderConfig, profile: &str) -> SdkConfig {
    let provider = provider
        .with_region(sdk.region().cloned())
        .with_use_fips(sdk.use_fips())
        .with_use_dual_stack(sdk.use_dual_stack());
    let of_profile = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
    let credentials = CredentialsProviderChain::first_try("Profile", of_profile)
        .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(&provider).build())
        .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&provider).build());
    sdk.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

async fn read_profiles(selected: &Selected<'_>) -> Result<ProfileSet, CliError> {
    let profile = Some(Cow::Owned(selected.name.clone().into_owned()));
    profile::load(&Default::default(), &Default::default(), &Default::default(), profile).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        CliError::wrong_use(format!("the files of profiles cannot be read: {error}{cause}"))
    })
}

/// Refuses a profile that no file has, naming the files.
fn ensure_profile(
    profiles: &ProfileSet,
    selected: &Selected<'_>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), CliError> {
    let Selected { name: selected, by, .. } = selected;
    let Some(by) = by.filter(|_| profiles.get_profile(selected).is_none()) else { return Ok(()) };
    let (config, credentials) = files(variable);
    Err(CliError::wrong_use(format!(
        "there is no profile {selected:?} ({by}) in {config} (as [profile {selected}]) or {credentials} (as \
         [{selected}]): {}",
        known(profiles)
    )))
}

/// Returns the paths of the files of profiles.
fn files(variable: impl Fn(&str) -> Option<String>) -> (String, String) {
    let file = |name: &str, place: &str| variable(name).unwrap_or_else(|| format!("~/.aws/{place}"));
    (file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
}

/// Lists the profiles that the files have.
fn known(profiles: &ProfileSet) -> String {
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
    match known[..] {
        [] => "they have none".to_owned(),
        _ => format!("they have {}", known.join(", ")),
    }
}

/// Refuses a profile whose role takes its credentials from a profile that no file has, or asks for a code of a device,
/// which deployctl cannot ask for.
fn check_sources(
    profiles: &ProfileSet,
    Selected { by, .. }: &Selected<'_>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), CliError> {
    let selected = profiles.selected_profile();
    let mut visited = Vec::new();
    let mut next = Some(selected);
    while let Some(name) = next.filter(|name| !visited.contains(name)) {
        let Some(profile) = profiles.get_profile(name) else { break };
        if profile.get("role_arn").is_some() && profile.get("mfa_serial").is_some() {
            let of = if name == selected { String::new() } else { format!(", a source of profile {selected:?},") };
            // Keys in the environment are those that ask the deployer.
            let ways = match by {
                Some(option) if *option != OPTION && !PROFILES.contains(option) => {
                    format!("name a profile of IAM Identity Center, or one with keys, by {option}")
                }
                _ => format!(
                    "use a profile of IAM Identity Center, or let the AWS CLI ask, and use what it gets:\n  \
                     eval \"$(aws configure export-credentials --profile {selected} --format env)\"\n    \
                     and then deployctl without --profile and AWS_PROFILE"
                ),
            };
            return Err(CliError::wrong_use(format!(
                "profile {name:?}{of} asks for the code of an MFA device (mfa_serial), and deployctl cannot ask you \
                 for it: {ways}"
            )));
        }
        visited.push(name);
        next = profile.get("role_arn").and_then(|_| profile.get("source_profile"));
        if let Some(source) = next.filter(|source| profiles.get_profile(source).is_none()) {
            let (config, credentials) = files(variable);
            return Err(CliError::wrong_use(format!(
                "profile {name:?} takes its credentials from source_profile {source:?}, which is neither in {config} nor \
                 in {credentials}: {}",
                known(profiles)
            )));
        }
    }
    Ok(())
}

/// Returns the authorities that the profile names.
fn ca_bundle(profiles: &ProfileSet) -> Option<CaBundle> {
    let path = profiles.get("ca_bundle").filter(|path| !path.is_empty())?;
    Some(CaBundle { setting: format!("ca_bundle of profile {:?}", profiles.selected_profile()), path: path.to_owned() })
}
