//! `promote` by a pattern: each function that matches and is ready.

use std::collections::BTreeMap;

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{used_as_group, used_by_member};
use deployer_core::head::{CommandKind, Head, Request, UsedId, only_by_name, used_id};
use deployer_core::id::{FunctionName, FunctionPattern};
use deployer_core::known_functions::{FunctionNames, UnmatchedPattern};
use deployer_core::ledger_keys;
use deployer_core::promotion::{Decision, Dispatch, PromotionRequest, PromotionSpec, promotion_between};
use deployer_core::record::{DeploymentRecord, Ending};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::history::{History, NotReady};
use super::promote::{Asked, submit_one};
use super::promotion::{known_request, request_for};
use super::used_id::group_of_id;
use crate::claim::timed;
use crate::prove_identity::Giver;
use crate::{CommandError, Engine, Transient};

/// The number of functions that are promoted at once.
const PROMOTED_AT_ONCE: usize = 16;

/// Promotes each function that matches and is ready. A function that is not ready is left out, for nobody has named it. A
/// pattern that matches no function is refused as a misspelt name is, and so is a new request under an id that one of the
/// functions has met otherwise.
pub(super) async fn submit_each(
    engine: &Engine,
    asked: Asked<'_>,
    pattern: &FunctionPattern,
) -> Result<History, CommandError> {
    let promotion = asked.promotion;
    // That no function may be promoted so is told to whoever asks: no function is at fault.
    if let Some(environment) = engine.config.environments.get(&promotion.to) {
        promotion_between((&promotion.to, environment), &promotion.from).map_err(CommandError::NotPromotable)?;
    }
    let keys = engine.store().keys(&ledger_keys::heads_in(&promotion.from)).await.map_err(Transient::from)?;
    let names = keys.iter().filter_map(|key| Some(ledger_keys::parse_head(key)?.1));
    let functions: Vec<FunctionName> = names.filter(|name| pattern.matches(name)).collect();
    // Nobody misspells a star for all.
    if functions.is_empty() && pattern.as_str() != "*" {
        let (environment, pattern) = (promotion.from.clone(), pattern.clone());
        let hint = FunctionNames::of_head_keys(&keys).hint_of_pattern(&pattern);
        return Err(UnmatchedPattern { environment: Some(environment), pattern, hint }.into());
    }
    let known = known_by_heads(engine, asked, &functions).await?;
    let submissions = stream::iter(functions).map(|function| {
        let known = &known;
        async move {
            let submitted = submit_if_ready(engine, asked, known, &function).await;
            (function, submitted)
        }
    });
    let (mut each, mut failed) = (History { deployments: vec![], not_ready: vec![] }, vec![]);
    let mut submissions = submissions.buffer_unordered(PROMOTED_AT_ONCE);
    while let Some((function, submitted)) = submissions.next().await {
        match submitted {
            Ok(Submitted::Recorded(record)) => each.deployments.push(*record),
            Ok(Submitted::LeftOut(because)) => {
                tracing::info!(%function, "not ready: {because}");
                each.not_ready.push(NotReady { function, because: because.into() });
            }
            // A function that cannot be promoted holds up no other.
            Err(error) => {
                tracing::error!(%function, "left out: {error}");
                failed.push((function, error));
            }
        }
    }
    let is_promoting = !each.deployments.is_empty();
    for (function, error) in failed {
        match error {
            // Nothing was changed for this one, and the others are promoted.
            CommandError::Invalid(because) if is_promoting => {
                each.not_ready.push(NotReady { function, because: because.into() });
            }
            error => return Err(error),
        }
    }
    each.deployments.sort_by(|one, other| one.function.cmp(&other.function));
    each.not_ready.sort_by(|one, other| one.function.cmp(&other.function));
    Ok(each)
}

/// The result of promoting one function that a pattern matches.
enum Submitted {
    Recorded(Box<DeploymentRecord>),
    /// It is left out, for this reason.
    LeftOut(String),
}

/// The knowledge of the destination's heads about the id of a promotion by a pattern.
struct KnownByHeads {
    /// The time of the first request with this id. The same request again promotes nothing that became live since then.
    first: Timestamp,
    /// The functions about which another command has had the id since.
    used: BTreeMap<FunctionName, UsedId>,
}

/// Promotes one function that a pattern matches, unless it is not ready.
async fn submit_if_ready(
    engine: &Engine,
    asked: Asked<'_>,
    known: &KnownByHeads,
    function: &FunctionName,
) -> Result<Submitted, CommandError> {
    if let Some(used) = known.used.get(function) {
        return Ok(Submitted::LeftOut(used.to_string()));
    }
    match why_not_ready(engine, (asked.promotion, asked.giver), known.first, function).await? {
        Some(because) => Ok(Submitted::LeftOut(because)),
        None => Ok(Submitted::Recorded(Box::new(submit_one(engine, asked, function, Dispatch::Enqueue).await?))),
    }
}

/// Looks what the heads of the destination know of the id. A head that cannot be read may be the only one that knows the
/// request, so it is an error unless another does.
///
/// # Errors
/// [`CommandError`]: no head knows the request, and one knows another command of the id, or cannot be read. Nothing is
/// promoted then.
async fn known_by_heads(
    engine: &Engine,
    Asked { promotion, group, .. }: Asked<'_>,
    functions: &[FunctionName],
) -> Result<KnownByHeads, CommandError> {
    let of_id = group_of_id(engine, &promotion.id, &promotion.to).await?;
    let looks = stream::iter(functions).map(|function| {
        let of_id = of_id.as_ref();
        async move {
            // A function that the destination does not have is left out, and says why, when it is promoted.
            let Ok(at) = engine.at(&promotion.to, function) else { return Ok((None, None)) };
            let head = engine.store().head(&at).await?.head;
            if let Some(id) = head.id_of(&known_request(engine, promotion, &at)) {
                return Ok((Some(id.time()), None));
            }
            let used = used_id(&head, &at, &promotion.id, CommandKind::Promotion)
                .or_else(|| used_as_group(of_id?, std::slice::from_ref(function)))
                .or_else(|| used_by_member(group?, function));
            Ok::<_, Transient>((None, used.map(|used| (function.clone(), used))))
        }
    });
    let (mut first, mut used, mut unreadable) = (None, BTreeMap::new(), None);
    for look in looks.buffered(PROMOTED_AT_ONCE).collect::<Vec<_>>().await {
        match look {
            Ok((time, other)) => {
                first = first.into_iter().chain(time).min();
                used.extend(other);
            }
            Err(error) => unreadable = Some(error),
        }
    }
    match (first, unreadable) {
        (Some(first), _) => Ok(KnownByHeads { first: first.min(promotion.time), used }),
        (None, Some(unreadable)) if !promotion.keeps_its_time => Err(unreadable.into()),
        (None, _) => match used.pop_first() {
            Some((_, used)) => Err(used.into()),
            None => Ok(KnownByHeads { first: promotion.time, used }),
        },
    }
}

/// Returns the reason why a function is not ready. None: it has an artifact to promote that the rules allow now, or that
/// only waits (for a freeze to end, say, or an approval).
async fn why_not_ready(
    engine: &Engine,
    (promotion, giver): (&PromotionRequest, &Giver<'_>),
    first: Timestamp,
    function: &FunctionName,
) -> Result<Option<String>, CommandError> {
    if let Some(ending) = promotion.refusal_by_time(engine.now()) {
        return Ok(Some(reason(&ending).to_owned()));
    }
    let at = engine.at(&promotion.to, function)?;
    let head = async { Ok::<_, Transient>(engine.store().head(&at).await?) };
    let (seen, inputs) = futures::try_join!(head, engine.reconciler(&at).promotions().inputs(None))?;
    let request = timed(engine, &request_for(engine, promotion, &at, &inputs.sources), &seen);
    if seen.head.id_of(&request).is_some() {
        return Ok(None);
    }
    let Some(promoting) = request.promotion_spec() else { return Ok(Some("it asks for no promotion".into())) };
    let policy = engine.reconciler(&at).promotions().policy(&seen.head, &inputs);
    if policy.is_live_already(&request, promoting) {
        return Ok(Some(has_it_already(&at, &seen.head, promoting)));
    }
    let live = inputs.sources.get(&promotion.from).and_then(|source| source.head.live());
    if let Some(live) = live.filter(|live| live.since.as_second() > first.as_second()) {
        return Ok(Some(format!(
            "{} is live in {} only since {:.0}, after this was asked for: ask again, under a new id",
            live.release, promotion.from, live.since
        )));
    }
    let artifact = promoting.artifact.as_ref();
    let by_name = artifact.and_then(|artifact| only_by_name(&seen.head, artifact, &at.name));
    let mut decision = policy.evaluate(&request, promoting);
    if let (Some(because), Decision::Allow | Decision::Wait(_)) = (by_name, &decision) {
        return Ok(Some(because));
    }
    if !matches!(decision, Decision::Deny(_)) {
        let identity = giver.identity().await?;
        let request = Request { cause: request.cause.clone().by(&identity), ..request.clone() };
        decision = policy.evaluate_new(&request, promoting);
    }
    match decision {
        Decision::Deny(ending) => Ok(Some(reason(&ending).to_owned())),
        Decision::Allow | Decision::Wait(_) => Ok(None),
    }
}

/// Says that the destination serves the artifact already, under its own label or another one.
fn has_it_already(at: &FunctionRef<'_>, head: &Head, promoting: &PromotionSpec) -> String {
    let release = promoting.artifact.as_ref().map_or("it", |artifact| artifact.release.as_str());
    let live = head.live().map(|live| live.release.as_str()).filter(|live| *live != release);
    format!("{} has {release} already{}", at.name, live.map_or(String::new(), |live| format!(", as {live}")))
}

/// Returns the reason of an ending.
fn reason(ending: &Ending) -> &str {
    match ending {
        Ending::Refused { because, .. }
        | Ending::Superseded { because, .. }
        | Ending::Repeated { because, .. }
        | Ending::OnlyStopped { because }
        | Ending::Stopped { because, .. }
        | Ending::TakenBack { because, .. } => because,
        Ending::Tried(_) => "it cannot be deployed there",
    }
}
