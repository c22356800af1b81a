//! A promotion as a command or an event asks for it: the request of one function, and what is answered.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::Request;
use deployer_core::promotion::{PromotionRequest, PromotionSpec, SourceEnvironment};
use deployer_core::record::DeploymentRecord;

use super::history::History;
use crate::Engine;
use crate::promotions::policy::Sources;

/// The result of a promotion request.
#[derive(Debug, Clone, PartialEq)]
pub enum PromotionOutcome {
    /// The record of one function's promotion.
    One(Box<DeploymentRecord>),
    /// The records of all functions that match and are ready, and the others.
    Each(History),
    /// The group of functions that are promoted together.
    Together(Box<Group>),
}

/// Makes the request by which a promotion of one function is known, whatever it brings.
pub(super) fn known_request(engine: &Engine, promotion: &PromotionRequest, at: &FunctionRef<'_>) -> Request {
    request_for(engine, promotion, at, &Sources::new())
}

/// Makes the request to promote one function: for the artifact that the source has live now.
pub(super) fn request_for(
    engine: &Engine,
    promotion: &PromotionRequest,
    at: &FunctionRef<'_>,
    sources: &Sources,
) -> Request {
    let none = SourceEnvironment::default();
    let promoting: PromotionSpec =
        promotion.promotion_spec().resolved_in(sources.get(&promotion.from).unwrap_or(&none));
    let cause = promotion.cause();
    let (place, now) = ((&at.name, &at.function), engine.now());
    Request::promotion(place, promoting, cause, promotion.time, (now, engine.token()))
}
