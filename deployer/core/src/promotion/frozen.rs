//! The freeze that keeps a promotion: one that is on, or one that its rollout would reach into.

use jiff::{SignedDuration, Timestamp};

use super::policy::{PromotionPolicy, refused};
use super::spec::PromotionSpec;
use crate::config::WhenFrozen;
use crate::config::rollout::in_minutes;
use crate::freeze::{first_gap, frozen_until, next_freeze};
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
    /// Returns the freeze that keeps a promotion now. Lengthened steps, pauses and what a manifest asks for do not count:
    /// nobody has read the zip yet.
    pub(super) fn frozen(&self, request: &Request, promoting: &PromotionSpec) -> Result<Option<Frozen>, Ending> {
        let (environment, to) = (&self.to.environment, &self.to.name);
        if promoting.freeze_override.is_some() {
            return Ok(None);
        }
        let found = match frozen_until(&environment.freeze, self.now) {
            Some(until) => {
                Some((Frozen { until, begins: None }, format!("{to} is frozen until {}", not_before(until))))
            }
            None => self.reached_freeze(request),
        };
        match (found, environment.when_frozen) {
            (Some((_, frozen)), WhenFrozen::Refuse) => refused(
                Code::NotPromotable,
                format!(
                    "{frozen} and refuses promotions meanwhile: promote then, or give a reason to override the freeze"
                ),
            ),
            (found, _) => Ok(found.map(|(frozen, _)| frozen)),
        }
    }

    /// Returns the freeze that the rollout of a promotion would reach into if it began now, and says so.
    fn reached_freeze(&self, request: &Request) -> Option<(Frozen, String)> {
        let environment = &self.to.environment;
        let rollout = environment.rollout.as_ref()?;
        let targets = environment.targets.len();
        let takes = match request.cause.skip_rollout {
            Some(_) => rollout.all_at_once().planned_length(targets),
            None => rollout.planned_length(targets),
        };
        let length = SignedDuration::try_from(takes).unwrap_or(SignedDuration::MAX);
        let begins = next_freeze(&environment.freeze, self.now, length)?;
        let gap = first_gap(&environment.freeze, self.now, length);
        let until = gap.or_else(|| frozen_until(&environment.freeze, begins))?;
        let because = format!(
            "{} is frozen from {begins:.0} until {}, its rollout takes {} and would reach into that,",
            self.to.name,
            not_before(until),
            in_minutes(takes)
        );
        Some((Frozen { until, begins: Some(begins) }, because))
    }
}
