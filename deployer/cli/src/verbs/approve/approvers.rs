//! The people of a promotion that waits: who has asked for it, and who has approved it already.

use deployer_core::id::{DeploymentId, EnvironmentName};
use deployer_core::record::Approved;
use deployer_core::status::StatusReport;
use deployer_core::text::Person;
use jiff::Timestamp;

use crate::answer::CliError;

/// The people of a promotion or a group whose approvals count by the names that people give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approvers {
    requested_by: Option<Person>,
    approvals: Vec<Approved>,
}

/// The weight of an approval that is not given yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// As one more.
    Anew,
    /// Not again: the same person has approved before.
    Already,
}

impl Approvers {
    /// Finds the people of a promotion or a group that waits. None: it does not wait there, or only the deployer can
    /// judge, because it asks for proven identities.
    pub fn find(report: &StatusReport, environment: &EnvironmentName, deployment: DeploymentId) -> Option<Self> {
        if !report.approved_by_name.contains(environment) {
            return None;
        }
        let mut waiting = report.functions.iter().flat_map(|status| &status.waiting);
        let mut groups = report.groups.iter();
        let alone = waiting.find(|one| one.deployment == deployment).map(|one| (&one.requested_by, &one.approvals));
        let group = || groups.find(|one| one.id == deployment).map(|one| (&one.requested_by, &one.approvals));
        let (requested_by, approvals) = alone.or_else(group)?;
        Some(Self { requested_by: requested_by.clone(), approvals: approvals.clone() })
    }

    /// Evaluates the approval of a person as the deployer will.
    ///
    /// # Errors
    /// Refused: the person has asked for the promotion.
    pub fn evaluate(&self, by: &Person, now: Timestamp) -> Result<Counting, CliError> {
        let (account, principal, unproven, event_id) = Default::default();
        let approved = Approved { by: by.clone(), account, at: now, principal, unproven, event_id };
        let eligible = approved.check_eligible(self.requested_by.as_deref());
        eligible.map_err(CliError::refused)?;
        Ok(if approved.repeats_one_of(&self.approvals) { Counting::Already } else { Counting::Anew })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::Exit;

    const WAITS: &str = "01JD3Z9V7Q0000000000000002";
    const GROUP: &str = "01JD3Z9V7Q0000000000000004";

    fn found(approved_by_name: &Value, id: &str) -> Option<Approvers> {
        let approvals = json!([{"by": "carl", "at": "2026-11-30T12:00:00Z"}]);
        let waiting = json!({"deployment": WAITS, "from": "stage", "release": "2", "requested_by": "bob",
            "since": "2026-11-30T12:00:00Z", "approvals": approvals, "approvals_wanted": 1,
            "expires_at": "2026-12-30T12:00:00Z", "because": "waits"});
        let group = json!({"id": GROUP, "environment": "prod", "from": "stage", "status": "pending", "phase": "checking",
            "because": null, "requested_by": "bob", "since": "2026-11-30T12:00:00Z", "approvals": approvals,
            "functions": []});
        let report = json!({"functions": [{"environment": "prod", "function": "orders", "live": null, "targets": [],
            "active": null, "pending": null, "hold": null, "rejected": false, "waiting": [waiting]}], "groups": [group],
            "approved_by_name": approved_by_name});
        let report = serde_json::from_value(report).unwrap();
        Approvers::find(&report, &"prod".parse().unwrap(), DeploymentId::parse(id).unwrap())
    }

    #[test]
    fn requester_is_refused_and_a_second_approval_of_one_person_is_told() {
        for id in [WAITS, GROUP] {
            let approvers = found(&json!(["prod"]), id).unwrap();
            let evaluate = |by: &str| approvers.evaluate(&by.into(), Timestamp::UNIX_EPOCH);
            let refused = evaluate("bob").unwrap_err();
            assert_eq!(refused.message, "bob has asked for this promotion, and somebody else must approve it");
            assert_eq!((refused.exit, refused.error_type.as_ref()), (Exit::Refused, "Refused"));
            assert_eq!(evaluate("carl").unwrap(), Counting::Already);
            assert_eq!(evaluate("ann").unwrap(), Counting::Anew);
        }
    }

    #[test]
    fn nobody_is_judged_where_names_do_not_count_or_nothing_waits() {
        assert_eq!(found(&json!(["dev"]), WAITS), None, "the environment asks for proof, or an older deployer answers");
        assert_eq!(found(&json!(["prod"]), "01JD3Z9V7Q0000000000000009"), None);
    }
}
