//! The text of promotions of several functions: those that match a pattern, and groups.

use std::fmt::Write as _;
use std::time::Duration;

use deployer_core::group::{Group, Member, Phase};
use deployer_core::record::{Code, DeploymentRecord, Status};
use deployer_core::text::listed;

use crate::answer::{Exit, sentence};
use crate::follow::in_favour_of::{group_repeats_another, repeats_another};
use crate::follow::{Followed, Stage};
use crate::text::{records, waiting};
use deployer_engine::History;

/// The state of a group's function whose deployment has not begun.
pub(crate) const NOT_BEGUN: &str = "not begun";

impl Followed for History {
    fn stage(&self) -> Stage {
        Stage::of_all(self.deployments.iter().map(Followed::stage))
    }

    fn name(&self) -> String {
        match self.deployments.as_slice() {
            [one] => one.name(),
            all => format!("the promotion of {} functions", all.len()),
        }
    }

    fn how(&self) -> String {
        let open = self.deployments.iter().find(|record| !record.status.is_ended());
        open.map_or(String::new(), |record| format!("{}: {}", record.function, record.how()))
    }

    fn has_reason(&self) -> bool {
        self.deployments.iter().find(|record| !record.status.is_ended()).is_some_and(Followed::has_reason)
    }

    fn text(&self) -> String {
        let width = |of: fn(&DeploymentRecord) -> usize| self.deployments.iter().map(of).max().unwrap_or(0);
        let function = width(|record| record.function.as_str().len());
        let release = width(|record| release(record).len());
        let state = width(|record| record.status.to_string().len());
        let mut text = String::new();
        for record in &self.deployments {
            let state = padded(record.status, state);
            let because = because_suffix(record.because.as_deref());
            let _always = writeln!(
                text,
                "{:function$}   {:release$}   {state}   deployment {}{because}",
                record.function.as_str(),
                self::release(record),
                record.id
            );
            for warning in records::warnings(record) {
                let _always = writeln!(text, "{:function$}   {}", "", records::warning(warning));
            }
            for one in &record.ended_waiting {
                let _always = writeln!(text, "{:function$}   {}", "", records::ended_waiting(one));
            }
        }
        let denied = || self.deployments.iter().filter(|record| records::is_denied(record));
        if let Some(first) = denied().next() {
            let outright = denied().any(records::is_denied_outright);
            text.push_str(&records::after_denial(&first.environment, outright, denied().filter_map(records::again)));
        }
        text + &self.next_step().unwrap_or_default()
    }

    fn next_step(&self) -> Option<String> {
        let waiting = self.deployments.iter().filter(|record| record.stage() == Stage::Waiting);
        let steps: String =
            waiting.map(|record| format!("{}: {}", record.function, waiting::next_step(record))).collect();
        (!steps.is_empty()).then_some(steps)
    }

    fn exit(&self) -> Exit {
        Exit::worst(self.deployments.iter().map(exit_of_one))
    }

    fn planned(&self) -> Duration {
        self.deployments.iter().map(Followed::planned).max().unwrap_or_default()
    }
}

impl Followed for Group {
    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Ended => Stage::Ended,
            Phase::Checking if self.because.is_some() => Stage::Waiting,
            Phase::Checking | Phase::Placing | Phase::Moving | Phase::RollingBack => Stage::Running,
        }
    }

    fn name(&self) -> String {
        format!("group {}", self.id)
    }

    fn how(&self) -> String {
        self.because.as_deref().map_or_else(|| self.status.to_string(), sentence)
    }

    fn has_reason(&self) -> bool {
        self.because.is_some()
    }

    fn text(&self) -> String {
        let Self { id, environment, from, because, .. } = self;
        let names: Vec<&str> = self.functions.iter().map(|member| member.function.as_str()).collect();
        let took = |end| records::promotion_took(self.started_at, end, &self.approvals);
        let took = self.finished_at.map_or(String::new(), took);
        let mut text = format!(
            "{} from {from} to {environment}: {}{took}, group {id}\n",
            listed(&names),
            records::ending(self.status, because.as_deref())
        );
        if let Some(because) = because {
            let code = self.code.filter(|_| !records::is_declined(self.status, Some(because.as_str())));
            let code = code.map_or(String::new(), |code| format!("{code:?}: "));
            let _always = writeln!(text, "  {code}{}", sentence(because));
        }
        let function = names.iter().map(|name| name.len()).max().unwrap_or(0);
        let release = self.functions.iter().map(|member| release_of(member).len()).max().unwrap_or(0);
        let states = self.functions.iter().filter_map(|member| member.status);
        let state = states.map(|status| status.to_string().len()).max().unwrap_or(0);
        for member in &self.functions {
            let line = member_line(member, (release, state));
            let _always = writeln!(text, "  {:function$}   {line}", member.function.as_str());
            // A group that has ended undecided has brought nothing.
            let brings_nothing = self.status.is_ended() && self.decided_at.is_none();
            for warning in member.warnings.iter().filter(|_| !brings_nothing) {
                let _always = writeln!(text, "  {:function$}   {}", "", records::warning(warning));
            }
            for one in &member.ended_waiting {
                let _always = writeln!(text, "  {:function$}   {}", "", records::ended_waiting(one));
            }
        }
        text.push_str(&way_on(self).unwrap_or_default());
        text + &self.next_step().unwrap_or_default()
    }

    fn next_step(&self) -> Option<String> {
        (self.stage() == Stage::Waiting).then(|| waiting::next_step_of_group(self))
    }

    fn exit(&self) -> Exit {
        match self.status {
            Status::Failed | Status::RolledBack => Exit::Failed,
            Status::Refused | Status::Superseded => Exit::Refused,
            Status::Succeeded | Status::Unchanged | Status::Pending | Status::InProgress => Exit::Done,
        }
    }

    /// Its functions roll out side by side, and wait for the slowest.
    fn planned(&self) -> Duration {
        let planned = self.functions.iter().filter_map(|member| member.planned_seconds).max();
        Duration::from_secs(planned.unwrap_or_default().into())
    }
}

/// Returns the exit code of one of several promotions. One whose release waits already has nothing to do: a pattern that is
/// promoted on a schedule finds it so each time.
fn exit_of_one(record: &DeploymentRecord) -> Exit {
    if repeats_another(record) { Exit::Done } else { record.exit() }
}

/// Whether a target has denied the deployer something, as the reasons of the functions have it.
fn is_denied(group: &Group) -> bool {
    group.exit() == Exit::Failed && reasons(group).any(|because| because.contains(": AccessDenied: "))
}

/// Lists the reasons of a group and of its functions.
fn reasons(group: &Group) -> impl Iterator<Item = &str> {
    group.functions.iter().filter_map(|member| member.because.as_deref()).chain(group.because.as_deref())
}

/// Returns the commands that help after the end of a group; none if none does wherever it is met.
pub(crate) fn way_on(group: &Group) -> Option<String> {
    let Group { environment, functions, because, .. } = group;
    let ask_again = |when: &str| format!("  {when}:\n    {}\n", again(group));
    Some(match (group.status, group.code) {
        _ if !group.status.is_ended() || records::is_declined(group.status, because.as_deref()) => return None,
        _ if is_denied(group) => {
            records::after_denial(environment, reasons(group).any(records::says_outright), [again(group)])
        }
        (_, Some(Code::Held)) => {
            let because = because.as_deref()?;
            let named =
                |member: &&Member| because.strip_prefix(member.function.as_str()).is_some_and(|s| s.starts_with(": "));
            let held = &functions.iter().find(named)?.function;
            let release = format!("  to release it:\n    deployctl release-hold -e {environment} -f {held}\n");
            release + &ask_again("then")
        }
        (Status::Refused, Some(Code::Expired)) => ask_again("to ask for it anew"),
        (Status::Superseded, _) if group.in_favour_of.is_none() && !group_repeats_another(group) => {
            ask_again("to ask for it anew")
        }
        (Status::Failed | Status::RolledBack, Some(Code::TargetFailed)) => ask_again("once that is mended"),
        _ => return None,
    })
}

/// Writes the command that asks for the same group again.
fn again(group: &Group) -> String {
    let Group { environment, from, release, .. } = group;
    let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
    let release = release.as_ref().map_or(String::new(), |release| format!(" -r {release}"));
    format!("deployctl promote -f {} --from {from} --to {environment}{release}", functions.join(","))
}

fn release_of(member: &Member) -> &str {
    member.release.as_ref().map_or("-", |release| release.as_str())
}

/// Writes the line of one function of a group, whose releases and states have these widths.
fn member_line(member: &Member, (release, state): (usize, usize)) -> String {
    let release = format!("{:release$}   ", release_of(member));
    let Some(status) = member.status else { return format!("{release}{NOT_BEGUN}") };
    let back = member.rollback.map_or(String::new(), |rollback| format!(", brought back by {rollback}"));
    let because = because_suffix(member.because.as_deref());
    format!("{release}{}   deployment {}{because}{back}", padded(status, state), member.deployment)
}

fn release(record: &DeploymentRecord) -> &str {
    record.release.as_ref().map_or("-", |release| release.as_str())
}

/// Returns a status in its colour, padded to this width.
fn padded(status: Status, width: usize) -> String {
    let space = width.saturating_sub(status.to_string().len());
    format!("{}{}", records::status(status), " ".repeat(space))
}

fn because_suffix(because: Option<&str>) -> String {
    because.map_or(String::new(), |because| format!(", {}", sentence(because)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::text::golden::plain;

    const ID: &str = "01JD3Z9V7Q0000000000000001";

    fn history(because: &str) -> History {
        let record = |function: &str, status: &str, because: Value| {
            json!({
                "schema": 1, "id": ID, "environment": "prod", "function": function, "release": "2", "status": status,
                "code": null, "because": because, "artifact": null, "targets": [],
                "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "p"},
                "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:02Z",
            })
        };
        let deployments = [record("bills", "succeeded", Value::Null), record("orders", "superseded", json!(because))];
        serde_json::from_value(json!({ "deployments": deployments })).unwrap()
    }

    #[test]
    fn pattern_whose_release_waits_already_has_nothing_to_do() {
        let repeated = history(&format!("deployment {ID} brings release 2 already, and waits"));
        assert_eq!(repeated.exit(), Exit::Done);
        assert_eq!(history("a promotion of release 3, asked for later, was let in before it").exit(), Exit::Refused);
        // The record says it by fields, whatever its reason.
        for (repeats, exit) in [(true, Exit::Done), (false, Exit::Refused)] {
            let mut told = history("deployment 1 brings it already, and waits");
            let superseded = &mut told.deployments[1];
            (superseded.in_favour_of, superseded.repeats) = (Some(superseded.id), repeats);
            assert_eq!(told.exit(), exit);
        }
    }

    #[test]
    fn promotion_of_what_was_rolled_back_warns() {
        let mut told = history("waits");
        let promotion = json!({"from": "stage", "warnings": ["release 2 was rolled back there"]});
        told.deployments[1].promotion = serde_json::from_value(promotion).unwrap();
        told.deployments[1].status = Status::Pending;
        let warning = "   warning: release 2 was rolled back there\n";
        assert!(plain(&told.text()).ends_with(warning), "{}", told.text());
        let one = plain(&records::text(&told.deployments[1]));
        assert!(one.contains(warning.trim_start()), "{one}");
        told.deployments[1].status = Status::Refused;
        assert!(!plain(&told.text()).contains("warning"), "it brings nothing");
        let stopped = json!({"account": "111111111111", "region": "eu-west-1", "function_name": "orders", "alias": "live",
            "status": "failed", "reached": true});
        told.deployments[1].targets = vec![serde_json::from_value(stopped).unwrap()];
        told.deployments[1].status = Status::Superseded;
        assert!(plain(&told.text()).contains("warning"), "it was stopped when it had reached a target");
    }

    #[test]
    fn group_pads_the_releases_and_lists_its_functions() {
        let member = |function: &str, release: &str| json!({"function": function, "release": release, "deployment": ID, "status": null, "because": null});
        let group = json!({
            "schema": 1, "revision": 1, "id": ID, "environment": "prod", "from": "stage", "status": "superseded",
            "code": "Superseded", "because": "another; nothing was moved", "phase": "ended",
            "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "g"},
            "functions": [member("bills", "1.10.0"), member("carts", "2"), member("orders", "3")],
            "asked_at": "2026-11-30T12:00:00Z", "started_at": "2026-11-30T12:00:00Z",
            "finished_at": "2026-11-30T12:00:02Z",
        });
        let mut warned = group.clone();
        warned["functions"][1]["warnings"] = json!(["release 2 was rolled back there"]);
        let nothing = plain(&serde_json::from_value::<Group>(warned.clone()).unwrap().text());
        assert!(!nothing.contains("warning"), "it brings nothing: {nothing}");
        warned["status"] = json!("in_progress");
        let warned = plain(&serde_json::from_value::<Group>(warned).unwrap().text());
        assert!(
            warned.contains("  carts    2        not begun\n           warning: release 2 was rolled back there\n"),
            "{warned}"
        );
        let text = plain(&serde_json::from_value::<Group>(group).unwrap().text());
        assert!(text.starts_with("bills, carts and orders from stage to prod: superseded"), "{text}");
        assert!(
            text.ends_with(
                "  bills    1.10.0   not begun\n  carts    2        not begun\n  orders   3        not begun\n  to ask for it anew:\n    \
                 deployctl promote -f bills,carts,orders --from stage --to prod\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn denied_group_names_the_doctor_and_the_command_that_asks_again() {
        let member = |function: &str, because: &str| json!({"function": function, "release": "2", "deployment": ID, "status": "failed", "because": because});
        let group = |because: &str| {
            let group = json!({
                "schema": 1, "revision": 1, "id": ID, "environment": "prod", "from": "stage", "status": "rolled_back",
                "code": "TargetFailed", "because": "bills failed", "phase": "ended",
                "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "g"},
                "functions": [member("bills", because), member("carts", "withdrawn")],
                "asked_at": "2026-11-30T12:00:00Z", "started_at": "2026-11-30T12:00:00Z",
                "finished_at": "2026-11-30T12:00:02Z",
            });
            plain(&serde_json::from_value::<Group>(group).unwrap().text())
        };
        let denied = group("1 of 1 target failed: 111111111111/eu-west-1: update alias: AccessDenied: no");
        let way_on = "  which permission is missing:\n    deployctl doctor -e prod\n  once that is mended:\n    \
                      deployctl promote -f bills,carts --from stage --to prod\n";
        assert!(denied.ends_with(way_on), "{denied}");
        let outright = group(
            "1 of 1 target failed: 111111111111/eu-west-1: update alias: AccessDenied: no, with an explicit deny in an \
             identity-based policy",
        );
        assert!(!outright.contains("missing") && outright.contains("a policy denies it"), "{outright}");
        let failed = group("1 of 1 target failed: 111111111111/eu-west-1: publish: CodeTooLarge: no");
        let again = "  once that is mended:\n    deployctl promote -f bills,carts --from stage --to prod\n";
        assert!(failed.ends_with(again) && !failed.contains("doctor"), "{failed}");
    }

    #[test]
    fn group_that_has_ended_names_the_command_that_helps() {
        let again = "deployctl promote -f bills,carts --from stage --to prod\n";
        let member = |function: &str| json!({"function": function, "release": "2", "deployment": ID, "status": null, "because": null});
        for (status, code, because, way_on) in [
            (
                "refused",
                "Held",
                "carts: held by bob: audit; nothing was moved",
                format!("  to release it:\n    deployctl release-hold -e prod -f carts\n  then:\n    {again}"),
            ),
            (
                "superseded",
                "Superseded",
                "carts: promotion 1 was let in",
                format!("  to ask for it anew:\n    {again}"),
            ),
            (
                "refused",
                "Expired",
                "waited for an approval, which is over",
                format!("  to ask for it anew:\n    {again}"),
            ),
            ("failed", "TargetFailed", "carts failed", format!("  once that is mended:\n    {again}")),
            ("refused", "Rejected", "carts: release 2 was rejected", String::new()),
            ("refused", "NotPromotable", "declined by bob", String::new()),
        ] {
            let group = json!({
                "schema": 1, "revision": 1, "id": ID, "environment": "prod", "from": "stage", "status": status,
                "code": code, "because": because, "phase": "ended",
                "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "g"},
                "functions": [member("bills"), member("carts")],
                "asked_at": "2026-11-30T12:00:00Z", "started_at": "2026-11-30T12:00:00Z",
                "finished_at": "2026-11-30T12:00:02Z",
            });
            let text = plain(&serde_json::from_value::<Group>(group).unwrap().text());
            let rows = "  carts   2   not begun\n";
            assert!(text.ends_with(&format!("{rows}{way_on}")), "{because}: {text}");
        }
    }
}
