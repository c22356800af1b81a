//! The order of uploads, written down a second time: the oracle must not ask the head.

use std::fmt;

use deployer_core::artifact::Upload;
use jiff::Timestamp;

/// An upload's place in the order, by what the first door told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    key: String,
    version_id: String,
    sequencer: String,
    time: Timestamp,
}

impl Place {
    pub fn of(upload: &Upload) -> Self {
        Self {
            key: upload.key.clone(),
            version_id: upload.version_id.clone().unwrap_or_default(),
            sequencer: upload.sequencer.clone().unwrap_or_default(),
            time: upload.time,
        }
    }

    fn tells_whole_seconds(&self) -> bool {
        self.time.subsec_nanosecond() == 0
    }

    /// Within a key the sequencer decides, between keys the event's time, then the key.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        if self.key == other.key {
            self.sequencer > other.sequencer
        } else {
            // EventBridge tells whole seconds: with one of those nothing is known below the second.
            let (mine, theirs) = match self.tells_whole_seconds() || other.tells_whole_seconds() {
                true => (self.time.as_second().into(), other.time.as_second().into()),
                false => (self.time.as_nanosecond(), other.time.as_nanosecond()),
            };
            (mine, &self.key) > (theirs, &other.key)
        }
    }
}

impl Place {
    /// Whether it is newer than a command of this time: whatever was uploaded before that comes too late.
    pub fn is_newer_than_command(&self, time: Timestamp) -> bool {
        match self.tells_whole_seconds() || time.subsec_nanosecond() == 0 {
            true => self.time.as_second() >= time.as_second(),
            false => self.time >= time,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.key, self.version_id, self.time)
    }
}

/// The id that the deployment of this event would get.
pub(super) fn id(upload: &Upload) -> String {
    let Ok(bucket) = deployer_core::id::BucketName::parse(&upload.bucket) else { return String::new() };
    upload.clone().locate(&bucket).map(|located| located.deployment_id().to_string()).unwrap_or_default()
}
