//! Ledgers and clocks that mislead whoever evaluates a promotion, and a bus that loses events: they implement the
//! mutants about promotions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::event::Event;
use deployer_engine::Ports;
use deployer_engine::port::{Clock, Events, EventsError, Ledger, LedgerError, Precondition, Reading, Written};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::faulty_ports::changed;
use super::mutants::Mutant;

/// The time by which a clock runs ahead. It is much shorter than any invocation's time limit, or no invocation would
/// begin.
const AHEAD: Duration = Duration::from_secs(30);

/// The live artifacts by the newest head, and by the one before it that said something else.
#[derive(Default)]
struct Lives {
    now: Value,
    before: Value,
}

/// The past of a schedule, shared by all its invocations.
#[derive(Clone, Default)]
pub(super) struct SharedPast {
    lives: Arc<Mutex<BTreeMap<String, Lives>>>,
    events: Arc<AtomicUsize>,
    /// The groups that were shown falsified.
    groups: Arc<Mutex<BTreeSet<String>>>,
}

impl SharedPast {
    /// Whether a group has not been shown falsified before.
    pub fn is_first(&self, group: &str) -> bool {
        self.groups.lock().unwrap().insert(group.to_owned())
    }
}

/// Puts a misleading ledger and clock between an engine and its ports.
pub(super) fn wrap(mut ports: Ports, mutant: Option<Mutant>, past: &SharedPast) -> Ports {
    let judging = Arc::new(AtomicBool::new(false));
    ports.clock = Arc::new(FastClock { clock: ports.clock, judging: judging.clone() });
    ports.ledger = Arc::new(FaultyReader {
        ledger: ports.ledger,
        mutant,
        past: past.clone(),
        judging,
        sees_promotions: AtomicBool::new(false),
        claims: Mutex::default(),
        hidden: Mutex::default(),
        left: Mutex::default(),
    });
    ports
}

struct FastClock {
    clock: Arc<dyn Clock>,
    judging: Arc<AtomicBool>,
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        match self.judging.load(Ordering::Relaxed) {
            true => self.clock.now() + AHEAD,
            false => self.clock.now(),
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

struct FaultyReader {
    ledger: Arc<dyn Ledger>,
    mutant: Option<Mutant>,
    past: SharedPast,
    /// True while a promotion may be about to be evaluated.
    judging: Arc<AtomicBool>,
    /// True if a waiting or active promotion was read.
    sees_promotions: AtomicBool,
    /// The heads on which this invocation holds the claim, and whether it has read the rejects under it.
    claims: Mutex<BTreeMap<String, bool>>,
    /// The rejects that were hidden from this invocation.
    hidden: Mutex<Vec<Value>>,
    /// The `left` entries that were hidden from this invocation, by head.
    left: Mutex<BTreeMap<String, Value>>,
}

/// Returns the function that an object of the ledger is about.
fn function(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

impl FaultyReader {
    /// Whether this is the head of another environment than the one whose claim on the same function is held.
    fn is_source(&self, key: &str) -> bool {
        let claims = self.claims.lock().unwrap();
        !claims.contains_key(key) && claims.keys().any(|held| function(held) == function(key))
    }

    fn head(&self, key: &str, body: Vec<u8>) -> Vec<u8> {
        let waiting = |head: &mut Value, change: &dyn Fn(&mut Value)| {
            for waiting in head.get_mut("waiting").and_then(Value::as_array_mut).into_iter().flatten() {
                change(&mut waiting["request"]["subject"]);
            }
        };
        match self.mutant {
            Some(Mutant::SourcesAsTheyWere) if self.is_source(key) => {
                let lives = self.past.lives.lock().unwrap();
                let before = lives.get(key).map(|lives| lives.before.clone()).filter(Value::is_array);
                changed(body, |head| head["history"] = before.unwrap_or_else(|| json!([])))
            }
            Some(Mutant::ApprovalsInvented) => changed(body, |head| {
                waiting(head, &|subject| {
                    let by = |who: &str| json!({"by": who, "at": "2026-11-01T10:00:00Z"});
                    subject["approvals"] = json!([by("nobody"), by("nobody else")]);
                });
            }),
            Some(Mutant::RolledBackUnseen) => changed(body, |head| {
                let left = std::mem::replace(&mut head["left"], json!([]));
                self.left.lock().unwrap().insert(key.to_owned(), left);
            }),
            Some(Mutant::OverridesInvented) => changed(body, |head| {
                waiting(head, &|subject| subject["freeze_override"] = json!("nobody gave it"));
            }),
            _ => body,
        }
    }

    /// Hides rejects from an invocation without a claim, and at the first read under a claim.
    fn rejects(&self, key: &str, body: Vec<u8>) -> Vec<u8> {
        if self.mutant != Some(Mutant::RejectsHidden) {
            return body;
        }
        let mut claims = self.claims.lock().unwrap();
        let mut held = claims.iter_mut().filter(|(held, _)| function(held) == function(key));
        if held.any(|(_, read)| std::mem::replace(read, true)) {
            return body;
        }
        changed(body, |rejects| {
            if let Some(all) = rejects["rejects"].as_array_mut() {
                *self.hidden.lock().unwrap() = std::mem::take(all);
            }
        })
    }

    /// Falsifies a head that is written, and records its live artifacts and its claim.
    fn writes(&self, key: &str, body: Vec<u8>) -> Vec<u8> {
        let body = match self.mutant {
            Some(Mutant::WaitingDropped) => changed(body, |head| head["waiting"] = json!([])),
            Some(Mutant::PromotionsUncalled) => changed(body, |head| {
                for entry in head["outbox"].as_array_mut().into_iter().flatten() {
                    if let Some(todo) = entry["todo"].as_array_mut() {
                        todo.retain(|one| one != "promotions");
                    }
                }
            }),
            _ => body,
        };
        let body = match self.left.lock().unwrap().get(key).and_then(Value::as_array) {
            None => body,
            Some(left) => changed(body, |head| {
                let live = head["history"][0]["artifact"].clone();
                if let Some(more) = head["left"].as_array_mut() {
                    more.extend(left.iter().filter(|one| one["artifact"] != live).cloned());
                }
            }),
        };
        let head: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut lives = self.past.lives.lock().unwrap();
        let known = lives.entry(key.to_owned()).or_default();
        if known.now != head["history"] {
            known.before = std::mem::replace(&mut known.now, head["history"].clone());
        }
        let mut claims = self.claims.lock().unwrap();
        match head["active"].is_null() {
            true => drop(claims.remove(key)),
            false => drop(claims.entry(key.to_owned()).or_insert(false)),
        }
        body
    }
}

#[async_trait]
impl Ledger for FaultyReader {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        let read = self.ledger.get(key).await?;
        if let Some((body, _)) = read.object.as_ref().filter(|_| key.starts_with("heads/")) {
            let head: Value = serde_json::from_slice(body).unwrap_or_default();
            let is_promotion = head["active"]["request"]["subject"]["kind"] == "promoted";
            if is_promotion || head["waiting"].as_array().is_some_and(|all| !all.is_empty()) {
                self.sees_promotions.store(true, Ordering::Relaxed);
            }
        }
        let judges = key.starts_with("rejects/") && self.sees_promotions.load(Ordering::Relaxed);
        if judges && self.mutant == Some(Mutant::ClockRunsAhead) {
            self.judging.store(true, Ordering::Relaxed);
        }
        let object = read.object.map(|(body, etag)| match (key.starts_with("heads/"), key.starts_with("rejects/")) {
            (true, _) => (self.head(key, body), etag),
            (_, true) => (self.rejects(key, body), etag),
            _ => (body, etag),
        });
        Ok(Reading { object, ..read })
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        self.judging.store(false, Ordering::Relaxed);
        let body = match (key.starts_with("heads/"), key.starts_with("rejects/")) {
            (true, _) => self.writes(key, body),
            (_, true) => changed(body, |rejects| {
                let known: BTreeSet<String> = self.hidden.lock().unwrap().iter().map(Value::to_string).collect();
                if let Some(all) = rejects["rejects"].as_array_mut() {
                    all.retain(|one| !known.contains(&one.to_string()));
                    all.extend(self.hidden.lock().unwrap().iter().cloned());
                }
            }),
            _ => body,
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

/// A bus that loses every third event.
pub(super) struct LossyEvents {
    events: Arc<dyn Events>,
    past: SharedPast,
}

impl LossyEvents {
    pub fn new(events: Arc<dyn Events>, past: &SharedPast) -> Self {
        Self { events, past: past.clone() }
    }
}

#[async_trait]
impl Events for LossyEvents {
    async fn send(&self, event: &Event) -> Result<(), EventsError> {
        if self.past.events.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return Ok(());
        }
        self.events.send(event).await
    }
}
