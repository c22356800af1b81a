//! A ledger that falsifies the rollouts in heads: it implements mutants.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deployer_engine::port::{Ledger, LedgerError, Precondition, Reading, Written};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::faulty_ports::changed;
use super::mutants::Mutant;

/// Falsifies rollouts when heads are read or written.
pub(super) struct FaultyRollouts {
    ledger: Arc<dyn Ledger>,
    mutant: Option<Mutant>,
    /// The rollout that this invocation has read last, as long as it does not go back.
    seen: Mutex<Value>,
}

impl FaultyRollouts {
    pub fn new(ledger: Arc<dyn Ledger>, mutant: Option<Mutant>) -> Self {
        Self { ledger, mutant, seen: Mutex::default() }
    }

    fn reads(&self, rollout: &mut Value) {
        match self.mutant {
            Some(Mutant::WayBackAssumed) => {
                let back_at = rollout["targets"][0]["served"][0]["at"].clone();
                for one in targets(rollout).into_iter().filter(|one| one["way_back"] == "open") {
                    if !back_at.is_null() {
                        one["way_back"] = json!({ "done": back_at });
                    }
                }
            }
            Some(Mutant::StepTakenTwice) if rollout["phase"] == "shifting" && rollout["due"].is_null() => {
                let step = step_of(rollout);
                let next = rollout["plan"]["steps"][step + 1]["weight"].clone();
                if let Some(next) = next.as_u64() {
                    let weight = rollout["plan"]["steps"][step]["weight"].clone();
                    rollout["step"] = json!(step + 1);
                    for one in targets(rollout).into_iter().filter(|one| one["weight"] == weight) {
                        (one["weight"], one["at"]) = (json!(next), Value::Null);
                    }
                }
            }
            Some(Mutant::StepsCutShort) if !rollout["due"].is_null() => rollout["due"] = json!(Timestamp::UNIX_EPOCH),
            Some(Mutant::FinishDeaf) if rollout["abort"].is_null() => *self.seen.lock().unwrap() = rollout.clone(),
            _ => {}
        }
    }

    fn writes(&self, rollout: &mut Value) {
        match self.mutant {
            Some(Mutant::StepsFromIntent) if !rollout["due"].is_null() && rollout["lengthened"] == false => {
                let step = step_of(rollout);
                let watch = rollout["plan"]["watch_seconds"].clone();
                let seconds = rollout["plan"]["steps"].get(step).map_or(watch, |step| step["seconds"].clone());
                let meant = targets(rollout).into_iter().filter_map(|one| one["meant_at"].as_str()?.parse().ok()).max();
                let lasts = SignedDuration::from_secs(seconds.as_i64().unwrap_or_default());
                if let Some(due) = meant.and_then(|meant: Timestamp| meant.checked_add(lasts).ok()) {
                    rollout["due"] = json!(due);
                }
            }
            Some(Mutant::FinishDeaf) if rollout["finish"] == true && rollout["abort"]["reason"] == "aborted" => {
                let seen = self.seen.lock().unwrap().clone();
                if seen["finish"] == true {
                    *rollout = seen;
                }
            }
            _ => {}
        }
    }
}

fn step_of(rollout: &Value) -> usize {
    rollout["step"].as_u64().and_then(|step| usize::try_from(step).ok()).unwrap_or_default()
}

fn targets(rollout: &mut Value) -> Vec<&mut Value> {
    rollout["targets"].as_array_mut().into_iter().flatten().collect()
}

/// Changes the rollout of a head, if it has one.
fn with_rollout(body: Vec<u8>, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(body, |head| {
        if let Some(rollout) = head.pointer_mut("/active/rollout").filter(|rollout| !rollout.is_null()) {
            change(rollout);
        }
    })
}

#[async_trait]
impl Ledger for FaultyRollouts {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        let read = self.ledger.get(key).await?;
        let object = read.object.map(|(body, etag)| match key.starts_with("heads/") {
            true => (with_rollout(body, |rollout| self.reads(rollout)), etag),
            false => (body, etag),
        });
        Ok(Reading { object, ..read })
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        let body = match key.starts_with("heads/") {
            true => with_rollout(body, |rollout| self.writes(rollout)),
            false => body,
        };
        self.ledger.put(key, body, precondition).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.ledger.keys(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        self.ledger.delete(key).await
    }
}
