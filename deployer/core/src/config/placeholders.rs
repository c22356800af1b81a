//! The placeholders `{function}` and `{environment}` in an environment's settings.

use crate::id::{EnvironmentName, FunctionName};

/// The placeholder of the function's name in the artifact's key.
pub(super) const FUNCTION: &str = "{function}";
/// The placeholder of the environment's name.
pub(super) const ENVIRONMENT: &str = "{environment}";

/// Replaces the placeholders for one function of one environment.
pub(super) fn fill_in(text: &str, environment: &EnvironmentName, function: &FunctionName) -> String {
    text.replace(FUNCTION, function.as_str()).replace(ENVIRONMENT, environment.as_str())
}
