//! The open groups of an environment, and the ends of those that are not decided.

use deployer_core::group::{self, Group, Member};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::record::{EndedWaiting, Ending};
use futures::future::join_all;
use jiff::Timestamp;

use super::Groups;
use crate::Transient;
use crate::port::LedgerError;
use crate::store::Change;

/// The open groups.
#[derive(Clone, Copy)]
pub(crate) struct OpenGroups<'e>(pub(super) Groups<'e>);

impl<'e> Groups<'e> {
    pub(crate) fn open(self) -> OpenGroups<'e> {
        OpenGroups(self)
    }
}

impl OpenGroups<'_> {
    /// Reads the open groups of an environment, each by itself: one that cannot be read hides no other.
    async fn read_each(
        self,
        environment: &EnvironmentName,
    ) -> Result<impl Iterator<Item = Result<Group, Transient>>, Transient> {
        let keys = self.0.engine.store().keys(&ledger_keys::open_groups()).await?;
        let is_here = |key: &&String| ledger_keys::parse_open_group(key).is_some_and(|(name, _)| name == *environment);
        let reads = join_all(keys.iter().filter(is_here).map(|key| self.0.read(key))).await;
        Ok(reads.into_iter().filter_map(Result::transpose))
    }

    /// Reads the open groups of an environment, without those that cannot be read.
    pub(crate) async fn in_environment(self, environment: &EnvironmentName) -> Result<Vec<Group>, Transient> {
        let left_out = |error: &Transient| tracing::error!(%environment, "an open group is left out: {error}");
        Ok(self.read_each(environment).await?.filter_map(|read| read.inspect_err(left_out).ok()).collect())
    }

    /// Finds the open group in this environment that has this deployment, and the member that it is of.
    ///
    /// # Errors
    /// [`Transient`]: the groups cannot be listed, or one that cannot be read may be the one.
    pub(crate) async fn with_member(
        self,
        environment: &EnvironmentName,
        deployment: DeploymentId,
    ) -> Result<Option<(Group, Member)>, Transient> {
        let mut unread = None;
        for read in self.read_each(environment).await? {
            match read {
                Ok(group) => {
                    let member = group.functions.iter().find(|member| member.deployment == deployment).cloned();
                    if let Some(member) = member {
                        return Ok(Some((group, member)));
                    }
                }
                Err(error) => unread = Some(error),
            }
        }
        let may_have = |error| {
            Transient::from(LedgerError(format!(
                "a group that cannot be read may have deployment {deployment}: {error}"
            )))
        };
        unread.map_or(Ok(None), |error| Err(may_have(error)))
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
    pub(super) async fn end_undecided(
        self,
        environment: &EnvironmentName,
        id: DeploymentId,
        end: impl Fn(&Group) -> Option<Group>,
    ) -> Result<Option<Group>, Transient> {
        let Some((before, ended)) = self.write_end(environment, id, end).await? else { return Ok(None) };
        // The sweep does what is left of it.
        if let Err(error) = self.0.end_group(&ended).await {
            tracing::warn!(group = %id, "its end is left to the sweep: {error}");
        }
        Ok(Some(before))
    }

    /// Writes the end of an open group by this transition, and returns it as it was before and as it has ended. What follows
    /// from the end is still to be done. None: the transition does not apply.
    pub(super) async fn write_end(
        self,
        environment: &EnvironmentName,
        id: DeploymentId,
        end: impl Fn(&Group) -> Option<Group>,
    ) -> Result<Option<(Group, Group)>, Transient> {
        // If the reply to the write is lost, the next try finds the group ended, and by this reason.
        let mut written: Option<(Group, Group)> = None;
        let change = async |open: Option<&Group>| {
            Ok::<_, Transient>(match open.and_then(|open| Some((open, end(open)?))) {
                Some((open, ended)) => {
                    written = Some((open.clone(), ended.clone()));
                    Change::Write(ended, ())
                }
                None => {
                    let is_written = |(_, ended): &(Group, Group)| {
                        open.is_some_and(|open| open.finished_at.is_some() && open.because == ended.because)
                    };
                    written = written.take().filter(is_written);
                    Change::Keep(())
                }
            })
        };
        self.0.engine.store().update(&ledger_keys::open_group(environment, id), change).await?;
        Ok(written)
    }
}
