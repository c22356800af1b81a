//! The deployer's own function in Lambda: its versions, each with its version of deployer.json, and the alias that says
//! which one runs. The emulator runs no functions, so the harness starts the process as the alias says.

use aws_sdk_lambda::types::{Environment, FunctionCode, Runtime as FunctionRuntime};
use deployer_core::names::{CONFIG_VARIABLE, DEPLOYER_ALIAS};
use fixtures::Zip;
use serde_json::Value;

use super::accounts::{self, DEPLOYER_FUNCTION, DEPLOYER_ROLE, REGION, TOOLING};
use super::{LocalAws, Upload as _};
use fixtures::error::{Doing as _, Result};

const FUNCTION: &str = "deployer";

impl LocalAws {
    /// Publishes deployer.json with this change and a version of the deployer that reads it, and moves the alias, as an
    /// apply of the module tooling does. Returns the version's number.
    ///
    /// # Errors
    /// AWS answers with an error.
    pub async fn publish_deployer(&self, change: impl FnOnce(&mut Value)) -> Result<String> {
        let mut config = self.resources.config.clone();
        change(&mut config);
        let source = accounts::configure(&self.clients, &config).await?;
        self.publish_deployer_reading(&source).await
    }

    /// Publishes a version of the deployer that reads deployer.json there, and moves the alias. Returns the version's
    /// number.
    ///
    /// # Errors
    /// Lambda answers with an error.
    pub async fn publish_deployer_reading(&self, source: &str) -> Result<String> {
        let lambda = self.clients.lambda(TOOLING, REGION);
        let environment = Environment::builder().variables(CONFIG_VARIABLE, source).build();
        let is_new = lambda.get_function().function_name(FUNCTION).send().await.is_err();
        if is_new {
            let code = FunctionCode::builder().zip_file(Zip::code("deployer").bytes()?.into()).build();
            let call = lambda.create_function().function_name(FUNCTION).role(DEPLOYER_ROLE).code(code);
            let call = call.runtime(FunctionRuntime::Providedal2023).handler("bootstrap").environment(environment);
            call.send().await.doing("creating the deployer's function")?;
        } else {
            let call = lambda.update_function_configuration().function_name(FUNCTION).environment(environment);
            call.send().await.doing("configuring the deployer's function")?;
        }
        lambda.get_function().function_name(FUNCTION).send().await.doing("reading the deployer's function")?;
        let published = lambda.publish_version().function_name(FUNCTION).send().await;
        let version = published.doing("publishing the deployer's function")?.version.unwrap_or_default();
        if is_new {
            let call = lambda.create_alias().function_name(FUNCTION).name(DEPLOYER_ALIAS).function_version(&version);
            call.send().await.doing("making the deployer's alias")?;
        } else {
            let call = lambda.update_alias().function_name(FUNCTION).name(DEPLOYER_ALIAS).function_version(&version);
            call.send().await.doing("moving the deployer's alias")?;
        }
        self.run_live_version().await?;
        Ok(version)
    }

    /// Kills the deployer, which starts next as the version that its alias serves.
    ///
    /// # Errors
    /// Lambda answers with an error.
    pub async fn run_live_version(&self) -> Result<()> {
        let source = accounts::source_of_the_live_version(&self.clients).await?;
        self.deployer.set_variable(CONFIG_VARIABLE, &source);
        self.deployer.kill();
        Ok(())
    }

    /// Makes the event source mappings of the deployer's queues: of uploads and of wakes. The harness delivers whether
    /// they are enabled or not.
    ///
    /// # Errors
    /// Lambda answers with an error.
    pub async fn map_queues(&self) -> Result<()> {
        let name = DEPLOYER_FUNCTION.replace("$LATEST", DEPLOYER_ALIAS);
        for queue in ["deployer", "deployer-wakes"] {
            let call = self.clients.lambda(TOOLING, REGION).create_event_source_mapping().function_name(&name);
            let call = call.event_source_arn(format!("arn:aws:sqs:{REGION}:{TOOLING}:{queue}"));
            call.send().await.doing(format!("mapping queue {queue}"))?;
        }
        Ok(())
    }
}
