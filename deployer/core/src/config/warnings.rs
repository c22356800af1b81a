//! Warnings about a `deployer.json` that is taken, and is probably wrong.

use jiff::Timestamp;

use super::{Config, Environment};
use crate::id::EnvironmentName;

impl Config {
    /// Returns a sentence for each field that is probably wrong, although AWS may take it one day, or although it is
    /// wrong only at this time.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let of_rollouts = self.environments.iter().flat_map(|(name, environment)| {
            let path = format!("environments.{name}");
            environment.rollout_warnings(now).into_iter().map(move |warning| format!("{path}.{warning}"))
        });
        self.environments.iter().flat_map(unknown_regions).chain(of_rollouts).collect()
    }
}

/// Warns of regions that are named like no region of today.
fn unknown_regions((name, environment): (&EnvironmentName, &Environment)) -> Vec<String> {
    let regions = environment.targets.iter().map(|target| &target.region).enumerate();
    let misspelt = regions.filter(|(_, region)| !region.names_a_direction());
    let sentence = |(place, region)| {
        format!(
            "environments.{name}.targets[{place}].region: {region} is no region that this program knows of; is it misspelt?"
        )
    };
    misspelt.map(sentence).collect()
}
