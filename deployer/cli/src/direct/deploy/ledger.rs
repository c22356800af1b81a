//! A ledger in memory, for deployments that are not recorded.
//!
//! It gives the engine's guarantees within one process: compare-and-swap, and a new ETag for each write.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use deployer_engine::locked;
use deployer_engine::port::{ETag, Ledger, LedgerError, Precondition, Reading, Written};

/// The objects of the ledger, in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    objects: Mutex<Objects>,
}

#[derive(Debug, Default)]
struct Objects {
    writes: u64,
    by_key: BTreeMap<String, (Vec<u8>, ETag)>,
}

impl MemoryLedger {
    fn objects(&self) -> MutexGuard<'_, Objects> {
        locked(&self.objects)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        Ok(Reading { object: self.objects().by_key.get(key).cloned(), date: None })
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        Ok(self.objects().by_key.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        let mut objects = self.objects();
        let found = objects.by_key.get(key).map(|(_, etag)| etag);
        let holds = match &precondition {
            Precondition::Absent => found.is_none(),
            Precondition::Unchanged(etag) => found == Some(etag),
        };
        if !holds {
            return Ok(Written::Lost);
        }
        objects.writes += 1;
        let etag = ETag(objects.writes.to_string());
        objects.by_key.insert(key.to_owned(), (body, etag.clone()));
        Ok(Written::Now(etag))
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        self.objects().by_key.remove(key);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn second_writer_of_the_same_state_loses() {
        let ledger = MemoryLedger::default();
        let put = |body: &str, precondition| ledger.put("heads/dev/f.json", body.into(), precondition);
        let Written::Now(first) = put("1", Precondition::Absent).await.unwrap() else { panic!("it was absent") };
        assert_eq!(put("2", Precondition::Absent).await.unwrap(), Written::Lost);
        assert!(matches!(put("2", Precondition::Unchanged(first.clone())).await.unwrap(), Written::Now(_)));
        assert_eq!(put("3", Precondition::Unchanged(first)).await.unwrap(), Written::Lost);
        assert_eq!(ledger.get("heads/dev/f.json").await.unwrap().object.unwrap().0, b"2");
    }

    #[tokio::test]
    async fn object_written_after_deletion_has_another_etag() {
        let ledger = MemoryLedger::default();
        let put = |precondition| ledger.put("open/dev/f/1", b"x".to_vec(), precondition);
        let Written::Now(first) = put(Precondition::Absent).await.unwrap() else { panic!("it was absent") };
        ledger.delete("open/dev/f/1").await.unwrap();
        assert_eq!(ledger.keys("open/").await.unwrap(), [""; 0]);
        assert_eq!(put(Precondition::Unchanged(first.clone())).await.unwrap(), Written::Lost);
        let Written::Now(second) = put(Precondition::Absent).await.unwrap() else { panic!("it was absent") };
        assert_ne!(first, second);
    }
}
