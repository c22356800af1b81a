//! Checks the policies that Terraform renders: which requests they allow and deny, and that every statement matters.
//!
//! [`rows`] is the decision matrix of allowed and denied requests. [`mutants`] weakens each statement in turn, and a
//! row of the matrix must fail. The crate `iam-rs` evaluates one policy, [`decide`] combines them. Both are a reading
//! of IAM User Guide, "Policy evaluation logic", not AWS itself.

mod decide;
mod mutants;
mod rows;
mod sessions;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

pub use decide::{AccessDecision, AccessRequest, Caller, PolicyRef};
pub use mutants::{Mutant, mutants, noticed_by};
pub use rows::{Row, rows};
pub use sessions::session_actions;

use crate::{Doing as _, Result};

/// Policies by name: `<instance>/<policy>` of the contract's example (`infra/contract`), and `session/<what>`.
#[derive(Debug, Clone)]
pub struct Policies(BTreeMap<String, Value>);

impl Policies {
    /// Reads the policies that Terraform renders for the contract's example, and adds the deployer's session policies.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn from_contract() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/contract/policies");
        let mut policies = sessions::policies();
        for instance in std::fs::read_dir(&folder).doing(format!("reading {}", folder.display()))? {
            let instance = instance.doing("reading the rendered policies")?;
            for file in std::fs::read_dir(instance.path()).doing("reading the rendered policies")? {
                let path = file.doing("reading the rendered policies")?.path();
                let text = std::fs::read_to_string(&path).doing(format!("reading {}", path.display()))?;
                let policy = serde_json::from_str(&text).doing(format!("reading {}", path.display()))?;
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                policies.insert(format!("{}/{stem}", instance.file_name().to_string_lossy()), policy);
            }
        }
        Ok(Self(policies))
    }

    /// Returns the policies' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the policy of this name, or one that allows nothing if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_else(|| json!({"Version": "2012-10-17", "Statement": []}))
    }

    /// Returns these policies with one replaced.
    #[must_use]
    pub fn with(&self, name: &str, policy: Value) -> Self {
        let mut changed = self.clone();
        changed.0.insert(name.to_owned(), policy);
        changed
    }

    /// Returns every statement with the name of its policy.
    pub fn statements(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|(name, policy)| {
            policy["Statement"].as_array().into_iter().flatten().map(move |statement| (name.as_str(), statement))
        })
    }
}

/// Returns the texts of an element that may hold one or several.
fn listed(element: &Value) -> Vec<String> {
    match element {
        Value::Array(several) => several.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}
