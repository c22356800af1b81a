//! Lets time pass without waiting: leases end, markers become old, delays of the queue end.
//!
//! The deployer's clock cannot be moved, so that the times which it compares with its clock are moved instead.

use deployer_core::names::{PREVIEW_VARIABLE, ROLLOUTS_PREVIEW};
use std::time::Duration;

use deployer_core::id::Token;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::LocalAws;
use super::accounts::{LEDGER, REGION, TOOLING};
use fixtures::error::{Doing as _, Error, Result};

/// An age of markers beyond the longest invocation.
const OLD: Duration = Duration::from_secs(20 * 60);

impl LocalAws {
    /// Turns the deployer's preview of rollouts on.
    pub fn preview_rollouts(&self) {
        self.deployer.set_variable(PREVIEW_VARIABLE, ROLLOUTS_PREVIEW);
        self.deployer.kill();
    }

    /// Ends every lease: rewrites `lease_until` in all heads, and nothing else in them. No deployer may be running.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn end_leases(&self) -> Result<()> {
        for key in self.ledger_keys("heads/").await? {
            let Some(mut head) = self.ledger_object(&key).await? else { continue };
            let now = Timestamp::now();
            let until = head.pointer("/active/lease_until").and_then(Value::as_str);
            let until = until.map(|until| until.parse::<Timestamp>()).transpose().doing(format!("reading {key}"))?;
            if until.is_some_and(|until| until >= now) {
                head["active"]["lease_until"] = json!(now - SignedDuration::from_secs(1));
                self.put_in_ledger(&key, head.to_string().into_bytes()).await?;
            }
        }
        Ok(())
    }

    /// Lets this much time pass for every rollout under way: makes all times in it older, and nothing else. No deployer may
    /// be running.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn let_rollouts_wait(&self, time: Duration) -> Result<()> {
        let time = SignedDuration::try_from(time).doing("reading a duration")?;
        for key in self.ledger_keys("heads/").await? {
            let Some(mut head) = self.ledger_object(&key).await? else { continue };
            if let Some(rollout) = head.pointer_mut("/active/rollout") {
                make_older(rollout, time);
                self.put_in_ledger(&key, head.to_string().into_bytes()).await?;
            }
        }
        Ok(())
    }

    /// Makes markers that no head needs so old that no running invocation can need them: replaces their time by one
    /// long ago.
    ///
    /// # Errors
    /// S3 answers with an error, or a marker is not of this deployer.
    pub async fn age_markers(&self) -> Result<()> {
        let s3 = self.clients().s3(TOOLING, REGION);
        let old = Token::drawn(Timestamp::now() - OLD, 0).to_string();
        for key in self.ledger_keys("open/").await? {
            let (place, token) = key.strip_prefix("open/").and_then(|rest| rest.rsplit_once('/')).unwrap_or_default();
            let is_a_token = Token::parse(token).is_ok();
            let (Some(time), Some(chance)) = (old.get(..10), token.get(10..).filter(|_| is_a_token)) else {
                return Err(Error::Unexpected(format!("{key} is no marker")));
            };
            let head = self.ledger_object(&format!("heads/{place}.json")).await?;
            if head.is_some_and(|head| head.to_string().contains(token)) {
                continue;
            }
            self.put_in_ledger(&format!("open/{place}/{time}{chance}"), Vec::new()).await?;
            let call = s3.delete_object().bucket(LEDGER).key(&key);
            call.send().await.doing(format!("deleting {key}"))?;
        }
        Ok(())
    }

    /// Lets time pass in SQS, which ends delays and visibility timeouts.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn advance_queue_time(&self, time: Duration) -> Result<()> {
        self.control().advance_queue_clock(time).await
    }

    /// Replaces an object of the ledger bucket, on the condition that it is the one just read, as a person repairs it.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn put_in_ledger(&self, key: &str, body: Vec<u8>) -> Result<()> {
        let s3 = self.clients().s3(TOOLING, REGION);
        let there = s3.head_object().bucket(LEDGER).key(key).send().await.ok().and_then(|there| there.e_tag);
        let put = s3.put_object().bucket(LEDGER).key(key).body(body.into());
        let put = match there {
            Some(etag) => put.if_match(etag),
            None => put.if_none_match("*"),
        };
        put.send().await.doing(format!("putting {key} into the ledger")).map(drop)
    }
}

/// Dates all times in a value back.
pub(crate) fn make_older(value: &mut Value, time: SignedDuration) {
    match value {
        Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                *value = json!(at - time);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| make_older(value, time)),
        Value::Object(fields) => fields.values_mut().for_each(|value| make_older(value, time)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_older_and_nothing_else_changes() {
        let mut record = json!({"release": "1.0.0", "started_at": "2026-11-30T10:00:00Z", "code": null, "size": 7,
            "promotion": {"approvals": [{"by": "bob", "at": "2026-11-30T10:30:00.5Z"}]}});
        make_older(&mut record, SignedDuration::from_mins(61));
        let older = json!({"release": "1.0.0", "started_at": "2026-11-30T08:59:00Z", "code": null, "size": 7,
            "promotion": {"approvals": [{"by": "bob", "at": "2026-11-30T09:29:00.5Z"}]}});
        assert_eq!(record, older);
    }
}
