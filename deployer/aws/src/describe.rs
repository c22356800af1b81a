//! Describes a live function with the caller's own credentials.

use aws_config::SdkConfig;
use aws_sdk_lambda::types::PackageType;
use deployer_core::id::{AccountId, FunctionName};
use deployer_core::observed::{FunctionMetadata, Settings};

use super::failure::CallFailure;
use super::lambda_read as read;

/// A function and its configuration.
pub struct DescribedFunction {
    /// Its name.
    pub name: FunctionName,
    /// Its account.
    pub account: AccountId,
    /// The configuration of `$LATEST`.
    pub settings: Settings,
    /// Its tags and its reserved concurrency.
    pub metadata: FunctionMetadata,
}

/// The reason why a function cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// The call failed.
    #[error(transparent)]
    Unread(CallFailure),
    /// Its code is a container image.
    #[error(
        "its code is a container image, and the deployer deploys zips: a manifest has nothing to say about it (package the function \
         as a zip first)"
    )]
    Image,
    /// The answer lacks a required field.
    #[error("Lambda's answer cannot be read: it has no {0}")]
    Incomplete(&'static str),
}

/// Reads a function by name or ARN. The values of its variables are in clear.
///
/// # Errors
/// [`DescribeError`].
pub async fn describe_function(sdk: &SdkConfig, name: &str) -> Result<DescribedFunction, DescribeError> {
    let answer = aws_sdk_lambda::Client::new(sdk).get_function().function_name(name).send().await;
    let answer = answer.map_err(|error| DescribeError::Unread(CallFailure::of(&error)))?;
    let configuration = answer.configuration().ok_or(DescribeError::Incomplete("configuration"))?;
    if configuration.package_type() == Some(&PackageType::Image) {
        return Err(DescribeError::Image);
    }
    let arn = configuration.function_arn().unwrap_or_default().split(':').nth(4).unwrap_or_default();
    let account = AccountId::parse(arn).map_err(|_| DescribeError::Incomplete("ARN"))?;
    let name = FunctionName::parse(configuration.function_name().unwrap_or_default());
    let name = name.map_err(|_| DescribeError::Incomplete("name"))?;
    let (code, metadata) = read::function(answer).map_err(DescribeError::Incomplete)?;
    Ok(DescribedFunction { name, account, settings: code.settings, metadata })
}
