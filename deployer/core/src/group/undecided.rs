//! The ends of a group that is not decided: a hold or a reject ends it, and so does a newer group of the same functions.

use jiff::Timestamp;

use super::{Group, Member, Phase};
use crate::id::FunctionName;
use crate::promotion::GroupState;
use crate::record::{Code, EndedWaiting, Ending, Status};

impl Group {
    /// Ends the group because a hold or a reject refuses one of its functions. None: it is decided or has ended, or the
    /// function may be promoted.
    #[must_use]
    pub fn refused_for(
        &self,
        function: &FunctionName,
        refusal: impl Fn(&Member) -> Option<Ending>,
        now: Timestamp,
    ) -> Option<Self> {
        if self.state() != GroupState::Undecided {
            return None;
        }
        let member = self.functions.iter().find(|member| member.function == *function)?;
        match refusal(member)? {
            Ending::Refused { code, because } => Some(self.displaced(member, Some(&because), Some(code), now)),
            _ => None,
        }
    }

    /// Whether another group waits already, and brings exactly the same.
    #[must_use]
    pub fn repeats(&self, other: &Self) -> bool {
        let artifacts = |group: &Self| -> Option<Vec<_>> {
            let resolved = |member: &Member| Some(member.resolved.as_ref()?.artifact.clone());
            group.functions.iter().map(resolved).collect()
        };
        self.is_about_the_same(other)
            && self.freeze_override == other.freeze_override
            && artifacts(self).is_some_and(|own| artifacts(other).as_ref() == Some(&own))
    }

    /// Ends a group that would wait, and that repeats another one.
    #[must_use]
    pub fn superseded_by_repeated(mut self, other: &Self, now: Timestamp) -> Self {
        let because = format!("group {} brings the same releases of the same functions already, and waits", other.id);
        self.end_undecided(Status::Superseded, Code::Superseded, &because, now);
        self
    }

    /// Ends the group because a newer one of the same functions takes its place. None: it does not.
    #[must_use]
    pub fn replaced_by(&self, newer: &Self, now: Timestamp) -> Option<Self> {
        let gives_way =
            newer.is_about_the_same(self) && self.phase == Phase::Checking && self.asked_at < newer.asked_at;
        gives_way.then(|| {
            let mut group = self.next();
            let because = format!("group {}, asked for later, has taken its place while it waited", newer.id);
            group.end_undecided(Status::Superseded, Code::Superseded, &because, now);
            group
        })
    }

    /// Whether another group waits to bring the same functions from the same environment.
    fn is_about_the_same(&self, other: &Self) -> bool {
        let functions = |group: &Self| group.functions.iter().map(|member| member.function.clone()).collect::<Vec<_>>();
        let waits = other.state() == GroupState::Undecided && other.is_accepted();
        waits
            && self.id != other.id
            && (&self.environment, &self.from) == (&other.environment, &other.from)
            && functions(self) == functions(other)
    }

    /// Describes the group, which waits, for the answer to the command that ends it.
    #[must_use]
    pub fn as_ended_waiting(&self, function: &FunctionName) -> EndedWaiting {
        let member = self.functions.iter().find(|member| member.function == *function);
        let because = self.because.as_deref().and_then(|because| because.split_once(": waits "));
        EndedWaiting {
            environment: self.environment.clone(),
            deployment: self.id,
            release: member.and_then(|member| member.release.clone()),
            from: Some(self.from.clone()),
            waited: because.map_or("for its turn", |(_, waits)| waits).into(),
            functions: self.functions.iter().map(|member| member.function.clone()).collect(),
        }
    }
}
