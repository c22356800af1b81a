//! The word of its group about a rollout: the members of a group become live together.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::word_of;
use deployer_core::head::Request;
use deployer_core::rollout::GroupWord;

use crate::Engine;

/// Reads what its group says. None: the request is no member of a group, or its group cannot be read now, so that nothing
/// is decided by it.
pub(super) async fn group_word(engine: &Engine, at: &FunctionRef<'_>, request: &Request) -> Option<GroupWord> {
    let id = request.group()?;
    match engine.store().group(&at.name, id).await {
        Ok(found) => Some(word_of(found.as_ref(), id, &at.function)),
        Err(error) => {
            tracing::warn!(group = %id, "the next look reads the group: {error}");
            None
        }
    }
}
