//! The order of uploads, implemented a second time: the oracle must not ask the head.

use std::fmt;

use deployer_core::artifact::Upload;
use jiff::Timestamp;

/// An upload's position in the order, by the event that the deployer handled first: time, sequencer, key, version id.
/// The simulator's sequencers all have the same length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    time: Timestamp,
    sequencer: String,
    key: String,
    version_id: String,
}

impl Position {
    pub fn of(upload: &Upload) -> Self {
        Self {
            time: upload.time,
            sequencer: upload.sequencer.clone().unwrap_or_default(),
            key: upload.key.clone(),
            version_id: upload.version_id.clone().unwrap_or_default(),
        }
    }

    /// Whether the upload is newer than a command of this time. An upload from before the command comes too late.
    pub fn is_newer_than_command(&self, time: Timestamp) -> bool {
        self.time > time
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.key, self.version_id, self.time)
    }
}

/// Returns the id of the deployment that this event would make.
pub(super) fn id(upload: &Upload) -> String {
    let Ok(bucket) = deployer_core::id::BucketName::parse(&upload.bucket) else { return String::new() };
    upload.clone().locate(&bucket).map(|located| located.deployment_id().to_string()).unwrap_or_default()
}
