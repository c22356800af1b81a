//! Step "verify": reads the artifact once, by version id, in constant memory.
//!
//! The end of the object comes first, because the zip's directory is there. If the object is larger, all bytes before
//! the end stream by, once. Must not know target accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use deployer_core::artifact::{ArtifactRef, KEPT_METADATA, UPLOADED_BY, VerifiedArtifact};
use deployer_core::config::rollout::SmokeTest;
use deployer_core::diagnostics::Diagnostics;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::Region;
use deployer_core::manifest::{FunctionConfig, Manifest};
use deployer_core::package::{Directory, Opening, Package, PackageError, Run, SmokeFile, WINDOW};
use deployer_core::record::{CauseKind, Code, Ending, RecordedArtifact, TargetError, TargetErrorCode};
use deployer_core::text::{Person, PlainText};
use futures::StreamExt as _;

use super::error::InvalidArtifact;
use crate::port::{ArtifactStore, ReadError, Tail};
use crate::timer::Timer;
use crate::{Engine, Transient};

/// The reason why an artifact is not verified.
enum Problem {
    Read(ReadError),
    Refused(Code, String),
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<PackageError> for Problem {
    fn from(error: PackageError) -> Self {
        let code = if error.is_about_the_manifest() { Code::InvalidManifest } else { Code::InvalidArtifact };
        Self::Refused(code, error.to_string())
    }
}

/// The reader of artifacts for one function.
#[derive(Clone, Copy)]
pub(crate) struct ArtifactReader<'a> {
    artifacts: &'a dyn ArtifactStore,
    /// The region of the artifact bucket, where there is one.
    region: Option<&'a Region>,
    timer: Timer<'a>,
    at: &'a FunctionRef<'a>,
    /// The kind of the deployment that it reads for.
    kind: CauseKind,
}

impl<'a> ArtifactReader<'a> {
    /// Makes the reader of an invocation.
    pub fn of(engine: &'a Engine, at: &'a FunctionRef<'a>, kind: CauseKind) -> Self {
        let (artifacts, region) = (engine.ports.artifacts.as_ref(), engine.region.as_ref());
        Self { artifacts, region, timer: engine.timer(), at, kind }
    }

    /// Reads an artifact, and verifies it.
    pub async fn verify(self, artifact: &ArtifactRef) -> Result<Arc<VerifiedArtifact>, InvalidArtifact> {
        let mut recorded = RecordedArtifact::from(artifact);
        match self.read_with_retries(artifact, &mut recorded).await {
            Ok(verified) => {
                tracing::info!(bytes = verified.size, sha256 = %verified.sha256, "artifact verified");
                Ok(Arc::new(verified))
            }
            Err(Problem::Read(ReadError::Transient(cause))) => {
                Err(InvalidArtifact::Transient(Transient::Artifact(cause)))
            }
            Err(Problem::Read(ReadError::Gone(because))) => {
                Err(InvalidArtifact::Ending(Ending::Refused { code: Code::ArtifactGone, because }, Box::new(recorded)))
            }
            Err(Problem::Refused(code, because)) => {
                Err(InvalidArtifact::Ending(Ending::Refused { code, because }, Box::new(recorded)))
            }
            Err(Problem::Read(ReadError::Denied(message) | ReadError::Unreadable(message))) => {
                // The deployer itself may not read the artifact: no target can be served.
                let error = TargetError::new(TargetErrorCode::ArtifactUnreadable, "verify", message);
                Err(InvalidArtifact::Ending(self.at.all_failed(&error), Box::new(recorded)))
            }
        }
    }

    /// Reads, and tries again while S3 denies it for some seconds: a new policy takes a while to be known.
    async fn read_with_retries(
        self,
        reference: &ArtifactRef,
        recorded: &mut RecordedArtifact,
    ) -> Result<VerifiedArtifact, Problem> {
        let since = self.timer.now();
        for attempt in 0.. {
            match self.read(reference, recorded).await {
                Err(Problem::Read(ReadError::Denied(because)))
                    if self.timer.passed(since) + self.timer.retries.wait(attempt) <= self.timer.retries.denied_for =>
                {
                    if self.timer.pause(attempt, "verify", &because).await.is_err() {
                        return Err(ReadError::Denied(because).into());
                    }
                }
                read => return read,
            }
        }
        unreachable!("attempts do not end")
    }

    async fn read(self, reference: &ArtifactRef, recorded: &mut RecordedArtifact) -> Result<VerifiedArtifact, Problem> {
        let mut tail = self.artifacts.tail(reference, WINDOW).await?;
        recorded.size = Some(tail.size);
        recorded.metadata = kept(std::mem::take(&mut tail.metadata));

        let package = self.read_package(reference, tail).await?;
        recorded.sha256 = Some(package.sha256);
        let config = manifest(&package, self.at, self.kind)?;
        let smoke_tests = smoke_tests(&package, self.at, self.kind, &config)?;
        Ok(VerifiedArtifact {
            reference: reference.clone(),
            region: self.region.cloned(),
            has_manifest: package.manifest.is_some(),
            sha256: package.sha256,
            size: package.size,
            metadata: recorded.metadata.clone(),
            config,
            smoke_tests,
            startup: package.startup,
        })
    }

    /// Reads every byte once: the tail, the directory's start if it is longer than that, and all bytes before.
    async fn read_package(self, reference: &ArtifactRef, tail: Tail) -> Result<Package, Problem> {
        let Tail { size, bytes: mut end, .. } = tail;
        let mut start = size.saturating_sub(end.len() as u64);
        let directory = match Directory::open(size, &end)? {
            Opening::Ready(directory) => directory,
            Opening::NeedsFrom(from) => {
                end = self.collect(reference, from..start, end).await?;
                start = from;
                match Directory::open(size, &end)? {
                    Opening::Ready(directory) => directory,
                    Opening::NeedsFrom(_) => return Err(PackageError::NotAZip.into()),
                }
            }
        };
        let mut reader = directory.reader();
        if start > 0 {
            let mut chunks = self.artifacts.range(reference, 0..start).await?;
            while let Some(chunk) = chunks.next().await {
                reader.feed(&chunk?);
            }
        }
        reader.feed(&end);
        Ok(reader.finish()?)
    }

    async fn collect(self, reference: &ArtifactRef, range: std::ops::Range<u64>, end: Bytes) -> Result<Bytes, Problem> {
        let length = range.end - range.start + end.len() as u64;
        let mut all = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        let mut chunks = self.artifacts.range(reference, range).await?;
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk?);
        }
        all.extend_from_slice(&end);
        Ok(all.into())
    }
}

fn manifest(package: &Package, at: &FunctionRef<'_>, kind: CauseKind) -> Result<FunctionConfig, Problem> {
    let Some((file, text)) = &package.manifest else { return Ok(FunctionConfig::default()) };
    let invalid = |error: String| Problem::Refused(Code::InvalidManifest, format!("{}: {error}", file.file_name()));
    let manifest = Manifest::parse(*file, text).map_err(|error| invalid(error.to_string()))?;
    let config = manifest.for_environment(&at.name);
    // The planner judges for each target what a layer may have.
    package.startup.check_compatible(Run::unseen(&config))?;
    at.check_manifest(&config).map_err(|error| invalid(error.to_string()))?;
    // A deployment that goes back or brings what is live does not roll out, and must not be refused for it.
    if kind.rolls_out() {
        at.effective_rollout(&config).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(config)
}

/// Reads the smoke tests that the artifact brings. Where it does not roll out, nobody needs them.
fn smoke_tests(
    package: &Package,
    at: &FunctionRef<'_>,
    kind: CauseKind,
    config: &FunctionConfig,
) -> Result<Vec<SmokeTest>, Problem> {
    let file = package.manifest.as_ref().map_or("the manifest", |(file, _)| file.file_name());
    let invalid = |file: &str, error: Diagnostics| Problem::Refused(Code::InvalidManifest, format!("{file}: {error}"));
    let effective = if kind.rolls_out() { at.effective_rollout(config) } else { Ok(None) };
    let Some(effective) = effective.map_err(|error| invalid(file, error))? else { return Ok(vec![]) };
    let own = match &package.smoke_file {
        SmokeFile::Absent => vec![],
        SmokeFile::Content(content) => SmokeTest::parse_file(content).map_err(|error| invalid("smoke.json", error))?,
        SmokeFile::Unusable(because) => return Err(Problem::Refused(Code::InvalidArtifact, because.to_string())),
    };
    effective.smoke_tests(own.clone()).map_err(|error| invalid(file, error))?;
    Ok(own)
}

/// Reads what the uploader has said of an artifact, and not the artifact.
pub(crate) async fn read_metadata(
    engine: &Engine,
    artifact: &ArtifactRef,
) -> Result<BTreeMap<String, PlainText>, ReadError> {
    Ok(kept(engine.ports.artifacts.tail(artifact, 1).await?.metadata))
}

fn kept(metadata: BTreeMap<String, String>) -> BTreeMap<String, PlainText> {
    let is_kept = |(name, _): &(String, String)| KEPT_METADATA.contains(&name.as_str());
    let made_plain = |(name, value): (String, String)| {
        let value = if name == UPLOADED_BY { Person::from(value).as_str().into() } else { value.into() };
        (name, value)
    };
    metadata.into_iter().filter(is_kept).map(made_plain).collect()
}
