//! Shuts a door that an earlier write may have left open: writes the alias unchanged.

use deployer_core::alias_traffic::Traffic;
use deployer_core::head::{SHUT_DOOR, with_shut_token};
use deployer_core::observed::ObservedAlias;
use deployer_core::record::TargetError;

use super::claimed_target::{ClaimedTarget, MAX_REOBSERVATIONS};
use super::error::internal;
use super::lambda_writer::LambdaWriter;
use crate::port::CallErrorKind;

/// The doors at a target, after the open ones were shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShutOutcome {
    /// None was open.
    NoneOpen,
    /// The alias was written unchanged, and has another RevisionId now.
    Rewritten,
    /// The alias has changed since it was read: a plan from that reading does not hold.
    AliasChanged,
}

impl ClaimedTarget<'_> {
    /// Ensures that no write that was sent earlier can take effect any more: writes the alias unchanged.
    pub async fn shut_doors(self, alias: Option<&ObservedAlias>) -> Result<ShutOutcome, TargetError> {
        let mut alias = alias.cloned();
        for attempt in 0.. {
            let is_held = alias.as_ref().is_some_and(|alias| matches!(Traffic::of(alias), Traffic::KeptBack { .. }));
            // While Lambda holds traffic back, a write would make Lambda's own weight somebody's. The door is shut when
            // the traffic has come over.
            if !self.claim.doors.is_open(self.target) || is_held {
                return Ok(if attempt == 0 { ShutOutcome::NoneOpen } else { ShutOutcome::AliasChanged });
            }
            let because = match &alias {
                None => "an alias whose creation got no answer is not there yet".to_owned(),
                Some(alias) => {
                    let description = with_shut_token(&alias.description, self.deployment.engine.token());
                    let rewritten = match LambdaWriter::of(self) {
                        Ok(writer) => writer.rewrite_alias(alias, &description).await,
                        Err(late) => Err(late),
                    };
                    match rewritten {
                        Ok(revision) if revision != alias.revision => {
                            tracing::info!(alias = %alias.name, serves = %alias, "written as it is: no earlier write can move it any more");
                            self.claim.doors.note_shut(self.target);
                            return Ok(ShutOutcome::Rewritten);
                        }
                        Ok(_) => return Err(self.stays_open("Lambda answered with the RevisionId of before")),
                        Err(error) => match error.kind {
                            CallErrorKind::Conflict
                            | CallErrorKind::Unknown
                            | CallErrorKind::Busy
                            | CallErrorKind::Throttled => error.message,
                            _ => return Err(error.in_step(SHUT_DOOR)),
                        },
                    }
                }
            };
            if attempt == MAX_REOBSERVATIONS {
                return Err(self.stays_open(&because));
            }
            self.timer().pause(attempt, SHUT_DOOR, &because).await?;
            alias = self.reader().alias().await?;
            self.note_alias(alias.as_ref());
        }
        unreachable!("attempts do not end")
    }

    /// Ends a target that has not arrived: shuts the doors that can be shut.
    pub async fn shut_doors_at_end(self) {
        if !self.claim.doors.is_open(self.target) || self.claim.only_observes() {
            return;
        }
        let shuts = async {
            let alias = self.reader().alias().await?;
            self.note_alias(alias.as_ref());
            self.shut_doors(alias.as_ref()).await
        };
        if let Err(error) = shuts.await {
            tracing::warn!("an earlier write may still move the alias: {error}");
        }
    }

    fn stays_open(self, because: &str) -> TargetError {
        let alias = &self.deployment.at.environment.alias;
        let message = format!(
            "an earlier write of alias {alias} got no answer, and that it takes effect late cannot be ruled out: {because}"
        );
        internal(SHUT_DOOR, &message)
    }
}
