//! The reasons why a step, a target or a whole deployment ends before its work is done.

use deployer_core::head::ATTEMPTS;
use deployer_core::plan::PlanError;
use deployer_core::record::{Code, DeploymentRecord, Ending, RecordedArtifact, TargetError, TargetErrorCode};

use crate::Transient;
use crate::claim::SubmitOutcome;
use crate::timer::timed_out;

/// The reason why this invocation waits for Lambda no longer.
pub(crate) enum WaitError {
    /// Another invocation goes on.
    Waits,
    /// The wait has lasted for too long, or its end could not be read.
    Final(TargetError),
}

/// The reason why a plan was not carried out to its end.
pub(crate) enum StepError {
    /// The target ends here.
    Final(TargetError),
    /// The function or version that was made has failed, or serves nobody.
    Failed {
        error: TargetError,
        /// Sending the code once more may succeed: the reason passes, or publishing `$LATEST` unchanged returned a
        /// version that had failed earlier.
        is_temporary: bool,
    },
    /// A precondition failed or an answer was lost: the target must be observed again.
    Reobserve {
        step: &'static str,
        /// The target's error if the second observation ends here too.
        error: TargetError,
    },
    /// No alias may move any more; the claim has the reason.
    Stopped,
    /// Lambda needs longer than an invocation should wait: another one goes on.
    Waits,
    /// The claim is no longer ours, or the ledger is away: nothing more is written anywhere.
    Transient(Transient),
}

/// The reason why a target does not serve what is wanted.
pub(crate) enum TargetFailed {
    /// The target failed, or there is no plan for it.
    PlanError(PlanError),
    /// No alias may move any more; the claim has the reason.
    Stopped,
    /// Lambda needs longer than an invocation should wait.
    Waits,
    /// The whole deployment ends here.
    Interrupted(Interrupted),
}

/// The reason why a deployment ends before its targets do.
#[derive(Clone)]
pub(crate) enum Interrupted {
    /// It has no claim (any more), or the ledger is away.
    Unfinished(Unfinished),
    /// The artifact cannot be deployed.
    Artifact(InvalidArtifact),
    /// Too many invocations have died over it, and over observing how far it came.
    GivenUp,
}

/// The reason why a deployment has not ended in this invocation.
#[derive(Clone)]
pub(crate) enum Unfinished {
    /// The head has decided otherwise.
    NotClaimed(SubmitOutcome),
    /// Its time was up: another invocation goes on with it.
    Saved(Box<DeploymentRecord>),
    /// Another try can help.
    Transient(Transient),
}

/// The reason why the artifact cannot be deployed.
#[derive(Clone)]
pub(crate) enum InvalidArtifact {
    /// A rule refuses it, or it cannot be read: the deployment ends, with the known details of the artifact.
    Ending(Ending, Box<RecordedArtifact>),
    /// Another try can help.
    Transient(Transient),
}

impl InvalidArtifact {
    /// Makes the error of one target, while other targets can do without the artifact.
    pub fn in_target(self) -> TargetError {
        let (code, because) = match self {
            Self::Ending(Ending::Refused { code, because }, _) => (Some(code), because),
            Self::Ending(Ending::Tried(targets), _) => {
                let first = targets.into_iter().find_map(|target| target.error);
                (None, first.map_or_else(String::new, |error| error.message.into()))
            }
            Self::Ending(..) => (None, "the artifact cannot be deployed".to_owned()),
            // Another invocation goes on with the target.
            Self::Transient(transient) => return timed_out("verify", &transient.to_string()),
        };
        let code = match code {
            Some(Code::InvalidManifest | Code::Rejected) => TargetErrorCode::InvalidConfiguration,
            _ => TargetErrorCode::ArtifactUnreadable,
        };
        TargetError::new(code, "verify", because)
    }
}

impl From<TargetError> for WaitError {
    fn from(error: TargetError) -> Self {
        Self::Final(error)
    }
}

impl From<TargetError> for StepError {
    fn from(error: TargetError) -> Self {
        Self::Final(error)
    }
}

impl From<WaitError> for StepError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Waits => Self::Waits,
            WaitError::Final(error) => Self::Final(error),
        }
    }
}

impl From<Transient> for StepError {
    fn from(transient: Transient) -> Self {
        Self::Transient(transient)
    }
}

impl From<TargetError> for TargetFailed {
    fn from(error: TargetError) -> Self {
        Self::PlanError(error.into())
    }
}

impl From<PlanError> for TargetFailed {
    fn from(no_plan: PlanError) -> Self {
        Self::PlanError(no_plan)
    }
}

impl From<WaitError> for TargetFailed {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Waits => Self::Waits,
            WaitError::Final(error) => error.into(),
        }
    }
}

impl From<StepError> for TargetFailed {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Final(error) | StepError::Failed { error, .. } | StepError::Reobserve { error, .. } => {
                error.into()
            }
            StepError::Stopped => Self::Stopped,
            StepError::Waits => Self::Waits,
            StepError::Transient(transient) => Self::Interrupted(transient.into()),
        }
    }
}

impl From<Interrupted> for TargetFailed {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl From<Unfinished> for TargetFailed {
    fn from(unfinished: Unfinished) -> Self {
        Self::Interrupted(unfinished.into())
    }
}

impl From<Unfinished> for Interrupted {
    fn from(unfinished: Unfinished) -> Self {
        Self::Unfinished(unfinished)
    }
}

impl From<InvalidArtifact> for Interrupted {
    fn from(invalid: InvalidArtifact) -> Self {
        Self::Artifact(invalid)
    }
}

impl From<Transient> for Interrupted {
    fn from(transient: Transient) -> Self {
        Self::Unfinished(transient.into())
    }
}

impl<T: Into<Transient>> From<T> for Unfinished {
    fn from(transient: T) -> Self {
        Self::Transient(transient.into())
    }
}

/// The step in which a deployment is given up.
pub(crate) const GIVEN_UP: &str = "claim";

/// The words about a target that nobody could observe.
pub(crate) const UNSEEN: &str = "what this target serves was not looked at";

/// Makes the error of a target whose deployment is given up, with what is known of it.
pub(crate) fn given_up(seen: &str) -> TargetError {
    TargetError::new(
        TargetErrorCode::TimedOut,
        GIVEN_UP,
        format!(
            "this deployment was taken up {ATTEMPTS} times and never ended, and {seen}: the deployer's log says where \
             each of them stopped; try again when that is mended"
        ),
    )
}

/// Makes the error of a defect of the deployer.
pub(crate) fn internal(step: &str, message: &str) -> TargetError {
    TargetError::new(TargetErrorCode::Internal, step, message)
}

/// Whether a target stopped only because the time was up: another invocation can go on.
pub(crate) fn is_late(code: TargetErrorCode) -> bool {
    matches!(code, TargetErrorCode::TimedOut | TargetErrorCode::Throttled)
}
