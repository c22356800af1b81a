//! What is commanded by hand: deployments that no upload causes, holds and rejects.
//!
//! A command that deploys is a request like any other: it is claimed, ordered and recorded.

use std::time::Duration;

use deployer_core::commanded::CommandEffect;
use deployer_core::commanded::Hold;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, Request, Source};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::{Cause, CauseKind, DeploymentRecord, Status};
use deployer_core::status::{FunctionStatus, StatusReport};
use deployer_core::text::{Person, PlainText};
use tracing::Instrument as _;

use super::error::CommandError;
use super::handle::FunctionCommands;
use super::store::{Change, Versioned};
use super::{Engine, Transient, rollout};
use crate::asked::Requested;

/// What is kept for telling how far it is, where the time is up.
const ANSWER_NEEDS: Duration = Duration::from_secs(5);
/// Who gives a command, and by what it is known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks, where they say so.
    pub requested_by: Option<Person>,
    /// The command's id; the same again is the same request.
    pub id: String,
}

/// The head's part in a command.
enum Obeyed {
    Nothing,
    Earlier,
    Now,
}

impl Engine {
    /// Deploys what a command asks for.
    ///
    /// Once the request stands in the head it is carried out, by us or by others: whatever goes wrong after that, the
    /// answer is how far it is.
    ///
    /// # Errors
    /// [`CommandError`]; what ends as failed or refused is no error: its record says so.
    pub async fn deploy_by_command(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        (kind, subject): (CauseKind, Source),
        caller: Caller,
    ) -> Result<DeploymentRecord, CommandError> {
        let at = self.at(environment, function)?;
        let cause = Cause { kind, requested_by: caller.requested_by, event_id: Some(caller.id.into()) };
        let request = Request::by_command((environment, function), subject, cause, (self.now(), self.token()));
        let span = rollout::span(&at, &request, request.subject.release());
        let taken = async {
            tracing::info!(command = ?kind, requested_by = request.cause.requested_by.as_deref(), "command received");
            self.on(&at).submit(&request).await
        };
        let record = self.on(&at).commands().answered(&request, taken.instrument(span)).await?;
        Requested::of(self).submit_without_queue().await;
        Ok(record)
    }

    /// Takes nothing new into the environment for the function, until it is released.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        reason: PlainText,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let at = self.at(environment, function)?;
        let hold = Hold { reason, requested_by: caller.requested_by, since: self.now() };
        let obeyed = self
            .on(&at)
            .commands()
            .change_head(|head| Some(head::hold(head, hold.clone(), &at, &caller.id, self.now())))
            .await?;
        let head = obeyed.ok_or_else(|| CommandError::Invalid("this cannot be held".into()))?;
        tracing::warn!(%environment, %function, by = hold.requested_by.as_deref(), reason = hold.reason.as_str(), "held");
        Ok(self.on(&at).commands().status_of(&head).await)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// [`CommandError`]: there is none.
    pub async fn release_hold(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let at = self.at(environment, function)?;
        let obeyed = self.on(&at).commands().change_head(|head| head::release_hold(head, &at, &caller.id)).await?;
        let head = obeyed.ok_or_else(|| {
            CommandError::Invalid(format!("{function} is not held in {environment}: there is nothing to release"))
        })?;
        tracing::warn!(%environment, %function, by = caller.requested_by.as_deref(), "hold released");
        Ok(self.on(&at).commands().status_of(&head).await)
    }

    pub(super) fn at<'a>(
        &'a self,
        environment: &EnvironmentName,
        function: &FunctionName,
    ) -> Result<FunctionRef<'a>, CommandError> {
        FunctionRef::find(&self.config, environment, function).map_err(|_| self.unknown_environment(environment))
    }

    /// Whether there is such an environment.
    ///
    /// # Errors
    /// [`CommandError`]: there is none.
    pub fn knows(&self, name: &EnvironmentName) -> Result<(), CommandError> {
        self.config.environments.get(name).map(drop).ok_or_else(|| self.unknown_environment(name))
    }

    pub(super) fn unknown_environment(&self, name: &EnvironmentName) -> CommandError {
        let known: Vec<&str> = self.config.environments.keys().map(EnvironmentName::as_str).collect();
        CommandError::Invalid(format!("deployer.json has no environment {name} (it has {})", known.join(", ")))
    }
}

impl FunctionCommands<'_> {
    /// Carries a request out; whatever goes wrong once it stands in the head, the answer is how far it is.
    pub(crate) async fn answered(
        self,
        request: &Request,
        taken: impl Future<Output = Result<Option<DeploymentRecord>, Transient>>,
    ) -> Result<DeploymentRecord, CommandError> {
        let late = self.engine.ports.clock.sleep(self.engine.timer().left().saturating_sub(ANSWER_NEEDS));
        let taken = async {
            tokio::select! {
                biased;
                taken = taken => taken,
                () = late => Err(Transient::Deadline),
            }
        };
        let record = match Box::pin(taken).await {
            Ok(Some(record)) => record,
            Ok(None) => {
                let gone = "this command was carried out before, and its record is gone";
                return Err(CommandError::Invalid(gone.into()));
            }
            Err(transient) => self.progress(request).await.ok_or(transient)?,
        };
        is_the_same(request, record)
    }

    /// How far a request is that the head knows.
    pub(crate) async fn progress(self, request: &Request) -> Option<DeploymentRecord> {
        let head = self.engine.store().head(self.at).await.ok()?.head;
        self.open_record(&head, request)
    }

    /// The record of a request that is open; of one that has joined another, the record of that one.
    pub(crate) fn open_record(self, head: &Head, request: &Request) -> Option<DeploymentRecord> {
        let id = head.id_of(request)?;
        if let Some(waiting) = head.waiting().iter().find(|waiting| waiting.request.id == id) {
            return Some(waiting.record(self.at));
        }
        if let Some(active) = head.active().filter(|active| active.request.id == id) {
            return Some(self.at.record_of(active, Status::InProgress));
        }
        let waits = head.all_pending().iter().find(|waits| waits.id == id)?;
        Some(match head.active() {
            Some(active) => self.at.pending(waits, active.request.id),
            None => self.at.record(waits, Status::Pending),
        })
    }

    /// The record of a request that was taken in before.
    pub(crate) async fn known(self, request: &Request) -> Result<Option<DeploymentRecord>, Transient> {
        let (seen, record) =
            futures::try_join!(self.engine.store().head(self.at), self.engine.store().record(self.at, request.id))?;
        let ended = seen.head.outbox().iter().map(|entry| &entry.record).find(|record| record.id == request.id);
        let ended = ended.cloned().or_else(|| record.filter(|r| r.status.is_ended()));
        Ok(ended.or_else(|| self.open_record(&seen.head, request)))
    }

    /// Changes a head by compare-and-swap. `None`: there is nothing to change.
    pub(crate) async fn change_head(
        self,
        change: impl Fn(&Head) -> Option<CommandEffect<Head>>,
    ) -> Result<Option<Head>, CommandError> {
        let change = async |seen: &mut Versioned| {
            Ok(match change(&seen.head) {
                None => Change::Keep(Obeyed::Nothing),
                Some(CommandEffect::Earlier) => Change::Keep(Obeyed::Earlier),
                Some(CommandEffect::Reused { id }) => return Err(reused(&id)),
                Some(CommandEffect::Now(head)) => Change::Write(head, Obeyed::Now),
            })
        };
        let (seen, obeyed) = self.engine.store().update_head(self.at, None, change).await?;
        let head = seen.head.clone();
        match obeyed {
            Obeyed::Nothing => return Ok(None),
            Obeyed::Earlier => {}
            Obeyed::Now => {
                // A request that waited and is refused now has its record.
                if let Err(error) = self.outbox().flush(seen).await {
                    tracing::warn!("left to the sweep: {error}");
                }
            }
        }
        Ok(Some(head))
    }

    /// The status that a head tells, for whoever has just changed it: what cannot be read beside it is left away.
    pub(crate) async fn status_of(self, head: &Head) -> StatusReport {
        let rejects = self.engine.store().rejects(&self.at.function).await.unwrap_or_default();
        let functions = vec![FunctionStatus::of(self.at, head, &rejects)];
        StatusReport { functions, groups: vec![], unreadable: vec![] }
    }
}

/// An id names one request: what was asked for under it before must be what is asked for now.
fn is_the_same(request: &Request, record: DeploymentRecord) -> Result<DeploymentRecord, CommandError> {
    let kinds = request.cause.kind == record.cause.kind;
    // What is live may be another by now.
    let named = match request.promoting() {
        Some(promoting) => promoting.named.as_ref(),
        None => request.subject.release(),
    };
    let releases = named.is_none_or(|release| record.release.as_ref() == Some(release));
    if kinds && releases {
        return Ok(record);
    }
    let id = request.cause.event_id.as_deref().unwrap_or_default();
    let release = record.release.as_ref().map_or(String::new(), |release| format!(" of release {release}"));
    Err(CommandError::Invalid(format!(
        "id {id:?} was another command's before (a {:?}{release}, deployment {}): give each command an id of its own",
        record.cause.kind, record.id
    )))
}

/// The refusal of a command whose id was used before, for what was since undone or for another command.
pub(super) fn reused(id: &str) -> CommandError {
    CommandError::Invalid(format!("id {id:?} was another command's before: give each command an id of its own"))
}
