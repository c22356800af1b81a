//! Taking a request in, and taking up what others have left.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::active::Active;
use super::live::Live;
use super::outbox::{Failure, OutboxEntry, SideEffect};
use super::request::Request;
use super::rollback::Judged;
use super::source::Source;
use super::state::{ENDED, Head, Known, OUTBOX, REQUESTS};
use super::transition::{Claimant, Next, Rules, Transition};
use crate::as_read::AsRead;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::record::{DeploymentRecord, Ending, RecordedArtifact, Status, TargetOutcome};
use crate::rejects::Rejects;

impl Active {
    /// A claim on what nobody has worked on yet.
    pub(super) fn first(request: Request, at: &FunctionRef<'_>, me: &Claimant) -> Self {
        Self {
            chosen: request.chosen(),
            claimed_for: Some(at.as_configured().claimed()),
            request,
            stop: None,
            claim: me.token,
            lease_until: me.lease_until,
            attempts: 1,
            extensions: 0,
            waits: vec![],
            waiting_since: None,
            done: vec![],
            written: BTreeSet::new(),
            doors: Some(vec![]),
            doors_unsaid: false,
            previous: vec![],
            awaits: vec![],
            start_untold: false,
            hops: 0,
            looks_at: None,
        }
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        now < self.lease_until
    }

    /// Nobody works on it, and nobody has written anything for it.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        !self.is_leased(now) && self.attempts == 0 && !self.is_begun()
    }

    fn behind(&self) -> (DeploymentId, Token, Timestamp) {
        (self.request.id, self.claim, self.looks_at.map_or(self.lease_until, |at| at.max(self.lease_until)))
    }
}

impl Head {
    /// Takes a request in: a duplicate meets its own deployment, an upload that comes too late ends as superseded, what
    /// a rule refuses ends as that, and anything else is claimed or waits. Of those that wait only the newest stays.
    ///
    /// An owner that has died is succeeded first: its deployment may have been half done.
    #[must_use]
    pub fn accept(&self, request: &Request, at: &FunctionRef<'_>, rules: Rules<'_>, me: &Claimant) -> Transition {
        if let Some(echo) = self.echo(me) {
            return echo;
        }
        if let Some(id) = self.id_of(request) {
            return self.again(id, at, me);
        }
        let mut head = self.next();
        head.remember(request);
        let refusal = rules.refusal.cloned().or_else(|| self.held(request));
        let judged = match refusal.or_else(|| self.pointless(request, &at.environment.targets)) {
            Some(refusal) => Err(refusal),
            None => self.judge(request, at, rules.rejects),
        };
        let request = match judged {
            Ok(Judged::Goes(request)) => request,
            Ok(Judged::Joins(id)) => return head.joins(request, id, at, me),
            Err(refusal) => {
                head.end(request, at.record(request, Status::InProgress).ended(refusal, me.now));
                return Transition::to(head, Next::Over(request.id));
            }
        };
        let request = request.as_ref();
        let newer = request.mark().and_then(|mark| self.newest.beyond_upload(&mark));
        if let Some(newer) = newer {
            head.end(request, self.too_late(request, at, newer, me.now));
            return Transition::to(head, Next::Over(request.id));
        }
        head.let_in(request, at, me)
    }

    /// Judges a request on this head, and completes it by what only the head knows.
    fn judge(&self, request: &Request, at: &FunctionRef<'_>, rejects: &Rejects) -> Result<Judged, Ending> {
        match &request.subject {
            Source::Earlier(rollback) => self.judge_rollback(request, rollback, &at.environment.targets, rejects),
            Source::Live { .. } => {
                let subject = Source::Live { of: self.live().map(|live| live.deployment) };
                let is_same = |open: &&Request| open.is_redeploy() && open.subject == subject;
                match self.pending.iter().find(is_same).filter(|_| request.is_redeploy()) {
                    Some(same) => Ok(Judged::Joins(same.id)),
                    None => Ok(Judged::Goes(Box::new(Request { subject, ..request.clone() }))),
                }
            }
            _ => Ok(Judged::Goes(Box::new(request.clone()))),
        }
    }

    /// Somebody has asked for the same before, and it is not done yet: both are answered by that deployment.
    fn joins(mut self, request: &Request, id: DeploymentId, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
        self.requests.retain(|known| known.hash != request.hash);
        self.requests.insert(0, Known { hash: request.hash, id });
        self.requests.truncate(REQUESTS);
        let Transition { head, then } = self.again(id, at, me);
        let revision = self.revision;
        // Both changes are one write.
        Transition::to(Self { revision, ..head.map_or(self, |head| *head) }, then)
    }

    /// It is its turn, or it is next: what is older and gave way is displaced.
    pub(super) fn let_in(mut self, request: &Request, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
        self.newest.raise(request);
        if request.rollback().is_some() {
            self.end_waiting(request, at, me.now);
        }
        self.displace_pending(request, at, me.now);
        let behind_member = self.waits_behind_member(request, me.now);
        // That it stops what changes what is live is its own doing.
        let stops = self.active.as_ref().is_some_and(|active| !self.brings_live(&active.request));
        let judged = request.rollback().filter(|rollback| stops && !rollback.is_bare());
        let judged = judged.map(|rollback| request.with_rollback(rollback.clone().judged()));
        let Some(active) = &mut self.active else {
            self.pending.push(request.clone());
            return match behind_member.filter(|_| self.next_in_line().is_none()) {
                Some(waits) => Transition::to(self, waits),
                None => self.claim_next(at, me),
            };
        };
        if active.is_idle(me.now) && behind_member.is_none() && request.displaces(&active.request) {
            self.displace_active(request, at, me.now);
            self.pending.push(request.clone());
            return self.claim_next(at, me);
        }
        if request.asks_to_stop() {
            active.stop = Some(request.id);
        }
        let (active, request) = (active.clone(), judged.as_ref().unwrap_or(request));
        self.pending.push(request.clone());
        if !active.is_leased(me.now) {
            return self.take_over(&active, me);
        }
        let then = Next::Wait { request: request.clone(), status: Status::Pending, behind: active.behind() };
        Transition::to(self, then)
    }

    /// Takes up what nobody works on: the deployment whose owner has died, or the one that waits for nobody. One that was
    /// given up untouched goes behind a newer one: what could not even be read shall not stand in its way.
    #[must_use]
    pub fn wake(&self, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
        if let Some(echo) = self.echo(me) {
            return echo;
        }
        match (&self.active, self.pending.first()) {
            (Some(active), Some(_)) if active.is_idle(me.now) && self.displacing(&active.request).is_some() => {
                let mut head = self.next();
                if let Some(pending) = self.displacing(&active.request) {
                    head.displace_active(pending, at, me.now);
                }
                head.claim_next(at, me)
            }
            (Some(active), Some(pending)) if active.is_idle(me.now) && pending.is_undo() => {
                // It goes first: what it waits for could not even be begun.
                let mut head = self.next();
                head.pending.insert(1, active.request.clone());
                head.active = None;
                head.claim_next(at, me)
            }
            (Some(active), _) if !active.is_leased(me.now) => self.next().take_over(active, me),
            (None, Some(_)) => self.next().claim_next(at, me),
            _ => Transition::none(Next::Nothing),
        }
    }

    /// What is next and takes the place of a request that nothing was done for.
    fn displacing(&self, older: &Request) -> Option<&Request> {
        let mut in_line = self.pending.iter().filter(|pending| self.member_before(pending).is_none());
        in_line.find(|pending| pending.displaces(older))
    }

    /// Whether [`Head::wake`] would find anything.
    #[must_use]
    pub fn sleeps(&self, now: Timestamp) -> bool {
        match &self.active {
            Some(active) => !active.is_leased(now),
            None => self.next_in_line().is_some(),
        }
    }

    /// Our own write whose answer was lost: the claim is ours already.
    pub(super) fn echo(&self, me: &Claimant) -> Option<Transition> {
        self.active.as_ref().filter(|a| a.claim == me.token).map(|active| Transition::none(Next::Work(active.clone())))
    }

    /// The deployment of a request that is known.
    #[must_use]
    pub fn id_of(&self, request: &Request) -> Option<DeploymentId> {
        let mut open = self.open().filter(|open| open.hash == request.hash).map(|open| open.id);
        let remembered = || self.requests.iter().find(|known| known.hash == request.hash).map(|known| known.id);
        open.next().or_else(remembered)
    }

    /// A request that comes once more.
    pub(super) fn again(&self, id: DeploymentId, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
        let waits = self.pending.iter().find(|pending| pending.id == id);
        if let Some(rests) = self.waiting.iter().find(|waiting| waiting.request.id == id) {
            return Transition::none(Next::Rests(Box::new(rests.clone())));
        }
        match (&self.active, waits) {
            // Who asks how far a parked deployment is does not wake it.
            (Some(active), _)
                if active.request.id == id && (active.is_leased(me.now) || active.is_looked_after(me.now)) =>
            {
                let (request, behind) = (active.request.clone(), active.behind());
                Transition::none(Next::Wait { request, status: Status::InProgress, behind })
            }
            (Some(active), _) if active.request.id == id => self.wake(at, me),
            (Some(active), Some(pending)) if active.is_leased(me.now) => {
                let (request, status) = (pending.clone(), Status::Pending);
                Transition::none(Next::Wait { request, status, behind: active.behind() })
            }
            (None, Some(pending)) if self.next_in_line().is_none() => {
                Transition::none(self.waits_behind_member(pending, me.now).unwrap_or(Next::Nothing))
            }
            (_, Some(_)) => self.wake(at, me),
            _ => Transition::none(Next::Over(id)),
        }
    }

    /// An upload that is older than one that was accepted before it.
    fn too_late(&self, request: &Request, at: &FunctionRef<'_>, newer: String, now: Timestamp) -> DeploymentRecord {
        let record = at.record(request, Status::InProgress);
        let place = |outcome: &TargetOutcome| outcome.target().to_string();
        let everywhere = |live: &&Live| record.targets.iter().all(|target| live.versions.contains_key(&place(target)));
        let artifact = request.chosen().map(|chosen| chosen.artifact);
        let live = self.live().filter(|live| Some(&live.artifact) == artifact.as_ref());
        let Some(live) = live.filter(everywhere) else {
            let targets = &at.environment.targets;
            let because = match live {
                Some(live) => format!("{newer}; it is live on {}", live.extent(targets)),
                None => newer,
            };
            return record.ended(Ending::Superseded { because }, now);
        };
        let unchanged = |outcome: TargetOutcome| {
            let version = live.versions.get(&place(&outcome)).cloned();
            TargetOutcome { status: Status::Unchanged, version, ..outcome }
        };
        let outcomes = record.targets.clone().into_iter().map(unchanged).collect();
        let artifact = RecordedArtifact { sha256: live.sha256, size: live.size, ..(&live.artifact).into() };
        DeploymentRecord { artifact: Some(artifact), ..record.ended(Ending::Tried(outcomes), now) }
    }

    /// Claims what waits first.
    fn claim_next(mut self, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
        let Some(index) = self.next_in_line() else { return Transition::none(Next::Nothing) };
        let active = Active::first(self.pending.remove(index), at, me);
        self.active = Some(active.clone());
        Transition::to(self, Next::Work(active))
    }

    fn take_over(mut self, from: &Active, me: &Claimant) -> Transition {
        let attempts = from.attempts + 1;
        let (claim, lease_until) = (me.token, me.lease_until);
        let active = Active { claim, lease_until, attempts, looks_at: None, ..from.clone() };
        self.active = Some(active.clone());
        Transition::to(self, Next::Work(active))
    }

    /// A newer request takes the place of those that nothing was done for.
    fn displace_pending(&mut self, newer: &Request, at: &FunctionRef<'_>, now: Timestamp) {
        let (displaced, kept) = std::mem::take(&mut self.pending).into_iter().partition(|older| newer.displaces(older));
        self.pending = kept;
        let displaced: Vec<Request> = displaced;
        for older in displaced {
            let record = at.record(&older, Status::Pending).ended(displaced_by(newer), now);
            self.end(&older, record);
        }
    }

    /// The same for one that was claimed and given up untouched.
    fn displace_active(&mut self, newer: &Request, at: &FunctionRef<'_>, now: Timestamp) {
        if let Some(active) = self.active.take() {
            self.end_untouched(&active, at, displaced_by(newer), now);
        }
    }

    /// One that was claimed and given up untouched ends. A rollback may have asked it to stop: then that is why, and what is
    /// stopped is left.
    pub(super) fn end_untouched(&mut self, active: &Active, at: &FunctionRef<'_>, ending: Ending, now: Timestamp) {
        let record = at.record_of(active, Status::Pending).ended(ending, now);
        let record = match active.stop {
            Some(rollback) => record.stopped_by(rollback),
            None => record,
        };
        let was_live = self.live().cloned();
        self.goes_by_history(&record, was_live.as_ref());
        let _none_completed = self.set_live(active, &record);
        self.end(&active.request, record);
    }

    pub(super) fn remember(&mut self, request: &Request) {
        self.requests.retain(|known| known.hash != request.hash);
        self.requests.insert(0, Known { hash: request.hash, id: request.id });
        self.requests.truncate(REQUESTS);
    }

    /// A deployment has ended: its record waits in the outbox for what follows from it.
    ///
    /// Its request is remembered anew, for it may have been open while many others came: until its result is written
    /// nothing else knows it.
    pub(super) fn end(&mut self, request: &Request, record: DeploymentRecord) {
        self.remember(request);
        self.ended.insert(0, request.id);
        self.ended.truncate(ENDED);
        if let Some(at) = record.finished_at.filter(|_| record.status == Status::Failed) {
            self.failure = Some(Failure { deployment: record.id, at });
        }
        self.outbox.push(OutboxEntry {
            record,
            marker: request.marker,
            todo: SideEffect::all(),
            completed: None,
            as_read: AsRead::default(),
        });
        // Of what cannot be told for so long the oldest is given up: nothing here depends on it.
        let only_to_tell =
            |entry: &OutboxEntry| entry.todo.iter().all(|c| matches!(c, SideEffect::Started | SideEffect::Ended));
        let untold = self.outbox.iter().filter(|entry| only_to_tell(entry)).count();
        for _ in OUTBOX..untold {
            let oldest = self.outbox.iter().position(only_to_tell);
            let _given_up = oldest.map(|at| self.outbox.remove(at));
        }
        // A promotion that cannot be asked for so long has been overtaken by others.
        let written = |entry: &OutboxEntry| !entry.todo.contains(&SideEffect::Record);
        if let Some(oldest) = self.outbox.iter().position(written).filter(|_| self.outbox.len() > 4 * OUTBOX) {
            let _given_up = self.outbox.remove(oldest);
        }
    }
}

fn displaced_by(newer: &Request) -> Ending {
    Ending::Superseded { because: format!("{newer} took its place before its turn came") }
}
