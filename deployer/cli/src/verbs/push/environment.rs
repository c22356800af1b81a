//! The facts about the environment that an uploader can learn before: `results/<environment>/environment.json` in the
//! ledger bucket, which the deployer's sweep keeps.
//!
//! A CI may read nothing else, so that every denial and every missing object only leads to a note. So does a notice that
//! no sweep has written anew for a while.

use std::fmt;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_aws::CallFailure;
use deployer_core::config::Span;
use deployer_core::environment_notice::EnvironmentNotice;
use deployer_core::format;
use deployer_core::id::{BucketName, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::RESULTS;
use jiff::Timestamp;

use crate::answer::CliError;
use crate::remote::named_by;
use crate::text::ago::ago;

/// The most environments of which the notice is looked for.
const MOST_LOOKS: usize = 5;
/// The time that the look may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The knowledge about an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EnvironmentLook {
    /// It takes uploads, and its rollouts take so long, if it has any.
    Accepts(Option<Span>),
    /// Nothing comes of an upload, for this reason, as a sweep has said at this time.
    Refuses(String, Option<Timestamp>),
    /// There is no such environment, as a sweep has said at this time.
    Unknown(String, Option<Timestamp>),
    /// Nothing may come of an upload: there is no notice, or an old one that refuses it.
    Doubtful(Doubt),
    /// It cannot be told, for this reason.
    Untold(String),
    /// There is no such ledger bucket, so that no result can be waited for.
    NoLedger(String),
}

/// The reason why the deployer may ignore an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    /// A sentence with its mark.
    pub because: String,
    /// Why the zip goes up although the deployer has said that it takes none; empty where it has said nothing.
    all_the_same: String,
}

impl Doubt {
    /// Whether the deployer has said that it takes no such upload.
    pub fn is_refusal(&self) -> bool {
        !self.all_the_same.is_empty()
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { because, all_the_same } = self;
        f.write_str(format!("{because} {all_the_same}").trim_end())
    }
}

impl EnvironmentLook {
    /// Returns the longest wait for a result: the longest time of a rollout comes on top of what the user gives it. That is
    /// twice the planned one, for each step and each watch is lengthened once by its time where the function is quiet.
    pub fn longest_wait(&self, timeout: Span) -> Span {
        match self {
            Self::Accepts(Some(rollout)) => timeout.plus(*rollout).plus(*rollout),
            _ => timeout,
        }
    }

    fn doubtful(because: &str, all_the_same: impl Into<String>) -> Self {
        Self::Doubtful(Doubt { because: ended(because), all_the_same: all_the_same.into() })
    }

    /// Judges the reason against an upload by the age of the notice that gives it: the environment's own, or that of
    /// another one where it has none. deployer.json may have changed since an old notice.
    fn refusal(environment: &EnvironmentName, because: String, notice: &EnvironmentNotice, now: Timestamp) -> Self {
        if !notice.is_old(now) {
            return match notice.environment != *environment || notice.removed {
                true => Self::Unknown(because, notice.at),
                false => Self::Refuses(because, notice.at),
            };
        }
        let age = notice.at.map_or("has no time".to_owned(), |at| format!("is of {}", ago(at, now)));
        let all_the_same = format!(
            "But the notice that says so {age}, and no sweep has renewed it: deployer.json may have changed since, so the \
             zip goes up all the same"
        );
        Self::doubtful(&because, all_the_same)
    }

    /// Returns the look if the upload may go on. The user may skip a refusal.
    ///
    /// # Errors
    /// Nothing would come of the upload: refused, or wrong use where there is no such environment, as with every verb.
    pub fn unless_refused(self, is_skipped: bool, now: Timestamp) -> Result<Self, CliError> {
        match self {
            Self::Refuses(because, _) | Self::Unknown(because, _) if is_skipped => {
                Ok(Self::doubtful(&because, "The zip is uploaded all the same"))
            }
            Self::NoLedger(because) => Err(CliError::failed(format!("{because}\n  nothing is uploaded"))),
            Self::Refuses(because, at) => Err(CliError::refused(not_uploaded(&because, at, now))),
            Self::Unknown(because, at) => Err(CliError::wrong_use(not_uploaded(&because, at, now))),
            look => Ok(look),
        }
    }
}

/// Says that nothing is uploaded, and what to do if the reason does not hold any more.
fn not_uploaded(because: &str, at: Option<Timestamp>, now: Timestamp) -> String {
    let at = at.map_or(String::new(), |at| format!(" {}", ago(at, now)));
    format!(
        "{because}\n  nothing is uploaded; the deployer said so{at}. If deployer.json has changed since, push again after \
         the next sweep (each minute), or with --skip-environment-check"
    )
}

/// Ends a sentence that may have its mark already.
fn ended(sentence: &str) -> String {
    if sentence.ends_with(['.', '?', '!']) { sentence.to_owned() } else { format!("{sentence}.") }
}

/// A read of a notice.
enum Reading {
    Found(EnvironmentNotice),
    Missing,
    Failed(String),
    NoLedger(String),
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
            Reading::Found(notice) => match notice.because_not() {
                Some(because) => EnvironmentLook::refusal(environment, because, &notice, Timestamp::now()),
                None => EnvironmentLook::Accepts(notice.rollout),
            },
            Reading::Failed(because) => EnvironmentLook::Untold(because),
            Reading::NoLedger(because) => EnvironmentLook::NoLedger(because),
            Reading::Missing => self.look_at_others(environment).await,
        }
    }

    /// Looks for the notices of other environments, if the user may list them: where there is a fresh one, an environment
    /// without one does not exist.
    async fn look_at_others(&self, environment: &EnvironmentName) -> EnvironmentLook {
        let key = ledger_keys::environment_notice(environment);
        let missing = format!(
            "{key} is missing in the ledger bucket: the deployer has no environment {environment}, or its sweep has not come \
             yet, or it is older than this deployctl"
        );
        let missing = EnvironmentLook::doubtful(&missing, "");
        let Some(others) = self.environments().await else { return missing };
        if others.contains(environment) {
            return missing;
        }
        let mut look = missing;
        for other in others.iter().take(MOST_LOOKS) {
            let Reading::Found(notice) = self.read(other).await else { continue };
            if notice.removed {
                continue;
            }
            let because = EnvironmentNotice::unknown(environment, &others);
            look = EnvironmentLook::refusal(environment, because, &notice, Timestamp::now());
            if matches!(look, EnvironmentLook::Unknown(..)) {
                break;
            }
        }
        look
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
        let object = format!("s3://{}/{key}", self.ledger);
        let call = self.client.get_object().bucket(self.ledger.as_str()).key(&key);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return failed(&object, self.ledger, environment, &error),
        };
        // The notice of an older deployer has no time, but S3 knows when it was written.
        let modified = answer.last_modified().and_then(|at| Timestamp::from_second(at.secs()).ok());
        let body = match answer.body.collect().await {
            Ok(body) => body.into_bytes(),
            Err(error) => return Reading::Failed(format!("{object} could not be read: {error}")),
        };
        match format::read::<EnvironmentNotice>(&body) {
            Ok(notice) => Reading::Found(EnvironmentNotice { at: notice.at.or(modified), ..notice }),
            Err(unusable) => Reading::Failed(format!(
                "{object} cannot be used ({unusable}): is this deployctl older than the deployer?"
            )),
        }
    }
}

/// Classifies a failed read.
fn failed(
    object: &str,
    ledger: &BucketName,
    environment: &EnvironmentName,
    error: &SdkError<GetObjectError, HttpResponse>,
) -> Reading {
    let CallFailure { code, status, message, .. } = CallFailure::of(error);
    match (code.as_str(), status) {
        ("NoSuchKey", _) => Reading::Missing,
        ("NoSuchBucket", _) => {
            Reading::NoLedger(format!("{object} cannot be read: {message}\n  {}", named_by::ledger(ledger)))
        }
        (_, 403) => Reading::Failed(format!(
            "reading {object} is denied: these credentials may not read it (module \"uploader\" allows that), or may not \
             upload to {environment}, or there is no such environment, or it is not the deployer's ledger bucket: {}",
            named_by::ledger(ledger)
        )),
        _ => Reading::Failed(format!("{object} could not be read: {message}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::answer::Exit;

    const NOW: &str = "2026-11-30T12:00:00Z";

    fn look(written: Option<&str>) -> EnvironmentLook {
        let notice = EnvironmentNotice {
            at: written.map(|at| at.parse().unwrap()),
            removed: false,
            ..EnvironmentNotice::of_removed(&EnvironmentName::parse("lab").unwrap())
        };
        EnvironmentLook::refusal(&notice.environment, "no".to_owned(), &notice, NOW.parse().unwrap())
    }

    #[test]
    fn fresh_notice_refuses_unless_the_user_skips_it() {
        let now: Timestamp = NOW.parse().unwrap();
        let fresh = look(Some("2026-11-30T11:56:30Z"));
        let error = fresh.clone().unless_refused(false, now).unwrap_err();
        assert_eq!(
            error.message,
            "no\n  nothing is uploaded; the deployer said so 3 min ago. If deployer.json has changed since, push again \
             after the next sweep (each minute), or with --skip-environment-check"
        );
        let skipped = fresh.unless_refused(true, now).unwrap();
        assert_eq!(skipped, EnvironmentLook::doubtful("no.", "The zip is uploaded all the same"));
        let misspelt = EnvironmentLook::Refuses("did you mean prod?".to_owned(), None).unless_refused(true, now);
        let EnvironmentLook::Doubtful(doubt) = misspelt.unwrap() else { unreachable!("it is skipped") };
        assert_eq!(doubt.to_string(), "did you mean prod? The zip is uploaded all the same");
    }

    #[test]
    fn wait_is_longer_by_the_longest_time_of_a_rollout() {
        let span = |text: &str| Span::parse(text).unwrap();
        let wait = |look: EnvironmentLook| look.longest_wait(span("30m")).to_string();
        assert_eq!(wait(EnvironmentLook::Accepts(Some(span("25m")))), "80m");
        assert_eq!(wait(EnvironmentLook::Accepts(None)), "30m");
        assert_eq!(wait(EnvironmentLook::Untold("denied".to_owned())), "30m");
    }

    #[test]
    fn environment_that_does_not_exist_is_wrong_use_and_one_that_takes_no_uploads_is_refused() {
        let now: Timestamp = NOW.parse().unwrap();
        let name = |name: &str| EnvironmentName::parse(name).unwrap();
        let removed = EnvironmentNotice::of_removed(&name("lab")).written_at(now);
        let closed = EnvironmentNotice { removed: false, ..removed.clone() };
        for (asked, notice, exit) in
            [("lab", &removed, Exit::WrongUse), ("lba", &closed, Exit::WrongUse), ("lab", &closed, Exit::Refused)]
        {
            let look = EnvironmentLook::refusal(&name(asked), "no".to_owned(), notice, now);
            assert_eq!(look.unless_refused(false, now).unwrap_err().exit, exit, "{asked} {notice:?}");
        }
    }

    #[test]
    fn old_notice_only_warns() {
        for (written, said) in [
            (Some("2026-11-30T09:00:00Z"), "But the notice that says so is of 3 h ago, and no sweep has renewed it: "),
            (None, "But the notice that says so has no time, and no sweep has renewed it: "),
        ] {
            let look = look(written).unless_refused(false, NOW.parse().unwrap()).unwrap();
            assert!(matches!(&look, EnvironmentLook::Doubtful(note) if note.to_string().contains(said)), "{look:?}");
        }
    }
}
