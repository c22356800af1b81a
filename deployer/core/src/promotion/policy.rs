//! The rules of promotions. The first broken rule is reported.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::group::GroupState;
use super::source::{SourceEnvironment, is_same};
use super::spec::PromotionSpec;
use super::wait::Wait;
use crate::approval;
use crate::config::Target;
use crate::config::{Environment, Policy, Promotion, Require};
use crate::function_ref::FunctionRef;
use crate::head::{self, Head, Request, ResolvedArtifact};
use crate::id::Sha256;
use crate::id::{DeploymentId, EnvironmentName};
use crate::moment::not_before_in;
use crate::record::{Cause, CauseKind, Code, Ending};
use crate::rejects::Rejects;

/// The default of `approval.expires`: the time that a promotion waits for approvals.
const APPROVAL_EXPIRES: Duration = Duration::from_secs(7 * 86_400);
/// The longest time that a promotion waits after its soak, for any condition: a freeze may have no end.
const MAX_WAIT: Duration = Duration::from_secs(90 * 86_400);

/// The facts by which promotions are evaluated.
#[derive(Debug, Clone, Copy)]
pub struct PromotionPolicy<'a> {
    /// The function in the environment that promotions go to.
    pub to: &'a FunctionRef<'a>,
    /// The head of that function.
    pub here: &'a Head,
    /// The environments that artifacts come from.
    pub sources: &'a BTreeMap<EnvironmentName, SourceEnvironment>,
    /// The rejected releases of the function.
    pub rejects: &'a Rejects,
    /// The groups whose members wait in the head.
    pub groups: &'a BTreeMap<DeploymentId, GroupState>,
    /// The present time.
    pub now: Timestamp,
}

/// The decision on a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may be deployed.
    Allow,
    /// It must wait.
    Wait(Wait),
    /// It is refused, or superseded.
    Deny(Ending),
}

/// Returns an environment's rules of promotion, if it takes promotions from another one.
///
/// # Errors
/// The reason why it takes none from there.
pub fn promotion_between<'a>(
    (to, environment): (&EnvironmentName, &'a Environment),
    from: &EnvironmentName,
) -> Result<&'a Promotion, String> {
    match &environment.promotion {
        None => Err(format!("{to} takes no promotions (it has no promotion in deployer.json)")),
        Some(promotion) if !promotion.from.contains(from) => {
            Err(format!("{to} takes promotions from {} only, not from {from}", promotion.from))
        }
        Some(promotion) => Ok(promotion),
    }
}

impl PromotionPolicy<'_> {
    /// Evaluates a promotion by all rules.
    #[must_use]
    pub fn evaluate(&self, request: &Request, promoting: &PromotionSpec) -> Decision {
        if let Some(decision) = self.evaluate_member(request, promoting) {
            return decision;
        }
        match self.evaluate_rules(request, promoting) {
            Ok(wait) if wait.is_over() => Decision::Allow,
            Ok(wait) => Decision::Wait(wait),
            Err(ending) => Decision::Deny(ending),
        }
    }

    /// Evaluates a promotion that is asked for now: by all rules, and by those for whoever asks. These are judged here
    /// only, so a promotion that was accepted goes on waiting, whatever deployer.json asks later. Where approvals must
    /// be proven, nobody can approve one that was asked for by hand without a proof ([`crate::approval`]).
    #[must_use]
    pub fn evaluate_new(&self, request: &Request, promoting: &PromotionSpec) -> Decision {
        match self.evaluate(request, promoting) {
            Decision::Deny(ending) => Decision::Deny(ending),
            decision => self.refuse_requester(request, promoting).map_or(decision, Decision::Deny),
        }
    }

    /// Returns the refusal of a promotion that needs approval, and whose requester is not known as it must be: nobody
    /// approves their own request.
    fn refuse_requester(&self, request: &Request, promoting: &PromotionSpec) -> Option<Ending> {
        let approval = self.to.environment.approval.as_ref()?;
        let Cause { kind, requested_by, principal, unproven, .. } = &request.cause;
        if *kind == CauseKind::AutomaticPromotion || self.is_live_already(request, promoting) {
            return None;
        }
        let to = &self.to.name;
        let because = match approval.proven {
            true if principal.is_none() => {
                let because = unproven.as_ref().map_or(String::new(), |because| format!(": {because}"));
                format!(
                    "{to} counts approvals of proven identities only, so whoever asks must prove theirs (identity){because}"
                )
            }
            false if requested_by.is_none() => {
                format!("{to} asks for approval by somebody else, so whoever asks must be named (requested_by)")
            }
            _ => return None,
        };
        Some(Ending::Refused { code: Code::NotPromotable, because })
    }

    /// Whether several environments must have the artifact, and another one never had it live. A success there starts
    /// the promotion later.
    #[must_use]
    pub fn needs_other_sources(&self, promoting: &PromotionSpec) -> bool {
        let Some(Promotion { from, require: Require::All, .. }) = &self.to.environment.promotion else { return false };
        let Some(artifact) = &promoting.artifact else { return false };
        let was_live =
            |name| self.sources.get(name).is_some_and(|from| from.head.history().iter().any(|l| is_same(l, artifact)));
        from.count() > 1 && !from.iter().all(was_live)
    }

    /// Whether the artifact is live on all targets already, and nothing but this request is open.
    #[must_use]
    pub fn is_live_already(&self, request: &Request, promoting: &PromotionSpec) -> bool {
        let targets = &self.to.environment.targets;
        let is_live = |(live, artifact)| is_same(live, artifact) && live.targets_without(targets).is_empty();
        self.here.queue().open().all(|open| open.id == request.id)
            && self.here.live().zip(promoting.artifact.as_ref()).is_some_and(is_live)
    }

    /// Whether the last waiting promotion is an automatic one of the same code, which soaks already. An earlier one
    /// does not count: where promotions go in order, code that is live again comes again after them.
    #[must_use]
    pub fn soaks_already(&self, promoting: &PromotionSpec) -> bool {
        let same = |open: &Request| {
            let (here, own) = (open.promotion_spec()?.artifact.as_ref()?, promoting.artifact.as_ref()?);
            let is_automatic = open.cause.kind == CauseKind::AutomaticPromotion;
            let is_same = here.artifact == own.artifact || (here.sha256.is_some() && here.sha256 == own.sha256);
            Some(is_automatic && is_same)
        };
        self.here.waiting().last().is_some_and(|waiting| same(&waiting.request) == Some(true))
    }

    fn evaluate_rules(&self, request: &Request, promoting: &PromotionSpec) -> Result<Wait, Ending> {
        let to = &self.to.name;
        let PromotionSpec { from, named, artifact, .. } = promoting;
        let promotion = self.promotion_from(from)?;
        if promoting.not_after.is_some_and(|until| until < self.now) {
            let until = promoting.not_after.map_or(String::new(), |until| format!("{until:.0}"));
            return refused(Code::Expired, format!("it was to be live by {until}, which has passed"));
        }
        head::hold_refusal(self.here, request).map_or(Ok(()), Err)?;
        let Some(artifact) = artifact else {
            return refused(
                Code::NotLive,
                match named {
                    Some(release) => format!("release {release} is not among the last that {from} has or had live"),
                    None => format!("nothing is live in {from}: bring a release there first"),
                },
            );
        };
        self.rejects.refusal(&artifact.release, artifact.sha256).map_or(Ok(()), Err)?;
        let is_automatic = request.cause.kind == CauseKind::AutomaticPromotion;
        if is_automatic && !promotion.automatic {
            let because =
                format!("{to} is not promoted to automatically any more: promote release {}", artifact.release);
            return refused(Code::NotPromotable, because);
        }
        // An artifact that is live already changes nothing, so it needs no approval.
        let is_there = self.is_live_already(request, promoting);
        let wants_approval = self.to.environment.approval.is_some() && !is_there;
        if is_automatic && self.here.left().iter().any(|left| is_same(left, artifact)) {
            let because = format!(
                "release {} was rolled back in {to}, and what was rolled back comes again only by hand: promote it",
                artifact.release
            );
            return refused(Code::NotPromotable, because);
        }
        let mut soak_until = None;
        for source in promotion.from.iter().filter(|name| promotion.require == Require::All || *name == from) {
            soak_until = soak_until.max(self.soaks_until(request, promoting, artifact, promotion, source)?);
        }
        let soaked_at = soak_until;
        let soak_until = soaked_at.filter(|until| *until > self.now);
        if let Some(until) = soak_until.filter(|_| !is_automatic) {
            let because = format!(
                "{to} takes what has soaked for {} in {}, and release {} has not yet: promote it not before {}",
                promotion.soak,
                promotion.from,
                artifact.release,
                not_before_in(until, self.now)
            );
            return refused(Code::NotPromotable, because);
        }
        let frozen = if is_there { None } else { self.frozen(request, promoting, soak_until)? };
        let (frozen_until, freeze_begins) = (frozen.map(|one| one.until), frozen.and_then(|one| one.begins));
        let (approvals_wanted, expires_at) = self.approvals(request, promoting, soaked_at);
        let approvals_wanted = if wants_approval { approvals_wanted } else { 0 };
        let in_line = self.is_in_line(request);
        let wait =
            Wait { soak_until, frozen_until, freeze_begins, approvals_wanted, in_line, ..Wait::over(expires_at) };
        if expires_at < self.now && !wait.is_over() {
            return refused(Code::Expired, format!("{wait}, which is over"));
        }
        Ok(wait)
    }

    /// Returns the environment's rules of promotion, if it takes promotions from `from`.
    pub(super) fn promotion_from(&self, from: &EnvironmentName) -> Result<&Promotion, Ending> {
        promotion_between((&self.to.name, &self.to.environment), from)
            .or_else(|because| refused(Code::NotPromotable, because))
    }

    /// Returns the time at which the artifact has soaked in a source; none if it needs no soak.
    fn soaks_until(
        &self,
        request: &Request,
        promoting: &PromotionSpec,
        artifact: &ResolvedArtifact,
        promotion: &Promotion,
        source: &EnvironmentName,
    ) -> Result<Option<Timestamp>, Ending> {
        let (to, release, soak) = (&self.to.name, &artifact.release, promotion.soak);
        let Some(from) = self.sources.get(source) else {
            return refused(Code::NotLive, format!("nothing is known of {source}"));
        };
        let head = &from.head;
        if let Some(extent) = from.partial_extent(artifact) {
            return refused(
                Code::NotPromotable,
                format!("release {release} is on {extent} of {source} only: redeploy it there, and promote it then"),
            );
        }
        let is_automatic = request.cause.kind == CauseKind::AutomaticPromotion;
        let ends = |since: Timestamp| since.checked_add(soak.as_duration()).unwrap_or(Timestamp::MAX);
        let at = head.history().iter().position(|live| is_same(live, artifact));
        // Failures before the artifact was complete belong to its own deployments.
        let cancelled = |since: Timestamp| {
            let from = since.max(request.time);
            let failure = head.last_failure().filter(|failure| failure.at > from && failure.at < ends(since))?;
            let because = format!(
                "deployment {} failed in {source} at {:.0}, so release {release} has not soaked",
                failure.deployment, failure.at
            );
            Some(Ending::Refused { code: Code::SoakCancelled, because })
        };
        match at.map(|at| (&head.history()[at], at.checked_sub(1).map(|newer| &head.history()[newer]))) {
            Some((live, _)) if is_automatic && cancelled(live.since).is_some() => {
                cancelled(live.since).map_or(Ok(None), Err)
            }
            Some((live, None)) => {
                let failure = head.last_failure().filter(|failure| failure.at > live.since && !is_automatic);
                match failure {
                    // A promotion by hand is told when its soak, counted from the failure, ends.
                    Some(failure) if failure.at < ends(live.since) => Ok(Some(ends(failure.at))),
                    _ => Ok((!soak.is_zero()).then(|| ends(live.since))),
                }
            }
            Some((_, Some(newer))) if is_automatic && promotion.policy == Policy::Newest => Err(Ending::Superseded {
                because: format!(
                    "release {} is live in {source} since {:.0}, and takes its place",
                    newer.release, newer.since
                ),
                in_favour_of: None,
            }),
            Some((live, Some(_))) if is_automatic => Ok(Some(ends(live.since))),
            Some((live, Some(newer))) if soak.is_zero() || ends(live.since) <= newer.since => Ok(None),
            Some((live, Some(newer))) => refused(
                Code::NotPromotable,
                format!(
                    "release {release} was live in {source} from {:.0} to {:.0} only, and {to} takes what has soaked for {soak}",
                    live.since, newer.since
                ),
            ),
            None if head.left().iter().any(|left| is_same(left, artifact)) => match is_automatic {
                true => refused(Code::SoakCancelled, format!("release {release} was rolled back in {source}")),
                false if promoting.named.is_some() && soak.is_zero() => Ok(None),
                false => refused(Code::NotLive, format!("release {release} was rolled back in {source}")),
            },
            None => {
                let live = head.live().map_or("nothing is".to_owned(), |live| format!("release {} is", live.release));
                refused(
                    Code::NotLive,
                    format!("release {release} is not live in {source} ({live}), and {to} asks for that"),
                )
            }
        }
    }

    /// Returns the number of missing approvals, and the time at which the promotion expires.
    fn approvals(
        &self,
        request: &Request,
        promoting: &PromotionSpec,
        soaked_at: Option<Timestamp>,
    ) -> (u32, Timestamp) {
        let approval = self.to.environment.approval.as_ref();
        let wanted = approval.map_or(0, |rules| {
            rules.required.saturating_sub(approval::number(&promoting.approvals, &request.cause, rules))
        });
        let longest = match approval.filter(|_| wanted > 0) {
            Some(approval) => approval.expires.map_or(APPROVAL_EXPIRES, |expires| expires.as_duration()),
            None => MAX_WAIT,
        };
        let begin = soaked_at.unwrap_or(request.accepted_at).max(request.accepted_at);
        let expires = begin.checked_add(longest).unwrap_or(Timestamp::MAX);
        (wanted, promoting.not_after.map_or(expires, |not_after| not_after.min(expires)))
    }

    /// Whether it must wait for an earlier request: a member of a group, or any open request if promotions go in order.
    fn is_in_line(&self, request: &Request) -> bool {
        if self.here.queue().member_before(request).is_some() {
            return true;
        }
        let in_order = self.to.environment.promotion.as_ref().is_some_and(|p| p.policy == Policy::InOrder);
        let is_automatic = request.cause.kind == CauseKind::AutomaticPromotion;
        in_order && is_automatic && self.here.queue().has_before(request)
    }
}

/// Checks that a source still serves the artifact. `serves` has the code that the alias of each target serves.
///
/// # Errors
/// The refusal, which names both versions of the code.
pub fn drift(
    from: &EnvironmentName,
    artifact: &ResolvedArtifact,
    serves: &[(Target, Option<Sha256>)],
) -> Result<(), Ending> {
    let Some(sha256) = artifact.sha256 else { return Ok(()) };
    let other = serves.iter().find(|(_, found)| *found != Some(sha256));
    let Some((target, found)) = other else { return Ok(()) };
    let found =
        found.map_or("nothing, or several versions".to_owned(), |found| format!("code {}", found.to_short_hex()));
    refused(
        Code::NotPromotable,
        format!(
            "the alias in {from} ({target}) serves {found}, not release {} (code {}): somebody has changed it by \
             hand; redeploy it there",
            artifact.release,
            sha256.to_short_hex()
        ),
    )
}

pub(super) fn refused<T>(code: Code, because: String) -> Result<T, Ending> {
    Err(Ending::Refused { code, because })
}
