//! Masks the values of variables in all texts of sessions in target accounts, before anybody records, sends, logs or
//! prints them. Lambda's texts may quote such values ("... String measured: {"DB_PASSWORD":"..."}").
//!
//! [`MaskingSessions`] wraps the provider of sessions. It knows each value that was read from the deployment's function or
//! sent to it. If such a value has six characters or more and stands in a text as a whole word, `***` takes its place.
//! Must not know what a text is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deployer_core::condition::{Condition, Reason};
use deployer_core::config::Target;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::{
    FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency, ProvisionedStatus, Variables,
};
use deployer_core::text::plain;

use crate::mutex::locked;
use crate::port::{
    Account, Answer, CallError, EnterError, Functions, PublishedVersions, Qualifier, SessionProvider, SessionRequest,
    Write,
};

/// The length of the shortest value that is masked: shorter ones are words that any text may have.
const SHORTEST: usize = 6;
const MASK: &str = "***";

/// Opens sessions in which values of variables are masked.
pub struct MaskingSessions {
    sessions: Arc<dyn SessionProvider>,
    /// The known values by deployment and target: all sessions of one share them.
    known: Mutex<BTreeMap<(String, Target), Arc<KnownValues>>>,
}

impl MaskingSessions {
    /// Wraps a provider, for one invocation.
    #[must_use]
    pub fn new(sessions: Arc<dyn SessionProvider>) -> Self {
        Self { sessions, known: Mutex::default() }
    }
}

#[async_trait]
impl SessionProvider for MaskingSessions {
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError> {
        let account = self.sessions.open_session(request).await?;
        let place = (request.name.clone(), request.target.clone());
        let known = locked(&self.known).entry(place).or_default().clone();
        let Target { account: number, region } = &request.target;
        known.exempt([number.as_str(), region.as_str(), request.role.as_str()]);
        Ok(account.with_decorator(|functions| Arc::new(MaskedFunctions { functions, known })))
    }
}

/// The values of one function's variables, as a text may quote them.
#[derive(Default)]
struct KnownValues {
    values: Mutex<BTreeSet<String>>,
    /// The names that every text may have: a variable whose value is the function's own name or its region is no
    /// secret.
    names: Mutex<BTreeSet<String>>,
}

impl KnownValues {
    fn exempt<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        locked(&self.names).extend(names.into_iter().map(str::to_owned));
    }

    fn learn<'v>(&self, values: impl Iterator<Item = &'v str>) {
        let (mut known, names) = (locked(&self.values), locked(&self.names));
        for value in values.filter(|value| value.chars().count() >= SHORTEST && !names.contains(*value)) {
            // A text may quote the value itself or its JSON form, and each of them made plain.
            let quoted = serde_json::Value::from(value).to_string();
            let json = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
            known.extend([value, json].map(str::to_owned));
            known.extend([value, json].map(|form| plain(form).into_owned()));
        }
    }

    /// Masks the longest values first, because a value may be a part of another.
    fn mask(&self, text: &str) -> String {
        let known = locked(&self.values);
        let mut values: Vec<&String> = known.iter().filter(|value| text.contains(value.as_str())).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| mask_value(&text, value))
    }

    fn mask_error<T>(&self, answer: Result<T, CallError>) -> Result<T, CallError> {
        answer.map_err(|error| CallError { message: self.mask(&error.message), ..error })
    }

    fn mask_reason(&self, because: &mut Reason) {
        because.map_text(|text| self.mask(text));
    }
}

/// Returns the text with each whole word that is this value masked.
fn mask_value(text: &str, value: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut masked, mut rest, mut before) = (String::with_capacity(text.len()), text, None);
    while let Some(at) = rest.find(value) {
        let (start, end) = (&rest[..at], &rest[at + value.len()..]);
        let joins = |outer: Option<char>, inner: Option<char>| outer.is_some_and(is_word) && inner.is_some_and(is_word);
        // The letter of an escaped line end is no part of a word.
        let is_escape = ["\\n", "\\r", "\\t"].iter().any(|escape| start.ends_with(escape));
        let is_part = (!is_escape && joins(start.chars().next_back().or(before), value.chars().next()))
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

/// The functions of an account, with masked texts.
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
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError> {
        self.known.exempt([name.as_str()]);
        let mut found = self.known.mask_error(self.functions.function(name, qualifier).await)?;
        if let Some((code, _)) = &mut found {
            match &mut code.settings.variables {
                Variables::Known(variables) => self.known.learn(variables.values().map(|value| value.expose())),
                Variables::Unreadable { because } => *because = self.known.mask(because),
            }
            match &mut code.condition {
                Condition::Ready | Condition::Busy => {}
                Condition::Idle { because } | Condition::Unserving { because, .. } | Condition::Failed { because } => {
                    self.known.mask_reason(because);
                }
            }
            if let Some(because) = &mut code.last_update_failed {
                self.known.mask_reason(because);
            }
        }
        Ok(found)
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        self.known.mask_error(self.functions.alias(name, alias).await)
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        let mut found = self.known.mask_error(self.functions.provisioned(name, alias).await)?;
        if let Some(ProvisionedConcurrency { status: ProvisionedStatus::Failed { because }, .. }) = &mut found {
            *because = self.known.mask(because);
        }
        Ok(found)
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        self.known.mask_error(self.functions.versions(name).await)
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        self.known.mask_error(self.functions.aliased(name).await)
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        self.known.exempt([name.as_str()]);
        let sent = match &write {
            Write::Create { new, .. } => new.configuration.variables.as_ref(),
            Write::UpdateConfiguration { configuration, .. } => configuration.variables.as_ref(),
            _ => None,
        };
        self.known.learn(sent.into_iter().flatten().map(|(_, value)| value.expose()));
        self.known.mask_error(self.functions.write(name, write).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_value_is_masked_where_it_is_a_whole_word() {
        let known = KnownValues::default();
        known.exempt(["eu-west-1", "orders-api"]);
        known.learn(
            [
                "eu-west-1",
                "orders-api",
                "\u{feff}token-1",
                "hunter2",
                "hunter2-long",
                "https://x.example/?a=1",
                "two\nlines \"q\"",
                "info",
                "éclair",
            ]
            .into_iter(),
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
            ("plain text\\nhunter2 and knhunter2", "plain text\\n*** and knhunter2"),
            ("as JSON {\\\"A\\\": \\\"\\u{feff}token-1\\\"}", "as JSON {\\\"A\\\": \\\"***\\\"}"),
            ("arn:aws:lambda:eu-west-1:function:orders-api", "arn:aws:lambda:eu-west-1:function:orders-api"),
        ] {
            assert_eq!(known.mask(text), masked, "{text}");
        }
    }
}
