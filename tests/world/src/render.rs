//! The world as text: short, for a comparison with what a test expects, and whole, to prove that nothing changed.

use std::fmt::Write as _;

use deployer_core::observed::Variables;
use deployer_core::record::{DeploymentRecord, TargetOutcome};

use super::artifacts::Artifacts;
use super::function::{Build, Function, State as Condition};
use super::{State, World};

impl World {
    /// Returns the functions with their versions (by release) and aliases, then the deployments and their ends.
    #[must_use]
    pub fn render(&self) -> String {
        self.aws(|aws| {
            let mut text = String::new();
            for (target, lambda) in &aws.lambdas {
                for (name, function) in &lambda.functions {
                    writeln!(text, "{target} {name}: {}", describe(&aws.artifacts, function)).unwrap();
                }
            }
            for key in aws.ledger.keys("deployments/") {
                deployment(aws, key, &mut text);
            }
            text
        })
    }

    /// Returns everything that exists, revisions and ETags included: two snapshots differ if anything was written.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let mut text = self.render();
        self.aws(|aws| {
            for (target, lambda) in &aws.lambdas {
                writeln!(text, "{target} {:#?}", lambda.functions).unwrap();
                for build in
                    lambda.functions.values().flat_map(|f| std::iter::once(&f.latest).chain(f.versions.values()))
                {
                    if let Variables::Known(all) = &build.settings.variables {
                        all.iter().for_each(|(name, value)| writeln!(text, "{name}={}", value.expose()).unwrap());
                    }
                }
            }
            for (key, body, etag) in aws.ledger.all() {
                writeln!(text, "{key} e{etag}\n{}", String::from_utf8_lossy(body)).unwrap();
            }
        });
        text
    }
}

fn describe(artifacts: &Artifacts, function: &Function) -> String {
    let mut parts = vec![format!("$LATEST {}", build(artifacts, &function.latest))];
    parts.extend(function.versions.iter().map(|(number, version)| format!("{number} = {}", build(artifacts, version))));
    for (name, alias) in &function.aliases {
        let number = |version: u64| if version == 0 { "$LATEST".to_owned() } else { version.to_string() };
        let weights = alias.weights.iter().map(|(version, part)| format!(" ({}% → {version})", part * 100.0));
        parts.push(format!("{name} → {}{}", number(alias.version), weights.collect::<String>()));
    }
    parts.extend(function.tags.iter().map(|(key, value)| format!("tag {key}={value}")));
    parts.extend(function.reserved.map(|n| format!("reserved {n}")));
    parts.join(", ")
}

fn build(artifacts: &Artifacts, build: &Build) -> String {
    let state = match &build.state {
        Condition::Ready if build.last_update_failed.is_some() => " (last update failed)",
        Condition::Ready => "",
        Condition::Updating(_) => " (updating)",
        Condition::Pending(_) => " (pending)",
        Condition::Failed(_) => " (failed)",
        Condition::Named(_) => " (not active)",
    };
    format!("{}{state}", artifacts.label(build.sha256))
}

fn deployment(aws: &State, key: &str, text: &mut String) {
    let body = aws.ledger.get(key).unwrap();
    let Ok(record) = serde_json::from_slice::<DeploymentRecord>(body) else {
        writeln!(text, "{key}: unreadable").unwrap();
        return;
    };
    let release = record.release.as_ref().map_or("?", |release| release.as_str());
    let code = record.code.map_or(String::new(), |code| format!(", {code:?}"));
    let version = record.artifact.as_ref().map_or("", |artifact| &artifact.version_id);
    let result = format!("results/{}/{}/{release}/{version}.json", record.environment, record.function);
    let result = match aws.ledger.get(&result) {
        Some(result) if result == body => "",
        Some(_) => ", but its result differs",
        None => ", no result",
    };
    writeln!(text, "{}/{}/{release}: {}{code}{result}", record.environment, record.function, record.status).unwrap();
    record.targets.iter().for_each(|target| writeln!(text, "  {}", outcome(target)).unwrap());
}

fn outcome(target: &TargetOutcome) -> String {
    let TargetOutcome { account, region, status, version, previous, error, .. } = target;
    let mut text = format!("{account}/{region}: {status}");
    if let Some(error) = error {
        write!(text, ", {:?} in {}", error.code, error.step).unwrap();
    }
    if let Some(version) = version {
        write!(text, ", version {version}").unwrap();
    }
    if let Some(previous) = previous {
        write!(text, ", was {}", previous.version).unwrap();
    }
    text
}
