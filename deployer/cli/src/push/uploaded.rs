//! The lines in which `push` describes a finished upload.

use deployer_core::id::{BucketName, Sha256};
use serde::Serialize;

use super::super::names::Names;
use super::super::zips;

/// The reason why a result may never come.
pub(super) const IGNORED: &str = "the deployer ignores an upload whose key is not <environment>/<function>/<release>.zip, or whose environment is not in \
     deployer.json; its log says so";

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
    fn content(&self) -> String {
        format!("{} bytes, {} files, {}", self.size, self.files, zips::manifest_note(self.manifest))
    }

    /// Describes the upload, for people.
    pub fn text(&self) -> String {
        let Self { bucket, key, version_id, sha256, result, .. } = self;
        let (content, sha256) = (self.content(), sha256.to_hex());
        format!(
            "uploaded s3://{bucket}/{key}\n  S3 version id {version_id}\n  {content}\n  sha256 {sha256}\n  its result will be \
             {result} in the ledger bucket\n  {IGNORED}\n"
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn upload_text_names_files_and_manifest_and_warns_of_unknown_environment() {
        let mut uploaded = Uploaded {
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
        let lines = |uploaded: &Uploaded| uploaded.text().lines().map(str::to_owned).collect::<Vec<_>>();
        let sha256 = uploaded.sha256.to_hex();
        assert_eq!(
            lines(&uploaded),
            [
                "uploaded s3://acme-artifacts/dev/orders-api/1.4.2.zip",
                "  S3 version id v",
                "  401 bytes, 2 files, with function.toml",
                &format!("  sha256 {sha256}"),
                "  its result will be results/dev/orders-api/1.4.2/v.json in the ledger bucket",
                &format!("  {IGNORED}"),
            ]
        );
        uploaded.manifest = None;
        let line = "  401 bytes, 2 files, no manifest: only the code of an existing function is deployed";
        assert_eq!(lines(&uploaded)[2], line);
    }
}
