//! `status`: what is live where, read from the heads alone. No target account is asked.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::config::Environment;
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::GroupStatus;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::REJECTS;
use deployer_core::rejects::Rejects;
use deployer_core::status::{FunctionStatus, SourceHistory, StatusReport};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _};

use super::known::ensure_known;
use super::status_approvals::add_approvals;
use super::status_companions::add_companions;
use super::status_groups::open_groups;
use crate::gone_environment::{GoneFunction, all_gone, find_gone};
use crate::port::LedgerError;
use crate::store::Versioned;
use crate::{CommandError, Engine, Transient};

/// The number of objects that are read at once: thousands of heads take as long as some twenty requests.
const READ_AT_ONCE: usize = 160;

type StatusKey = (FunctionName, EnvironmentName);
/// The status of each function, and its live artifact. The heads themselves are not kept, for there may be thousands.
type Statuses = BTreeMap<StatusKey, (FunctionStatus, SourceHistory)>;

impl Engine {
    /// Reports what is live, open, held and rejected, of all functions and environments or of the named ones. An object
    /// that cannot be read is named, and hides nothing else.
    ///
    /// # Errors
    /// [`CommandError`]: no such environment, no environment knows the function, or the ledger is away.
    pub async fn status(
        &self,
        environment: Option<&EnvironmentName>,
        function: Option<&FunctionName>,
    ) -> Result<StatusReport, CommandError> {
        let selected: Vec<(&EnvironmentName, &Environment)> = match environment {
            None => self.config.environments.iter().collect(),
            Some(name) => {
                let Some(found) = self.config.environments.get_key_value(name) else {
                    return status_where_gone(self, name, function).await;
                };
                vec![found]
            }
        };
        // The environments that these are promoted from are read too.
        let sources = selected.iter().filter_map(|(_, e)| e.promotion.as_ref()).flat_map(|p| p.from.iter());
        let names: BTreeSet<&EnvironmentName> = selected.iter().map(|(name, _)| *name).chain(sources).collect();
        let (status_keys, rejects) =
            futures::try_join!(status_keys(self, &names, function), all_rejects(self, function))?;
        let (rejects, mut unreadable) = rejects;
        let (statuses, broken) = statuses(self, status_keys, &rejects).await;
        let only_one = environment.is_some() && function.is_some();
        if let Some(because) = broken.first().filter(|_| only_one && statuses.is_empty()) {
            return Err(Transient::Ledger(LedgerError(because.clone())).into());
        }
        unreadable.extend(broken);
        let (mut functions, mut brought_by) = (Vec::new(), Vec::new());
        for ((function_name, name), (status, own)) in &statuses {
            let Some((_, environment)) = selected.iter().find(|(selected, _)| *selected == name) else { continue };
            let sources = environment.promotion.iter().flat_map(|promotion| promotion.from.iter());
            let ahead = sources.filter_map(|from| Some(&statuses.get(&(function_name.clone(), from.clone()))?.1));
            let status = status.clone().with_sources(own, ahead);
            // A head may be there only because something was refused.
            if !status.is_empty() {
                // The rejects of all functions together could be more than an answer holds.
                let rejects = if function.is_some() { status.rejects } else { vec![] };
                functions.push(FunctionStatus { rejects, ..status });
                brought_by.push(own.live_brought_by());
            }
        }
        if function.is_some() {
            add_approvals(self, &mut functions).await;
            add_companions(self, (&mut functions, &brought_by), &mut unreadable).await;
        }
        let environments: Vec<&EnvironmentName> = selected.iter().map(|(name, _)| *name).collect();
        if let Some(function) = function.filter(|_| functions.is_empty() && unreadable.is_empty()) {
            ensure_known(self, None, function).await?;
        }
        let mut gone = vec![];
        if environment.is_none() {
            let found = all_gone(self, None, function).await;
            (gone, unreadable) = (found.functions, [unreadable, found.unreadable].concat());
            functions.extend(gone.iter().map(|gone| gone.status(&rejects, function.is_some())));
        }
        let gone_names: BTreeSet<&EnvironmentName> = gone.iter().map(|gone| &gone.at.name).collect();
        let with_groups: Vec<&EnvironmentName> = environments.iter().chain(&gone_names).copied().collect();
        let groups = groups_or_unreadable(self, &with_groups, function, &mut unreadable).await;
        let mut in_order = self.config.in_order_of_promotion();
        in_order.retain(|name| environments.contains(name));
        Ok(StatusReport {
            functions,
            environments: in_order.into_iter().chain(gone_names).cloned().collect(),
            groups,
            approved_by_name: selected
                .iter()
                .filter(|(_, one)| counts_names(one))
                .map(|(name, _)| (*name).clone())
                .collect(),
            unreadable,
            ..StatusReport::default()
        })
    }
}

/// Reads the open groups. Where they cannot be listed, that is named, and hides nothing else.
async fn groups_or_unreadable(
    engine: &Engine,
    environments: &[&EnvironmentName],
    function: Option<&FunctionName>,
    unreadable: &mut Vec<String>,
) -> Vec<GroupStatus> {
    match open_groups(engine, environments, function, unreadable).await {
        Ok(groups) => groups,
        Err(error) => {
            unreadable.push(format!("open groups: {error}"));
            vec![]
        }
    }
}

/// Reports the rollouts of an environment that deployer.json does not have any more.
///
/// # Errors
/// [`CommandError`]: none is under way there, so that nobody knows the environment, or the ledger is away.
async fn status_where_gone(
    engine: &Engine,
    name: &EnvironmentName,
    function: Option<&FunctionName>,
) -> Result<StatusReport, CommandError> {
    let (gone, mut unreadable) = match function {
        Some(function) => (find_gone(engine, name, function).await?.into_iter().collect(), vec![]),
        None => {
            let found = all_gone(engine, Some(name), None).await;
            (found.functions, found.unreadable)
        }
    };
    let groups = groups_or_unreadable(engine, &[name], function, &mut unreadable).await;
    if gone.is_empty() && groups.is_empty() {
        // Nobody can tell whether a rollout is under way there.
        return Err(match unreadable.into_iter().next() {
            Some(because) => Transient::Ledger(LedgerError(because)).into(),
            None => engine.unknown_environment(name),
        });
    }
    let (rejects, broken) = all_rejects(engine, function).await?;
    unreadable.extend(broken);
    let functions = gone.iter().map(|gone| gone.status(&rejects, function.is_some())).collect();
    Ok(StatusReport { functions, environments: vec![name.clone()], groups, unreadable, ..StatusReport::default() })
}

impl GoneFunction {
    fn status(&self, rejects: &AllRejects, is_only_one: bool) -> FunctionStatus {
        let none = Rejects::default();
        let status = FunctionStatus::of(&self.at, &self.seen.head, rejects.get(&self.at.function).unwrap_or(&none));
        // The rejects of all functions together could be more than an answer holds.
        let rejects = if is_only_one { status.rejects } else { vec![] };
        FunctionStatus { rejects, ..status }
    }
}

/// Whether approvals count there by the names that people give.
fn counts_names(environment: &Environment) -> bool {
    environment.approval.as_ref().is_some_and(|rules| !rules.proven)
}

/// Lists the functions that have a head, by environment.
async fn status_keys(
    engine: &Engine,
    environments: &BTreeSet<&EnvironmentName>,
    function: Option<&FunctionName>,
) -> Result<Vec<StatusKey>, Transient> {
    let listed = environments.iter().map(|environment| async move {
        let of = |key: &String| Some(ledger_keys::parse_head(key)?.1);
        let functions: Vec<FunctionName> = match function {
            Some(function) => vec![function.clone()],
            None => engine.store().keys(&ledger_keys::heads_in(environment)).await?.iter().filter_map(of).collect(),
        };
        Ok::<_, Transient>(functions.into_iter().map(|function| (function, (*environment).clone())))
    });
    Ok(try_join_all(listed).await?.into_iter().flatten().collect())
}

/// Reads the status of each function, and returns the reasons why some heads cannot be read.
async fn statuses(engine: &Engine, status_keys: Vec<StatusKey>, rejects: &AllRejects) -> (Statuses, Vec<String>) {
    let none = Rejects::default();
    let read = |(function, environment): StatusKey| {
        let none = &none;
        async move {
            let at = FunctionRef::find(&engine.config, &environment, &function);
            let at = at.map_err(|unknown| unknown.to_string())?;
            let Versioned { head, etag, .. } = engine.store().head(&at).await.map_err(|error| error.to_string())?;
            if etag.is_none() {
                return Ok(None);
            }
            let status = FunctionStatus::of(&at.or_as_recorded(&head), &head, rejects.get(&function).unwrap_or(none));
            let ahead = SourceHistory::of(&status, &head);
            Ok(Some(((function, environment), (status, ahead))))
        }
    };
    let mut reading = stream::iter(status_keys).map(read).buffer_unordered(READ_AT_ONCE);
    let (mut statuses, mut broken) = (Statuses::new(), vec![]);
    while let Some(read) = reading.next().await {
        match read {
            Ok(Some((key, one))) => drop(statuses.insert(key, one)),
            Ok(None) => {}
            Err(because) => {
                tracing::error!("left out of the status: {because}");
                broken.push(because);
            }
        }
    }
    (statuses, broken)
}

/// Reads the rejects of each function, and returns the reasons why some cannot be read.
async fn all_rejects(engine: &Engine, function: Option<&FunctionName>) -> Result<(AllRejects, Vec<String>), Transient> {
    let of = |key: &String| ledger_keys::parse_rejects(key);
    let functions: Vec<FunctionName> = match function {
        Some(function) => vec![function.clone()],
        None => engine.store().keys(REJECTS).await?.iter().filter_map(of).collect(),
    };
    let read = |function: FunctionName| async move { (engine.store().rejects(&function).await, function) };
    let mut reading = stream::iter(functions).map(read).buffer_unordered(READ_AT_ONCE);
    let (mut all, mut broken) = (AllRejects::new(), vec![]);
    while let Some((read, function)) = reading.next().await {
        match read {
            Ok(rejects) => drop(all.insert(function, rejects)),
            Err(error) => broken.push(error.to_string()),
        }
    }
    Ok((all, broken))
}

type AllRejects = BTreeMap<FunctionName, Rejects>;
