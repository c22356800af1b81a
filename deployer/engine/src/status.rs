//! What is live where, from the heads alone: no target account is asked.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::config::Environment;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::names::{HEADS, REJECTS};
use deployer_core::rejects::Rejects;
use deployer_core::status::{Ahead, FunctionStatus, StatusReport};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _};

use super::error::CommandError;
use super::store::Versioned;
use super::{Engine, Transient};
use crate::port::LedgerError;
use crate::status_groups::OpenGroups;

/// How many objects are read at once: thousands of heads take as long as some twenty requests.
const READ_AT_ONCE: usize = 160;

type Place = (FunctionName, EnvironmentName);
/// What a head tells, and what is live there: the head itself is not kept, for there may be thousands.
type Told = BTreeMap<Place, (FunctionStatus, Ahead)>;

impl Engine {
    /// What is live, open, held and rejected, of all functions and environments or of those that are named. What cannot be
    /// read is named, and hides nothing else.
    ///
    /// # Errors
    /// [`CommandError`]: no such environment, or the ledger is away.
    pub async fn status(
        &self,
        environment: Option<&EnvironmentName>,
        function: Option<&FunctionName>,
    ) -> Result<StatusReport, CommandError> {
        let asked: Vec<(&EnvironmentName, &Environment)> = match environment {
            None => self.config.environments.iter().collect(),
            Some(name) => {
                let found = self.config.environments.get_key_value(name);
                vec![found.ok_or_else(|| self.unknown_environment(name))?]
            }
        };
        // What an environment is promoted from is looked at too.
        let sources = asked.iter().filter_map(|(_, e)| e.promotion.as_ref()).flat_map(|p| p.from.iter());
        let names: BTreeSet<&EnvironmentName> = asked.iter().map(|(name, _)| *name).chain(sources).collect();
        let (places, rejects) = futures::try_join!(
            StatusReader::of(self).places(&names, function),
            StatusReader::of(self).all_rejects(function)
        )?;
        let (rejects, mut unreadable) = rejects;
        let (told, broken) = StatusReader::of(self).tell(places, &rejects).await;
        let only_one = environment.is_some() && function.is_some();
        if let Some(because) = broken.first().filter(|_| only_one && told.is_empty()) {
            return Err(Transient::Ledger(LedgerError(because.clone())).into());
        }
        unreadable.extend(broken);
        let mut functions = Vec::new();
        for ((function_name, name), (status, _)) in &told {
            let Some((_, environment)) = asked.iter().find(|(asked, _)| *asked == name) else { continue };
            let sources = environment.promotion.iter().flat_map(|promotion| promotion.from.iter());
            let ahead = sources.filter_map(|from| Some(&told.get(&(function_name.clone(), from.clone()))?.1));
            let status = status.clone().beside(ahead);
            // A head may be there only because something was refused.
            if !status.is_empty() {
                // Of all functions together they could be more than an answer holds.
                let rejects = if function.is_some() { status.rejects } else { vec![] };
                functions.push(FunctionStatus { rejects, ..status });
            }
        }
        let environments: Vec<&EnvironmentName> = asked.iter().map(|(name, _)| *name).collect();
        let groups = OpenGroups::of(self).read(&environments, function, &mut unreadable).await?;
        Ok(StatusReport { functions, groups, unreadable })
    }
}

/// Reads what the status tells.
#[derive(Clone, Copy)]
pub(crate) struct StatusReader<'e> {
    engine: &'e Engine,
}

impl<'e> StatusReader<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// The functions that have a head, by environment.
    async fn places(
        self,
        environments: &BTreeSet<&EnvironmentName>,
        function: Option<&FunctionName>,
    ) -> Result<Vec<Place>, Transient> {
        let listed = environments.iter().map(|environment| async move {
            let prefix = format!("{HEADS}{environment}/");
            let of = |key: &String| FunctionName::parse(key.strip_prefix(&prefix)?.strip_suffix(".json")?).ok();
            let functions: Vec<FunctionName> = match function {
                Some(function) => vec![function.clone()],
                None => self.engine.store().keys(&prefix).await?.iter().filter_map(of).collect(),
            };
            Ok::<_, Transient>(functions.into_iter().map(|function| (function, (*environment).clone())))
        });
        Ok(try_join_all(listed).await?.into_iter().flatten().collect())
    }

    /// What each head tells, and why some cannot be read.
    async fn tell(self, places: Vec<Place>, rejects: &AllRejects) -> (Told, Vec<String>) {
        let none = Rejects::default();
        let read = |(function, environment): Place| {
            let none = &none;
            async move {
                let at = FunctionRef::find(&self.engine.config, &environment, &function);
                let at = at.map_err(|unknown| unknown.to_string())?;
                let Versioned { head, etag, .. } =
                    self.engine.store().head(&at).await.map_err(|error| error.to_string())?;
                if etag.is_none() {
                    return Ok(None);
                }
                let status = FunctionStatus::of(&at, &head, rejects.get(&function).unwrap_or(none));
                let ahead = Ahead::of(&environment, &head);
                Ok(Some(((function, environment), (status, ahead))))
            }
        };
        let mut reading = stream::iter(places).map(read).buffer_unordered(READ_AT_ONCE);
        let (mut told, mut broken) = (Told::new(), vec![]);
        while let Some(read) = reading.next().await {
            match read {
                Ok(Some((place, one))) => drop(told.insert(place, one)),
                Ok(None) => {}
                Err(because) => {
                    tracing::error!("left out of the status: {because}");
                    broken.push(because);
                }
            }
        }
        (told, broken)
    }

    async fn all_rejects(self, function: Option<&FunctionName>) -> Result<(AllRejects, Vec<String>), Transient> {
        let of = |key: &String| FunctionName::parse(key.strip_prefix(REJECTS)?.strip_suffix(".json")?).ok();
        let functions: Vec<FunctionName> = match function {
            Some(function) => vec![function.clone()],
            None => self.engine.store().keys(REJECTS).await?.iter().filter_map(of).collect(),
        };
        let read = |function: FunctionName| async move { (self.engine.store().rejects(&function).await, function) };
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
}

type AllRejects = BTreeMap<FunctionName, Rejects>;
