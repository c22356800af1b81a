//! The IAM statements of the chain of trust: those that each policy must have so that a target can be deployed to.
//!
//! They equal those of the Terraform modules, for one target. Sources: Service Authorization Reference, "Actions,
//! resources, and condition keys for AWS Lambda", "… for AWS STS", "… for Amazon S3".

use serde_json::{Value, json};

use super::{Missing, PROBE, ProbedAction};
use crate::artifact::ArtifactRef;
use crate::config::{Environment, Target};
use crate::denial::{Denial, PolicyKind};
use crate::id::{EnvironmentName, ExternalId, Region, RoleName};
use crate::names::SESSION_PREFIX;

/// A placeholder for the functions of a role, which are not known here. A statement with it allows nothing: pasted as
/// it is, it opens nothing, and the doctor still reports the permission as missing.
const FUNCTIONS: &str = "<functions>";

/// The chain of trust of one target: the trusted role, the deploy role and the external id.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    /// The ARN of the role that the deployer runs under; none if it is not known.
    pub deployer: Option<&'a str>,
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The target.
    pub target: &'a Target,
    /// The deploy role.
    pub role: &'a RoleName,
    /// The environment's external id.
    pub external_id: Option<&'a ExternalId>,
}

/// The statements that a call needs.
pub(super) struct Needed {
    /// Those that are missing, or of which one is.
    pub missing: Vec<Missing>,
    /// The others. AWS names one refusal at a time, so they may be missing too.
    pub also: Vec<Missing>,
}

impl From<Vec<Missing>> for Needed {
    fn from(missing: Vec<Missing>) -> Self {
        Self { missing, also: vec![] }
    }
}

impl Chain<'_> {
    fn role_with_module(&self) -> String {
        format!("{} (module target)", self.role_text())
    }

    fn role_text(&self) -> String {
        format!("deploy role {} in account {}", self.role, self.target.account)
    }

    /// Returns the statements that let the deployer assume the deploy role: in the role's trust policy, and in the
    /// policy of the deployer's role. If AWS's message names the action or the kind of policy, only the statement for
    /// that is missing for certain.
    pub(super) fn assume_role_statements(&self, words: &str) -> Needed {
        let (named, unnamed): (&[&str], &[&str]) =
            match (words.contains("sts:SetSourceIdentity"), words.contains("sts:AssumeRole")) {
                (true, _) => (&["sts:SetSourceIdentity"], &["sts:AssumeRole"]),
                (false, true) => (&["sts:AssumeRole"], &["sts:SetSourceIdentity"]),
                (false, false) => (&["sts:AssumeRole", "sts:SetSourceIdentity"], &[]),
            };
        let (trusting, own) = self.statements_to_assume(named);
        let (missing, mut also) = match Denial::of(words) {
            Denial::Lacking(PolicyKind::Identity) => (own, trusting),
            Denial::Lacking(PolicyKind::Resource) => (trusting, own),
            _ => ([trusting, own].concat(), vec![]),
        };
        if !unnamed.is_empty() {
            let (trusting, own) = self.statements_to_assume(unnamed);
            also.extend(trusting.into_iter().chain(own));
        }
        Needed { missing, also }
    }

    /// Returns the statements for these actions in the trust policy, and in the policy of the deployer's role.
    fn statements_to_assume(&self, actions: &[&str]) -> (Vec<Missing>, Vec<Missing>) {
        let deployer = self.deployer.unwrap_or("<the ARN of the deployer's role>");
        let source = json!({"sts:SourceIdentity": format!("{SESSION_PREFIX}*")});
        let mut condition = json!({"StringLike": source});
        if let Some(external_id) = self.external_id {
            condition["StringEquals"] = json!({"sts:ExternalId": external_id.as_str()});
        }
        let path =
            if self.deployer.is_some() { "; add the path to the deployer's ARN if its role has one" } else { "" };
        let trust = format!("the trust policy of the {} (module target{path})", self.role_text());
        let principal = json!({"AWS": deployer});
        let trusting = actions.iter().map(|action| {
            let condition = if *action == "sts:AssumeRole" { condition.clone() } else { json!({"StringLike": source}) };
            let statement =
                json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
            Missing { belongs: trust.clone(), statement }
        });
        let own = Missing {
            belongs: deployer_policy(self.deployer),
            statement: json!({"Effect": "Allow", "Action": one_or_more(actions), "Resource": self.target.role_arn(self.role)}),
        };
        (trusting.collect(), vec![own])
    }

    /// Returns the statement that lets a session of the deploy role do this action.
    pub(super) fn action_statement(&self, action: ProbedAction) -> Missing {
        use ProbedAction as Action;
        let functions = self.function_arn(FUNCTIONS);
        let qualified = format!("{functions}:*");
        let resource = match action {
            // Without a qualifier it would delete the whole function, or run code that nobody released.
            Action::DeleteFunction | Action::InvokeFunction => json!(qualified),
            Action::DescribeAlarms | Action::DescribeAlarmHistory | Action::GetMetricData => json!("*"),
            Action::UpdateFunctionConfiguration
            | Action::TagResource
            | Action::UntagResource
            | Action::PutFunctionConcurrency
            | Action::DeleteFunctionConcurrency => json!(functions),
            _ => json!([functions, qualified]),
        };
        let statement = json!({"Effect": "Allow", "Action": action.action(), "Resource": resource});
        let belongs = match action.names_a_function() {
            true => format!(
                "the policy of the {} (module target, whose `functions` say what belongs in place of {FUNCTIONS})",
                self.role_text()
            ),
            false => format!("the policy of the {}", self.role_with_module()),
        };
        Missing { belongs, statement }
    }

    /// Returns the statements that let a session of the deploy role read the environment's artifacts: in the role's
    /// policy and in the bucket's, because they belong to two accounts. If a KMS key refused, they are those for the key.
    pub(super) fn read_artifact_statements(
        &self,
        artifact: &ArtifactRef,
        artifact_region: &Region,
        of_key: bool,
        words: &str,
    ) -> Needed {
        let Target { account, region } = self.target;
        let partition = region.partition();
        if of_key {
            let through = format!("s3.{artifact_region}.{}", artifact_region.dns_suffix());
            let through = json!({"StringEquals": {"kms:ViaService": through}});
            let decrypt = |more: Value| {
                let mut statement = json!({"Effect": "Allow", "Action": "kms:Decrypt", "Condition": through});
                for (name, value) in more.as_object().into_iter().flatten() {
                    statement[name] = value.clone();
                }
                statement
            };
            let of_key = Missing {
                belongs: "the policy of the artifact bucket's key (module tooling)".into(),
                statement: decrypt(json!({"Principal": {"AWS": self.target.role_arn(self.role)}, "Resource": "*"})),
            };
            let of_role = Missing {
                belongs: format!("the policy of the {}", self.role_with_module()),
                statement: decrypt(json!({"Resource": "<the ARN of the artifact bucket's key>"})),
            };
            return statements_for(words, [(PolicyKind::Resource, of_key), (PolicyKind::Identity, of_role)]);
        }
        let objects = format!("arn:{partition}:s3:::{}/{}/*", artifact.bucket, folder(artifact, self.environment));
        let actions = json!(["s3:GetObject", "s3:GetObjectVersion"]);
        let of_role = Missing {
            belongs: format!("the policy of the {}", self.role_with_module()),
            statement: json!({"Effect": "Allow", "Action": actions, "Resource": objects}),
        };
        let of_bucket = Missing {
            belongs: format!("the policy of the artifact bucket {} (module tooling)", artifact.bucket),
            statement: json!({
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
                "Action": actions,
                "Resource": objects,
                "Condition": {"ArnEquals": {"aws:PrincipalArn": self.target.role_arn(self.role)}},
            }),
        };
        statements_for(words, [(PolicyKind::Identity, of_role), (PolicyKind::Resource, of_bucket)])
    }

    fn function_arn(&self, function: &str) -> String {
        let Target { account, region } = self.target;
        format!("arn:{}:lambda:{region}:{account}:function:{function}", region.partition())
    }
}

/// Tells the statement for the kind of policy that AWS's message names from the other. If it names neither, one of both
/// is missing.
fn statements_for(words: &str, candidates: [(PolicyKind, Missing); 2]) -> Needed {
    let denial = Denial::of(words);
    let is_named = |(kind, _): &(PolicyKind, Missing)| denial == Denial::Lacking(*kind);
    let names_one = candidates.iter().any(is_named);
    let (missing, also): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|one| !names_one || is_named(one));
    let statements = |all: Vec<(PolicyKind, Missing)>| all.into_iter().map(|(_, missing)| missing).collect();
    Needed { missing: statements(missing), also: statements(also) }
}

fn one_or_more(actions: &[&str]) -> Value {
    match actions {
        [one] => json!(one),
        several => json!(several),
    }
}

/// Returns the first part of the key: a promoted artifact stays in the folder of the environment that it was uploaded
/// to.
fn folder<'a>(artifact: &'a ArtifactRef, environment: &'a EnvironmentName) -> &'a str {
    artifact.key.split_once('/').map_or(environment.as_str(), |(folder, _)| folder)
}

/// Names the policy of the deployer's own role.
pub(super) fn deployer_policy(arn: Option<&str>) -> String {
    match arn {
        Some(arn) => {
            format!("the policy of the deployer's role {arn} (module tooling; add the path if the role has one)")
        }
        None => "the policy of the deployer's role (module tooling)".into(),
    }
}

/// Returns the policy of the session that tries the calls of an environment: it may touch only the function that does not
/// exist, and read one artifact.
#[must_use]
pub fn probe_policy(
    target: &Target,
    environment: &Environment,
    artifact: Option<&ArtifactRef>,
    artifact_region: &Region,
) -> String {
    let Target { account, region } = target;
    let partition = region.partition();
    let probe = format!("arn:{partition}:lambda:{region}:{account}:function:{PROBE}");
    let qualified = format!("{probe}:*");
    let (on_the_probe, others): (Vec<_>, Vec<_>) =
        ProbedAction::of(environment).partition(|action| action.names_a_function());
    let (of_versions, on_the_probe): (Vec<_>, Vec<_>) = on_the_probe
        .into_iter()
        .partition(|action| matches!(action, ProbedAction::DeleteFunction | ProbedAction::InvokeFunction));
    let names = |actions: Vec<ProbedAction>| actions.into_iter().map(ProbedAction::action).collect::<Vec<_>>();
    let mut statements = vec![
        json!({"Effect": "Allow", "Action": names(on_the_probe), "Resource": [probe, qualified]}),
        json!({"Effect": "Allow", "Action": names(of_versions), "Resource": qualified}),
    ];
    if !others.is_empty() {
        statements.push(json!({"Effect": "Allow", "Action": names(others), "Resource": "*"}));
    }
    if let Some(artifact) = artifact {
        statements.push(json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": format!("arn:{partition}:s3:::{}/{}", artifact.bucket, artifact.key)}));
        statements.push(json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition":
            {"StringEquals": {"kms:ViaService": format!("s3.{artifact_region}.{}", artifact_region.dns_suffix())}}}));
    }
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}
