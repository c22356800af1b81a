//! Tests of the examples, and of the steps by which a user installs one outside this repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};
use tempfile::TempDir;

use super::infra;
use super::modules::passed;
use super::states::states;

#[test]
fn target_account_example_makes_the_role_that_the_parameters_tell() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("examples/target-account");
    terraform.run(&folder, &["init", "-backend=false"])?;
    assert_eq!(passed(&terraform, &folder)?, 2);
    Ok(())
}

#[test]
fn examples_beside_the_deployer_take_boundary_path_and_tags() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    for example in ["chat", "scheduled-promotions"] {
        let folder = copy.path().join("examples").join(example);
        terraform.run(&folder, &["init", "-backend=false"])?;
        assert_eq!(passed(&terraform, &folder)?, 4, "{example}");
    }
    Ok(())
}

#[test]
fn stack_set_example_gives_the_template_every_parameter_that_it_needs_and_no_other() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("examples/stack-set");
    terraform.run(&folder, &["init", "-backend=false"])?;
    let said = terraform.run(&folder, &["test", "-json", "-verbose"])?;
    let states = states(&said);
    let given: Vec<BTreeSet<String>> = states
        .iter()
        .flat_map(|(_, state)| state.resources())
        .filter(|resource| resource["type"] == "aws_cloudformation_stack_set")
        .map(|resource| {
            resource["values"]["parameters"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        })
        .collect();
    assert_eq!(given.len(), 2, "dev and prod have a stack set each: {said}");
    let (all, required) = template_parameters()?;
    for given in given {
        assert!(given.is_subset(&all), "target.yaml has no {:?}", given.difference(&all));
        assert!(required.is_subset(&given), "target.yaml needs {:?}", required.difference(&given));
    }
    Ok(())
}

/// The README's second step takes each example out of the clone. Terraform validates the examples themselves in
/// `modules`; a copy differs in the modules' addresses, which `init` fetches, and in the backend.
#[test]
fn every_example_outside_the_clone_takes_its_modules_by_tag() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let home = TempDir::with_prefix("acme-").doing("making a folder")?;
    let copy = copy_of_infra()?;
    let clone = format!(
        "set -e; mkdir -p deployer/artifacts; cd deployer; cp -r '{}' infra; echo zip > artifacts/deployer.zip; \
         git init -q .; git add .; \
         git -c user.name=test -c user.email=test@example.com commit -q -m modules; git tag v1.0.0",
        copy.path().display()
    );
    shell(&clone, home.path())?;
    let readme = fs::read_to_string(infra().join("README.md")).doing("reading infra/README.md")?;
    let step = second_step(&readme)?;
    let address = format!("file://{}/deployer", home.path().display());
    let step = step.replace("https://…/deployer.git", &address).replace("<tag>", "v1.0.0");
    let examples = names(&home.path().join("deployer/infra/examples"))?;
    assert!(examples.len() >= 7, "{examples:?}");
    for example in examples {
        let own = format!("own-{example}");
        shell(
            &format!("set -e\n{}", step.replace("two-accounts", &example).replace("acme-deployer", &own)),
            home.path(),
        )?;
        let own = home.path().join(own);
        terraform.run(&own, &["init", "-backend=false"])?;
        differs_in_addresses_only(&copy.path().join("examples").join(&example), &own)?;
        let modules = fs::read_to_string(own.join(".terraform/modules/modules.json")).doing("reading modules.json")?;
        assert!(modules.contains(&format!("git::{address}//infra/modules/")), "{example}: {modules}");
        assert!(own.join("backend.tf").is_file(), "{example}");
    }
    Ok(())
}

fn differs_in_addresses_only(example: &Path, own: &Path) -> Result<()> {
    for name in names(example)?.iter().filter(|name| name.ends_with(".tf")) {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).doing(format!("reading {name}"));
        let (before, after) = (read(example)?, read(own)?);
        assert_eq!(before.lines().count(), after.lines().count(), "{name}");
        for (before, after) in before.lines().zip(after.lines()) {
            let moved = before.trim().starts_with("source ") && after.trim().starts_with("source ");
            assert!(moved || before == after, "{name}: {before} became {after}");
        }
    }
    Ok(())
}

/// Returns the commands of the README's second step.
fn second_step(readme: &str) -> Result<String> {
    let step = readme.split_once("\n# 2. ").and_then(|(_, rest)| Some(rest.split_once("\n# 3. ")?.0));
    let missing = || Error::Unexpected("infra/README.md has no steps for a copy of an example".to_owned());
    Ok(format!("# {}\n", step.ok_or_else(missing)?))
}

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).doing(format!("reading {}", folder.display()))?;
    entries.map(|entry| Ok(entry.doing("reading a folder")?.file_name().to_string_lossy().into_owned())).collect()
}

fn shell(script: &str, folder: &Path) -> Result<()> {
    let output = Command::new("sh").args(["-c", script]).current_dir(folder).output().doing("running sh")?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::failed(script, String::from_utf8_lossy(&output.stderr))),
    }
}

/// Returns the names of the template's parameters, and of those that have no default.
fn template_parameters() -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let text = fs::read_to_string(infra().join("cloudformation/target.yaml")).doing("reading target.yaml")?;
    let parameters = text.split_once("\nParameters:\n").and_then(|(_, rest)| rest.split_once("\nConditions:\n"));
    let (parameters, _) = parameters.ok_or_else(|| Error::Unexpected("target.yaml has no parameters".to_owned()))?;
    let (mut all, mut required) = (BTreeSet::new(), BTreeSet::new());
    let mut name = "";
    for line in parameters.lines() {
        if let Some(parameter) =
            line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')).filter(|it| !it.starts_with(' '))
        {
            name = parameter;
            all.insert(name.to_owned());
            required.insert(name.to_owned());
        } else if line.starts_with("    Default:") {
            required.remove(name);
        }
    }
    Ok((all, required))
}
