//! `reject` and `unreject`: a release of a function is marked as bad everywhere, or is no longer.

use std::collections::BTreeSet;

use deployer_core::config::ProvenCommand;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{CommandKind, Head, LiveArtifact};
use deployer_core::hold_and_reject::CommandEffect;
use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{FunctionName, Release, Sha256};
use deployer_core::identity::Principal;
use deployer_core::ledger_keys;
use deployer_core::record::EndedWaiting;
use deployer_core::rejects::{RejectVerb, Rejects};
use deployer_core::status::StatusReport;
use deployer_core::text::PlainText;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::caller::Caller;
use super::change_head::reused_id;
use super::ended_waiting::end_rejected;
use super::known::ensure_known;
use super::rejected_rollouts::take_rejected_back;
use super::used_id::ensure_unused_anywhere;
use crate::gone_environment::all_gone;
use crate::prove_identity::{Giver, ProofDemand};
use crate::store::Change;
use crate::{CommandError, Engine, Transient};

/// The number of uploads of one release whose code is read. The release's name is what is compared first.
const RESULTS_READ: usize = 200;
/// The number of results that are read at once.
const READ_AT_ONCE: usize = 32;

impl Engine {
    /// Marks a release of a function as bad: nothing deploys it any more, under this label or with this code.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such release, or the id was another command's.
    pub async fn reject(
        &self,
        function: &FunctionName,
        release: &Release,
        reason: PlainText,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let giver = Giver::new(self, &caller.identity, ProofDemand::of(self, ProvenCommand::Reject, None))?;
        let verb = (release, RejectVerb::Reject);
        let rejected = mark_as_rejected(self, function, verb, Some(reason), (&caller, &giver)).await?;
        if let CommandEffect::Reused { id } = &rejected.effect {
            return Err(reused_id(id));
        }
        let (taken_back, unseen) = take_rejected_back(self, function).await;
        let ended_waiting = end_what_waits(self, function, release).await;
        let report = status_after(self, function).await?;
        let unreadable = [unseen, report.unreadable].concat();
        Ok(StatusReport { ended_waiting, taken_back, replaced_reject: rejected.replaced, unreadable, ..report })
    }

    /// Ends a reject.
    ///
    /// # Errors
    /// [`CommandError`]: the release is not rejected, or the id was another command's.
    pub async fn unreject(
        &self,
        function: &FunctionName,
        release: &Release,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let giver = Giver::new(self, &caller.identity, ProofDemand::of(self, ProvenCommand::Reject, None))?;
        let change = async |rejects: Option<&Rejects>| {
            let none = Rejects::default();
            let rejects = rejects.unwrap_or(&none);
            match rejects.without(release, function, &caller.id) {
                Some(CommandEffect::Write(without)) => {
                    ensure_unused_anywhere(self, function, &caller.id, CommandKind::Other).await?;
                    Ok(Change::Write(*without, Some(giver.identity().await?.principal())))
                }
                Some(CommandEffect::Duplicate) => Ok(Change::Keep(None)),
                Some(CommandEffect::Reused { id }) => Err(reused_id(&id)),
                None => {
                    ensure_known(self, None, function).await?;
                    Err(not_rejected(self, function, release, rejects).await?)
                }
            }
        };
        if let Some(principal) = self.store().update(&ledger_keys::rejects(function), change).await? {
            tracing::warn!(%function, %release, by = caller.requested_by.as_deref(),
                principal = principal.as_ref().map(Principal::as_str), "not rejected any more");
        }
        let still_rejected_as = still_rejected_as(self, function, release).await;
        Ok(StatusReport { still_rejected_as, ..status_after(self, function).await? })
    }
}

/// Returns the status of a function after a command about it was carried out, now or earlier. A reject can end the only
/// deployment that the function ever had: then nobody knows it any more, and the command is answered all the same.
async fn status_after(engine: &Engine, function: &FunctionName) -> Result<StatusReport, CommandError> {
    match engine.status(None, Some(function)).await {
        Err(CommandError::UnknownFunction(_)) => Ok(StatusReport::default()),
        report => report,
    }
}

/// Ends the promotions that wait, in any environment, and are refused because of a reject. Best effort.
async fn end_what_waits(engine: &Engine, function: &FunctionName, release: &Release) -> Vec<EndedWaiting> {
    let rejects = match engine.store().rejects(function).await {
        Ok(rejects) => rejects,
        Err(error) => {
            tracing::warn!(%function, "what waits is left to the sweep: {error}");
            return vec![];
        }
    };
    match rejects.all().find(|reject| reject.release == *release) {
        Some(reject) => end_rejected(engine, function, (reject, &rejects)).await,
        None => vec![],
    }
}

/// Finds another rejected release with the same code as one whose reject has ended. Best effort.
async fn still_rejected_as(engine: &Engine, function: &FunctionName, release: &Release) -> Option<Release> {
    let found = async {
        let code = code_of(engine, function, release).await?.unwrap_or_default();
        let rejects = engine.store().rejects(function).await?;
        Ok::<_, Transient>(rejects.same_code(release, &code).map(|reject| reject.release.clone()))
    };
    found.await.unwrap_or_else(|error| {
        tracing::warn!(%function, %release, "whether its code is rejected under another name is not known: {error}");
        None
    })
}

/// The effect of a command that marks a release as bad.
pub(super) struct Rejected {
    pub effect: CommandEffect<Rejects>,
    /// The reject of the same release that this call has replaced.
    pub replaced: Option<Reject>,
}

/// Marks a release of a function as bad, unless the same command has done so before. Only a recall may come without a
/// reason.
pub(super) async fn mark_as_rejected(
    engine: &Engine,
    function: &FunctionName,
    (release, verb): (&Release, RejectVerb),
    reason: Option<PlainText>,
    (caller, giver): (&Caller, &Giver<'_>),
) -> Result<Rejected, CommandError> {
    // A command that was carried out before is answered again, also about a release that nobody knows any more.
    let code = code_of(engine, function, release).await?;
    let (is_known, sha256) = (code.is_some(), code.unwrap_or_default());
    let (requested_by, since) = (caller.requested_by.clone(), engine.now());
    let kind = if verb == RejectVerb::Recall { CommandKind::Recall } else { CommandKind::Other };
    let release = release.clone();
    let without_reason =
        Reject { release, sha256, reason: "".into(), requested_by, principal: None, unproven: None, since };
    // If the reply to the write is lost, the next try finds a duplicate of what this call has done itself.
    let mut replaced = None;
    let change = async |rejects: Option<&Rejects>| {
        let none = Rejects::default();
        let rejects = rejects.unwrap_or(&none);
        let reason = rejects.recall_reason(&without_reason.release, reason.clone());
        let reject = Reject { reason, ..without_reason.clone() };
        let rejected = |reject: Reject| rejects.with(reject, function, (verb, &caller.id));
        let effect = match rejected(reject.clone()) {
            Some(CommandEffect::Write(_)) | None if !is_known => {
                ensure_known(engine, None, function).await?;
                return Err(CommandError::UnknownRelease(format!(
                    "no release {} of {function} is known in any environment: status and history tell which are",
                    reject.release
                )));
            }
            Some(CommandEffect::Write(_)) => {
                ensure_unused_anywhere(engine, function, &caller.id, kind).await?;
                let identity = giver.identity().await?;
                let (principal, unproven) = (identity.principal(), identity.unproven());
                rejected(Reject { principal, unproven, ..reject.clone() })
            }
            known => known,
        };
        match effect {
            Some(CommandEffect::Write(with)) => {
                replaced = rejects.all().find(|former| former.release == without_reason.release).cloned();
                Ok(Change::Write(*with.clone(), CommandEffect::Write(with)))
            }
            Some(earlier) => Ok(Change::Keep(earlier)),
            None => Err(CommandError::Refused(format!(
                "{} releases of {function} are rejected already: unreject old ones first",
                rejects.all().len()
            ))),
        }
    };
    let effect = engine.store().update(&ledger_keys::rejects(function), change).await?;
    if let CommandEffect::Write(rejects) = &effect
        && let Some(reject) = rejects.all().next()
    {
        let principal = reject.principal.as_ref().map(Principal::as_str);
        tracing::warn!(%function, release = %reject.release, by = reject.requested_by.as_deref(), principal,
            reason = reject.reason.as_str(), "rejected");
    }
    Ok(Rejected { effect, replaced })
}

/// Makes the refusal to end a reject that does not exist.
async fn not_rejected(
    engine: &Engine,
    function: &FunctionName,
    release: &Release,
    rejects: &Rejects,
) -> Result<CommandError, Transient> {
    let code = code_of(engine, function, release).await?.unwrap_or_default();
    let other = code.iter().find_map(|sha256| rejects.find(release, Some(*sha256)));
    let message = match other {
        Some(Reject { release: bad, .. }) => {
            format!(
                "release {release} of {function} is the same code as release {bad}, which is rejected: unreject that"
            )
        }
        None => format!("release {release} of {function} is not rejected: there is nothing to undo"),
    };
    Ok(CommandError::Invalid(message))
}

/// Collects the code of every artifact of a release that any environment's head or results know, also that of a rollout
/// whose environment deployer.json does not have any more. `None`: no such release.
async fn code_of(
    engine: &Engine,
    function: &FunctionName,
    release: &Release,
) -> Result<Option<Vec<Sha256>>, Transient> {
    let reads = engine.config.environments.keys().map(|environment| async move {
        let Ok(at) = FunctionRef::find(&engine.config, environment, function) else { return Ok(vec![]) };
        let mut found: Vec<Option<Sha256>> = match engine.store().head(&at).await {
            Ok(seen) => known_to(&seen.head, release),
            // The release can be rejected although one environment's head is broken.
            Err(error) => {
                tracing::error!(%environment, "its head cannot be read: {error}");
                vec![]
            }
        };
        let prefix = ledger_keys::results_of(environment, function, release);
        let keys = engine.store().keys(&prefix).await?;
        let results = stream::iter(keys.iter().rev().take(RESULTS_READ))
            .map(|key| engine.store().record_at(key))
            .buffer_unordered(READ_AT_ONCE);
        let results: Vec<_> = results.try_collect().await?;
        found.extend(results.into_iter().map(|record| record.and_then(|record| record.artifact?.sha256)));
        Ok::<_, Transient>(found)
    });
    let gone = all_gone(engine, None, Some(function)).await;
    for because in &gone.unreadable {
        tracing::error!("what rolls out where no environment is any more cannot be read: {because}");
    }
    let in_gone = gone.functions.iter().flat_map(|gone| known_to(&gone.seen.head, release));
    let found: Vec<Option<Sha256>> = try_join_all(reads).await?.into_iter().flatten().chain(in_gone).collect();
    let code: BTreeSet<String> = found.iter().flatten().map(ToString::to_string).collect();
    let code = code.iter().filter_map(|text| Sha256::parse(text).ok()).collect();
    Ok((!found.is_empty()).then_some(code))
}

/// Collects the code of each artifact of a release in a head; none where the code is not known yet. What rolls out, or is
/// deployed, is in no history yet.
fn known_to(head: &Head, release: &Release) -> Vec<Option<Sha256>> {
    let lives = head.history().iter().chain(head.left()).filter(|live| live.release == *release);
    let active = head.active().and_then(|active| active.artifact.as_ref()).filter(|it| it.release == *release);
    let waiting = head.waiting().iter().map(|waiting| &waiting.request);
    let open = head.active().map(|active| &active.request).into_iter().chain(head.all_pending()).chain(waiting);
    let open = open.filter(|open| open.source.release() == Some(release));
    let named = open.map(|open| open.promotion_spec().and_then(|promoting| promoting.artifact.as_ref()?.sha256));
    lives.map(|live: &LiveArtifact| live.sha256).chain(active.map(|active| active.sha256)).chain(named).collect()
}
