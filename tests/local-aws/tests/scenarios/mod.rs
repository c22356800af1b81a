//! The real `bootstrap` against the local AWS: deployments from the upload to the moved alias, and failures.
//!
//! Each scenario checks final states, and that the same events again change nothing.

mod bad_input;
mod calls;
mod commands;
mod crash_sweep;
mod failures;
mod harness;
mod late_writes;
mod ledger;
mod load;
mod permissions;
mod promotions;
mod rollout_ports;
mod rollouts;
mod traffic;
mod uploads;

use local_aws::{Call, ServedVersion};
use serde_json::Value;

/// Returns a record's status, then the status of each target.
fn statuses(record: &Value) -> Vec<&str> {
    let targets = record["targets"].as_array().into_iter().flatten();
    [record].into_iter().chain(targets).map(|part| part["status"].as_str().unwrap_or("none")).collect()
}

/// Returns the live version and all versions.
fn versions(live: Option<ServedVersion>) -> Option<(String, Vec<String>)> {
    live.map(|live| (live.version, live.versions))
}

/// Returns an expected live version with all versions.
fn serves(version: &str, of: &[&str]) -> Option<(String, Vec<String>)> {
    Some((version.to_owned(), of.iter().map(|one| (*one).to_owned()).collect()))
}

/// Returns the names of the calls that wrote to Lambda, in their order.
fn lambda_writes(calls: &[Call]) -> Vec<&str> {
    let names = calls.iter().filter(|call| call.service == "lambda").map(|call| call.operation.as_str());
    names.filter(|name| !name.starts_with("Get") && !name.starts_with("List")).collect()
}
