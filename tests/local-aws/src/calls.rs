//! AWS calls as the emulator has logged them, and the longest chain of calls that follow one another.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// One AWS call. Times are the emulator's wall clock in milliseconds.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// The call's number.
    pub seq: u64,
    /// The time of its arrival.
    pub start_ms: f64,
    /// The time at which its answer had been sent.
    pub end_ms: Option<f64>,
    /// The service's signing name: `lambda`, `s3`, `sts`.
    pub service: String,
    /// The API operation.
    pub operation: String,
    /// The caller's account.
    pub account: String,
    /// The region that the call was signed for.
    pub region: String,
    /// The session's name, if a role has made the call.
    pub session_name: Option<String>,
    /// Lambda: the function.
    pub function: Option<String>,
    /// Lambda: the version or alias.
    pub qualifier: Option<String>,
    /// S3: the bucket.
    pub bucket: Option<String>,
    /// S3: the key.
    pub key: Option<String>,
    /// Further parameters, as the emulator logs them.
    #[serde(default)]
    pub parameters: Value,
    /// The answer's status; 0 if the connection was closed.
    pub status: Option<u16>,
}

impl Call {
    /// Returns a parameter as text.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).and_then(Value::as_str)
    }

    /// Returns the actions of AssumeRole's inline session policy, in its order.
    #[must_use]
    pub fn policy_actions(&self) -> Vec<String> {
        let policy: Value =
            self.parameter("policy").and_then(|policy| serde_json::from_str(policy).ok()).unwrap_or_default();
        let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let actions = statements.iter().flat_map(|statement| match &statement["Action"] {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        });
        actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
    }

    fn ended(&self) -> f64 {
        self.end_ms.unwrap_or(f64::INFINITY)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        for part in [&self.function, &self.qualifier, &self.bucket, &self.key].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        write!(f, " in {}/{}", self.account, self.region)?;
        match self.status {
            Some(200..300) => Ok(()),
            Some(0) => write!(f, " (connection closed)"),
            Some(status) => write!(f, " ({status})"),
            None => write!(f, " (unanswered)"),
        }
    }
}

/// Returns the longest chain of calls that ends with the last call of this operation. Each call in it began after the
/// one before had ended. With a latency that outweighs everything else the chain's length decides the speed.
#[must_use]
pub fn longest_chain<'a>(calls: &'a [Call], last: &str) -> Vec<&'a Call> {
    let Some(end) = calls.iter().rfind(|call| call.operation == last) else { return Vec::new() };
    let mut earlier: Vec<&Call> = calls.iter().filter(|call| call.ended() <= end.start_ms).collect();
    earlier.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    // Holds for each call the longest chain that ends with it. Calls are in the order of their start, so that the calls
    // that ended before a call began have their chains already.
    let mut chains: Vec<Vec<&Call>> = Vec::new();
    for call in earlier.into_iter().chain([end]) {
        let before = chains.iter().filter(|chain| chain.last().is_some_and(|former| former.ended() <= call.start_ms));
        let mut chain = before.max_by_key(|chain| chain.len()).cloned().unwrap_or_default();
        chain.push(call);
        chains.push(chain);
    }
    chains.pop().unwrap_or_default()
}

/// Formats calls as a table, with times from the first call's start.
#[must_use]
pub fn shown<'a>(calls: impl IntoIterator<Item = &'a Call>) -> String {
    let mut lines = Vec::new();
    let mut first = None;
    for call in calls {
        let zero = *first.get_or_insert(call.start_ms);
        lines.push(format!("{:>7.1} –{:>7.1} ms  {call}", call.start_ms - zero, call.ended() - zero));
    }
    lines.join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(operation: &str, start: f64, end: f64) -> Call {
        serde_json::from_value(json!({"seq": 1, "start_ms": start, "end_ms": end, "service": "lambda",
            "operation": operation, "account": "1", "region": "r"}))
        .unwrap()
    }

    #[test]
    fn calls_side_by_side_count_once() {
        let calls = [
            call("AssumeRole", 0.0, 20.0),
            call("GetObject", 1.0, 21.0),
            call("GetFunction", 22.0, 42.0),
            call("GetAlias", 22.5, 43.0),
            call("UpdateAlias", 44.0, 64.0),
            call("PutObject", 65.0, 85.0),
        ];
        let chain: Vec<&str> = longest_chain(&calls, "UpdateAlias").iter().map(|c| c.operation.as_str()).collect();
        assert_eq!((chain.len(), chain.last().copied()), (3, Some("UpdateAlias")), "{chain:?}");
        assert!(longest_chain(&calls, "DeleteFunction").is_empty());
    }
}
