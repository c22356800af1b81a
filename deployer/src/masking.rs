//! Lambda's texts may quote the values of variables ("... String measured: {"DB_PASSWORD":"..."}"): whatever a session in a target account
//! says is masked before anybody records, sends, logs or prints it.
//!
//! [`MaskingGate`] stands before the gate of target accounts. It knows each value that was read of the deployment's function or sent to it;
//! where one of six characters or more stands in a text as a whole word, `***` takes its place. Must not know what a text is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use deployer_core::condition::{Condition, Reason};
use deployer_core::config::Target;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::{
    Belongings, ObservedAlias, ObservedCode, ProvisionedConcurrency, ProvisionedStatus, Variables,
};
use deployer_core::text::plain;

use crate::port::{
    Account, AccountGate, Answer, CallError, EnterError, Functions, PublishedVersions, Qualifier, SessionRequest, Write,
};

/// Shorter values are words that any text may have.
const SHORTEST: usize = 6;
const MASK: &str = "***";

/// A gate whose accounts say no value of a variable.
pub struct MaskingGate {
    gate: Arc<dyn AccountGate>,
    /// By deployment and target: all sessions of one know what any of them has seen.
    known: Mutex<BTreeMap<(String, Target), Arc<KnownValues>>>,
}

impl MaskingGate {
    /// Stands before this gate, for one invocation.
    #[must_use]
    pub fn before(gate: Arc<dyn AccountGate>) -> Self {
        Self { gate, known: Mutex::default() }
    }
}

#[async_trait]
impl AccountGate for MaskingGate {
    async fn enter(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.gate.enter(request).await?;
        let place = (request.name.clone(), request.target.clone());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_default().clone();
        Ok(account.seen_through(|functions| Arc::new(MaskedFunctions { functions, known })))
    }
}

/// The values of one function's variables, as a text may quote them.
#[derive(Default)]
struct KnownValues(Mutex<BTreeSet<String>>);

impl KnownValues {
    fn learn<'v>(&self, values: impl Iterator<Item = &'v str>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for value in values.filter(|value| value.chars().count() >= SHORTEST) {
            // As it is, as JSON has it, and as a text has it that was made plain.
            let json = serde_json::Value::from(value).to_string();
            known.extend([value.to_owned(), json[1..json.len() - 1].to_owned(), plain(value).into_owned()]);
        }
    }

    /// The longest values first, for one may be a part of another.
    fn mask(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values: Vec<&String> = known.iter().filter(|value| text.contains(value.as_str())).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| without(&text, value))
    }

    fn masked<T>(&self, answer: Result<T, CallError>) -> Result<T, CallError> {
        answer.map_err(|error| CallError { message: self.mask(&error.message), ..error })
    }

    fn reason(&self, because: &mut Reason) {
        because.say(|text| self.mask(text));
    }
}

/// The text with each whole word that is this value masked.
fn without(text: &str, value: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut masked, mut rest, mut before) = (String::with_capacity(text.len()), text, None);
    while let Some(at) = rest.find(value) {
        let (start, end) = (&rest[..at], &rest[at + value.len()..]);
        let joins = |outer: Option<char>, inner: Option<char>| outer.is_some_and(is_word) && inner.is_some_and(is_word);
        let is_part = joins(start.chars().next_back().or(before), value.chars().next())
            || joins(end.chars().next(), value.chars().next_back());
        masked.push_str(start);
        if is_part {
            // The value may begin once more within itself.
            let first = value.chars().next().map_or(0, char::len_utf8);
            masked.push_str(&value[..first]);
            (before, rest) = (value.chars().next(), &rest[at + first..]);
        } else {
            masked.push_str(MASK);
            (before, rest) = (value.chars().next_back(), end);
        }
    }
    masked + rest
}

/// Functions that say no value of a variable.
struct MaskedFunctions {
    functions: Arc<dyn Functions>,
    known: Arc<KnownValues>,
}

#[async_trait]
impl Functions for MaskedFunctions {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, Belongings)>, CallError> {
        let mut found = self.known.masked(self.functions.function(name, qualifier).await)?;
        if let Some((code, _)) = &mut found {
            match &mut code.settings.variables {
                Variables::Known(variables) => self.known.learn(variables.values().map(|value| value.expose())),
                Variables::Unreadable { because } => *because = self.known.mask(because),
            }
            match &mut code.condition {
                Condition::Ready | Condition::Busy => {}
                Condition::Idle { because } | Condition::Unserving { because, .. } | Condition::Failed { because } => {
                    self.known.reason(because);
                }
            }
            if let Some(because) = &mut code.last_update_failed {
                self.known.reason(because);
            }
        }
        Ok(found)
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        self.known.masked(self.functions.alias(name, alias).await)
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        let mut found = self.known.masked(self.functions.provisioned(name, alias).await)?;
        if let Some(ProvisionedConcurrency { status: ProvisionedStatus::Failed { because }, .. }) = &mut found {
            *because = self.known.mask(because);
        }
        Ok(found)
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        self.known.masked(self.functions.versions(name).await)
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.known.masked(self.functions.aliased(name).await)
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        let sent = match &write {
            Write::Create { new, .. } => new.configuration.variables.as_ref(),
            Write::UpdateConfiguration { configuration, .. } => configuration.variables.as_ref(),
            _ => None,
        };
        self.known.learn(sent.into_iter().flatten().map(|(_, value)| value.expose()));
        self.known.masked(self.functions.write(name, write).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_value_is_masked_where_it_is_a_whole_word() {
        let known = KnownValues::default();
        known.learn(
            ["hunter2", "hunter2-long", "https://x.example/?a=1", "two\nlines \"q\"", "info", "éclair"].into_iter(),
        );
        for (text, masked) in [
            ("no value", "no value"),
            ("PASSWORD hunter2 is not allowed", "PASSWORD *** is not allowed"),
            ("hunter2hunter2 hunter22 _hunter2", "hunter2hunter2 hunter22 _hunter2"),
            ("{\"A\":\"hunter2\",\"B\":\"hunter2-long\"}", "{\"A\":\"***\",\"B\":\"***\"}"),
            ("at https://x.example/?a=1, and", "at ***, and"),
            ("json two\\nlines \\\"q\\\".", "json ***."),
            ("raw two\nlines \"q\"", "raw ***"),
            ("the level info stays", "the level info stays"),
            ("éclair, éclairs", "***, éclairs"),
        ] {
            assert_eq!(known.mask(text), masked, "{text}");
        }
    }
}
