//! The check of rollouts whose environment deployer.json does not have any more.

use super::{Check, Refused};
use crate::id::{DeploymentId, EnvironmentName, FunctionName};
use crate::rollout::Gone;

/// Names the rollouts that are under way in environments which are gone, and what to do. None: there are none.
#[must_use]
pub fn gone(found: &Result<Vec<(EnvironmentName, FunctionName, DeploymentId)>, Refused>) -> Option<Check> {
    const CHECK: &str = "rollouts";
    let rollouts = match found {
        Ok(rollouts) if rollouts.is_empty() => return None,
        Ok(rollouts) => rollouts,
        Err(error) => return Some(Check::not_checked(CHECK, format!("the ledger cannot be read: {error}"))),
    };
    let each = rollouts.iter().map(|(name, function, deployment)| {
        let gone = Gone::Environment(name.clone());
        let abort = format!("deployctl rollout abort -e {name} -f {function} --deployment {deployment}");
        format!("{gone}, and {function} is rolled out there: put it back, or take the rollout back ({abort})")
    });
    Some(Check::fail(CHECK, each.collect::<Vec<_>>().join("; ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::doctor::{CheckStatus, Refusal};

    #[test]
    fn rollout_whose_environment_is_gone_fails_and_names_the_command() {
        assert_eq!(gone(&Ok(vec![])), None);
        let (prod, orders) = (EnvironmentName::parse("prod").unwrap(), FunctionName::parse("orders").unwrap());
        let id = DeploymentId::parse("01JDXG3QF4V0T8W2N6M5K7R9YB").unwrap();
        let check = gone(&Ok(vec![(prod, orders, id)])).unwrap();
        let told = "deployer.json does not have environment prod any more, and orders is rolled out there: put it back, or \
                    take the rollout back (deployctl rollout abort -e prod -f orders --deployment \
                    01JDXG3QF4V0T8W2N6M5K7R9YB)";
        assert_eq!((check.status, check.because.as_deref()), (CheckStatus::Fail, Some(told)));
        let refused = Refused { kind: Refusal::Denied, message: "denied".into() };
        assert_eq!(gone(&Err(refused)).unwrap().status, CheckStatus::NotChecked);
    }
}
