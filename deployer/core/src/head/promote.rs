//! Promotions that wait: they are let in, wait, and go on, as the rules say (`promotion::PromotionPolicy`).

use jiff::Timestamp;

use super::active::Active;
use super::request::Request;
use super::source::Source;
use super::state::{Head, WAITING};
use super::transition::{Claimant, Next, Transition};
use super::waiting::{Place, Waiting};
use crate::config::Policy;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::promotion::{Decision, Dispatch, Wait};
use crate::record::{Approved, CauseKind, Code, Ending, Status};

/// What came of somebody's consent, or of its refusal.
#[derive(Debug, Clone, PartialEq)]
pub enum Consent {
    /// To be written.
    Now(Box<Head>),
    /// It was given before.
    Earlier,
    /// No promotion of this id waits here.
    NotWaiting,
    /// It does not count: the sentence says why.
    Void(String),
}

impl Head {
    /// Takes a promotion in, as it was judged on this head: it ends, it waits, or it is let in like any request.
    #[must_use]
    pub fn accept_promotion(
        &self,
        (request, taking): (&Request, Dispatch),
        verdict: &Decision,
        at: &FunctionRef<'_>,
        me: &Claimant,
    ) -> Transition {
        if let Some(echo) = self.echo(me) {
            return echo;
        }
        if let Some(id) = self.id_of(request) {
            return self.again(id, at, me);
        }
        let mut head = self.next();
        head.remember(request);
        if let Some(ending) = self.not_taken(request, verdict, at) {
            head.end(request, at.record(request, Status::InProgress).ended(ending, me.now));
            return Transition::to(head, Next::Over(request.id));
        }
        if !goes_in_order(request, at) {
            head.displace_waiting(request, at, me.now);
        }
        match verdict {
            Decision::Wait(wait) => {
                head.rest(Waiting { request: request.clone(), wait: wait.clone(), told: false, place: None })
            }
            _ if taking == Dispatch::Enqueue => {
                head.rest(Waiting { request: request.clone(), wait: Wait::over(me.now), told: true, place: None })
            }
            _ => head.let_in(request, at, me),
        }
    }

    fn rest(mut self, waiting: Waiting) -> Transition {
        self.waiting.push(waiting.clone());
        Transition::to(self, Next::Rests(Box::new(waiting)))
    }

    /// Goes on with a promotion that waits, as it was judged anew on this head.
    #[must_use]
    pub fn go_on_waiting(
        &self,
        id: DeploymentId,
        verdict: &Decision,
        at: &FunctionRef<'_>,
        me: &Claimant,
    ) -> Transition {
        if let Some(echo) = self.echo(me) {
            return echo;
        }
        let Some(index) = self.waiting.iter().position(|waiting| waiting.request.id == id) else {
            return Transition::none(Next::Nothing);
        };
        let mut head = self.next();
        let waiting = head.waiting.remove(index);
        let request = &waiting.request;
        // What came after a member of a group has waited behind it.
        let is_member = request.group().is_some();
        let ending = match verdict {
            Decision::Deny(ending) => Some(waiting.cancelled_by(ending.clone())),
            _ if is_member => None,
            _ => self.newest.beyond_time(request.time).map(superseded),
        };
        if let Some(ending) = ending {
            head.end(request, waiting.record(at).ended(ending, me.now));
            return Transition::to(head, Next::Over(id));
        }
        match verdict {
            Decision::Wait(wait) if *wait == waiting.wait => Transition::none(Next::Rests(Box::new(waiting))),
            Decision::Wait(wait) => {
                let mut waiting = Waiting { wait: wait.clone(), ..waiting };
                if let Source::Promoted(promoting) = &mut waiting.request.subject {
                    promoting.unseen_since = None;
                }
                head.waiting.insert(index, waiting.clone());
                Transition::to(head, Next::Rests(Box::new(waiting)))
            }
            _ if is_member && !self.is_next(id) => Transition::none(Next::Rests(Box::new(self.waiting[index].clone()))),
            _ if is_member => head.let_member_in(waiting, index, at, me),
            _ => head.let_in(&waiting.request, at, me),
        }
    }

    /// A promotion whose turn had come, and that has to wait all the same: what the rules say has changed. One that was asked
    /// to stop meanwhile ends. `None`: the claim is not ours any more.
    #[must_use]
    pub fn put_back(&self, claim: Token, wait: &Wait, at: &FunctionRef<'_>, now: Timestamp) -> Option<Transition> {
        let Active { mut request, stop, .. } = self.active.clone().filter(|active| active.claim == claim)?;
        let mut head = self.next();
        let mut told = false;
        if let Source::Promoted(promoting) = &mut request.subject {
            // That it waits to see its source is told once.
            told = wait.unseen.is_some() && promoting.unseen_since.is_some();
            promoting.unseen_since = wait.unseen.is_some().then(|| promoting.unseen_since.unwrap_or(now));
        }
        head.active = None;
        if let Some(rollback) = stop {
            let id = request.id;
            let ending = superseded(format!("rollback {rollback}, asked for later, has asked it to stop"));
            head.end(&request, at.record(&request, Status::Pending).ended(ending, now));
            return Some(Transition::to(head, Next::Over(id)));
        }
        let is_member = request.group().is_some();
        let waiting = Waiting { request, wait: wait.clone(), told, place: is_member.then(Place::default) };
        // What came after a member of a group waits behind it, whatever its time.
        let index = head.waiting.iter().position(|other| is_member || other.request.time > waiting.request.time);
        head.waiting.insert(index.unwrap_or(head.waiting.len()), waiting.clone());
        Some(Transition::to(head, Next::Rests(Box::new(waiting))))
    }

    /// Those whose record and event are written are told. `None`: the head knows already.
    #[must_use]
    pub fn with_told(&self, told: &[DeploymentId]) -> Option<Self> {
        let mut head = self.next();
        for waiting in head.waiting.iter_mut().filter(|waiting| told.contains(&waiting.request.id)) {
            waiting.told = true;
        }
        (head.waiting != self.waiting).then_some(head)
    }

    /// Somebody approves a promotion that waits.
    #[must_use]
    pub fn with_approval(&self, id: DeploymentId, approved: &Approved) -> Consent {
        let mut head = self.next();
        let waiting = head.waiting.iter_mut().find(|waiting| waiting.request.id == id);
        let Some(Request { cause, subject: Source::Promoted(promoting), .. }) = waiting.map(|w| &mut w.request) else {
            return Consent::NotWaiting;
        };
        if approved.is_among(&promoting.approvals) {
            return Consent::Earlier;
        }
        if let Err(because) = approved.counts_for(cause.requested_by.as_deref()) {
            return Consent::Void(because);
        }
        promoting.approvals.push(approved.clone());
        Consent::Now(Box::new(head))
    }

    /// Somebody declines a promotion that waits: it ends.
    #[must_use]
    pub fn declined(&self, id: DeploymentId, because: String, at: &FunctionRef<'_>, now: Timestamp) -> Consent {
        let mut head = self.next();
        let Some(index) = head.waiting.iter().position(|waiting| waiting.request.id == id) else {
            return Consent::NotWaiting;
        };
        let waiting = head.waiting.remove(index);
        let ending = Ending::Refused { code: Code::NotPromotable, because };
        head.end(&waiting.request, waiting.record(at).ended(ending, now));
        Consent::Now(Box::new(head))
    }

    /// Whether a promotion that came before this one is still open.
    pub(crate) fn has_before(&self, request: &Request) -> bool {
        let is_other = |open: &Request| open.id != request.id;
        let waiting = self.waiting.iter().map(|waiting| &waiting.request);
        self.active.iter().any(|active| is_other(&active.request))
            || self.pending.iter().chain(waiting).any(|open| is_other(open) && open.time < request.time)
    }

    /// Why a promotion is not taken, although the rules may not say so.
    #[must_use]
    pub fn not_taken(&self, request: &Request, verdict: &Decision, at: &FunctionRef<'_>) -> Option<Ending> {
        if let Decision::Deny(ending) = verdict {
            return Some(ending.clone());
        }
        if let Some(because) = self.newest.beyond_time(request.time) {
            return Some(superseded(because));
        }
        let artifact = |request: &Request| {
            let promoting = request.promoting()?;
            Some((promoting.artifact.as_ref()?.artifact.clone(), promoting.freeze_override.clone()))
        };
        let same = self.waiting.iter().find(|waiting| artifact(&waiting.request) == artifact(request));
        if let (Some(Waiting { request: first, .. }), Decision::Wait(_)) = (same, verdict) {
            let release = request.subject.release().map_or(String::new(), ToString::to_string);
            return Some(superseded(format!("deployment {} brings release {release} already, and waits", first.id)));
        }
        let in_order = goes_in_order(request, at);
        let newer = self.waiting.iter().find(|other| {
            // A member of a group lets what comes later wait behind it.
            !in_order && other.request.group().is_none() && other.request.time > request.time
        });
        if let Some(Waiting { request: newer, .. }) = newer {
            return Some(superseded(format!("deployment {}, asked for later, waits already", newer.id)));
        }
        (in_order && self.waiting.len() >= WAITING).then(|| Ending::Refused {
            code: Code::NotPromotable,
            because: format!("{WAITING} promotions wait here already: approve or decline some, or let the newest win"),
        })
    }

    /// A rollback here ends what waits to come here.
    pub(super) fn end_waiting(&mut self, rollback: &Request, at: &FunctionRef<'_>, now: Timestamp) {
        for waiting in std::mem::take(&mut self.waiting) {
            let ending = superseded(format!("{rollback} has ended what waited to come here"));
            self.end(&waiting.request, waiting.record(at).ended(ending, now));
        }
    }

    /// A newer promotion takes the place of those that wait, but not of members of groups.
    pub(super) fn displace_waiting(&mut self, newer: &Request, at: &FunctionRef<'_>, now: Timestamp) {
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.request.group().is_some() {
                self.waiting.push(waiting);
                continue;
            }
            let ending = superseded(format!("{newer} has taken its place while it waited"));
            self.end(&waiting.request, waiting.record(at).ended(ending, now));
        }
    }
}

/// Whether it waits for those before it instead of taking their place.
pub(super) fn goes_in_order(request: &Request, at: &FunctionRef<'_>) -> bool {
    let in_order = at.environment.promotion.as_ref().is_some_and(|promotion| promotion.policy == Policy::InOrder);
    in_order && request.cause.kind == CauseKind::AutomaticPromotion
}

fn superseded(because: String) -> Ending {
    Ending::Superseded { because }
}
