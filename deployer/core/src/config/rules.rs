//! The rules that `deployer.json` must obey beyond the form of its fields. All broken rules are reported at once, each
//! with its field's path.

use std::collections::BTreeSet;

use super::{Config, Environment, Promotion, WhenFrozen};
use crate::diagnostics::{self, Diagnostic};
use crate::id::{EnvironmentName, FunctionName, Region};
use crate::partition::{PARTITIONS, Partition};

impl Config {
    pub(super) fn diagnostics(&self, own: Option<&Region>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if self.artifact_bucket == self.ledger_bucket {
            found.push(Diagnostic::new(
                "ledger_bucket",
                "must be another bucket than artifact_bucket: CI writes to that one",
            ));
        }
        if self.queue_url.as_ref().is_some_and(|url| !is_url(url)) {
            found.push(Diagnostic::new(
                "queue_url",
                "must be a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/…",
            ));
        }
        if self.wake_queue_url.as_ref().is_some_and(|url| !is_url(url)) {
            found.push(Diagnostic::new(
                "wake_queue_url",
                "must be a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/…",
            ));
        }
        if self.wake_queue_url.is_some() && self.queue_url.is_none() {
            found.push(Diagnostic::new("wake_queue_url", "needs queue_url: that is where uploads arrive"));
        }
        if self.wake_queue_url.is_some() && self.wake_queue_url == self.queue_url {
            found.push(Diagnostic::new("wake_queue_url", "is queue_url: leave it out where both are one queue"));
        }
        if self.event_bus.as_ref().is_some_and(|bus| !is_event_bus(bus)) {
            found.push(Diagnostic::new("event_bus", "must be an event bus's name or ARN"));
        }
        for (name, environment) in &self.environments {
            let path = format!("environments.{name}");
            found.extend(environment.diagnostics(name).into_iter().map(|m| m.prefixed(&path)));
            let approval = environment.approval.iter().flat_map(|a| a.diagnostics(self.own_partition(own)));
            found.extend(approval.map(|m| m.prefixed(&format!("{path}.approval"))));
            let promotion = environment.promotion.iter().flat_map(|p| self.promotion_diagnostics(name, p));
            found.extend(promotion.map(|m| m.prefixed(&path)));
            found.extend(self.waiting_diagnostics(environment).into_iter().map(|m| m.prefixed(&path)));
            found.extend(self.rollout_diagnostics(environment).into_iter().map(|m| m.prefixed(&path)));
        }
        found.extend(self.partition_diagnostics(own));
        found.extend(self.function_name_clashes());
        found
    }

    /// Finds regions of an unknown form, and regions of another partition than the deployer's, in which no role can be
    /// assumed.
    fn partition_diagnostics(&self, own: Option<&Region>) -> Vec<Diagnostic> {
        let targets = || {
            self.environments.iter().flat_map(|(name, environment)| {
                let numbered = environment.targets.iter().enumerate();
                numbered.map(move |(index, target)| {
                    (format!("environments.{name}.targets[{index}].region"), &target.region)
                })
            })
        };
        let of_queue = self.queue_url.as_deref().and_then(region_of_queue);
        let deployer_region = own.or(of_queue.as_ref()).or_else(|| targets().map(|(_, region)| region).next());
        let deployer_region = deployer_region.and_then(|region| Some((region, Partition::of(region)?)));
        let wrong = |(path, region): (String, &Region)| match (Partition::of(region), deployer_region) {
            (None, _) => {
                let known = PARTITIONS.map(|partition| partition.id).join(", ");
                Some(Diagnostic::new(
                    path,
                    format_args!("{region} is in none of AWS's partitions known here ({known})"),
                ))
            }
            (Some(there), Some((deployer_region_code, here))) if there != here => Some(Diagnostic::new(
                path,
                format_args!(
                    "{region} is in the partition {}, and {deployer_region_code} of the deployer in {}: no role can be assumed across \
                     partitions, so {} needs a deployer of its own",
                    there.id, here.id, there.id
                ),
            )),
            _ => None,
        };
        targets().filter_map(wrong).collect()
    }

    /// Returns the deployer's partition, as far as it is known.
    fn own_partition(&self, own: Option<&Region>) -> Option<&'static str> {
        let of_queue = self.queue_url.as_deref().and_then(region_of_queue);
        let targets = self.environments.values().flat_map(|environment| &environment.targets);
        let region = own.or(of_queue.as_ref()).or_else(|| targets.map(|target| &target.region).next())?;
        Partition::of(region).map(|partition| partition.id)
    }

    /// Finds pairs of environments that may mean the same function in Lambda. Different aliases do not separate them,
    /// because a function has one `$LATEST`.
    fn function_name_clashes(&self) -> Vec<Diagnostic> {
        let environments: Vec<_> = self.environments.iter().collect();
        let mut found = Vec::new();
        for (index, (name, environment)) in environments.iter().enumerate() {
            for (other_name, other) in &environments[..index] {
                let Some(shared) = environment.targets.iter().find(|target| other.targets.contains(target)) else {
                    continue;
                };
                let these = (*other_name, &other.function_name);
                let Some(clash) = environment.function_name.clash(name, these) else { continue };
                found.push(Diagnostic::new(
                    format!("environments.{name}.function_name"),
                    format_args!(
                        "{name} and {other_name} may mean one function of {shared}: {clash}. Give each an account of its own, or both \
                         a function_name such as {{environment}}_{{function}}"
                    ),
                ));
            }
        }
        found
    }

    fn promotion_diagnostics(&self, to: &EnvironmentName, promotion: &Promotion) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let all = || self.environments.keys().filter(|name| *name != to).map(EnvironmentName::as_str);
        if promotion.from.count() == 0 {
            found.push(Diagnostic::new("promotion.from", "must name at least one environment"));
        }
        if let Some(name) = promotion.from.duplicate() {
            found.push(Diagnostic::new("promotion.from", format_args!("{name} is there twice")));
        }
        let unknown: Vec<_> = promotion.from.iter().filter(|from| !self.environments.contains_key(*from)).collect();
        for from in &unknown {
            let hint = diagnostics::nearest(from.as_str(), all());
            found.push(Diagnostic::new("promotion.from", format_args!("no environment is called {from}{hint}")));
        }
        if unknown.is_empty()
            && let Some(circle) = self.circle(to)
        {
            found.push(Diagnostic::new("promotion.from", format_args!("promotions must not go in a circle: {circle}")));
        }
        if !promotion.soak.is_zero() && self.queue_url.is_none() {
            let soak = promotion.soak;
            let sentence = format!("a soak of {soak} needs queue_url: without a queue nothing can wait");
            found.push(Diagnostic::new("promotion.soak", sentence));
        }
        found
    }

    /// Finds settings that make promotions wait, in a configuration without a queue.
    fn waiting_diagnostics(&self, environment: &Environment) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let waits = [
            ("approval", environment.approval.is_some()),
            ("freeze", !environment.freeze.is_empty() && environment.when_frozen == WhenFrozen::Wait),
        ];
        for (field, _) in waits.iter().filter(|(_, waits)| *waits && self.queue_url.is_none()) {
            let sentence = match *field {
                "approval" => "needs queue_url: without a queue nothing can wait",
                _ => "needs queue_url, or when_frozen = refuse: without a queue nothing can wait",
            };
            found.push(Diagnostic::new(*field, sentence));
        }
        found
    }

    /// Returns the circle of promotions that starts at this environment. Each circle is reported once, for the first of
    /// its environments by name.
    fn circle(&self, start: &EnvironmentName) -> Option<String> {
        let sources = |name| self.environments.get(name).and_then(|environment| environment.promotion.as_ref());
        let mut paths: Vec<Vec<&EnvironmentName>> = vec![vec![start]];
        // Each environment is visited once: the number of paths between many environments would be too large.
        let mut seen = BTreeSet::new();
        while let Some(path) = paths.pop() {
            for next in sources(*path.last()?).into_iter().flat_map(|promotion| promotion.from.iter()) {
                if next == start {
                    let names = path.iter().chain([&start]).map(|name| name.as_str());
                    return Some(names.collect::<Vec<_>>().join(" from "));
                }
                if next > start && seen.insert(next) {
                    paths.push(path.iter().copied().chain([next]).collect());
                }
            }
        }
        None
    }
}

impl Environment {
    fn diagnostics(&self, name: &EnvironmentName) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if self.targets.is_empty() {
            found.push(Diagnostic::new("targets", "must name at least one account and region"));
        }
        let mut seen = BTreeSet::new();
        for (index, target) in self.targets.iter().enumerate() {
            if !seen.insert(target) {
                found.push(Diagnostic::new(format!("targets[{index}]"), format_args!("{target} is there twice")));
            }
        }
        if self.keep_versions == 0 {
            found.push(Diagnostic::new("keep_versions", "must be at least 1: the live version is one of those kept"));
        }
        if self.traffic_within.is_zero() {
            found.push(Diagnostic::new(
                "traffic_within",
                "must be longer than 0s: Lambda needs time to move the traffic",
            ));
        }
        for (field, is_there) in [("approval", self.approval.is_some()), ("freeze", !self.freeze.is_empty())] {
            if is_there && self.promotion.is_none() {
                found.push(Diagnostic::new(field, "is about promotions, and there is no promotion here"));
            }
        }
        for (index, command) in self.proven.iter().enumerate() {
            if self.proven[..index].contains(command) {
                found.push(Diagnostic::new(format!("proven[{index}]"), format_args!("{command} is there twice")));
            }
        }
        for (index, freeze) in self.freeze.iter().enumerate() {
            found.extend(freeze.diagnostics().into_iter().map(|m| m.prefixed(&format!("freeze[{index}]"))));
        }
        let shortest = FunctionName::parse("f").and_then(|function| self.function_name.name(name, &function));
        if shortest.is_err() {
            found.push(Diagnostic::new(
                "function_name",
                "leaves no room for a function: Lambda allows 64 characters in all",
            ));
        }
        found
    }
}

/// Whether a text is a URL. http is allowed for a local AWS.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty()) && text.chars().all(|c| c.is_ascii_graphic())
}

/// Whether a text is an event bus's name or ARN (EventBridge API Reference, PutEvents, EventBusName).
fn is_event_bus(text: &str) -> bool {
    (1..=1600).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_:".contains(c))
}

/// Returns the region in a queue's URL, `https://sqs.eu-west-1.amazonaws.com/…`; none for a local AWS.
fn region_of_queue(url: &str) -> Option<Region> {
    Region::parse(url.split_once("://sqs.")?.1.split('.').next()?).ok()
}
