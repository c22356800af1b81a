//! The progress of a request: the answer to a command that was not finished in time, or was given before.

use std::time::Duration;

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{CommandKind, Head, Request};
use deployer_core::id::DeploymentId;
use deployer_core::record::{DeploymentRecord, Status};

use super::used_id::ensure_unused_id;
use crate::{CommandError, Engine, Transient};

/// The time that is kept for reading the progress before the deadline.
const ANSWER_NEEDS: Duration = Duration::from_secs(5);

/// Waits for a request's work, and answers with its record. Whatever goes wrong once the head knows the request, the
/// answer is its progress.
///
/// # Errors
/// [`CommandError`]: the id was another command's, or the head does not know the request and another try can help.
pub(crate) async fn answer_with_record(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
    work: impl Future<Output = Result<Option<DeploymentRecord>, Transient>>,
) -> Result<DeploymentRecord, CommandError> {
    let late = engine.ports.clock.sleep(engine.timer().left().saturating_sub(ANSWER_NEEDS));
    let work = async {
        tokio::select! {
            biased;
            done = work => done,
            () = late => Err(Transient::Deadline),
        }
    };
    let record = match Box::pin(work).await {
        Ok(Some(record)) => record,
        Ok(None) => return Err(why_unknown(engine, at, request).await),
        Err(transient) => progress(engine, at, request).await.ok_or(transient)?,
    };
    ensure_same_request(request, record)
}

/// Returns the record of a request that the head knows, and works on nothing. None: the head does not know it.
///
/// # Errors
/// [`CommandError`]: the id was another command's or is a deployment's, the record is gone, or the ledger cannot be read.
pub(super) async fn record_if_known(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
) -> Result<Option<DeploymentRecord>, CommandError> {
    let head = engine.store().head(at).await?.head;
    let record = record_if_in_head(engine, at, &head, request).await?;
    if record.is_none() {
        let id = request.cause.event_id.as_deref().unwrap_or_default();
        ensure_unused_id(engine, (&head, at), id, kind_of(request)).await?;
    }
    Ok(record)
}

/// Returns the kind of the command that asks for a deployment or a promotion.
fn kind_of(request: &Request) -> CommandKind {
    if request.promotion_spec().is_some() { CommandKind::Promotion } else { CommandKind::Deployment }
}

/// Returns the record of a request that this head knows. None: it does not know it.
///
/// # Errors
/// As for [`record_if_known`].
pub(super) async fn record_if_in_head(
    engine: &Engine,
    at: &FunctionRef<'_>,
    head: &Head,
    request: &Request,
) -> Result<Option<DeploymentRecord>, CommandError> {
    let Some(id) = head.id_of(request) else { return Ok(None) };
    let record = record_by_head(engine, at, head, id).await?;
    ensure_same_request(request, record.ok_or_else(record_is_gone)?).map(Some)
}

/// Returns the record of a deployment: as the head has it where it is open or has just ended, else as it was written.
///
/// # Errors
/// [`Transient`]: the ledger cannot be read.
pub(super) async fn record_by_head(
    engine: &Engine,
    at: &FunctionRef<'_>,
    head: &Head,
    id: DeploymentId,
) -> Result<Option<DeploymentRecord>, Transient> {
    match open_record(at, head, id).or_else(|| head.ended_record(id).cloned()) {
        Some(record) => Ok(Some(record)),
        None => Ok(engine.store().record(at, id).await?),
    }
}

/// Says why a request has no record after its work: another command of the same moment has its id, or the record is gone.
async fn why_unknown(engine: &Engine, at: &FunctionRef<'_>, request: &Request) -> CommandError {
    let head = match engine.store().head(at).await {
        Ok(seen) => seen.head,
        Err(error) => return error.into(),
    };
    if head.id_of(request).is_some() {
        return record_is_gone();
    }
    let id = request.cause.event_id.as_deref().unwrap_or_default();
    let used = ensure_unused_id(engine, (&head, at), id, kind_of(request)).await;
    used.err().unwrap_or_else(record_is_gone)
}

fn record_is_gone() -> CommandError {
    CommandError::Invalid("this command was carried out before, and its record is gone".into())
}

/// Returns the record of a request that is open, as the head has it now. If it has joined another request, it is that
/// one's record.
pub(crate) async fn progress(engine: &Engine, at: &FunctionRef<'_>, request: &Request) -> Option<DeploymentRecord> {
    let head = engine.store().head(at).await.ok()?.head;
    open_record(at, &head, head.id_of(request)?)
}

/// Returns the record of a request that was submitted before: ended or open.
///
/// # Errors
/// [`Transient`]: the ledger cannot be read.
pub(crate) async fn known_record(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
) -> Result<Option<DeploymentRecord>, Transient> {
    Ok(head_and_record(engine, at, request).await?.1)
}

/// Returns the head of a function, and the record of a request that was submitted before: ended or open.
///
/// # Errors
/// [`Transient`]: the ledger cannot be read.
pub(crate) async fn head_and_record(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
) -> Result<(Head, Option<DeploymentRecord>), Transient> {
    let (seen, record) = futures::try_join!(engine.store().head(at), engine.store().record(at, request.id))?;
    let ended = seen.head.ended_record(request.id).cloned();
    let ended = ended.or_else(|| record.filter(|record| record.status.is_ended()));
    let record = ended.or_else(|| open_record(at, &seen.head, seen.head.id_of(request)?));
    Ok((seen.head, record))
}

/// Returns the record of a deployment that is open.
fn open_record(at: &FunctionRef<'_>, head: &Head, id: DeploymentId) -> Option<DeploymentRecord> {
    if let Some(waiting) = head.waiting().iter().find(|waiting| waiting.request.id == id) {
        return Some(waiting.record(at));
    }
    if let Some(active) = head.active().filter(|active| active.request.id == id) {
        return Some(at.under_way(active));
    }
    let waits = head.all_pending().iter().find(|waits| waits.id == id)?;
    Some(match head.active() {
        Some(active) => at.pending(waits, active.request.id),
        None => at.record(waits, Status::Pending),
    })
}

/// Refuses a record that another command with the same id has caused.
fn ensure_same_request(request: &Request, record: DeploymentRecord) -> Result<DeploymentRecord, CommandError> {
    let is_same_kind = request.cause.kind == record.cause.kind;
    // The release that was live when the command was given first may not be live any more, so only a named one is
    // compared.
    let named = match request.promotion_spec() {
        Some(promoting) => promoting.named.as_ref(),
        None => request.source.release(),
    };
    // A member of a group is no promotion of its own.
    let group = |promotion: Option<DeploymentId>| promotion.filter(|_| request.promotion_spec().is_some());
    let recorded = group(record.promotion.as_ref().and_then(|promotion| promotion.group));
    let is_same_group = recorded == request.group();
    let is_same_release = named.is_none_or(|release| record.release.as_ref() == Some(release));
    if is_same_kind && is_same_release && is_same_group {
        return Ok(record);
    }
    let id = request.cause.event_id.as_deref().unwrap_or_default();
    let release = record.release.as_ref().map_or(String::new(), |release| format!(" of release {release}"));
    let was = match recorded.filter(|_| !is_same_group) {
        Some(group) => format!("the promotion of group {group}{release}"),
        None => {
            let kind = record.cause.kind.to_string();
            let article = if kind.starts_with(['a', 'u']) { "an" } else { "a" };
            format!("{article} {kind}{release}, deployment {}", record.id)
        }
    };
    Err(CommandError::Invalid(format!(
        "id {id:?} was another command's before ({was}): give each command an id of its own"
    )))
}
