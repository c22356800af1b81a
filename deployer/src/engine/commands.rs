//! What is commanded by hand: deployments that no upload causes, holds and rejects.
//!
//! A command that deploys is a request like any other: it is claimed, ordered and recorded.

use std::collections::BTreeSet;

use deployer_core::destination::Destination;
use deployer_core::head::{Head, Live, Obeyed, Request, Subject, command_hash};
use deployer_core::id::{EnvironmentName, FunctionName, Release, RequestHash, Sha256};
use deployer_core::record::{Cause, CauseKind, DeploymentRecord};
use deployer_core::status::{Hold, Reject, StatusReport};
use futures::future::try_join_all;
use tracing::Instrument as _;

use super::book::{RACES, Seen};
use super::{Engine, Transient, deploy};

/// Who gives a command, and by what it is known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks, where they say so.
    pub requested_by: Option<String>,
    /// The command's id; the same again is the same request.
    pub id: String,
}

/// A command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// It is wrong: the sentence says what would be right. Nothing was changed.
    #[error("{0}")]
    Invalid(String),
    /// Another try can mend it.
    #[error(transparent)]
    Transient(#[from] Transient),
}

impl Engine {
    /// Deploys what a command asks for.
    ///
    /// # Errors
    /// [`CommandError`]; what ends as failed or refused is no error: its record says so.
    pub async fn deploy_by_command(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        (kind, subject): (CauseKind, Subject),
        caller: Caller,
    ) -> Result<DeploymentRecord, CommandError> {
        let at = self.at(environment, function)?;
        let cause = Cause { kind, requested_by: caller.requested_by, event_id: Some(caller.id) };
        let request = Request::by_command((environment, function), subject, cause, (self.now(), self.token()));
        let taken = async {
            tracing::info!(command = ?kind, requested_by = request.cause.requested_by, "command received");
            self.take_in(&at, &request).await
        };
        let record = Box::pin(taken).instrument(deploy::span(&at, &request, request.subject.release())).await?;
        let gone = || CommandError::Invalid("this command was carried out before, and its record is gone".into());
        record.ok_or_else(gone)
    }

    /// Takes nothing new into the environment for the function, until it is released.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        reason: String,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let at = self.at(environment, function)?;
        let hash = command_hash(&caller.id, environment, function);
        let hold = Hold { reason, requested_by: caller.requested_by, since: self.now() };
        let obeyed = self.obey(&at, |head| Some(head.with_hold(hold.clone(), &at, hash, self.now()))).await?;
        obeyed.ok_or_else(|| CommandError::Invalid("this cannot be held".into()))?;
        tracing::warn!(%environment, %function, by = hold.requested_by, reason = hold.reason, "held");
        self.status(Some(environment), Some(function)).await
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
        let hash = command_hash(&caller.id, environment, function);
        let obeyed = self.obey(&at, |head| head.without_hold(hash)).await?;
        obeyed.ok_or_else(|| {
            CommandError::Invalid(format!("{function} is not held in {environment}: there is nothing to release"))
        })?;
        tracing::warn!(%environment, %function, by = caller.requested_by, "hold released");
        let status = self.status(Some(environment), Some(function)).await?;
        Ok(status)
    }

    /// Changes a head by compare-and-swap. `None`: there is nothing to change.
    async fn obey(
        &self,
        at: &Destination<'_>,
        change: impl Fn(&Head) -> Option<Obeyed>,
    ) -> Result<Option<()>, CommandError> {
        for attempt in 0..RACES {
            let Seen { head, etag } = self.read_head(at).await.map_err(Transient::from)?;
            let head = match change(&head) {
                None => return Ok(None),
                Some(Obeyed::Earlier) => return Ok(Some(())),
                Some(Obeyed::Now(head)) => head,
            };
            if let Some(written) = self.write_head(at, etag, *head).await.map_err(Transient::from)? {
                // What waited and is refused now has its record.
                if let Err(error) = self.settle(at, written).await {
                    tracing::warn!("left to the sweep: {error}");
                }
                return Ok(Some(()));
            }
            self.after_a_lost_race(attempt).await;
        }
        Err(Transient::Contended.into())
    }

    /// Marks a release of a function as bad: nothing deploys it any more, under this label or with this code.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such release.
    pub async fn reject(
        &self,
        function: &FunctionName,
        release: &Release,
        reason: String,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let known = self.code_of(function, release).await?;
        let Some(sha256) = known else {
            return Err(CommandError::Invalid(format!(
                "no release {release} of {function} is known in any environment: status and history tell which are"
            )));
        };
        let hash = reject_hash(&caller.id, function);
        let (requested_by, since) = (caller.requested_by, self.now());
        let reject = Reject { release: release.clone(), sha256, reason, requested_by, since };
        for attempt in 0..RACES {
            let (rejects, etag) = self.read_rejects(function).await.map_err(Transient::from)?;
            let done = rejects.has_obeyed(hash);
            if done
                || self
                    .write_rejects(function, etag, &rejects.with(reject.clone(), hash))
                    .await
                    .map_err(Transient::from)?
            {
                tracing::warn!(%function, %release, by = reject.requested_by, reason = reject.reason, "rejected");
                return self.status(None, Some(function)).await;
            }
            self.after_a_lost_race(attempt).await;
        }
        Err(Transient::Contended.into())
    }

    /// Ends a reject.
    ///
    /// # Errors
    /// [`CommandError`]: the release is not rejected.
    pub async fn unreject(
        &self,
        function: &FunctionName,
        release: &Release,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let hash = reject_hash(&caller.id, function);
        for attempt in 0..RACES {
            let (rejects, etag) = self.read_rejects(function).await.map_err(Transient::from)?;
            if !rejects.has_obeyed(hash) {
                let Some(without) = rejects.without(release, hash) else {
                    let message = format!("release {release} of {function} is not rejected: there is nothing to undo");
                    return Err(CommandError::Invalid(message));
                };
                if !self.write_rejects(function, etag, &without).await.map_err(Transient::from)? {
                    self.after_a_lost_race(attempt).await;
                    continue;
                }
                tracing::warn!(%function, %release, by = caller.requested_by, "not rejected any more");
            }
            return self.status(None, Some(function)).await;
        }
        Err(Transient::Contended.into())
    }

    /// The code of every artifact of a release that any environment's head or results know. `None`: no such release.
    async fn code_of(&self, function: &FunctionName, release: &Release) -> Result<Option<Vec<Sha256>>, Transient> {
        let looks = self.config.environments.keys().map(|environment| async move {
            let Ok(at) = Destination::find(&self.config, environment, function) else { return Ok(vec![]) };
            let prefix = DeploymentRecord::results_of(environment, function, release);
            let (seen, results) = futures::try_join!(self.read_head(&at), self.ports.ledger.keys(&prefix))?;
            let lives = seen.head.history().iter().chain(seen.head.left());
            let mut found: Vec<Option<Sha256>> =
                lives.filter(|live| live.release == *release).map(|live: &Live| live.sha256).collect();
            let open = seen.head.active().map(|active| &active.request).into_iter().chain(seen.head.waiting());
            found.extend(open.filter(|open| open.subject.release() == Some(release)).map(|_| None));
            for key in results {
                let record = self.read_record(&key).await?.map(|(record, _)| record);
                found.push(record.and_then(|record| record.artifact?.sha256));
            }
            Ok::<_, Transient>(found)
        });
        let found: Vec<Option<Sha256>> = try_join_all(looks).await?.into_iter().flatten().collect();
        let code: BTreeSet<String> = found.iter().flatten().map(ToString::to_string).collect();
        let code = code.iter().filter_map(|text| Sha256::parse(text).ok()).collect();
        Ok((!found.is_empty()).then_some(code))
    }

    pub(super) fn at<'a>(
        &'a self,
        environment: &EnvironmentName,
        function: &FunctionName,
    ) -> Result<Destination<'a>, CommandError> {
        Destination::find(&self.config, environment, function).map_err(|_| self.unknown_environment(environment))
    }

    pub(super) fn unknown_environment(&self, name: &EnvironmentName) -> CommandError {
        let known: Vec<&str> = self.config.environments.keys().map(EnvironmentName::as_str).collect();
        CommandError::Invalid(format!("deployer.json has no environment {name} (it has {})", known.join(", ")))
    }
}

fn reject_hash(id: &str, function: &FunctionName) -> RequestHash {
    RequestHash::of(&["reject", id, function.as_str()])
}
