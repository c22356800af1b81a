//! Masks the values of variables in all texts of sessions in target accounts, before anybody records, sends, logs or
//! prints them.
//!
//! [`MaskingSessions`] wraps the provider of sessions. It knows each value that was read from the deployment's function or
//! sent to it.
//! Must not know what a text is for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deployer_core::condition::{Condition, Reason};
use deployer_core::config::Target;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::known_values::KnownValues;
use deployer_core::observed::{
    FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency, ProvisionedStatus, Variables,
};

use crate::mutex::locked;
use crate::port::{
    Account, Answer, CallError, EnterError, Functions, PublishedVersions, Qualifier, SessionProvider, SessionRequest,
    Write,
};

/// Opens sessions in which values of variables are masked.
pub struct MaskingSessions {
    sessions: Arc<dyn SessionProvider>,
    /// The known values by deployment and target: all sessions of one share them.
    known: Mutex<BTreeMap<(String, Target), Arc<SharedValues>>>,
}

impl MaskingSessions {
    /// Wraps a provider, for one invocation.
    #[must_use]
    pub fn new(sessions: Arc<dyn SessionProvider>) -> Self {
        Self { sessions, known: Mutex::default() }
    }
}

#[async_trait]
impl SessionProvider for MaskingSessions {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.sessions.open_session(request).await?;
        let place = (request.name.clone(), request.target.clone());
        let known = locked(&self.known).entry(place).or_default().clone();
        let Target { account: number, region } = &request.target;
        known.exempt([number.as_str(), region.as_str(), request.role.as_str()]);
        Ok(account.with_decorator(|functions| Arc::new(MaskedFunctions { functions, known })))
    }
}

/// The known values, which several sessions share.
#[derive(Default)]
struct SharedValues(Mutex<KnownValues>);

impl SharedValues {
    fn exempt<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        locked(&self.0).exempt(names);
    }

    fn learn<'v>(&self, values: impl IntoIterator<Item = &'v str>) {
        locked(&self.0).learn(values);
    }

    fn mask(&self, text: &str) -> String {
        locked(&self.0).mask(text)
    }

    fn mask_error<T>(&self, answer: Result<T, CallError>) -> Result<T, CallError> {
        answer.map_err(|error| CallError { message: self.mask(&error.message), ..error })
    }

    fn mask_reason(&self, because: &mut Reason) {
        because.map_text(|text| self.mask(text));
    }
}

/// The functions of an account, with masked texts.
struct MaskedFunctions {
    functions: Arc<dyn Functions>,
    known: Arc<SharedValues>,
}

#[async_trait]
impl Functions for MaskedFunctions {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError> {
        self.known.exempt([name.as_str()]);
        let mut found = self.known.mask_error(self.functions.function(name, qualifier).await)?;
        if let Some((code, _)) = &mut found {
            match &mut code.settings.variables {
                Variables::Known(variables) => self.known.learn(variables.values().map(|value| value.expose())),
                Variables::Unreadable { because } => *because = self.known.mask(because),
            }
            match &mut code.condition {
                Condition::Ready | Condition::Busy => {}
                Condition::Idle { because } | Condition::Unserving { because, .. } | Condition::Failed { because } => {
                    self.known.mask_reason(because);
                }
            }
            if let Some(because) = &mut code.last_update_failed {
                self.known.mask_reason(because);
            }
        }
        Ok(found)
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        self.known.mask_error(self.functions.alias(name, alias).await)
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        let mut found = self.known.mask_error(self.functions.provisioned(name, alias).await)?;
        if let Some(ProvisionedConcurrency { status: ProvisionedStatus::Failed { because }, .. }) = &mut found {
            *because = self.known.mask(because);
        }
        Ok(found)
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        self.known.mask_error(self.functions.versions(name).await)
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.known.mask_error(self.functions.aliased(name).await)
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        self.known.exempt([name.as_str()]);
        let sent = match &write {
            Write::Create { new, .. } => new.configuration.variables.as_ref(),
            Write::UpdateConfiguration { configuration, .. } => configuration.variables.as_ref(),
            _ => None,
        };
        self.known.learn(sent.into_iter().flatten().map(|(_, value)| value.expose()));
        self.known.mask_error(self.functions.write(name, write).await)
    }
}
