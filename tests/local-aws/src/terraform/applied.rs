//! An example of `infra/examples`, applied to a local AWS.
//!
//! Each example is applied unchanged. An override file beside it (Terraform, "Override Files") names the endpoint of
//! AWS, and allows to destroy buckets with their objects.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Terraform, copy_of_infra};
use crate::{Doing as _, Error, Result, SECOND, TOOLING};
use fixtures::Zip;

/// An applied example. Its resources disappear with the emulator; [`Applied::destroy`] shows that Terraform can destroy
/// them.
#[derive(Debug)]
pub struct Applied {
    terraform: Terraform,
    infra: TempDir,
    example: &'static str,
    outputs: Value,
}

/// The account whose root a provider of an example calls as. `alias` is `None` for the provider without one.
pub type Caller = (Option<&'static str>, &'static str);

impl Applied {
    /// Applies `two-accounts` to the account [`TOOLING`], which is dev's too, and to [`SECOND`], which is prod's. It takes
    /// a minute, most of which the provider waits.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn apply(terraform: &Terraform, endpoint: &str) -> Result<Self> {
        let variables = json!({"accounts": { "tooling": TOOLING, "prod": SECOND }, "prefix": "acme"});
        let mut overriding = with_callers(&[(Some("tooling"), TOOLING), (Some("prod"), SECOND)]);
        overriding["module"] = json!({ "tooling": { "force_destroy": true } });
        Self::example("two-accounts", (terraform, endpoint), &variables, &overriding)
    }

    /// Applies an example with these variables and this override file ([`with_callers`]). An example that makes a
    /// deployer gets a zip as its package: the variable `package` must be declared if `prefix` is given.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn example(
        example: &'static str,
        (terraform, endpoint): (&Terraform, &str),
        variables: &Value,
        overriding: &Value,
    ) -> Result<Self> {
        let terraform = terraform.clone().with("AWS_ENDPOINT_URL", endpoint);
        let mut applied = Self { terraform, infra: copy_of_infra()?, example, outputs: Value::Null };
        let folder = applied.folder();
        let mut variables = variables.clone();
        if !variables["prefix"].is_null() {
            // The zip is never run: the harness starts the real deployer beside the emulator.
            let zip = folder.join("deployer.zip");
            std::fs::write(&zip, Zip::function("deployer").build().doing("zipping")?).doing("writing deployer.zip")?;
            variables["package"] = json!({ "path": zip });
        }
        write(&folder.join("emulator_override.tf.json"), overriding)?;
        write(&folder.join("terraform.tfvars.json"), &variables)?;
        applied.run(&["init", "-backend=false"])?;
        applied.run(&["apply", "-auto-approve", "-parallelism=30"])?;
        applied.outputs = serde_json::from_str(&applied.run(&["output", "-json"])?).doing("reading the outputs")?;
        Ok(applied)
    }

    /// Returns an output of the example.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn output(&self, name: &str) -> Result<&str> {
        let value = self.outputs[name]["value"].as_str();
        value.ok_or_else(|| Error::Unexpected(format!("the example has no output {name}")))
    }

    /// Returns the number of resources.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn resources(&self) -> Result<usize> {
        Ok(self.run(&["state", "list"])?.lines().filter(|line| !line.contains("data.")).count())
    }

    /// Removes deployer.zip, as on a machine that has no build of the deployer.
    ///
    /// # Errors
    /// A file operation fails.
    pub fn without_package(&self) -> Result<()> {
        std::fs::remove_file(self.folder().join("deployer.zip")).doing("removing deployer.zip")
    }

    /// Applies the example once more, to resources as they were read last.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn apply_again(&self) -> Result<()> {
        self.run(&["apply", "-auto-approve", "-refresh=false"]).map(drop)
    }

    /// Returns Terraform's plan of another apply after reading all resources; `None` if it would change nothing.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn drift(&self) -> Result<Option<String>> {
        let output = self.run(&["plan", "-parallelism=30"])?;
        Ok((!output.contains("No changes.")).then_some(output))
    }

    /// Returns Terraform's plan of another apply to resources as they were read last.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn planned(&self) -> Result<String> {
        self.run(&["plan", "-refresh=false"])
    }

    /// Destroys all resources and returns their number.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn destroy(&self) -> Result<usize> {
        let output = self.run(&["destroy", "-auto-approve", "-parallelism=30"])?;
        let (_, rest) = output.split_once("Destroy complete! Resources: ").unwrap_or_default();
        let number = rest.split(' ').next().and_then(|number| number.parse().ok());
        number.ok_or_else(|| Error::Unexpected(format!("Terraform destroyed nothing:\n{output}")))
    }

    fn folder(&self) -> PathBuf {
        self.infra.path().join("examples").join(self.example)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        self.terraform.run(&self.folder(), arguments)
    }
}

/// Returns an override file whose providers call as the roots of these accounts: an access key of twelve digits is that
/// account's root.
#[must_use]
pub fn with_callers(callers: &[Caller]) -> Value {
    let provider = |(alias, account): &Caller| {
        let mut provider =
            json!({"access_key": account, "secret_key": "none", "s3_use_path_style": true, "max_retries": 3});
        if let Some(alias) = alias {
            provider["alias"] = json!(alias);
        }
        provider
    };
    json!({ "provider": { "aws": callers.iter().map(provider).collect::<Vec<_>>() } })
}

fn write(path: &Path, value: &Value) -> Result<()> {
    std::fs::write(path, value.to_string()).doing(format!("writing {}", path.display()))
}
