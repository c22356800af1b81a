//! Roles of the lab.

use std::time::Duration;

use fixtures::error::Result;
use serde_json::Value;

use super::{Function, Lab, ROLE_PATH, TOOL};
use crate::outcome::Answered as _;
use crate::polling::{SPREADS_WITHIN, until};

/// The time that a session may last at least (AWS STS API Reference, AssumeRole).
const SESSION: Duration = Duration::from_secs(3600);

impl Lab {
    /// Makes a role with this trust policy, and with an inline policy, and returns its ARN.
    ///
    /// # Errors
    /// IAM refuses it.
    pub async fn make_role(&self, what: &str, trust: &Value, policy: Option<&Value>) -> Result<String> {
        let (name, trust, lasts) = (self.names.of(what), trust.to_string(), SESSION.as_secs().to_string());
        let parameters = [
            ("Path", ROLE_PATH),
            ("RoleName", &name),
            ("AssumeRolePolicyDocument", &trust),
            ("MaxSessionDuration", &lasts),
            ("Description", "Made by live-check, which removes it"),
            ("Tags.member.1.Key", TOOL),
            ("Tags.member.1.Value", self.names.id()),
        ];
        self.aws.iam("CreateRole", &parameters).await.done(&format!("making the role {name} (iam:CreateRole)"))?;
        if let Some(policy) = policy {
            let policy = policy.to_string();
            let parameters = [("RoleName", name.as_str()), ("PolicyName", TOOL), ("PolicyDocument", &policy)];
            let put = self.aws.iam("PutRolePolicy", &parameters).await;
            put.done(&format!("giving {name} its policy (iam:PutRolePolicy)"))?;
        }
        Ok(self.aws.role_arn(&format!("live-check/{name}")))
    }

    /// The ARN of the role under which functions run.
    #[must_use]
    pub fn execution_role(&self) -> String {
        self.aws.role_arn(&format!("live-check/{}", self.names.of("execution")))
    }

    /// Waits until a session of `caller` may read a function.
    pub(super) async fn await_caller(&self, base: &Function<'_>) -> Result<()> {
        until("waiting for the new role", SPREADS_WITHIN, async || {
            let Ok(session) = self.try_session(None).await? else { return Ok(None) };
            let read = session.lambda.get_function_configuration().function_name(&base.name).send().await;
            Ok(read.answered("reading a function")?.ok().map(drop))
        })
        .await
    }
}
