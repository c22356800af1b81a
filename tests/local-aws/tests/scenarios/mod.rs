//! The real `bootstrap` against the local AWS: from an upload to the moved alias, and what becomes of it otherwise.
//!
//! Each scenario looks at final states and ends with: the same events again change nothing.

mod bad_input;
mod calls;
mod commands;
mod crash_sweep;
mod harness;
mod late;
mod ledger;
mod live;
mod many;
mod promotions;
mod rights;
mod traffic;
mod trouble;

use local_aws::{Call, Live};
use serde_json::Value;

/// Status of the whole, then of each target.
fn statuses(record: &Value) -> Vec<&str> {
    let targets = record["targets"].as_array().into_iter().flatten();
    [record].into_iter().chain(targets).map(|part| part["status"].as_str().unwrap_or("none")).collect()
}

/// The version that is served, and all that there are.
fn versions(live: Option<Live>) -> Option<(String, Vec<String>)> {
    live.map(|live| (live.version, live.versions))
}

/// The same, as it should be.
fn serves(version: &str, of: &[&str]) -> Option<(String, Vec<String>)> {
    Some((version.to_owned(), of.iter().map(|one| (*one).to_owned()).collect()))
}

/// The names of the calls that wrote to Lambda, in their order.
fn lambda_writes(calls: &[Call]) -> Vec<&str> {
    let names = calls.iter().filter(|call| call.service == "lambda").map(|call| call.operation.as_str());
    names.filter(|name| !name.starts_with("Get") && !name.starts_with("List")).collect()
}
