//! Sessions in target accounts that call Lambda in another way than they are asked to: they implement mutants.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::{
    Condition, FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency, RevisionId,
};
use deployer_engine::port::{
    Account, Answer, CallError, CallErrorKind, EnterError, Functions, PublishedVersions, Qualifier, SessionProvider,
    SessionRequest, Write,
};

use super::mutants::Mutant;

/// Opens sessions whose calls to Lambda are falsified.
pub(super) struct FaultySessions {
    gate: Arc<dyn SessionProvider>,
    mutant: Option<Mutant>,
}

impl FaultySessions {
    pub fn new(gate: Arc<dyn SessionProvider>, mutant: Option<Mutant>) -> Self {
        Self { gate, mutant }
    }
}

#[async_trait]
impl SessionProvider for FaultySessions {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.gate.open_session(request).await?;
        let functions = Arc::new(FaultyFunctions { account, mutant: self.mutant });
        Ok(Account::verify_account(&request.target, &request.target.account, functions)?)
    }
}

struct FaultyFunctions {
    account: Account,
    mutant: Option<Mutant>,
}

impl FaultyFunctions {
    /// Returns an alias as it is shown: the part of its traffic that stays behind may be hidden.
    fn shown(&self, mut alias: ObservedAlias) -> ObservedAlias {
        if self.mutant == Some(Mutant::TrafficUnwatched) {
            alias.weights.clear();
        }
        alias
    }

    /// Returns the same write with the newest revision.
    async fn refreshed<'w>(
        &self,
        name: &FunctionName,
        write: Write<'w>,
        newest: &'w mut Option<RevisionId>,
    ) -> Result<Write<'w>, CallError> {
        let functions = self.account.functions();
        *newest = match &write {
            Write::MoveAlias { alias, .. } | Write::ShiftAlias { alias, .. } => {
                functions.alias(name, alias).await?.map(|alias| alias.revision)
            }
            Write::UpdateCode { .. } | Write::UpdateConfiguration { .. } | Write::Publish { .. } => {
                functions.function(name, Qualifier::Latest).await?.map(|(code, _)| code.revision)
            }
            _ => None,
        };
        let Some(revision) = &*newest else { return Ok(write) };
        Ok(match write {
            Write::MoveAlias { alias, version, .. } => Write::MoveAlias { alias, version, revision },
            Write::ShiftAlias { alias, version, to, .. } => Write::ShiftAlias { alias, version, to, revision },
            Write::UpdateCode { code, settings, .. } => Write::UpdateCode { code, settings, revision },
            Write::UpdateConfiguration { configuration, .. } => Write::UpdateConfiguration { configuration, revision },
            Write::Publish { sha256, .. } => Write::Publish { sha256, revision: Some(revision) },
            other => other,
        })
    }
}

#[async_trait]
impl Functions for FaultyFunctions {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError> {
        let is_version = matches!(qualifier, Qualifier::Version(_));
        let mut seen = self.account.functions().function(name, qualifier).await?;
        if let Some((code, _)) = seen.as_mut().filter(|_| is_version && self.mutant == Some(Mutant::ActiveAtOnce)) {
            code.condition = Condition::Ready;
        }
        Ok(seen)
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        let seen = self.account.functions().alias(name, alias).await?;
        Ok(seen.map(|alias| self.shown(alias)))
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        let seen = self.account.functions().provisioned(name, alias).await?;
        Ok(seen.filter(|_| self.mutant != Some(Mutant::TrafficUnwatched)))
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        self.account.functions().versions(name).await
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.account.functions().aliased(name).await
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        let functions = self.account.functions();
        let mut newest = None;
        match self.mutant {
            Some(Mutant::DoorsLeftOpen) if matches!(write, Write::RewriteAlias { .. }) => {
                let Write::RewriteAlias { alias, .. } = write else { return functions.write(name, write).await };
                Ok(Answer::Alias(ObservedAlias { revision: RevisionId("turned".to_owned()), ..alias.clone() }))
            }
            Some(Mutant::NewestRevision) => {
                functions.write(name, self.refreshed(name, write, &mut newest).await?).await
            }
            Some(Mutant::SentAgainUnseen) => {
                let mut answer = functions.write(name, write.clone()).await;
                for _ in 0..20 {
                    let mut newest = None;
                    match &answer {
                        Err(error) if matches!(error.kind, CallErrorKind::Unknown | CallErrorKind::Busy) => {
                            tokio::time::sleep(Duration::from_millis(500)).await;
                            let again = self.refreshed(name, write.clone(), &mut newest).await?;
                            answer = functions.write(name, again).await;
                        }
                        _ => break,
                    }
                }
                answer
            }
            _ => Ok(match functions.write(name, write).await? {
                Answer::Alias(alias) => Answer::Alias(self.shown(alias)),
                other => other,
            }),
        }
    }
}
