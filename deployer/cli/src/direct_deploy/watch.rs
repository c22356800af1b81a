//! An eye on what the engine sees in the account: is the function one that a deployer owns?
//!
//! It is told before anything is written, and hinders nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::{FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency};

use super::{Notice, Tell};
use deployer_engine::port::{
    Account, Answer, CallError, EnterError, Functions, PublishedVersions, Qualifier, SessionProvider, SessionRequest,
    Write,
};

/// Functions of which it was told: once is enough.
pub(super) type ToldOf = Arc<Mutex<BTreeSet<FunctionName>>>;

/// A gate behind which somebody watches.
pub(super) struct WatchedGate {
    gate: Arc<dyn SessionProvider>,
    tell: Tell,
    told: ToldOf,
}

impl WatchedGate {
    pub fn new(gate: Arc<dyn SessionProvider>, tell: Tell, told: ToldOf) -> Self {
        Self { gate, tell, told }
    }
}

#[async_trait]
impl SessionProvider for WatchedGate {
    async fn enter(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.gate.enter(request).await?;
        let (tell, told) = (self.tell.clone(), self.told.clone());
        Ok(account.with_decorator(|functions| Arc::new(Watched { functions, tell, told })))
    }
}

struct Watched {
    functions: Arc<dyn Functions>,
    tell: Tell,
    told: ToldOf,
}

impl Watched {
    fn is_new(&self, name: &FunctionName) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
    }
}

#[async_trait]
impl Functions for Watched {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError> {
        self.functions.function(name, qualifier).await
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        let seen = self.functions.alias(name, alias).await?;
        if seen.as_ref().is_some_and(|alias| alias.moved_by_deployer) && self.is_new(name) {
            (self.tell)(Notice::AliasOfADeployer { function: name.clone(), alias: alias.clone() });
        }
        Ok(seen)
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        self.functions.provisioned(name, alias).await
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        self.functions.versions(name).await
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.functions.aliased(name).await
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        self.functions.write(name, write).await
    }
}
