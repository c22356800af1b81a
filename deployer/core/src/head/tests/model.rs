//! A model of a head: the facts that are known from outside, and the rules that hold after each operation.

use std::collections::{BTreeMap, HashSet};

use proptest::sample::Index;

use super::lives::{Operation, Outcome};
use super::*;
use crate::hold_and_reject::Hold;
use crate::rejects::Rejects;

/// The state of a request, as it is known from outside.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    Open,
    Unsettled(Box<DeploymentRecord>),
    Settled,
}

/// A head, and the facts that are known of it from outside.
pub(super) struct World {
    pub head: Head,
    now: i64,
    drawn: u32,
    pub fates: BTreeMap<DeploymentId, (Request, Fate)>,
    /// Ids in the order in which they ended.
    ended: Vec<DeploymentId>,
    /// All tokens that ever were drawn for a claim, and the deployment that each was for.
    claims: Vec<(String, Request)>,
    accepted: Vec<Request>,
    begun: Vec<Request>,
    /// The uploads whose place a command took, or that a hold has ended.
    displaced: HashSet<DeploymentId>,
}

impl World {
    pub fn new() -> Self {
        Self {
            head: Head::default(),
            now: 1_000,
            drawn: 0,
            fates: BTreeMap::new(),
            ended: vec![],
            claims: vec![],
            accepted: vec![],
            begun: vec![],
            displaced: HashSet::new(),
        }
    }

    fn draws(&mut self) -> (String, Claimant) {
        self.drawn += 1;
        let name = format!("c{}", self.drawn);
        let claimant = me(&name, self.now);
        (name, claimant)
    }

    pub fn goes_through(&mut self, operation: &Operation) {
        let before = self.head.clone();
        let finishing = match operation {
            Operation::Upload { key, late, sequencer, refused } => {
                self.upload(*key, self.now - late, *sequencer, *refused);
                None
            }
            Operation::Again { which, late } => {
                self.again(which, self.now - late);
                None
            }
            Operation::Old { which } => {
                self.old(which);
                None
            }
            Operation::Command { kind, refused } => {
                self.command(*kind, *refused);
                None
            }
            Operation::Hold { holds } => {
                self.hold(*holds);
                None
            }
            Operation::Wake => {
                self.acquire();
                None
            }
            Operation::Finish { former, outcome, next } => self.finish(former.as_ref(), *outcome, *next),
            Operation::Release { former } => {
                let Some((claim, _)) = self.claim(former.as_ref()) else { return };
                let held = before.queue().is_held_by(token(&claim)) && !has_work(&before, second(self.now));
                let released = before.gives_up(&claim, self.now);
                assert_eq!(released.is_some(), held);
                self.writes(released);
                None
            }
            Operation::See { number } => {
                let is_target = |seen: &ServedBefore| seen.target == *target(*number);
                let known = before.active().is_none_or(|active| active.previous.iter().any(is_target));
                let until = |active: &Active| active.lease_until + super::super::open_doors::TAKES_EFFECT_WITHIN;
                let is_older = |active: &&Active| {
                    let mut doors = active.doors.iter().flatten();
                    doors.any(|door| door.target == *target(*number) && door.until < until(active))
                };
                let is_renewed = before.active().filter(is_older).is_some();
                let seen = before.sees(target(*number), "1");
                assert_eq!(seen.is_none(), known && !is_renewed);
                self.writes(seen);
                None
            }
            Operation::Pass { seconds } => {
                self.now += seconds;
                None
            }
            Operation::Settle { how_many } => {
                self.settle(*how_many);
                None
            }
        };
        self.holds(&before, finishing.as_deref());
    }

    fn writes(&mut self, head: Option<Head>) {
        if let Some(head) = head {
            assert_eq!(head.revision, self.head.revision + 1);
            self.head = head;
        }
    }

    fn upload(&mut self, key: u8, time: i64, sequencer: Option<u8>, refused: bool) {
        if self.head.is_overfull() {
            self.settle(usize::MAX);
        }
        let (name, me) = self.draws();
        // S3 gives no two uploads of a key the same sequencer.
        let sequencer = sequencer.map(|first| format!("{first:02}{:06}", self.drawn));
        let version_id = format!("v{:06}", self.drawn);
        let mut request = as_version(upload(&format!("k{key}"), time), &version_id, sequencer.as_deref());
        request.hash = RequestHash::of(&[&name]);
        request.id = DeploymentId::of(request.time, request.hash);
        request.marker = token(&format!("m{name}"));
        let refusal = refused.then(refusal);
        let refused = refused || self.head.hold().is_some();
        let transition = accept(&self.head, &request, &at(), rules(refusal.as_ref()), &me);
        let then = transition.then.clone();
        let newest = self.accepted.iter().all(|other| mark_of(&request) > mark_of(other));
        let newest = newest && self.head.newest.later_than_upload(&mark_of(&request)).is_none();
        self.writes(Some(*transition.head.expect("a new request always is written down")));
        let own_write = accept(&self.head, &request, &at(), rules(refusal.as_ref()), &me);
        assert_eq!(own_write, Transition { head: None, then: then.clone() }, "our own write");
        self.fates.insert(request.id, (request.clone(), Fate::Open));
        match then {
            Next::Finished(id) => {
                assert_eq!(id, request.id);
                assert!(refused || !newest, "the newest is never superseded");
                let status = self.head.record_of(&request).status;
                assert_eq!(status, if refused { Status::Refused } else { Status::Superseded });
            }
            Next::Work(active) => {
                assert!(!refused);
                self.claims.push((name, active.request));
                self.accepted.push(request);
            }
            Next::Queued { request: waiting, status, .. } => {
                assert_eq!((&waiting, status), (&request, Status::Pending));
                self.accepted.push(request);
            }
            Next::Deferred(_) | Next::Nothing => panic!("a new upload is never nothing, and never rests"),
        }
    }

    fn command(&mut self, kind: u8, refused: bool) {
        if self.head.is_overfull() {
            self.settle(usize::MAX);
        }
        let (name, me) = self.draws();
        let release = || Release::parse("k1").unwrap();
        let (kind, source) = match kind {
            0 => (CauseKind::Rollback, Source::Earlier(Rollback::to(None))),
            1 => (CauseKind::Rollback, Source::Earlier(Rollback::to(Some(release())))),
            2 => (CauseKind::Redeploy, Source::Live { of: None }),
            _ => (CauseKind::Deploy, Source::Live { of: None }),
        };
        let request = command(&name, kind, source, self.now);
        let refusal = refused.then(refusal);
        let held = self.head.hold().is_some() && !request.is_rollback();
        let (before, was) = (self.head.active().cloned(), self.head.all_pending().to_vec());
        let transition = accept(&self.head, &request, &at(), rules(refusal.as_ref()), &me);
        let then = transition.then.clone();
        self.writes(Some(*transition.head.expect("a new request always is written down")));
        let is_over = then == Next::Finished(request.id);
        assert!(!(refused || held) || is_over);
        if is_over {
            self.fates.insert(request.id, (request.clone(), Fate::Open));
            assert_eq!(self.head.record_of(&request).status, Status::Refused);
            assert_eq!(
                (self.head.all_pending(), self.head.active().and_then(|a| a.stop)),
                (was.as_slice(), before.and_then(|a| a.stop)),
                "nothing gives way"
            );
            return;
        }
        // The head may have completed the request, or joined it to another one.
        let Some(request) = self.open_request(request.id) else {
            let joins = matches!(request.cause.kind, CauseKind::Rollback | CauseKind::Redeploy);
            assert!(joins, "only a rollback or a redeploy joins another");
            if let Next::Work(active) = then {
                self.claims.push((name, active.request));
            }
            return;
        };
        self.fates.insert(request.id, (request.clone(), Fate::Open));
        let is_redeploy = request.cause.kind == CauseKind::Redeploy;
        assert!(is_redeploy || self.head.newest.floor >= Some(request.time), "what is older comes too late");
        // The deployment that is in the way goes on, and is asked to stop.
        let goes_on = self.head.active().filter(|is| before.as_ref().is_some_and(|was| was.request == is.request));
        if let (Some(is), Some(was)) = (goes_on, before) {
            assert_eq!(is.stop, if request.is_rollback() { Some(request.id) } else { was.stop });
        }
        match then {
            Next::Work(active) => self.claims.push((name, active.request)),
            Next::Queued { request: waiting, status, .. } => assert_eq!((waiting, status), (request, Status::Pending)),
            other => panic!("a command that is not refused is never {other:?}"),
        }
    }

    fn open_request(&self, id: DeploymentId) -> Option<Request> {
        let active = self.head.active().map(|active| &active.request);
        active.into_iter().chain(self.head.all_pending()).find(|open| open.id == id).cloned()
    }

    fn hold(&mut self, holds: bool) {
        self.drawn += 1;
        let id = self.drawn.to_string();
        let hold = Hold {
            reason: "stop".into(),
            requested_by: None,
            principal: None,
            unproven: None,
            since: second(self.now),
        };
        let obeyed = match holds {
            true => Some(crate::head::hold(&self.head, hold.clone(), &at(), &id, second(self.now))),
            false => release_hold(&self.head, &at(), &id),
        };
        assert_eq!(obeyed.is_some(), holds || self.head.hold().is_some());
        let Some(CommandEffect::Write(head)) = obeyed else { return };
        self.writes(Some(*head));
        assert!(!holds || self.head.all_pending().iter().all(Request::is_rollback));
        let again = match holds {
            true => Some(crate::head::hold(&self.head, hold, &at(), &id, second(self.now))),
            false => release_hold(&self.head, &at(), &id),
        };
        assert_eq!(again, Some(CommandEffect::Duplicate), "the same command again does nothing");
    }

    fn again(&mut self, which: &Index, time: i64) {
        let recent = self.ended.iter().rev().take(ENDED);
        let unwritten = self.fates.iter().filter(|(_, (_, fate))| *fate != Fate::Settled).map(|(id, _)| id);
        let known: Vec<_> = recent.chain(unwritten).copied().collect();
        if known.is_empty() {
            return;
        }
        let (first, fate) = self.fates[which.get(&known)].clone();
        let (name, me) = self.draws();
        let other_door = Request {
            id: DeploymentId::of(second(time), first.hash),
            time: second(time),
            marker: token(&format!("m{name}")),
            ..first.clone()
        };
        let had_work = has_work(&self.head, second(self.now));
        let transition = accept(&self.head, &other_door, &at(), rules(None), &me);
        assert!(!self.head.needs(other_door.marker));
        match &transition.then {
            Next::Finished(id) => {
                assert_eq!((*id, fate != Fate::Open, transition.head.is_none()), (first.id, true, true))
            }
            Next::Queued { request, .. } => {
                assert!(is_as_submitted(request, &first), "{request:?}");
                assert_eq!((fate, transition.head.is_none(), had_work), (Fate::Open, true, false));
            }
            Next::Work(active) => {
                assert!(fate == Fate::Open && had_work);
                self.claims.push((name, active.request.clone()));
            }
            Next::Deferred(_) | Next::Nothing => panic!("a duplicate meets its deployment"),
        }
        self.writes(transition.head.map(|head| *head));
    }

    /// Submits an old request. If the head knows it no more, its result answers, as soon as the head says that it is
    /// over.
    fn old(&mut self, which: &Index) {
        let settled: Vec<_> = self.fates.values().filter(|(_, fate)| *fate == Fate::Settled).collect();
        if settled.is_empty() {
            return;
        }
        let request = which.get(&settled).0.clone();
        let (_, me) = self.draws();
        if self.accepted.contains(&request) {
            assert_eq!(accept(&self.head, &request, &at(), rules(None), &me).then, Next::Finished(request.id));
        }
    }

    fn acquire(&mut self) {
        let (name, me) = self.draws();
        let had_work = has_work(&self.head, second(self.now));
        let Transition { head, then } = acquire(&self.head, &at(), &me);
        assert_eq!(head.is_some(), had_work);
        self.writes(head.map(|head| *head));
        if let Next::Work(active) = then.clone() {
            self.claims.push((name, active.request));
            assert_eq!(acquire(&self.head, &at(), &me), Transition { head: None, then }, "our own write");
        }
    }

    /// Picks a claim and its request.
    fn claim(&self, former: Option<&Index>) -> Option<(String, Request)> {
        let held = |(name, _): &&(String, Request)| self.head.queue().is_held_by(token(name));
        match former {
            Some(which) => (!self.claims.is_empty()).then(|| which.get(&self.claims).clone()),
            None => self.claims.iter().find(held).cloned(),
        }
    }

    /// Finishes a deployment and returns its claim, if the claim held.
    fn finish(&mut self, former: Option<&Index>, outcome: Outcome, next: bool) -> Option<String> {
        let (claim, request) = self.claim(former)?;
        let (outcome, resolved) = self.finds_out(&claim, &request, outcome);
        let mut end = match outcome {
            Outcome::Arrived => arrived(&request, "7", &claim),
            Outcome::HalfArrived => half_arrived(&request, "8", &claim),
            Outcome::Refused => {
                let record = at().record(&request, Status::InProgress).ended(refusal(), second(self.now));
                DeploymentEnd {
                    record,
                    managed: Some(ManagedKeys::default()),
                    written: [].into(),
                    kept: [].into(),
                    doors: vec![],
                    provisioned: [].into(),
                    start_unpublished: false,
                }
            }
        };
        if let Some(resolved) = &resolved {
            (end.record.release, end.record.artifact) = (Some(resolved.release.clone()), Some(resolved.recorded()));
        }
        let lives: HashSet<String> = self.lives();
        let (name, me) = self.draws();
        let claimant = next.then_some(&me);
        let stopped = self.head.active().is_some_and(|active| active.stop.is_some());
        match finish(&self.head, token(&claim), &end, &at(), claimant) {
            Finish::Commit { head, next } => {
                assert!(self.head.queue().is_held_by(token(&claim)));
                assert_eq!(next.is_some(), claimant.is_some() && self.head.pending().is_some());
                self.writes(Some(*head));
                let own_write = finish(&self.head, token(&claim), &end, &at(), claimant);
                assert_eq!(own_write, Finish::Over { next: next.clone() }, "our own write");
                let record = self.head.record_of(&request);
                match stopped {
                    true => assert_eq!(record.status, Status::Superseded),
                    false => assert_eq!(record, &end.record),
                }
                let brought = end.record.artifact.as_ref().map(|artifact| artifact.reference());
                let is_live = self.head.live().is_some_and(|live| Some(&live.artifact) == brought.as_ref());
                let reached = matches!(outcome, Outcome::Arrived | Outcome::HalfArrived);
                assert!(!reached || is_live, "what has reached a target is live");
                assert!(
                    lives.is_subset(&self.lives()) || self.head.live_state.history.len() == HISTORY,
                    "what was live is known"
                );
                self.claims.extend(next.map(|next| (name, next.request)));
                Some(claim)
            }
            Finish::Over { next } => {
                assert!(next.is_none() && !self.head.queue().is_held_by(token(&claim)));
                assert!(self.ended.contains(&request.id));
                None
            }
            Finish::Overruled => panic!("nothing rolls out here"),
            Finish::Lost => {
                assert!(!self.head.queue().is_held_by(token(&claim)));
                let recent: Vec<_> = self.ended.iter().rev().take(ENDED).collect();
                assert!(!recent.contains(&&request.id));
                None
            }
        }
    }

    /// Collects the bytes that were live or were left: here a key stands for them.
    fn lives(&self) -> HashSet<String> {
        self.head.history().iter().chain(self.head.left()).map(|live| live.artifact.key.clone()).collect()
    }

    /// Resolves the artifact of a command, if its claim holds. If there is none, the command is refused.
    fn finds_out(&mut self, claim: &str, request: &Request, outcome: Outcome) -> (Outcome, Option<ResolvedArtifact>) {
        if request.is_upload() || !self.head.queue().is_held_by(token(claim)) {
            return (outcome, None);
        }
        let known = self.head.active().and_then(|active| active.artifact.clone());
        let resolved = match known {
            Some(resolved) => Ok(resolved),
            None => resolve_artifact(&self.head, &request.source, targets(), &Rejects::default()),
        };
        let Ok(resolved) = resolved else { return (Outcome::Refused, None) };
        self.writes(with_resolved_artifact(&self.head, token(claim), &resolved));
        (outcome, Some(resolved))
    }

    fn settle(&mut self, how_many: usize) {
        let entries = self.head.outbox().iter().take(how_many);
        let written: Vec<_> = entries.map(|entry| entry.record.id).collect();
        let head = with_side_effects_done(&self.head, &done(&written));
        assert_eq!(head.is_none(), written.is_empty());
        let before = self.head.ended.outbox.clone();
        self.writes(head);
        assert_eq!(self.head.outbox(), &before[written.len()..]);
        self.track(&before);
        for id in written {
            self.fates.get_mut(&id).unwrap().1 = Fate::Settled;
        }
    }

    /// Notes the deployments that have ended since.
    fn track(&mut self, entries: &[OutboxEntry]) {
        for OutboxEntry { record, marker, .. } in entries {
            let (request, fate) = self.fates.get_mut(&record.id).expect("only what was asked for ends");
            assert_eq!(request.marker, *marker);
            match fate {
                Fate::Open => {
                    assert!(record.status.is_ended() && record.finished_at.is_some());
                    let because = record.because.as_deref().unwrap_or_default();
                    if record.code == Some(Code::Held) || because.starts_with("a ") {
                        self.displaced.insert(record.id);
                    }
                    *fate = Fate::Unsettled(Box::new(record.clone()));
                    self.ended.push(record.id);
                }
                Fate::Unsettled(ended) => assert_eq!(**ended, *record, "an ended record is never changed"),
                Fate::Settled => panic!("{} has ended twice", record.id),
            }
        }
    }

    /// Checks all rules after an operation.
    fn holds(&mut self, before: &Head, finished: Option<&str>) {
        let head = self.head.clone();
        assert_eq!(head.revision > before.revision, head != *before, "a head that is written is another one");
        self.track(head.outbox());
        let active = head.active().map(|active| &active.request);
        let mut open: Vec<_> = active.iter().copied().chain(head.all_pending()).map(|request| request.id).collect();
        let waiting: Vec<_> = head.outbox().iter().map(|entry| entry.record.id).collect();
        for (id, (request, fate)) in &self.fates {
            assert_eq!(open.contains(id), *fate == Fate::Open, "{id} is {fate:?}");
            assert_eq!(waiting.contains(id), matches!(fate, Fate::Unsettled(_)), "{id} is {fate:?}");
            assert_eq!(head.needs(request.marker), *fate != Fate::Settled, "the marker of {id}");
            assert!(!(open.contains(id) && head.ended.ids.contains(id)), "{id} is open and has ended");
        }
        open.dedup();
        assert_eq!(open.len(), usize::from(active.is_some()) + head.all_pending().len());
        assert!(head.all_pending().len() <= 4, "a rollback with a release and one without, an upload, a redeploy");
        let recent: Vec<_> = self.ended.iter().rev().take(ENDED).copied().collect();
        assert_eq!(head.ended.ids, recent);
        for request in active.iter().copied().chain(head.all_pending()) {
            assert!(is_as_submitted(request, &self.fates[&request.id].0), "as it was submitted: {request:?}");
        }
        let (was, is) = (&before.newest, &head.newest);
        assert!(is.mark >= was.mark && is.floor >= was.floor, "they went from {was:?} to {is:?}");
        self.holds_for_claims(before, finished);
        self.holds_for_the_newest();
        assert!(
            head.live_state.history.len() <= HISTORY
                && head.known.requests.len() <= REQUESTS
                && head.live_state.targets.len() <= 2
        );
        let known: HashSet<_> = head.known.requests.iter().map(|known| known.hash).collect();
        assert_eq!(known.len(), head.known.requests.len(), "each request is known once");
        assert!(
            head.ended.outbox.len() <= OUTBOX + 5,
            "at most those that are displaced, held and the one that ends go beyond the bound"
        );
    }

    fn holds_for_claims(&mut self, before: &Head, finished: Option<&str>) {
        let after = self.head.active();
        if let Some(was) = before.active() {
            let leased = before.revision == self.head.revision || second(self.now) < was.lease_until;
            match after {
                _ if finished.is_some_and(|claim| before.queue().is_held_by(token(claim))) => {}
                // A deployment that was given up untouched has not begun: a hold ends it too.
                None if self.head.hold().is_some() && was.is_idle(second(self.now)) => {}
                None => panic!("a claim went without an end"),
                Some(is) if is.claim == was.claim => {
                    // An owner who gives it up in good order does not count, unless an earlier owner may have written.
                    let is_given_up = is.lease_until < was.lease_until;
                    let given_up = u32::from(is_given_up && was.attempts == 1 && was.extensions == 0);
                    assert_eq!((&is.request, is.attempts + given_up), (&was.request, was.attempts));
                }
                Some(is) if is.request != was.request => {
                    assert!(!leased, "displaced while its lease held");
                    assert_eq!((was.attempts, was.extensions, is.attempts), (0, 0, 1), "only what was left untouched");
                }
                Some(is) => {
                    assert!(!leased, "taken over while its lease held");
                    assert_eq!((&is.request, is.attempts), (&was.request, was.attempts + 1));
                }
            }
        }
        let begins = |is: &&Active| before.active().is_none_or(|was| was.request.id != is.request.id);
        if let Some(is) = after.filter(begins) {
            assert_eq!(is.attempts, 1);
            let request = is.request.clone();
            let last = self.begun.iter().rfind(|begun| begun.is_upload());
            if let Some(last) = last.filter(|_| request.is_upload()) {
                assert!(mark_of(&request) > mark_of(last), "{request:?} was begun after {last:?}");
            }
            self.begun.push(request);
        }
        if let Some(is) = self.head.active() {
            let is_new = before.active().is_none_or(|was| was.claim != is.claim);
            assert!(!is_new || is.lease_until == second(self.now + LEASE), "a new claim has a lease of its own");
            assert!(self.claims.iter().any(|(name, request)| token(name) == is.claim && *request == is.request));
        }
    }

    /// Checks that the newest of all accepted uploads is worked on, or waits, or has ended by its own deployment.
    fn holds_for_the_newest(&self) {
        let Some(newest) = self.accepted.iter().max_by_key(|request| mark_of(request)) else { return };
        let active = self.head.active().map(|active| &active.request);
        let waits = self.head.all_pending().contains(newest) || self.displaced.contains(&newest.id);
        if active != Some(newest) && !waits {
            assert!(self.begun.contains(newest), "{newest:?} was lost");
        }
    }
}

/// Whether a request is as it was first submitted. A rollback may have lost the deployment that it meant, if that
/// brought what is live.
fn is_as_submitted(request: &Request, submitted: &Request) -> bool {
    let meant = submitted.rollback().filter(|rollback| rollback.undoes.is_some());
    let by_history = |rollback: &Rollback| Rollback { undoes: None, base: None, ..rollback.clone().verified() };
    let by_history = meant.map(|rollback| submitted.with_rollback(by_history(rollback)));
    request == submitted || Some(request) == by_history.as_ref()
}
