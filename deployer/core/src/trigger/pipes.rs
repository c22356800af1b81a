//! The arrays that EventBridge Pipes send (Amazon EventBridge User Guide, "Amazon EventBridge Pipes batching and
//! concurrency"): a Lambda function gets the records of one batch as a JSON array, even if there is only one.
//!
//! An array is answered as a whole: if one of its events has to come again, the invocation fails, and the pipe sends all
//! of them again. Those that were done change nothing then. A list of failed items would be lost where the pipe does not
//! wait for the answer (`FIRE_AND_FORGET`); there Lambda itself tries a failed invocation again, as its alias says.

use serde_json::Value;

use super::inbound::InboundEvent;

/// Decodes the items: messages of SQS, or events that the pipe's input template has taken out of them. `item` decodes
/// one. None if no item is known.
pub(super) fn decode(items: &[Value], item: fn(&Value) -> Option<Vec<InboundEvent>>) -> Option<Vec<InboundEvent>> {
    let decoded: Vec<Option<Vec<InboundEvent>>> = items.iter().map(item).collect();
    if decoded.iter().all(Option::is_none) {
        return None;
    }
    let unknown = |number: usize| {
        InboundEvent::ignored(format!("item {number} of the pipe's array is no event that this deployer knows"))
    };
    let each = decoded.into_iter().enumerate();
    Some(each.flat_map(|(at, events)| events.unwrap_or_else(|| unknown(at.saturating_add(1)))).collect())
}
