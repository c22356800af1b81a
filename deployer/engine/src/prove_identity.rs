//! Proves who gives a request: STS is asked once, and only if the request is to change something, so not about one that
//! the ledger knows. Only the principal's ARN is kept.

use deployer_core::config::ProvenCommand;
use deployer_core::id::EnvironmentName;
use deployer_core::identity::{Identity, IdentityProof, Principal, ProofError, StsRequest, read_sts_answer};
use tokio::sync::OnceCell;

use crate::port::Identities;
use crate::{CommandError, Engine, Transient};

/// The proof of identity that a request needs of its giver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProofDemand {
    /// It is carried out without a proof too.
    Optional,
    /// The rules that come after decide, and need what STS says.
    Wanted,
    /// It is refused without a proof, in these words.
    Required(String),
}

impl ProofDemand {
    /// Returns what an environment, or any of all, asks for a command.
    pub(crate) fn of(engine: &Engine, command: ProvenCommand, environment: Option<&EnvironmentName>) -> Self {
        match engine.config.asks_for_proof(command, environment) {
            None => Self::Optional,
            Some(name) => Self::Required(format!("{name} takes {command} from proven identities only")),
        }
    }

    /// Refuses an identity that does not satisfy the demand.
    fn settle(&self, identity: &Identity) -> Result<(), CommandError> {
        let Self::Required(what) = self else { return Ok(()) };
        match identity {
            Identity::Proven(_) => Ok(()),
            Identity::Unproven(because) => Err(CommandError::Refused(format!("{what}: {because}"))),
            Identity::None | Identity::Unchecked(_) => Err(CommandError::Refused(format!(
                "{what}, and the request carries no proof (identity): deployctl sends it where your credentials allow"
            ))),
        }
    }
}

/// The identity of a request's giver, which is checked when the request turns out to be new.
///
/// A request that the ledger knows is answered without its giver's identity. At most its deployment is worked on, which
/// has the identity of whoever gave it first. Whoever writes anything else for the request, such as a rollback that a
/// repeated recall has not begun yet, takes the identity from [`Giver::identity`].
pub(crate) struct Giver<'e> {
    engine: &'e Engine,
    given: Identity,
    demand: ProofDemand,
    /// The outcome, also where it is an error: the functions that a pattern names ask STS once together.
    checked: OnceCell<Result<Identity, CommandError>>,
}

impl<'e> Giver<'e> {
    /// Begins with all that is seen without STS.
    ///
    /// # Errors
    /// [`CommandError`]: a proof is needed and there is none, or it is for another deployer or of another time.
    pub fn new(engine: &'e Engine, given: &Identity, demand: ProofDemand) -> Result<Self, CommandError> {
        match (given, &engine.ports.identities) {
            (Identity::Unchecked(proof), Some(identities)) => {
                if let Err(ProofError::Wrong(because)) = StsRequest::compose(proof, identities.audience(), engine.now())
                {
                    return Err(CommandError::Invalid(because));
                }
            }
            (Identity::Unchecked(_), None) => {}
            (given, _) => demand.settle(given)?,
        }
        Ok(Self { engine, given: given.clone(), demand, checked: OnceCell::new() })
    }

    /// Whether the request carries a proof. One without is answered as if the ledger did not know it.
    pub fn has_proof(&self) -> bool {
        matches!(self.given, Identity::Unchecked(_))
    }

    /// Whether the rules of the environment go by principals, and not by names.
    pub fn counts_by_principal(&self) -> bool {
        self.demand == ProofDemand::Wanted
    }

    /// Returns the identity, for which STS is asked the first time. A failure stays one as well.
    ///
    /// # Errors
    /// [`CommandError`]: the proof is none, or one is needed; or STS cannot be asked, and its answer is needed.
    pub async fn identity(&self) -> Result<Identity, CommandError> {
        self.checked.get_or_init(|| self.check()).await.clone()
    }

    async fn check(&self) -> Result<Identity, CommandError> {
        let identity = match &self.given {
            Identity::Unchecked(proof) => match self.ask_sts(proof).await {
                Ok(principal) => Identity::Proven(principal),
                Err(ProofError::Wrong(because)) => return Err(CommandError::Invalid(because)),
                Err(ProofError::Unreachable(_))
                    if self.demand != ProofDemand::Optional && self.engine.ports.identities.is_none() =>
                {
                    return Err(Transient::NoAudience.into());
                }
                Err(ProofError::Unreachable(because)) if self.demand != ProofDemand::Optional => {
                    return Err(Transient::Identity(because).into());
                }
                Err(ProofError::Expired(because) | ProofError::Denied(because) | ProofError::Unreachable(because)) => {
                    tracing::warn!("the giver of a request is not proven: {because}");
                    Identity::Unproven(because.into())
                }
            },
            other => other.clone(),
        };
        self.demand.settle(&identity)?;
        Ok(identity)
    }

    async fn ask_sts(&self, proof: &IdentityProof) -> Result<Principal, ProofError> {
        let Some(identities) = &self.engine.ports.identities else {
            return Err(ProofError::Unreachable(Transient::NoAudience.to_string()));
        };
        let request = StsRequest::compose(proof, identities.audience(), self.engine.now())?;
        let retries = &self.engine.retries;
        let tries = if self.demand == ProofDemand::Optional { 1 } else { retries.identity_tries };
        let mut last = ProofError::Unreachable("STS was not asked".into());
        for attempt in 0..tries {
            if attempt > 0 {
                self.engine.ports.clock.sleep(retries.identity_pause(attempt)).await;
            }
            match self.ask_once(identities.as_ref(), &request).await {
                Err(ProofError::Unreachable(because)) => last = ProofError::Unreachable(because),
                decided => return decided,
            }
        }
        Err(last)
    }

    async fn ask_once(&self, identities: &dyn Identities, request: &StsRequest) -> Result<Principal, ProofError> {
        let unanswered = |because: String| {
            ProofError::Unreachable(format!(
                "{} could not be asked who has signed: {because} (a deployer in a VPC needs a VPC endpoint for STS with \
                 private DNS, or another way to it)",
                request.host()
            ))
        };
        let timeout = self.engine.retries.identity_timeout;
        let answer = tokio::select! {
            biased;
            answer = identities.ask(request) => answer.map_err(|error| unanswered(error.to_string()))?,
            () = self.engine.ports.clock.sleep(timeout) => {
                return Err(unanswered(format!("no answer in {} s", timeout.as_secs())));
            }
        };
        read_sts_answer(answer.status, &answer.body, identities.audience())
    }
}
