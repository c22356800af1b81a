//! The reason why an upload has not ended, which the deployer's sweep tells uploaders beside the results.

use std::convert::Infallible;
use std::time::Duration;

use aws_sdk_s3::Client;
use deployer_core::format;
use deployer_core::id::BucketName;
use deployer_core::upload_progress::UploadProgress;
use jiff::Timestamp;

/// The pause before the first look: most deployments have ended by then.
const FIRST: Duration = Duration::from_secs(30);
/// The pause between two looks; the sweep comes each minute.
const PAUSE: Duration = Duration::from_secs(20);

/// The place where the deployer tells why an upload has not ended.
pub(super) struct Reasons<'a> {
    pub client: &'a Client,
    pub ledger: &'a BucketName,
    pub key: &'a str,
    /// The S3 version id of the upload.
    pub version_id: &'a str,
}

impl Reasons<'_> {
    /// Shows the reason again and again beside the wait for the result, and never ends. What is missing or denied shows
    /// nothing.
    pub async fn show(&self, say: impl Fn(Option<&str>)) -> Infallible {
        repeat(async || self.read().await, say).await
    }

    async fn read(&self) -> Option<String> {
        let call = self.client.get_object().bucket(self.ledger.as_str()).key(self.key);
        let body = call.send().await.ok()?.body.collect().await.ok()?.into_bytes();
        because(&body, self.version_id, Timestamp::now())
    }
}

async fn repeat(read: impl AsyncFn() -> Option<String>, say: impl Fn(Option<&str>)) -> Infallible {
    tokio::time::sleep(FIRST).await;
    loop {
        say(read().await.as_deref());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Returns the reason that the object gives for this upload; none where it is too old, of a newer deployer or about others.
fn because(body: &[u8], version_id: &str, now: Timestamp) -> Option<String> {
    let progress: UploadProgress = format::read(body).ok()?;
    progress.upload(version_id, now)?.because.as_deref().map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn body(at: Timestamp) -> Vec<u8> {
        format!(
            r#"{{"schema": 1, "format": 1, "at": "{at}", "deployments": [{{"id": "01M8A5K79RQBSV76AT3ARZPEW6",
                "release": "1", "version_id": "v1", "status": "pending", "because": "waits for deployment 0"}}]}}"#
        )
        .into_bytes()
    }

    #[test]
    fn reason_is_that_of_this_upload_and_fresh() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let old: Timestamp = "2026-11-30T11:56:00Z".parse().unwrap();
        assert_eq!(because(&body(now), "v1", now).as_deref(), Some("waits for deployment 0"));
        assert_eq!(because(&body(now), "v2", now), None);
        assert_eq!(because(&body(old), "v1", now), None);
        assert_eq!(because(b"{", "v1", now), None);
        let newer = String::from_utf8(body(now)).unwrap().replace("\"format\": 1", "\"format\": 99");
        assert_eq!(because(newer.as_bytes(), "v1", now), None);
    }
}
