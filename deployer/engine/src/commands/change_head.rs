//! Changes of a head that a command asks for: each command id counts once.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{CommandKind, Head, newly_ended};
use deployer_core::hold_and_reject::{CommandEffect, Hold};
use deployer_core::record::EndedWaiting;

use super::used_id::ensure_unused_id;
use crate::store::{Change, Versioned};
use crate::{CommandError, Engine};

enum Effect {
    Nothing,
    Duplicate,
    Written,
}

/// A head after a command that changes it.
pub(crate) struct ChangedHead {
    pub head: Head,
    /// Whether this command has changed it, and not the same one before.
    pub is_written: bool,
    /// The deployments that this call has ended before anything was done for them.
    pub ended: Vec<EndedWaiting>,
    /// The hold that this call has replaced by another.
    pub replaced_hold: Option<Hold>,
}

/// Changes a head by compare-and-swap: for a person's command with its id, or for the deployer itself, which gives none (a
/// group withdraws a member). `None`: there is nothing to change. The change is made anew after each lost race, so whatever
/// is to happen once happens after it.
///
/// # Errors
/// [`CommandError`]: the id was another command's, or another try can help.
pub(crate) async fn change_head(
    engine: &Engine,
    at: &FunctionRef<'_>,
    command: Option<(&str, CommandKind)>,
    change: impl AsyncFn(&Head) -> Result<Option<CommandEffect<Head>>, CommandError>,
) -> Result<Option<ChangedHead>, CommandError> {
    // If the reply to the write is lost, the next try finds a duplicate of what this call has done itself.
    let (mut ended, mut replaced_hold) = (vec![], None);
    let change = async |seen: &mut Versioned| {
        Ok(match change(&seen.head).await? {
            None => Change::Keep(Effect::Nothing),
            Some(CommandEffect::Duplicate) => Change::Keep(Effect::Duplicate),
            Some(CommandEffect::Reused { id }) => return Err(reused_id(&id)),
            Some(CommandEffect::Write(head)) => {
                if let Some((id, kind)) = command {
                    ensure_unused_id(engine, (&seen.head, at), id, kind).await?;
                }
                ended = newly_ended(&seen.head, &head);
                replaced_hold = seen.head.hold().filter(|_| head.hold().is_some()).cloned();
                Change::Write(head, Effect::Written)
            }
        })
    };
    let (seen, effect) = engine.store().update_head(at, None, change).await?;
    let head = seen.head.clone();
    match effect {
        Effect::Nothing => return Ok(None),
        Effect::Duplicate => {}
        Effect::Written => {
            // A request that waited may be refused now: this writes its record.
            if let Err(error) = engine.reconciler(at).outbox().flush(seen).await {
                tracing::warn!("left to the sweep: {error}");
            }
        }
    }
    Ok(Some(ChangedHead { head, is_written: matches!(effect, Effect::Written), ended, replaced_hold }))
}

/// Makes the refusal of a command whose id was used before: for another command, or for one that was undone since.
pub(super) fn reused_id(id: &str) -> CommandError {
    CommandError::Invalid(format!("id {id:?} was another command's before: give each command an id of its own"))
}
