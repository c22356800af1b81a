//! The plan of a rollback to a version that Lambda still has: only the alias moves.

use super::{Change, Delivery, Plan, Shown, Step};
use crate::alias_traffic::Traffic;
use crate::id::{AliasName, FunctionName, Sha256, Version};
use crate::observed::ObservedAlias;

/// Plans to move the alias back to a version whose code is `sha256`. The plan is empty if the alias serves exactly
/// that.
#[must_use]
pub fn plan_restore(
    function: &FunctionName,
    alias: &AliasName,
    (version, sha256): (&Version, Sha256),
    seen: Option<&ObservedAlias>,
) -> Plan {
    let served = seen.and_then(|seen| seen.version.clone());
    let mut plan = Plan {
        function: function.clone(),
        alias: alias.clone(),
        sha256,
        delivery: Delivery::ByReference,
        steps: vec![],
        changes: vec![],
        warnings: vec![],
        revision: None,
        code_was: None,
        previous: seen.and_then(|seen| seen.serves(None)),
        serving: Some(version.clone()),
        traffic: seen.and_then(ObservedAlias::traffic_version),
    };
    let is_there = served.as_ref() == Some(version);
    let step = match (seen, seen.map(Traffic::of)) {
        (None, _) | (_, None) => Step::CreateAlias,
        (Some(_), Some(Traffic::Whole)) if is_there => return plan,
        (Some(_), Some(Traffic::KeptBack { on })) if is_there => {
            plan.steps.push(Step::AwaitTraffic { from: on });
            return plan;
        }
        (Some(seen), Some(_)) => Step::MoveAlias { from: served, revision: seen.revision.clone() },
    };
    plan.steps.push(step);
    let only = if seen.is_some_and(|seen| !seen.weights.is_empty()) { "only " } else { "" };
    plan.changes.push(Change {
        field: format!("alias {alias}"),
        from: seen.map_or(Shown::Absent, |seen| Shown::Plain(seen.to_string())),
        to: Shown::Plain(format!("{only}version {version}")),
    });
    plan
}
