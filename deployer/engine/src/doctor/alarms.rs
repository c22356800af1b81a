//! Looks for the alarms by which the functions of an environment roll out.

use std::collections::BTreeSet;

use deployer_core::doctor::{self, Check};
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{DeploymentId, FunctionName, RequestHash};

use super::heads::{Heads, functions_of};
use super::walker::Walker;
use crate::deployment::rollout::look_session;

/// The most names that one call of DescribeAlarms takes (CloudWatch API Reference).
const NAMES_A_CALL: usize = 100;
/// The most names that are looked for in a target.
const MOST_NAMES: usize = 500;

impl Walker<'_> {
    /// Checks that the alarms of the environment's rollout exist here, for each function that is live in it.
    /// None: it names none, or nothing is known there. Those that manifests add are not known.
    pub(super) async fn alarms(&self, heads: Heads<'_>) -> Option<Check> {
        let alarms = &self.environment.rollout.as_ref()?.alarms;
        // Where no rollout is carried out at all, another check says so.
        if alarms.is_empty() || self.engine.ports.rollouts.is_none() {
            return None;
        }
        let functions = match heads.await {
            Ok(heads) => functions_of(&heads),
            Err(refused) => {
                let because = format!("which functions there are is not known: {refused}");
                return Some(doctor::alarms(self.name, &Err(because)));
            }
        };
        let first = functions.first()?;
        let fill_in = |function: &FunctionName| alarms.iter().map(|alarm| alarm.fill_in(self.name, function)).collect();
        let names: BTreeSet<String> =
            functions.iter().flat_map(|function| -> Vec<String> { fill_in(function) }).collect();
        let names: Vec<String> = names.into_iter().take(MOST_NAMES).collect();
        Some(doctor::alarms(self.name, &self.missing(first, &names).await))
    }

    /// Looks for these alarms in the session of a look at a function.
    async fn missing(&self, function: &FunctionName, names: &[String]) -> Result<Vec<String>, String> {
        let at = FunctionRef::find(&self.engine.config, self.name, function).map_err(|error| error.to_string())?;
        let hash = RequestHash::of(&["doctor", &self.engine.ports.rng.draw().to_string()]);
        let id = DeploymentId::of(self.engine.now(), hash);
        let session = look_session((self.engine, &at, id), self.target).await.map_err(|error| error.to_string())?;
        let mut missing = Vec::new();
        for some in names.chunks(NAMES_A_CALL) {
            let states = session.alarms(some).await.map_err(|error| error.to_string())?;
            missing.extend(states.missing);
        }
        Ok(missing)
    }
}
