//! An eye on what the engine sees in the account: is the function one that a deployer owns?
//!
//! It is told before anything is written, and hinders nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::{Belongings, ObservedAlias, ObservedCode};

use super::{Notice, Tell};
use crate::port::{Account, AccountGate, Answer, CallError, EnterError, Functions, Qualifier, SessionRequest, Write};

/// A gate behind which somebody watches; for one function.
pub(super) struct WatchedGate {
    gate: Arc<dyn AccountGate>,
    tell: Tell,
    told: Arc<AtomicBool>,
}

impl WatchedGate {
    pub fn new(gate: Arc<dyn AccountGate>, tell: Tell) -> Self {
        Self { gate, tell, told: Arc::default() }
    }
}

#[async_trait]
impl AccountGate for WatchedGate {
    async fn enter(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.gate.enter(request).await?;
        let (tell, told) = (self.tell.clone(), self.told.clone());
        Ok(account.seen_through(|functions| Arc::new(Watched { functions, tell, told })))
    }
}

struct Watched {
    functions: Arc<dyn Functions>,
    tell: Tell,
    told: Arc<AtomicBool>,
}

#[async_trait]
impl Functions for Watched {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, Belongings)>, CallError> {
        self.functions.function(name, qualifier).await
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        let seen = self.functions.alias(name, alias).await?;
        if seen.as_ref().is_some_and(|alias| alias.moved_by_deployer) && !self.told.swap(true, Ordering::Relaxed) {
            (self.tell)(Notice::AliasOfADeployer { function: name.clone(), alias: alias.clone() });
        }
        Ok(seen)
    }

    async fn versions(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.functions.versions(name).await
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.functions.aliased(name).await
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        self.functions.write(name, write).await
    }
}
