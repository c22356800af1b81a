//! The policies that Terraform renders for the contract's example, for the accounts and environments of a setup.
//!
//! The local AWS checks every session against them, so that the deployer has the permission on AWS for everything that
//! tests make it do. This module replaces names only; actions, conditions and denials come from the infrastructure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::LocalAws;
use super::accounts::{ARTIFACTS, REGION, TOOLING, bucket_policy};
use crate::policies::Policies;
use fixtures::error::{Doing as _, Result};

/// A target account.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetAccount {
    pub environments: BTreeSet<String>,
    pub promoted_from: BTreeSet<String>,
    pub external_ids: BTreeSet<String>,
    pub regions: BTreeSet<String>,
}

impl TargetAccount {
    /// Returns the environments whose artifacts are deployed there.
    fn read_from(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().chain(&self.promoted_from).map(String::as_str)
    }
}

/// The rendered policies, and the target accounts of the setup.
#[derive(Debug)]
pub(super) struct Rights {
    policies: Policies,
    target_accounts: BTreeMap<String, TargetAccount>,
}

impl Rights {
    pub(super) fn of(target_accounts: BTreeMap<String, TargetAccount>) -> Result<Self> {
        Ok(Self { policies: Policies::from_contract()?, target_accounts })
    }

    pub(super) fn target_accounts(&self) -> impl Iterator<Item = (&str, &TargetAccount)> {
        self.target_accounts.iter().map(|(account, target_account)| (account.as_str(), target_account))
    }

    fn environments(&self) -> BTreeSet<&str> {
        self.target_accounts
            .values()
            .flat_map(|target_account| target_account.environments.iter().map(String::as_str))
            .collect()
    }

    fn deploy_roles(&self) -> Vec<String> {
        self.target_accounts.keys().map(|account| format!("arn:aws:iam::{account}:role/deployer-target")).collect()
    }

    pub(super) fn deployer_trust(&self) -> Value {
        self.policies.get("tooling/deployer_trust")
    }

    pub(super) fn deployer(&self) -> Value {
        let artifacts: Vec<String> =
            self.environments().iter().map(|name| format!("arn:aws:s3:::{ARTIFACTS}/{name}/*")).collect();
        changed(self.policies.get("tooling/deployer"), |sid, statement| match sid {
            "EnterTargets" => statement["Resource"] = json!(self.deploy_roles()),
            "ReadArtifacts" => statement["Resource"] = json!(artifacts),
            _ => {}
        })
    }

    /// Returns the trust policy of dev's deploy role, which requires no organization, with this account's external ids.
    pub(super) fn trust(&self, target_account: &TargetAccount) -> Value {
        changed(self.policies.get("dev/trust"), |_, statement| {
            if let Some(condition) = statement["Condition"].as_object_mut() {
                match (condition.contains_key("StringEquals"), target_account.external_ids.is_empty()) {
                    (true, true) => drop(condition.remove("StringEquals")),
                    (true, false) => condition["StringEquals"]["sts:ExternalId"] = json!(target_account.external_ids),
                    _ => {}
                }
            }
        })
    }

    /// Returns the permissions of prod's deploy role, which has all optional rights, for all functions of this account
    /// and with dev's execution roles.
    pub(super) fn permissions(&self, account: &str, target_account: &TargetAccount) -> Value {
        let here = |text: &str| text.replace("222222222222", account).replace("111111111111", account);
        let in_regions = |pattern: &str| -> Vec<String> {
            target_account.regions.iter().map(|region| format!("arn:aws:lambda:{region}:{account}:{pattern}")).collect()
        };
        let of_dev = self.policies.get("dev/permissions");
        let dev = |sid: &str, element: &str| -> Value {
            let statements = of_dev["Statement"].as_array().into_iter().flatten();
            let found = statements.filter(|statement| statement["Sid"] == sid).map(|one| one[element].clone()).next();
            serde_json::from_str(&here(&found.unwrap_or_default().to_string())).unwrap_or_default()
        };
        changed(self.policies.get("prod/permissions"), |sid, statement| match sid {
            "WorkOnFunctions" => {
                statement["Resource"] = json!(in_regions("function:*"));
                statement.as_object_mut().map(|statement| statement.remove("Condition"));
            }
            "RunSmokeTests" => statement["Resource"] = json!(in_regions("function:*:*")),
            "NeverInvokeAnythingElse" => statement["NotResource"] = json!(in_regions("function:*:*")),
            "UseLayers" => statement["Resource"] = json!(in_regions("layer:*:*")),
            "PassExecutionRoles" => statement["Resource"] = dev(sid, "Resource"),
            "NeverPassAnotherRole" => statement["NotResource"] = dev(sid, "NotResource"),
            "ReadArtifacts" => {
                let keys = target_account.read_from().map(|name| format!("arn:aws:s3:::{ARTIFACTS}/{name}/*"));
                statement["Resource"] = json!(keys.collect::<BTreeSet<_>>());
            }
            _ => *statement = serde_json::from_str(&here(&statement.to_string())).unwrap_or_default(),
        })
    }

    pub(super) fn artifact_bucket(&self) -> Value {
        let mut policy = self.policies.get("tooling/artifact_bucket");
        let statements = policy["Statement"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let (reading, mut all): (Vec<Value>, Vec<Value>) = statements
            .into_iter()
            .partition(|statement| statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("TargetsRead")));
        for environment in self.environments() {
            let Some(mut statement) = reading.first().cloned() else { continue };
            let there = self
                .target_accounts
                .iter()
                .filter(|(_, target_account)| target_account.read_from().any(|name| name == environment))
                .map(|(account, _)| account);
            statement["Sid"] = json!(format!("TargetsRead{environment}"));
            statement["Principal"]["AWS"] = there.map(|account| format!("arn:aws:iam::{account}:root")).collect();
            statement["Resource"] = json!(format!("arn:aws:s3:::{ARTIFACTS}/{environment}/*"));
            all.push(statement);
        }
        policy["Statement"] = json!(all);
        policy
    }

    pub(super) fn ledger_bucket(&self) -> Value {
        self.policies.get("tooling/ledger_bucket")
    }

    /// Returns the policy of the queue of uploads, to which EventBridge may send events too, by a rule of the setup.
    pub(super) fn queue(&self) -> Value {
        let (mut policy, mut wakes) = (self.policies.get("tooling/queue"), self.wake_queue());
        let mut rule = wakes["Statement"][0].take();
        rule["Resource"] = policy["Statement"][0]["Resource"].clone();
        rule["Condition"]["ArnEquals"]["aws:SourceArn"] =
            json!(format!("arn:aws:events:eu-west-1:{TOOLING}:rule/uploads"));
        policy["Statement"].as_array_mut().into_iter().for_each(|all| all.push(rule.clone()));
        policy
    }

    pub(super) fn wake_queue(&self) -> Value {
        self.policies.get("tooling/wake_queue")
    }
}

impl LocalAws {
    /// Adds statements to a bucket's policy, until [`LocalAws::restore_policy`].
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn add_to_policy(&self, bucket: &str, statements: &[Value]) -> Result<()> {
        let mut policy = self.resources.buckets.get(bucket).cloned().unwrap_or_default();
        policy["Statement"].as_array_mut().into_iter().for_each(|all| all.extend_from_slice(statements));
        bucket_policy(&self.clients, bucket, &policy).await
    }

    /// Removes a bucket's policy, for actions that it forbids even to its owner.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn remove_policy(&self, bucket: &str) -> Result<()> {
        let call = self.clients.s3(TOOLING, REGION).delete_bucket_policy().bucket(bucket);
        call.send().await.doing(format!("lifting the policy of bucket {bucket}")).map(drop)
    }

    /// Restores a bucket's first policy.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn restore_policy(&self, bucket: &str) -> Result<()> {
        let policy = self.resources.buckets.get(bucket).cloned().unwrap_or_default();
        bucket_policy(&self.clients, bucket, &policy).await
    }
}

/// Changes the statements of a policy.
fn changed(mut policy: Value, mut change: impl FnMut(&str, &mut Value)) -> Value {
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        let sid = statement["Sid"].as_str().unwrap_or_default().to_owned();
        change(&sid, statement);
    }
    policy
}
