//! Checks the chain of trust to one target.

use std::sync::Arc;
use std::time::Duration;

use deployer_core::artifact::ArtifactRef;
use deployer_core::config::{Environment, Target};
use deployer_core::doctor::{
    self, Attempt, Chain, Check, ProbedAction, Refusal, Refused, Tried, UNPROBED, probe_policy,
};
use deployer_core::id::{DeploymentId, EnvironmentName, Region, RequestHash};
use deployer_core::record::TargetErrorCode;
use deployer_core::session_policy::session_name;

use super::heads::Heads;
use crate::Engine;
use crate::port::{EnterError, Probe, ReadError, SelfDiagnostics, SessionRequest};

/// The pause between two calls to Lambda in a target. All calls there but GetFunction share 15 a second with
/// deployments (Lambda Developer Guide, "Lambda quotas", API requests): the doctor takes at most a third of them.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) struct Walker<'a> {
    pub(super) engine: &'a Engine,
    pub(super) diagnostics: &'a dyn SelfDiagnostics,
    pub(super) name: &'a EnvironmentName,
    pub(super) environment: &'a Environment,
    pub(super) target: &'a Target,
    pub(super) role: Option<&'a str>,
}

impl Walker<'_> {
    fn chain(&self) -> Chain<'_> {
        Chain {
            deployer: self.role,
            environment: self.name,
            target: self.target,
            role: &self.environment.role_name,
            external_id: self.environment.external_id.as_ref(),
        }
    }

    pub(super) async fn walk(
        &self,
        live: impl Future<Output = Result<Option<ArtifactRef>, Refused>>,
        heads: Heads<'_>,
    ) -> Vec<Check> {
        let live = live.await;
        let artifact = live.as_ref().ok().and_then(Option::as_ref);
        let region = self.artifacts_region();
        let hash = RequestHash::of(&["doctor", &self.engine.ports.rng.draw().to_string()]);
        let request = SessionRequest {
            target: self.target.clone(),
            role: self.environment.role_name.clone(),
            external_id: self.environment.external_id.clone(),
            name: session_name(DeploymentId::of(self.engine.now(), hash)),
            policy: probe_policy(self.target, self.environment, artifact, region),
        };
        let (probe, mut checks) = self.open_probe(&request).await;
        match probe {
            Some(probe) => {
                checks.extend(self.rights(probe.as_ref()).await);
                checks.push(self.artifact(probe.as_ref(), &live).await);
                checks.extend(self.alarms(heads).await);
            }
            None => {
                let because = "the account could not be entered";
                checks.extend(
                    ProbedAction::of(self.environment).map(|action| Check::not_checked(action.action(), because)),
                );
                checks.push(Check::not_checked("read artifact", because));
            }
        }
        checks
    }

    fn artifacts_region(&self) -> &Region {
        self.engine.region.as_ref().unwrap_or(&self.target.region)
    }

    async fn open_probe(&self, request: &SessionRequest) -> (Option<Arc<dyn Probe>>, Vec<Check>) {
        let chain = self.chain();
        let refused = match self.diagnostics.open_session(request).await {
            Ok(probe) => return (Some(probe), vec![doctor::entered(&chain, &Ok(())), Check::ok("account")]),
            Err(EnterError::Target(error)) if error.code == TargetErrorCode::WrongAccount => {
                return (None, vec![Check::ok("enter"), Check::fail("account", error.message)]);
            }
            Err(EnterError::Denied(message)) => Refused { kind: Refusal::Denied, message },
            Err(EnterError::Unanswered(message)) => Refused { kind: Refusal::Unknown, message },
            // No policy mends this.
            Err(EnterError::Target(error)) if error.code == TargetErrorCode::AccessDenied => {
                Refused { kind: Refusal::Wrong, message: error.message.into() }
            }
            Err(EnterError::Target(error)) => Refused { kind: Refusal::Unknown, message: error.message.into() },
        };
        (None, vec![doctor::entered(&chain, &Err(refused))])
    }

    /// Tries the rights out. Writing calls are tried only if Lambda says that the function does not exist.
    async fn rights(&self, probe: &dyn Probe) -> Vec<Check> {
        let first = probe.attempt(ProbedAction::GetFunction).await;
        let free = first == Ok(Attempt::Allowed);
        // If GetFunction is denied, the other reading calls show whether the role is for other functions.
        let denied = matches!(&first, Err(refused) if refused.kind == Refusal::Denied);
        let mut tried: Vec<Tried> = vec![(ProbedAction::GetFunction, Some(first))];
        for action in ProbedAction::of(self.environment).filter(|action| *action != ProbedAction::GetFunction) {
            let outcome = if free || (denied && action.only_reads()) || !action.names_a_function() {
                self.engine.ports.clock.sleep(PAUSE).await;
                Some(probe.attempt(action).await)
            } else {
                None
            };
            tried.push((action, outcome));
        }
        let mut checks = doctor::rights(&self.chain(), self.environment.rollout.as_ref(), &tried);
        checks.extend(UNPROBED.map(|(action, because)| Check::not_checked(action, because)));
        if let Some(pattern) = &self.environment.execution_role {
            let because = format!(
                "manifests of {} may name {} only, and execution_roles of the deploy role must cover that",
                self.name,
                pattern.as_str()
            );
            checks.push(Check::not_checked("execution_role", because));
        }
        checks
    }

    async fn artifact(&self, probe: &dyn Probe, live: &Result<Option<ArtifactRef>, Refused>) -> Check {
        const CHECK: &str = "read artifact";
        let artifact = match live {
            Ok(Some(artifact)) => artifact,
            Ok(None) => return Check::not_checked(CHECK, format!("nothing is live yet in {}", self.name)),
            Err(refused) => return Check::not_checked(CHECK, format!("what is live is not known: {refused}")),
        };
        let (Engine { ports, .. }, region) = (self.engine, self.artifacts_region());
        if self.target.region != *region {
            // Lambda copies no code across regions: the deployer reads it and sends it along.
            return match ports.artifacts.tail(artifact, 1).await {
                Ok(_) => Check::ok(CHECK).with_finding(format!("{}, which the deployer sends along", artifact.key)),
                Err(error @ (ReadError::Denied(_) | ReadError::Unreadable(_))) => Check::fail(CHECK, error.to_string()),
                Err(error) => Check::not_checked(CHECK, error.to_string()),
            };
        }
        let outcome = probe.read(artifact).await.map_err(|error| {
            let kind = match error {
                ReadError::Denied(_) => Refusal::Denied,
                ReadError::Unreadable(_) => Refusal::Wrong,
                ReadError::Gone(_) | ReadError::Transient(_) => Refusal::Unknown,
            };
            Refused { kind, message: error.to_string() }
        });
        doctor::read_artifact(&self.chain(), artifact, region, &outcome)
    }
}
