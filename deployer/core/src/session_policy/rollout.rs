//! The policies of a rollout's sessions: one reads, one moves an alias, one invokes a version. None of them writes code.

use serde_json::{Value, json};

use crate::config::Target;
use crate::id::{FunctionName, Version};
use crate::rollout::{FunctionSettings, ReservedConcurrency};

/// The change that a rollout makes to an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AliasChange {
    /// It moves the traffic of an alias.
    Move,
    /// It makes the alias.
    Create,
}

/// Returns the policy of a session that looks at a rollout: the alias, its versions, its metrics and the alarms.
///
/// CloudWatch's reads have no narrower resource: GetMetricData takes none (Service Authorization Reference, "Actions,
/// resources, and condition keys for Amazon CloudWatch"), and composite alarms are only shown to whoever may read all
/// alarms (CloudWatch API Reference, DescribeAlarms and DescribeAlarmHistory).
#[must_use]
pub fn look_policy(target: &Target, function: &FunctionName) -> String {
    policy(&[
        on_function(target, function, &["lambda:GetAlias", "lambda:GetFunction"]),
        json!({"Effect": "Allow", "Action": ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData"], "Resource": "*"}),
    ])
}

/// Returns the policy of a session that changes the alias of a rollout.
#[must_use]
pub fn move_policy(target: &Target, function: &FunctionName, change: AliasChange) -> String {
    let writes = match change {
        AliasChange::Move => "lambda:UpdateAlias",
        AliasChange::Create => "lambda:CreateAlias",
    };
    policy(&[on_function(target, function, &["lambda:GetAlias", writes])])
}

/// Returns the policy of a session that sets what a release sets on the function as a whole, and reads what it had
/// before. Only the read may be of a version (Service Authorization Reference, "Actions, resources, and condition keys for
/// AWS Lambda").
#[must_use]
pub fn settings_policy(target: &Target, function: &FunctionName, settings: &FunctionSettings) -> String {
    let mut actions = vec!["lambda:ListTags"];
    if !settings.tags.is_empty() {
        actions.push("lambda:TagResource");
    }
    if !settings.untag.is_empty() {
        actions.push("lambda:UntagResource");
    }
    match settings.concurrency {
        Some(ReservedConcurrency::Reserve(_)) => actions.push("lambda:PutFunctionConcurrency"),
        Some(ReservedConcurrency::Free) => actions.push("lambda:DeleteFunctionConcurrency"),
        None => {}
    }
    policy(&[
        on_function(target, function, &["lambda:GetFunction"]),
        json!({"Effect": "Allow", "Action": actions, "Resource": arn(target, function)}),
    ])
}

/// Returns the policy of a session that runs smoke tests: it can invoke this version by its number, and nothing else.
#[must_use]
pub fn smoke_policy(target: &Target, function: &FunctionName, version: &Version) -> String {
    let resource = format!("{}:{version}", arn(target, function));
    policy(&[json!({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resource})])
}

fn policy(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Alias and version calls are authorised on the function's ARN or on its qualified ARN, depending on the call.
fn on_function(target: &Target, function: &FunctionName, actions: &[&str]) -> Value {
    let arn = arn(target, function);
    json!({"Effect": "Allow", "Action": actions, "Resource": [arn, format!("{arn}:*")]})
}

fn arn(Target { account, region }: &Target, function: &FunctionName) -> String {
    format!("arn:{}:lambda:{region}:{account}:function:{function}", region.partition())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::id::{AccountId, Region};
    use crate::session_policy::POLICY_LIMIT;

    fn target(region: &str) -> Target {
        Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse(region).unwrap() }
    }

    fn statements(policy: &str) -> Value {
        serde_json::from_str::<Value>(policy).unwrap()["Statement"].take()
    }

    const ARN: &str = "arn:aws:lambda:eu-west-1:111111111111:function:orders";

    #[test]
    fn look_session_reads_the_alias_the_metrics_and_the_alarms() {
        let policy = look_policy(&target("eu-west-1"), &FunctionName::parse("orders").unwrap());
        assert_eq!(
            statements(&policy),
            json!([
                {"Effect": "Allow", "Action": ["lambda:GetAlias", "lambda:GetFunction"], "Resource": [ARN, format!("{ARN}:*")]},
                {"Effect": "Allow", "Action": ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms",
                    "cloudwatch:GetMetricData"], "Resource": "*"},
            ])
        );
    }

    #[test]
    fn move_session_writes_one_alias_and_no_code() {
        let function = FunctionName::parse("orders").unwrap();
        for (change, writes) in [(AliasChange::Move, "lambda:UpdateAlias"), (AliasChange::Create, "lambda:CreateAlias")]
        {
            assert_eq!(
                statements(&move_policy(&target("eu-west-1"), &function, change)),
                json!([{"Effect": "Allow", "Action": ["lambda:GetAlias", writes], "Resource": [ARN, format!("{ARN}:*")]}])
            );
        }
    }

    #[test]
    fn smoke_session_invokes_one_version() {
        let (function, version) = (FunctionName::parse("orders").unwrap(), Version::parse("7").unwrap());
        assert_eq!(
            statements(&smoke_policy(&target("eu-west-1"), &function, &version)),
            json!([{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": format!("{ARN}:7")}])
        );
        let elsewhere = smoke_policy(&target("cn-north-1"), &function, &version);
        assert!(elsewhere.contains("arn:aws-cn:lambda:cn-north-1:111111111111:function:orders:7"), "{elsewhere}");
    }

    #[test]
    fn policies_with_the_longest_names_are_short_enough() {
        let (target, function) = (target("ap-southeast-4"), FunctionName::parse("f".repeat(64)).unwrap());
        for policy in [
            look_policy(&target, &function),
            move_policy(&target, &function, AliasChange::Create),
            smoke_policy(&target, &function, &Version::parse("18446744073709551615").unwrap()),
        ] {
            assert!(policy.len() <= POLICY_LIMIT, "{} characters: {policy}", policy.len());
        }
    }
}
