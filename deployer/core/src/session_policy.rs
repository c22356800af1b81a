//! The inline policies of the sessions in target accounts: no session can do more than its deployment needs
//! (ARCHITECTURE.md, law 6).
//!
//! The first session's policy is made from names alone; the second's is made from the plan.

mod rollout;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::artifact::ArtifactRef;
use crate::config::Target;
use crate::id::{DeploymentId, FunctionName, Region, Version};
use crate::names::SESSION_PREFIX;
use crate::plan::{Plan, Step};

pub use rollout::{AliasChange, look_policy, move_policy, settings_policy, smoke_policy};

/// The most characters that STS takes as an inline policy.
pub const POLICY_LIMIT: usize = 2048;

/// The names in a plan are so long that its session policy exceeds [`POLICY_LIMIT`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the session policy for this plan would have {found} characters, and STS takes {POLICY_LIMIT}: shorten the execution \
     role's path, or the names of function, environment and release"
)]
pub struct PolicyTooLong {
    found: usize,
}

/// The actions that every session may do: read the function and its alias, publish code and move the alias.
const BASE_ACTIONS: [&str; 9] = [
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:ListAliases",
    "lambda:ListTags",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
];

/// The scope of a session: one function in one target, and one artifact.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The target.
    pub target: &'a Target,
    /// The function's name there.
    pub function: &'a FunctionName,
    /// The artifact that may be read.
    pub artifact: &'a ArtifactRef,
    /// The artifact bucket's region, for the use of its key. None: the artifact is in no bucket, and the session may
    /// read no object.
    pub artifact_region: Option<&'a Region>,
}

/// Returns the session name of a deployment, which is also the source identity.
#[must_use]
pub fn session_name(id: DeploymentId) -> String {
    format!("{SESSION_PREFIX}{id}")
}

/// Returns the policy of a session that may only read one function: for plans, and for observing what an alias serves.
#[must_use]
pub fn read_only_policy(target: &Target, function: &FunctionName) -> String {
    let Target { account, region } = target;
    let arn = format!("arn:{}:lambda:{region}:{account}:function:{function}", region.partition());
    let statements = json!([
        {"Effect": "Allow", "Action": ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetProvisionedConcurrencyConfig",
            "lambda:ListTags"], "Resource": [arn, format!("{arn}:*")]},
        // Lambda shows variables only to callers that may decrypt them.
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {
            "kms:ViaService": format!("lambda.{region}.{}", region.dns_suffix())}}},
    ]);
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

impl Scope<'_> {
    /// Returns the policy of the first session, which is opened before the manifest is known.
    #[must_use]
    pub fn base_policy(&self) -> String {
        self.policy(&BASE_ACTIONS.into(), vec![])
    }

    /// Returns the policy of a second session that allows only what the plan's steps need. None if the first session
    /// suffices.
    ///
    /// # Errors
    /// [`PolicyTooLong`] if even the shorter form exceeds the limit.
    pub fn plan_policy(&self, plan: &Plan) -> Result<Option<String>, PolicyTooLong> {
        let needs = Needs::of(plan);
        if needs.extra.is_empty() && needs.actions.iter().all(|action| BASE_ACTIONS.contains(action)) {
            return Ok(None);
        }
        let exact = self.policy(&needs.actions, self.extra_statements(&needs, true));
        if exact.len() <= POLICY_LIMIT {
            return Ok(Some(exact));
        }
        // Five layers with the longest names do not fit. Then any layer is allowed here; the role's own policy still
        // limits them.
        let any_layer = self.policy(&needs.actions, self.extra_statements(&needs, false));
        if any_layer.len() <= POLICY_LIMIT {
            Ok(Some(any_layer))
        } else {
            Err(PolicyTooLong { found: any_layer.len() })
        }
    }

    /// Returns the policy of a session that may delete these versions, and nothing else. DeleteFunction without a
    /// qualifier deletes the whole function, so it is never allowed.
    #[must_use]
    pub fn pruning_policy(&self, versions: &[Version]) -> String {
        let function = self.function_arn();
        let resources: Vec<String> = versions.iter().map(|version| format!("{function}:{version}")).collect();
        let statement = json!({"Effect": "Allow", "Action": "lambda:DeleteFunction", "Resource": resources});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    }

    fn policy(&self, actions: &BTreeSet<&str>, mut extra: Vec<Value>) -> String {
        let partition = self.target.region.partition();
        let function = self.function_arn();
        let artifact = self.artifact;
        // Alias and version calls are authorised on the function's ARN or on its qualified ARN, depending on the call.
        let mut statements =
            vec![json!({"Effect": "Allow", "Action": actions, "Resource": [function, format!("{function}:*")]})];
        let service = |name: &str, region: &Region| format!("{name}.{region}.{}", region.dns_suffix());
        let mut through = Vec::new();
        if let Some(region) = self.artifact_region {
            statements.push(json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "Resource": format!("arn:{partition}:s3:::{}/{}", artifact.bucket, artifact.key)}));
            through.push(service("s3", region));
        }
        through.push(service("lambda", &self.target.region));
        // The customer keys of the bucket and of the function's variables are not known here. Any key is allowed, but
        // only through S3 and through Lambda, which shows variables only to callers that may decrypt them.
        statements.push(json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": through}}}));
        statements.append(&mut extra);
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    fn extra_statements(&self, needs: &Needs<'_>, exact_layers: bool) -> Vec<Value> {
        let allow =
            |actions: Value, resources: Value| json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        let mut statements = Vec::new();
        for extra in &needs.extra {
            statements.push(match extra {
                Extra::PassRole(role) => json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
                    "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}),
                Extra::Layers(layers) if exact_layers => allow(json!("lambda:GetLayerVersion"), json!(layers)),
                Extra::Layers(_) => allow(json!("lambda:GetLayerVersion"), json!("*")),
                Extra::Key(key) => allow(json!(["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"]), json!(key)),
                // AWS Lambda Developer Guide, "Encrypting Lambda .zip deployment packages". Decrypting through Lambda
                // is in every session's policy.
                Extra::SourceKey(key) => allow(json!("kms:GenerateDataKey"), json!(key)),
                // AWS Lambda Developer Guide, "Lambda Managed Instances", "Security and permissions".
                Extra::CapacityProvider(provider) => allow(json!("lambda:PassCapacityProvider"), json!(provider)),
                // The ec2:Describe calls support no resource restriction.
                Extra::Vpc => {
                    allow(json!(["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]), json!("*"))
                }
                Extra::FileSystem => allow(json!("elasticfilesystem:DescribeMountTargets"), json!("*")),
            });
        }
        statements
    }

    /// Returns the function's unqualified ARN.
    #[must_use]
    pub fn function_arn(&self) -> String {
        let Target { account, region } = self.target;
        format!("arn:{}:lambda:{region}:{account}:function:{}", region.partition(), self.function)
    }
}

/// A permission that a plan needs beyond actions on the function itself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extra<'a> {
    PassRole(&'a str),
    Layers(&'a [String]),
    Key(&'a str),
    SourceKey(&'a str),
    CapacityProvider(&'a str),
    Vpc,
    FileSystem,
}

struct Needs<'a> {
    actions: BTreeSet<&'static str>,
    extra: BTreeSet<Extra<'a>>,
}

impl<'a> Needs<'a> {
    fn of(plan: &'a Plan) -> Self {
        // Waiting for the function and observing after a conflict need these.
        let mut needs = Self {
            actions: ["lambda:GetFunction", "lambda:GetAlias", "lambda:ListTags"].into(),
            extra: BTreeSet::new(),
        };
        for step in &plan.steps {
            needs.add(step);
        }
        needs
    }

    fn add(&mut self, step: &'a Step) {
        match step {
            Step::Create(new) => {
                self.actions.insert("lambda:CreateFunction");
                // After a lost answer, PublishVersion proves what was published.
                self.actions.insert("lambda:PublishVersion");
                if !new.tags.is_empty() {
                    self.actions.insert("lambda:TagResource");
                }
                self.extra.insert(Extra::PassRole(new.role.as_str()));
                self.extra.extend(new.source_key.as_deref().map(Extra::SourceKey));
                self.configuration(&new.configuration);
            }
            Step::UpdateConfiguration(update) => {
                self.actions.insert("lambda:UpdateFunctionConfiguration");
                if let Some(role) = &update.role {
                    self.extra.insert(Extra::PassRole(role.as_str()));
                }
                self.configuration(update);
            }
            Step::UpdateCode(settings) => {
                self.actions.extend(["lambda:UpdateFunctionCode", "lambda:PublishVersion"]);
                self.extra.extend(settings.source_key.as_deref().map(Extra::SourceKey));
            }
            Step::Publish => {
                self.actions.insert("lambda:PublishVersion");
            }
            Step::Tag(_) => {
                self.actions.insert("lambda:TagResource");
            }
            Step::Untag(_) => {
                self.actions.insert("lambda:UntagResource");
            }
            Step::ReserveConcurrency(_) => {
                self.actions.insert("lambda:PutFunctionConcurrency");
            }
            Step::FreeConcurrency => {
                self.actions.insert("lambda:DeleteFunctionConcurrency");
            }
            Step::CreateAlias => {
                self.actions.insert("lambda:CreateAlias");
            }
            // If Lambda does not move the traffic in time, the alias is put back.
            Step::MoveAlias { .. } | Step::AwaitTraffic { .. } => {
                self.actions.extend(["lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]);
            }
        }
    }

    fn configuration(&mut self, sent: &'a crate::plan::Configuration) {
        if let Some(layers) = sent.layers.as_deref().filter(|layers| !layers.is_empty()) {
            self.extra.insert(Extra::Layers(layers));
        }
        let key = sent.kms_key_arn.as_deref().or(sent.variables_key.as_deref());
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            self.extra.insert(Extra::Key(key));
        }
        let durable_key = sent.durable_config.as_ref().and_then(|durable| durable.kms_key_arn.as_deref());
        self.extra.extend(durable_key.map(Extra::Key));
        if let Some(capacity) = &sent.capacity_provider_config {
            let provider = &capacity.lambda_managed_instances_capacity_provider_config.capacity_provider_arn;
            self.extra.insert(Extra::CapacityProvider(provider));
        }
        if sent.vpc_config.is_some() {
            self.extra.insert(Extra::Vpc);
        }
        if sent.file_system_config.as_ref().is_some_and(|mounts| !mounts.is_empty()) {
            self.extra.insert(Extra::FileSystem);
        }
    }
}

#[cfg(test)]
mod tests;
