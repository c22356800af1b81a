//! A live function, as anybody with credentials may look at it.

use aws_config::SdkConfig;
use aws_sdk_lambda::types::PackageType;
use deployer_core::id::{AccountId, FunctionName};
use deployer_core::observed::{FunctionMetadata, Settings};

use super::error::Failure;
use super::lambda_read as read;

/// What a function is.
pub struct LiveFunction {
    /// Its name.
    pub name: FunctionName,
    /// Its account.
    pub account: AccountId,
    /// How `$LATEST` is configured.
    pub settings: Settings,
    /// Its tags and its concurrency.
    pub belongings: FunctionMetadata,
}

/// Why it cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum NotDescribed {
    /// AWS's words.
    #[error("{0}")]
    Unread(String),
    /// Its code is a container image.
    #[error(
        "its code is a container image, and the deployer deploys zips: a manifest has nothing to say about it (package the function \
         as a zip first)"
    )]
    Image,
    /// The answer lacks what it must have.
    #[error("Lambda's answer cannot be read: it has no {0}")]
    Incomplete(&'static str),
}

/// Looks at a function by name or ARN. Its variables come along in clear.
///
/// # Errors
/// [`NotDescribed`].
pub async fn live_function(sdk: &SdkConfig, name: &str) -> Result<LiveFunction, NotDescribed> {
    let answer = aws_sdk_lambda::Client::new(sdk).get_function().function_name(name).send().await;
    let answer = answer.map_err(|error| NotDescribed::Unread(Failure::of(&error).message.into()))?;
    let configuration = answer.configuration().ok_or(NotDescribed::Incomplete("configuration"))?;
    if configuration.package_type() == Some(&PackageType::Image) {
        return Err(NotDescribed::Image);
    }
    let arn = configuration.function_arn().unwrap_or_default().split(':').nth(4).unwrap_or_default();
    let account = AccountId::parse(arn).map_err(|_| NotDescribed::Incomplete("ARN"))?;
    let name = FunctionName::parse(configuration.function_name().unwrap_or_default());
    let name = name.map_err(|_| NotDescribed::Incomplete("name"))?;
    let (code, belongings) = read::function(answer).map_err(NotDescribed::Incomplete)?;
    Ok(LiveFunction { name, account, settings: code.settings, belongings })
}
