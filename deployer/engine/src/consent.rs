//! Approvals of promotions that wait for them, and refusals to approve. Who may send them is IAM's business.

use deployer_core::head::{Consent, Head};
use deployer_core::id::DeploymentId;
use deployer_core::promotion::{ApprovalDecision, ApprovalGiven, Approved};
use deployer_core::record::DeploymentRecord;

use super::ask::Promoted;
use super::book::{MAX_CAS_ATTEMPTS, Seen};
use super::commands::CommandError;
use super::{Engine, Transient};
use deployer_core::destination::FunctionRef;
use deployer_core::group::{Group, Phase};

impl Engine {
    /// Takes somebody's word on a promotion that waits, and goes on with it where that was what it waited for.
    ///
    /// # Errors
    /// [`CommandError`]: nothing waits there, the word does not count, or another try can help.
    pub async fn hear(&self, consent: &ApprovalGiven) -> Result<Promoted, CommandError> {
        self.knows(&consent.environment)?;
        let promoted = match &consent.function {
            None => Promoted::Together(Box::new(self.hear_of_group(consent).await?)),
            Some(function) => {
                let at = self.at(&consent.environment, function)?;
                Promoted::One(Box::new(self.hear_of_one(&at, consent).await?))
            }
        };
        self.submit_without_queue().await;
        Ok(promoted)
    }

    async fn hear_of_one(
        &self,
        at: &FunctionRef<'_>,
        consent: &ApprovalGiven,
    ) -> Result<DeploymentRecord, CommandError> {
        for attempt in 0..MAX_CAS_ATTEMPTS {
            let Seen { head, etag, .. } = self.read_head(at).await.map_err(Transient::from)?;
            let id = which(&head, at, consent.deployment)?;
            let heard = match &consent.says {
                ApprovalDecision::Yes => head.with_approval(id, &self.approved(consent)),
                ApprovalDecision::No { reason } => {
                    head.declined(id, declined(consent, reason.as_deref()), at, self.now())
                }
            };
            let head = match heard {
                Consent::Now(head) => head,
                Consent::Earlier => return self.after_consent(at, id).await,
                Consent::NotWaiting => return self.not_waiting(at, id).await,
                Consent::Void(because) => return Err(CommandError::Invalid(because)),
            };
            if let Some(written) = self.write_head(at, etag, *head).await.map_err(Transient::from)? {
                tracing::warn!(deployment = %id, by = consent.by.as_str(), account = consent.account, says = ?consent.says,
                    "heard of a promotion that waits");
                if let Err(error) = self.settle(at, written).await {
                    tracing::warn!("left to the sweep: {error}");
                }
                return self.after_consent(at, id).await;
            }
            self.after_a_lost_race(attempt).await;
        }
        Err(Transient::Contended.into())
    }

    fn approved(&self, consent: &ApprovalGiven) -> Approved {
        Approved { by: consent.by.clone(), account: consent.account.clone(), at: self.now() }
    }

    /// How far the promotion is that was heard of; it goes on where nothing is in its way any more.
    async fn after_consent(&self, at: &FunctionRef<'_>, id: DeploymentId) -> Result<DeploymentRecord, CommandError> {
        let records = self.wake_waiting(at, id).await?;
        match records.into_iter().find(|record| record.id == id) {
            Some(record) => Ok(record),
            None => self.not_waiting(at, id).await,
        }
    }

    /// What was heard too late is told by how far the promotion is.
    async fn not_waiting(&self, at: &FunctionRef<'_>, id: DeploymentId) -> Result<DeploymentRecord, CommandError> {
        let key = DeploymentRecord::key(&at.name, &at.function, id);
        let record = self.read_record(&key).await.map_err(Transient::from)?;
        record.map(|(record, _)| record).ok_or_else(|| {
            CommandError::Invalid(format!(
                "no promotion {id} of {} waits in {}: status tells which do",
                at.function, at.name
            ))
        })
    }

    async fn hear_of_group(&self, consent: &ApprovalGiven) -> Result<Group, CommandError> {
        let Some(id) = consent.deployment else {
            return Err(CommandError::Invalid("function is missing (or deployment, the id of a group)".into()));
        };
        let key = Group::open_key(&consent.environment, id);
        for attempt in 0..MAX_CAS_ATTEMPTS {
            let Some((group, etag)) = self.read_group(&key).await? else {
                let ended = self.read_group(&Group::ended_key(&consent.environment, id)).await?;
                let none = || {
                    CommandError::Invalid(format!(
                        "no group {id} waits in {}: the answer to its promotion has its id",
                        consent.environment
                    ))
                };
                return ended.map(|(group, _)| group).ok_or_else(none);
            };
            let next = match &consent.says {
                _ if !matches!(group.phase, Phase::Checking | Phase::Placing) => return Ok(group),
                ApprovalDecision::Yes => group.with_approval(&self.approved(consent)).map_err(CommandError::Invalid)?,
                ApprovalDecision::No { reason } => {
                    Some(group.declined(declined(consent, reason.as_deref()), self.now()))
                }
            };
            let written = match next {
                Some(next) => self.write_group(&next, Some(etag)).await?,
                None => true,
            };
            if written {
                return Ok(self.drive_group(&consent.environment, id).await?);
            }
            self.after_a_lost_race(attempt).await;
        }
        Err(Transient::Contended.into())
    }
}

/// Which promotion is meant.
fn which(head: &Head, at: &FunctionRef<'_>, named: Option<DeploymentId>) -> Result<DeploymentId, CommandError> {
    let waiting: Vec<DeploymentId> = head.waiting().iter().map(|waiting| waiting.request.id).collect();
    match (named, waiting.as_slice()) {
        (Some(id), _) => Ok(id),
        (None, [id]) => Ok(*id),
        (None, []) => Err(CommandError::Invalid(format!("no promotion of {} waits in {}", at.function, at.name))),
        (None, several) => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(CommandError::Invalid(format!("several promotions wait, name one of them: {}", several.join(", "))))
        }
    }
}

fn declined(consent: &ApprovalGiven, reason: Option<&str>) -> String {
    let account = consent.account.as_deref().map_or(String::new(), |account| format!(" (account {account})"));
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!("declined by {}{account}{reason}", consent.by)
}
