//! `infra/examples/two-accounts`, applied to a local AWS.
//!
//! The example is applied unchanged. An override file beside it (Terraform, "Override Files") names the endpoint of
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
    outputs: Value,
}

impl Applied {
    /// Applies the example to the account [`TOOLING`], which is dev's too, and to [`SECOND`], which is prod's. It takes
    /// a minute, most of which the provider waits.
    ///
    /// # Errors
    /// Terraform fails.
    pub fn apply(terraform: &Terraform, endpoint: &str) -> Result<Self> {
        let terraform = terraform.clone().with("AWS_ENDPOINT_URL", endpoint);
        let infra = copy_of_infra()?;
        let mut applied = Self { terraform, infra, outputs: Value::Null };
        let folder = applied.folder();
        // The zip is never run: the harness starts the real deployer beside the emulator.
        let zip = folder.join("deployer.zip");
        std::fs::write(&zip, Zip::function("deployer").build().doing("zipping")?).doing("writing deployer.zip")?;
        write(&folder.join("emulator_override.tf.json"), &overriding())?;
        let accounts = json!({ "tooling": TOOLING, "prod": SECOND });
        write(
            &folder.join("terraform.tfvars.json"),
            &json!({"accounts": accounts, "prefix": "acme", "package": {"path": zip}}),
        )?;
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
        self.infra.path().join("examples/two-accounts")
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        self.terraform.run(&self.folder(), arguments)
    }
}

/// Returns the override file; an access key of twelve digits is that account's root.
fn overriding() -> Value {
    let provider = |alias: &str, account: &str| {
        json!({"alias": alias, "access_key": account, "secret_key": "none", "profile": null, "s3_use_path_style": true,
            "max_retries": 3})
    };
    json!({
        "provider": { "aws": [provider("tooling", TOOLING), provider("prod", SECOND)] },
        "module": { "tooling": { "force_destroy": true } },
    })
}

fn write(path: &Path, value: &Value) -> Result<()> {
    std::fs::write(path, value.to_string()).doing(format!("writing {}", path.display()))
}
