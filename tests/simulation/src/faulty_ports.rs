//! Ports that do something else than they are asked to: they implement mutants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_engine::port::{Clock, ETag, Ledger, LedgerError, Precondition, Reading, Rng, Written};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::mutants::Mutant;

/// Always draws the same number.
pub(super) struct ConstantRng;

impl Rng for ConstantRng {
    fn draw(&self) -> u128 {
        7
    }
}

/// Always shows the time at which the invocation began.
pub(super) struct StoppedClock {
    clock: Arc<dyn Clock>,
    shows: Timestamp,
}

impl StoppedClock {
    pub fn stopped(clock: Arc<dyn Clock>) -> Self {
        Self { shows: clock.now(), clock }
    }
}

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.shows
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

/// A ledger that reads or writes something else than it is asked to.
pub(super) struct FaultyLedger {
    ledger: Arc<dyn Ledger>,
    mutant: Option<Mutant>,
    /// Markers that are written later.
    markers: Mutex<Vec<(String, Vec<u8>)>>,
    /// The head with a claim that this invocation wrote last.
    claimed: Mutex<Option<(Vec<u8>, ETag)>>,
    /// The rejects as this invocation read them first.
    rejects: Mutex<Option<Reading>>,
    /// The hold that is hidden from this invocation.
    hold: Mutex<Value>,
}

pub(super) fn changed(body: Vec<u8>, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice(&body) else { return body };
    change(&mut value);
    serde_json::to_vec_pretty(&value).unwrap_or(body)
}

fn forget(of: &mut Value, field: &str) {
    if let Some(fields) = of.as_object_mut() {
        fields.insert(field.to_owned(), Value::Null);
    }
}

/// Makes a rollback that met a deployment one that met none.
fn forget_undone(request: &mut Value) {
    if let Some(subject) = request.get_mut("subject").and_then(Value::as_object_mut) {
        subject.remove("undoes");
        subject.remove("base");
    }
}

impl FaultyLedger {
    pub fn new(ledger: Arc<dyn Ledger>, mutant: Option<Mutant>) -> Self {
        Self {
            ledger,
            mutant,
            markers: Mutex::default(),
            claimed: Mutex::default(),
            rejects: Mutex::default(),
            hold: Mutex::default(),
        }
    }

    /// Writes a head, and then the markers that were held back.
    async fn put_then_markers(&self, key: &str, body: Vec<u8>, if_: Precondition) -> Result<Written, LedgerError> {
        let written = self.ledger.put(key, body, if_).await?;
        let markers = std::mem::take(&mut *self.markers.lock().unwrap());
        for (marker, body) in markers {
            self.ledger.put(&marker, body, Precondition::Absent).await?;
        }
        Ok(written)
    }

    /// Writes a head and keeps it if it has an active deployment; the next read of a head returns it.
    async fn put_and_keep(&self, key: &str, body: Vec<u8>, if_: Precondition) -> Result<Written, LedgerError> {
        let written = self.ledger.put(key, body.clone(), if_).await?;
        let is_open = serde_json::from_slice::<Value>(&body).is_ok_and(|head| !head["active"].is_null());
        let kept = match &written {
            Written::Now(etag) if is_open => Some((body, etag.clone())),
            _ => None,
        };
        *self.claimed.lock().unwrap() = kept;
        Ok(written)
    }

    async fn get_rejects(&self, key: &str) -> Result<Reading, LedgerError> {
        if let (Some(Mutant::RejectsReadOnce), Some(first)) = (self.mutant, self.rejects.lock().unwrap().clone()) {
            return Ok(first);
        }
        let read = self.ledger.get(key).await?;
        *self.rejects.lock().unwrap() = Some(read.clone());
        let object = read.object.map(|(body, etag)| match self.mutant {
            Some(Mutant::RejectsIgnored) => (changed(body, |rejects| rejects["rejects"] = json!([])), etag),
            _ => (body, etag),
        });
        Ok(Reading { object, ..read })
    }

    /// Writes an object over whatever is there.
    async fn force(&self, key: &str, body: Vec<u8>) -> Result<Written, LedgerError> {
        loop {
            let precondition = match self.ledger.get(key).await?.object {
                Some((_, etag)) => Precondition::Unchanged(etag),
                None => Precondition::Absent,
            };
            if let Written::Now(etag) = self.ledger.put(key, body.clone(), precondition).await? {
                return Ok(Written::Now(etag));
            }
        }
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        let kept = match self.mutant {
            Some(Mutant::NoSecondReading) if key.starts_with("heads/") => self.claimed.lock().unwrap().take(),
            _ => None,
        };
        if kept.is_some() {
            return Ok(Reading { object: kept, date: None });
        }
        if key.starts_with("rejects/") {
            return self.get_rejects(key).await;
        }
        let read = self.ledger.get(key).await?;
        let Some((body, etag)) = read.object.clone().filter(|_| key.starts_with("heads/")) else { return Ok(read) };
        let lease = |value: &mut Value, until: &str| {
            if !value["active"].is_null() {
                value["active"]["lease_until"] = json!(until);
            }
        };
        let body = match self.mutant {
            Some(Mutant::LeasesIgnored) => changed(body, |head| lease(head, "2000-01-01T00:00:00Z")),
            Some(Mutant::LeasesForEver) => changed(body, |head| lease(head, "2100-01-01T00:00:00Z")),
            Some(Mutant::MarkForgotten) => changed(body, |head| head["mark"] = Value::Null),
            Some(Mutant::RequestsForgotten) => changed(body, |head| head["requests"] = json!([])),
            Some(Mutant::ObeyedForgotten) => changed(body, |head| head["obeyed"] = json!([])),
            Some(Mutant::StopsUnheard) => changed(body, |head| forget(&mut head["active"], "stop")),
            Some(Mutant::ResolvedForgotten) => changed(body, |head| {
                if head["active"]["request"]["cause"]["kind"] != "upload" {
                    forget(&mut head["active"], "chosen");
                }
            }),
            Some(Mutant::HoldsIgnored) => {
                changed(body, |head| *self.hold.lock().unwrap() = std::mem::take(&mut head["hold"]))
            }
            Some(Mutant::HistoryTurned) => changed(body, |head| {
                if let Some([_, before @ ..]) = head["history"].as_array_mut().map(Vec::as_mut_slice) {
                    before.reverse();
                }
            }),
            Some(Mutant::SequencersIgnored) => changed(body, |head| forget(&mut head["mark"], "sequencer")),
            _ => body,
        };
        Ok(Reading { object: Some((body, etag)), ..read })
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        let is_head = key.starts_with("heads/");
        let is_absent = precondition == Precondition::Absent;
        match self.mutant {
            Some(Mutant::HeadsReplacedBlindly) if is_head && !is_absent => self.force(key, body).await,
            Some(Mutant::HeadsCreatedBlindly) if is_head && is_absent => self.force(key, body).await,
            Some(Mutant::RecordsCreatedBlindly) if key.starts_with("deployments/") => self.force(key, body).await,
            Some(Mutant::SameHeadAgain) if is_head => match self.ledger.put(key, body.clone(), precondition).await? {
                Written::Lost => self.force(key, body).await,
                written => Ok(written),
            },
            Some(Mutant::OutboxEmptied) if is_head => {
                let body = changed(body, |head| head["outbox"] = json!([]));
                self.ledger.put(key, body, precondition).await
            }
            Some(Mutant::PendingDropped) if is_head => {
                let body = changed(body, |head| head["pending"] = serde_json::json!([]));
                self.ledger.put(key, body, precondition).await
            }
            Some(Mutant::CommandsNotKept) if is_head => {
                let is_upload = |request: &Value| request["cause"]["kind"] == "upload";
                let keep = |head: &mut Value| {
                    if let Some(all) = head["pending"].as_array_mut() {
                        all.retain(is_upload);
                    }
                };
                self.ledger.put(key, changed(body, keep), precondition).await
            }
            Some(Mutant::CommandsUnmarked) if is_head => {
                self.ledger.put(key, changed(body, |head| head["floor"] = Value::Null), precondition).await
            }
            Some(Mutant::HoldsIgnored) if is_head => {
                let hold = self.hold.lock().unwrap().clone();
                let restore = |head: &mut Value| {
                    if head["hold"].is_null() {
                        head["hold"] = hold;
                    }
                };
                self.ledger.put(key, changed(body, restore), precondition).await
            }
            Some(Mutant::LiveFrozen) if is_head => {
                let freeze = |head: &mut Value| {
                    if let Some(all) = head["history"].as_array_mut() {
                        all.retain(|one| one["complete"] != false);
                    }
                };
                self.ledger.put(key, changed(body, freeze), precondition).await
            }
            Some(Mutant::UndoesForgotten) if is_head => {
                let forget_it = |head: &mut Value| {
                    if let Some(active) = head.get_mut("active").and_then(|active| active.get_mut("request")) {
                        forget_undone(active);
                    }
                    head["pending"].as_array_mut().into_iter().flatten().for_each(forget_undone);
                };
                self.ledger.put(key, changed(body, forget_it), precondition).await
            }
            Some(Mutant::RedeploysDisplace) if is_head => {
                let displace = |head: &mut Value| {
                    if let Some(all) = head["pending"].as_array_mut()
                        && all.iter().any(|one| one["cause"]["kind"] == "redeploy")
                    {
                        all.retain(|one| one["cause"]["kind"] == "redeploy");
                    }
                };
                self.ledger.put(key, changed(body, displace), precondition).await
            }
            Some(Mutant::LeftForgotten) if is_head => {
                self.ledger.put(key, changed(body, |head| head["left"] = json!([])), precondition).await
            }
            Some(Mutant::MarkersForgotten) if key.starts_with("open/") => Ok(Written::Now(ETag(String::new()))),
            Some(Mutant::MarkersAfterHeads) if key.starts_with("open/") => {
                self.markers.lock().unwrap().push((key.to_owned(), body));
                Ok(Written::Now(ETag(String::new())))
            }
            Some(Mutant::MarkersAfterHeads) if is_head => self.put_then_markers(key, body, precondition).await,
            Some(Mutant::NoSecondReading) if is_head && opens_a_door(&body) => Ok(Written::Now(ETag("unseen".into()))),
            Some(Mutant::NoSecondReading) if is_head => self.put_and_keep(key, body, precondition).await,
            Some(Mutant::ResultsForgotten) if key.starts_with("results/") => Ok(Written::Now(ETag(String::new()))),
            _ => self.ledger.put(key, body, precondition).await,
        }
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.ledger.keys(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        self.ledger.delete(key).await
    }
}

/// Whether this is a head that is written just before an alias moves.
fn opens_a_door(body: &[u8]) -> bool {
    let head: Value = serde_json::from_slice(body).unwrap_or_default();
    head["active"]["doors"].as_array().is_some_and(|doors| !doors.is_empty())
}
