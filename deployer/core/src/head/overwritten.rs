//! A record says in one sentence what its deployment found at the targets that the ledger did not know.

use super::state::Head;
use crate::id::Version;
use crate::record::{DeploymentRecord, Previous, Status, TargetOutcome};

impl Head {
    /// What the targets were seen to serve that is not what the head knows, and the weights that the deployment took away;
    /// none where nothing of the kind was found.
    #[must_use]
    pub fn found_otherwise(&self, record: &DeploymentRecord) -> Option<String> {
        let found = record.targets.iter().filter_map(|outcome| self.found_at(outcome));
        let found: Vec<String> = found.collect();
        (!found.is_empty()).then(|| found.join("; "))
    }

    fn found_at(&self, outcome: &TargetOutcome) -> Option<String> {
        let previous = outcome.previous.as_ref()?;
        let target = outcome.target();
        let live = self.target(&target).filter(|live| live.is_of(&outcome.function_name, &outcome.alias));
        let known = live.and_then(|live| live.version.as_ref());
        let strange = known.filter(|known| **known != previous.version);
        let flattened =
            outcome.status == Status::Succeeded && !previous.weights.is_empty() && !is_lambdas_own(previous, known);
        let version = &previous.version;
        match (strange, flattened) {
            (None, false) => None,
            (Some(known), false) => {
                Some(format!("{target} served version {version} before, and not version {known} as the ledger knew"))
            }
            (None, true) => Some(format!("{target} served {previous} before: the weights were taken away")),
            (Some(known), true) => Some(format!(
                "{target} served {previous} before, and not version {known} as the ledger knew: the weights were taken \
                 away"
            )),
        }
    }
}

/// Lambda itself leaves all traffic on the version before for a while, where the alias has provisioned concurrency.
fn is_lambdas_own(previous: &Previous, known: Option<&Version>) -> bool {
    let all_on_another = previous.weights.len() == 1 && previous.weights.values().all(|weight| weight.0 >= 1.0);
    all_on_another && known == Some(&previous.version)
}
