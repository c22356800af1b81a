//! Waits for the result of an upload in the ledger bucket, and reads nothing else, because a CI may read nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_aws::{CallFailure, Obstacle};
use deployer_core::artifact::ArtifactKey;
use deployer_core::config::Span;
use deployer_core::id::{AccountId, BucketName};
use deployer_core::record::DeploymentRecord;
use serde_json::Value;

use super::environment::{Doubt, EnvironmentLook, Notices};
use super::uploaded::IGNORED;
use crate::answer::CliError;
use crate::follow::interrupts::Interrupts;
use crate::remote::named_by;
use crate::text::hints::hint;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A result to wait for.
pub(super) struct ResultWait<'a> {
    pub ledger: &'a BucketName,
    /// The account that the bucket must belong to, if the user names one.
    pub owner: Option<&'a AccountId>,
    pub key: &'a str,
    pub artifact_key: &'a ArtifactKey,
    pub timeout: Span,
    /// Why the deployer may ignore uploads to the environment: then no result comes, and the wait is shorter.
    pub doubt: Option<&'a Doubt>,
    /// Whether the deployer has told of this upload by now: then it has not ignored it.
    pub told: &'a AtomicBool,
}

/// The longest wait for a result in an environment of which nothing is known: the deployer's sweep comes each minute.
const UNKNOWN_ENVIRONMENT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The reason why a read failed; `None` while the result does not exist yet.
type ReadFailure = Option<String>;

impl ResultWait<'_> {
    /// Waits for the record of the ended deployment, and returns it and its JSON.
    ///
    /// # Errors
    /// 1 where the result cannot be read, 4 where it has not come in time, 130 where the user interrupts the wait.
    pub async fn wait(
        &self,
        client: &Client,
        interrupts: &mut Interrupts,
    ) -> Result<(DeploymentRecord, Value), CliError> {
        let mut read_failure = None;
        let over = tokio::select! {
            found = self.poll(client, &mut read_failure) => return found,
            () = self.environment_stays_doubtful(client) => return Err(self.unknown_environment()),
            () = tokio::time::sleep(self.timeout.as_duration()) => true,
            () = interrupts.received() => false,
        };
        let ArtifactKey { environment, function, release } = self.artifact_key;
        let what = format!("{environment}/{function}/{release}");
        let goes_on = match self.doubt {
            Some(Doubt { because, .. }) if self.is_ignored() => {
                format!("the deployer has probably ignored the upload of {what}: {because}")
            }
            _ if self.told.load(Ordering::Relaxed) => format!("the deployment of {what} goes on"),
            None if !over => format!("the deployment of {what} goes on"),
            _ => format!("the deployment of {what} goes on, unless the deployer has ignored the upload"),
        };
        let next = self.next_steps();
        if !over {
            return Err(CliError::interrupted(format!("interrupted; {goes_on}\n  {next}")));
        }
        let read_failure =
            read_failure.map_or(String::new(), |words| format!("\n  the last look at the ledger failed: {words}"));
        Err(CliError::timed_out(format!(
            "no result within {}: {goes_on}{read_failure}\n  {next}\n  {IGNORED}",
            self.timeout
        )))
    }

    /// Ends some minutes after the upload if nothing shows by then that the deployer takes uploads there: neither its
    /// notice nor any result of the function.
    async fn environment_stays_doubtful(&self, client: &Client) {
        if self.doubt.is_some() && UNKNOWN_ENVIRONMENT_TIMEOUT < self.timeout.as_duration() {
            tokio::time::sleep(UNKNOWN_ENVIRONMENT_TIMEOUT).await;
            let ArtifactKey { environment, function, .. } = self.artifact_key;
            let notices = Notices { client, ledger: self.ledger };
            if !matches!(
                notices.look(environment).await,
                EnvironmentLook::Accepts(_) | EnvironmentLook::Untold(_) | EnvironmentLook::NoLedger(_)
            ) && !notices.has_results(environment, function).await
            {
                return;
            }
        }
        std::future::pending().await
    }

    fn unknown_environment(&self) -> CliError {
        let ArtifactKey { environment, .. } = self.artifact_key;
        CliError::timed_out(format!(
            "after 5m there is neither a result nor a sign that the deployer takes uploads to {environment}: {}\n  {}\n  {IGNORED}",
            self.doubt.map_or("", |doubt| doubt.because.as_str()),
            self.next_steps()
        ))
    }

    /// Whether the deployer has said that it takes no such upload.
    fn is_ignored(&self) -> bool {
        self.doubt.is_some_and(Doubt::is_refusal)
    }

    /// Describes how to see whether the deployment continues. An upload that was ignored has no history.
    fn next_steps(&self) -> String {
        let Self { ledger, key, artifact_key: ArtifactKey { environment, function, .. }, .. } = self;
        let result = format!("aws s3 cp s3://{ledger}/{key} -\n    shows the result, ");
        let doctor = "deployctl doctor --verbose\n    shows the environments that the deployer has, and whether uploads reach \
                      it; this takes the policy \"operate\"";
        if self.is_ignored() {
            return format!("{doctor}\n  {result}if the deployer takes the upload after all");
        }
        let history = format!(
            "{result}once the deployment has ended\n  deployctl history --environment {environment} --function {function}\n    \
             shows its progress; this takes the policy \"operate\", or with --ledger the policy \"look\""
        );
        if self.doubt.is_some() { format!("{history}\n  {doctor}") } else { history }
    }

    async fn poll(
        &self,
        client: &Client,
        read_failure: &mut Option<String>,
    ) -> Result<(DeploymentRecord, Value), CliError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.get(client).await? {
                Ok(found) => return Ok(found),
                Err(not_yet) => *read_failure = not_yet,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(MAX_PAUSE);
        }
    }

    async fn get(&self, client: &Client) -> Result<Result<(DeploymentRecord, Value), ReadFailure>, CliError> {
        let call = client.get_object().bucket(self.ledger.as_str()).key(self.key);
        let body = match call.send().await {
            Ok(answer) => answer.body.collect().await,
            Err(error) => return self.classify_miss(&error).map(Err),
        };
        let bytes = match body {
            Ok(bytes) => bytes.into_bytes(),
            Err(error) => return Ok(Err(Some(error.to_string()))),
        };
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| self.unreadable(&error))?;
        let record = serde_json::from_value(value.clone()).map_err(|error| self.unreadable(&error))?;
        Ok(Ok((record, value)))
    }

    /// Classifies a failed read: a missing result and a transient error continue the wait, others end it.
    fn classify_miss(&self, error: &SdkError<GetObjectError, HttpResponse>) -> Result<ReadFailure, CliError> {
        let Self { ledger, key, .. } = self;
        let CallFailure { message, code, status, obstacle } = CallFailure::of(error);
        let what_to_do = match (code.as_str(), status) {
            ("NoSuchKey", _) => return Ok(None),
            ("NoSuchBucket", _) => named_by::ledger(ledger),
            _ if obstacle.as_ref().is_some_and(Obstacle::is_lasting) => {
                format!("{}; then look for the result", hint(obstacle.as_ref(), ""))
            }
            (_, 403) => {
                let results = key.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
                format!(
                    "it takes s3:GetObject on {ledger}/{results}/*, and s3:ListBucket on {ledger} for that prefix, without \
                     which a result that is not there yet looks like a denial (the module \"uploader\"){}\n  or it is not the \
                     deployer's ledger bucket: {}",
                    deployer_aws::other_owner(self.owner),
                    named_by::ledger(ledger)
                )
            }
            (_, status) if status == 0 || status >= 500 || status == 429 => {
                return Ok(Some(message));
            }
            _ => "--ledger and --region say where results are".to_owned(),
        };
        Err(CliError::failed(format!(
            "uploaded, but its result s3://{ledger}/{key} cannot be waited for: {message}\n  {what_to_do}"
        )))
    }

    fn unreadable(&self, error: &serde_json::Error) -> CliError {
        let Self { ledger, key, .. } = self;
        CliError::failed(format!(
            "s3://{ledger}/{key} cannot be read ({error}): is this deployctl older than the deployer?"
        ))
    }
}
