//! The reads of one look at the targets whose rollout has begun. It writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::config::rollout::AlreadyAlarming;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::DeploymentId;
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::rollout::guard::{Evidence, Look};
use deployer_core::rollout::{
    AlarmFindings, AlarmStates, AliasMetrics, ForeignAlias, FoundAlias, MetricsQuery, RolloutState, RolloutTarget,
    has_old_minutes, old_alone_since,
};
use deployer_core::session_policy::{look_policy, session_name};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};

use super::super::Deployment;
use super::super::error::internal;
use super::super::sessions::enter;
use super::ready::BEGIN_ROLLOUT;
use crate::port::{RolloutCallErrorKind, SessionRequest, TrafficWatch};
use crate::timer::Timer;
use crate::{Engine, TARGETS_AT_ONCE};

/// The step of a look, in errors.
const LOOK: &str = "look";

/// The time in which a look reads a target. What is not read by then is unreadable, so a look always ends.
const READ_WITHIN: Duration = Duration::from_secs(45);
/// The number of alarms of a target whose histories are read at once: CloudWatch throttles more.
const HISTORIES_AT_ONCE: usize = 5;

/// The findings of a look.
#[derive(Default)]
pub(super) struct Found {
    /// The traffic of each target.
    pub looks: Vec<Look>,
    /// The aliases that somebody else has changed, as "expected, found".
    pub foreign: Vec<(Target, ForeignAlias)>,
    /// The alarms that take the rollout back, each with its target, in a sentence.
    pub alarms: Vec<String>,
}

/// The reads of one target. Each part is read by itself: one that cannot be read hides no other.
#[derive(Default)]
struct Read {
    /// Somebody else has changed its alias, as "expected, found".
    foreign: Option<ForeignAlias>,
    /// Its traffic; none where the alias is new, so that no two versions can be compared.
    evidence: Option<Result<Evidence, String>>,
    /// The alarms that fired.
    fired: Vec<String>,
    /// The other part that could not be read.
    unread: Vec<String>,
}

/// A look at the targets of a deployment.
#[derive(Clone, Copy)]
pub(super) struct RolloutLook<'a>(pub &'a Deployment<'a>);

impl RolloutLook<'_> {
    /// Opens the session of a look.
    pub(super) async fn look_session(&self, target: &Target) -> Result<Arc<dyn TrafficWatch>, TargetError> {
        look_session((self.0.engine, self.0.at, self.0.request.id), target).await
    }

    /// Reads metrics and alarms of every target whose alias was seen to serve the new version. The history of the old
    /// version is told by the alias alone from `alone_since` on.
    pub(super) async fn look_around(&self, state: &RolloutState, alone_since: Option<Timestamp>) -> Found {
        let names: Vec<String> =
            state.plan.alarms.iter().map(|alarm| alarm.fill_in(&self.0.at.name, &self.0.at.function)).collect();
        let begun = state.targets.iter().filter(|one| !one.served.is_empty());
        let read: Vec<_> = stream::iter(begun)
            .map(|one| {
                let alone_since = old_alone_since(state, one, alone_since, self.0.engine.now());
                let read = self.read_target(one, &names, alone_since);
                async move { (one, read.await) }
            })
            .buffered(TARGETS_AT_ONCE)
            .collect()
            .await;
        let mut found = Found::default();
        for (one, read) in read {
            let target = one.target.clone();
            let weight = one.served.last().map_or(0, |served| served.weight);
            let because = |alarm: String| format!("alarm {alarm} fires in {target}");
            found.alarms.extend(read.fired.into_iter().map(because));
            if let Some(changed) = read.foreign {
                found.foreign.push((target, changed));
                continue;
            }
            let unread = (!read.unread.is_empty()).then(|| read.unread.join("; "));
            let old_is_over = !has_old_minutes(state, one);
            let (evidence, unread) = match (read.evidence, unread) {
                (Some(evidence), unread) => {
                    let tests = state.plan.smoke_tests.len();
                    let evidence =
                        evidence.map(|evidence| Evidence { old_is_over, ..evidence }.without_smoke_tests(tests));
                    (evidence.map_err(Into::into), unread.map(Into::into))
                }
                (None, Some(unread)) => (Err(unread.into()), None),
                (None, None) => continue,
            };
            found.looks.push(Look { target, weight, evidence, unread });
        }
        doubt_fresh_changes(&mut found, state, self.0.engine.now());
        found
    }

    /// Reads one target: the alias, the metrics and the alarms side by side.
    async fn read_target(&self, one: &RolloutTarget, names: &[String], alone_since: Option<Timestamp>) -> Read {
        let (at, now) = (self.0.at, self.0.engine.now());
        let reading = Reading { timer: self.0.engine.timer(), began: now };
        let session = match reading.in_time("session", self.look_session(&one.target)).await {
            Ok(session) => session,
            Err(because) => return Read { unread: vec![because], ..Read::default() },
        };
        let alias = reading.in_time("alias", session.alias(&at.function_name, &at.environment.alias));
        let metrics = async {
            let query = MetricsQuery::of(&at.function_name, &at.environment.alias, one, now);
            match query.filter(|_| one.old.is_some()) {
                Some(query) => Some(reading.in_time("metrics", session.metrics(&query)).await),
                None => None,
            }
        };
        let alarms = reading.fired_alarms(session.as_ref(), one, names);
        let (alias, metrics, (fired, mut unread)) = futures::join!(alias, metrics, alarms);
        let foreign = match alias.map(|alias| one.compare_in_look(alias.as_ref())) {
            Ok(FoundAlias::Foreign(changed)) => Some(changed),
            Ok(_) => None,
            Err(because) => {
                unread.push(because);
                None
            }
        };
        let evidence = |metrics: AliasMetrics| metrics.evidence(one, alone_since, now);
        Read { foreign, evidence: metrics.map(|metrics| metrics.map(evidence)), fired, unread }
    }
}

/// Opens the session of a look at a target.
pub(crate) async fn look_session(
    (engine, at, id): (&Engine, &FunctionRef<'_>, DeploymentId),
    target: &Target,
) -> Result<Arc<dyn TrafficWatch>, TargetError> {
    let Some(sessions) = &engine.ports.rollouts else {
        return Err(internal(LOOK, "this deployer opens no sessions for looks"));
    };
    let request = SessionRequest {
        target: target.clone(),
        role: at.environment.role_name.clone(),
        external_id: at.environment.external_id.clone(),
        name: session_name(id),
        policy: look_policy(target, &at.function_name),
    };
    enter(engine.timer(), || sessions.open_look_session(&request)).await
}

/// Returns the alarms of a target that fire now, before its rollout begins.
///
/// # Errors
/// The error with which the rollout does not begin: an alarm does not exist, fires where that refuses the rollout, or
/// cannot be read.
pub(crate) async fn firing_alarms(
    session: &dyn TrafficWatch,
    target: &Target,
    names: &[String],
    treatment: AlreadyAlarming,
) -> Result<BTreeSet<String>, TargetError> {
    let refused = |message: String| TargetError::new(TargetErrorCode::InvalidConfiguration, BEGIN_ROLLOUT, message);
    let states = session.alarms(names).await.map_err(|error| {
        let message = format!("the alarms cannot be read: {error}");
        TargetError::new(code_of(error.kind), BEGIN_ROLLOUT, message)
    })?;
    if !states.missing.is_empty() {
        let missing: Vec<&str> = states.missing.iter().map(String::as_str).collect();
        return Err(refused(format!(
            "there is no alarm {} in {target}, and an alarm that does not exist guards nothing: correct the name, or make \
             it",
            missing.join(", ")
        )));
    }
    let firing = states.firing();
    if treatment == AlreadyAlarming::Refuse && !firing.is_empty() {
        let firing: Vec<&str> = firing.iter().map(String::as_str).collect();
        return Err(refused(format!("alarm {} fires already (already_alarming is refuse)", firing.join(", "))));
    }
    Ok(firing)
}

/// The reading of one target, which ends after [`READ_WITHIN`].
#[derive(Clone, Copy)]
struct Reading<'a> {
    timer: Timer<'a>,
    began: Timestamp,
}

impl Reading<'_> {
    /// Reads a part, or says why it could not be read.
    async fn in_time<T, E: std::fmt::Display>(
        self,
        part: &str,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<T, String> {
        let left = READ_WITHIN.saturating_sub(self.timer.passed(self.began));
        tokio::select! {
            biased;
            read = read => read.map_err(|error| error.to_string()),
            () = self.timer.sleep(left) => {
                Err(format!("{part}: AWS has not answered within {} seconds", READ_WITHIN.as_secs()))
            }
        }
    }

    /// Returns the alarms of a target that have fired since its rollout began, and what of them could not be read.
    async fn fired_alarms(
        self,
        session: &dyn TrafficWatch,
        one: &RolloutTarget,
        names: &[String],
    ) -> (Vec<String>, Vec<String>) {
        if names.is_empty() {
            return (vec![], vec![]);
        }
        let began = one.served.first().map_or(self.began, |served| served.meant_at);
        let histories = stream::iter(names)
            .map(|name| async move {
                let part = format!("history of alarm {name}");
                (name.clone(), self.in_time(&part, session.alarm_changes(name, began)).await)
            })
            .buffered(HISTORIES_AT_ONCE)
            .collect::<Vec<_>>();
        let states = self.in_time("alarms", session.alarms(names));
        let (states, histories) = futures::join!(states, histories);
        let (mut changes, mut unread) = (BTreeMap::new(), Vec::new());
        let states = states.unwrap_or_else(|because| {
            unread.push(because);
            AlarmStates::default()
        });
        for (name, history) in histories {
            match history {
                Ok(changed) => drop(changes.insert(name, changed)),
                Err(because) => unread.push(because),
            }
        }
        let AlarmFindings { fired, missing, .. } = states.judge(&one.disarmed, &changes);
        unread.extend(missing.into_iter().map(|name| format!("alarm {name} is gone")));
        (fired.into_iter().collect(), unread)
    }
}

/// Names what kept the deployer from reading the alarms of a target.
fn code_of(kind: RolloutCallErrorKind) -> TargetErrorCode {
    match kind {
        RolloutCallErrorKind::Denied => TargetErrorCode::AccessDenied,
        RolloutCallErrorKind::Throttled => TargetErrorCode::Throttled,
        RolloutCallErrorKind::NotFound | RolloutCallErrorKind::Invalid => TargetErrorCode::InvalidConfiguration,
        RolloutCallErrorKind::Unavailable => TargetErrorCode::Internal,
    }
}

/// The time after a move in which an alias may still be read as it was before.
const READ_LATE: SignedDuration = SignedDuration::from_secs(60);

/// Takes no change for somebody else's that is found right after a move: the read may be older than the move. The next
/// look tells. Until then the target is unreadable, so no step is taken.
fn doubt_fresh_changes(found: &mut Found, state: &RolloutState, now: Timestamp) {
    let is_fresh = |target: &Target| {
        let one = state.targets.iter().find(|one| one.target == *target);
        one.and_then(|one| one.at).is_some_and(|at| now.duration_since(at) < READ_LATE)
    };
    let (fresh, foreign): (Vec<_>, Vec<_>) = found.foreign.drain(..).partition(|(target, _)| is_fresh(target));
    found.foreign = foreign;
    for (target, changed) in fresh {
        let weight = state.targets.iter().find(|one| one.target == target).and_then(|one| one.served.last());
        let weight = weight.map_or(0, |served| served.weight);
        let because = format!("its alias has just moved, and was read as it may have been before: {changed}");
        found.looks.push(Look { target, weight, evidence: Err(because.into()), unread: None });
    }
}
