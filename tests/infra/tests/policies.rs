//! Compares the policies that Terraform renders with those that are checked in for review and for tests without
//! Terraform.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};
use serde_json::Value;

use super::infra;
use super::states::states;

/// The variable that rewrites the checked-in policies if it is `1`.
const UPDATE: &str = "UPDATE_POLICIES";

/// Policies by instance of a module and by name.
pub type Policies = BTreeMap<String, BTreeMap<String, Value>>;

#[test]
fn checked_in_policies_are_those_from_contract() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let rendered = texts(&rendered(&terraform, "contract")?)?;
    if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
        write(&rendered)?;
    }
    let kept = texts(&checked_in()?)?;
    let mut names: Vec<_> = rendered.keys().chain(kept.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| rendered.get(*name) != kept.get(*name));
    let Some(first) = names.first() else { return Ok(()) };
    panic!(
        "infra/contract makes other policies than those in infra/contract/policies: {names:?} differ. Write them with \
         {UPDATE}=1 cargo test -p infra, and read what has changed. The first, as it is made:\n{}",
        rendered.get(*first).map_or("(none)", String::as_str)
    );
}

/// Renders the policies of a folder of `infra/`, which are its output `policies`.
///
/// # Errors
/// Terraform fails; the error has its output.
pub fn rendered(terraform: &Terraform, folder: &str) -> Result<Policies> {
    let copy = copy_of_infra()?;
    let folder = copy.path().join(folder);
    terraform.run(&folder, &["init", "-backend=false"])?;
    let said = terraform.run(&folder, &["test", "-json", "-verbose"])?;
    let told = states(&said).iter().find_map(|(_, state)| state.output("policies").cloned());
    let told = told.ok_or_else(|| Error::Unexpected(format!("no output policies in: {said}")))?;
    let told: BTreeMap<String, BTreeMap<String, Option<String>>> =
        serde_json::from_value(told).doing("reading the output policies")?;
    let parsed = |(name, text): (String, Option<String>)| {
        text.map(|text| Ok((name, serde_json::from_str(&text).doing("reading a policy")?)))
    };
    told.into_iter()
        .map(|(instance, policies)| Ok((instance, policies.into_iter().filter_map(parsed).collect::<Result<_>>()?)))
        .collect()
}

/// Reads the policies in `infra/contract/policies`.
///
/// # Errors
/// They cannot be read.
pub fn checked_in() -> Result<Policies> {
    let mut policies = Policies::new();
    for folder in entries(&home())? {
        let read = |file: &PathBuf| {
            let text = fs::read_to_string(file).doing(format!("reading {}", file.display()))?;
            Ok((stem(file), serde_json::from_str(&text).doing(format!("reading {}", file.display()))?))
        };
        policies.insert(stem(&folder), entries(&folder)?.iter().map(read).collect::<Result<_>>()?);
    }
    Ok(policies)
}

fn home() -> PathBuf {
    infra().join("contract/policies")
}

/// Returns the files' contents by their paths.
fn texts(policies: &Policies) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (instance, policies) in policies {
        for (name, policy) in policies {
            let text = serde_json::to_string_pretty(policy).doing("writing JSON")?;
            texts.insert(format!("{instance}/{name}.json"), format!("{text}\n"));
        }
    }
    Ok(texts)
}

/// Writes the files and deletes all others.
fn write(texts: &BTreeMap<String, String>) -> Result<()> {
    let home = home();
    if home.exists() {
        fs::remove_dir_all(&home).doing(format!("deleting {}", home.display()))?;
    }
    for (name, text) in texts {
        let file = home.join(name);
        let write = || {
            fs::create_dir_all(file.parent().unwrap_or(&home))?;
            fs::write(&file, text)
        };
        write().doing(format!("writing {}", file.display()))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    read().doing(format!("reading {}", folder.display()))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
