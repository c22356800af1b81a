//! What is live where, from the heads alone: no target account is asked.

use std::collections::BTreeMap;

use deployer_core::config::Environment;
use deployer_core::destination::Destination;
use deployer_core::head::Head;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::names::{HEADS, REJECTS};
use deployer_core::rejects::Rejects;
use deployer_core::status::{FunctionStatus, StatusReport};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::commands::CommandError;
use super::{Engine, Transient};

/// How many objects are read at once: thousands of heads take as long as some ten requests.
const READ_AT_ONCE: usize = 256;

type Heads = BTreeMap<(FunctionName, EnvironmentName), Head>;

impl Engine {
    /// What is live, open, held and rejected, of all functions and environments or of those that are named.
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
        let sources = asked.iter().filter_map(|(_, environment)| environment.promotion.as_ref()).map(|p| &p.from);
        let mut names: Vec<&EnvironmentName> = asked.iter().map(|(name, _)| *name).chain(sources).collect();
        names.sort_unstable();
        names.dedup();
        let (heads, rejects) = futures::try_join!(self.heads(&names, function), self.all_rejects(function))?;
        let none = Rejects::default();
        let tell = |((function, name), head): (&(FunctionName, EnvironmentName), &Head)| {
            let (_, environment) = asked.iter().find(|(asked, _)| *asked == name)?;
            let source = environment.promotion.as_ref().map(|promotion| &promotion.from);
            let source = source.and_then(|from| Some((from, heads.get(&(function.clone(), from.clone()))?)));
            let rejects = rejects.get(function).unwrap_or(&none);
            Some(FunctionStatus::of(name, function, head, rejects).beside(source)).filter(|status| !status.is_empty())
        };
        Ok(StatusReport { functions: heads.iter().filter_map(tell).collect() })
    }

    async fn heads(
        &self,
        environments: &[&EnvironmentName],
        function: Option<&FunctionName>,
    ) -> Result<Heads, Transient> {
        let listed = environments.iter().map(|environment| async move {
            let prefix = format!("{HEADS}{environment}/");
            let of = |key: &String| FunctionName::parse(key.strip_prefix(&prefix)?.strip_suffix(".json")?).ok();
            let functions: Vec<FunctionName> = match function {
                Some(function) => vec![function.clone()],
                None => self.ports.ledger.keys(&prefix).await?.iter().filter_map(of).collect(),
            };
            Ok::<_, Transient>(functions.into_iter().map(|function| (function, (*environment).clone())))
        });
        let places = try_join_all(listed).await?.into_iter().flatten();
        stream::iter(places)
            .map(|(function, environment)| async move {
                let at = Destination::find(&self.config, &environment, &function);
                let Ok(at) = at else { return Ok(((function, environment), Head::default())) };
                let seen = self.read_head(&at).await?;
                Ok::<_, Transient>(((function, environment), seen.head))
            })
            .buffer_unordered(READ_AT_ONCE)
            .try_collect()
            .await
    }

    async fn all_rejects(&self, function: Option<&FunctionName>) -> Result<BTreeMap<FunctionName, Rejects>, Transient> {
        let of = |key: &String| FunctionName::parse(key.strip_prefix(REJECTS)?.strip_suffix(".json")?).ok();
        let functions: Vec<FunctionName> = match function {
            Some(function) => vec![function.clone()],
            None => self.ports.ledger.keys(REJECTS).await?.iter().filter_map(of).collect(),
        };
        stream::iter(functions)
            .map(|function| async move {
                let (rejects, _) = self.read_rejects(&function).await?;
                Ok::<_, Transient>((function, rejects))
            })
            .buffer_unordered(READ_AT_ONCE)
            .try_collect()
            .await
    }
}
