//! Reads what a rollout is judged by in one account and region: the alias from Lambda, metrics and alarms from CloudWatch.

use async_trait::async_trait;
use deployer_core::config::Target;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::ObservedAlias;
use deployer_core::rollout::{AlarmChange, AlarmStates, AliasMetrics, MetricsQuery};
use deployer_engine::port::{
    CallError, CallErrorKind, Functions as _, Qualifier, RolloutCallError, RolloutCallErrorKind, TrafficWatch,
};
use jiff::Timestamp;

use super::cloudwatch::CloudWatch;
use super::lambda::{LambdaFunctions, Writer};

/// Reads with the credentials of one session.
pub(super) struct AwsTrafficWatch {
    functions: LambdaFunctions,
    cloudwatch: CloudWatch,
}

impl AwsTrafficWatch {
    pub fn new(lambda: aws_sdk_lambda::Client, cloudwatch: CloudWatch, target: Target) -> Self {
        Self { functions: LambdaFunctions::new(lambda, target, Writer::Deployer), cloudwatch }
    }
}

#[async_trait]
impl TrafficWatch for AwsTrafficWatch {
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, RolloutCallError> {
        self.functions.alias(name, alias).await.map_err(error)
    }

    async fn has_version(&self, name: &FunctionName, version: &Version) -> Result<bool, RolloutCallError> {
        let found = self.functions.function(name, Qualifier::Version(version)).await;
        found.map(|found| found.is_some()).map_err(error)
    }

    async fn metrics(&self, query: &MetricsQuery) -> Result<AliasMetrics, RolloutCallError> {
        self.cloudwatch.metrics(query).await
    }

    async fn alarms(&self, names: &[String]) -> Result<AlarmStates, RolloutCallError> {
        self.cloudwatch.alarms(names).await
    }

    async fn alarm_changes(&self, name: &str, since: Timestamp) -> Result<Vec<AlarmChange>, RolloutCallError> {
        self.cloudwatch.alarm_changes(name, since).await
    }
}

/// Converts the error of a read of Lambda. A missing function or alias is no error there.
fn error(CallError { kind, message }: CallError) -> RolloutCallError {
    let kind = match kind {
        CallErrorKind::Throttled => RolloutCallErrorKind::Throttled,
        CallErrorKind::Denied | CallErrorKind::RegionNotEnabled | CallErrorKind::KeyDenied => {
            RolloutCallErrorKind::Denied
        }
        CallErrorKind::Invalid | CallErrorKind::Unsupported => RolloutCallErrorKind::Invalid,
        _ => RolloutCallErrorKind::Unavailable,
    };
    RolloutCallError { kind, message }
}
