//! Taking a request in, and taking up what others have left.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Active, Consequence, ENDED, Entry, Failure, Head, Known, Live, OUTBOX, REQUESTS, Request, Waiting};
use crate::as_read::AsRead;
use crate::destination::Destination;
use crate::id::{DeploymentId, Token};
use crate::record::{DeploymentRecord, Ending, RecordedArtifact, Status, TargetOutcome};

/// Who wants to work, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    /// Drawn for this claim alone.
    pub token: Token,
    /// What the clock shows.
    pub now: Timestamp,
    /// The claimant's deadline and ten seconds.
    pub lease_until: Timestamp,
}

/// A transition: what to write, and what follows when that has succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The head to write; none: it already says so.
    pub head: Option<Box<Head>>,
    /// What follows.
    pub then: Then,
}

/// What follows from a transition.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Then {
    /// The claim is ours: work. Not always on what was asked for, for what somebody has died over goes first.
    Work(Active),
    /// It waits its turn, or somebody else works on it.
    Wait {
        /// The deployment that was asked for.
        request: Request,
        /// How far it is.
        status: Status,
        /// The claim that stands in the way, and until when it holds.
        behind: (DeploymentId, Token, Timestamp),
    },
    /// It waits for its soak, for approvals or for the end of a freeze.
    Rests(Box<Waiting>),
    /// It has ended: the record is in the outbox or in the ledger under this id.
    Over(DeploymentId),
    /// There is nothing to do.
    Nothing,
}

impl Move {
    pub(super) fn none(then: Then) -> Self {
        Self { head: None, then }
    }

    pub(super) fn to(head: Head, then: Then) -> Self {
        Self { head: Some(Box::new(head)), then }
    }
}

impl Active {
    /// A claim on what nobody has worked on yet.
    pub(super) fn first(request: Request, me: &Claimant) -> Self {
        Self {
            chosen: request.chosen(),
            request,
            stop: None,
            claim: me.token,
            lease_until: me.lease_until,
            attempts: 1,
            extensions: 0,
            done: vec![],
            written: BTreeSet::new(),
        }
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        now < self.lease_until
    }

    /// Nobody works on it, and nobody has written anything for it.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        !self.is_leased(now) && self.attempts == 0 && self.extensions == 0
    }

    fn behind(&self) -> (DeploymentId, Token, Timestamp) {
        (self.request.id, self.claim, self.lease_until)
    }
}

impl Head {
    /// Takes a request in: a duplicate meets its own deployment, an upload that comes too late ends as superseded, what
    /// a rule refuses ends as that, and anything else is claimed or waits. Of those that wait only the newest stays.
    ///
    /// An owner that has died is succeeded first: its deployment may have been half done.
    #[must_use]
    pub fn accept(&self, request: &Request, at: &Destination<'_>, refusal: Option<&Ending>, me: &Claimant) -> Move {
        if let Some(echo) = self.echo(me) {
            return echo;
        }
        if let Some(id) = self.id_of(request) {
            return self.again(id, at, me);
        }
        let mut head = self.next();
        head.remember(request);
        let refusal = refusal.cloned().or_else(|| self.held(request)).or_else(|| self.pointless(request));
        if let Some(refusal) = refusal {
            head.end(request, at.record(request, Status::InProgress).ended(refusal, me.now));
            return Move::to(head, Then::Over(request.id));
        }
        let newer = request.mark().and_then(|mark| self.newest.beyond_upload(&mark));
        if let Some(newer) = newer {
            head.end(request, self.too_late(request, at, newer, me.now));
            return Move::to(head, Then::Over(request.id));
        }
        head.let_in(request, at, me)
    }

    /// It is its turn, or it is next: what is older and gave way is displaced.
    pub(super) fn let_in(mut self, request: &Request, at: &Destination<'_>, me: &Claimant) -> Move {
        self.newest.raise(request);
        self.displace_pending(request, at, me.now);
        let Some(active) = &mut self.active else {
            self.pending.push(request.clone());
            return self.claim_next(me);
        };
        if active.is_idle(me.now) && request.displaces(&active.request) {
            self.displace_active(request, at, me.now);
            self.pending.push(request.clone());
            return self.claim_next(me);
        }
        if request.asks_to_stop() && !active.request.is_rollback() {
            active.stop = Some(request.id);
        }
        let active = active.clone();
        self.pending.push(request.clone());
        if !active.is_leased(me.now) {
            return self.take_over(&active, me);
        }
        let then = Then::Wait { request: request.clone(), status: Status::Pending, behind: active.behind() };
        Move::to(self, then)
    }

    /// Takes up what nobody works on: the deployment whose owner has died, or the one that waits for nobody. One that was
    /// given up untouched goes behind a newer one: what could not even be read shall not stand in its way.
    #[must_use]
    pub fn wake(&self, at: &Destination<'_>, me: &Claimant) -> Move {
        if let Some(echo) = self.echo(me) {
            return echo;
        }
        match (&self.active, self.pending.first()) {
            (Some(active), Some(_)) if active.is_idle(me.now) && self.displacing(&active.request).is_some() => {
                let mut head = self.next();
                if let Some(pending) = self.displacing(&active.request) {
                    head.displace_active(pending, at, me.now);
                }
                head.claim_next(me)
            }
            (Some(active), Some(pending)) if active.is_idle(me.now) && pending.is_undo() => {
                // It goes first: what it waits for could not even be begun.
                let mut head = self.next();
                head.pending.insert(1, active.request.clone());
                head.active = None;
                head.claim_next(me)
            }
            (Some(active), _) if !active.is_leased(me.now) => self.next().take_over(active, me),
            (None, Some(_)) => self.next().claim_next(me),
            _ => Move::none(Then::Nothing),
        }
    }

    /// What is next and takes the place of a request that nothing was done for.
    fn displacing(&self, older: &Request) -> Option<&Request> {
        self.pending.iter().find(|pending| pending.displaces(older))
    }

    /// Whether [`Head::wake`] would find anything.
    #[must_use]
    pub fn sleeps(&self, now: Timestamp) -> bool {
        match &self.active {
            Some(active) => !active.is_leased(now),
            None => !self.pending.is_empty(),
        }
    }

    /// Our own write whose answer was lost: the claim is ours already.
    pub(super) fn echo(&self, me: &Claimant) -> Option<Move> {
        self.active.as_ref().filter(|a| a.claim == me.token).map(|active| Move::none(Then::Work(active.clone())))
    }

    /// The deployment of a request that is known.
    #[must_use]
    pub fn id_of(&self, request: &Request) -> Option<DeploymentId> {
        let mut open = self.open().filter(|open| open.hash == request.hash).map(|open| open.id);
        let remembered = || self.requests.iter().find(|known| known.hash == request.hash).map(|known| known.id);
        open.next().or_else(remembered)
    }

    /// A request that comes once more.
    pub(super) fn again(&self, id: DeploymentId, at: &Destination<'_>, me: &Claimant) -> Move {
        let waits = self.pending.iter().find(|pending| pending.id == id);
        if let Some(rests) = self.waiting.iter().find(|waiting| waiting.request.id == id) {
            return Move::none(Then::Rests(Box::new(rests.clone())));
        }
        match (&self.active, waits) {
            (Some(active), _) if active.request.id == id && active.is_leased(me.now) => Move::none(Then::Wait {
                request: active.request.clone(),
                status: Status::InProgress,
                behind: active.behind(),
            }),
            (Some(active), _) if active.request.id == id => self.wake(at, me),
            (Some(active), Some(pending)) if active.is_leased(me.now) => {
                let (request, status) = (pending.clone(), Status::Pending);
                Move::none(Then::Wait { request, status, behind: active.behind() })
            }
            (_, Some(_)) => self.wake(at, me),
            _ => Move::none(Then::Over(id)),
        }
    }

    /// An upload that is older than one that was accepted before it.
    fn too_late(&self, request: &Request, at: &Destination<'_>, because: String, now: Timestamp) -> DeploymentRecord {
        let record = at.record(request, Status::InProgress);
        let place = |outcome: &TargetOutcome| outcome.target().to_string();
        let everywhere = |live: &&Live| record.targets.iter().all(|target| live.versions.contains_key(&place(target)));
        let artifact = request.chosen().map(|chosen| chosen.artifact);
        let live = self.live().filter(|live| Some(&live.artifact) == artifact.as_ref()).filter(everywhere);
        let Some(live) = live else {
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
    fn claim_next(mut self, me: &Claimant) -> Move {
        if self.pending.is_empty() {
            return Move::none(Then::Nothing);
        }
        let active = Active::first(self.pending.remove(0), me);
        self.active = Some(active.clone());
        Move::to(self, Then::Work(active))
    }

    fn take_over(mut self, from: &Active, me: &Claimant) -> Move {
        let attempts = from.attempts + 1;
        let active = Active { claim: me.token, lease_until: me.lease_until, attempts, ..from.clone() };
        self.active = Some(active.clone());
        Move::to(self, Then::Work(active))
    }

    /// A newer request takes the place of those that nothing was done for: a command of all, anything else of all but
    /// commands.
    fn displace_pending(&mut self, newer: &Request, at: &Destination<'_>, now: Timestamp) {
        let (displaced, kept) = std::mem::take(&mut self.pending).into_iter().partition(|older| newer.displaces(older));
        self.pending = kept;
        let displaced: Vec<Request> = displaced;
        for older in displaced {
            let record = at.record(&older, Status::Pending).ended(displaced_by(newer), now);
            self.end(&older, record);
        }
    }

    /// The same for one that was claimed and given up untouched.
    fn displace_active(&mut self, newer: &Request, at: &Destination<'_>, now: Timestamp) {
        let Some(active) = self.active.take() else { return };
        let record = at.record_of(&active, Status::Pending).ended(displaced_by(newer), now);
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
        self.outbox.push(Entry {
            record,
            marker: request.marker,
            todo: Consequence::all(),
            as_read: AsRead::default(),
        });
        // Of what cannot be told for so long the oldest is given up: nothing here depends on it.
        let only_to_tell =
            |entry: &Entry| entry.todo.iter().all(|c| matches!(c, Consequence::Started | Consequence::Ended));
        let untold = self.outbox.iter().filter(|entry| only_to_tell(entry)).count();
        for _ in OUTBOX..untold {
            let oldest = self.outbox.iter().position(only_to_tell);
            let _given_up = oldest.map(|at| self.outbox.remove(at));
        }
        // A promotion that cannot be asked for so long has been overtaken by others.
        let written = |entry: &Entry| !entry.todo.contains(&Consequence::Record);
        if let Some(oldest) = self.outbox.iter().position(written).filter(|_| self.outbox.len() > 4 * OUTBOX) {
            let _given_up = self.outbox.remove(oldest);
        }
    }
}

impl Request {
    /// Whether this takes the place of an older one that nothing was done for. A command is displaced only by another.
    fn displaces(&self, older: &Self) -> bool {
        let is_undone = older.is_undo() && !self.is_rollback();
        !self.is_undo() && !is_undone && (!older.is_command() || self.is_command())
    }
}

fn displaced_by(newer: &Request) -> Ending {
    Ending::Superseded { because: format!("{newer} took its place before its turn came") }
}
