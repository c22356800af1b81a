//! Judges smoke tests by what the versions were invoked with.
//!
//! Must not know how the deployer decides.

use std::collections::BTreeMap;

use super::case::Case;
use super::rule::Rule;
use super::runner::Runner;

/// Checks that a version has run no more often for a deployment than deployers have begun to test it: each of them sends a
/// test once. The context of an invocation names the deployment.
pub(super) fn check(case: &Case<'_>, runner: &Runner<'_>, report: &mut impl FnMut(Rule, String)) {
    for place in &case.environment.targets {
        let mut runs: BTreeMap<(usize, &str, u64, &str), usize> = BTreeMap::new();
        let invocations = runner.world.aws(|aws| aws.at(place).monitoring.smoke_invocations.clone());
        for run in invocations.iter().filter(|run| run.function == case.function) {
            *runs.entry((run.by, &run.context, run.version, &run.event)).or_default() += 1;
        }
        for ((by, context, version, _), times) in runs.into_iter().filter(|(_, times)| *times > 1) {
            let text =
                format!("invocation {by} has run a test of version {version} in {place} {times} times: {context}");
            report(Rule::SmokeTestedOnce, text);
        }
    }
}
