//! The plan of a promotion that waits, or of each member of a group, by its id alone: the status tells where it waits.

use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::plan::{GroupPlans, PlanReport};
use deployer_core::status::StatusReport;
use deployer_core::trigger::Command;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::answer::{CliError, Exit};
use super::remote::{self, Remote};

/// The number of a group's members that are planned at once.
pub(super) const PLANNED_AT_ONCE: usize = 4;

/// A promotion that waits, or a group, as its id names it.
#[derive(Debug, PartialEq, Eq)]
enum Waiting {
    /// A promotion of this function, alone or as the member of a group.
    One(EnvironmentName, FunctionName),
    /// A group: its functions, each with its deployment.
    Group(EnvironmentName, Vec<(FunctionName, DeploymentId)>),
}

/// The plan of what waits under an id.
pub(super) enum WaitingPlan {
    One(Box<PlanReport>),
    Group(GroupPlans),
}

/// Plans what waits under this id. Where the environment and the function are not both given, one more request finds
/// them, and a group.
///
/// # Errors
/// Wrong use: nothing waits under this id there.
pub(super) async fn of(
    remote: &remote::Options,
    id: DeploymentId,
    (environment, function): (Option<&EnvironmentName>, Option<&FunctionName>),
) -> Result<WaitingPlan, CliError> {
    let remote = &remote.remote().await?;
    if let (Some(environment), Some(function)) = (environment, function) {
        match plan(remote, (environment, function), id).await {
            // The id may be that of a group.
            Err(error) if error.exit == Exit::WrongUse => {}
            one => return one.map(|one| WaitingPlan::One(Box::new(one))),
        }
    }
    let status = Command::status(environment.cloned(), function.cloned());
    let report: StatusReport = remote.send(&remote::request(status)).await?;
    match find(&report, id).ok_or_else(|| nothing_waits(&report, id, (environment, function)))? {
        Waiting::One(environment, function) => {
            Ok(WaitingPlan::One(Box::new(plan(remote, (&environment, &function), id).await?)))
        }
        Waiting::Group(environment, members) => {
            let place = &environment;
            let members: Vec<_> =
                members.iter().filter(|(member, _)| function.is_none_or(|only| only == member)).collect();
            if members.is_empty() {
                return Err(nothing_waits(&report, id, (Some(place), function)));
            }
            let plans = members.into_iter().map(|(function, id)| plan(remote, (place, function), *id));
            let plans = stream::iter(plans).buffered(PLANNED_AT_ONCE).try_collect().await?;
            Ok(WaitingPlan::Group(GroupPlans { plans }))
        }
    }
}

/// Asks the deployer for the plan of a promotion that waits.
pub(super) async fn plan(
    remote: &Remote,
    (environment, function): (&EnvironmentName, &FunctionName),
    deployment: DeploymentId,
) -> Result<PlanReport, CliError> {
    let command = Command::Plan {
        environment: environment.clone(),
        function: function.clone(),
        release: None,
        package: None,
        rollback: false,
        to: None,
        promote_from: None,
        deployment: Some(deployment),
    };
    remote.send(&remote::request(command)).await
}

/// Finds what waits under this id.
fn find(report: &StatusReport, id: DeploymentId) -> Option<Waiting> {
    if let Some(group) = report.groups.iter().find(|group| group.id == id) {
        let members = group.functions.iter().map(|member| (member.function.clone(), member.deployment));
        return Some(Waiting::Group(group.environment.clone(), members.collect()));
    }
    let mut waiting = report.functions.iter().filter(|status| status.waiting.iter().any(|one| one.deployment == id));
    let alone = waiting.next().map(|status| (status.environment.clone(), status.function.clone()));
    // A member has no place in its function's queue before its group takes one.
    let member = || {
        let mut members = report
            .groups
            .iter()
            .flat_map(|group| group.functions.iter().map(|member| (group.environment.clone(), member)));
        members.find(|(_, member)| member.deployment == id).map(|(at, member)| (at, member.function.clone()))
    };
    alone.or_else(member).map(|(environment, function)| Waiting::One(environment, function))
}

fn nothing_waits(
    report: &StatusReport,
    id: DeploymentId,
    (environment, function): (Option<&EnvironmentName>, Option<&FunctionName>),
) -> CliError {
    let of = function.map_or(String::new(), |function| format!(" of {function}"));
    let place = environment.map_or("any environment".to_owned(), ToString::to_string);
    let unreadable: String = report.unreadable.iter().map(|one| format!("\n  cannot be read: {one}")).collect();
    CliError::wrong_use(format!(
        "no promotion {id}{of} waits in {place}: status and history tell what became of it{unreadable}"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALONE: &str = "01JD3Z9V7Q0000000000000001";
    const MEMBER: &str = "01JD3Z9V7Q0000000000000002";
    const GROUP: &str = "01JD3Z9V7Q0000000000000003";

    fn report() -> StatusReport {
        let report = json!({
            "functions": [{
                "environment": "prod", "function": "orders", "live": null, "targets": [], "active": null, "pending": null,
                "hold": null, "rejected": false,
                "waiting": [{"deployment": ALONE, "from": "stage", "release": "2", "requested_by": "ada",
                    "since": "2026-11-30T12:00:00Z", "approvals_wanted": 1, "expires_at": "2026-12-30T12:00:00Z",
                    "because": "waits"}],
            }],
            "groups": [{
                "id": GROUP, "environment": "stage", "from": "dev", "status": "pending", "phase": "checking",
                "because": null, "requested_by": "ada", "since": "2026-11-30T12:00:00Z",
                "functions": [{"function": "bills", "release": "7", "deployment": MEMBER, "status": null}],
            }],
            "unreadable": ["heads/x/orders.json is damaged"],
        });
        serde_json::from_value(report).unwrap()
    }

    fn id(id: &str) -> DeploymentId {
        DeploymentId::parse(id).unwrap()
    }

    #[test]
    fn id_tells_the_environment_and_the_function_or_the_group() {
        let (stage, prod) = ("stage".parse().unwrap(), "prod".parse().unwrap());
        let find = |of: &str| find(&report(), id(of));
        assert_eq!(find(ALONE), Some(Waiting::One(prod, "orders".parse().unwrap())));
        let bills: FunctionName = "bills".parse().unwrap();
        let stage: EnvironmentName = stage;
        assert_eq!(find(MEMBER), Some(Waiting::One(stage.clone(), bills.clone())));
        assert_eq!(find(GROUP), Some(Waiting::Group(stage, vec![(bills, id(MEMBER))])));
        assert_eq!(find("01JD3Z9V7Q0000000000000009"), None);
    }

    #[test]
    fn unknown_id_is_refused_with_what_could_not_be_read() {
        let error = nothing_waits(&report(), id(ALONE), (None, Some(&"orders".parse().unwrap())));
        assert_eq!(
            error.message,
            format!(
                "no promotion {ALONE} of orders waits in any environment: status and history tell what became of it\n  \
                 cannot be read: heads/x/orders.json is damaged"
            )
        );
    }
}
