//! A door that an earlier write may have left open is shut: the alias is written as it is.

use deployer_core::head::{SHUT_DOOR, turned};
use deployer_core::observed::ObservedAlias;
use deployer_core::record::TargetError;
use deployer_core::traffic::Traffic;

use super::error::internal;
use super::lambda_writer::LambdaWriter;
use super::target::{MAX_REOBSERVATIONS, TargetRollout};
use crate::port::CallErrorKind;

/// The doors at a target, after they were shut where they were open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    /// None was open.
    Before,
    /// The alias was written as it was, and has another RevisionId now.
    Now,
    /// The alias is another than it was when it was read: what was planned on it does not hold.
    ByAnother,
}

impl TargetRollout<'_> {
    /// Sees to it that no write that was sent earlier can take effect any more: the alias, which was read like this, is written as
    /// it is.
    pub async fn shut_doors(self, alias: Option<&ObservedAlias>) -> Result<Shut, TargetError> {
        let mut alias = alias.cloned();
        for looks in 0.. {
            let is_held = alias.as_ref().is_some_and(|alias| matches!(Traffic::of(alias), Traffic::Held { .. }));
            // Lambda's own weight would become somebody's: the door is shut when the traffic has come over.
            if !self.claim.doors.is_open(self.target) || is_held {
                return Ok(if looks == 0 { Shut::Before } else { Shut::ByAnother });
            }
            let because = match &alias {
                None => "an alias whose creation got no answer is not there yet".to_owned(),
                Some(alias) => {
                    let description = turned(&alias.description, self.rollout.engine.token());
                    match LambdaWriter::of(self).rewrite_alias(alias, &description).await {
                        Ok(revision) if revision != alias.revision => {
                            tracing::info!(alias = %alias.name, serves = %alias, "written as it is: no earlier write can move it any more");
                            self.claim.doors.shut(self.target);
                            return Ok(Shut::Now);
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
            if looks == MAX_REOBSERVATIONS {
                return Err(self.stays_open(&because));
            }
            self.timer().pause(looks, SHUT_DOOR, &because).await?;
            alias = self.observer().alias().await?;
            self.note_alias(alias.as_ref());
        }
        unreachable!("looks do not end")
    }

    /// Ends without having arrived, and leaves no door open that can be shut.
    pub async fn leave(self) {
        if !self.claim.doors.is_open(self.target) || self.claim.only_observes() {
            return;
        }
        let shuts = async {
            let alias = self.observer().alias().await?;
            self.note_alias(alias.as_ref());
            self.shut_doors(alias.as_ref()).await
        };
        if let Err(error) = shuts.await {
            tracing::warn!("an earlier write may still move the alias: {error}");
        }
    }

    fn stays_open(self, because: &str) -> TargetError {
        let alias = &self.rollout.at.environment.alias;
        let message = format!(
            "an earlier write of alias {alias} got no answer, and that it takes effect late cannot be ruled out: {because}"
        );
        internal(SHUT_DOOR, &message)
    }
}
