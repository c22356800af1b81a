//! The outcome of a promotion that was asked for before. Nothing is changed or worked on.

use deployer_core::group::{Group, group_id};
use deployer_core::head::CommandKind;
use deployer_core::id::{FunctionName, FunctionPattern};
use deployer_core::ledger_keys;
use deployer_core::promotion::{Functions, PromotionRequest};
use deployer_core::record::DeploymentRecord;
use futures::stream::{self, StreamExt as _};

use super::history::History;
use super::progress::record_if_known;
use super::promotion::{PromotionOutcome, known_request};
use super::used_id::{ensure_no_member, ensure_unused_by_each, group_of_request};
use crate::group::{Groups, opened_before};
use crate::store::READ_AT_ONCE;
use crate::{CommandError, Engine, Transient};

/// Returns what the ledger knows of a promotion by its id; none if it is new.
pub(super) async fn promoted(
    engine: &Engine,
    promotion: &PromotionRequest,
) -> Result<Option<PromotionOutcome>, CommandError> {
    match &promotion.functions {
        Functions::One(function) => {
            let group = group_of_request(engine, &promotion.id, &promotion.to).await?;
            let record = promoted_one(engine, promotion, group.as_ref(), function).await?;
            Ok(record.map(|record| PromotionOutcome::One(Box::new(record))))
        }
        Functions::Together(functions) => {
            let group = opened_before(Groups::of(engine), promotion, functions).await?;
            if group.is_none() {
                let kind = CommandKind::Group(group_id(&promotion.id, &promotion.to));
                ensure_unused_by_each(engine, (&promotion.to, functions), &promotion.id, kind).await?;
            }
            Ok(group.map(|group| PromotionOutcome::Together(Box::new(group))))
        }
        Functions::Each(pattern) => {
            let deployments = promoted_each(engine, promotion, pattern).await?;
            let each = History { deployments, not_ready: vec![] };
            Ok((!each.deployments.is_empty()).then_some(PromotionOutcome::Each(each)))
        }
    }
}

async fn promoted_one(
    engine: &Engine,
    promotion: &PromotionRequest,
    group: Option<&Group>,
    function: &FunctionName,
) -> Result<Option<DeploymentRecord>, CommandError> {
    let at = engine.at(&promotion.to, function)?;
    let record = record_if_known(engine, &at, &known_request(engine, promotion, &at)).await?;
    if record.is_none() {
        ensure_no_member(group, function)?;
    }
    Ok(record)
}

/// Finds the promotions of the functions that match, in the order of their names.
async fn promoted_each(
    engine: &Engine,
    promotion: &PromotionRequest,
    pattern: &FunctionPattern,
) -> Result<Vec<DeploymentRecord>, CommandError> {
    let keys = engine.store().keys(&ledger_keys::heads_in(&promotion.to)).await.map_err(Transient::from)?;
    let names = keys.iter().filter_map(|key| Some(ledger_keys::parse_head(key)?.1));
    let functions: Vec<FunctionName> = names.filter(|name| pattern.matches(name)).collect();
    let group = group_of_request(engine, &promotion.id, &promotion.to).await?;
    let looks = stream::iter(&functions).map(|function| promoted_one(engine, promotion, group.as_ref(), function));
    let (mut found, mut used) = (vec![], None);
    for look in looks.buffered(READ_AT_ONCE).collect::<Vec<_>>().await {
        match look {
            Ok(record) => found.extend(record),
            // Another command about this function has had the id since: the others are told all the same.
            Err(error @ CommandError::Invalid(_)) => used = used.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match used.filter(|_| found.is_empty()) {
        Some(used) => Err(used),
        None => Ok(found),
    }
}
