//! The lines in which `push` describes a finished upload.

use deployer_core::id::{BucketName, Sha256};
use serde::Serialize;

use super::environment::EnvironmentLook;
use crate::text::names::Names;

/// The reason why a result may never come.
pub(super) const IGNORED: &str =
    "the deployer ignores an upload to an environment that deployer.json does not have; its log says so";

/// A finished upload.
#[derive(Debug, Serialize)]
pub(super) struct Uploaded {
    pub bucket: BucketName,
    pub key: String,
    pub version_id: String,
    pub size: u64,
    /// The number of files in the zip.
    pub files: usize,
    /// The manifest's name; null where there is none.
    pub manifest: Option<&'static str>,
    pub sha256: Sha256,
    /// The result's key in the ledger bucket.
    pub result: String,
    /// The files and folders that look private and are not in the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Names>,
}

impl Uploaded {
    /// Describes the upload, for people who have read its content's line before. `look` is what is known of the
    /// environment, if it was looked up.
    pub fn text(&self, look: Option<&EnvironmentLook>) -> String {
        let Self { bucket, key, version_id, result, .. } = self;
        let uploaded = format!(
            "uploaded s3://{bucket}/{key}\n  S3 version id {version_id}\n  its result will be {result} in the ledger bucket\n"
        );
        match look {
            Some(EnvironmentLook::Accepts(_)) => uploaded,
            Some(EnvironmentLook::Doubtful(doubt)) => format!("{uploaded}  {doubt}\n"),
            Some(EnvironmentLook::Untold(because)) => format!("{uploaded}  {because}\n  {IGNORED}\n"),
            _ => format!("{uploaded}  {IGNORED}\n"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn upload_text_warns_of_an_unknown_environment_unless_it_is_known_to_take_uploads() {
        let uploaded = Uploaded {
            bucket: BucketName::parse("acme-artifacts").unwrap(),
            key: "dev/orders-api/1.4.2.zip".into(),
            version_id: "v".into(),
            size: 401,
            files: 2,
            manifest: Some("function.toml"),
            sha256: Sha256::of(b"zip"),
            result: "results/dev/orders-api/1.4.2/v.json".into(),
            left_out: None,
        };
        let known = "uploaded s3://acme-artifacts/dev/orders-api/1.4.2.zip\n  S3 version id v\n  \
                     its result will be results/dev/orders-api/1.4.2/v.json in the ledger bucket\n";
        assert_eq!(uploaded.text(Some(&EnvironmentLook::Accepts(None))), known);
        let warned = format!("{known}  {IGNORED}\n");
        assert_eq!(uploaded.text(None), warned);
        let untold = EnvironmentLook::Untold("reading the notice is denied".to_owned());
        assert_eq!(uploaded.text(Some(&untold)), format!("{known}  reading the notice is denied\n  {IGNORED}\n"));
    }
}
