//! The object `results/<environment>/environment.json`: the facts about an environment that an uploader may know.
//!
//! The sweep keeps it, and writes it anew every quarter of an hour. `deployctl push` reads it, under the right by which
//! it reads results, and so learns at once that an environment does not exist or takes no uploads. Where the sweep is
//! off, a notice grows old and may contradict deployer.json: an old one refuses nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Span};
use crate::diagnostics::nearest;
use crate::format::LedgerObject;
use crate::id::EnvironmentName;
use crate::record::SCHEMA;

/// The facts about an environment that an uploader may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentNotice {
    /// The ledger's schema.
    pub schema: u32,
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether deployer.json has lost the environment: its uploads are ignored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// Whether uploads are deployed there.
    pub accept_uploads: bool,
    /// The environments where a release is uploaded that shall get there: the environment itself, or those that its
    /// promotions begin in.
    pub uploads_to: Vec<EnvironmentName>,
    /// The planned length of its rollouts; none where all traffic moves at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Span>,
    /// The time at which a sweep has last written it; none in a notice of an older deployer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// The age from which the sweep writes a notice anew.
pub const RENEWED_AFTER: Duration = Duration::from_secs(15 * 60);
/// The age from which a notice is old: the sweep has missed it.
const OLD_AFTER: Duration = Duration::from_secs(30 * 60);

impl LedgerObject for EnvironmentNotice {}

impl EnvironmentNotice {
    /// Makes the notice of each environment of deployer.json.
    #[must_use]
    pub fn all(config: &Config) -> BTreeMap<EnvironmentName, Self> {
        let notice = |(name, environment): (&EnvironmentName, &crate::config::Environment)| {
            let notice = Self {
                schema: SCHEMA,
                environment: name.clone(),
                removed: false,
                accept_uploads: environment.accept_uploads,
                uploads_to: config.uploads_to(name),
                rollout: environment
                    .rollout
                    .as_ref()
                    .map(|rollout| Span::of_seconds(rollout.planned_length(environment.targets.len()).as_secs())),
                at: None,
            };
            (name.clone(), notice)
        };
        config.environments.iter().map(notice).collect()
    }

    /// Makes the notice of an environment that deployer.json has no more.
    #[must_use]
    pub fn of_removed(environment: &EnvironmentName) -> Self {
        Self {
            schema: SCHEMA,
            environment: environment.clone(),
            removed: true,
            accept_uploads: false,
            uploads_to: vec![],
            rollout: None,
            at: None,
        }
    }

    /// Returns the notice as a sweep writes it at this time.
    #[must_use]
    pub fn written_at(&self, now: Timestamp) -> Self {
        Self { at: Some(now), ..self.clone() }
    }

    /// Whether both say the same, whenever they were written.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self { at: None, ..self.clone() } == Self { at: None, ..other.clone() }
    }

    /// Whether the sweep need not write it anew yet.
    #[must_use]
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.is_younger_than(RENEWED_AFTER, now)
    }

    /// Whether it may contradict deployer.json, because no sweep has written it anew for a while. Clocks differ: one of
    /// the future is not old.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        !self.is_younger_than(OLD_AFTER, now)
    }

    fn is_younger_than(&self, age: Duration, now: Timestamp) -> bool {
        self.at.and_then(|at| at.checked_add(age).ok()).is_some_and(|until| now < until)
    }

    /// Says that the deployer, which knows these environments, does not know another one.
    #[must_use]
    pub fn unknown(environment: &EnvironmentName, known: &[EnvironmentName]) -> String {
        let hint = nearest(environment.as_str(), known.iter().map(EnvironmentName::as_str));
        format!("the deployer knows no environment {environment}, and ignores uploads to it{hint}")
    }

    /// Returns the reason why nothing comes of an upload to this environment; none if uploads are deployed there.
    #[must_use]
    pub fn because_not(&self) -> Option<String> {
        let Self { environment, uploads_to, .. } = self;
        if self.removed {
            return Some(format!(
                "deployer.json has no environment {environment} any more, and uploads to it are ignored"
            ));
        }
        if self.accept_uploads {
            return None;
        }
        let begins: Vec<&str> = uploads_to.iter().map(EnvironmentName::as_str).collect();
        Some(match begins.join(" or ") {
            begins if begins.is_empty() => format!("environment {environment} takes no uploads"),
            begins => {
                format!(
                    "environment {environment} takes no uploads: upload to {begins}, and promote the release from there"
                )
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format;

    fn notices() -> BTreeMap<EnvironmentName, EnvironmentNotice> {
        let target = |account: &str| json!([{"account": account, "region": "eu-west-1"}]);
        let text = json!({
            "artifact_bucket": "artifacts", "ledger_bucket": "ledger",
            "environments": {
                "dev": {"targets": target("111111111111")},
                "stage": {"targets": target("222222222222"), "promotion": {"from": "dev"}},
                "prod": {"targets": target("333333333333"), "promotion": {"from": "stage"}},
                "old": {"targets": target("444444444444"), "accept_uploads": false},
            }
        });
        EnvironmentNotice::all(&Config::parse(&text.to_string()).unwrap())
    }

    #[test]
    fn notice_names_the_beginning_of_the_chain() {
        let notices = notices();
        let of = |name: &str| notices.get(&EnvironmentName::parse(name).unwrap()).unwrap().because_not();
        assert_eq!(of("dev"), None);
        for name in ["stage", "prod"] {
            let because =
                format!("environment {name} takes no uploads: upload to dev, and promote the release from there");
            assert_eq!(of(name), Some(because));
        }
        assert_eq!(of("old").as_deref(), Some("environment old takes no uploads"));
        let gone = EnvironmentNotice::of_removed(&EnvironmentName::parse("lab").unwrap());
        assert_eq!(
            gone.because_not().as_deref(),
            Some("deployer.json has no environment lab any more, and uploads to it are ignored")
        );
    }

    #[test]
    fn notice_tells_how_long_a_rollout_takes() {
        let text = json!({
            "artifact_bucket": "artifacts", "ledger_bucket": "ledger",
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
            "environments": {
                "dev": {"targets": [{"account": "111111111111", "region": "eu-west-1"}]},
                "prod": {"targets": [{"account": "222222222222", "region": "eu-west-1"}],
                         "rollout": {"steps": [{"weight": 10, "for": "10m"}], "watch": "15m"}},
            }
        });
        let notices = EnvironmentNotice::all(&Config::parse(&text.to_string()).unwrap());
        let lengths = notices.values().map(|notice| notice.rollout.map(|rollout| rollout.to_string()));
        assert_eq!(lengths.collect::<Vec<_>>(), [None, Some("25m".to_owned())]);
    }

    #[test]
    fn unknown_environment_is_told_with_the_nearest_or_all_in_alphabetical_order() {
        let name = |name: &str| EnvironmentName::parse(name).unwrap();
        let known = [name("stage"), name("dev"), name("prod")];
        let said = |asked: &str| EnvironmentNotice::unknown(&name(asked), &known);
        assert!(said("dve").ends_with("; did you mean dev?"), "{}", said("dve"));
        assert!(said("qqq").ends_with("; known here: dev, prod, stage"), "{}", said("qqq"));
    }

    #[test]
    fn notice_is_old_after_two_missed_renewals_and_without_a_time() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let notice = notices().into_values().next().unwrap();
        assert!(notice.is_old(now) && !notice.is_recent(now), "an older deployer's");
        for (written, is_recent, is_old) in [
            ("2026-11-30T12:07:00Z", true, false),
            ("2026-11-30T11:45:01Z", true, false),
            ("2026-11-30T11:45:00Z", false, false),
            ("2026-11-30T11:30:01Z", false, false),
            ("2026-11-30T11:30:00Z", false, true),
        ] {
            let written = notice.written_at(written.parse().unwrap());
            assert_eq!((written.is_recent(now), written.is_old(now)), (is_recent, is_old), "{written:?}");
            assert!(written.says_the_same(&notice) && written != notice);
        }
        let other = EnvironmentNotice { accept_uploads: !notice.accept_uploads, ..notice.written_at(now) };
        assert!(!other.says_the_same(&notice));
    }

    #[test]
    fn notice_is_read_back_and_one_of_a_newer_format_is_not() {
        let notice = notices().into_values().next().unwrap().written_at(Timestamp::UNIX_EPOCH);
        let body = format::write(&notice, &notice.as_read()).unwrap();
        assert_eq!(format::read::<EnvironmentNotice>(&body).unwrap(), notice);
        let newer = String::from_utf8(body).unwrap().replace("\"format\": 1", "\"format\": 99");
        assert!(format::read::<EnvironmentNotice>(newer.as_bytes()).is_err());
        assert!(format::read::<EnvironmentNotice>(b"{}").is_err());
    }
}
