//! Promotions of several functions together: all are checked before any moves, and if one fails the others that moved go
//! back. A group has an object of its own in the ledger, which whoever comes by drives on.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::as_read::AsRead;
use crate::head::{Chosen, Request};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Token};
use crate::names::GROUPS;
use crate::promotion::{Approved, Asked, Promoting, Verdict};
use crate::record::{Cause, CauseKind, Code, DeploymentRecord, Ending, SCHEMA, Status};

/// Several functions that go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// The ledger's schema: 1.
    pub schema: u32,
    /// Raised by every write.
    pub revision: u64,
    /// The group: made of what the request is known by alone.
    pub id: DeploymentId,
    /// Where to.
    pub environment: EnvironmentName,
    /// Where from.
    pub from: EnvironmentName,
    /// The release, where it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The functions, and how far each is.
    pub functions: Vec<Member>,
    /// How far it is as a whole.
    pub status: Status,
    /// Why it has not succeeded.
    pub code: Option<Code>,
    /// The same in one sentence.
    pub because: Option<String>,
    /// What asked for it, and who.
    pub cause: Cause,
    /// Who has approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// How many more must approve it before it goes on, where it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// It is of no use after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Why it goes into a frozen environment all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<String>,
    /// What is being done with it.
    pub phase: Phase,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was taken in.
    pub started_at: Timestamp,
    /// When it turned back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) as_read: AsRead,
}

/// What is being done with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Each function is judged by the rules; nothing has moved.
    Checking,
    /// All may pass, and are deployed.
    Moving,
    /// One has failed, and the others that moved go back.
    GoingBack,
    /// Nothing more will happen to it.
    Ended,
}

/// One function of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The function.
    pub function: FunctionName,
    /// Its deployment, once all may move.
    pub deployment: DeploymentId,
    /// What shall become live.
    pub release: Option<Release>,
    /// The object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub chosen: Option<Chosen>,
    /// How far it is; none: nothing was tried yet.
    pub status: Option<Status>,
    /// Why it did not get there.
    pub because: Option<String>,
    /// The deployment that brought it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<DeploymentId>,
}

impl Group {
    /// The group that somebody asks for.
    #[must_use]
    pub fn of(asked: &Asked, functions: &[FunctionName], now: Timestamp) -> Self {
        let cause = Cause {
            kind: CauseKind::Promotion,
            requested_by: asked.requested_by.clone(),
            event_id: Some(asked.id.clone()),
        };
        let hash = RequestHash::of(&["group", &asked.id, asked.to.as_str()]);
        let group = Self {
            schema: SCHEMA,
            revision: 0,
            // A command that is given again has another time: only what it is known by tells the group.
            id: DeploymentId::of(Timestamp::UNIX_EPOCH, hash),
            environment: asked.to.clone(),
            from: asked.from.clone(),
            release: asked.release.clone(),
            functions: vec![],
            status: Status::Pending,
            code: Some(Code::Waiting),
            because: None,
            cause,
            approvals: vec![],
            approvals_wanted: None,
            not_after: asked.not_after,
            freeze_override: asked.freeze_override.clone(),
            phase: Phase::Checking,
            // A sender's clock that is ahead puts nothing else behind.
            asked_at: asked.time.min(now),
            started_at: now,
            turned_at: None,
            finished_at: None,
            as_read: AsRead::default(),
        };
        let member = |function: &FunctionName| {
            let hash = group.identity(function);
            Member {
                function: function.clone(),
                deployment: DeploymentId::of(asked.time, hash),
                release: asked.release.clone(),
                chosen: None,
                status: None,
                because: None,
                rollback: None,
            }
        };
        Self { functions: functions.iter().map(member).collect(), ..group }
    }

    /// Where the groups that are open are in the ledger bucket.
    #[must_use]
    pub fn open() -> String {
        format!("{GROUPS}open/")
    }

    /// The key of this group as long as it is open.
    #[must_use]
    pub fn open_key(environment: &EnvironmentName, id: DeploymentId) -> String {
        format!("{}{environment}/{id}.json", Self::open())
    }

    /// The key of its record when it has ended.
    #[must_use]
    pub fn ended_key(environment: &EnvironmentName, id: DeploymentId) -> String {
        format!("{GROUPS}ended/{environment}/{id}.json")
    }

    /// As people and programs are told of it: which object each function gets is the ledger's business.
    #[must_use]
    pub fn told(mut self) -> Self {
        for member in &mut self.functions {
            member.chosen = None;
        }
        self
    }

    fn identity(&self, function: &FunctionName) -> RequestHash {
        let id = self.cause.event_id.as_deref().unwrap_or_default();
        RequestHash::of(&["promotion", id, self.environment.as_str(), function.as_str()])
    }

    /// What the promotion of one of its functions asks for.
    #[must_use]
    pub fn promoting(&self, member: &Member) -> Promoting {
        Promoting {
            from: self.from.clone(),
            named: self.release.clone(),
            artifact: member.chosen.clone(),
            not_after: self.not_after,
            approvals: self.approvals.clone(),
            unseen_since: None,
            freeze_override: self.freeze_override.clone(),
            group: Some(self.id),
        }
    }

    /// The request that the promotion of one of its functions is.
    #[must_use]
    pub fn request(&self, member: &Member, promoting: Promoting, marker: Token) -> Request {
        let place = (&self.environment, &member.function);
        Request::promotion(place, promoting, self.cause.clone(), self.asked_at, (self.started_at, marker))
    }

    /// The request that brings one of its functions back.
    #[must_use]
    pub fn request_back(&self, member: &Member, (now, marker): (Timestamp, Token)) -> Option<Request> {
        let Chosen { release, artifact, .. } = member.chosen.clone()?;
        let cause = Cause { kind: CauseKind::Rollback, ..self.cause.clone() };
        let place = (&self.environment, &member.function);
        let time = self.turned_at.unwrap_or(now);
        Some(Request::undo(place, (release, Some(artifact)), cause, time, (now, marker)))
    }

    /// After all functions were judged: the first that may not pass ends the group, the first that has to wait lets it wait,
    /// and otherwise all move.
    #[must_use]
    pub fn judged(&self, verdicts: &[(Verdict, Option<Chosen>)], now: Timestamp) -> Self {
        let mut group = self.next();
        // What is approved is what was live when it was asked for.
        for (member, (_, chosen)) in group.functions.iter_mut().zip(verdicts) {
            member.release = chosen.as_ref().map(|chosen| chosen.release.clone()).or(member.release.take());
            member.chosen.clone_from(chosen);
        }
        let judged = || self.functions.iter().zip(verdicts);
        let ends = judged().find_map(|(member, (verdict, _))| match verdict {
            Verdict::Ends(ending) => Some((member, ending)),
            _ => None,
        });
        if let Some((member, ending)) = ends {
            let (status, code, because) = match ending {
                Ending::Superseded { because } => (Status::Superseded, Code::Superseded, because),
                Ending::Refused { code, because } | Ending::Stopped { code, because, .. } => {
                    (Status::Refused, *code, because)
                }
                Ending::Tried(_) => return group.failed_before(member, now),
            };
            group.end(status, Some(code), Some(format!("{}: {because}; nothing was moved", member.function)), now);
            return group;
        }
        let waits = judged().find_map(|(member, (verdict, _))| match verdict {
            Verdict::Waits(wait) => Some((member, wait)),
            _ => None,
        });
        if let Some((member, wait)) = waits {
            group.because = Some(format!("{}: {wait}", member.function));
            group.approvals_wanted = Some(wait.approvals_wanted).filter(|wanted| *wanted > 0);
            return group;
        }
        (group.status, group.code, group.because) = (Status::InProgress, None, None);
        group.approvals_wanted = None;
        group.phase = Phase::Moving;
        group
    }

    fn failed_before(mut self, member: &Member, now: Timestamp) -> Self {
        let because = format!("{} cannot be deployed there; nothing was moved", member.function);
        self.end(Status::Refused, Some(Code::NotPromotable), Some(because), now);
        self
    }

    /// How far the deployments of its functions are. When all have ended it ends, or turns back.
    #[must_use]
    pub fn moved(&self, records: &[Option<DeploymentRecord>], now: Timestamp) -> Self {
        let mut group = self.next();
        for (member, record) in group.functions.iter_mut().zip(records) {
            if let Some(record) = record {
                (member.status, member.because) = (Some(record.status), record.because.clone());
            }
        }
        if !group.functions.iter().all(|member| member.status.is_some_and(Status::is_ended)) {
            return group;
        }
        let failed: Vec<&Member> = group.functions.iter().filter(|member| !member.is_live()).collect();
        if failed.is_empty() {
            group.end(Status::Succeeded, None, None, now);
            return group;
        }
        let names: Vec<&str> = failed.iter().map(|member| member.function.as_str()).collect();
        let names = names.join(" and ");
        if !group.functions.iter().any(Member::has_moved) {
            let because = format!("{names} did not get there, and nothing else had moved");
            group.end(Status::Failed, Some(Code::TargetFailed), Some(because), now);
            return group;
        }
        group.because = Some(format!("{names} did not get there, so the others go back"));
        (group.code, group.phase, group.turned_at) = (Some(Code::TargetFailed), Phase::GoingBack, Some(now));
        group
    }

    /// How far the way back of those is that had moved: by function, the record of the rollback.
    #[must_use]
    pub fn gone_back(&self, records: &[Option<DeploymentRecord>], now: Timestamp) -> Self {
        let mut group = self.next();
        let mut open = false;
        let mut stuck = Vec::new();
        for (member, record) in group.functions.iter_mut().zip(records) {
            if !member.has_moved() {
                continue;
            }
            match record {
                Some(record) if record.status.is_ended() => {
                    member.rollback = Some(record.id);
                    // Whoever was faster has brought something else there.
                    let is_gone = record.code == Some(Code::NotLive);
                    if !is_gone && !matches!(record.status, Status::Succeeded | Status::Unchanged) {
                        let because = record.because.clone().unwrap_or_default();
                        stuck.push(format!("{} ({because})", member.function));
                    }
                }
                _ => open = true,
            }
        }
        if open {
            return group;
        }
        let failed: Vec<&str> =
            group.functions.iter().filter(|member| !member.is_live()).map(|member| member.function.as_str()).collect();
        let failed = failed.join(" and ");
        let (status, because) = match stuck.is_empty() {
            true => (Status::RolledBack, format!("{failed} did not get there, and the others went back")),
            false => (
                Status::Failed,
                format!("{failed} did not get there, and these could not go back: {}", stuck.join("; ")),
            ),
        };
        for member in &mut group.functions {
            if member.rollback.is_some()
                && !stuck.iter().any(|stuck| stuck.starts_with(&format!("{} ", member.function)))
            {
                member.status = Some(Status::RolledBack);
            }
        }
        group.end(status, Some(Code::TargetFailed), Some(because), now);
        group
    }

    /// Those whose promotion waits although another one has not got there: they need not go any more.
    pub fn to_withdraw(&self) -> impl Iterator<Item = &Member> {
        let has_failed = self.functions.iter().any(|one| one.status.is_some_and(Status::is_ended) && !one.is_live());
        self.functions.iter().filter(move |one| has_failed && one.status == Some(Status::Pending))
    }

    /// With somebody's consent. `None`: it was given before, or does not count: then the sentence says why.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn with_approval(&self, approved: &Approved) -> Result<Option<Self>, String> {
        approved.counts_for(self.cause.requested_by.as_deref())?;
        if approved.is_among(&self.approvals) {
            return Ok(None);
        }
        let mut group = self.next();
        group.approvals.push(approved.clone());
        Ok(Some(group))
    }

    /// Declined: it ends.
    #[must_use]
    pub fn declined(&self, because: String, now: Timestamp) -> Self {
        let mut group = self.next();
        group.end(Status::Refused, Some(Code::NotPromotable), Some(because), now);
        group
    }

    fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }

    fn end(&mut self, status: Status, code: Option<Code>, because: Option<String>, now: Timestamp) {
        (self.status, self.code, self.because, self.approvals_wanted) = (status, code, because, None);
        (self.phase, self.finished_at) = (Phase::Ended, Some(now));
    }

    /// Whether something else is told than before.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        *self != Self { revision: self.revision, ..other.clone() }
    }
}

impl Member {
    /// Whether its release is live there.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.status, Some(Status::Succeeded | Status::Unchanged))
    }

    /// Whether it was brought there by the group.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.status == Some(Status::Succeeded)
    }
}

#[cfg(test)]
mod tests;
