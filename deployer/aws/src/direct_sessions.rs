//! Sessions for direct deployments: an ordinary role, or the caller's own credentials.
//!
//! An ordinary role's trust policy seldom allows a source identity, so none is set. The session's name and its inline
//! policy are those of every deployment.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use deployer_core::id::{AccountId, RoleArn};
use deployer_core::record::{TargetError, TargetErrorCode};

use super::failure::{CallFailure, Failure};
use super::lambda::Writer;
use super::obstacle::Obstacle;
use super::sts_sessions::{StsSessions, account_of, functions};
use deployer_engine::port::{Account, EnterError, SessionProvider, SessionRequest};

/// The timeout of a call that may send 50 MB over a slow home connection.
pub const SENDING_TIMEOUT: Duration = Duration::from_secs(240);

/// Opens sessions by an ordinary role, or uses the caller's own credentials.
pub struct DirectSessions {
    sdk: SdkConfig,
    sts: StsSessions,
    role: Option<RoleArn>,
}

impl DirectSessions {
    /// Uses the credentials of this configuration. Without a role they are used unchanged, and no inline policy limits
    /// them.
    #[must_use]
    pub fn new(sdk: &SdkConfig, role: Option<RoleArn>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_attempt_timeout(SENDING_TIMEOUT)
            .operation_timeout(SENDING_TIMEOUT)
            .build();
        let sdk = sdk.clone().into_builder().timeout_config(timeouts).build();
        Self { sts: StsSessions::new(&sdk), sdk, role }
    }
}

#[async_trait]
impl SessionProvider for DirectSessions {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        if let Some(role) = &self.role {
            return self.sts.open_session_as(request, role.as_str(), Writer::Direct).await;
        }
        let found = caller(&self.sdk).await.map_err(|error| match error {
            CallerError::Refused(_) => {
                TargetError::new(TargetErrorCode::AccessDenied, "enter", error.to_string()).into()
            }
            CallerError::Unanswered(_) | CallerError::Incomplete => EnterError::Unanswered(error.to_string()),
        })?;
        let config = aws_sdk_lambda::config::Builder::from(&self.sdk);
        let functions = functions(config, &request.target, Writer::Direct);
        Ok(Account::verify_account(&request.target, &found, Arc::new(functions))?)
    }
}

/// The error when the account of the credentials cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// AWS rejects the credentials.
    #[error("GetCallerIdentity: {0}")]
    Refused(CallFailure),
    /// There are no credentials, or no answer came.
    #[error("GetCallerIdentity: {0}")]
    Unanswered(CallFailure),
    /// The answer names no account.
    #[error("GetCallerIdentity answered without an account")]
    Incomplete,
}

impl CallerError {
    /// Returns the obstacle, if no policy helps.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Obstacle> {
        match self {
            Self::Refused(failure) | Self::Unanswered(failure) => failure.obstacle.as_ref(),
            Self::Incomplete => None,
        }
    }
}

/// Finds the account that the credentials of this configuration belong to.
///
/// # Errors
/// [`CallerError`], with AWS's message.
pub async fn caller(sdk: &SdkConfig) -> Result<AccountId, CallerError> {
    let answer = aws_sdk_sts::Client::new(sdk).get_caller_identity().send().await;
    let answer = answer.map_err(|error| {
        let failure = Failure::of(&error);
        let kind = if failure.is_unanswered() { CallerError::Unanswered } else { CallerError::Refused };
        kind(failure.into())
    })?;
    let account = answer.arn().and_then(account_of);
    account.ok_or(CallerError::Incomplete)
}
