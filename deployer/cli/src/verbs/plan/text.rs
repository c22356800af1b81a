//! The text of a plan, for people.

use std::fmt::Write as _;

use anstyle::Style;
use deployer_core::id::Sha256;
use deployer_core::plan::{PlanReport, PlannedChange, PlannedRelease, PlannedStep, RefusedPlan, TargetPlan};
use deployer_core::promotion::Wait;
use deployer_core::record::{Code, Exception, Status};
use deployer_core::text::PlainText;
use jiff::Timestamp;

use crate::answer::{by_whom, one_line, sentence};
use crate::text::ends::{self, ENDS};
use crate::text::width::{fitted, wrapped};
use crate::text::{ago, colours};

pub(crate) const ADDED: Style = colours::GOOD;
pub(crate) const CHANGED: Style = colours::ATTENTION;
pub(crate) const REMOVED: Style = colours::BAD;
const WRONG: Style = colours::BAD.bold();
pub(crate) const HEADING: Style = Style::new().bold();

/// The field of a change whose values are hashes of code.
const CODE: &str = "code";
/// The label of a release that a rollback passes on its way back, in its plan and before its question.
pub(crate) const PASSES: &str = "passes";
/// The columns before the words about a release.
const RELEASE_INDENT: usize = 11;

/// The question that a plan answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The reader wants to know the effects of a deployment.
    Plan,
    /// The reader decides about a promotion that waits for an approval.
    Approval,
}

/// Writes the plan of a promotion that waits, for the person who is about to approve it.
pub(crate) fn before_approval(report: &PlanReport, now: Timestamp, columns: Option<usize>) -> String {
    text_for(Question::Approval, report, now, columns)
}

/// Writes a plan for people: the releases, the conditions, the differences of each target, and the calls that a
/// deployment would make. Lines that are longer than the terminal are wrapped at spaces.
pub(crate) fn text(report: &PlanReport, now: Timestamp, columns: Option<usize>) -> String {
    text_for(Question::Plan, report, now, columns)
}

fn text_for(question: Question, report: &PlanReport, now: Timestamp, columns: Option<usize>) -> String {
    let PlanReport { environment, function, release, promote_from, refused, targets, warnings, .. } = report;
    let release = release.as_ref().map(|release| format!(", release {release}")).unwrap_or_default();
    let from = promote_from.as_ref().map(|from| format!(", promoted from {from}")).unwrap_or_default();
    let mut text = format!("{HEADING}{function} in {environment}{release}{from}{HEADING:#}\n");
    for (what, words) in releases(question, report, now) {
        let line = format!("  {what:<8} {words}");
        let lines = wrapped(&line, columns.unwrap_or(usize::MAX), RELEASE_INDENT);
        let _infallible = writeln!(text, "{}", lines.join("\n"));
    }
    if let Some(refused) = refused {
        let because = sentence(&refused.because);
        let _infallible = writeln!(text, "{WRONG}would be refused{WRONG:#} ({:?}): {because}", refused.code);
    }
    for warning in warnings {
        let _infallible = writeln!(text, "{CHANGED}warning{CHANGED:#}: {}", sentence(warning));
    }
    for plan in targets {
        text.push_str(&target(plan));
    }
    fitted(&text, columns)
}

/// Describes what moves: the releases, and the effects on other deployments.
fn releases(question: Question, report: &PlanReport, now: Timestamp) -> Vec<(&'static str, String)> {
    let PlanReport { live, brings, between, wait, stops, joins, because, promote_from, rollout, .. } = report;
    let PlanReport { ends, ends_groups, .. } = report;
    let mut lines = Vec::new();
    if let Some(brings) = brings {
        lines.push(("live", live.as_ref().map_or("nothing".to_owned(), |live| planned(live, now))));
        lines.push(("brings", planned(brings, now) + same_code(live.as_ref(), brings)));
    }
    let moves_on = if promote_from.is_some() { "between" } else { PASSES };
    lines.extend(between.iter().map(|release| (moves_on, planned(release, now) + &passed_over(&release.passed_over))));
    lines.extend(because.iter().map(|because| ("because", sentence(because))));
    lines.extend(stops.iter().map(|id| ("stops", format!("deployment {id}, which is under way"))));
    lines.extend(joins.iter().map(|id| ("joins", format!("rollback {id}, which means the same and is not done yet"))));
    let groups = ends_groups.iter().map(|one| ends::group(one.deployment, &one.functions, one.from.as_ref()));
    let ended = ends.iter().map(|id| format!("promotion {id}")).chain(groups);
    lines.extend(ended.map(|name| (ENDS, ends::by_rollback(&name))));
    lines.extend(report.meets.iter().map(|met| ("meets", sentence(&met.to_string()))));
    lines.extend(exceptions(report.rollout_skipped.as_ref(), report.freeze_overridden.as_ref()));
    lines.extend(rollout.iter().map(|rollout| ("rollout", sentence(&rollout.to_string()))));
    match (question, &report.refused) {
        // The conditions are judged before what the source serves is compared.
        (Question::Plan, Some(refused)) if wait.is_some() => lines.push(("then", ending_of(refused, wait.as_ref()))),
        (Question::Plan, _) => {
            lines.extend(wait.iter().map(|wait| ("then", format!("it {}", sentence(&wait.to_string())))));
        }
        (Question::Approval, Some(refused)) => lines.push(("then", ending_of(refused, wait.as_ref()))),
        (Question::Approval, None) => lines.push(("then", sentence(&once_approved(wait.as_ref(), now)))),
    }
    lines
}

/// Says by whom the rollout is skipped and the freeze overridden, and why, with the label of each.
pub(crate) fn exceptions(
    skipped: Option<&Exception>,
    overridden: Option<&Exception>,
) -> impl Iterator<Item = (&'static str, String)> {
    let skipped = skipped.map(|one| ("rollout", format!("skipped {}", sentence(&one.to_string()))));
    let overridden = overridden.map(|one| ("freeze", format!("overridden {}", sentence(&one.to_string()))));
    skipped.into_iter().chain(overridden)
}

/// Describes the promotion after the approval; without a wait, all conditions are met already.
fn once_approved(wait: Option<&Wait>, now: Timestamp) -> String {
    sentence(&wait.map_or_else(|| Wait::over(now).once_approved(), Wait::once_approved))
}

/// Says how and when a promotion ends that would not go on as things are.
fn ending_of(refused: &RefusedPlan, wait: Option<&Wait>) -> String {
    let ending = if refused.code == Code::Superseded { Status::Superseded } else { Status::Refused };
    let when = match wait {
        Some(wait) if !wait.is_over_once_approved() => " when it waits for nothing else",
        _ => "",
    };
    format!("the promotion ends as {ending}{when}")
}

/// Says that the planned release is live already under another name.
fn same_code(live: Option<&PlannedRelease>, brings: &PlannedRelease) -> &'static str {
    let is_same = |live: &PlannedRelease| live.sha256.is_some() && live.sha256 == brings.sha256;
    if live.is_some_and(|live| is_same(live) && live.release != brings.release) {
        ", the same code as live"
    } else {
        ""
    }
}

/// Says why a rollback passes over a release; nothing where it is passed because the user names an earlier one.
pub(crate) fn passed_over(because: &Option<PlainText>) -> String {
    because.as_ref().map_or(String::new(), |because| format!(", {}", sentence(because)))
}

/// Describes a release: since when it is live, by whom, its commit and its build.
fn planned(release: &PlannedRelease, now: Timestamp) -> String {
    let PlannedRelease { release, since, by, metadata, .. } = release;
    let since = since.map_or(String::new(), |since| format!(", since {}", ago::since(since, now)));
    let by = by_whom(by.as_deref());
    let of = |name: &str, before: &str| {
        metadata.get(name).map_or(String::new(), |value: &PlainText| format!(", {before}{}", one_line(value)))
    };
    format!("{release}{since}{by}{}{}", of("commit", "commit "), of("build-url", ""))
}

fn target(plan: &TargetPlan) -> String {
    let TargetPlan { target, version_from, version_to, steps, changes, warnings, error } = plan;
    let versions = match (version_from, version_to) {
        _ if steps.is_empty() => String::new(),
        (Some(from), Some(to)) if from == to => String::new(),
        (Some(from), Some(to)) => format!(" version {from} → version {to}"),
        (Some(from), None) if plan.may_use_last_version() => {
            format!(" version {from} → a new version, or the last published one if nothing has changed since")
        }
        (Some(from), None) => format!(" version {from} → a new version"),
        (None, _) => String::new(),
    };
    let nothing = if steps.is_empty() && error.is_none() { " nothing to do" } else { "" };
    let mut text = format!("{HEADING}{target}:{HEADING:#}{versions}{nothing}\n");
    if let Some(error) = error {
        let _infallible =
            writeln!(text, "  {WRONG}error{WRONG:#} ({:?}): {}", error.code, sentence(&error.to_string()));
    }
    for warning in warnings {
        let _infallible = writeln!(text, "  {CHANGED}warning{CHANGED:#}: {}", sentence(warning));
    }
    changes.iter().for_each(|change| text.push_str(&change_line(change)));
    for (number, PlannedStep { step, detail }) in steps.iter().enumerate() {
        let detail = if detail.is_empty() { String::new() } else { format!(" ({})", one_line(detail)) };
        let _infallible = writeln!(text, "  {}. {step}{detail}", number + 1);
    }
    text
}

/// Writes a line for a field that changes.
pub(crate) fn change_line(PlannedChange { field, from, to }: &PlannedChange) -> String {
    let value = |value: &Option<String>| value.as_deref().map(|value| shown(field, value));
    let (style, sign, values) = match (value(from), value(to)) {
        (Some(from), Some(to)) => (CHANGED, '~', format!("{from} → {to}")),
        (None, Some(to)) => (ADDED, '+', to),
        (Some(from), None) => (REMOVED, '-', from),
        (None, None) => (CHANGED, '~', "(none)".to_owned()),
    };
    format!("  {style}{sign} {field}{style:#}: {values}\n")
}

/// Returns a value for people. The hash of the code is base64 in JSON, and here the digits that `sha256sum` begins with.
fn shown(field: &str, value: &str) -> String {
    let hash = (field == CODE).then(|| Sha256::parse(value).ok()).flatten();
    hash.map_or_else(|| one_line(value), |hash| hash.to_short_hex())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::id::DeploymentId;
    use deployer_core::record::{TargetError, TargetErrorCode};
    use serde_json::json;

    use super::*;
    use crate::answer::Exit;
    use crate::text::golden::assert_golden;
    use crate::text::width::width;
    use crate::verbs::plan::exit;

    /// Returns the text without colours.
    fn plain(report: &PlanReport) -> String {
        anstream::adapter::strip_str(&text(report, "2026-11-30T12:00:00Z".parse().unwrap(), None)).to_string()
    }

    fn report() -> PlanReport {
        serde_json::from_value(json!({
            "environment": "dev", "function": "orders", "release": "1.4.2", "unchanged": false,
            "targets": [
                {
                    "account": "111111111111", "region": "eu-west-1",
                    "steps": [{"step": "update configuration", "detail": ""}, {"step": "update code", "detail": "publishing"}],
                    "changes": [
                        {"field": "memory_size", "from": "128", "to": "256"},
                        {"field": "environment.variables.TOKEN", "from": null, "to": "***"},
                        {"field": "tags.team", "from": "a\nb", "to": null},
                    ],
                },
                {"account": "222222222222", "region": "us-east-1", "steps": [], "changes": []},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn plan_text_lists_each_target() {
        assert_eq!(
            plain(&report()),
            "orders in dev, release 1.4.2\n\
             111111111111/eu-west-1:\n  \
               ~ memory_size: 128 → 256\n  \
               + environment.variables.TOKEN: ***\n  \
               - tags.team: a\\nb\n  \
               1. update configuration\n  \
               2. update code (publishing)\n\
             222222222222/us-east-1: nothing to do\n"
        );
        assert_eq!(exit(&report(), Exit::Done), Exit::Done);
        assert_eq!(exit(&report(), Exit::Differs), Exit::Differs);
    }

    #[test]
    fn plan_text_names_the_rollout_and_the_warnings_of_the_deployment() {
        let mut report = serde_json::to_value(report()).unwrap();
        report["rollout"] = json!({
            "waves": [1, 1], "steps": [{"weight": 10, "for": "10m"}], "watch": "10m", "length": "40m", "smoke_tests": 0,
            "alarms": ["orders-5xx"],
        });
        report["warnings"] = json!(["rollout: ignored in dev, which has none"]);
        assert!(
            plain(&serde_json::from_value(report).unwrap()).starts_with(
                "orders in dev, release 1.4.2\n  \
                   rollout  in 2 waves of 1 and 1 targets, each: 10 % for 10m, then all traffic, watched for 10m; 40m in all; \
                 the alarm orders-5xx takes it back\n\
                 warning: rollout: ignored in dev, which has none\n\
                 111111111111/eu-west-1:\n"
            )
        );
    }

    #[test]
    fn plan_before_an_approval_names_who_skips_the_rollout_and_overrides_the_freeze() {
        let mut report = serde_json::to_value(report()).unwrap();
        report["rollout_skipped"] = json!({"by": "ada", "because": "INC-10"});
        report["freeze_overridden"] = json!({"by": "ada", "because": "INC-9"});
        report["rollout"] = json!({
            "waves": [1], "steps": [], "watch": "10m", "length": "10m", "longest": "20m", "smoke_tests": 1,
        });
        report["meets"] = json!({"deployment": "01JD3Z9V7Q0000000000000000", "release": "1.4.1", "replaces": false});
        let report: PlanReport = serde_json::from_value(report).unwrap();
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let before = anstream::adapter::strip_str(&before_approval(&report, now, None)).to_string();
        let told = "  meets    the rollout of 1.4.1 under way (deployment 01JD3Z9V7Q0000000000000000) ends first: it waits \
                    for that\n  \
                      rollout  skipped by ada: INC-10\n  \
                      freeze   overridden by ada: INC-9\n  \
                      rollout  smoke test, all traffic at once, watched for 10m; 10m in all, and up to 20m where too few \
                    invocations lengthen each step once\n";
        assert!(before.contains(told), "{before}");
        assert!(plain(&report).contains(told), "{before}");
    }

    #[test]
    fn plan_before_an_approval_says_what_comes_after_it() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let shown = |wait: serde_json::Value| {
            let mut report = serde_json::to_value(report()).unwrap();
            report["wait"] = wait;
            let report = serde_json::from_value(report).unwrap();
            let text = anstream::adapter::strip_str(&before_approval(&report, now, None)).to_string();
            text.lines().find(|line| line.starts_with("  then ")).unwrap_or_default().to_owned()
        };
        let wanted = |number: u8| json!({"approvals_wanted": number, "expires_at": "2026-12-07T12:00:00Z"});
        let at_once = "it is deployed at once, unless another deployment is under way";
        let last = "once it has the one approval that is missing,";
        assert_eq!(shown(wanted(1)), format!("  then     {last} {at_once}"));
        assert_eq!(shown(json!(null)), format!("  then     {at_once}"));
        assert_eq!(
            shown(wanted(2)),
            "  then     once it has one more approval, it waits for one more approval, until 2026-12-07 12:00:00Z at most"
        );
        let mut soaks = wanted(1);
        soaks["soak_until"] = json!("2026-11-30T13:00:00Z");
        assert_eq!(shown(soaks), format!("  then     {last} it waits until 2026-11-30 13:00:00Z for its soak"));
        let refused = RefusedPlan { code: Code::Rejected, because: "release 1.4.2 was rejected".into() };
        let refused = PlanReport { refused: Some(refused), ..report() };
        let text = anstream::adapter::strip_str(&before_approval(&refused, now, None)).to_string();
        let told =
            "\n  then     the promotion ends as refused\nwould be refused (Rejected): release 1.4.2 was rejected\n";
        assert!(text.contains(told), "{text}");
        assert!(!plain(&report()).contains("  then "), "nobody is about to approve a plan");
    }

    #[test]
    fn plan_of_the_same_code_under_another_name_says_so() {
        let release = |name: &str| json!({"release": name, "sha256": deployer_core::id::Sha256::of(b"same")});
        let mut same = serde_json::to_value(report()).unwrap();
        (same["live"], same["brings"]) = (release("b"), release("a"));
        let text = plain(&serde_json::from_value(same.clone()).unwrap());
        assert!(text.contains("\n  live     b\n  brings   a, the same code as live\n"), "{text}");
        same["brings"]["sha256"] = json!(deployer_core::id::Sha256::of(b"other"));
        assert!(!plain(&serde_json::from_value(same).unwrap()).contains("same code"));
    }

    #[test]
    fn plan_that_publishes_latest_as_it_is_names_no_new_version_for_sure() {
        let steps_show = |steps: &[&str]| {
            let mut report = serde_json::to_value(report()).unwrap();
            let steps: Vec<_> = steps.iter().map(|step| json!({"step": step, "detail": ""})).collect();
            let target = &mut report["targets"][0];
            (target["version_from"], target["steps"]) = (json!("1"), json!(steps));
            plain(&serde_json::from_value(report).unwrap())
        };
        let text = steps_show(&["publish version", "move alias"]);
        let unsure = ": version 1 → a new version, or the last published one if nothing has changed since\n";
        assert!(text.contains(unsure), "{text}");
        for sure in [["update configuration", "publish version"], ["update code", "move alias"]] {
            let text = steps_show(&sure);
            assert!(text.contains(": version 1 → a new version\n"), "{text}");
        }
    }

    #[test]
    fn plan_fits_terminals_of_60_to_200_columns() {
        let mut report = report();
        let sha = |code: &str| deployer_core::id::Sha256::of(code.as_bytes()).to_string();
        report.targets[0] = serde_json::from_value(json!({
            "account": "111111111111", "region": "eu-west-1", "version_from": "3", "version_to": null,
            "steps": [{"step": "update code", "detail": "publishing"}, {"step": "move alias", "detail": "from version 3"}],
            "changes": [{"field": "code", "from": sha("a"), "to": sha("b")}],
            "warnings": ["timeout is 1800, more than the 900 that this deployer knows of; Lambda decides"],
        }))
        .unwrap();
        report.live = Some(serde_json::from_value(json!({"release": "1.4.1", "since": "2026-11-30T11:00:00Z", "by": "ada",
            "metadata": {"commit": "4f5c2e19d3b7a6c8e0f1a2b3c4d5e6f708192a3b", "build-url": "https://ci.example.com/acme/orders/7"}}))
        .unwrap());
        report.brings = Some(serde_json::from_value(json!({"release": "1.4.2"})).unwrap());
        for columns in [60, 80, 200] {
            let text = text(&report, "2026-11-30T12:00:00Z".parse().unwrap(), Some(columns));
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}:\n{text}");
            assert_golden(&format!("plan-{columns}.txt"), &text);
        }
    }

    #[test]
    fn failed_target_and_refusal_show_their_reason() {
        let mut report = report();
        report.targets.truncate(1);
        let error = TargetError::new(TargetErrorCode::AssumeRoleDenied, "enter", "denied");
        report.targets[0] = TargetPlan::of(&report.targets[0].target, Err(error));
        assert_eq!(
            plain(&report),
            "orders in dev, release 1.4.2\n111111111111/eu-west-1:\n  error (AssumeRoleDenied): enter: denied\n"
        );
        assert_eq!(exit(&report, Exit::Differs), Exit::Failed);
        report.refused = Some(RefusedPlan { code: Code::InvalidArtifact, because: "the zip is cut off".into() });
        assert_eq!(
            plain(&report),
            "orders in dev, release 1.4.2\nwould be refused (InvalidArtifact): the zip is cut off\n\
             111111111111/eu-west-1:\n  error (AssumeRoleDenied): enter: denied\n"
        );
        assert_eq!(exit(&report, Exit::Differs), Exit::Refused);
    }

    #[test]
    fn rollback_and_promotion_show_releases_versions_and_conditions() {
        let mut report = report();
        report.targets.truncate(1);
        report.targets[0] = serde_json::from_value(json!({
            "account": "111111111111", "region": "eu-west-1", "version_from": "3", "version_to": "2",
            "steps": [{"step": "move alias", "detail": "from version 3"}],
            "changes": [{"field": "memory_size", "from": "512", "to": "256"}],
        }))
        .unwrap();
        let release = |release: &str, more: serde_json::Value| -> PlannedRelease {
            let mut value = json!({"release": release});
            value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(value).unwrap()
        };
        let commit = json!({"since": "2026-11-30T11:00:00Z", "by": "ci\u{1b}[1m", "metadata": {"commit": "abc", "build-url": "https://ci/7"}});
        report.live = Some(release("1.4.2", commit));
        report.brings = Some(release("1.4.0", json!({})));
        report.between = vec![release("1.4.1", json!({"metadata": {"commit": "def"}}))];
        report.stops = Some(DeploymentId::parse("01JD3Z9V7Q0000000000000000").unwrap());
        report.ends = vec![DeploymentId::parse("01JD3Z9V7Q0000000000000001").unwrap()];
        let text = plain(&report);
        assert_eq!(
            text,
            "orders in dev, release 1.4.2\n  \
               live     1.4.2, since 2026-11-30 11:00:00Z (1 h ago) by ci[1m, commit abc, https://ci/7\n  \
               brings   1.4.0\n  \
               passes   1.4.1, commit def\n  \
               stops    deployment 01JD3Z9V7Q0000000000000000, which is under way\n  \
               ends     promotion 01JD3Z9V7Q0000000000000001, which waits to come here\n\
             111111111111/eu-west-1: version 3 → version 2\n  \
               ~ memory_size: 512 → 256\n  \
               1. move alias (from version 3)\n"
        );
    }
}
