//! Reads each head once: for the formats of the ledger's objects, and for the artifact that became live last.

use deployer_core::artifact::ArtifactRef;
use deployer_core::doctor::{self, Check, Refused};
use deployer_core::format;
use deployer_core::head::{Head, LiveArtifact};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::{ASKED, REJECTS};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use futures::stream::{self, StreamExt as _};

use super::{ANSWER_NEEDS, Doctor, ledger_refused};

/// The number of objects that are read at once.
const OBJECTS_AT_ONCE: usize = 32;

/// The parts of a head that the doctor keeps.
#[derive(Clone)]
pub(super) struct HeadLook {
    key: String,
    format: Option<u64>,
    live: Option<LiveArtifact>,
}

/// The heads of one environment, which are read at most once.
pub(super) type Heads<'e> = Shared<BoxFuture<'e, Result<Vec<HeadLook>, Refused>>>;

impl<'e> Doctor<'e> {
    /// Returns the heads of an environment, to be read when somebody asks for them.
    pub(super) fn heads(self, environment: &'e EnvironmentName) -> Heads<'e> {
        self.read_heads(environment).boxed().shared()
    }

    async fn read_heads(self, environment: &EnvironmentName) -> Result<Vec<HeadLook>, Refused> {
        self.read_all(&ledger_keys::heads_in(environment), |key, body| {
            // A broken head does not concern the chain of trust: its function reports it.
            let head = format::read::<Head>(body).ok();
            HeadLook { key, format: format::told(body), live: head.and_then(|head| head.live().cloned()) }
        })
        .await
    }

    /// Reads all objects under a prefix, and keeps `look`'s result for each.
    async fn read_all<T>(self, prefix: &str, look: impl Fn(String, &[u8]) -> T) -> Result<Vec<T>, Refused> {
        let keys = self.engine.store().keys(prefix).await.map_err(ledger_refused)?;
        let read = stream::iter(keys).map(|key| {
            let look = &look;
            async move {
                let object = self.engine.ports.ledger.get(&key).await.map_err(ledger_refused)?.object;
                Ok(object.map(|(body, _)| look(key, &body)))
            }
        });
        let read: Vec<Result<Option<T>, Refused>> = read.buffer_unordered(OBJECTS_AT_ONCE).collect().await;
        Ok(read.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Checks the formats of the heads, and of the rejects, requests and groups that no head has.
    pub(super) async fn formats(self, heads: Vec<Heads<'e>>) -> Check {
        let late = self.engine.ports.clock.sleep(self.engine.timer().left().saturating_sub(ANSWER_NEEDS));
        tokio::select! {
            objects = self.objects(heads) => doctor::formats(&objects),
            () = late => Check::not_checked("formats", "no time was left: ask for one environment (--environment)"),
        }
    }

    async fn objects(self, heads: Vec<Heads<'e>>) -> Result<Vec<(String, u64)>, Refused> {
        let mut objects = Vec::new();
        for heads in heads {
            objects.extend(heads.await?.into_iter().filter_map(|head| Some((head.key, head.format?))));
        }
        for prefix in [REJECTS, ASKED, &ledger_keys::open_groups()] {
            let others = self.read_all(prefix, |key, body| Some((key, format::told(body)?))).await?;
            objects.extend(others.into_iter().flatten());
        }
        Ok(objects)
    }
}

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
