//! What is called by hand or by a schedule, and the deployer's own ticks.

use deployer_core::head::Tick;
use deployer_core::id::{EnvironmentName, FunctionName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A command to the deployer: what its Lambda is invoked with by hand, or by a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Looks at every function that may have work open. Sent by a schedule.
    Sweep {
        /// Who asks, for the log.
        requested_by: Option<String>,
        /// The request's id, for the log.
        id: Option<String>,
    },
    /// The newest records of a function in an environment.
    History {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// How many; 20 unless told, 100 at most.
        limit: Option<u32>,
        /// Who asks, for the log.
        requested_by: Option<String>,
        /// The request's id, for the log.
        id: Option<String>,
    },
}

pub(super) fn command(payload: &Value) -> Result<Command, String> {
    const KNOWN: [&str; 2] = ["sweep", "history"];
    let named = payload.get("command").and_then(Value::as_str);
    Command::deserialize(payload).map_err(|error| match named {
        Some(name) if KNOWN.contains(&name) => format!("command {name}: {error}"),
        Some(name) => format!("unknown command {name:?}; this deployer knows {}", KNOWN.join(" and ")),
        None => "\"command\" must be a text".to_owned(),
    })
}

/// The body of one of our own messages.
pub(super) fn tick(value: &Value) -> Option<Result<Tick, String>> {
    #[derive(Deserialize)]
    struct Body {
        tick: Tick,
    }
    value.get("tick")?;
    Some(Body::deserialize(value).map(|body| body.tick).map_err(|error| format!("a tick that cannot be read: {error}")))
}
