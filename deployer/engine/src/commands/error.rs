//! The errors that an invocation of the deployer's function ends in.

use deployer_core::names::ERROR_LINE;

use crate::sweep::report::FailureKind;
use crate::{CommandError, InvalidConfig, Transient};

/// An invocation that did not succeed: the contract's `errorType`, and the reason.
#[derive(thiserror::Error)]
pub enum FunctionError {
    /// A command by hand is wrong.
    #[error("{0}")]
    InvalidCommand(String),
    /// A command by hand names a function that no environment knows.
    #[error("{0}")]
    UnknownFunction(String),
    /// A command by hand names a release that no environment knows.
    #[error("{0}")]
    UnknownRelease(String),
    /// A command by hand promotes from where the environment takes no promotions.
    #[error("{0}")]
    NotPromotable(String),
    /// A command by hand is refused by a rule as things stand.
    #[error("{0}")]
    Refused(String),
    /// deployer.json or the environment is wrong. Queued messages stay in the queue.
    #[error("{0}")]
    InvalidConfig(#[from] InvalidConfig),
    /// The ledger cannot be used, and nothing is done without it.
    #[error("{0}")]
    LedgerUnavailable(String),
    /// STS cannot be asked now who gives the command, and its answer is needed.
    #[error("{0}")]
    IdentityUnavailable(String),
    /// Anything else has failed.
    #[error("{0}")]
    Internal(String),
}

/// The runtime logs errors in this form, and people read its log.
impl std::fmt::Debug for FunctionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl FunctionError {
    /// Returns the contract's `errorType`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidCommand(_) => "InvalidCommand",
            Self::UnknownFunction(_) => "UnknownFunction",
            Self::UnknownRelease(_) => "UnknownRelease",
            Self::NotPromotable(_) => "NotPromotable",
            Self::Refused(_) => "Refused",
            Self::InvalidConfig(_) => "InvalidConfig",
            Self::LedgerUnavailable(_) => "LedgerUnavailable",
            Self::IdentityUnavailable(_) => "IdentityUnavailable",
            Self::Internal(_) => "Internal",
        }
    }

    /// Logs that the invocation ends in this error. An alarm counts these lines. A wrong command raises no alarm,
    /// because its sender reads the answer, nor does STS that is away: the deployer is well, and the sender tries again.
    pub fn log(&self) {
        match self {
            Self::InvalidCommand(because)
            | Self::UnknownFunction(because)
            | Self::UnknownRelease(because)
            | Self::NotPromotable(because)
            | Self::Refused(because) => {
                tracing::warn!("refused: {because}");
            }
            Self::IdentityUnavailable(because) => tracing::warn!("put off: {because}"),
            error => tracing::error!(error_type = error.error_type(), "{ERROR_LINE}: {error}"),
        }
    }

    /// Makes the error of a failure of this kind.
    pub(super) fn of(kind: FailureKind, message: String) -> Self {
        match kind {
            FailureKind::Ledger => Self::LedgerUnavailable(message),
            FailureKind::Configuration => InvalidConfig(message).into(),
            FailureKind::Other => Self::Internal(message),
        }
    }
}

impl From<Transient> for FunctionError {
    fn from(transient: Transient) -> Self {
        match &transient {
            Transient::Identity(_) => Self::IdentityUnavailable(transient.to_string()),
            _ => Self::of(FailureKind::of(&transient), transient.to_string()),
        }
    }
}

impl From<CommandError> for FunctionError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Invalid(because) => Self::InvalidCommand(because),
            CommandError::UnknownFunction(because) => Self::UnknownFunction(because),
            CommandError::UnknownRelease(because) => Self::UnknownRelease(because),
            CommandError::NotPromotable(because) => Self::NotPromotable(because),
            CommandError::Refused(because) => Self::Refused(because),
            CommandError::Transient(transient) => transient.into(),
        }
    }
}
