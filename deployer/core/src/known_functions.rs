//! The names of functions in a ledger, and the answer about one that nobody knows. `head::KnownBy` says when a function
//! is known.

use std::collections::BTreeSet;
use std::fmt;

use crate::diagnostics::{SIMILAR, similarity};
use crate::id::{EnvironmentName, FunctionName, FunctionPattern};
use crate::ledger_keys;

/// The most names that an answer suggests.
const MOST_SUGGESTED: usize = 3;
/// The most names that an answer lists if none of them is similar.
const MOST_LISTED: usize = 10;

/// The words about a function that has a head and is not known.
const REFUSED_ONLY: &str = " (its requests were all refused: see history)";

/// The names of the functions that have a head in any environment. Some of them may be known to nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionNames(BTreeSet<FunctionName>);

/// A function that no environment knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no environment knows a function {function}{}{hint}", if *has_head { REFUSED_ONLY } else { "" })]
pub struct UnknownFunction {
    /// The name.
    pub function: FunctionName,
    /// The names that may be meant.
    pub hint: NameHint,
    /// Whether an environment has a head of this name: all that was asked for there was refused.
    pub has_head: bool,
}

/// A pattern that matches no function of the environment that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedPattern {
    /// The environment; none if the pattern is about all.
    pub environment: Option<EnvironmentName>,
    /// The pattern.
    pub pattern: FunctionPattern,
    /// The names there that may be meant.
    pub hint: NameHint,
}

impl fmt::Display for UnmatchedPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, pattern, hint } = self;
        let Some(environment) = environment else { return write!(f, "no function matches {pattern}{hint}") };
        write!(f, "no function of {environment} matches {pattern}")?;
        match hint {
            NameHint::All(all) if all.is_empty() => f.write_str("; it has no function yet"),
            NameHint::All(all) => write!(f, "; it has {}", joined(all, ", ")),
            NameHint::Count(count) => write!(f, "; status -e {environment} lists its {count} functions"),
            NameHint::Similar(_) => hint.fmt(f),
        }
    }
}

/// The names that may be meant by one that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameHint {
    /// Similar names, the most similar first.
    Similar(Vec<FunctionName>),
    /// None is similar; these are all.
    All(Vec<FunctionName>),
    /// None is similar, and there are too many to list.
    Count(usize),
}

impl FromIterator<FunctionName> for FunctionNames {
    fn from_iter<I: IntoIterator<Item = FunctionName>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl FunctionNames {
    /// Takes the functions from the keys of heads. Other keys are passed over.
    #[must_use]
    pub fn of_head_keys<'k>(keys: impl IntoIterator<Item = &'k String>) -> Self {
        Self(keys.into_iter().filter_map(|key| Some(ledger_keys::parse_head(key)?.1)).collect())
    }

    /// Whether the function is one of these.
    #[must_use]
    pub fn contains(&self, function: &FunctionName) -> bool {
        self.0.contains(function)
    }

    /// Whether the pattern matches one of these.
    #[must_use]
    pub fn any_matches(&self, pattern: &FunctionPattern) -> bool {
        self.0.iter().any(|name| pattern.matches(name))
    }

    /// Returns the names without these.
    #[must_use]
    pub fn without(mut self, unknown: &[FunctionName]) -> Self {
        self.0.retain(|name| !unknown.contains(name));
        self
    }

    /// Finds the names that may be meant by another one.
    #[must_use]
    pub fn hint(&self, function: &FunctionName) -> NameHint {
        self.hint_of(function.as_str())
    }

    /// Finds the names that may be meant by a pattern that matches none of these.
    #[must_use]
    pub fn hint_of_pattern(&self, pattern: &FunctionPattern) -> NameHint {
        self.hint_of(&pattern.as_str().replace('*', ""))
    }

    fn hint_of(&self, name: &str) -> NameHint {
        let others = || self.0.iter().filter(|known| known.as_str() != name);
        let scored = others().map(|known| (similarity(name, known.as_str()), known));
        let mut similar: Vec<(f64, &FunctionName)> = scored.filter(|(score, _)| *score >= SIMILAR).collect();
        similar.sort_by(|(one, name), (other, second)| other.total_cmp(one).then_with(|| name.cmp(second)));
        let similar: Vec<_> = similar.into_iter().take(MOST_SUGGESTED).map(|(_, known)| known.clone()).collect();
        match similar {
            similar if !similar.is_empty() => NameHint::Similar(similar),
            _ if others().count() <= MOST_LISTED => NameHint::All(others().cloned().collect()),
            _ => NameHint::Count(others().count()),
        }
    }
}

impl NameHint {
    /// Returns the names that it suggests or lists.
    #[must_use]
    pub fn names(&self) -> &[FunctionName] {
        match self {
            Self::Similar(names) | Self::All(names) => names,
            Self::Count(_) => &[],
        }
    }
}

impl fmt::Display for NameHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Similar(similar) => write!(f, "; did you mean {}?", joined(similar, " or ")),
            Self::All(all) if all.is_empty() => f.write_str("; the ledger knows no function yet"),
            Self::All(all) => write!(f, "; known are {}", joined(all, ", ")),
            Self::Count(count) => write!(f, "; status lists the {count} that are known"),
        }
    }
}

fn joined(names: &[FunctionName], between: &str) -> String {
    names.iter().map(FunctionName::as_str).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> FunctionNames {
        let keys: Vec<String> = names.iter().map(|name| format!("heads/dev/{name}.json")).collect();
        FunctionNames::of_head_keys(&keys)
    }

    fn said(known: &FunctionNames, name: &str) -> String {
        let function = FunctionName::parse(name).unwrap();
        let hint = known.hint(&function);
        let has_head = known.contains(&function);
        UnknownFunction { function, hint, has_head }.to_string()
    }

    #[test]
    fn names_are_those_of_heads_only() {
        let keys = ["heads/dev/orders-api/more.json".to_owned(), "open/dev/orders-api/x".to_owned()];
        assert_eq!(FunctionNames::of_head_keys(&keys), FunctionNames::default());
        let without = known(&["orders", "ordesr"]).without(&[FunctionName::parse("ordesr").unwrap()]);
        assert_eq!(without, known(&["orders"]));
    }

    #[test]
    fn unknown_name_is_answered_with_similar_ones_nearest_first() {
        let known = known(&["orders-api", "orders-app", "stock"]);
        assert_eq!(
            said(&known, "orders-apii"),
            "no environment knows a function orders-apii; did you mean orders-api or orders-app?"
        );
        assert_eq!(said(&known, "stok"), "no environment knows a function stok; did you mean stock?");
    }

    #[test]
    fn at_most_three_similar_names_are_suggested() {
        let known = known(&["orders-a", "orders-b", "orders-c", "orders-d"]);
        assert!(said(&known, "orders-e").ends_with("; did you mean orders-a or orders-b or orders-c?"));
    }

    #[test]
    fn unlike_names_are_listed_if_they_are_few() {
        assert_eq!(
            said(&known(&["orders", "stock"]), "qqq"),
            "no environment knows a function qqq; known are orders, stock"
        );
        let names: Vec<String> = (0..11).map(|number| format!("f{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            said(&known(&names), "qqq"),
            "no environment knows a function qqq; status lists the 11 that are known"
        );
        assert_eq!(
            said(&known(&["orders", "ordesr"]), "ordesr"),
            "no environment knows a function ordesr (its requests were all refused: see history); did you mean orders?"
        );
        assert_eq!(said(&known(&[]), "qqq"), "no environment knows a function qqq; the ledger knows no function yet");
    }

    #[test]
    fn unmatched_pattern_is_answered_with_the_names_of_its_environment() {
        let told = |names: &[&str], pattern: &str| {
            let (environment, pattern) = (Some("dev".parse().unwrap()), pattern.parse().unwrap());
            let hint = known(names).hint_of_pattern(&pattern);
            UnmatchedPattern { environment, pattern, hint }.to_string()
        };
        let all = ["orders-api", "stock"];
        assert_eq!(told(&all, "ordesr-*"), "no function of dev matches ordesr-*; did you mean orders-api?");
        assert_eq!(told(&all, "zzz*"), "no function of dev matches zzz*; it has orders-api, stock");
        assert_eq!(told(&[], "zzz*"), "no function of dev matches zzz*; it has no function yet");
        let many: Vec<String> = (0..11).map(|number| format!("f{number:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(told(&many, "zzz*"), "no function of dev matches zzz*; status -e dev lists its 11 functions");
    }
}
