//! One function of a fake Lambda: `$LATEST`, versions, aliases, and the course of updates.
//!
//! The public methods are changes by somebody else (Terraform, the console, a colleague). The deployer's own changes go
//! through [`super::lambda`].

use crate::alias::{Alias, Provisioned};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::id::{AliasName, Sha256, Version};
use deployer_core::manifest::{
    EphemeralStorage, LogFormat, LoggingConfig, Secret, SnapStart, SnapStartApplyOn, TracingConfig, TracingMode,
};
use deployer_core::observed::{
    Condition, ObservedAlias, ObservedCode, ProvisionedConcurrency, Reason, RevisionId, Settings, Variables,
};
use jiff::Timestamp;

/// The end of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It succeeds.
    Settles,
    /// It ends in state Failed, for this reason.
    Fails(String),
    /// It ends in another state than Active.
    EndsIn(String),
}

/// The time that an update takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// The number of reads that show it busy.
    pub reads: u32,
    /// The time that passes in addition.
    pub time: Duration,
}

/// An update under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    pub(super) reads: u32,
    pub(super) until: Timestamp,
    pub(super) outcome: UpdateOutcome,
}

/// The state of `$LATEST` or a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can be used.
    Ready,
    /// It can be used, and an update is under way.
    Updating(Busy),
    /// It has just been created.
    Pending(Busy),
    /// Its creation failed, for this reason.
    Failed(String),
    /// A state other than Active, such as Inactive; a reason code other than Idle follows behind a space.
    Named(String),
}

/// `$LATEST`, or a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// Its code.
    pub sha256: Sha256,
    /// Its configuration.
    pub settings: Settings,
    /// Its state.
    pub state: State,
    /// The reason why the last update ended in Failed, if it did.
    pub last_update_failed: Option<String>,
    pub(super) revision: u64,
}

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// `$LATEST`.
    pub latest: Build,
    /// The published versions.
    pub versions: BTreeMap<u64, Build>,
    /// The aliases.
    pub aliases: BTreeMap<String, Alias>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Reserved concurrency.
    pub reserved: Option<i32>,
    /// True if its executions may wait for days and continue in the version in which they began.
    pub is_durable: bool,
    /// The versions that Lambda does not delete, because Lambda@Edge has copied them.
    pub replicated: BTreeSet<u64>,
    /// The principals that may invoke it.
    pub permissions: Vec<String>,
    /// True if an update call came since the last version was published.
    pub(super) unpublished: bool,
    pub(super) last_version: u64,
    pub(super) revisions: u64,
}

/// Returns the settings of a function that names none (Lambda API Reference, CreateFunction).
#[must_use]
pub fn defaults(function: &str, role: &str) -> Settings {
    Settings {
        runtime: Some("provided.al2023".into()),
        handler: Some("bootstrap".into()),
        role: Some(role.to_owned()),
        memory_size: 128,
        timeout: 3,
        tracing_config: Some(TracingConfig { mode: TracingMode::PassThrough }),
        ephemeral_storage: Some(EphemeralStorage { size: 512 }),
        logging_config: Some(LoggingConfig {
            log_format: Some(LogFormat::Text),
            application_log_level: None,
            system_log_level: None,
            log_group: Some(format!("/aws/lambda/{function}")),
        }),
        snap_start: Some(SnapStart { apply_on: SnapStartApplyOn::None }),
        ..Settings::default()
    }
}

impl Function {
    pub(super) fn new(sha256: Sha256, settings: Settings, state: State) -> Self {
        Self {
            latest: Build { sha256, settings, state, last_update_failed: None, revision: 1 },
            versions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            tags: BTreeMap::new(),
            reserved: None,
            is_durable: false,
            replicated: BTreeSet::new(),
            permissions: Vec::new(),
            unpublished: true,
            last_version: 0,
            revisions: 1,
        }
    }

    pub(super) fn next_revision(&mut self) -> u64 {
        self.revisions += 1;
        self.revisions
    }

    pub(super) fn touch(&mut self) {
        self.latest.revision = self.next_revision();
    }

    /// Changes the configuration, as somebody else.
    pub fn set(&mut self, change: impl FnOnce(&mut Settings)) -> &mut Self {
        change(&mut self.latest.settings);
        self.unpublished = true;
        self.touch();
        self
    }

    /// Sets a variable, as somebody else.
    pub fn variable(&mut self, name: &str, value: &str) -> &mut Self {
        self.set(|settings| {
            if let Variables::Known(all) = &mut settings.variables {
                all.insert(name.to_owned(), Secret::new(value));
            }
        })
    }

    /// Updates the code, as somebody else.
    pub fn code(&mut self, zip: &[u8]) -> &mut Self {
        self.latest.sha256 = Sha256::of(zip);
        self.unpublished = true;
        self.touch();
        self
    }

    /// Publishes a version, as somebody else.
    pub fn publish(&mut self) -> &mut Self {
        self.publish_with(State::Ready);
        self
    }

    /// Publishes a version of `$LATEST`, or returns the last one if no update call came since.
    pub(super) fn publish_with(&mut self, state: State) -> u64 {
        if self.unpublished {
            self.unpublished = false;
            self.last_version += 1;
            let revision = self.next_revision();
            let build = Build { state, last_update_failed: None, revision, ..self.latest.clone() };
            self.versions.insert(self.last_version, build);
        }
        self.touch();
        self.last_version
    }

    /// Points an alias to a version (0: `$LATEST`), as somebody else, and ends a traffic shift.
    pub fn point(&mut self, alias: &str, version: u64) -> &mut Self {
        assert!(version == 0 || self.versions.contains_key(&version), "no version {version}");
        let revision = self.next_revision();
        let description = self.description_of(alias);
        let alias = self.aliases.entry(alias.to_owned()).or_insert_with(|| Alias::of(version, revision));
        (alias.version, alias.revision, alias.description) = (version, revision, description);
        alias.weights.clear();
        self
    }

    /// Gives an alias provisioned concurrency whose allocation on another version takes this time.
    pub fn provision(&mut self, alias: &str, takes: Duration, outcome: UpdateOutcome) -> &mut Self {
        let alias = self.aliases.get_mut(alias).unwrap();
        let stands_on = alias.version;
        alias.provisioned = Some(Provisioned { stands_on, takes, outcome, until: None, failed: None });
        self
    }

    /// Returns the description that an alias keeps when a call sends none.
    pub(super) fn description_of(&self, alias: &str) -> String {
        self.aliases.get(alias).map(|alias| alias.description.clone()).unwrap_or_default()
    }

    /// Sends a part of the traffic to another version, as somebody else.
    pub fn shift(&mut self, alias: &str, version: u64, part: f64) -> &mut Self {
        assert!(self.versions.contains_key(&version), "no version {version}");
        let revision = self.next_revision();
        let alias = self.aliases.get_mut(alias).unwrap();
        assert_ne!(alias.version, 0, "an alias on $LATEST takes no weights");
        alias.weights.insert(version, part);
        alias.revision = revision;
        self
    }

    /// Sets a tag, as somebody else.
    pub fn tag(&mut self, key: &str, value: &str) -> &mut Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self.touch();
        self
    }

    /// Lets an event source invoke the function and its aliases, as somebody else.
    pub fn permit(&mut self, whom: &str) -> &mut Self {
        self.permissions.push(whom.to_owned());
        self.touch();
        let revision = self.next_revision();
        self.aliases.values_mut().for_each(|alias| alias.revision = revision);
        self
    }

    /// Begins an update, as somebody else, that takes so many reads and lasts until this time.
    pub fn busy(&mut self, reads: u32, until: Timestamp) -> &mut Self {
        self.latest.state = State::Updating(Busy { reads, until, outcome: UpdateOutcome::Settles });
        self.touch();
        self
    }

    /// Ends the updates whose time has come; each end makes a new revision.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let mut next = self.revisions;
        for build in std::iter::once(&mut self.latest).chain(self.versions.values_mut()) {
            let (busy, is_new) = match &build.state {
                State::Updating(busy) => (busy, false),
                State::Pending(busy) => (busy, true),
                State::Ready | State::Failed(_) | State::Named(_) => continue,
            };
            if busy.reads > 0 || now < busy.until {
                continue;
            }
            next += 1;
            build.revision = next;
            build.state = match busy.outcome.clone() {
                UpdateOutcome::Settles => State::Ready,
                UpdateOutcome::EndsIn(state) if is_new => State::Named(state),
                UpdateOutcome::EndsIn(_) => State::Ready,
                UpdateOutcome::Fails(because) if is_new => State::Failed(because),
                UpdateOutcome::Fails(because) => {
                    build.last_update_failed = Some(because);
                    State::Ready
                }
            };
        }
        for alias in self.aliases.values_mut() {
            if alias.settle(now) {
                next += 1;
                alias.revision = next;
            }
        }
        self.revisions = next;
    }

    /// Returns `$LATEST` (0) or a version as a reader sees it.
    pub(super) fn look(&mut self, version: u64) -> Option<ObservedCode> {
        let build = if version == 0 { &mut self.latest } else { self.versions.get_mut(&version)? };
        let seen = ObservedCode {
            version: number(version),
            sha256: Some(build.sha256),
            settings: build.settings.clone(),
            revision: RevisionId(format!("r{}", build.revision)),
            condition: match &build.state {
                State::Ready => Condition::Ready,
                State::Updating(_) | State::Pending(_) => Condition::Busy,
                State::Failed(because) => Condition::Failed { because: because.as_str().into() },
                State::Named(state) => {
                    let (state, code) = state.split_once(' ').unwrap_or((state, "Idle"));
                    Condition::of(Some(state), Reason::new(Some(code), Some("so it is")), false)
                }
            },
            last_update_failed: build.last_update_failed.as_deref().map(Into::into),
        };
        if let State::Updating(busy) | State::Pending(busy) = &mut build.state {
            busy.reads = busy.reads.saturating_sub(1);
        }
        Some(seen)
    }

    pub(super) fn look_at_alias(&self, name: &AliasName) -> Option<ObservedAlias> {
        let alias = self.aliases.get(name.as_str())?;
        Some(ObservedAlias {
            name: name.clone(),
            version: number(alias.version),
            weights: alias.weights.iter().map(|(version, part)| (version.to_string(), *part)).collect(),
            provisioned: None,
            revision: RevisionId(format!("r{}", alias.revision)),
            description: alias.description.clone(),
            moved_by_deployer: false,
        })
    }
}

impl Function {
    pub(super) fn look_at_concurrency(&self, alias: &AliasName) -> Option<ProvisionedConcurrency> {
        self.aliases.get(alias.as_str())?.look_at_concurrency()
    }
}

fn number(version: u64) -> Option<Version> {
    Version::parse(version.to_string()).ok()
}
