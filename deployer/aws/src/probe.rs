//! Tries permissions in a target account on a function that does not exist. Lambda checks permissions first, so "not
//! found" means "allowed" (Lambda API Reference, "Common errors"). CloudWatch shows nothing of an alarm that does not
//! exist (CloudWatch API Reference, DescribeAlarms and DescribeAlarmHistory).
//!
//! No call can harm: the function's name is a constant, code and invocation go with `DryRun`, a deletion has a
//! qualifier, and the session's policy names that function only.

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_core::artifact::ArtifactRef;
use deployer_core::config::Target;
use deployer_core::doctor::{Attempt, PROBE, ProbedAction, Refusal, Refused};
use deployer_core::rollout::NAMESPACE;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::advice::ENABLE_REGION;
use super::cloudwatch::{CloudWatch, PERIOD};
use super::failure::{Failure, is_region_not_enabled};
use super::s3::S3Artifacts;
use deployer_engine::port::{ArtifactStore as _, Probe, ReadError};

/// A zip with one short file: Lambda may check the code before it looks for the function.
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0*o^\xd7\x05\0\0\0\x05\0\0\0\x05\0\0\0probeprobe\
PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0!\0*o^\xd7\x05\0\0\0\x05\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\xa4\x01\0\0\0\0probe\
PK\x05\x06\0\0\0\0\x01\0\x01\x003\0\0\0(\0\0\0\0\0";
/// The name of an alias and of a tag that do not exist either.
const ANY: &str = "probe";
const ANY_VERSION: &str = "1";

/// A session in a target account that tries permissions.
pub(super) struct LambdaProbe {
    client: Client,
    cloudwatch: CloudWatch,
    artifacts: S3Artifacts,
    target: Target,
}

impl LambdaProbe {
    pub fn new(client: Client, cloudwatch: CloudWatch, artifacts: S3Artifacts, target: Target) -> Self {
        Self { client, cloudwatch, artifacts, target }
    }

    async fn attempt_to_watch(
        &self,
        action: ProbedAction,
        operation: &'static str,
        body: Value,
    ) -> Result<Attempt, Refused> {
        match self.cloudwatch.attempt(operation, &body).await {
            Ok(()) => Ok(Attempt::Allowed),
            Err(failure) => Err(refusal(action.action(), &failure)),
        }
    }

    fn arn(&self) -> String {
        let Target { account, region } = &self.target;
        format!("arn:{}:lambda:{region}:{account}:function:{PROBE}", region.partition())
    }
}

#[async_trait]
impl Probe for LambdaProbe {
    async fn attempt(&self, action: ProbedAction) -> Result<Attempt, Refused> {
        use ProbedAction as Action;
        let (lambda, arn) = (&self.client, self.arn());
        match action {
            Action::GetFunction => attempt_outcome(action, lambda.get_function().function_name(PROBE).send().await),
            Action::GetAlias => attempt_outcome(action, lambda.get_alias().function_name(PROBE).name(ANY).send().await),
            Action::GetProvisionedConcurrencyConfig => {
                let call = lambda.get_provisioned_concurrency_config().function_name(PROBE).qualifier(ANY);
                attempt_outcome(action, call.send().await)
            }
            Action::ListAliases => attempt_outcome(action, lambda.list_aliases().function_name(PROBE).send().await),
            Action::ListVersionsByFunction => {
                attempt_outcome(action, lambda.list_versions_by_function().function_name(PROBE).send().await)
            }
            Action::ListTags => attempt_outcome(action, lambda.list_tags().resource(arn).send().await),
            Action::UpdateFunctionCode => {
                let call = lambda.update_function_code().function_name(PROBE).dry_run(true);
                attempt_outcome(action, call.zip_file(Blob::new(ZIP)).send().await)
            }
            Action::PublishVersion => {
                attempt_outcome(action, lambda.publish_version().function_name(PROBE).send().await)
            }
            Action::UpdateAlias => {
                let call = lambda.update_alias().function_name(PROBE).name(ANY).function_version(ANY_VERSION);
                attempt_outcome(action, call.send().await)
            }
            Action::CreateAlias => {
                let call = lambda.create_alias().function_name(PROBE).name(ANY).function_version(ANY_VERSION);
                attempt_outcome(action, call.send().await)
            }
            Action::UpdateFunctionConfiguration => {
                attempt_outcome(action, lambda.update_function_configuration().function_name(PROBE).send().await)
            }
            Action::TagResource => {
                attempt_outcome(action, lambda.tag_resource().resource(arn).tags(PROBE, ANY).send().await)
            }
            Action::UntagResource => {
                attempt_outcome(action, lambda.untag_resource().resource(arn).tag_keys(PROBE).send().await)
            }
            Action::PutFunctionConcurrency => {
                let call = lambda.put_function_concurrency().function_name(PROBE).reserved_concurrent_executions(1);
                attempt_outcome(action, call.send().await)
            }
            Action::DeleteFunctionConcurrency => {
                attempt_outcome(action, lambda.delete_function_concurrency().function_name(PROBE).send().await)
            }
            Action::DeleteFunction => attempt_outcome(
                action,
                lambda.delete_function().function_name(PROBE).qualifier(ANY_VERSION).send().await,
            ),
            Action::DescribeAlarms => {
                let body = json!({"AlarmNames": [PROBE], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]});
                self.attempt_to_watch(action, "DescribeAlarms", body).await
            }
            Action::DescribeAlarmHistory => {
                let body = json!({"AlarmName": PROBE, "MaxRecords": 1});
                self.attempt_to_watch(action, "DescribeAlarmHistory", body).await
            }
            Action::GetMetricData => {
                let metric = json!({"Namespace": NAMESPACE, "MetricName": "Invocations",
                    "Dimensions": [{"Name": "FunctionName", "Value": PROBE}]});
                let now = Timestamp::now().as_second();
                let stat = json!({"Metric": metric, "Period": PERIOD, "Stat": "Sum"});
                let body = json!({"MetricDataQueries": [{"Id": "m0", "MetricStat": stat}], "StartTime": now - 300, "EndTime": now});
                self.attempt_to_watch(action, "GetMetricData", body).await
            }
            Action::InvokeFunction => {
                let call = lambda.invoke().function_name(PROBE).qualifier(ANY_VERSION);
                attempt_outcome(action, call.invocation_type(InvocationType::DryRun).send().await)
            }
        }
    }

    async fn read(&self, artifact: &ArtifactRef) -> Result<(), ReadError> {
        // Reading one byte needs the KMS key too; reading only the head would not.
        self.artifacts.tail(artifact, 1).await.map(drop)
    }
}

/// Returns what a call shows about a permission. Answers may hold variables in clear, so none is read.
fn attempt_outcome<T, E>(action: ProbedAction, answer: Result<T, SdkError<E, HttpResponse>>) -> Result<Attempt, Refused>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(_) => Ok(Attempt::FunctionExists),
        Err(error) => {
            let failure = Failure::of(&error);
            if failure.code == "ResourceNotFoundException" {
                return Ok(Attempt::Allowed);
            }
            Err(refusal(&format!("{action} of {PROBE}"), &failure))
        }
    }
}

/// Converts a failed call to the doctor's words. Only what AWS says for certain counts against a link.
pub(super) fn refusal(what: &str, failure: &Failure) -> Refused {
    let code = failure.code.as_str();
    if is_region_not_enabled(failure) {
        return Refused { kind: Refusal::Wrong, message: format!("{what}: {} ({ENABLE_REGION})", failure.message) };
    }
    let kind = if code.contains("AccessDenied") || (failure.status == 403 && code.is_empty()) {
        Refusal::Denied
    } else if ["NoSuchBucket", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"].contains(&code) {
        Refusal::Wrong
    } else {
        Refusal::Unknown
    };
    Refused { kind, message: format!("{what}: {}", failure.message) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    #[test]
    fn probe_code_is_a_zip_with_one_file() {
        let mut zip = zip::ZipArchive::new(Cursor::new(ZIP)).unwrap();
        assert_eq!(zip.len(), 1);
        let mut text = String::new();
        // Reading to the end checks the checksum too.
        zip.by_index(0).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "probe");
    }

    #[test]
    fn only_denial_counts_as_denied() {
        let kind = |status, code: &str| refusal("UpdateAlias", &Failure::saying(status, code, "")).kind;
        for code in ["AccessDeniedException", "AccessDenied"] {
            assert_eq!(kind(403, code), Refusal::Denied, "{code}");
        }
        for (status, code) in [
            (429, "TooManyRequestsException"),
            (400, "InvalidParameterValueException"),
            (409, "ResourceConflictException"),
            (403, "ExpiredTokenException"),
            (500, "ServiceException"),
            (0, ""),
        ] {
            assert_eq!(kind(status, code), Refusal::Unknown, "{status} {code}");
        }
        assert_eq!(kind(404, "NoSuchBucket"), Refusal::Wrong);
        assert_eq!(kind(403, "UnrecognizedClientException"), Refusal::Wrong, "the region is not enabled");
    }
}
