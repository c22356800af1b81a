//! `{function}` and `{environment}` in what an environment says of all its functions.

use crate::id::{EnvironmentName, FunctionName};

/// Stands for the function's name in the artifact's key.
pub(super) const FUNCTION: &str = "{function}";
/// Stands for the environment's name.
pub(super) const ENVIRONMENT: &str = "{environment}";

/// The text for one function of one environment.
pub(super) fn filled(text: &str, environment: &EnvironmentName, function: &FunctionName) -> String {
    text.replace(FUNCTION, function.as_str()).replace(ENVIRONMENT, environment.as_str())
}
