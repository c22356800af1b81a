//! Functions of the lab.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, LastUpdateStatus, Runtime, State};
use fixtures::error::{Error, Result};
use serde_json::Value;

use super::{Lab, SETTLES_WITHIN, TOOL, code};
use crate::outcome::{Answered as _, Refusal};
use crate::polling::{SPREADS_WITHIN, until};

/// A function that a question has for itself.
#[derive(Debug)]
pub struct Function<'a> {
    lab: &'a Lab,
    /// Its name.
    pub name: String,
    /// Its ARN, unqualified.
    pub arn: String,
}

impl Lab {
    /// Makes a function that answers under which ARN and version it was called.
    ///
    /// # Errors
    /// Lambda refuses it.
    pub async fn function(&self, what: &str) -> Result<Function<'_>> {
        self.function_with(what, code("1")?, &self.execution_role()).await
    }

    /// Makes a function of this code under this role, and waits until it is Active. A new role is unknown to Lambda for
    /// a while.
    ///
    /// # Errors
    /// Lambda refuses it.
    pub async fn function_with(&self, what: &str, zip: Vec<u8>, role: &str) -> Result<Function<'_>> {
        let made = self.try_function_with(what, zip, role).await?;
        made.map_err(|refusal| {
            Error::failed(format!("making the function {} (lambda:CreateFunction)", self.names.of(what)), refusal)
        })
    }

    /// Makes such a function, or returns Lambda's refusal.
    ///
    /// # Errors
    /// Lambda gave no answer that lasts.
    pub async fn try_function_with(
        &self,
        what: &str,
        zip: Vec<u8>,
        role: &str,
    ) -> Result<Result<Function<'_>, Refusal>> {
        let name = self.names.of(what);
        let doing = format!("making the function {name} (lambda:CreateFunction)");
        let made = until(&doing, SPREADS_WITHIN, async || {
            let call = self.aws.lambda.create_function().function_name(&name).role(role).runtime(Runtime::Python313);
            let call = call.handler("index.handler").description("Made by live-check, which removes it");
            // The AWS SDK for Python, which some questions use, takes long to load with less memory.
            let call = call.memory_size(512).timeout(30);
            let call = call.code(FunctionCode::builder().zip_file(Blob::new(zip.clone())).build());
            match call.tags(TOOL, self.names.id()).send().await.answered(&doing)? {
                Err(refusal) if refusal.message.contains("cannot be assumed by Lambda") => Ok(None),
                made => Ok(Some(made.map(drop))),
            }
        });
        if let Err(refusal) = made.await? {
            return Ok(Err(refusal));
        }
        let function = Function { lab: self, arn: self.function_arn(what), name };
        function.settled().await?;
        Ok(Ok(function))
    }
}

impl Function<'_> {
    /// Waits until no update of `$LATEST` is under way.
    ///
    /// # Errors
    /// Lambda refuses the read, or the update fails.
    pub async fn settled(&self) -> Result<()> {
        let doing = format!("waiting for {}", self.name);
        until(&doing, SETTLES_WITHIN, async || {
            let found = self.latest(&doing).await?;
            match (found.state, found.last_update_status) {
                (Some(State::Failed), _) | (_, Some(LastUpdateStatus::Failed)) => {
                    Err(Error::failed(&doing, format!("it failed: {:?}", found.state_reason)))
                }
                (Some(State::Pending), _) | (_, Some(LastUpdateStatus::InProgress)) => Ok(None),
                _ => Ok(Some(())),
            }
        })
        .await
    }

    /// Returns the RevisionId of `$LATEST`, once it is settled.
    ///
    /// # Errors
    /// Lambda refuses the read.
    pub async fn revision(&self) -> Result<String> {
        self.settled().await?;
        Ok(self.latest("reading a function").await?.revision_id.unwrap_or_default())
    }

    /// Sends other code and waits until it is there.
    ///
    /// # Errors
    /// Lambda refuses it.
    pub async fn update(&self, content: &str) -> Result<()> {
        let zip = Blob::new(code(content)?);
        let call = self.lab.aws.lambda.update_function_code().function_name(&self.name).zip_file(zip);
        call.send().await.done(&format!("updating {} (lambda:UpdateFunctionCode)", self.name))?;
        self.settled().await
    }

    /// Publishes a version and waits until it can be invoked.
    ///
    /// # Errors
    /// Lambda refuses it.
    pub async fn publish(&self) -> Result<String> {
        let doing = format!("publishing {} (lambda:PublishVersion)", self.name);
        let published = self.lab.aws.lambda.publish_version().function_name(&self.name).send().await.done(&doing)?;
        let version = published.version.unwrap_or_default();
        until(&doing, SETTLES_WITHIN, async || {
            let call = self.lab.aws.lambda.get_function_configuration().function_name(&self.name).qualifier(&version);
            let found = call.send().await.done(&doing)?;
            Ok((found.state != Some(State::Pending)).then_some(()))
        })
        .await?;
        Ok(version)
    }

    /// Publishes two versions of different code.
    ///
    /// # Errors
    /// Lambda refuses it.
    pub async fn two_versions(&self) -> Result<(String, String)> {
        let first = self.publish().await?;
        self.update("2").await?;
        Ok((first, self.publish().await?))
    }

    /// Makes an alias.
    ///
    /// # Errors
    /// Lambda refuses it.
    pub async fn alias(&self, alias: &str, version: &str) -> Result<()> {
        let call = self.lab.aws.lambda.create_alias().function_name(&self.name).name(alias).function_version(version);
        call.send().await.done(&format!("making an alias of {} (lambda:CreateAlias)", self.name)).map(drop)
    }

    /// Invokes the function, or the version or alias of the qualifier; returns its answer and the ExecutedVersion of
    /// the call.
    ///
    /// # Errors
    /// Lambda refuses it, or the function fails.
    pub async fn invoke(&self, qualifier: Option<&str>) -> Result<(Value, Option<String>)> {
        let doing = format!("invoking {} (lambda:InvokeFunction)", self.name);
        let call = self.lab.aws.lambda.invoke().function_name(&self.name);
        let answer = call.set_qualifier(qualifier.map(str::to_owned)).send().await.done(&doing)?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if let Some(error) = answer.function_error {
            return Err(Error::failed(doing, format!("{error}: {}", String::from_utf8_lossy(&payload))));
        }
        Ok((serde_json::from_slice(&payload).unwrap_or_default(), answer.executed_version))
    }

    async fn latest(
        &self,
        doing: &str,
    ) -> Result<aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput> {
        self.lab.aws.lambda.get_function_configuration().function_name(&self.name).send().await.done(doing)
    }
}
