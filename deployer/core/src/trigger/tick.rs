//! The tick: a message by which the deployer wakes itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{DeploymentId, EnvironmentName, FunctionName, Token};

/// The format of the messages that the deployer sends to itself.
pub const MESSAGE_FORMAT: u32 = 1;

/// A message by which the deployer wakes itself. A tick that no longer fits the head does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The environment.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// The deployment to go on with.
    pub id: DeploymentId,
    /// The claim that it was under; none where it waited.
    pub claim: Option<Token>,
}

impl Tick {
    /// The attribute of its message that says for how many seconds it was to be delayed: SQS says only when it was
    /// sent.
    pub const DELAY_ATTRIBUTE: &str = "delay";
}

/// Reads the body of the deployer's own message; none if it is another one. Messages of older deployers have no format.
pub(super) fn decode(value: &Value) -> Option<Result<Tick, String>> {
    #[derive(Deserialize)]
    struct Body {
        tick: Tick,
    }
    value.get("tick")?;
    let format = value.get("format").map_or(Some(1), Value::as_u64);
    if format.is_none_or(|format| format > u64::from(MESSAGE_FORMAT)) {
        let found = value.get("format").map_or_else(String::new, Value::to_string);
        return Some(Err(format!("a tick of format {found}, and this deployer knows {MESSAGE_FORMAT}")));
    }
    Some(Body::deserialize(value).map(|body| body.tick).map_err(|error| format!("a tick that cannot be read: {error}")))
}
