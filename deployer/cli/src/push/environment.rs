//! What an uploader can learn about the environment before it uploads: `results/<environment>/environment.json` in the
//! ledger bucket, which the deployer's sweep keeps.
//!
//! A CI may read nothing else, so that every denial and every missing object only leads to a note.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_aws::CallFailure;
use deployer_core::environment_notice::EnvironmentNotice;
use deployer_core::format;
use deployer_core::id::{BucketName, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::RESULTS;

/// The most environments of which the notice is looked for.
const MOST_LOOKS: usize = 5;
/// The time that the look may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What is known of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EnvironmentLook {
    /// It takes uploads.
    Accepts,
    /// Nothing comes of an upload, for this reason.
    Refuses(String),
    /// There is no notice, and the reason may be that there is no such environment.
    Missing(String),
    /// It cannot be told, for this reason.
    Untold(String),
}

/// A read of a notice.
enum Reading {
    Found(EnvironmentNotice),
    Missing,
    Failed(String),
}

/// The ledger bucket as an uploader sees it.
pub(super) struct Notices<'a> {
    pub client: &'a Client,
    pub ledger: &'a BucketName,
}

impl Notices<'_> {
    /// Looks whether uploads to the environment are deployed.
    pub async fn look(&self, environment: &EnvironmentName) -> EnvironmentLook {
        tokio::time::timeout(TIMEOUT, self.look_up(environment)).await.unwrap_or_else(|_| {
            let key = ledger_keys::environment_notice(environment);
            EnvironmentLook::Untold(format!("{key} in the ledger bucket was not read in {} s", TIMEOUT.as_secs()))
        })
    }

    async fn look_up(&self, environment: &EnvironmentName) -> EnvironmentLook {
        match self.read(environment).await {
            Reading::Found(notice) => notice.because_not().map_or(EnvironmentLook::Accepts, EnvironmentLook::Refuses),
            Reading::Failed(because) => EnvironmentLook::Untold(because),
            Reading::Missing => self.look_at_others(environment).await,
        }
    }

    /// Looks for the notices of other environments, if the user may list them: where there are any, an environment
    /// without one does not exist.
    async fn look_at_others(&self, environment: &EnvironmentName) -> EnvironmentLook {
        let key = ledger_keys::environment_notice(environment);
        let missing = EnvironmentLook::Missing(format!(
            "{key} is missing in the ledger bucket: the deployer has no environment {environment}, or its sweep has not come \
             yet, or it is older than this deployctl"
        ));
        let Some(others) = self.environments().await else { return missing };
        if others.contains(environment) {
            return missing;
        }
        for other in others.iter().take(MOST_LOOKS) {
            if let Reading::Found(EnvironmentNotice { removed: false, .. }) = self.read(other).await {
                return EnvironmentLook::Refuses(EnvironmentNotice::unknown(environment, &others));
            }
        }
        missing
    }

    /// Whether there is any result of the function; false if that cannot be listed.
    pub async fn has_results(&self, environment: &EnvironmentName, function: &FunctionName) -> bool {
        let prefix = format!("{RESULTS}{environment}/{function}/");
        let call = self.client.list_objects_v2().bucket(self.ledger.as_str()).prefix(prefix).max_keys(1);
        call.send().await.is_ok_and(|listed| !listed.contents().is_empty())
    }

    /// Lists the environments that have a notice or results; none if that is denied.
    async fn environments(&self) -> Option<Vec<EnvironmentName>> {
        let call = self.client.list_objects_v2().bucket(self.ledger.as_str()).prefix(RESULTS).delimiter("/");
        let listed = call.send().await.ok()?;
        let name = |prefix: &str| EnvironmentName::parse(prefix.strip_prefix(RESULTS)?.strip_suffix('/')?).ok();
        Some(listed.common_prefixes().iter().filter_map(|common| name(common.prefix()?)).collect())
    }

    async fn read(&self, environment: &EnvironmentName) -> Reading {
        let key = ledger_keys::environment_notice(environment);
        let object = format!("{key} in the ledger bucket");
        let call = self.client.get_object().bucket(self.ledger.as_str()).key(&key);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return failed(&object, environment, &error),
        };
        let body = match answer.body.collect().await {
            Ok(body) => body.into_bytes(),
            Err(error) => return Reading::Failed(format!("{object} could not be read: {error}")),
        };
        match format::read(&body) {
            Ok(notice) => Reading::Found(notice),
            Err(unusable) => Reading::Failed(format!(
                "{object} cannot be used ({unusable}): is this deployctl older than the deployer?"
            )),
        }
    }
}

/// Classifies a failed read.
fn failed(object: &str, environment: &EnvironmentName, error: &SdkError<GetObjectError, HttpResponse>) -> Reading {
    let CallFailure { code, status, message, .. } = CallFailure::of(error);
    match (code.as_str(), status) {
        ("NoSuchKey", _) => Reading::Missing,
        (_, 403) => Reading::Failed(format!(
            "reading {object} is denied: these credentials may not read it (module \"uploader\" allows that), or may not \
             upload to {environment}, or there is no such environment"
        )),
        _ => Reading::Failed(format!("{object} could not be read: {message}")),
    }
}
