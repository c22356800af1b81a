//! Reads each head once: for the formats of the ledger's objects, and for the artifact that became live last.

use deployer_core::doctor::{self, Check, Refused};
use deployer_core::format;
use deployer_core::head::Head;
use deployer_core::id::EnvironmentName;
use deployer_core::ledger_keys;
use deployer_core::names::{ASKED, REJECTS};
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};

use super::heads::{HeadLook, Heads};
use super::{ANSWER_NEEDS, Doctor, ledger_refused};

/// The number of objects that are read at once.
const OBJECTS_AT_ONCE: usize = 32;

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
