#![allow(clippy::unwrap_used)]
//! The rules of the head, each by an example, and lives at random that must keep all of them.

mod accept;
mod before;
mod commands;
mod doors;
mod ended_waiting;
mod finish;
mod formats;
mod known_by;
mod live;
mod lives;
mod member;
mod model;
mod next_action;
mod parked;
mod plan_rollback;
mod promote;
mod rises;
mod rollback;
mod rollouts;
mod times;

use std::sync::LazyLock;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::artifact::ArtifactRef;
use crate::artifact::LocatedUpload;
use crate::config::{Config, Target};
use crate::function_ref::FunctionRef;
use crate::hold_and_reject::{CommandEffect, Hold};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Sha256, Token, Version};
use crate::managed_keys::ManagedKeys;
use crate::record::{
    Cause, CauseKind, Code, DeploymentRecord, Ending, Status, TargetError, TargetErrorCode, TargetOutcome,
};
use crate::rejects::Rejects;

/// The seconds that a claim's lease lasts here.
const LEASE: i64 = 100;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    Config::parse(
        r#"{
            "artifact_bucket": "acme-artifacts",
            "ledger_bucket": "acme-ledger",
            "environments": {
                "dev": { "targets": [{ "account": "111111111111", "region": "eu-west-1" },
                                     { "account": "111111111111", "region": "us-east-1" }] }
            }
        }"#,
    )
    .unwrap()
});

fn at() -> FunctionRef<'static> {
    let (environment, function) = (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap());
    FunctionRef::find(&CONFIG, &environment, &function).unwrap()
}

fn target(number: usize) -> &'static Target {
    &targets()[number]
}

fn targets() -> &'static [Target] {
    &CONFIG.environments[&at().name].targets
}

fn version(number: &str) -> Version {
    Version::parse(number).unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn token(name: &str) -> Token {
    let chance = name.bytes().fold(0, |sum: u128, byte| sum * 256 + u128::from(byte));
    Token::drawn(Timestamp::UNIX_EPOCH, chance)
}

/// Makes a claimant with this token, at this second.
fn me(name: &str, now: i64) -> Claimant {
    Claimant { token: token(name), now: second(now), lease_until: second(now + LEASE) }
}

/// Makes the upload of a release at this second. The same release at another second is the same upload in another
/// event.
fn upload(release: &str, time: i64) -> Request {
    let upload = LocatedUpload {
        key: crate::artifact::ArtifactKey::parse(&format!("dev/orders/{release}.zip")).unwrap(),
        artifact: ArtifactRef {
            bucket: CONFIG.artifact_bucket.clone(),
            key: format!("dev/orders/{release}.zip"),
            version_id: format!("version-of-{release}"),
        },
        time: second(time),
        sequencer: None,
        event_id: None,
    };
    Request::of(&upload, second(time), token(&format!("m{release}{time}")))
}

/// Returns the object version that an upload is about.
fn artifact_of(request: &Request) -> ArtifactRef {
    request.artifact().unwrap().artifact
}

fn mark_of(request: &Request) -> Mark {
    request.mark().unwrap()
}

/// Makes an upload of another object version of the same key, as S3 ordered it.
fn as_version(request: Request, version_id: &str, sequence: Option<&str>) -> Request {
    let Source::Artifact { release, artifact, .. } = request.source else { panic!("no upload") };
    let artifact = ArtifactRef { version_id: version_id.into(), ..artifact };
    Request { source: Source::Artifact { release, artifact, sequencer: sequence.map(Into::into) }, ..request }
}

/// Makes a command of this kind, given at this second.
fn command(id: &str, kind: CauseKind, source: Source, time: i64) -> Request {
    let at = at();
    let cause = Cause::new(kind, Some("ann".into()), Some(id.into()));
    Request::by_command((&at.name, &at.function), source, cause, (second(time), token(&format!("m{id}"))))
}

fn rollback(id: &str, time: i64) -> Request {
    command(id, CauseKind::Rollback, Source::Earlier(Rollback::to(None)), time)
}

/// Makes the rules of a world in which nothing is rejected.
fn rules(refusal: Option<&Ending>) -> Rules<'_> {
    static NONE: LazyLock<Rejects> = LazyLock::new(Rejects::default);
    Rules { refusal, rejects: &NONE }
}

fn refusal() -> Ending {
    Ending::Refused { code: Code::UploadsNotAccepted, because: "takes no uploads".into() }
}

/// Makes an end by which every target is live at this version, with this variable.
fn arrived(request: &Request, number: &str, variable: &str) -> DeploymentEnd {
    ends(request, variable, |outcome| {
        outcome.status = Status::Succeeded;
        outcome.version = Some(version(number));
    })
}

/// Makes an end by which the first target is live at this version, and the second failed.
fn half_arrived(request: &Request, number: &str, variable: &str) -> DeploymentEnd {
    ends(request, variable, |outcome| {
        if outcome.region == target(0).region {
            outcome.status = Status::Succeeded;
            outcome.version = Some(version(number));
        } else {
            outcome.status = Status::Failed;
            outcome.error = Some(TargetError::new(TargetErrorCode::AccessDenied, "update code", "may not"));
        }
    })
}

fn ends(request: &Request, variable: &str, change: impl Fn(&mut crate::record::TargetOutcome)) -> DeploymentEnd {
    let mut record = at().record(request, Status::InProgress);
    let mut outcomes = record.targets.clone();
    outcomes.iter_mut().for_each(change);
    if let Some(artifact) = &mut record.artifact {
        artifact.sha256 = Some(Sha256::of(artifact.key.as_bytes()));
    }
    let managed = ManagedKeys { variables: [variable.to_owned()].into(), tags: [].into() };
    let written = [target(0).clone(), target(1).clone()].into();
    DeploymentEnd {
        record: record.ended(Ending::Tried(outcomes), second(1_000)),
        managed: Some(managed),
        written,
        kept: [].into(),
        doors: vec![],
        provisioned: [].into(),
        start_unpublished: false,
    }
}

/// Lists all side effects of these ends as done.
fn done(ids: &[DeploymentId]) -> Vec<(DeploymentId, BTreeSet<SideEffect>)> {
    ids.iter().map(|id| (*id, SideEffect::all())).collect()
}

impl Head {
    /// Writes the head of a transition.
    fn writes(&self, transition: Transition) -> (Self, Next) {
        let head = *transition.head.unwrap();
        assert_eq!(head.revision, self.revision + 1);
        (head, transition.then)
    }

    fn accepts(&self, request: &Request, me: &Claimant) -> (Self, Next) {
        self.writes(accept(self, request, &at(), rules(None), me))
    }

    fn refuses(&self, request: &Request, me: &Claimant) -> (Self, Next) {
        self.writes(accept(self, request, &at(), rules(Some(&refusal())), me))
    }

    /// Accepts a request that changes nothing.
    fn answers(&self, request: &Request, me: &Claimant) -> Next {
        let Transition { head, then } = accept(self, request, &at(), rules(None), me);
        assert!(head.is_none(), "it changes nothing");
        then
    }

    fn acquires(&self, me: &Claimant) -> (Self, Next) {
        self.writes(acquire(self, &at(), me))
    }

    fn commits(&self, claim: &str, end: &DeploymentEnd, next: Option<&Claimant>) -> (Self, Option<Active>) {
        let Finish::Commit { head, next } = finish(self, token(claim), end, &at(), next) else {
            panic!("nothing to commit")
        };
        assert_eq!(head.revision, self.revision + 1);
        (*head, next)
    }

    /// Accepts an upload and ends it well, at once.
    fn deploys(&self, request: &Request, number: &str) -> Self {
        let (claimed, then) = self.accepts(request, &me("deploys", request.time.as_second()));
        assert_eq!(then, Next::Work(claimed.active().unwrap().clone()));
        claimed.commits("deploys", &arrived(request, number, "A"), None).0
    }

    fn gives_up(&self, claim: &str, now: i64) -> Option<Self> {
        release_claim(self, token(claim), ClaimRelease::Untouched, second(now))
    }

    /// Lets the owner open a door to an alias that serves this version.
    fn sees(&self, target: &Target, number: &str) -> Option<Self> {
        let (claim, door) = (self.active()?.claim, doors::door(self.active()?, target, Some("r1")));
        with_doors(self, claim, &[Opening { door, previous: Some(doors::served(number)) }])
    }

    fn flushes(&self) -> Self {
        let written: Vec<DeploymentId> = self.outbox().iter().map(|entry| entry.record.id).collect();
        with_side_effects_done(self, &done(&written)).unwrap_or_else(|| self.clone())
    }

    /// Returns the record with which this deployment ended.
    fn record_of(&self, request: &Request) -> &DeploymentRecord {
        let entries: Vec<_> = self.outbox().iter().filter(|entry| entry.record.id == request.id).collect();
        assert_eq!((entries.len(), entries[0].marker), (1, request.marker));
        &entries[0].record
    }

    /// Accepts a command, resolves its artifact, and ends it on all targets or on half of them.
    fn ends_command(&self, request: &Request, number: &str, half: bool) -> Self {
        let now = request.time.as_second();
        let (head, then) = self.accepts(request, &me("obeys", now));
        let Next::Work(active) = then else { panic!("{then:?}") };
        let resolved = resolve_artifact(&head, &active.request.source, targets(), &Rejects::default()).unwrap();
        let head = with_resolved_artifact(&head, token("obeys"), &resolved).unwrap();
        let mut end = if half { half_arrived(request, number, "A") } else { arrived(request, number, "A") };
        (end.record.release, end.record.artifact) = (Some(resolved.release.clone()), Some(resolved.recorded()));
        end.record.finished_at = Some(second(now + 1));
        head.commits("obeys", &end, None).0.flushes()
    }

    fn because(&self, request: &Request) -> (Status, &str) {
        let record = self.record_of(request);
        (record.status, record.because.as_deref().unwrap_or_default())
    }
}

/// Whether there is a deployment to acquire: one that nobody works on.
fn has_work(head: &Head, now: Timestamp) -> bool {
    let action = head.next_action(now, SkippedWork::all_but_deployments());
    matches!(action, NextAction::Deploy(_) | NextAction::Resume(_))
}

/// Makes a head with everything in it.
fn full() -> Head {
    let head = Head::default().deploys(&upload("1", 10), "6");
    let head = head.accepts(&upload("2", 20), &me("two", 20)).0;
    let head = head.accepts(&upload("3", 30), &me("three", 30)).0;
    assert!(head.queue.active.is_some() && !head.queue.pending.is_empty() && !head.ended.outbox.is_empty());
    head
}

#[test]
fn head_is_read_as_it_was_written() {
    for head in [Head::default(), full()] {
        let json = serde_json::to_string_pretty(&head).unwrap();
        assert_eq!(serde_json::from_str::<Head>(&json).unwrap(), head);
    }
}

#[test]
fn head_without_optional_fields_is_read() {
    let json = r#"{ "schema": 1, "revision": 7, "history": [], "requests": [], "outbox": [], "ended": [],
        "targets": [{ "account": "111111111111", "region": "eu-west-1", "version": "6" }] }"#;
    let head: Head = serde_json::from_str(json).unwrap();
    let seen = head.target(target(0)).unwrap();
    assert_eq!((seen.version.as_ref().unwrap().as_str(), &seen.managed), ("6", &ManagedKeys::default()));
    assert_eq!((head.active(), head.pending(), head.newest.mark.as_ref()), (None, None, None));
}

#[test]
fn marker_is_needed_while_its_request_is_open() {
    let head = full();
    for (release, time) in [("1", 10), ("2", 20), ("3", 30)] {
        assert!(head.needs(upload(release, time).marker), "{release}");
    }
    assert!(!head.needs(upload("2", 21).marker), "a duplicate's own marker guards nothing");
    assert!(!head.flushes().needs(upload("1", 10).marker), "all of it is written");
    assert!(head.flushes().needs(upload("2", 20).marker));
}

#[test]
fn deployments_are_listed_newest_first() {
    let late = full().refuses(&upload("4", 25), &me("four", 40)).0;
    let ids = [("3", 30), ("4", 25), ("2", 20), ("1", 10)].map(|(release, time)| upload(release, time).id);
    assert_eq!(late.deployments(), ids);
    assert_eq!(late.flushes().deployments(), ids, "ended ones are known after all is written, too");
}

#[test]
fn every_list_is_bounded_after_many_deployments() {
    let mut head = Head::default();
    for number in 0..150 {
        head = head.deploys(&upload(&format!("r{number}"), number * 10), "6").flushes();
        head = head.refuses(&upload(&format!("x{number}"), number * 10), &me("x", number * 10)).0.flushes();
    }
    assert_eq!(
        (head.live_state.history.len(), head.known.requests.len(), head.ended.ids.len()),
        (HISTORY, REQUESTS, ENDED)
    );
    assert_eq!((head.live_state.targets.len(), head.ended.outbox.len()), (2, 0));
    assert_eq!(head.live().unwrap().release.as_str(), "r149");
    assert_eq!(head.history().last().unwrap().release.as_str(), "r100", "the oldest go");
    assert_eq!(head.deployments().len(), ENDED);
    for number in 100..150 {
        for request in [upload(&format!("r{number}"), number * 10), upload(&format!("x{number}"), number * 10)] {
            assert_eq!(head.answers(&request, &me("again", 9_000)), Next::Finished(request.id), "the last {REQUESTS}");
        }
    }
    assert!(serde_json::to_vec(&head).unwrap().len() < 64 * 1024);
}

#[test]
fn head_with_too_many_unwritten_records_is_overfull() {
    let mut head = Head::default();
    for number in 0..50 {
        assert!(!head.is_overfull(), "{number}");
        head = head.refuses(&upload(&format!("r{number}"), 10), &me("x", 10)).0;
    }
    assert!(head.is_overfull());
    assert!(!head.flushes().is_overfull());
}
