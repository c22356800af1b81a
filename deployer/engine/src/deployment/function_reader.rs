//! Reads a function in an entered account: its code, its alias, and the version that the alias serves.
//!
//! Must not know of claims, or of the version that is to be served.

use deployer_core::alias_traffic::Traffic;
use deployer_core::function_ref::FunctionRef;
use deployer_core::observed::{Condition, Observed, ObservedAlias, ProvisionedConcurrency};
use deployer_core::record::TargetError;

use crate::port::{Account, CallErrorKind, Qualifier};
use crate::timer::Timer;

/// The step in which a target is read.
pub(crate) const OBSERVE: &str = "observe";

/// The reading side of a function in an account.
#[derive(Clone, Copy)]
pub(crate) struct FunctionReader<'a> {
    pub timer: Timer<'a>,
    pub at: &'a FunctionRef<'a>,
    pub account: &'a Account,
}

/// The reason why an observation is no ground for a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unstable {
    /// Lambda is at work on the function.
    Busy,
    /// The alias was moved between two reads.
    AliasMoves,
}

impl Unstable {
    /// Returns the reason in words.
    pub fn because(self) -> &'static str {
        match self {
            Self::Busy => "another update is in progress",
            Self::AliasMoves => "the alias is being moved",
        }
    }
}

impl FunctionReader<'_> {
    /// Observes until the function is stable.
    pub async fn observe(self) -> Result<Observed, TargetError> {
        for attempt in 0.. {
            match self.observe_once().await? {
                Ok(observed) => return Ok(observed),
                Err(unstable) => self.timer.pause(attempt, OBSERVE, unstable.because()).await?,
            }
        }
        unreachable!("attempts do not end")
    }

    /// Observes once.
    pub async fn observe_once(self) -> Result<Result<Observed, Unstable>, TargetError> {
        let (functions, name, alias) = (self.account.functions(), &self.at.function_name, &self.at.environment.alias);
        let (latest, pointer, serving) = futures::try_join!(
            self.timer.read(OBSERVE, || functions.function(name, Qualifier::Latest)),
            self.alias(),
            self.timer.read(OBSERVE, || functions.function(name, Qualifier::Alias(alias))),
        )?;
        let (latest, metadata) = match latest {
            Some((latest, metadata)) => (Some(latest), metadata),
            None => (None, Default::default()),
        };
        let serving = serving.map(|(code, _)| code);
        if latest.as_ref().is_some_and(|latest| latest.condition == Condition::Busy) {
            return Ok(Err(Unstable::Busy));
        }
        // The three were read side by side: somebody may have moved the alias between the reads.
        if pointer.as_ref().map(|alias| &alias.version) != serving.as_ref().map(|code| &code.version) {
            return Ok(Err(Unstable::AliasMoves));
        }
        Ok(Ok(Observed { latest, metadata, alias: pointer, serving, publishing_failed: false }))
    }

    /// Reads the alias. If its whole traffic is on another version, it also reads the provisioned concurrency, because
    /// Lambda holds traffic back for that.
    pub async fn alias(self) -> Result<Option<ObservedAlias>, TargetError> {
        let (functions, name, alias) = (self.account.functions(), &self.at.function_name, &self.at.environment.alias);
        let seen = self.timer.read(OBSERVE, || functions.alias(name, alias)).await?;
        let Some(seen) = seen else { return Ok(None) };
        if !matches!(Traffic::of(&seen), Traffic::KeptBack { .. }) {
            return Ok(Some(seen));
        }
        let provisioned = self.concurrency(OBSERVE).await?.map(|found| found.is_some());
        Ok(Some(ObservedAlias { provisioned, ..seen }))
    }

    /// Reads the provisioned concurrency of the alias. The outer `None`: the deploy role may not see it.
    pub async fn concurrency(self, step: &'static str) -> Result<Option<Option<ProvisionedConcurrency>>, TargetError> {
        let (functions, name, alias) = (self.account.functions(), &self.at.function_name, &self.at.environment.alias);
        let read = || async {
            match functions.provisioned(name, alias).await {
                Ok(found) => Ok(Some(found)),
                // An older deploy role may not read it. The alias itself shows most of it.
                Err(error) if error.kind == CallErrorKind::Denied => {
                    tracing::warn!("whether the alias has provisioned concurrency is not known: {error}");
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        self.timer.read(step, read).await
    }
}
