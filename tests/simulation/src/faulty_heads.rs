//! A ledger whose heads and groups are falsified when they are read, and corrected again when they are written: it
//! implements mutants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deployer_core::format::KNOWN;
use deployer_engine::port::{Ledger, LedgerError, Precondition, Reading, Written};
use serde_json::{Value, json};

use super::faulty_ports::changed;
use super::faulty_readers::SharedPast;
use super::mutants::Mutant;

/// Falsifies heads when they are read, and puts back what it has hidden when they are written.
pub(super) struct FaultyHeads {
    ledger: Arc<dyn Ledger>,
    mutant: Option<Mutant>,
    past: SharedPast,
    /// The hidden values, by a name for each.
    hidden: Mutex<BTreeMap<String, Value>>,
}

impl FaultyHeads {
    pub fn new(ledger: Arc<dyn Ledger>, mutant: Option<Mutant>, past: &SharedPast) -> Self {
        Self { ledger, mutant, past: past.clone(), hidden: Mutex::default() }
    }

    fn reads(&self, head: &mut Value) {
        match self.mutant {
            Some(Mutant::LiveBroughtBack) => {
                if let Some([live, before, ..]) = head["history"].as_array_mut().map(Vec::as_mut_slice)
                    && live["complete"] == false
                {
                    let pair = json!([live["artifact"], before["artifact"]]);
                    self.hidden.lock().unwrap().insert("live".to_owned(), pair);
                    std::mem::swap(live, before);
                }
            }
            Some(Mutant::RollbacksApart) => {
                for request in open(head).into_iter().filter(|request| is_plain_rollback(request)) {
                    let subject = &mut request["subject"];
                    subject["to"] = json!("0.0.0");
                }
            }
            _ => {}
        }
    }

    /// Falsifies a group: once in a schedule, or once in each invocation.
    fn reads_group(&self, key: &str, group: &mut Value) {
        let first = || self.past.is_first(key);
        let first_here = || self.hidden.lock().unwrap().insert(key.to_owned(), Value::Null).is_none();
        match self.mutant {
            Some(Mutant::GroupDecidedTwice) if group["phase"] == "moving" && first() => {
                (group["phase"], group["status"]) = (json!("placing"), json!("pending"));
                group.as_object_mut().map(|fields| fields.remove("decided_at"));
            }
            Some(Mutant::MembersDecide) if group["phase"] == "placing" && first_here() => {
                (group["phase"], group["status"]) = (json!("moving"), json!("in_progress"));
                group["decided_at"] = group["started_at"].clone();
            }
            Some(Mutant::MembersLiveAlone) if group["phase"] == "moving" && group["failed_first"].is_null() => {
                group["passed_at"] = group["started_at"].clone();
            }
            _ => {}
        }
    }

    /// Falsifies any object that both versions write.
    fn reads_any(&self, object: &mut Value) {
        let is_newer = object["format"].as_u64().is_some_and(|format| format > u64::from(KNOWN));
        if self.mutant == Some(Mutant::NewerActedOn) && is_newer {
            object["format"] = json!(KNOWN);
        }
    }

    fn writes_any(&self, object: &mut Value) {
        if self.mutant == Some(Mutant::FieldsDropped) {
            without_newer(object);
        }
    }

    fn writes(&self, head: &mut Value) {
        match self.mutant {
            Some(Mutant::LiveBroughtBack) => {
                let hidden = self.hidden.lock().unwrap();
                let Some([live, before]) = hidden.get("live").and_then(Value::as_array).map(Vec::as_slice) else {
                    return;
                };
                let all = head["history"].as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
                let is_turned = |pair: &[Value]| pair[0]["artifact"] == *before && pair[1]["artifact"] == *live;
                if let Some(at) = all.windows(2).position(is_turned) {
                    all.swap(at, at + 1);
                }
            }
            Some(Mutant::RollbacksApart) => {
                for request in open(head) {
                    if request["subject"]["to"] == "0.0.0" {
                        request["subject"]["to"] = Value::Null;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Returns the active request and the pending ones.
fn open(head: &mut Value) -> Vec<&mut Value> {
    let Some(head) = head.as_object_mut() else { return vec![] };
    let mut all = Vec::new();
    for (name, value) in head.iter_mut() {
        match name.as_str() {
            "active" => all.extend(value.get_mut("request")),
            "pending" => all.extend(value.as_array_mut().into_iter().flatten()),
            _ => {}
        }
    }
    all
}

/// Removes the fields of a newer deployer, wherever they are in an object.
fn without_newer(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("newer");
            fields.values_mut().for_each(without_newer);
        }
        Value::Array(all) => all.iter_mut().for_each(without_newer),
        _ => {}
    }
}

fn is_rewritten(key: &str) -> bool {
    ["heads/", "rejects/", "groups/"].iter().any(|prefix| key.starts_with(prefix))
}

fn is_plain_rollback(request: &Value) -> bool {
    request["subject"]["kind"] == "earlier" && request["subject"]["to"].is_null()
}

#[async_trait]
impl Ledger for FaultyHeads {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        let read = self.ledger.get(key).await?;
        let reads = |object: &mut Value| {
            self.reads_any(object);
            match (key.starts_with("heads/"), key.starts_with("groups/open/")) {
                (true, _) => self.reads(object),
                (_, true) => self.reads_group(key, object),
                _ => {}
            }
        };
        let object = read.object.map(|(body, etag)| match is_rewritten(key) {
            true => (changed(body, reads), etag),
            false => (body, etag),
        });
        Ok(Reading { object, ..read })
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        let writes = |object: &mut Value| {
            self.writes_any(object);
            if key.starts_with("heads/") {
                self.writes(object);
            }
        };
        let body = if is_rewritten(key) { changed(body, writes) } else { body };
        self.ledger.put(key, body, precondition).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.ledger.keys(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        self.ledger.delete(key).await
    }
}
