//! The freeze that keeps a promotion: one that is on, or one that its rollout would reach into.

use jiff::{SignedDuration, Timestamp};

use super::policy::PromotionPolicy;
use super::spec::PromotionSpec;
use super::wait::Wait;
use crate::config::rollout::in_words;
use crate::config::{Environment, WhenFrozen};
use crate::freeze::{first_frozen, first_gap, frozen_until, next_freeze};
use crate::head::Request;
use crate::moment::not_before;
use crate::record::{Code, Ending};

/// A freeze that keeps a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frozen {
    /// The time from which on it may begin, as far as that is known.
    pub until: Timestamp,
    /// The beginning of the freeze that its rollout would reach into; none: the freeze is on.
    pub begins: Option<Timestamp>,
}

impl PromotionPolicy<'_> {
    /// Returns the freeze that keeps a promotion when its soak ends, or now. Where freezes refuse, one that keeps it now
    /// does. Lengthened steps, pauses and what a manifest asks for do not count: nobody has read the zip yet.
    pub(super) fn frozen(
        &self,
        request: &Request,
        promoting: &PromotionSpec,
        soak_until: Option<Timestamp>,
    ) -> Result<Option<Frozen>, Ending> {
        match self.to.environment.when_frozen {
            WhenFrozen::Refuse => self.refusal_in_freeze(request, promoting, self.now).map_or(Ok(None), Err),
            WhenFrozen::Wait => {
                Ok(self.freeze_at(request, promoting, soak_until.unwrap_or(self.now)).map(|(frozen, _)| frozen))
            }
        }
    }

    /// Returns the refusal that a promotion will meet while it soaks or at the end of that, where freezes refuse.
    #[must_use]
    pub fn refusal_while_soaking(&self, request: &Request, promoting: &PromotionSpec, wait: &Wait) -> Option<Ending> {
        let Environment { when_frozen, freeze, .. } = &*self.to.environment;
        let until = wait.soak_until.filter(|_| *when_frozen == WhenFrozen::Refuse)?;
        self.refusal_in_freeze(request, promoting, first_frozen(freeze, self.now, until).unwrap_or(until))
    }

    fn refusal_in_freeze(&self, request: &Request, promoting: &PromotionSpec, at: Timestamp) -> Option<Ending> {
        let (_, frozen) = self.freeze_at(request, promoting, at)?;
        let because =
            format!("{frozen} and refuses promotions meanwhile: promote then, or give a reason to override the freeze");
        Some(Ending::Refused { code: Code::NotPromotable, because })
    }

    /// Returns the freeze that keeps a promotion which would begin then, and says so.
    fn freeze_at(&self, request: &Request, promoting: &PromotionSpec, at: Timestamp) -> Option<(Frozen, String)> {
        if promoting.freeze_override.is_some() {
            return None;
        }
        match frozen_until(&self.to.environment.freeze, at) {
            Some(until) => {
                let because = format!("{} is frozen until {}", self.to.name, not_before(until));
                Some((Frozen { until, begins: None }, because))
            }
            None => self.reached_freeze(request, at),
        }
    }

    /// Returns the freeze that the rollout of a promotion would reach into if it began then, and says so.
    fn reached_freeze(&self, request: &Request, at: Timestamp) -> Option<(Frozen, String)> {
        let environment = &self.to.environment;
        let rollout = environment.rollout.as_ref()?;
        let targets = environment.targets.len();
        let takes = match request.cause.skip_rollout {
            Some(_) => rollout.all_at_once().planned_length(targets),
            None => rollout.planned_length(targets),
        };
        let length = SignedDuration::try_from(takes).unwrap_or(SignedDuration::MAX);
        let begins = next_freeze(&environment.freeze, at, length)?;
        let gap = first_gap(&environment.freeze, at, length);
        let until = gap.or_else(|| frozen_until(&environment.freeze, begins))?;
        let because = format!(
            "{} is frozen from {begins:.0} until {}, its rollout takes {} and would reach into that,",
            self.to.name,
            not_before(until),
            in_words(takes)
        );
        Some((Frozen { until, begins: Some(begins) }, because))
    }
}
