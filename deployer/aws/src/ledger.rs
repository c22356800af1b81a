//! The ledger over S3, with conditional writes only.
//!
//! S3 User Guide, "Conditional writes": 412 PreconditionFailed and 404 (If-Match on a missing key) mean that somebody
//! else was first; 409 ConditionalRequestConflict means try again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use deployer_core::id::{AccountId, BucketName};
use jiff::Timestamp;

use super::bucket_owner::{other_owner, owned_by};
use super::failure::Failure;
use deployer_engine::locked;
use deployer_engine::port::{ETag, Ledger, LedgerError, Precondition, Reading, Written};

/// The number of times that a write which met 409 is sent again.
const MAX_CONFLICTS: u32 = 5;
/// The pause after the first 409; it grows by the same time after each.
const CONFLICT_PAUSE: Duration = Duration::from_millis(30);

/// The ledger bucket.
pub struct S3Ledger {
    client: Client,
    bucket: BucketName,
    owner: Option<AccountId>,
}

impl S3Ledger {
    /// The ledger in this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: BucketName) -> Self {
        Self { client, bucket, owner: None }
    }

    /// Refuses a bucket of another account than this one.
    #[must_use]
    pub fn owned_by(self, owner: Option<&AccountId>) -> Self {
        Self { client: owned_by(self.client, owner), owner: owner.cloned(), ..self }
    }

    fn error(&self, doing: &str, key: &str, failure: &Failure) -> LedgerError {
        let hint = if failure.status == 403 {
            format!(
                " (the deployer's role needs s3:GetObject, s3:PutObject, s3:DeleteObject on open/* and s3:ListBucket there: \
                 without the last, a missing object looks like a denial{})",
                other_owner(self.owner.as_ref())
            )
        } else {
            String::new()
        };
        LedgerError(format!("{doing} s3://{}/{key}: {}{hint}", self.bucket, failure.message))
    }

    fn etag(&self, doing: &str, key: &str, header: Option<&str>) -> Result<ETag, LedgerError> {
        let missing = || LedgerError(format!("{doing} s3://{}/{key}: S3 answered without an ETag", self.bucket));
        header.map(|etag| ETag(etag.to_owned())).ok_or_else(missing)
    }
}

/// Keeps the `Date` of an answer, which the SDK's outputs do not show.
#[derive(Debug, Clone, Default)]
struct DateHeader(Arc<Mutex<Option<String>>>);

impl DateHeader {
    /// Returns the time that the header names.
    fn second(&self) -> Option<Timestamp> {
        let date = locked(&self.0).take()?;
        let date = DateTime::from_str(&date, Format::HttpDate).ok()?;
        Timestamp::from_second(date.secs()).ok()
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "Dated"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *locked(&self.0) = date;
        Ok(())
    }
}

#[async_trait]
impl Ledger for S3Ledger {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        let date_header = DateHeader::default();
        let call = self.client.get_object().bucket(self.bucket.as_str()).key(key);
        let output = match call.customize().interceptor(date_header.clone()).send().await {
            Ok(output) => output,
            Err(error) => {
                let failure = Failure::of(&error);
                return match failure.code.as_str() {
                    "NoSuchKey" => Ok(Reading { object: None, date: date_header.second() }),
                    _ => Err(self.error("reading", key, &failure)),
                };
            }
        };
        let etag = self.etag("reading", key, output.e_tag())?;
        let body = output.body.collect().await;
        let body = body.map_err(|error| LedgerError(format!("reading s3://{}/{key}: {error}", self.bucket)))?;
        Ok(Reading { object: Some((body.to_vec(), etag)), date: date_header.second() })
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        let call = self.client.list_objects_v2().bucket(self.bucket.as_str()).prefix(prefix);
        let mut pages = call.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.error("listing", prefix, &Failure::of(&error)))?;
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        Ok(keys)
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        let mut conflicts = 0;
        loop {
            let call = self
                .client
                .put_object()
                .bucket(self.bucket.as_str())
                .key(key)
                .content_type("application/json")
                .body(ByteStream::from(body.clone()));
            let call = match &precondition {
                Precondition::Absent => call.if_none_match("*"),
                Precondition::Unchanged(ETag(etag)) => call.if_match(etag),
            };
            let failure = match call.send().await {
                // If the answer has no ETag, the next read shows whether the object was written.
                Ok(output) => return self.etag("writing", key, output.e_tag()).map(Written::Now),
                Err(error) => Failure::of(&error),
            };
            match failure.status {
                412 => return Ok(Written::Lost),
                404 if failure.code == "NoSuchKey" => return Ok(Written::Lost),
                409 if conflicts < MAX_CONFLICTS => {
                    conflicts += 1;
                    tokio::time::sleep(CONFLICT_PAUSE * conflicts).await;
                }
                _ => return Err(self.error("writing", key, &failure)),
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        let answer = self.client.delete_object().bucket(self.bucket.as_str()).key(key).send().await;
        answer.map(drop).map_err(|error| self.error("deleting", key, &Failure::of(&error)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::stub_http::stub_config;
    use super::*;

    fn ledger(headers: Vec<(&'static str, &'static str)>) -> S3Ledger {
        let client = Client::new(&stub_config([(200, headers, "{}")]));
        S3Ledger::new(client, BucketName::parse("acme-ledger").unwrap())
    }

    #[tokio::test]
    async fn put_or_get_without_etag_has_unknown_outcome() {
        let whole = ledger(vec![("etag", "\"e1\"")]);
        assert_eq!(whole.put("k", vec![], Precondition::Absent).await.unwrap(), Written::Now(ETag("\"e1\"".into())));
        assert!(whole.get("k").await.unwrap().object.is_some());
        let bare = ledger(vec![]);
        assert!(bare.put("k", vec![], Precondition::Absent).await.unwrap_err().0.contains("without an ETag"));
        assert!(bare.get("k").await.is_err());
    }
}
