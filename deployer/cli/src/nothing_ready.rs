//! The reasons why a promotion by a pattern promotes nothing: no function matches, or each has a reason of its own.

use std::fmt::Write as _;
use std::time::Duration;

use deployer_core::id::{EnvironmentName, FunctionName, FunctionPattern};
use deployer_core::known_functions::{FunctionNames, UnmatchedPattern};
use deployer_core::ledger_keys;
use deployer_core::plan::PlanReport;
use deployer_core::status::{FunctionStatus, StatusReport};
use deployer_core::text::counted;
use deployer_core::trigger::Command;
use futures::stream::{self, StreamExt as _};

use super::answer::{CliError, one_line, sentence};
use super::interrupts::Interrupts;
use super::remote::{self, Remote};

/// The time that the look for the reasons takes at most.
const LOOK: Duration = Duration::from_secs(60);
/// The number of functions whose reason is told.
const MOST_TOLD: usize = 20;
/// The number of functions that the deployer plans at once.
const PLANNED_AT_ONCE: usize = 4;

/// A promotion by a pattern that promotes nothing.
pub(super) struct NothingReady<'a> {
    options: &'a remote::Options,
    pattern: &'a FunctionPattern,
    from: &'a EnvironmentName,
    to: &'a EnvironmentName,
}

impl<'a> NothingReady<'a> {
    /// Makes it of the pattern and the two environments.
    pub fn new(
        options: &'a remote::Options,
        pattern: &'a FunctionPattern,
        (from, to): (&'a EnvironmentName, &'a EnvironmentName),
    ) -> Self {
        Self { options, pattern, from, to }
    }

    /// Looks for the reasons, and tells them. Where the look fails, the text names no reason.
    ///
    /// # Errors
    /// The user interrupts the look.
    pub async fn tell(&self) -> Result<String, CliError> {
        let mut interrupts = Interrupts::listen()?;
        tokio::select! {
            look = tokio::time::timeout(LOOK, self.look()) => Ok(look.ok().flatten().unwrap_or_else(|| self.heading())),
            () = interrupts.received() => {
                Err(CliError::interrupted(format!("interrupted; {}", self.heading().trim_end())))
            }
        }
    }

    fn heading(&self) -> String {
        let Self { pattern, from, to, .. } = self;
        format!("nothing is ready: of {pattern}, {from} has nothing that {to} has not and may take now\n")
    }

    async fn look(&self) -> Option<String> {
        let remote = self.options.remote().await.ok()?;
        let status = remote::request(Command::status(None, None));
        let report = remote.send::<StatusReport>(&status).await.ok()?;
        let here: Vec<&FunctionStatus> = report.functions.iter().filter(|one| one.environment == *self.from).collect();
        let matching: Vec<&FunctionStatus> =
            here.iter().copied().filter(|one| self.pattern.matches(&one.function)).collect();
        if matching.is_empty() {
            return Some(self.unmatched(&here));
        }
        let shown = matching.iter().take(MOST_TOLD).map(|source| self.reason(&remote, &report, source));
        let shown: Vec<String> = stream::iter(shown).buffered(PLANNED_AT_ONCE).collect().await;
        let width = matching.iter().take(MOST_TOLD).map(|one| one.function.as_str().len()).max().unwrap_or(0);
        let mut text = self.heading();
        for (source, because) in matching.iter().zip(&shown) {
            let _always = writeln!(text, "  {:width$}   {because}", source.function.as_str());
        }
        if let Some(more) = matching.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
            let _always = writeln!(text, "  and {} more", counted(more, "function"));
        }
        Some(text)
    }

    /// Says that the pattern matches nothing, and which names there are. Of a pattern other than * a deployer of this
    /// version says so itself, and refuses it.
    fn unmatched(&self, here: &[&FunctionStatus]) -> String {
        let keys: Vec<String> = here.iter().map(|one| ledger_keys::head(self.from, &one.function)).collect();
        let hint = FunctionNames::of_head_keys(&keys).hint_of_pattern(self.pattern);
        let (environment, pattern) = (self.from.clone(), self.pattern.clone());
        format!("{}\n", UnmatchedPattern { environment, pattern, hint })
    }

    /// Returns the reason why a function is not ready: what the status shows, or else what the deployer's plan says.
    async fn reason(&self, remote: &Remote, report: &StatusReport, source: &FunctionStatus) -> String {
        let is_there = |one: &&FunctionStatus| one.environment == *self.to && one.function == source.function;
        match self.shown(source, report.functions.iter().find(is_there)) {
            Some(because) => because,
            None => self.planned(remote, &source.function).await,
        }
    }

    /// Returns the reason that the status shows.
    fn shown(&self, source: &FunctionStatus, there: Option<&FunctionStatus>) -> Option<String> {
        let Self { from, to, .. } = self;
        let Some(live) = &source.live else { return Some(format!("nothing is live in {from}")) };
        let release = &live.release;
        let there = there?;
        let same_code = |sha256: Option<_>| sha256.is_some() && sha256 == live.sha256;
        if let Some(has) = there.live.as_ref().filter(|has| has.release == *release || same_code(has.sha256)) {
            let other = if has.release == *release { String::new() } else { format!(", as {}", has.release) };
            return Some(format!("{to} has {release} already{other}"));
        }
        if let Some(waits) = there.waiting.iter().find(|waits| waits.release.as_ref() == Some(release)) {
            let because = sentence(&waits.because);
            return Some(format!("{release} is asked for already: deployment {} {because}", waits.deployment));
        }
        let hold = there.hold.as_ref()?;
        Some(format!("{to} is held: {}", one_line(&hold.reason)))
    }

    async fn planned(&self, remote: &Remote, function: &FunctionName) -> String {
        let command = Command::Plan {
            environment: self.to.clone(),
            function: function.clone(),
            release: None,
            package: None,
            rollback: false,
            to: None,
            promote_from: Some(self.from.clone()),
            deployment: None,
        };
        let planned = remote.send::<PlanReport>(&remote::request(command)).await;
        match planned.map(|report| report.refused) {
            Ok(Some(refused)) => sentence(&refused.because),
            Ok(None) => format!("it has just become ready: promote it, or see status -e {}", self.to),
            Err(error) => format!("the reason is not known: {}", one_line(error.message.lines().next().unwrap_or(""))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Arguments {
        #[command(flatten)]
        remote: remote::Options,
    }

    fn status(environment: &str, function: &str, release: Option<&str>, more: Value) -> FunctionStatus {
        let live = release.map(|release| {
            json!({"release": release, "deployment": "01JD3Z9V7Q0000000000000000",
            "since": "2026-11-30T11:59:00Z", "sha256": null})
        });
        let mut status = json!({"environment": environment, "function": function, "live": live, "targets": [],
            "active": null, "pending": null, "hold": null, "rejected": false});
        if let Value::Object(more) = more {
            more.into_iter().for_each(|(name, value)| status[name] = value);
        }
        serde_json::from_value(status).unwrap()
    }

    fn with<T>(pattern: &str, run: impl FnOnce(&NothingReady<'_>) -> T) -> T {
        let remote = Arguments::parse_from(["deployctl"]).remote;
        let (pattern, from, to) = (pattern.parse().unwrap(), "dev".parse().unwrap(), "prod".parse().unwrap());
        run(&NothingReady::new(&remote, &pattern, (&from, &to)))
    }

    #[test]
    fn pattern_that_matches_nothing_names_the_functions_there_are() {
        let told = |pattern: &str, here: &[FunctionStatus]| {
            with(pattern, |nothing| nothing.unmatched(&here.iter().collect::<Vec<_>>()))
        };
        let all = ["orders-api", "stock"].map(|name| status("dev", name, Some("1"), json!({})));
        assert_eq!(told("ordesr-*", &all), "no function of dev matches ordesr-*; did you mean orders-api?\n");
        assert_eq!(told("*", &[]), "no function of dev matches *; it has no function yet\n");
    }

    #[test]
    fn function_that_is_not_ready_says_why_by_its_status() {
        let waiting = json!({"waiting": [{"deployment": "01JD3Z9V7Q0000000000000002", "from": "dev", "release": "2",
            "requested_by": "ada", "since": "2026-11-30T12:00:00Z", "approvals_wanted": 1,
            "expires_at": "2026-12-30T12:00:00Z", "because": "waits for an approval"}]});
        let hold = json!({"hold": {"reason": "stock-taking", "requested_by": "ada", "since": "2026-11-30T12:00:00Z"}});
        let said = |release: Option<&str>, there: Option<FunctionStatus>| {
            with("*", |nothing| nothing.shown(&status("dev", "orders", release, json!({})), there.as_ref()))
        };
        let prod = |release: &str, more| Some(status("prod", "orders", Some(release), more));
        assert_eq!(said(None, None).as_deref(), Some("nothing is live in dev"));
        assert_eq!(said(Some("2"), prod("2", json!({}))).as_deref(), Some("prod has 2 already"));
        let asked = "2 is asked for already: deployment 01JD3Z9V7Q0000000000000002 waits for an approval";
        assert_eq!(said(Some("2"), prod("1", waiting)).as_deref(), Some(asked));
        assert_eq!(said(Some("2"), prod("1", hold)).as_deref(), Some("prod is held: stock-taking"));
        assert_eq!(said(Some("2"), prod("1", json!({}))), None, "the deployer knows it");
        assert_eq!(said(Some("2"), None), None, "the deployer knows it");
    }
}
