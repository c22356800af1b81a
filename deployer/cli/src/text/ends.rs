//! The promotions and groups that wait, and that a rollback or a recall would end, in the words of its plan and its
//! question.

use deployer_core::group::GroupStatus;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::record::Status;
use deployer_core::status::{FunctionStatus, OpenDeployment, StatusReport, WaitingStatus};
use deployer_core::text::listed;

/// The label of the lines that tell what a rollback would end, in its plan and before its question.
pub(crate) const ENDS: &str = "ends";

/// Names a promotion that waits.
pub(crate) fn promotion(waiting: &WaitingStatus) -> String {
    let WaitingStatus { deployment, from, release, .. } = waiting;
    let of = release.as_ref().map_or(String::new(), |release| format!(" of {release}"));
    format!("promotion {deployment}{of} from {from}")
}

/// Names the other functions of the group whose member this deployment is: a rollout that goes back takes theirs back.
pub(crate) fn taken_back_with(report: &StatusReport, deployment: DeploymentId) -> Option<String> {
    let is_its = |group: &&GroupStatus| group.functions.iter().any(|member| member.deployment == deployment);
    let group = report.groups.iter().find(is_its)?;
    let others: Vec<&FunctionName> = group
        .functions
        .iter()
        .filter(|member| member.deployment != deployment)
        .map(|member| &member.function)
        .collect();
    (!others.is_empty()).then(|| format!("{}, of the same group {}, with it", listed(&others), group.id))
}

/// Names the deployments that wait for the one under way, and that a rollback ends.
pub(crate) fn next(status: &FunctionStatus) -> Vec<String> {
    let waits = |open: &&OpenDeployment| open.status == Status::Pending;
    let named = |open: &OpenDeployment| {
        let of = open.release.as_ref().map_or(String::new(), |release| format!(" of {release}"));
        format!("deployment {}{of}, which waits for it to end, and does not come then", open.deployment)
    };
    status.open.iter().filter(waits).map(named).collect()
}

/// Names a group that waits.
pub(crate) fn group<'a>(
    id: DeploymentId,
    functions: impl IntoIterator<Item = &'a FunctionName>,
    from: Option<&EnvironmentName>,
) -> String {
    let functions: Vec<&FunctionName> = functions.into_iter().collect();
    let from = from.map_or(String::new(), |from| format!(" from {from}"));
    format!("group {id} of {}{from}", listed(&functions))
}

/// Names a group of the status.
pub(crate) fn open_group(open: &GroupStatus) -> String {
    group(open.id, open.functions.iter().map(|member| &member.function), Some(&open.from))
}

/// Says that a rollback would end what is named.
pub(crate) fn by_rollback(name: &str) -> String {
    format!("{name}, which waits to come here")
}

/// Lists the groups in the status that are not decided and have the function.
pub(crate) fn undecided<'a>(
    report: &'a StatusReport,
    function: &'a FunctionName,
) -> impl Iterator<Item = &'a GroupStatus> {
    report.groups.iter().filter(|group| group.is_undecided() && group.has(function))
}

/// Lists the undecided groups that bring this release of the function: a recall ends them.
pub(crate) fn bringing<'a>(
    report: &'a StatusReport,
    function: &'a FunctionName,
    release: &'a Release,
) -> impl Iterator<Item = &'a GroupStatus> {
    let brings = move |group: &&GroupStatus| {
        let mut members = group.functions.iter().filter(|member| member.function == *function);
        members.any(|member| member.release.as_ref() == Some(release))
    };
    undecided(report, function).filter(brings)
}
