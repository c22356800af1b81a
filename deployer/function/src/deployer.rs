//! Answers an invocation, from its payload to its answer.
//!
//! `trigger` decodes and `engine` deploys; this file puts them together, reports the failed messages of a batch, and
//! names the function errors.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use deployer_aws::{Clients, ConfigTextError, SystemClock, other_owner};
use deployer_core::id::AccountId;
use deployer_core::identity::Audience;
use deployer_core::names::CONFIG_LINE;
use deployer_core::trigger::{self, Invocation, Message};
use deployer_engine::batch::{EXTEND_VISIBILITY_TIMEOUT, handle_all, handle_batch, put_back};
use deployer_engine::port::{Clock, Queue};
use deployer_engine::{Engine, EventOutcome, FunctionError, InvalidConfig, Ports, RetryPolicy, Transient, run_command};
use futures::FutureExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::settings::{ConfigCache, Loaded, Settings};

/// The facts that Lambda gives about an invocation.
#[derive(Debug, Clone, Copy)]
pub struct LambdaContext<'a> {
    /// The end of the invocation's time.
    pub deadline: Timestamp,
    /// The invocation's id.
    pub request_id: &'a str,
    /// The ARN by which the function was invoked; it names the deployer's own account.
    pub function_arn: &'a str,
}

impl LambdaContext<'_> {
    /// Returns the deployer's name, which a proof of identity is signed for.
    fn audience(&self) -> Option<Audience> {
        Audience::parse(self.function_arn)
            .inspect_err(|error| tracing::warn!("no identity can be proven: {error}"))
            .ok()
    }

    fn account(&self) -> Option<AccountId> {
        AccountId::parse(self.function_arn.split(':').nth(4)?).ok()
    }
}

/// The deployer as a Lambda: everything that all invocations share.
pub struct Deployer {
    settings: Result<Settings, InvalidConfig>,
    clients: Clients,
    config: ConfigCache,
}

impl Deployer {
    /// Makes the clients. Wrong settings are kept and reported to each invocation, so that its caller reads why.
    pub async fn start(settings: Result<Settings, InvalidConfig>) -> Self {
        let (settings, sdk) = match deployer_aws::load().await {
            Ok(sdk) => (settings, sdk),
            Err(error) => (Err(InvalidConfig(error.to_string())), deployer_aws::unusable()),
        };
        Self { settings, clients: Clients::new(&sdk), config: ConfigCache::default() }
    }

    /// Answers one invocation. A command without an id of its own gets the invocation's id.
    ///
    /// # Errors
    /// [`FunctionError`]: a command is wrong, or another try can mend it.
    pub async fn invoke(&self, payload: &str, context: LambdaContext<'_>) -> Result<Value, FunctionError> {
        let work = AssertUnwindSafe(Box::pin(self.answer(payload, context))).catch_unwind();
        let answer = work.await.unwrap_or_else(|panic| Err(Transient::panicked(panic.as_ref()).into()));
        answer.inspect_err(FunctionError::log)
    }

    async fn answer(&self, payload: &str, context: LambdaContext<'_>) -> Result<Value, FunctionError> {
        let LambdaContext { deadline, request_id, .. } = context;
        let (own, audience) = (context.account(), context.audience());
        match trigger::read(payload) {
            Invocation::Unknown { because } => Err(FunctionError::InvalidCommand(because)),
            Invocation::Command(request) => {
                let engine = self.engine(deadline, own.as_ref()).await?;
                let engine = self.with_identities(engine, audience);
                let settings = self.settings.as_ref().ok();
                let installed = (settings.map(Settings::installed), settings.map(|settings| settings.config.clone()));
                let self_diagnostics = self.clients.self_diagnostics(&engine.config, own.as_ref(), installed);
                run_command(&engine, &self_diagnostics, *request, request_id.to_owned()).await
            }
            Invocation::Event(event) => {
                let engine = self.engine(deadline, own.as_ref()).await?;
                let engine = self.with_identities(engine, audience);
                let mut handled = Vec::new();
                for outcome in handle_all(&engine, vec![event]).await.into_iter().flatten() {
                    handled.push(answer(&outcome?));
                }
                Ok(json!({ "handled": handled }))
            }
            Invocation::Batch(messages) => {
                let failed = match self.engine(deadline, own.as_ref()).await {
                    Ok(engine) => handle_batch(&self.with_identities(engine, audience), messages).await,
                    // No message can be handled, so each comes again like any message that failed.
                    Err(_logged) => {
                        let queue = self.queue_of(&messages).await;
                        let failed = messages.into_iter().map(|message| (message.id, message.delivery));
                        let left = Duration::try_from(deadline - SystemClock.now()).unwrap_or_default();
                        put_back(queue.as_deref(), (&SystemClock, left), failed.collect()).await
                    }
                };
                let failures: Vec<_> = failed.iter().map(|id| json!({ "itemIdentifier": id })).collect();
                Ok(json!({ "batchItemFailures": failures }))
            }
        }
    }

    /// Makes the engine for one invocation of a function in the account `own`.
    ///
    /// # Errors
    /// [`FunctionError`]: the settings or deployer.json are wrong.
    pub async fn engine(&self, deadline: Timestamp, own: Option<&AccountId>) -> Result<Engine, FunctionError> {
        let (settings, Loaded { config, outdated }) = match self.load(own).await {
            Ok((settings, loaded)) => {
                if let Some(error) = &loaded.outdated {
                    tracing::error!("{CONFIG_LINE}, and the last good one is used: {error}");
                }
                (settings, loaded)
            }
            Err(error) => {
                tracing::error!("{CONFIG_LINE}: {error}");
                return Err(error.into());
            }
        };
        let ports = self.clients.ports(&config, own);
        let ports = Ports { begins_rollouts: settings.begins_rollouts, ..ports };
        let (region, policy) = (Some(settings.region.clone()), RetryPolicy::default());
        Ok(Engine { ports, config, outdated: outdated.map(|error| error.0), region, deadline, retries: policy })
    }

    /// Lets an engine ask STS who gives a request to the deployer of this name.
    fn with_identities(&self, engine: Engine, audience: Option<Audience>) -> Engine {
        let identities = audience.map(|audience| self.clients.identities(audience));
        Engine { ports: Ports { identities, ..engine.ports }, ..engine }
    }

    async fn load(&self, own: Option<&AccountId>) -> Result<(&Settings, Loaded), InvalidConfig> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let text = async {
            let owner = settings.bucket_owner.as_ref().or(own);
            self.clients.config_text(&settings.config, owner).await.map_err(|error| {
                let is_denied = matches!(&error, ConfigTextError::Call(failure) if failure.status == 403);
                format!("{error}{}", if is_denied { other_owner(owner) } else { String::new() })
            })
        };
        let loaded = self.config.get(settings, SystemClock.now(), text).await?;
        Ok((settings, loaded))
    }

    /// Finds the queue that messages came from by the ARN in them, because deployer.json, which has its URL, cannot be
    /// loaded.
    async fn queue_of(&self, messages: &[Message]) -> Option<Arc<dyn Queue>> {
        let arn = messages.iter().find_map(|message| message.delivery.as_ref()?.queue.as_deref())?;
        match tokio::time::timeout(EXTEND_VISIBILITY_TIMEOUT, self.clients.queue(arn)).await {
            Ok(Ok(queue)) => Some(Arc::new(queue)),
            Ok(Err(error)) => {
                tracing::warn!("the messages come again after the queue's own timeout: {error}");
                None
            }
            Err(_elapsed) => {
                tracing::warn!("the messages come again after the queue's own timeout: {arn} was not found in time");
                None
            }
        }
    }
}

fn answer(handled: &EventOutcome) -> Value {
    match handled {
        EventOutcome::Ignored { because } => json!({ "ignored": because }),
        EventOutcome::Recorded(record) => json!(record),
        EventOutcome::Each(records) => json!({ "deployments": records }),
        EventOutcome::Together(group) => json!(group),
    }
}
