//! The doctor's knowledge of an environment by its heads.

use deployer_core::artifact::ArtifactRef;
use deployer_core::doctor::Refused;
use deployer_core::head::LiveArtifact;
use deployer_core::id::FunctionName;
use deployer_core::ledger_keys;
use futures::future::{BoxFuture, Shared};

/// The parts of a head that the doctor keeps.
#[derive(Clone)]
pub(super) struct HeadLook {
    pub(super) key: String,
    pub(super) format: Option<u64>,
    pub(super) live: Option<LiveArtifact>,
}

/// The heads of one environment, which are read at most once.
pub(super) type Heads<'e> = Shared<BoxFuture<'e, Result<Vec<HeadLook>, Refused>>>;

/// Finds the artifact that was the last to become live in the environment with these heads.
pub(super) async fn newest_live(heads: Heads<'_>) -> Result<Option<ArtifactRef>, Refused> {
    let live = heads.await?.into_iter().filter_map(|head| head.live);
    Ok(live.max_by_key(|live| live.since).map(|live| live.artifact))
}

/// Lists the functions with these heads of which something is live.
pub(super) fn functions_of(heads: &[HeadLook]) -> Vec<FunctionName> {
    let live = heads.iter().filter(|head| head.live.is_some());
    live.filter_map(|head| Some(ledger_keys::parse_head(&head.key)?.1)).collect()
}
