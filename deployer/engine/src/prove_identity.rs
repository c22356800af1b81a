//! Proves who gives a request: STS is asked once, when the request comes in, and only the principal's ARN is kept.

use std::time::Duration;

use deployer_core::config::ProvenCommand;
use deployer_core::id::EnvironmentName;
use deployer_core::identity::{Identity, IdentityProof, Principal, ProofError, StsRequest, read_sts_answer};

use crate::{CommandError, Engine, Transient};

/// The time that STS has for its answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The number of times that STS is asked where the answer decides something.
const TRIES: u32 = 2;

/// What a request needs of its giver's identity.
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
}

impl Engine {
    /// Asks STS who has signed the proof that came with a request.
    ///
    /// # Errors
    /// [`CommandError`]: the proof is none, or one is needed; or STS cannot be asked, and its answer is needed.
    pub(crate) async fn prove(&self, identity: &Identity, demand: &ProofDemand) -> Result<Identity, CommandError> {
        let identity = match identity {
            Identity::Unchecked(proof) => match self.ask_sts(proof, demand).await {
                Ok(principal) => Identity::Proven(principal),
                Err(ProofError::Wrong(because)) => return Err(CommandError::Invalid(because)),
                Err(ProofError::Unreachable(because)) if *demand != ProofDemand::Optional => {
                    return Err(Transient::Identity(because).into());
                }
                Err(ProofError::Expired(because) | ProofError::Unreachable(because)) => {
                    tracing::warn!("the giver of a request is not proven: {because}");
                    Identity::Unproven(because.into())
                }
            },
            other => other.clone(),
        };
        let ProofDemand::Required(what) = demand else { return Ok(identity) };
        match &identity {
            Identity::Proven(_) => Ok(identity),
            Identity::Unproven(because) => Err(CommandError::Invalid(format!("{what}: {because}"))),
            Identity::None | Identity::Unchecked(_) => Err(CommandError::Invalid(format!(
                "{what}, and the request carries no proof (identity): deployctl sends it where your credentials allow"
            ))),
        }
    }

    async fn ask_sts(&self, proof: &IdentityProof, demand: &ProofDemand) -> Result<Principal, ProofError> {
        let Some(identities) = &self.ports.identities else {
            return Err(ProofError::Unreachable(
                "this deployer does not know its own ARN, so it can ask STS nothing".into(),
            ));
        };
        let audience = identities.audience();
        let request = StsRequest::compose(proof, audience, self.now())?;
        let tries = if *demand == ProofDemand::Optional { 1 } else { TRIES };
        let mut last = ProofError::Unreachable("STS was not asked".into());
        for _ in 0..tries {
            let unanswered = |because: String| {
                ProofError::Unreachable(format!("{} could not be asked who has signed: {because}", request.host()))
            };
            let answer = tokio::select! {
                biased;
                answer = identities.ask(&request) => answer.map_err(|error| unanswered(error.to_string())),
                () = self.ports.clock.sleep(TIMEOUT) => Err(unanswered(format!("no answer in {} s", TIMEOUT.as_secs()))),
            };
            match answer.and_then(|answer| read_sts_answer(answer.status, &answer.body, audience)) {
                Err(ProofError::Unreachable(because)) => last = ProofError::Unreachable(because),
                decided => return decided,
            }
        }
        Err(last)
    }
}
