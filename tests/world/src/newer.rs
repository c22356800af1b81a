//! A deployer of a newer version on the same ledger: what it writes has more than this version knows.
//!
//! It is this version's engine behind a ledger that adds something to whatever it writes, and hides that from it again. So a
//! world or a simulation can let invocations of both versions take turns: [`lost`] tells what the older one has forgotten.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::format::KNOWN;
use deployer_engine::Ports;
use deployer_engine::port::{ETag, Ledger, LedgerError, Precondition, Reading, Written};
use serde_json::{Value, json};

/// The field that only the newer version knows.
const NEWER: &str = "newer";

/// When a head that the newer version writes is one of a newer format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raises {
    /// Never: it only has fields that do no harm where they are not known.
    Never,
    /// As long as something is worked on.
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

/// What the newer version had said of something that is still there, and that is not said any more.
#[must_use]
pub fn lost(before: &Value, after: &Value) -> Vec<String> {
    let said = |value: &Value| {
        let mut said = Vec::new();
        each_thing(&mut value.clone(), &mut |name, thing| said.push((name, thing.get(NEWER).is_some())));
        said
    };
    let after = said(after);
    let lost = |(name, is_said): (String, bool)| (is_said && after.contains(&(name.clone(), false))).then_some(name);
    said(before).into_iter().filter_map(lost).collect()
}

/// Whether nobody of this version may touch the object.
#[must_use]
pub fn is_newer(object: &Value) -> bool {
    object["format"].as_u64().is_some_and(|format| format > u64::from(KNOWN))
}

/// Calls this with the object and with everything in it that has a name: requests, and what is or was live.
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

/// Calls this with a part of each element of a list.
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

/// Calls this with the fields of every thing of an object that has a name.
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
