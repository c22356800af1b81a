//! The errors of the engine.

use std::any::Any;

use jiff::Timestamp;

use crate::port::LedgerError;

/// The error of a command.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// The command is wrong, and the sentence says what would be right. Nothing was changed.
    #[error("{0}")]
    Invalid(String),
    /// No environment knows the function: the name may be misspelt. Nothing was changed.
    #[error("{0}")]
    UnknownFunction(String),
    /// No environment knows the release of the function. Nothing was changed.
    #[error("{0}")]
    UnknownRelease(String),
    /// The rules of the environment promote nothing from there. Nothing was changed.
    #[error("{0}")]
    NotPromotable(String),
    /// A rule refuses the command as things stand: an approval that does not count, an identity that is not proven, a
    /// bound that is reached. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// Another try can help.
    #[error(transparent)]
    Transient(#[from] Transient),
}

impl CommandError {
    /// Returns the reason why the command is wrong or refused as it is.
    ///
    /// # Errors
    /// [`Transient`]: another try can help.
    pub fn into_refusal(self) -> Result<String, Transient> {
        match self {
            Self::Invalid(because)
            | Self::UnknownFunction(because)
            | Self::UnknownRelease(because)
            | Self::NotPromotable(because)
            | Self::Refused(because) => Ok(because),
            Self::Transient(transient) => Err(transient),
        }
    }
}

/// A failure that another try can mend. The message goes back to the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Transient {
    /// Nothing is done without the ledger.
    #[error("the ledger is unavailable: {0}")]
    Ledger(#[from] LedgerError),
    /// A newer deployer understands the message.
    #[error("a message of the deployer's own is put back, for it is not understood: {0}")]
    NotUnderstood(String),
    /// Others kept writing the head.
    #[error("the function's head in the ledger kept changing")]
    Contended,
    /// S3 did not deliver the artifact.
    #[error("the artifact could not be read this time: {0}")]
    Artifact(String),
    /// An object or a target that a promotion depends on could not be read.
    #[error("{0}")]
    Unseen(String),
    /// An environment that a promotion comes from rolls something out, which ends by itself.
    #[error("{0}")]
    SourceRollsOut(String),
    /// STS could not be asked who gives a request, and the answer decides something.
    #[error("the proof of identity could not be checked, so nothing was done: {0}; try again")]
    Identity(String),
    /// The deployer cannot ask STS anything, because proofs are made for its ARN.
    #[error("this deployer does not know its own ARN, so no proof of identity can be checked")]
    NoAudience,
    /// A tick could not be sent.
    #[error("the queue is unavailable: {0}")]
    Queue(String),
    /// Another invocation works on it, and without a queue nothing can be deferred.
    #[error("another invocation works on it until {0:.0} at most")]
    InOtherHands(Timestamp),
    /// Another invocation has taken the deployment over.
    #[error("another invocation has taken the deployment over")]
    TakenOver,
    /// Too little time is left to begin a deployment.
    #[error(
        "too little time is left to begin: the deployer's function timeout should be 5 minutes, and the batch size 10 at \
         most"
    )]
    NoTime,
    /// The invocation's deadline came first.
    #[error("not done before the invocation's deadline")]
    Deadline,
    /// A defect of the deployer.
    #[error("the deployment panicked: {0}")]
    Panicked(String),
}

impl Transient {
    /// Makes the error of a panic, with its message.
    #[must_use]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Self::Panicked(text.unwrap_or_default())
    }
}

/// The deployer cannot work as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);
