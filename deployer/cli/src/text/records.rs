//! The text of records, for people.

use std::fmt::Write as _;

use deployer_core::approval::DECLINED_BY;
use deployer_core::denial::Denial;
use deployer_core::id::EnvironmentName;
use deployer_core::record::{
    Approved, CauseKind, Code, DeploymentRecord, EndedWaiting, Status, TargetError, TargetErrorCode, TargetOutcome,
};
use deployer_core::text::{PlainText, listed};
use jiff::Timestamp;

use super::colours;
use crate::answer::sentence;

/// Writes a line for the deployment and one for each target.
pub(crate) fn text(record: &DeploymentRecord) -> String {
    text_about(&subject(record), record)
}

/// Writes the same of a rollback, which was asked for by this command.
pub(crate) fn text_of_rollback(record: &DeploymentRecord, command: &str) -> String {
    let again = again(record).map(|again| if has_reached(record) { again } else { command.to_owned() });
    text_with(&subject(record), record, again)
}

fn subject(record: &DeploymentRecord) -> String {
    let DeploymentRecord { environment, function, release, .. } = record;
    let release = release.as_ref().map_or(String::new(), |release| format!("/{release}"));
    format!("{environment}/{function}{release}")
}

/// Writes the same, and names the deployment's subject in these words.
pub(crate) fn text_about(what: &str, record: &DeploymentRecord) -> String {
    text_with(what, record, again(record))
}

fn text_with(what: &str, record: &DeploymentRecord, again: Option<String>) -> String {
    let id = record.id;
    let took = record.finished_at.map_or(String::new(), |end| match &record.promotion {
        Some(promotion) => promotion_took(record.started_at, end, &promotion.approvals),
        None => format!(" after {} s", end.duration_since(record.started_at).as_secs()),
    });
    let waited = waited(record).map_or(String::new(), |waited| format!(" ({waited})"));
    let mut text =
        format!("{what}: {}{took}{waited}, deployment {id}\n", ending(record.status, record.because.as_deref()));
    if is_declined(record.status, record.because.as_deref()) {
        // Nothing was tried in a target, and nothing is wrong.
        return text + &record.because.as_deref().map_or(String::new(), |because| format!("  {}\n", sentence(because)));
    }
    // A failed target's line has its own reason.
    if record.targets.iter().all(|target| target.error.is_none())
        && let Some(because) = because(record)
    {
        let _always = writeln!(text, "  {because}");
    }
    for target in &record.targets {
        let _always = writeln!(text, "  {}", outcome(target));
    }
    for warning in warnings(record) {
        let _always = writeln!(text, "  {}", self::warning(warning));
    }
    for one in &record.ended_waiting {
        let _always = writeln!(text, "  {}", ended_waiting(one));
    }
    text + &way_on(record, again).unwrap_or_default()
}

/// Returns the command that helps after this end, where the other one asks for the same again; none if none does wherever it
/// is met.
fn way_on(record: &DeploymentRecord, again: Option<String>) -> Option<String> {
    let DeploymentRecord { environment, function, .. } = record;
    let has_failed = record.status == Status::Failed;
    Some(match record.code {
        Some(Code::Held) => format!("  to release it:\n    deployctl release-hold -e {environment} -f {function}\n"),
        Some(Code::Rejected) => format!("  what is rejected, and how that ends:\n    deployctl status {function}\n"),
        Some(Code::LiveChanged) => format!("  what is live now:\n    deployctl status {function} -e {environment}\n"),
        _ if is_denied(record) => after_denial(environment, is_denied_outright(record), again),
        // A rollback goes on from where it has got to, whatever was in its way.
        _ if has_failed && record.cause.kind == CauseKind::Rollback => again_once_mended(again),
        _ => return None,
    })
}

/// Whether an alias serves the deployment's version, or may, so that its artifact has become the live one.
fn has_reached(record: &DeploymentRecord) -> bool {
    record.targets.iter().any(TargetOutcome::may_serve)
}

/// Whether a target has denied the deployer something.
pub(crate) fn is_denied(record: &DeploymentRecord) -> bool {
    let is_denied = |error: &TargetError| error.code == TargetErrorCode::AccessDenied;
    record.targets.iter().filter_map(|target| target.error.as_ref()).any(is_denied)
}

/// Whether a policy denies a target's call outright, so that no right is missing.
pub(crate) fn is_denied_outright(record: &DeploymentRecord) -> bool {
    record.targets.iter().filter_map(|target| target.error.as_ref()).any(|error| says_outright(&error.message))
}

/// Whether AWS's words tell of a policy that denies.
pub(crate) fn says_outright(words: &str) -> bool {
    matches!(Denial::of(words), Denial::Explicit(_))
}

/// Names the commands after a denial in this environment: the one that tells what is missing, and those that ask for the
/// same again. The doctor asks about a function of its own, so it does not see what denies another function only.
pub(crate) fn after_denial(
    environment: &EnvironmentName,
    outright: bool,
    again: impl IntoIterator<Item = String>,
) -> String {
    let doctor = match outright {
        false => format!("  which permission is missing:\n    deployctl doctor -e {environment}\n"),
        true => format!(
            "  a policy denies it, and that denial has to go. If every function is denied, the doctor sees it:\n    \
               deployctl doctor -e {environment}\n  if this one alone is, list the role's policies in the target's account \
             (AccessDenied in docs/runbook.md)\n"
        ),
    };
    doctor + &again_once_mended(again)
}

/// Names the commands that ask for the same again.
pub(crate) fn again_once_mended(again: impl IntoIterator<Item = String>) -> String {
    let again: String = again.into_iter().map(|command| format!("    {command}\n")).collect();
    if again.is_empty() { again } else { format!("  once that is mended:\n{again}") }
}

/// Writes the command that asks for the same deployment again. None: nobody has asked for it by a command of its own.
pub(crate) fn again(record: &DeploymentRecord) -> Option<String> {
    let DeploymentRecord { environment, function, release, cause, promotion, .. } = record;
    let of = format!("-e {environment} -f {function}");
    match (cause.kind, release) {
        (CauseKind::Rollback, _) if cause.recall.is_some() => None,
        // By its name, another artifact of the same name may be found.
        (CauseKind::Rollback, _) if has_reached(record) => Some(format!("deployctl redeploy {of}")),
        (CauseKind::Rollback, Some(to)) => Some(format!("deployctl rollback {of} --to {to}")),
        (CauseKind::Rollback, None) => Some(format!("deployctl rollback {of}")),
        (CauseKind::Redeploy, _) => Some(format!("deployctl redeploy {of}")),
        (CauseKind::Deploy, Some(release)) => Some(format!("deployctl deploy {of} -r {release}")),
        (CauseKind::Promotion, Some(release)) => {
            let from =
                promotion.as_ref().filter(|promotion| promotion.group.is_none()).map(|promotion| &promotion.from)?;
            Some(format!("deployctl promote -f {function} --from {from} --to {environment} -r {release}"))
        }
        _ => None,
    }
}

/// Says how long a deployment has waited for its turn, and how long it took from then on; none if it did not wait.
pub(crate) fn waited(record: &DeploymentRecord) -> Option<String> {
    let (claimed, end) = (record.claimed_at?, record.finished_at?);
    let waited = claimed.duration_since(record.started_at).as_secs();
    (waited > 0).then(|| format!("waited {waited} s, took {} s", end.duration_since(claimed).as_secs()))
}

/// Says how long a promotion took. It may have waited for days before anything was deployed: the last approval is nearer
/// to the deployment's start than the request.
pub(crate) fn promotion_took(requested_at: Timestamp, end: Timestamp, approvals: &[Approved]) -> String {
    let seconds = |since: Timestamp| end.duration_since(since).as_secs();
    match approvals.iter().map(|given| given.at).max() {
        Some(last) => format!(" {} s after the last approval", seconds(last)),
        None => format!(" {} s after the request", seconds(requested_at)),
    }
}

/// Writes a line for each target, or one for the deployment if no target was tried.
pub(crate) fn lines(record: &DeploymentRecord) -> String {
    let what = format!("{}/{}", record.environment, record.function);
    let tried = record.targets.iter().any(|target| target.error.is_some() || target.version.is_some());
    if !tried {
        let because = because(record).map_or(String::new(), |because| format!(", {because}"));
        return format!("{what}: {}{because}\n", status(record.status));
    }
    record.targets.iter().map(|target| format!("{what}: {}\n", outcome(target))).collect()
}

/// Returns the warnings about what a promotion brings; none where it has ended and reached no target.
pub(crate) fn warnings(record: &DeploymentRecord) -> impl Iterator<Item = &PlainText> {
    let has_ended = matches!(record.status, Status::Refused | Status::Superseded);
    let brings_nothing = has_ended && !record.targets.iter().any(TargetOutcome::may_serve);
    let promotion = record.promotion.iter().filter(move |_| !brings_nothing);
    promotion.flat_map(|promotion| &promotion.warnings)
}

/// Writes what whoever promotes should know.
pub(crate) fn warning(warning: &str) -> String {
    let style = colours::ATTENTION;
    format!("{style}warning{style:#}: {}", sentence(warning))
}

/// Names a deployment that was ended while it waited, and what it waited for.
pub(crate) fn ended_waiting(one: &EndedWaiting) -> String {
    let EndedWaiting { environment, deployment, release, from, waited, functions } = one;
    let what = match from {
        _ if !functions.is_empty() => "group",
        Some(_) => "promotion",
        None => "deployment",
    };
    let of = match release {
        _ if !functions.is_empty() => format!(" of {}", listed(functions)),
        Some(release) => format!(" of {release}"),
        None => String::new(),
    };
    let from = from.as_ref().map_or(String::new(), |from| format!(" from {from}"));
    format!("ended: {what} {deployment}{of}{from} to {environment}, which waited {}", sentence(waited))
}

fn because(record: &DeploymentRecord) -> Option<String> {
    let because = sentence(record.because.as_deref()?);
    Some(record.code.map_or(because.clone(), |code| format!("{code:?}: {because}")))
}

fn outcome(target: &TargetOutcome) -> String {
    let TargetOutcome { account, region, version, previous, error, created, .. } = target;
    let created = if *created { ", a new function" } else { "" };
    let version = version.as_ref().map_or(String::new(), |version| format!(", version {version}"));
    let previous = previous.as_ref().map_or(String::new(), |previous| format!(" (before: {})", previous.version));
    let error =
        error.as_ref().map_or(String::new(), |error| format!(", {:?}: {}", error.code, sentence(&error.to_string())));
    format!("{account}/{region}: {}{created}{version}{previous}{error}", status(target.status))
}

/// Whether a promotion has ended because a person declined it: as that person wished.
pub(crate) fn is_declined(status: Status, because: Option<&str>) -> bool {
    status == Status::Refused && because.is_some_and(|because| because.starts_with(DECLINED_BY))
}

/// Returns the status in its colour; a declined promotion's is told as what it is, and not as a rule's refusal.
pub(crate) fn ending(of: Status, because: Option<&str>) -> String {
    let style = colours::ATTENTION;
    if is_declined(of, because) { format!("{style}declined{style:#}") } else { status(of) }
}

/// Returns a status in its colour.
pub(crate) fn status(status: Status) -> String {
    let style = match status {
        Status::Succeeded | Status::Unchanged => colours::GOOD,
        Status::Pending | Status::InProgress | Status::Superseded => colours::ATTENTION,
        Status::Refused | Status::Failed | Status::RolledBack => colours::BAD,
    };
    format!("{style}{status}{style:#}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::golden::plain;

    #[test]
    fn promotion_counts_from_its_last_approval_or_its_request_and_others_from_their_beginning() {
        let approval = |at: &str| json!({"by": "bob", "at": at});
        let waited = [approval("2026-11-30T12:11:00Z"), approval("2026-11-30T12:11:30Z")];
        for (promotion, took) in [
            (json!({"from": "stage", "approvals": waited}), "7 s after the last approval"),
            (json!({"from": "stage"}), "697 s after the request"),
            (json!(null), "after 697 s"),
        ] {
            let record = json!({
                "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "2",
                "status": "succeeded", "code": null, "because": null, "artifact": null, "targets": [],
                "cause": {"kind": "promotion", "requested_by": "ann", "event_id": "r"}, "promotion": promotion,
                "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:11:37Z",
            });
            let said = plain(&text(&serde_json::from_value(record).unwrap()));
            assert_eq!(said, format!("prod/orders/2: succeeded {took}, deployment 01JD3Z9V7Q0000000000000000\n"));
        }
    }

    #[test]
    fn declined_promotion_is_declined_and_not_refused() {
        let record = json!({
            "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "2",
            "status": "refused", "code": "NotPromotable", "because": "declined by bob: not before the sale", "artifact": null,
            "targets": [{"account": "111111111111", "region": "eu-west-1", "status": "refused", "function_name": "orders",
                "alias": "live", "version": null, "previous": null, "error": null}],
            "cause": {"kind": "promotion", "requested_by": "ann", "event_id": "r"}, "promotion": {"from": "stage"},
            "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:04Z",
        });
        let said = text(&serde_json::from_value(record).unwrap());
        let style = colours::ATTENTION;
        assert_eq!(
            said,
            format!(
                "prod/orders/2: {style}declined{style:#} 4 s after the request, deployment 01JD3Z9V7Q0000000000000000\n  \
                   declined by bob: not before the sale\n"
            )
        );
    }

    #[test]
    fn deployment_that_waited_for_its_turn_tells_how_long_and_how_long_it_took() {
        for (claimed, took) in [
            (json!("2026-11-30T12:05:00Z"), "after 312 s (waited 300 s, took 12 s)"),
            (json!("2026-11-30T12:00:00.9Z"), "after 312 s"),
            (json!(null), "after 312 s"),
        ] {
            let record = json!({
                "id": "01JD3Z9V7Q0000000000000000", "environment": "dev", "function": "orders", "release": "2",
                "status": "succeeded", "code": null, "because": null, "artifact": null, "targets": [],
                "cause": {"kind": "upload", "requested_by": null, "event_id": null},
                "started_at": "2026-11-30T12:00:00Z", "claimed_at": claimed, "finished_at": "2026-11-30T12:05:12Z",
            });
            let said = plain(&text(&serde_json::from_value(record).unwrap()));
            assert_eq!(said, format!("dev/orders/2: succeeded {took}, deployment 01JD3Z9V7Q0000000000000000\n"));
        }
    }

    #[test]
    fn reason_has_its_times_as_status_has_them() {
        let record = json!({
            "id": "01JD3Z9V7Q0000000000000000", "environment": "dev", "function": "orders", "release": "2",
            "status": "refused", "code": "Held", "because": "held by ada since 2026-11-30T10:16:04Z: stock-taking",
            "artifact": null, "targets": [], "cause": {"kind": "upload", "requested_by": null, "event_id": null},
            "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z",
        });
        let said = plain(&text(&serde_json::from_value(record).unwrap()));
        assert!(said.contains("\n  Held: held by ada since 2026-11-30 10:16:04Z: stock-taking\n"), "{said}");
    }

    #[test]
    fn end_that_a_command_helps_with_names_it() {
        let target = |code: &str| {
            json!([{"account": "111111111111", "region": "eu-west-1", "status": "failed",
            "function_name": "orders", "alias": "live", "version": null, "previous": null,
            "error": {"code": code, "step": "update alias", "message": "no"}}])
        };
        for (status, code, targets, command) in [
            ("refused", json!("Held"), json!([]), Some("deployctl release-hold -e dev -f orders")),
            ("refused", json!("Rejected"), json!([]), Some("deployctl status orders")),
            ("refused", json!("LiveChanged"), json!([]), Some("deployctl status orders -e dev")),
            (
                "failed",
                json!("TargetFailed"),
                target("AccessDenied"),
                Some("deployctl rollback -e dev -f orders --to 2"),
            ),
            (
                "failed",
                json!("TargetFailed"),
                target("CodeTooLarge"),
                Some("deployctl rollback -e dev -f orders --to 2"),
            ),
        ] {
            let record = json!({
                "id": "01JD3Z9V7Q0000000000000000", "environment": "dev", "function": "orders", "release": "2",
                "status": status, "code": code, "because": "no", "artifact": null, "targets": targets,
                "cause": {"kind": "rollback", "requested_by": null, "event_id": null},
                "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z",
            });
            let said = plain(&text(&serde_json::from_value(record).unwrap()));
            let last = said.lines().last().unwrap().trim();
            assert_eq!(Some(last).filter(|last| last.starts_with("deployctl")), command, "{said}");
        }
    }

    #[test]
    fn denied_deployment_names_the_doctor_and_the_command_that_asks_again() {
        let doctor = "  which permission is missing:\n    deployctl doctor -e dev\n";
        let recall = json!({"release": "3", "reason": "bad"});
        for (kind, recall, promotion, again) in [
            ("rollback", json!(null), json!(null), Some("rollback -e dev -f orders --to 2")),
            ("redeploy", json!(null), json!(null), Some("redeploy -e dev -f orders")),
            ("deploy", json!(null), json!(null), Some("deploy -e dev -f orders -r 2")),
            ("promotion", json!(null), json!({"from": "test"}), Some("promote -f orders --from test --to dev -r 2")),
            ("promotion", json!(null), json!({"from": "test", "group": "0000000000F0M57FDAT7ZC1HD8"}), None),
            ("upload", json!(null), json!(null), None),
            ("rollback", recall, json!(null), None),
        ] {
            let record = json!({
                "id": "01JD3Z9V7Q0000000000000000", "environment": "dev", "function": "orders", "release": "2",
                "status": "failed", "code": "TargetFailed", "because": "no", "artifact": null, "promotion": promotion,
                "targets": [{"account": "111111111111", "region": "eu-west-1", "status": "failed", "function_name": "orders",
                    "alias": "live", "version": null, "previous": null,
                    "error": {"code": "AccessDenied", "step": "update alias", "message": "no"}}],
                "cause": {"kind": kind, "requested_by": null, "event_id": null, "recall": recall},
                "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z",
            });
            let said = plain(&text(&serde_json::from_value(record).unwrap()));
            let again = again.map_or(String::new(), |again| format!("  once that is mended:\n    deployctl {again}\n"));
            assert!(said.ends_with(&format!("{doctor}{again}")), "{kind}: {said}");
        }
    }

    #[test]
    fn record_names_the_promotions_that_it_has_ended() {
        let record = serde_json::from_value(json!({
            "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "1.5.0",
            "status": "pending", "code": "Waiting", "because": "waits for an approval", "artifact": null, "targets": [],
            "cause": {"kind": "promotion", "requested_by": "ann", "event_id": "r"},
            "ended_waiting": [{"environment": "prod", "deployment": "01JD3Z9V7Q0000000000000001", "release": "1.4.2",
                "from": "stage", "waited": "for 2 approvals"}],
            "started_at": "2026-11-30T12:00:00Z", "finished_at": null,
        }))
        .unwrap();
        assert_eq!(
            plain(&text(&record)),
            "prod/orders/1.5.0: pending, deployment 01JD3Z9V7Q0000000000000000\n  \
               Waiting: waits for an approval\n  \
               ended: promotion 01JD3Z9V7Q0000000000000001 of 1.4.2 from stage to prod, which waited for 2 approvals\n"
        );
    }
}
