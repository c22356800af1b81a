//! Calls that are held on their way: their answers are lost at once, and they are carried out later.

use std::collections::BTreeMap;

use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::id::{AliasName, Sha256, Version};
use deployer_core::observed::{ObservedAlias, RevisionId};
use deployer_core::plan::{CodeSettings, Configuration, NewFunction};
use deployer_engine::port::{Code, Write};
use jiff::Timestamp;

use super::call::CallContext;
use super::state::State;

/// Carries a held call out.
pub(super) type DelayedWrite = Box<dyn FnOnce(&mut State, &CallContext) + Send>;

/// A call that is held until the time that its context names.
pub(super) struct HeldCall {
    here: CallContext,
    late: DelayedWrite,
}

impl State {
    pub(super) fn hold(&mut self, here: CallContext, late: DelayedWrite) {
        self.held.push(HeldCall { here, late });
    }

    /// Carries out every held call whose time has come, in the order of their times.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        loop {
            let due = self.held.iter().enumerate().filter(|(_, held)| held.here.now <= now);
            let Some((next, _)) = due.min_by_key(|(_, held)| held.here.now) else { return };
            let HeldCall { here, late } = self.held.remove(next);
            self.settle(here.now);
            late(self, &here);
        }
    }

    /// Returns the number of calls that are still held.
    #[must_use]
    pub fn held_calls(&self) -> usize {
        self.held.len()
    }
}

/// A writing call as it was sent: an owned copy of what [`Write`] borrows.
#[derive(Clone)]
pub(super) enum OwnedWrite {
    Create { new: Box<NewFunction>, code: OwnedCode },
    UpdateConfiguration { configuration: Box<Configuration>, revision: RevisionId },
    UpdateCode { code: OwnedCode, settings: CodeSettings, revision: RevisionId },
    Publish { sha256: Sha256, revision: Option<RevisionId> },
    Tag(BTreeMap<String, String>),
    Untag(Vec<String>),
    ReserveConcurrency(i32),
    FreeConcurrency,
    CreateAlias { alias: AliasName, version: Version },
    MoveAlias { alias: AliasName, version: Version, revision: RevisionId },
    ShiftAlias { alias: AliasName, version: Version, to: (Version, u8), revision: RevisionId },
    RewriteAlias { alias: ObservedAlias, description: String },
    DeleteVersion(Version),
}

#[derive(Clone)]
pub(super) enum OwnedCode {
    Reference(ArtifactRef),
    Inline(Bytes),
}

impl From<&Code<'_>> for OwnedCode {
    fn from(code: &Code<'_>) -> Self {
        match code {
            Code::Reference(artifact) => Self::Reference((*artifact).clone()),
            Code::Inline(bytes) => Self::Inline(bytes.clone()),
        }
    }
}

impl OwnedCode {
    fn code(&self) -> Code<'_> {
        match self {
            Self::Reference(artifact) => Code::Reference(artifact),
            Self::Inline(bytes) => Code::Inline(bytes.clone()),
        }
    }
}

impl From<&Write<'_>> for OwnedWrite {
    fn from(write: &Write<'_>) -> Self {
        match write.clone() {
            Write::Create { new, code } => Self::Create { new: Box::new(new.clone()), code: (&code).into() },
            Write::UpdateConfiguration { configuration, revision } => {
                Self::UpdateConfiguration { configuration: Box::new(configuration.clone()), revision: revision.clone() }
            }
            Write::UpdateCode { code, settings, revision } => {
                Self::UpdateCode { code: (&code).into(), settings: settings.clone(), revision: revision.clone() }
            }
            Write::Publish { sha256, revision } => Self::Publish { sha256, revision: revision.cloned() },
            Write::Tag(tags) => Self::Tag(tags.clone()),
            Write::Untag(keys) => Self::Untag(keys.to_vec()),
            Write::ReserveConcurrency(n) => Self::ReserveConcurrency(n),
            Write::FreeConcurrency => Self::FreeConcurrency,
            Write::CreateAlias { alias, version } => {
                Self::CreateAlias { alias: alias.clone(), version: version.clone() }
            }
            Write::MoveAlias { alias, version, revision } => {
                Self::MoveAlias { alias: alias.clone(), version: version.clone(), revision: revision.clone() }
            }
            Write::ShiftAlias { alias, version, to: (new, percent), revision } => Self::ShiftAlias {
                alias: alias.clone(),
                version: version.clone(),
                to: (new.clone(), percent),
                revision: revision.clone(),
            },
            Write::RewriteAlias { alias, description } => {
                Self::RewriteAlias { alias: alias.clone(), description: description.to_owned() }
            }
            Write::DeleteVersion(version) => Self::DeleteVersion(version.clone()),
        }
    }
}

impl OwnedWrite {
    /// Returns the call.
    pub fn write(&self) -> Write<'_> {
        match self {
            Self::Create { new, code } => Write::Create { new, code: code.code() },
            Self::UpdateConfiguration { configuration, revision } => {
                Write::UpdateConfiguration { configuration, revision }
            }
            Self::UpdateCode { code, settings, revision } => {
                Write::UpdateCode { code: code.code(), settings, revision }
            }
            Self::Publish { sha256, revision } => Write::Publish { sha256: *sha256, revision: revision.as_ref() },
            Self::Tag(tags) => Write::Tag(tags),
            Self::Untag(keys) => Write::Untag(keys),
            Self::ReserveConcurrency(n) => Write::ReserveConcurrency(*n),
            Self::FreeConcurrency => Write::FreeConcurrency,
            Self::CreateAlias { alias, version } => Write::CreateAlias { alias, version },
            Self::MoveAlias { alias, version, revision } => Write::MoveAlias { alias, version, revision },
            Self::ShiftAlias { alias, version, to: (new, percent), revision } => {
                Write::ShiftAlias { alias, version, to: (new, *percent), revision }
            }
            Self::RewriteAlias { alias, description } => Write::RewriteAlias { alias, description },
            Self::DeleteVersion(version) => Write::DeleteVersion(version),
        }
    }
}
