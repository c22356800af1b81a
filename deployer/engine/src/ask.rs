//! Promotions that somebody asks for: of one function, of each that matches and is ready, or of several together.

use deployer_core::event::RecordlessEvent;
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::Request;
use deployer_core::id::{DeploymentId, FunctionName, FunctionPattern};
use deployer_core::names::HEADS;
use deployer_core::promotion::{Decision, Dispatch, Functions, PromotionRequest, PromotionSpec, SourceEnvironment};
use deployer_core::record::{Cause, CauseKind, DeploymentRecord, Ending};
use futures::future;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tracing::Instrument as _;

use super::error::CommandError;
use super::promotions::policy::Sources;
use super::{Engine, Transient, rollout};
use crate::asked::Requested;
use crate::claim::timed;
use crate::group::Groups;

/// How many functions are asked for at once.
const ASKED_AT_ONCE: usize = 16;

/// What has come of asking for a promotion.
#[derive(Debug, Clone, PartialEq)]
pub enum Promoted {
    /// Of one function: its record.
    One(Box<DeploymentRecord>),
    /// Of each that matches and is ready: their records.
    Each(Vec<DeploymentRecord>),
    /// Of several together.
    Together(Box<Group>),
}

impl Engine {
    /// Asks for a promotion, and works on it where the rules let it pass.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such environment, or another try can help. What is refused is no error: its record says
    /// so.
    pub async fn promote(&self, asked: &PromotionRequest) -> Result<Promoted, CommandError> {
        let promoted = PromotionRequests::of(self).submit(asked).await;
        if let Err(CommandError::Invalid(because)) = &promoted {
            let about = RecordlessEvent {
                function: Some(asked.functions.to_string().into()),
                from: Some(asked.from.clone()),
                to: Some(asked.to.clone()),
                release: asked.release.clone(),
                requested_by: asked.requested_by.clone(),
                id: Some(asked.id.clone().into()),
                ..RecordlessEvent::default()
            };
            self.tell_of_refused(because, about).await;
        }
        promoted
    }
}

/// Promotions that are requested: of one function, of each that matches, or of several together.
#[derive(Clone, Copy)]
pub(crate) struct PromotionRequests<'e> {
    engine: &'e Engine,
}

impl<'e> PromotionRequests<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    async fn submit(self, asked: &PromotionRequest) -> Result<Promoted, CommandError> {
        self.engine.knows(&asked.to)?;
        let promoted = match &asked.functions {
            Functions::One(function) => {
                Promoted::One(Box::new(self.submit_one(asked, function, Dispatch::Inline).await?))
            }
            Functions::Each(pattern) => Promoted::Each(self.submit_each(asked, pattern).await?),
            Functions::Together(functions) => {
                Promoted::Together(Box::new(Groups::of(self.engine).promote(asked, functions).await?))
            }
        };
        Requested::of(self.engine).submit_without_queue().await;
        Ok(promoted)
    }

    async fn submit_one(
        self,
        asked: &PromotionRequest,
        function: &FunctionName,
        taking: Dispatch,
    ) -> Result<DeploymentRecord, CommandError> {
        let at = self.engine.at(&asked.to, function)?;
        let inputs = self.engine.on(&at).promotions().inputs(None).await?;
        let request = self.request_for(asked, &at, &inputs.sources);
        let span = rollout::span(&at, &request, request.subject.release());
        let refusal = asked.is_out_of_time(self.engine.now());
        let taken = async {
            tracing::info!(from = %asked.from, requested_by = asked.requested_by.as_deref(), "promotion asked for");
            if asked.freeze_override.is_some() {
                tracing::warn!(
                    requested_by = asked.requested_by.as_deref(),
                    reason = asked.freeze_override.as_deref(),
                    "freeze overridden"
                );
            }
            let standing = self.engine.on(&at).promotions().submit(taking, &request, &inputs, refusal).await?;
            self.engine.on(&at).answer(&request, standing).await
        };
        self.engine.on(&at).commands().answered(&request, taken.instrument(span)).await
    }

    /// The request that the promotion of one function is: for what the source has live now.
    fn request_for(self, asked: &PromotionRequest, at: &FunctionRef<'_>, sources: &Sources) -> Request {
        let none = SourceEnvironment::default();
        let promoting: PromotionSpec = asked.promoting().looked_up_in(sources.get(&asked.from).unwrap_or(&none));
        let cause = Cause {
            kind: CauseKind::Promotion,
            requested_by: asked.requested_by.clone(),
            event_id: Some(asked.id.clone().into()),
        };
        let (place, now) = ((&at.name, &at.function), self.engine.now());
        Request::promotion(place, promoting, cause, asked.time, (now, self.engine.token()))
    }

    /// Asks for each function that matches and is ready. What is not ready is no refusal: nobody has named it.
    async fn submit_each(
        self,
        asked: &PromotionRequest,
        pattern: &FunctionPattern,
    ) -> Result<Vec<DeploymentRecord>, CommandError> {
        let prefix = format!("{HEADS}{}/", asked.from);
        let keys = self.engine.store().keys(&prefix).await.map_err(Transient::from)?;
        let of = |key: &String| FunctionName::parse(key.strip_prefix(&prefix)?.strip_suffix(".json")?).ok();
        let functions: Vec<FunctionName> = keys.iter().filter_map(of).filter(|name| pattern.matches(name)).collect();
        let first = self.first_asked(asked, &functions).await;
        let asks = stream::iter(functions).map(|function| async move {
            match self.is_ready(asked, first, &function).await {
                Ok(true) => self.submit_one(asked, &function, Dispatch::Enqueue).await.map(Some),
                Ok(false) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let (mut records, mut failed) = (vec![], None);
        let mut asks = asks.buffer_unordered(ASKED_AT_ONCE);
        while let Some(outcome) = asks.next().await {
            match outcome {
                Ok(record) => records.extend(record),
                Err(error) => {
                    // One that cannot be asked for holds up no other.
                    tracing::error!("left out: {error}");
                    failed = Some(error);
                }
            }
        }
        records.sort_by(|one, other| one.function.cmp(&other.function));
        failed.map_or(Ok(records), Err)
    }

    /// When this was asked for first: the same again asks for nothing that became live since.
    async fn first_asked(self, asked: &PromotionRequest, functions: &[FunctionName]) -> Timestamp {
        let looks = stream::iter(functions).map(|function| async move {
            let at = self.engine.at(&asked.to, function).ok()?;
            let head = self.engine.store().head(&at).await.ok()?.head;
            head.id_of(&self.request_for(asked, &at, &Sources::new())).map(DeploymentId::time)
        });
        let known = looks.buffer_unordered(ASKED_AT_ONCE).filter_map(future::ready);
        known.fold(asked.time, |first, known| future::ready(first.min(known))).await
    }

    /// Whether a function has something to promote that the rules let pass now, or only a freeze or an approval holds up.
    async fn is_ready(
        self,
        asked: &PromotionRequest,
        first: Timestamp,
        function: &FunctionName,
    ) -> Result<bool, CommandError> {
        if let Some(ending) = asked.is_out_of_time(self.engine.now()) {
            tracing::warn!(%function, "not asked for: {}", told(&ending));
            return Ok(false);
        }
        let at = self.engine.at(&asked.to, function)?;
        let head = async { Ok::<_, Transient>(self.engine.store().head(&at).await?) };
        let (seen, inputs) = futures::try_join!(head, self.engine.on(&at).promotions().inputs(None))?;
        let request = timed(self.engine, &self.request_for(asked, &at, &inputs.sources), &seen);
        if seen.head.id_of(&request).is_some() {
            return Ok(true);
        }
        let Some(promoting) = request.promoting() else { return Ok(false) };
        let gate = self.engine.on(&at).promotions().policy(&seen.head, &inputs);
        let live = inputs.sources.get(&asked.from).and_then(|source| source.head.live());
        if gate.is_there_already(&request, promoting)
            || live.is_some_and(|live| live.since.as_second() > first.as_second())
        {
            return Ok(false);
        }
        match gate.judge(&request, promoting) {
            Decision::Deny(ending) => {
                tracing::info!(%function, "not ready: {}", told(&ending));
                Ok(false)
            }
            Decision::Allow | Decision::Wait(_) => Ok(true),
        }
    }
}

fn told(ending: &Ending) -> &str {
    match ending {
        Ending::Refused { because, .. }
        | Ending::Superseded { because }
        | Ending::OnlyStopped { because }
        | Ending::Stopped { because, .. } => because,
        Ending::Tried(_) => "it cannot be deployed there",
    }
}
