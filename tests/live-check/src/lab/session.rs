//! Sessions of the role `caller`, narrowed by a policy.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::types::Credentials as Keys;
use fixtures::error::{Error, Result};
use serde_json::{Value, json};

use super::{Lab, TOOL};
use crate::aws::client;
use crate::outcome::{Answered as _, Refusal};

/// Clients under a session's credentials.
#[derive(Debug)]
pub struct Session {
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
}

impl Lab {
    /// Opens a session of `caller` that may do only what this policy allows.
    ///
    /// # Errors
    /// STS refuses it.
    pub async fn session(&self, statements: &[Value]) -> Result<Session> {
        let policy = policy(statements);
        let session = self.try_session(Some(&policy)).await?;
        session.map_err(|refusal| Error::failed("opening a session", refusal))
    }

    pub(super) async fn try_session(&self, policy: Option<&Value>) -> Result<Result<Session, Refusal>> {
        let role = self.aws.role_arn(&format!("live-check/{}", self.names.of("caller")));
        let call = self.aws.sts.assume_role().role_arn(role).role_session_name(TOOL);
        let answer = call.set_policy(policy.map(ToString::to_string)).send().await;
        let answer = answer.answered("opening a session (sts:AssumeRole)")?;
        Ok(answer.map(|output| self.under(output.credentials())))
    }

    fn under(&self, keys: Option<&Keys>) -> Session {
        let credentials = keys.map(|keys| {
            let token = Some(keys.session_token().to_owned());
            Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, None, TOOL)
        });
        let config = &self.aws.config;
        let mut config = config.to_builder();
        config.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
        // The SDK keeps identities of one provider for an hour: a session has a cache of its own.
        config.set_identity_cache(None);
        Session::new(&config.build())
    }
}

impl Session {
    fn new(config: &SdkConfig) -> Self {
        Self {
            lambda: client!(aws_sdk_lambda, config),
            s3: client!(aws_sdk_s3, config),
            events: client!(aws_sdk_eventbridge, config),
            sts: client!(aws_sdk_sts, config),
        }
    }
}

/// Makes a statement that allows actions on resources, each one text or a list.
#[must_use]
pub fn allow(actions: impl Into<Value>, resources: impl Into<Value>) -> Value {
    json!({"Effect": "Allow", "Action": actions.into(), "Resource": resources.into()})
}

/// Makes such a statement that holds under a condition.
#[must_use]
pub fn allow_if(actions: impl Into<Value>, resources: impl Into<Value>, condition: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions.into(), "Resource": resources.into(), "Condition": condition})
}

/// Makes a policy of these statements.
#[must_use]
pub fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Makes a trust policy for this principal.
#[must_use]
pub fn trust(principal: &Value) -> Value {
    policy(&[json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})])
}
