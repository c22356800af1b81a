//! The open groups of an environment, and the ends of those that are not decided.

use std::pin::pin;
use std::time::Duration;

use deployer_core::group::{self, Group, Member};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::record::{DeploymentRecord, EndedWaiting, Ending};
use futures::future::{Either, select, try_join_all};
use jiff::Timestamp;

use super::Groups;
use crate::Transient;
use crate::store::Change;

/// The time for which a rollback waits for the groups that it may end.
const BEFORE_ROLLBACK: Duration = Duration::from_secs(1);

/// The open groups.
#[derive(Clone, Copy)]
pub(crate) struct OpenGroups<'e>(Groups<'e>);

impl<'e> Groups<'e> {
    pub(crate) fn open(self) -> OpenGroups<'e> {
        OpenGroups(self)
    }
}

impl OpenGroups<'_> {
    /// Reads the open groups of an environment.
    pub(crate) async fn in_environment(self, environment: &EnvironmentName) -> Result<Vec<Group>, Transient> {
        let keys = self.0.engine.store().keys(&ledger_keys::open_groups()).await?;
        let is_here = |key: &&String| ledger_keys::parse_open_group(key).is_some_and(|(name, _)| name == *environment);
        let reads = keys.iter().filter(is_here).map(|key| self.0.read(key));
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    /// Finds the open group in this environment that has this deployment, and the member that it is of.
    pub(crate) async fn with_member(
        self,
        environment: &EnvironmentName,
        deployment: DeploymentId,
    ) -> Result<Option<(Group, Member)>, Transient> {
        for group in self.in_environment(environment).await? {
            if let Some(member) = group.functions.iter().find(|member| member.deployment == deployment).cloned() {
                return Ok(Some((group, member)));
            }
        }
        Ok(None)
    }

    /// Ends the groups that are not decided and have a member that a hold or a reject refuses, and names them. Those that
    /// cannot be ended are left to the sweep.
    pub(crate) async fn end_refused(
        self,
        environment: &EnvironmentName,
        function: &FunctionName,
        refusal: impl Fn(&Member) -> Option<Ending>,
    ) -> Vec<(Group, EndedWaiting)> {
        let groups = self.in_environment(environment).await.unwrap_or_else(|error| {
            tracing::warn!(%environment, "the groups that wait there are left to the sweep: {error}");
            vec![]
        });
        let mut ended = vec![];
        for group in groups.iter().filter(|group| group.functions.iter().any(|member| member.function == *function)) {
            let end = |open: &Group| group::refused_for(open, function, &refusal, self.0.engine.now());
            match self.end_undecided(environment, group.id, end).await {
                Ok(Some(before)) => {
                    let named = group::as_ended_waiting(&before, function);
                    ended.push((before, named));
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%environment, group = %group.id, "left to the sweep: {error}"),
            }
        }
        ended
    }

    /// Lists the groups that wait, and that a rollback of this function which is asked for now ends. Groups that cannot be
    /// read within a second are left to the sweep: an incident does not wait for them.
    pub(crate) async fn ended_by_rollback(
        self,
        environment: &EnvironmentName,
        function: &FunctionName,
    ) -> Vec<EndedWaiting> {
        let clock = &self.0.engine.ports.clock;
        let groups = match select(pin!(self.in_environment(environment)), clock.sleep(BEFORE_ROLLBACK)).await {
            Either::Left((Ok(groups), _)) => groups,
            Either::Left((Err(error), _)) => {
                tracing::warn!(%environment, "the groups that wait there are left to the sweep: {error}");
                vec![]
            }
            Either::Right(_) => {
                tracing::warn!(%environment, "the groups that wait there are left to the sweep: no answer in time");
                vec![]
            }
        };
        let now = self.0.engine.now();
        let ends = groups.iter().filter(|group| group::waits_before_rollback(group, function, now));
        ends.map(|group| group::as_ended_waiting(group, function)).collect()
    }

    /// Ends the groups that a rollback names. Those that cannot be ended are left to the sweep.
    pub(crate) async fn end_for_rollback(self, rollback: &DeploymentRecord) {
        let DeploymentRecord { environment, function, id, .. } = rollback;
        for named in rollback.ended_waiting.iter().filter(|named| !named.functions.is_empty()) {
            let asked = (*id, rollback.started_at);
            let end = |open: &Group| group::ended_by_rollback(open, function, asked, self.0.engine.now());
            if let Err(error) = self.end_undecided(environment, named.deployment, end).await {
                tracing::warn!(%environment, group = %named.deployment, "left to the sweep: {error}");
            }
        }
    }

    /// Ends a group that is about to wait and repeats another one.
    pub(super) async fn unless_repeated(self, group: Group) -> Result<Group, Transient> {
        self.unless(group, group::superseded_as_repeated).await
    }

    /// Ends a group that waits if another one, asked for at the same moment and before it, waits for the same.
    pub(super) async fn unless_later(self, group: Group) -> Result<Group, Transient> {
        self.unless(group, group::superseded_as_later).await
    }

    async fn unless(
        self,
        group: Group,
        superseded: impl Fn(&Group, &Group, Timestamp) -> Option<Group>,
    ) -> Result<Group, Transient> {
        let others = self.in_environment(&group.environment).await?;
        let superseded = |other: &Group| superseded(&group, other, self.0.engine.now());
        Ok(others.iter().find_map(superseded).unwrap_or(group))
    }

    /// Ends the groups of the same functions that wait and give way to one that was just accepted: it is newer, or they
    /// repeat it. Best effort: a look at the later of two groups ends it as well, and what else is left waits on beside
    /// it.
    pub(super) async fn end_replaced(self, accepted: &Group) {
        let replaced = async {
            for other in self.in_environment(&accepted.environment).await? {
                let now = self.0.engine.now();
                let end = |open: &Group| {
                    let replaced = group::replaced_by(open, accepted, now);
                    replaced.or_else(|| group::superseded_as_later(open, accepted, now).filter(|_| open.is_accepted()))
                };
                self.end_undecided(&accepted.environment, other.id, end).await?;
            }
            Ok::<_, Transient>(())
        };
        if let Err(error) = replaced.await {
            tracing::warn!(group = %accepted.id, "another group of the same functions may wait on: {error}");
        }
    }

    /// Ends an open group by this transition, and returns it as it was before. None: the transition does not apply.
    async fn end_undecided(
        self,
        environment: &EnvironmentName,
        id: DeploymentId,
        end: impl Fn(&Group) -> Option<Group>,
    ) -> Result<Option<Group>, Transient> {
        // If the reply to the write is lost, the next try finds the group ended.
        let mut before = None;
        let change = async |open: Option<&Group>| {
            Ok::<_, Transient>(match open.and_then(|open| Some((open, end(open)?))) {
                Some((open, ended)) => {
                    before = Some(open.clone());
                    Change::Write(ended.clone(), Some(ended))
                }
                None => Change::Keep(open.filter(|open| open.finished_at.is_some() && before.is_some()).cloned()),
            })
        };
        let open = ledger_keys::open_group(environment, id);
        let Some(ended) = self.0.engine.store().update(&open, change).await? else { return Ok(None) };
        // The sweep does what is left of it.
        if let Err(error) = self.0.end_group(&ended).await {
            tracing::warn!(group = %id, "its end is left to the sweep: {error}");
        }
        Ok(before)
    }
}
