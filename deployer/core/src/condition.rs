//! Lambda's states and reason codes, and their meaning for a deployment.
//!
//! Both are open sets. A state that is not known here allows writes to `$LATEST`, but a version in it serves no
//! traffic: an alias may move only to an Active version.
//! Sources: Lambda Developer Guide, "Lambda function states"; Lambda API Reference, FunctionConfiguration (State,
//! StateReasonCode, LastUpdateStatusReasonCode).

use std::fmt;

use crate::record::TargetErrorCode;

/// A reason that Lambda gives for a state: its code and its text, each if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    code: Option<String>,
    text: Option<String>,
}

impl Reason {
    /// Makes a reason from Lambda's code and text.
    #[must_use]
    pub fn new(code: Option<&str>, text: Option<&str>) -> Self {
        Self { code: code.map(str::to_owned), text: text.map(str::to_owned) }
    }

    /// Replaces its text, if it has one.
    pub fn map_text(&mut self, change: impl FnOnce(&str) -> String) {
        self.text = self.text.as_deref().map(change);
    }

    /// Whether the cause is temporary, so that the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some("InternalError" | "EC2RequestLimitExceeded" | "InsufficientCapacity" | "EFSMountTimeout")
        )
    }

    /// Returns the error code for the record.
    #[must_use]
    pub fn error_code(&self) -> TargetErrorCode {
        match self.code.as_deref() {
            Some("EC2RequestLimitExceeded") => TargetErrorCode::Throttled,
            Some(
                "EniLimitExceeded"
                | "ServiceQuotaExceededException"
                | "VcpuLimitExceeded"
                | "CapacityProviderScalingLimitExceeded",
            ) => TargetErrorCode::QuotaExceeded,
            _ => TargetErrorCode::FunctionFailed,
        }
    }
}

/// Reads text such as `InvalidRuntime: it did not start`.
impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        match words.split_once(": ") {
            Some((code, text)) => Self::new(Some(code), Some(text)),
            None => Self::new(None, Some(words)),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no reason code");
        write!(f, "{code}: {}", self.text.as_deref().unwrap_or("no reason given"))
    }
}

/// The condition that a function or a version is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Active and settled: reads are final, and writes are taken.
    Ready,
    /// State Inactive: the function was not called for weeks. Writes are taken. The next call of a version wakes it,
    /// and may itself fail.
    Idle {
        /// StateReasonCode and StateReason.
        because: Reason,
    },
    /// Any other state, known or not: `$LATEST` takes writes, and a version in it serves no traffic.
    Unserving {
        /// Lambda's name of the state.
        state: String,
        /// StateReasonCode and StateReason.
        because: Reason,
    },
    /// State Pending or LastUpdateStatus InProgress: a write would meet 409.
    Busy,
    /// State Failed, which is final: the function must be deleted and created anew.
    Failed {
        /// StateReasonCode and StateReason.
        because: Reason,
    },
}

/// The answer to whether a condition suffices for a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It suffices now.
    Ready,
    /// Lambda is at work, and it will suffice when that is done.
    Soon,
    /// It may suffice later without our doing; nobody knows when.
    Maybe(Reason),
    /// It will never suffice.
    Never(Reason),
}

impl Condition {
    /// Makes a condition from Lambda's State with its reason, and whether an update is in progress. An answer without a
    /// state counts as Active: it comes from before Lambda had states.
    #[must_use]
    pub fn of(state: Option<&str>, because: Reason, is_updating: bool) -> Self {
        match state {
            Some("Failed") => Self::Failed { because },
            Some("Pending") => Self::Busy,
            _ if is_updating => Self::Busy,
            None | Some("Active") => Self::Ready,
            Some("Inactive") => Self::Idle { because },
            Some(state) => Self::Unserving { state: state.to_owned(), because },
        }
    }

    /// Tells if `$LATEST` in this condition takes writes and what was read of it is final.
    #[must_use]
    pub fn write_readiness(&self) -> Readiness {
        match self {
            Self::Ready | Self::Idle { .. } | Self::Unserving { .. } => Readiness::Ready,
            Self::Busy => Readiness::Soon,
            Self::Failed { because } => Readiness::Never(because.clone()),
        }
    }

    /// Tells if an alias may move to a version in this condition.
    #[must_use]
    pub fn serving_readiness(&self) -> Readiness {
        match self {
            Self::Ready => Readiness::Ready,
            Self::Busy => Readiness::Soon,
            Self::Idle { because } => Readiness::Maybe(in_state("Inactive", because)),
            Self::Unserving { state, because } => {
                let because = in_state(state, because);
                match state.as_str() {
                    "Deactivated" | "Deleting" => Readiness::Never(because),
                    _ => Readiness::Maybe(because),
                }
            }
            Self::Failed { because } => Readiness::Never(because.clone()),
        }
    }
}

fn in_state(state: &str, Reason { code, text }: &Reason) -> Reason {
    let text = text.as_deref().unwrap_or("no reason given");
    Reason { code: code.clone(), text: Some(format!("{text} (state {state})")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_state(state: &str, code: &str) -> Condition {
        Condition::of(Some(state), Reason::new(Some(code), Some("so it is")), false)
    }

    #[test]
    fn only_an_active_version_may_serve() {
        assert_eq!(in_state("Active", "").serving_readiness(), Readiness::Ready);
        assert_eq!(in_state("Pending", "Creating").serving_readiness(), Readiness::Soon);
        for state in ["Inactive", "ActiveNonInvocable", "Deactivating", "SomethingNew"] {
            let Readiness::Maybe(because) = in_state(state, "Idle").serving_readiness() else { panic!("{state}") };
            assert_eq!(because.to_string(), format!("Idle: so it is (state {state})"));
        }
        for state in ["Deactivated", "Deleting", "Failed"] {
            assert!(matches!(in_state(state, "Idle").serving_readiness(), Readiness::Never(_)), "{state}");
        }
    }

    #[test]
    fn latest_takes_writes_in_every_state_but_pending_and_failed() {
        for state in ["Active", "Inactive", "ActiveNonInvocable", "Deactivating", "Deactivated", "SomethingNew"] {
            assert_eq!(in_state(state, "Idle").write_readiness(), Readiness::Ready, "{state}");
        }
        assert_eq!(in_state("Pending", "Creating").write_readiness(), Readiness::Soon);
        assert!(matches!(in_state("Failed", "InvalidSubnet").write_readiness(), Readiness::Never(_)));
        assert_eq!(Condition::of(Some("Active"), Reason::new(None, None), true).write_readiness(), Readiness::Soon);
    }

    #[test]
    fn temporary_reasons_differ_from_lasting_ones() {
        let code = |code: &str| Reason::new(Some(code), None);
        for passing in ["InternalError", "EC2RequestLimitExceeded", "InsufficientCapacity", "EFSMountTimeout"] {
            assert!(code(passing).is_temporary(), "{passing}");
        }
        for lasting in
            ["InvalidRuntime", "EniLimitExceeded", "SubnetOutOfIPAddresses", "FunctionError", "DisabledKMSKey"]
        {
            assert!(!code(lasting).is_temporary(), "{lasting}");
        }
        assert_eq!(code("EC2RequestLimitExceeded").error_code(), TargetErrorCode::Throttled);
        assert_eq!(code("EniLimitExceeded").error_code(), TargetErrorCode::QuotaExceeded);
        assert_eq!(code("InternalError").error_code(), TargetErrorCode::FunctionFailed);
    }
}
