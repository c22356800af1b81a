//! A deployer of a newer version on the same ledger: it writes fields that this version does not know.
//!
//! It is this version's engine behind a ledger that adds something to whatever it writes, and hides that from it again.
//! So invocations of both versions can take turns in a world or a simulation; [`lost`] finds the fields that the older
//! one has forgotten.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::format::KNOWN;
use deployer_engine::Ports;
use deployer_engine::port::{ETag, Ledger, LedgerError, Precondition, Reading, Written};
use serde_json::{Value, json};

/// The field that only the newer version knows.
const NEWER: &str = "newer";

/// The condition under which the newer version raises the format of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raises {
    /// Never: it only adds fields that do no harm where they are not known.
    Never,
    /// While the head has an active deployment.
    WhileActive,
}

/// The ledger as the newer version reads and writes it.
pub struct NewerLedger {
    ledger: Arc<dyn Ledger>,
    raises: Raises,
}

/// Makes an engine's ports those of the newer version.
#[must_use]
pub fn newer(ports: Ports, raises: Raises) -> Ports {
    Ports { ledger: Arc::new(NewerLedger { ledger: ports.ledger.clone(), raises }), ..ports }
}

/// Returns the names of the things that still exist and have lost the newer version's field.
#[must_use]
pub fn lost(before: &Value, after: &Value) -> Vec<String> {
    let marks = |value: &Value| {
        let mut marks = Vec::new();
        each_thing(&mut value.clone(), &mut |name, thing| marks.push((name, thing.get(NEWER).is_some())));
        marks
    };
    let after = marks(after);
    let lost = |(name, is_said): (String, bool)| (is_said && after.contains(&(name.clone(), false))).then_some(name);
    marks(before).into_iter().filter_map(lost).collect()
}

/// Whether the object has a newer format, which this version must leave alone.
#[must_use]
pub fn is_newer(object: &Value) -> bool {
    object["format"].as_u64().is_some_and(|format| format > u64::from(KNOWN))
}

/// Calls `see` with the object and everything in it that has a name: requests, and entries of `history` and `left`.
fn each_thing(object: &mut Value, see: &mut impl FnMut(String, &mut Value)) {
    see("the object".to_owned(), object);
    let mut requests = |see: &mut dyn FnMut(&mut Value)| {
        object.pointer_mut("/active/request").into_iter().for_each(&mut *see);
        each(object, "/pending", "", see);
        each(object, "/waiting", "/request", see);
    };
    requests(&mut |request| see(format!("request {}", request["id"]), request));
    for list in ["/history", "/left"] {
        let name = |live: &Value| format!("live {} {}", live["deployment"], live["artifact"]["version_id"]);
        each(object, list, "", &mut |live| see(name(live), live));
    }
}

/// Calls `see` with a part of each element of a list.
fn each(object: &mut Value, list: &str, part: &str, see: &mut dyn FnMut(&mut Value)) {
    let all = object.pointer_mut(list).and_then(Value::as_array_mut);
    all.into_iter().flatten().filter_map(|one| one.pointer_mut(part)).for_each(see);
}

fn is_written_by_versions(key: &str) -> bool {
    ["heads/", "rejects/", "groups/"].iter().any(|prefix| key.starts_with(prefix))
}

impl NewerLedger {
    fn writes(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut object: Value = serde_json::from_slice(body).ok()?;
        let is_active = object.get("active").is_some_and(|active| !active.is_null());
        within(&mut object, &mut |thing| drop(thing.insert(NEWER.to_owned(), json!({"since": "the next version"}))));
        if is_active && self.raises == Raises::WhileActive {
            object["format"] = json!(KNOWN + 1);
        }
        serde_json::to_vec_pretty(&object).ok()
    }

    fn reads(body: &[u8]) -> Option<Vec<u8>> {
        let mut object: Value = serde_json::from_slice(body).ok()?;
        within(&mut object, &mut |thing| drop(thing.remove(NEWER)));
        if is_newer(&object) {
            object["format"] = json!(KNOWN);
        }
        serde_json::to_vec_pretty(&object).ok()
    }
}

/// Calls `change` with the fields of everything in an object that has a name.
fn within(object: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    let is_head = object.get("active").is_some();
    let mut change = |value: &mut Value| value.as_object_mut().into_iter().for_each(&mut *change);
    if is_head {
        each_thing(object, &mut |_, thing| change(thing));
    } else {
        change(object);
    }
}

#[async_trait]
impl Ledger for NewerLedger {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        let read = self.ledger.get(key).await?;
        let shown = |(body, etag): (Vec<u8>, ETag)| (Self::reads(&body).unwrap_or(body), etag);
        let object = if is_written_by_versions(key) { read.object.map(shown) } else { read.object };
        Ok(Reading { object, ..read })
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        let body = if is_written_by_versions(key) { self.writes(&body).unwrap_or(body) } else { body };
        self.ledger.put(key, body, precondition).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.ledger.keys(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        self.ledger.delete(key).await
    }
}
