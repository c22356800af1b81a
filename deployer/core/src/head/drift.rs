//! A record says in one sentence what its deployment found at the targets that the ledger did not know.

use super::live_state::LiveState;
use crate::id::Version;
use crate::record::{DeploymentRecord, Previous, Status, TargetOutcome};

/// Describes the versions that targets were seen to serve and that the head does not know of, and the weights that the
/// deployment took away. `None`: nothing of the kind was found.
#[must_use]
pub(super) fn describe_drift(live_state: &LiveState, record: &DeploymentRecord) -> Option<String> {
    let found: Vec<String> = record.targets.iter().filter_map(|outcome| drift_at(live_state, outcome)).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

fn drift_at(live_state: &LiveState, outcome: &TargetOutcome) -> Option<String> {
    let previous = outcome.previous.as_ref()?;
    let target = outcome.target();
    let live = live_state.target(&target).filter(|live| live.is_of(&outcome.function_name, &outcome.alias));
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

/// Whether Lambda itself has made the weights: it leaves all traffic on the version before for a while, where the alias
/// has provisioned concurrency.
fn is_lambdas_own(previous: &Previous, known: Option<&Version>) -> bool {
    let all_on_another = previous.weights.len() == 1 && previous.weights.values().all(|weight| weight.0 >= 1.0);
    all_on_another && known == Some(&previous.version)
}
