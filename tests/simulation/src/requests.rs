//! The promotions that events request in a schedule, drawn from its seed, and the votes on promotions that wait.
//!
//! Must not know how a scenario is played or judged.

use std::time::Duration;

use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, FunctionPattern, Release};
use deployer_core::identity::Identity;
use deployer_core::promotion::{ApprovalDecision, ApprovalResponse, Functions, PromotionRequest};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::focus::Odds;
use super::scenario::{Environment, PlannedUpload};
use fixtures::random::Random;

/// The people who approve, and sometimes request.
pub(super) const PEOPLE: [&str; 3] = ["ann", "bob", "cem"];

/// An event that requests a promotion.
#[derive(Debug, Clone)]
pub struct PlannedRequest {
    /// The time at which it is sent.
    pub at: Duration,
    /// The functions.
    pub functions: Vec<String>,
    /// True if it asks for each function that is ready, by the pattern `*`.
    pub each: bool,
    /// The environment to promote from.
    pub from: String,
    /// The environment to promote to.
    pub to: String,
    /// The release, if one is named.
    pub release: Option<String>,
    /// The requester.
    pub by: String,
    /// The number of seconds after sending at which it expires.
    pub not_after: Option<i64>,
    /// The number of seconds by which the event's time is ahead of the time of sending.
    pub ahead: i64,
    /// The arrivals of the event.
    pub arrivals: Vec<Arrival>,
}

/// One arrival of a request.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The time from sending to arrival.
    pub after: Duration,
    /// True if the event is lost when its first handling fails.
    pub is_lost: bool,
    /// True if it is replayed from an archive.
    pub is_replay: bool,
}

/// Returns the name of a request: its event id.
#[must_use]
pub fn name(number: usize) -> String {
    format!("request-{number}")
}

impl PlannedRequest {
    /// Returns the request as the deployer gets it.
    #[must_use]
    pub fn promotion_request(&self, id: &str, sent: Timestamp, is_replay: bool) -> Option<PromotionRequest> {
        let mut names: Vec<FunctionName> =
            self.functions.iter().filter_map(|name| FunctionName::parse(name).ok()).collect();
        names.sort();
        let seconds = |more: i64| Timestamp::from_second(sent.as_second() + more).ok();
        Some(PromotionRequest {
            functions: match (self.each, names.as_slice()) {
                (true, _) => Functions::Each(FunctionPattern::parse("*").ok()?),
                (false, [one]) => Functions::One(one.clone()),
                (false, _) => Functions::Together(names),
            },
            from: EnvironmentName::parse(&self.from).ok()?,
            to: EnvironmentName::parse(&self.to).ok()?,
            release: self.release.as_deref().and_then(|release| Release::parse(release).ok()),
            requested_by: Some(self.by.clone().into()),
            identity: Identity::None,
            not_after: self.not_after.and_then(seconds),
            freeze_override: None,
            skip_rollout: None,
            id: id.to_owned(),
            time: seconds(self.ahead)?,
            keeps_its_time: true,
            is_replay,
        })
    }

    /// Whether every arrival is a replay from an archive.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.arrivals.iter().all(|arrival| arrival.is_replay)
    }
}

/// Draws requests, mostly some time after an upload and about the same function.
pub(super) fn draw(
    random: &mut Random,
    odds: &Odds,
    environments: &[Environment],
    functions: &[String],
    uploads: &[PlannedUpload],
) -> Vec<PlannedRequest> {
    let mut all = Vec::new();
    for _ in 0..random.count(0, 5) {
        let near = &uploads[random.index(uploads.len())];
        let to = random.one_of(environments);
        let ways: Vec<String> = to.rules.iter().flat_map(|rules| rules.from.clone()).collect();
        let from = match ways.is_empty() || random.percent(5) {
            true => random.one_of(environments).name,
            false => random.one_of(&ways),
        };
        if from == to.name {
            continue;
        }
        let named = if odds.groups { 5 } else { 25 };
        let release = random.percent(named).then(|| random.one_of(uploads).release);
        let (mut named, mut each) = (vec![near.function.clone()], false);
        match random.below(100) {
            0..15 => each = release.is_none(),
            _ if odds.groups && random.percent(75) => named = functions.to_vec(),
            15..35 if functions.len() > 1 => named = functions.to_vec(),
            _ => {}
        }
        all.push(PlannedRequest {
            at: near.at + random.within(&[20_000, 300_000, 1_200_000]),
            release: release.filter(|_| named.len() == 1),
            functions: named,
            each,
            from,
            to: to.name,
            by: if random.percent(40) { random.one_of(&PEOPLE).to_owned() } else { "release-bot".to_owned() },
            not_after: match random.below(100) {
                0..5 => Some(-random.one_of(&[1, 60, 3_600])),
                5..20 => Some(random.one_of(&[2, 30, 300, 1_200])),
                _ => None,
            },
            ahead: match random.below(100) {
                0..4 => random.one_of(&[290, 310, 3_600]),
                4..8 => -random.one_of(&[3_600, 80_000, 90_000]),
                8..20 => -random.one_of(&[1, 5, 60]),
                _ => 0,
            },
            arrivals: arrivals(random),
        });
    }
    all.sort_by_key(|request| request.at);
    all
}

fn arrivals(random: &mut Random) -> Vec<Arrival> {
    let is_old = random.percent(8);
    let mut all: Vec<Arrival> = Vec::new();
    for _ in 0..random.one_of(&[1, 1, 1, 2, 2, 3]) {
        let after = match all.last() {
            Some(last) if random.percent(30) => last.after,
            _ if random.percent(20) => random.milliseconds(1_000, 600_000),
            _ => random.milliseconds(1, 2_500),
        };
        let is_replay = is_old || (!all.is_empty() && random.percent(25));
        all.push(Arrival { after, is_lost: random.percent(8), is_replay });
    }
    all
}

/// A vote on a promotion that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vote {
    /// The id of the promotion or the group.
    pub deployment: DeploymentId,
    pub environment: String,
    /// The function; none for a group.
    pub function: Option<String>,
    pub by: String,
    pub approves: bool,
    /// True if it is given by a command, false if by an event.
    pub by_hand: bool,
    /// The time at which it was first given.
    pub given: Option<Timestamp>,
}

impl Vote {
    /// Returns the subject of a vote: a promotion or a group.
    pub fn about(deployment: DeploymentId, environment: &str, function: Option<String>) -> Self {
        let environment = environment.to_owned();
        Self { deployment, environment, function, by: String::new(), approves: true, by_hand: false, given: None }
    }

    /// Returns the event of this vote.
    pub fn response(&self) -> Option<ApprovalResponse> {
        let function = self.function.as_deref().map(FunctionName::parse).transpose().ok()?;
        Some(ApprovalResponse {
            environment: EnvironmentName::parse(&self.environment).ok()?,
            function,
            deployment: Some(self.deployment),
            decision: if self.approves {
                ApprovalDecision::Approve
            } else {
                ApprovalDecision::Decline { reason: None }
            },
            by: self.by.clone().into(),
            account: Some("999999999999".to_owned()),
            identity: Identity::None,
            id: format!("{}-{}", self.deployment, self.by),
        })
    }

    /// Returns the command of this vote.
    pub fn json(&self, number: usize) -> Value {
        let mut command = json!({
            "command": if self.approves { "approve" } else { "decline" }, "environment": self.environment,
            "deployment": self.deployment, "requested_by": self.by, "id": format!("word-{number}"),
        });
        if let Some(function) = &self.function {
            command["function"] = function.as_str().into();
        }
        command
    }
}

/// Draws the votes on a promotion that waits for approvals. Not everybody votes; some vote twice, some too late, some
/// on another promotion, and now and then the requester votes.
pub(super) fn votes(
    random: &mut Random,
    about: &Vote,
    asked_by: Option<&str>,
    known: &[Vote],
) -> Vec<(Duration, Vote)> {
    let mut all = Vec::new();
    for _ in 0..random.below(5) {
        let by = match asked_by.filter(|_| random.percent(15)) {
            Some(requester) => requester.to_owned(),
            None => random.one_of(&PEOPLE).to_owned(),
        };
        let other = if !known.is_empty() && random.percent(8) { Some(random.one_of(known)) } else { None };
        let of = other.unwrap_or_else(|| about.clone());
        let (approves, by_hand) = (random.percent(88), random.percent(40));
        let vote = Vote { by, approves, by_hand, given: None, ..of };
        let after = random.within(&[5_000, 120_000, 600_000, 2_400_000]);
        if random.percent(20) {
            all.push((after + random.milliseconds(0, 60_000), vote.clone()));
        }
        all.push((after, vote));
    }
    all
}

/// The time by which clocks may differ.
pub(super) const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);
