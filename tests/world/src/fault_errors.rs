//! The error that each port returns for a faulty call.

use deployer_core::doctor::{Refusal, Refused};
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_engine::port::{
    CallError, CallErrorKind, EnterError, EventsError, LedgerError, QueueError, ReadError, RolloutCallError,
    RolloutCallErrorKind, StsUnanswered,
};

use crate::call::FaultError;

impl FaultError for CallError {
    fn of(kind: CallErrorKind, message: String) -> Self {
        Self { kind, message }
    }
    fn label(&self) -> String {
        format!("{:?}", self.kind)
    }
}

impl FaultError for LedgerError {
    fn of(_: CallErrorKind, message: String) -> Self {
        Self(message)
    }
    fn label(&self) -> String {
        "Unavailable".to_owned()
    }
}

impl FaultError for Refused {
    fn of(kind: CallErrorKind, message: String) -> Self {
        let denied = kind == CallErrorKind::Denied;
        Self { kind: if denied { Refusal::Denied } else { Refusal::Unknown }, message }
    }
    fn label(&self) -> String {
        format!("{:?}", self.kind)
    }
}

impl FaultError for QueueError {
    fn of(_: CallErrorKind, message: String) -> Self {
        Self(message)
    }
    fn label(&self) -> String {
        "Unavailable".to_owned()
    }
}

impl FaultError for EventsError {
    fn of(_: CallErrorKind, message: String) -> Self {
        Self(message)
    }
    fn label(&self) -> String {
        "Unavailable".to_owned()
    }
}

impl FaultError for StsUnanswered {
    fn of(_: CallErrorKind, message: String) -> Self {
        Self(message)
    }
    fn label(&self) -> String {
        "Unanswered".to_owned()
    }
}

impl FaultError for ReadError {
    fn of(kind: CallErrorKind, message: String) -> Self {
        match kind {
            CallErrorKind::Denied => Self::Denied(message),
            CallErrorKind::Invalid => Self::Unreadable(message),
            _ => Self::Transient(message),
        }
    }
    fn label(&self) -> String {
        match self {
            Self::Gone(_) => "Gone".to_owned(),
            Self::Denied(_) => "Denied".to_owned(),
            Self::Unreadable(_) => "Unreadable".to_owned(),
            Self::Transient(_) => "Transient".to_owned(),
        }
    }
}

impl FaultError for EnterError {
    fn of(kind: CallErrorKind, message: String) -> Self {
        let code = match kind {
            CallErrorKind::Denied => return Self::Denied(message),
            CallErrorKind::Unknown => return Self::Unanswered(message),
            CallErrorKind::Throttled => TargetErrorCode::Throttled,
            _ => TargetErrorCode::Internal,
        };
        TargetError::new(code, "enter", message).into()
    }
    fn label(&self) -> String {
        match self {
            Self::Denied(_) => "Denied".to_owned(),
            Self::Unanswered(_) => "Unanswered".to_owned(),
            Self::Target(error) => format!("{:?}", error.code),
        }
    }
}

impl FaultError for RolloutCallError {
    fn of(kind: CallErrorKind, message: String) -> Self {
        let kind = match kind {
            CallErrorKind::Throttled => RolloutCallErrorKind::Throttled,
            CallErrorKind::Denied => RolloutCallErrorKind::Denied,
            CallErrorKind::Invalid => RolloutCallErrorKind::Invalid,
            _ => RolloutCallErrorKind::Unavailable,
        };
        Self { kind, message }
    }
    fn label(&self) -> String {
        format!("{:?}", self.kind)
    }
}
