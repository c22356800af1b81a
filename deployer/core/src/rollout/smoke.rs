//! Smoke tests: what a version is told about its test, and whether its answer holds what the test expects.
//!
//! No error here quotes the answer, which may hold secrets (ARCHITECTURE.md, law 8).

use std::fmt;

use serde_json::{Value, json};

use crate::config::rollout::SmokeTest;
use crate::id::DeploymentId;

/// The answer of a version to one invocation.
#[derive(Clone, PartialEq, Eq)]
pub enum SmokeAnswer {
    /// The version answered. Its payload may hold secrets.
    Payload(Vec<u8>),
    /// The invocation failed.
    FunctionError {
        /// Lambda's own name of the error, such as `Runtime.ImportModuleError`; none for the errors of the code.
        lambdas_type: Option<String>,
    },
    /// No answer came in time.
    TimedOut,
}

/// The reason why a smoke test failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmokeFailure {
    /// The invocation failed.
    #[error("the invocation failed{}: the function's log says why", of_type(.lambdas_type.as_deref()))]
    FunctionError {
        /// As in [`SmokeAnswer::FunctionError`].
        lambdas_type: Option<String>,
    },
    /// No answer came in time.
    #[error("no answer came within {seconds} s")]
    TimedOut {
        /// The time.
        seconds: u64,
    },
    /// The answer is no JSON, so it cannot hold what is expected.
    #[error("the answer is no JSON, and the test expects something of it")]
    NoJson,
    /// The answer lacks what is expected.
    #[error("{}: expected {expected}, found {found}", place(.path))]
    Differs {
        /// The path from the answer on, in the test's own names.
        path: String,
        /// The value that the test expects there.
        expected: &'static str,
        /// The value that is there.
        found: &'static str,
    },
}

fn of_type(lambdas_type: Option<&str>) -> String {
    lambdas_type.map(|name| format!(" ({name})")).unwrap_or_default()
}

/// Names a place in the answer. The path is quoted: a field may be named `ok`.
fn place(path: &str) -> String {
    if path.is_empty() { "the answer".to_owned() } else { format!("the answer's {path:?}") }
}

/// The payload is not shown.
impl fmt::Debug for SmokeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(payload) => write!(f, "Payload({} bytes)", payload.len()),
            Self::FunctionError { lambdas_type } => write!(f, "FunctionError({lambdas_type:?})"),
            Self::TimedOut => f.write_str("TimedOut"),
        }
    }
}

impl SmokeAnswer {
    /// Makes the answer of an invocation that failed. Only the names that Lambda itself gives to errors are kept of the
    /// payload: the rest is the code's.
    #[must_use]
    pub fn function_error(payload: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(payload).unwrap_or_default();
        let named = body["errorType"].as_str().filter(|name| {
            let is_word = name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
            is_word && ["Runtime.", "Sandbox.", "Extension.", "Function."].iter().any(|by| name.starts_with(by))
        });
        Self::FunctionError { lambdas_type: named.map(str::to_owned) }
    }
}

/// Returns the client context of a smoke test as JSON: the code can know by it that nobody waits for an effect.
#[must_use]
pub fn client_context(deployment: DeploymentId, release: &str) -> String {
    json!({ "custom": { "deployer": { "deployment": deployment.to_string(), "release": release } } }).to_string()
}

impl SmokeTest {
    /// Judges the answer to this test.
    ///
    /// # Errors
    /// [`SmokeFailure`] if the version has failed it.
    pub fn judge(&self, answer: &SmokeAnswer) -> Result<(), SmokeFailure> {
        match answer {
            SmokeAnswer::FunctionError { lambdas_type } => {
                Err(SmokeFailure::FunctionError { lambdas_type: lambdas_type.clone() })
            }
            SmokeAnswer::TimedOut => Err(SmokeFailure::TimedOut { seconds: self.time_to_answer().as_secs() }),
            SmokeAnswer::Payload(payload) => match &self.expect {
                None => Ok(()),
                Some(expected) => {
                    let answer = serde_json::from_slice(payload).map_err(|_| SmokeFailure::NoJson)?;
                    holds(&answer, expected, &mut String::new())
                }
            },
        }
    }
}

/// Whether the answer holds all that is expected. Objects may have more fields; lists have the same length.
fn holds(answer: &Value, expected: &Value, path: &mut String) -> Result<(), SmokeFailure> {
    let differs = |path: &str, expected, found| Err(SmokeFailure::Differs { path: path.to_owned(), expected, found });
    let length = path.len();
    match (expected, answer) {
        (Value::Object(fields), Value::Object(found)) => {
            for (name, expected) in fields {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(name);
                match found.get(name) {
                    Some(found) => holds(found, expected, path)?,
                    None => return differs(path, kind(expected), "nothing"),
                }
                path.truncate(length);
            }
            Ok(())
        }
        (Value::Array(items), Value::Array(found)) => {
            if items.len() != found.len() {
                return differs(path, "a list of its length", "a list of another length");
            }
            for (index, (expected, found)) in items.iter().zip(found).enumerate() {
                path.push_str(&format!("[{index}]"));
                holds(found, expected, path)?;
                path.truncate(length);
            }
            Ok(())
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => Ok(()),
        _ if expected == answer => Ok(()),
        _ if kind(expected) == kind(answer) => differs(path, kind(expected), "another"),
        _ => differs(path, kind(expected), kind(answer)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn test(expect: Option<Value>) -> SmokeTest {
        SmokeTest { event: json!({}), expect, timeout: None }
    }

    fn judged(expect: Value, answer: &Value) -> Result<(), String> {
        let answer = SmokeAnswer::Payload(answer.to_string().into_bytes());
        test(Some(expect)).judge(&answer).map_err(|failure| failure.to_string())
    }

    #[test]
    fn answer_with_all_that_is_expected_passes() {
        for (expect, answer) in [
            (json!({"ok": true}), json!({"ok": true, "more": 1})),
            (json!({"body": {"items": [{"id": 1}]}}), json!({"body": {"items": [{"id": 1.0, "name": "x"}]}})),
            (json!({}), json!({"any": "thing"})),
            (json!("pong"), json!("pong")),
            (json!(null), json!(null)),
        ] {
            assert_eq!(judged(expect.clone(), &answer), Ok(()), "{expect} in {answer}");
        }
    }

    #[test]
    fn failure_names_the_path_and_kinds_and_no_values() {
        for (expect, answer, failure) in [
            (json!({"ok": true}), json!({"ok": "s3cr3t"}), "the answer's \"ok\": expected a boolean, found a string"),
            (
                json!({"a": {"b": "x"}}),
                json!({"a": {"b": "s3cr3t"}}),
                "the answer's \"a.b\": expected a string, found another",
            ),
            (
                json!({"a": [1, {"b": 2}]}),
                json!({"a": [1, {"c": 2}]}),
                "the answer's \"a[1].b\": expected a number, found nothing",
            ),
            (
                json!({"a": [1]}),
                json!({"a": [1, 2]}),
                "the answer's \"a\": expected a list of its length, found a list of another length",
            ),
            (json!({"ok": true}), json!([1]), "the answer: expected an object, found a list"),
            (json!({"n": 1}), json!({"n": 2}), "the answer's \"n\": expected a number, found another"),
        ] {
            assert_eq!(judged(expect, &answer), Err(failure.to_owned()));
        }
    }

    #[test]
    fn answer_without_expectation_may_be_anything() {
        assert_eq!(test(None).judge(&SmokeAnswer::Payload(b"<html>".to_vec())), Ok(()));
        let failure = test(Some(json!({}))).judge(&SmokeAnswer::Payload(b"<html>".to_vec()));
        assert_eq!(failure, Err(SmokeFailure::NoJson));
    }

    #[test]
    fn function_error_keeps_only_lambdas_own_names() {
        for (payload, sentence) in [
            (
                &br#"{"errorType": "Runtime.ImportModuleError"}"#[..],
                "the invocation failed (Runtime.ImportModuleError): ",
            ),
            (
                br#"{"errorType": "Sandbox.Timedout", "errorMessage": "s3cr3t"}"#,
                "the invocation failed (Sandbox.Timedout): ",
            ),
            (br#"{"errorType": "s3cr3t", "errorMessage": "s3cr3t"}"#, "the invocation failed: "),
            (br#"{"errorType": "Runtime.s3cr3t token"}"#, "the invocation failed: "),
            (b"no JSON", "the invocation failed: "),
        ] {
            let failure = test(None).judge(&SmokeAnswer::function_error(payload)).unwrap_err();
            assert_eq!(failure.to_string(), format!("{sentence}the function's log says why"));
        }
    }

    #[test]
    fn late_answer_fails_with_the_time() {
        let failure = test(None).judge(&SmokeAnswer::TimedOut).unwrap_err();
        assert_eq!(failure.to_string(), "no answer came within 60 s");
    }

    #[test]
    fn payload_is_in_no_debug_form() {
        assert_eq!(format!("{:?}", SmokeAnswer::Payload(b"s3cr3t".to_vec())), "Payload(6 bytes)");
    }
}
