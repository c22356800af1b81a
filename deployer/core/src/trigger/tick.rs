//! The tick.

use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, EnvironmentName, FunctionName, Token};

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
    /// The attribute of its message that says for how many seconds it was to be delayed: SQS says only when it was sent.
    pub const DELAY_ATTRIBUTE: &str = "delay";
}
