//! The plan of a promotion that waits, or of each member of a group, by its id alone: the status tells where it waits.

use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::plan::{GroupPlans, PlanReport};
use deployer_core::status::StatusReport;
use deployer_core::text::listed;
use deployer_core::trigger::Command;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::answer::{CliError, Exit};
use crate::remote::{self, Remote};

/// The number of a group's members that are planned at once.
pub(crate) const PLANNED_AT_ONCE: usize = 4;

/// A promotion that waits, or a group, as its id names it.
#[derive(Debug, PartialEq, Eq)]
enum Waiting {
    /// A promotion of this function, alone or as the member of a group.
    One(EnvironmentName, FunctionName),
    /// A group: its functions, each with its deployment.
    Group(EnvironmentName, Vec<(FunctionName, DeploymentId)>),
}

/// The plan of what waits under an id.
pub(crate) enum WaitingPlan {
    One(Box<PlanReport>),
    Group(GroupPlans),
}

/// Plans what waits under this id. Where the environment and the function are not both given, one more request finds
/// them, and a group.
///
/// # Errors
/// Wrong use: nothing waits under this id there.
pub(crate) async fn of(
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
    let Some(found) = find(&report, id) else {
        return Err(waits_elsewhere(remote, id, (environment, function))
            .await
            .unwrap_or_else(|| nothing_waits(&report, id, (environment, function))));
    };
    if let Some(function) = function.filter(|function| !found.has(function)) {
        return Err(is_anothers(id, function, &found));
    }
    match found {
        Waiting::One(environment, function) => {
            Ok(WaitingPlan::One(Box::new(plan(remote, (&environment, &function), id).await?)))
        }
        Waiting::Group(environment, members) => {
            let place = &environment;
            let members: Vec<_> =
                members.iter().filter(|(member, _)| function.is_none_or(|only| only == member)).collect();
            let plans = members.into_iter().map(|(function, id)| plan(remote, (place, function), *id));
            let plans = stream::iter(plans).buffered(PLANNED_AT_ONCE).try_collect().await?;
            Ok(WaitingPlan::Group(GroupPlans { plans }))
        }
    }
}

/// Asks the deployer for the plan of a promotion that waits.
pub(crate) async fn plan(
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

impl Waiting {
    /// Whether it is of this function.
    fn has(&self, function: &FunctionName) -> bool {
        match self {
            Self::One(_, own) => own == function,
            Self::Group(_, members) => members.iter().any(|(member, _)| member == function),
        }
    }
}

/// Looks whether what is not found under the names that were given waits elsewhere, and says where. A look that fails says
/// nothing.
async fn waits_elsewhere(
    remote: &Remote,
    id: DeploymentId,
    (environment, function): (Option<&EnvironmentName>, Option<&FunctionName>),
) -> Option<CliError> {
    let named = function.map(FunctionName::as_str).or(environment.map(EnvironmentName::as_str))?;
    let report: StatusReport = remote.send(&remote::request(Command::status(None, None))).await.ok()?;
    Some(is_anothers(id, named, &find(&report, id)?))
}

/// Makes the error of an id that waits, and not for the function or the environment that is named beside it.
fn is_anothers(id: DeploymentId, named: impl std::fmt::Display, found: &Waiting) -> CliError {
    let what = match found {
        Waiting::One(environment, function) => format!("the promotion of {function} to {environment}"),
        Waiting::Group(environment, members) => {
            let members: Vec<&FunctionName> = members.iter().map(|(member, _)| member).collect();
            format!("the group of {} to {environment}", listed(&members))
        }
    };
    CliError::wrong_use(format!(
        "{id} is {what}, which waits, and {named} has no part in it\n  to plan it:\n    deployctl plan --deployment {id}"
    ))
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
    fn id_of_another_function_is_refused_with_what_it_is() {
        let report = report();
        let found = |of: &str| find(&report, id(of)).unwrap();
        let carts: FunctionName = "carts".parse().unwrap();
        assert!([ALONE, MEMBER, GROUP].iter().all(|of| !found(of).has(&carts)));
        assert!(found(GROUP).has(&"bills".parse().unwrap()));
        let words = |of: &str| is_anothers(id(of), &carts, &found(of)).message;
        let plan = |of: &str| format!("\n  to plan it:\n    deployctl plan --deployment {of}");
        let none = "which waits, and carts has no part in it";
        assert_eq!(words(ALONE), format!("{ALONE} is the promotion of orders to prod, {none}{}", plan(ALONE)));
        assert_eq!(words(GROUP), format!("{GROUP} is the group of bills to stage, {none}{}", plan(GROUP)));
        assert_eq!(is_anothers(id(GROUP), &carts, &found(GROUP)).exit, Exit::WrongUse);
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
