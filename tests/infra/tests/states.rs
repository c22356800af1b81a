//! Results that `terraform test -json -verbose` tells.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Outputs and resources after a run that applies.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    outputs: BTreeMap<String, Output>,
    root_module: Resources,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Resources {
    resources: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Output {
    value: Value,
}

/// One line. Terraform tells all schemas of the provider beside a state, 13 MB of them, which are skipped.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "@testrun")]
    run: Option<String>,
    test_state: Option<State>,
    test_summary: Option<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    passed: usize,
}

impl State {
    pub(super) fn resources(&self) -> &[Value] {
        &self.root_module.resources
    }

    pub(super) fn output(&self, name: &str) -> Option<&Value> {
        self.outputs.get(name).map(|output| &output.value)
    }
}

/// Returns the states after the runs that tell one, by the run's name, in their order.
pub(super) fn states(said: &str) -> Vec<(String, State)> {
    messages(said).filter_map(|message| Some((message.run?, message.test_state?))).collect()
}

/// Returns the number of runs that passed.
pub(super) fn passed(said: &str) -> usize {
    messages(said).filter_map(|message| Some(message.test_summary?.passed)).sum()
}

fn messages(said: &str) -> impl Iterator<Item = Message> {
    said.lines().filter_map(|line| serde_json::from_str(line).ok())
}
