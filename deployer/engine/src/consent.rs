//! Approvals of promotions that wait for them, and refusals to approve. Who may send them is IAM's business.

use deployer_core::head::{self, ApprovalEffect, Head};
use deployer_core::id::DeploymentId;
use deployer_core::promotion::{ApprovalDecision, ApprovalGiven};
use deployer_core::record::Approved;
use deployer_core::record::DeploymentRecord;

use super::Engine;
use super::ask::Promoted;
use super::error::CommandError;
use super::handle::FunctionCommands;
use super::store::{Change, Versioned};
use crate::asked::Requested;
use crate::group::Groups;
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, Phase};

/// The head's part in what was heard.
enum Heard {
    Now,
    Earlier,
    NotWaiting,
}

impl Engine {
    /// Takes somebody's word on a promotion that waits, and goes on with it where that was what it waited for.
    ///
    /// # Errors
    /// [`CommandError`]: nothing waits there, the word does not count, or another try can help.
    pub async fn hear(&self, consent: &ApprovalGiven) -> Result<Promoted, CommandError> {
        self.knows(&consent.environment)?;
        let promoted = match &consent.function {
            None => Promoted::Together(Box::new(Approvals::of(self).record_for_group(consent).await?)),
            Some(function) => {
                let at = self.at(&consent.environment, function)?;
                Promoted::One(Box::new(self.on(&at).commands().record_approval(consent).await?))
            }
        };
        Requested::of(self).submit_without_queue().await;
        Ok(promoted)
    }
}

/// Records approvals of groups.
#[derive(Clone, Copy)]
pub(crate) struct Approvals<'e> {
    engine: &'e Engine,
}

impl<'e> Approvals<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    async fn record_for_group(self, consent: &ApprovalGiven) -> Result<Group, CommandError> {
        let Some(id) = consent.deployment else {
            return Err(CommandError::Invalid("function is missing (or deployment, the id of a group)".into()));
        };
        let key = Group::open_key(&consent.environment, id);
        let change = async |group: Option<&Group>| {
            let Some(group) = group else { return Ok::<_, CommandError>(Change::Keep(None)) };
            let next = match &consent.says {
                _ if !matches!(group.phase, Phase::Checking | Phase::Placing) => {
                    return Ok(Change::Keep(Some(Some(group.clone()))));
                }
                ApprovalDecision::Yes => {
                    group.with_approval(&approved(self.engine, consent)).map_err(CommandError::Invalid)?
                }
                ApprovalDecision::No { reason } => {
                    Some(group.declined(declined(consent, reason.as_deref()), self.engine.now()))
                }
            };
            Ok(match next {
                Some(next) => Change::Write(next, Some(None)),
                None => Change::Keep(Some(None)),
            })
        };
        match self.engine.store().update(&key, change).await? {
            Some(Some(decided)) => Ok(decided),
            Some(None) => Ok(Groups::of(self.engine).drive(&consent.environment, id).await?),
            None => Groups::of(self.engine).read(&Group::ended_key(&consent.environment, id)).await?.ok_or_else(|| {
                CommandError::Invalid(format!(
                    "no group {id} waits in {}: the answer to its promotion has its id",
                    consent.environment
                ))
            }),
        }
    }
}

impl FunctionCommands<'_> {
    pub(crate) async fn record_approval(self, consent: &ApprovalGiven) -> Result<DeploymentRecord, CommandError> {
        let change = async |seen: &mut Versioned| {
            let head = &seen.head;
            let id = which(head, self.at, consent.deployment)?;
            let heard = match &consent.says {
                ApprovalDecision::Yes => head::approve(head, id, &approved(self.engine, consent)),
                ApprovalDecision::No { reason } => {
                    head::decline(head, id, declined(consent, reason.as_deref()), self.at, self.engine.now())
                }
            };
            Ok(match heard {
                ApprovalEffect::Now(head) => Change::Write(head, (id, Heard::Now)),
                ApprovalEffect::Earlier => Change::Keep((id, Heard::Earlier)),
                ApprovalEffect::NotWaiting => Change::Keep((id, Heard::NotWaiting)),
                ApprovalEffect::Void(because) => return Err(CommandError::Invalid(because)),
            })
        };
        let (seen, (id, heard)) = self.engine.store().update_head(self.at, None, change).await?;
        match heard {
            Heard::NotWaiting => return self.not_waiting(id).await,
            Heard::Earlier => {}
            Heard::Now => {
                tracing::warn!(deployment = %id, by = consent.by.as_str(), account = consent.account, says = ?consent.says,
                    "heard of a promotion that waits");
                if let Err(error) = self.outbox().flush(seen).await {
                    tracing::warn!("left to the sweep: {error}");
                }
            }
        }
        self.after_approval(id).await
    }

    /// How far the promotion is that was heard of; it goes on where nothing is in its way any more.
    pub(crate) async fn after_approval(self, id: DeploymentId) -> Result<DeploymentRecord, CommandError> {
        let records = self.promotions().resume(id).await?;
        match records.into_iter().find(|record| record.id == id) {
            Some(record) => Ok(record),
            None => self.not_waiting(id).await,
        }
    }

    /// What was heard too late is told by how far the promotion is.
    pub(crate) async fn not_waiting(self, id: DeploymentId) -> Result<DeploymentRecord, CommandError> {
        let record = self.engine.store().record(self.at, id).await?;
        record.ok_or_else(|| {
            CommandError::Invalid(format!(
                "no promotion {id} of {} waits in {}: status tells which do",
                self.at.function, self.at.name
            ))
        })
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

fn approved(engine: &Engine, consent: &ApprovalGiven) -> Approved {
    Approved { by: consent.by.clone(), account: consent.account.clone(), at: engine.now() }
}
