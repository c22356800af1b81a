//! Promotions of several functions together. The group is an object of the ledger, which each invocation that comes by
//! brings further, step by step, each by compare-and-swap. The group gives each of its deployments its identity.

mod for_newer;
mod open;
mod steps;

use deployer_core::event::{Announcement, Event, RecordlessEvent, Refused};
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, Member, Phase, has_new_word, overdue_sentence};
use deployer_core::head::CommandKind;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::OVERDUE_LINE;
use deployer_core::promotion::{GroupState, PromotionRequest};
use deployer_core::record::{Ending, Status};

pub(crate) use self::for_newer::{end_for_newer, finish_ended};
use self::steps::{RollbackState, record_undecided};
use crate::commands::used_id::ensure_unused_by_each;
use crate::error::CommandError;
use crate::events::{NotSent, publish};
use crate::prove_identity::Giver;
use crate::store::Change;
use crate::sweep::report::{FailureKind, Swept};
use crate::{Engine, Transient};

/// The most steps of one reconciliation.
const MAX_STEPS: u32 = 12;

/// The result of one step.
enum StepResult {
    /// Nothing changes now.
    Stays(Group),
    /// The group has ended.
    Ends(Group),
    /// The group is no longer open.
    Gone,
    /// The group was written in its next form.
    Advances { from: Box<Group>, to: Box<Group> },
}

/// The group of a request, as it is found before the request is carried out.
enum Found {
    Nothing,
    Open,
    Ended(Box<Group>),
}

/// Reconciles promotions of several functions together.
#[derive(Clone, Copy)]
pub(crate) struct Groups<'e> {
    engine: &'e Engine,
}

impl<'e> Groups<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// Opens a group, and reconciles it.
    pub(super) async fn promote(
        self,
        (promotion, giver): (&PromotionRequest, &Giver<'_>),
        functions: &[FunctionName],
    ) -> Result<Group, CommandError> {
        let group = Group::of(promotion, functions, self.engine.now());
        let open_key = ledger_keys::open_group(&group.environment, group.id);
        match found_or_unused(self, promotion, &group, functions).await? {
            Found::Ended(ended) => return ensure_same_request(promotion, &group, *ended),
            Found::Open if giver.has_proof() => {
                return ensure_same_request(promotion, &group, self.reconcile(&group.environment, group.id).await?);
            }
            Found::Open | Found::Nothing => {}
        }
        if let Some(ending) = promotion.refusal_by_time(self.engine.now()) {
            let (Ending::Refused { because, .. } | Ending::Superseded { because, .. }) = ending else {
                return Err(CommandError::Refused("it is out of time".into()));
            };
            return Err(CommandError::Refused(because));
        }
        let proven = PromotionRequest { identity: giver.identity().await?, ..promotion.clone() };
        let group = Group::of(&proven, functions, self.engine.now());
        if self.engine.store().create(&open_key, &group).await?
            && let Some(ended) = self.read(&ledger_keys::ended_group(&group.environment, group.id)).await?
        {
            // The group ended between the two reads.
            self.engine.store().delete(&open_key).await;
            return ensure_same_request(promotion, &group, ended);
        }
        ensure_same_request(promotion, &group, self.reconcile(&group.environment, group.id).await?)
    }

    /// Finds a group, open or ended.
    pub(super) async fn find(
        self,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> Result<Option<Group>, Transient> {
        Ok(self.engine.store().group(environment, id).await?)
    }

    /// Reconciles every open group. A failure of one never stops the others.
    pub(super) async fn reconcile_all(self) -> Result<Swept, Transient> {
        let mut swept = Swept::default();
        for key in self.engine.store().keys(&ledger_keys::open_groups()).await? {
            let Some((environment, id)) = ledger_keys::parse_open_group(&key) else {
                tracing::warn!(key, "no group of this deployer's: delete it");
                continue;
            };
            let mut one = Swept::one();
            if let Err(error) = self.reconcile(&environment, id).await {
                tracing::error!(group = %id, "not driven on: {error}");
                one = one.with_failure(&format!("group {id}"), FailureKind::of(&error), &error.to_string());
            }
            swept = swept.and(one);
        }
        Ok(swept)
    }

    /// Does the group's next steps, until nothing changes now.
    pub(super) async fn reconcile(self, environment: &EnvironmentName, id: DeploymentId) -> Result<Group, Transient> {
        let (open, ended) = (ledger_keys::open_group(environment, id), ledger_keys::ended_group(environment, id));
        let mut has_begun_rollbacks = false;
        for _ in 0..MAX_STEPS {
            let mut rollbacks = RollbackState::default();
            let step = async |group: Option<&Group>| {
                let Some(group) = group else { return Ok(Change::Keep(StepResult::Gone)) };
                if group.phase == Phase::Ended {
                    return Ok(Change::Keep(StepResult::Ends(group.clone())));
                }
                let next;
                (next, rollbacks) = self.next(group).await?;
                Ok::<_, Transient>(match next.differs_from(group) {
                    true => Change::Write(
                        next.clone(),
                        StepResult::Advances { from: Box::new(group.clone()), to: Box::new(next) },
                    ),
                    false => Change::Keep(StepResult::Stays(group.clone())),
                })
            };
            match self.engine.store().update(&open, step).await? {
                StepResult::Stays(_) if !rollbacks.to_begin.is_empty() && !has_begun_rollbacks => {
                    self.begin_rollbacks(&rollbacks.to_begin).await?;
                    has_begun_rollbacks = true;
                }
                StepResult::Stays(group) => {
                    self.publish_wait(&group).await;
                    return rollbacks.unread.map_or(Ok(group), Err);
                }
                StepResult::Ends(group) => return self.end_group(&group).await,
                StepResult::Gone => {
                    return self.read(&ended).await?.ok_or(Transient::TakenOver);
                }
                StepResult::Advances { from, to } => self.after_step(&from, &to).await,
            }
        }
        Err(Transient::Contended)
    }

    /// Does the group's next step. Returns the group after it, and the rollbacks to be begun once the group is written.
    async fn next(self, group: &Group) -> Result<(Group, RollbackState<'e>), Transient> {
        let next = match group.phase {
            Phase::Checking | Phase::Placing if is_gone(self.engine, group) => group.abandoned(self.engine.now()),
            Phase::Checking if group.place_token.is_some() => {
                self.release_places(group).await?;
                group.without_places()
            }
            Phase::Checking => {
                let checked = group.with_checks(&self.check(group).await?, self.engine.token(), self.engine.now());
                match checked.phase {
                    Phase::Checking if !group.is_accepted() => self.open().unless_repeated(checked).await?,
                    Phase::Checking => self.open().unless_later(checked).await?,
                    _ => checked,
                }
            }
            Phase::Placing => {
                let placed = self.place_and_decide(group).await?;
                let waits = placed.state() == GroupState::Undecided && placed.because.is_some();
                if waits { self.open().unless_later(placed).await? } else { placed }
            }
            Phase::Moving => {
                let (members, mut unread) = self.read_members(group).await;
                let next = group.moved(&members, self.engine.now());
                if let Some(late) = overdue_sentence(&next, &members, self.engine.now()) {
                    tracing::error!(group = %group.id, environment = %group.environment, "{OVERDUE_LINE}: {late}");
                }
                // A group that waits where the environment is gone stays as it is.
                if !is_gone(self.engine, group) {
                    unread = self.withdraw(&next).await.err().or(unread);
                }
                return Ok((next, RollbackState { unread, ..RollbackState::default() }));
            }
            Phase::RollingBack => {
                let rollbacks = self.rollbacks(group).await;
                return Ok((group.with_rollbacks(&rollbacks.records, self.engine.now()), rollbacks));
            }
            Phase::Ended => group.clone(),
        };
        Ok((next, RollbackState::default()))
    }

    /// Dispatches the members of a group that is decided, and those whose rollouts it has a word for. A group that was just
    /// accepted takes the place of older ones.
    async fn after_step(self, from: &Group, to: &Group) {
        if to.is_accepted() && !from.is_accepted() && to.phase != Phase::Ended {
            self.open().end_replaced(to).await;
        }
        if to.phase == Phase::Moving && from.phase == Phase::Placing {
            self.dispatch_members(to).await;
        }
        if has_new_word(to, from) && self.engine.ports.queue.is_some() {
            self.dispatch_members(to).await;
        }
    }

    /// Publishes that a group waits, once. If the event cannot be sent, the next reconciliation sends it.
    async fn publish_wait(self, group: &Group) {
        if !group.is_wait_unpublished()
            || self.publish_group_event(Announcement::PromotionWaiting, group).await.is_err()
        {
            return;
        }
        let change = async |open: Option<&Group>| {
            Ok::<_, Transient>(match open.and_then(|open| open.with_wait_published(group)) {
                Some(group) => Change::Write(group, ()),
                None => Change::Keep(()),
            })
        };
        let open = ledger_keys::open_group(&group.environment, group.id);
        if let Err(error) = self.engine.store().update(&open, change).await {
            tracing::warn!(group = %group.id, "the event that it waits will be sent again: {error}");
        }
    }

    /// Finds a member's function in deployer.json.
    pub(super) fn function_ref(self, group: &Group, member: &Member) -> Result<FunctionRef<'e>, Transient> {
        self.engine.at(&group.environment, &member.function).map_err(|error| Transient::Unseen(error.to_string()))
    }

    pub(super) async fn end_group(self, group: &Group) -> Result<Group, Transient> {
        let is_undecided = group.decided_at.is_none();
        if is_undecided {
            self.release_places(group).await?;
        }
        let key = ledger_keys::ended_group(&group.environment, group.id);
        self.engine.store().create(&key, group).await?;
        if is_undecided && !is_gone(self.engine, group) {
            record_undecided(self, group).await?;
        }
        let is_refused = matches!(group.status, Status::Refused | Status::Superseded);
        if is_refused && self.publish_group_event(Announcement::PromotionRefused, group).await.is_err() {
            // The group stays open for the sweep, until the event is sent.
            return Ok(group.clone());
        }
        self.engine.store().delete(&ledger_keys::open_group(&group.environment, group.id)).await;
        tracing::info!(group = %group.id, status = %group.status, because = group.because.as_deref(), "group ended");
        Ok(group.clone())
    }

    /// Publishes an event about a group, which has no record like those of deployments.
    pub(super) async fn publish_group_event(self, announces: Announcement, group: &Group) -> Result<(), NotSent> {
        let about = RecordlessEvent {
            refused: (announces == Announcement::PromotionRefused).then_some(Refused::Request),
            group: Some(group.id),
            approvals_wanted: group.approvals_wanted,
            functions: Some(group.functions.iter().map(|member| member.function.clone()).collect()),
            from: Some(group.from.clone()),
            to: Some(group.environment.clone()),
            requested_by: group.cause.requested_by.clone(),
            ..RecordlessEvent::default()
        };
        let because = group.because.clone().unwrap_or_default();
        publish(self.engine, Some(Event::without_record(announces, &because, about))).await
    }

    pub(super) async fn read(self, key: &str) -> Result<Option<Group>, Transient> {
        Ok(self.engine.store().object(key).await?.map(|(group, _)| group))
    }
}

/// Whether deployer.json does not have the environment of a group any more.
fn is_gone(engine: &Engine, group: &Group) -> bool {
    !engine.config.environments.contains_key(&group.environment)
}

/// Looks for the group that this request has opened before. Where there is none, no other command of its functions has had
/// the id.
async fn found_or_unused(
    groups: Groups<'_>,
    promotion: &PromotionRequest,
    group: &Group,
    functions: &[FunctionName],
) -> Result<Found, CommandError> {
    let found = look_for(groups, group).await?;
    if !matches!(found, Found::Nothing) {
        return Ok(found);
    }
    let (to, kind) = ((&promotion.to, functions), CommandKind::Group(group.id));
    let Err(used) = ensure_unused_by_each(groups.engine, to, &promotion.id, kind).await else { return Ok(found) };
    // Another invocation may have opened the group since, and its members may have ended already.
    match look_for(groups, group).await? {
        Found::Nothing => Err(used),
        found => Ok(found),
    }
}

/// Looks for a group. Its end is written before it is open no more, so the end is read last.
async fn look_for(groups: Groups<'_>, group: &Group) -> Result<Found, Transient> {
    let is_open = groups.read(&ledger_keys::open_group(&group.environment, group.id)).await?.is_some();
    Ok(match groups.read(&ledger_keys::ended_group(&group.environment, group.id)).await? {
        Some(ended) => Found::Ended(Box::new(ended)),
        None if is_open => Found::Open,
        None => Found::Nothing,
    })
}

/// Finds the group that this request has opened before, and does nothing for it. None: there is none.
pub(crate) async fn opened_before(
    groups: Groups<'_>,
    promotion: &PromotionRequest,
    functions: &[FunctionName],
) -> Result<Option<Group>, CommandError> {
    let group = Group::of(promotion, functions, groups.engine.now());
    let found = groups.find(&group.environment, group.id).await?;
    found.map(|found| ensure_same_request(promotion, &group, found)).transpose()
}

/// Refuses a group that another request with the same id has opened.
fn ensure_same_request(promotion: &PromotionRequest, requested: &Group, found: Group) -> Result<Group, CommandError> {
    let functions = |group: &Group| group.functions.iter().map(|member| member.function.clone()).collect::<Vec<_>>();
    match (functions(&found), &found.from) == (functions(requested), &requested.from) {
        true => Ok(found),
        false => Err(CommandError::Invalid(format!(
            "id {:?} was another group's before ({}): give each request an id of its own",
            promotion.id, found.id
        ))),
    }
}
