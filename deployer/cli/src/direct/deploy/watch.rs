//! Watches the engine's reads of the account, and sends a notice if a deployer owns the function.
//!
//! The notice comes before the first write and stops nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::{FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency};

use super::{Notice, NoticeSink};
use deployer_engine::port::{
    Account, Answer, CallError, EnterError, Functions, PublishedVersions, Qualifier, SessionProvider, SessionRequest,
    Write,
};

/// The functions that a notice was sent about, so that each gets one only.
pub(super) type NotifiedFunctions = Arc<Mutex<BTreeSet<FunctionName>>>;

/// Opens sessions whose reads are watched.
pub(super) struct WatchedSessions {
    sessions: Arc<dyn SessionProvider>,
    notify: NoticeSink,
    notified: NotifiedFunctions,
}

impl WatchedSessions {
    pub fn new(sessions: Arc<dyn SessionProvider>, notify: NoticeSink, notified: NotifiedFunctions) -> Self {
        Self { sessions, notify, notified }
    }
}

#[async_trait]
impl SessionProvider for WatchedSessions {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.sessions.open_session(request).await?;
        let (notify, notified) = (self.notify.clone(), self.notified.clone());
        Ok(account.with_decorator(|functions| Arc::new(Watched { functions, notify, notified })))
    }
}

struct Watched {
    functions: Arc<dyn Functions>,
    notify: NoticeSink,
    notified: NotifiedFunctions,
}

impl Watched {
    fn is_new(&self, name: &FunctionName) -> bool {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
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
            (self.notify)(Notice::AliasOfADeployer { function: name.clone(), alias: alias.clone() });
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
