//! Proves to the deployer who sends a command: the command carries a signature that only STS can check
//! (docs/concepts/identity.md).

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use deployer_core::id::{AccountId, Region};
use deployer_core::identity::{Audience, IdentityProof, RequestDigest};
use deployer_core::trigger::{Command, CommandRequest};
use tokio::sync::OnceCell;

/// The longest time for finding out which account the credentials belong to.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Signs commands to one deployer.
pub(crate) struct Signer {
    sdk: SdkConfig,
    /// The name or ARN of the deployer's Lambda, as the user gives it.
    function_name: String,
    /// The deployer's ARN, or the reason why it is not known.
    audience: OnceCell<Result<Audience, String>>,
}

impl Signer {
    /// Makes a signer with the credentials of this configuration.
    pub fn new(sdk: SdkConfig, function_name: String) -> Self {
        Self { sdk, function_name, audience: OnceCell::new() }
    }

    /// Signs a command as it is sent, as of now.
    ///
    /// # Errors
    /// The reason why it cannot be signed.
    pub async fn sign(&self, request: &CommandRequest) -> Result<IdentityProof, String> {
        let audience = self.audience.get_or_init(|| self.find_audience()).await.as_ref().map_err(Clone::clone)?;
        let digest = RequestDigest::of_command(&request.payload());
        let signed = deployer_aws::sign_identity(&self.sdk, audience, digest, jiff::Timestamp::now()).await;
        signed.map_err(|error| error.to_string())
    }

    async fn find_audience(&self) -> Result<Audience, String> {
        let name = &self.function_name;
        let region = self.sdk.region().ok_or("no region is known")?;
        let region = Region::parse(region.as_ref()).map_err(|error| error.to_string())?;
        let account = match needs_account(name) {
            true => Some(self.account().await?),
            false => None,
        };
        Audience::parse(&function_arn(name, &region, account.as_ref())).map_err(|error| error.to_string())
    }

    /// Returns the account of the credentials; a function that is called by its name is in it.
    async fn account(&self) -> Result<AccountId, String> {
        let provider = self.sdk.credentials_provider().ok_or("there are no credentials")?;
        let credentials = provider.provide_credentials().await.map_err(|error| error.to_string())?;
        if let Some(account) = credentials.account_id() {
            return AccountId::parse(account.as_str()).map_err(|error| error.to_string());
        }
        let account = tokio::time::timeout(TIMEOUT, deployer_aws::caller(&self.sdk)).await;
        // STS may quote the call, session token included, so its words are left out.
        account.ok().and_then(Result::ok).ok_or_else(|| {
            "STS does not say which account the credentials belong to; name the deployer by its ARN (--function-name)".to_owned()
        })
    }
}

/// Whether deployer.json may ask for a proof each time the command comes. A look without one would be refused, and leave
/// a warning in the deployer's log.
pub(crate) fn may_need_proof(command: &Command) -> bool {
    match command {
        Command::Recall { .. } | Command::Approve { .. } | Command::Promote { override_freeze: Some(_), .. } => true,
        Command::Promote { function: Some(function), .. } => function.as_str().contains('*'),
        _ => false,
    }
}

fn needs_account(name: &str) -> bool {
    !name.contains(":function:")
}

/// Completes what Lambda takes as the name of a function (Lambda API Reference, Invoke): a name,
/// `account:function:name` or an ARN.
fn function_arn(name: &str, region: &Region, account: Option<&AccountId>) -> String {
    let start = format!("arn:{}:lambda:{region}", region.partition());
    match account {
        None if name.starts_with("arn:") => name.to_owned(),
        None => format!("{start}:{name}"),
        Some(account) => format!("{start}:{account}:function:{name}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_function_is_one_audience() {
        let (region, own) = (Region::parse("eu-west-1").unwrap(), AccountId::parse("123456789012").unwrap());
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";
        for name in ["deployer", "deployer:live", "123456789012:function:deployer", arn, &format!("{arn}:7")] {
            let account = needs_account(name).then_some(&own);
            assert_eq!(Audience::parse(&function_arn(name, &region, account)).unwrap().as_str(), arn, "{name}");
        }
        let elsewhere = "arn:aws:lambda:us-east-1:999999999999:function:deployer";
        let account = needs_account(elsewhere).then_some(&own);
        assert_eq!(Audience::parse(&function_arn(elsewhere, &region, account)).unwrap().as_str(), elsewhere);
    }
}
