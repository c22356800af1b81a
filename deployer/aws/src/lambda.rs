//! The Lambda API of one target: reads, and writing calls that each carry their precondition.

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types as sdk;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_core::config::Target;
use deployer_core::head::without_shut_token;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::manifest::Architecture;
use deployer_core::observed::{
    FunctionMetadata, MOVED_BY_DEPLOYER, ObservedAlias, ObservedCode, ProvisionedConcurrency, RevisionId,
};
use deployer_core::plan::{CodeSettings, NewFunction};

use super::error::{call_error, unreadable_answer};
use super::failure::Failure;
use super::lambda_fields::{ToLambda as _, WithConfiguration as _};
use super::lambda_read as read;
use deployer_engine::port::{Answer, CallError, CallErrorKind, Code, Functions, PublishedVersions, Qualifier, Write};

/// The Lambda API in one account and region, with the credentials of one deployment.
pub struct LambdaFunctions {
    client: Client,
    target: Target,
    writer: Writer,
}

/// The kind of client that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// A deployer with a ledger; the aliases that it creates say so in their description.
    Deployer,
    /// A person who deploys without a ledger.
    Direct,
}

impl LambdaFunctions {
    pub(super) fn new(client: Client, target: Target, writer: Writer) -> Self {
        Self { client, target, writer }
    }

    fn arn(&self, name: &FunctionName) -> String {
        let Target { account, region } = &self.target;
        format!("arn:{}:lambda:{region}:{account}:function:{name}", region.partition())
    }

    async fn create(&self, name: &FunctionName, new: &NewFunction, code: Code<'_>) -> Result<Answer, CallError> {
        let code = match code {
            Code::Reference(artifact) => sdk::FunctionCode::builder()
                .s3_bucket(artifact.bucket.as_str())
                .s3_key(&artifact.key)
                .s3_object_version(&artifact.version_id),
            Code::Inline(zip) => sdk::FunctionCode::builder().zip_file(Blob::new(zip)),
        };
        let code = code.set_source_kms_key_arn(new.source_key.clone());
        let call = self
            .client
            .create_function()
            .with_configuration(&new.configuration)
            .function_name(name.as_str())
            .role(new.role.as_str())
            .architectures(architecture(new.architecture))
            .set_tenancy_config(new.tenancy.as_ref().and_then(|tenancy| tenancy.to_lambda()))
            .set_tags((!new.tags.is_empty()).then(|| new.tags.clone().into_iter().collect()))
            .publish(true)
            .code(code.build());
        let answer = call.send().await;
        let output = answer.map_err(|error| call_error("CreateFunction", name.as_str(), &error))?;
        published("CreateFunction", name, output.version(), output.code_sha256())
    }

    async fn update_code(
        &self,
        name: &FunctionName,
        code: Code<'_>,
        settings: &CodeSettings,
        revision: &RevisionId,
    ) -> Result<Answer, CallError> {
        let call = self.client.update_function_code().function_name(name.as_str()).publish(true);
        let call = match code {
            Code::Reference(artifact) => {
                call.s3_bucket(artifact.bucket.as_str()).s3_key(&artifact.key).s3_object_version(&artifact.version_id)
            }
            Code::Inline(zip) => call.zip_file(Blob::new(zip)),
        };
        let call = call
            .set_architectures(settings.architecture.map(|to| vec![architecture(to)]))
            .set_source_kms_key_arn(settings.source_key.clone())
            .revision_id(&revision.0);
        let answer = call.send().await;
        let output = answer.map_err(|error| call_error("UpdateFunctionCode", name.as_str(), &error))?;
        published("UpdateFunctionCode", name, output.version(), output.code_sha256())
    }
}

/// The SDK does not retry such a call: the engine must know whether an earlier try may still take effect.
fn sent_once() -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled())
}

/// GetAlias, CreateAlias and UpdateAlias return the same fields in three types.
macro_rules! observed_alias {
    ($operation:expr, $name:expr, $alias:expr, $output:expr) => {
        match read::alias_version($output.function_version(), $output.revision_id()) {
            Ok((version, revision)) => Ok(ObservedAlias {
                name: $alias.clone(),
                version,
                weights: ($output.routing_config().and_then(|r| r.additional_version_weights()))
                    .map(|weights| weights.iter().map(|(version, weight)| (version.clone(), *weight)).collect())
                    .unwrap_or_default(),
                provisioned: None,
                revision,
                moved_by_deployer: without_shut_token($output.description().unwrap_or_default()) == MOVED_BY_DEPLOYER,
                description: $output.description().unwrap_or_default().to_owned(),
            }),
            Err(lacks) => Err(unreadable_answer($operation, $name.as_str(), lacks)),
        }
    };
}

#[async_trait]
impl Functions for LambdaFunctions {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError> {
        let qualifier = match qualifier {
            Qualifier::Latest => None,
            Qualifier::Version(version) => Some(version.to_string()),
            Qualifier::Alias(alias) => Some(alias.to_string()),
        };
        let call = self.client.get_function().function_name(name.as_str()).set_qualifier(qualifier);
        let Some(output) = found("GetFunction", name, call.send().await)? else { return Ok(None) };
        if output.configuration().is_some_and(|seen| seen.package_type() == Some(&sdk::PackageType::Image)) {
            let message = format!(
                "the code of function {name} is a container image, and the deployer deploys zips: package it as one first"
            );
            return Err(CallError { kind: CallErrorKind::Unsupported, message });
        }
        let seen = read::function(output);
        seen.map(Some).map_err(|lacks| unreadable_answer("GetFunction", name.as_str(), lacks))
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError> {
        let answer = self.client.get_alias().function_name(name.as_str()).name(alias.as_str()).send().await;
        let Some(output) = found("GetAlias", name, answer)? else { return Ok(None) };
        observed_alias!("GetAlias", name, alias, output).map(Some)
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError> {
        let call = self.client.get_provisioned_concurrency_config().function_name(name.as_str());
        let answer = call.qualifier(alias.as_str()).send().await;
        Ok(found("GetProvisionedConcurrencyConfig", name, answer)?.map(|output| read::provisioned(&output)))
    }

    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError> {
        let mut pages = self.client.list_versions_by_function().function_name(name.as_str()).into_paginator().send();
        let mut versions = PublishedVersions::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error("ListVersionsByFunction", name.as_str(), &error))?;
            for one in page.versions() {
                versions.numbers.extend(one.version().and_then(read::version));
                versions.is_durable |= one.durable_config().is_some();
            }
        }
        Ok(versions)
    }

    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError> {
        let mut pages = self.client.list_aliases().function_name(name.as_str()).into_paginator().send();
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error("ListAliases", name.as_str(), &error))?;
            for alias in page.aliases() {
                versions.extend(alias.function_version().and_then(read::version));
                let weights = alias.routing_config().and_then(|routing| routing.additional_version_weights());
                versions.extend(weights.into_iter().flat_map(|all| all.keys()).filter_map(|text| read::version(text)));
            }
        }
        Ok(versions)
    }

    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError> {
        let client = &self.client;
        let function = name.as_str();
        match write {
            Write::Create { new, code } => self.create(name, new, code).await,
            Write::UpdateCode { code, settings, revision } => self.update_code(name, code, settings, revision).await,
            Write::UpdateConfiguration { configuration, revision } => {
                let call = client.update_function_configuration().function_name(function).revision_id(&revision.0);
                done("UpdateFunctionConfiguration", name, call.with_configuration(configuration).send().await)
            }
            Write::Publish { sha256, revision } => {
                let call = client
                    .publish_version()
                    .function_name(function)
                    .code_sha256(sha256.to_string())
                    .set_revision_id(revision.map(|r| r.0.clone()));
                let output = call.send().await.map_err(|error| call_error("PublishVersion", function, &error))?;
                let (version, sha256) = read::published(output.version(), output.code_sha256())
                    .map_err(|lacks| unreadable_answer("PublishVersion", function, lacks))?;
                // A new version is Pending at first, so a failed one was published by an earlier attempt.
                let failed_earlier = output.state() == Some(&sdk::State::Failed);
                Ok(Answer::Published { version: Some(version), sha256: Some(sha256), failed_earlier })
            }
            Write::Tag(tags) => {
                let call = client.tag_resource().resource(self.arn(name));
                let call = call.set_tags(Some(tags.clone().into_iter().collect()));
                done("TagResource", name, call.send().await)
            }
            Write::Untag(keys) => {
                let call = client.untag_resource().resource(self.arn(name)).set_tag_keys(Some(keys.to_vec()));
                done("UntagResource", name, call.send().await)
            }
            Write::ReserveConcurrency(n) => {
                let call = client.put_function_concurrency().function_name(function).reserved_concurrent_executions(n);
                done("PutFunctionConcurrency", name, call.send().await)
            }
            Write::FreeConcurrency => {
                let call = client.delete_function_concurrency().function_name(function);
                done("DeleteFunctionConcurrency", name, call.send().await)
            }
            Write::CreateAlias { alias, version } => {
                // Moving the alias later leaves its description unchanged.
                let description = (self.writer == Writer::Deployer).then(|| MOVED_BY_DEPLOYER.to_owned());
                let call = client.create_alias().function_name(function).name(alias.as_str());
                let call = call.set_description(description);
                let call = call.function_version(version.as_str()).customize().config_override(sent_once());
                let output = call.send().await;
                let output = output.map_err(|error| call_error("CreateAlias", function, &error))?;
                observed_alias!("CreateAlias", name, alias, output).map(Answer::Alias)
            }
            Write::MoveAlias { alias, version, revision } => {
                let call = client
                    .update_alias()
                    .function_name(function)
                    .name(alias.as_str())
                    .function_version(version.as_str())
                    // An empty routing configuration ends a traffic shift that somebody has left behind.
                    .routing_config(
                        sdk::AliasRoutingConfiguration::builder()
                            .set_additional_version_weights(Some([].into()))
                            .build(),
                    )
                    .revision_id(&revision.0);
                let call = call.customize().config_override(sent_once());
                let output = call.send().await.map_err(|error| call_error("UpdateAlias", function, &error))?;
                observed_alias!("UpdateAlias", name, alias, output).map(Answer::Alias)
            }
            Write::ShiftAlias { alias, version, to: (new, percent), revision } => {
                let weights = [(new.to_string(), f64::from(percent) / 100.0)].into();
                let routing = sdk::AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights));
                let call = client
                    .update_alias()
                    .function_name(function)
                    .name(alias.as_str())
                    .function_version(version.as_str())
                    .routing_config(routing.build())
                    .revision_id(&revision.0);
                let call = call.customize().config_override(sent_once());
                let output = call.send().await.map_err(|error| call_error("UpdateAlias", function, &error))?;
                observed_alias!("UpdateAlias", name, alias, output).map(Answer::Alias)
            }
            Write::RewriteAlias { alias, description } => {
                let call = client.update_alias().function_name(function).name(alias.name.as_str());
                let weights = alias.weights.iter().map(|(version, part)| (version.clone(), *part)).collect();
                let routing = sdk::AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights));
                let call = call
                    .function_version(alias.version.as_ref().map_or("$LATEST", Version::as_str))
                    .routing_config(routing.build())
                    .description(description)
                    .revision_id(&alias.revision.0);
                let call = call.customize().config_override(sent_once());
                let output = call.send().await.map_err(|error| call_error("UpdateAlias", function, &error))?;
                observed_alias!("UpdateAlias", name, &alias.name, output).map(Answer::Alias)
            }
            // The qualifier is always set: without one Lambda would delete the whole function.
            Write::DeleteVersion(version) => {
                let call = client.delete_function().function_name(function).qualifier(version.as_str());
                done("DeleteFunction", name, call.send().await)
            }
        }
    }
}

fn architecture(architecture: Architecture) -> sdk::Architecture {
    architecture.as_str().into()
}

fn published(
    operation: &str,
    name: &FunctionName,
    version: Option<&str>,
    sha256: Option<&str>,
) -> Result<Answer, CallError> {
    let (version, sha256) =
        read::published(version, sha256).map_err(|lacks| unreadable_answer(operation, name.as_str(), lacks))?;
    Ok(Answer::Published { version: Some(version), sha256: Some(sha256), failed_earlier: false })
}

fn done<T, E>(
    operation: &str,
    name: &FunctionName,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Answer, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    answer.map(|_| Answer::Done).map_err(|error| call_error(operation, name.as_str(), &error))
}

/// Lambda returns these codes when the requested thing does not exist.
const ABSENT: [&str; 2] = ["ResourceNotFoundException", "ProvisionedConcurrencyConfigNotFoundException"];

/// Returns the output of a read; a function, version or alias that does not exist is `None`, not an error.
fn found<T, E>(
    operation: &str,
    name: &FunctionName,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(output) => Ok(Some(output)),
        Err(error) if ABSENT.contains(&Failure::of(&error).code.as_str()) => Ok(None),
        Err(error) => {
            let error = call_error(operation, name.as_str(), &error);
            // A read changes nothing, so no failure of it is a conflict.
            let kind = match error.kind {
                CallErrorKind::Conflict | CallErrorKind::RefusedForNow => CallErrorKind::Unknown,
                kind => kind,
            };
            Err(CallError { kind, ..error })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;
    use deployer_core::id::{AccountId, Region};
    use deployer_core::manifest::{TenancyConfig, TenantIsolationMode};

    use super::super::stub_http::{Answer as StubConnector, ok, stub_config, without};
    use super::*;

    const FUNCTION: &str = r#"{"FunctionName": "orders", "Version": "$LATEST", "State": "Active",
        "LastUpdateStatus": "Successful", "RevisionId": "r1", "CodeSha256":
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}"#;
    const VERSION: &str = r#"{"FunctionName": "orders", "Version": "7", "State": "Pending", "RevisionId": "r2",
        "CodeSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}"#;
    const ALIAS: &str = r#"{"Name": "live", "FunctionVersion": "7", "RevisionId": "r3"}"#;

    fn lambda(answers: impl IntoIterator<Item = StubConnector>) -> LambdaFunctions {
        let target =
            Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse("eu-west-1").unwrap() };
        LambdaFunctions::new(Client::new(&stub_config(answers)), target, Writer::Deployer)
    }

    fn orders() -> FunctionName {
        FunctionName::parse("orders").unwrap()
    }

    fn leak(text: String) -> &'static str {
        text.leak()
    }

    fn garbled(whole: &str, fields: &[&str]) -> Vec<&'static str> {
        let mut all = vec!["<html>moved</html>", "{\"Version\": \"7", "", "[]"];
        all.extend(fields.iter().map(|field| leak(without(whole, field))));
        all
    }

    #[tokio::test]
    async fn unreadable_get_function_answer_has_unknown_outcome() {
        let whole = leak(format!("{{\"Configuration\": {FUNCTION}}}"));
        assert!(lambda([ok(whole)]).function(&orders(), Qualifier::Latest).await.unwrap().is_some());
        let mut bodies = garbled("{}", &[]);
        for field in ["Version", "RevisionId", "CodeSha256"] {
            bodies.push(leak(format!("{{\"Configuration\": {}}}", without(FUNCTION, field))));
        }
        bodies.push("{}");
        for body in bodies {
            let found = lambda([ok(body)]).function(&orders(), Qualifier::Latest).await;
            assert_eq!(found.map(drop).unwrap_err().kind, CallErrorKind::Unknown, "{body}");
        }
    }

    #[tokio::test]
    async fn unreadable_get_alias_answer_has_unknown_outcome() {
        let alias = AliasName::parse("live").unwrap();
        assert!(lambda([ok(ALIAS)]).alias(&orders(), &alias).await.unwrap().is_some());
        for body in garbled(ALIAS, &["FunctionVersion", "RevisionId"]) {
            let found = lambda([ok(body)]).alias(&orders(), &alias).await;
            assert_eq!(found.map(drop).unwrap_err().kind, CallErrorKind::Unknown, "{body}");
        }
    }

    #[tokio::test]
    async fn unreadable_answer_to_a_write_has_unknown_outcome() {
        let (revision, alias) = (RevisionId("r1".into()), AliasName::parse("live").unwrap());
        let version = Version::parse("7").unwrap();
        let code = Code::Inline(bytes::Bytes::from_static(b"zip"));
        let sha256 = deployer_core::id::Sha256::of(b"");
        let settings = CodeSettings::default();
        let update = Write::UpdateCode { code, settings: &settings, revision: &revision };
        let publish = Write::Publish { sha256, revision: None };
        let point = Write::MoveAlias { alias: &alias, version: &version, revision: &revision };
        let writes = [
            (update, VERSION, ["Version", "CodeSha256"]),
            (publish, VERSION, ["Version", "CodeSha256"]),
            (point, ALIAS, ["FunctionVersion", "RevisionId"]),
        ];
        for (write, whole, fields) in writes {
            assert!(lambda([ok(leak(whole.to_owned()))]).write(&orders(), write.clone()).await.is_ok());
            for body in garbled(whole, &fields) {
                let answer = lambda([ok(body)]).write(&orders(), write.clone()).await;
                assert_eq!(answer.map(drop).unwrap_err().kind, CallErrorKind::Unknown, "{write:?} {body}");
            }
        }
    }

    /// A connector that keeps the bodies of all calls and answers each with a version.
    #[derive(Debug, Clone, Default)]
    struct Bodies(std::sync::Arc<std::sync::Mutex<Vec<serde_json::Value>>>);

    impl HttpConnector for Bodies {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.0.lock().unwrap().push(serde_json::from_slice(request.body().bytes().unwrap()).unwrap());
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(VERSION))))
        }
    }

    /// Sends this write and returns the body of the request.
    async fn body(write: Write<'_>) -> serde_json::Value {
        let bodies = Bodies::default();
        let connector = SharedHttpConnector::new(bodies.clone());
        let sdk = stub_config([]).into_builder().http_client(http_client_fn(move |_, _| connector.clone())).build();
        let lambda = LambdaFunctions { client: Client::new(&sdk), ..lambda([]) };
        let _answer = lambda.write(&orders(), write).await;
        bodies.0.lock().unwrap().remove(0)
    }

    #[tokio::test]
    async fn alias_that_is_shared_names_both_versions_and_its_revision() {
        let (revision, alias) = (RevisionId("r1".into()), AliasName::parse("live").unwrap());
        let [old, new] = ["6", "7"].map(|number| Version::parse(number).unwrap());
        let to = (&new, 10);
        let sent = body(Write::ShiftAlias { alias: &alias, version: &old, to, revision: &revision }).await;
        let weights = serde_json::json!({ "AdditionalVersionWeights": { "7": 0.1 } });
        assert_eq!((&sent["FunctionVersion"], &sent["RoutingConfig"]), (&"6".into(), &weights));
        assert_eq!(sent["RevisionId"], "r1");
    }

    #[tokio::test]
    async fn kms_key_goes_with_code_and_tenancy_with_creation_only() {
        let (key, revision) = ("arn:aws:kms:eu-west-1:111111111111:key/1", RevisionId("r1".into()));
        let code = || Code::Inline(bytes::Bytes::from_static(b"zip"));
        let settings = CodeSettings { architecture: None, source_key: Some(key.into()) };
        let sent = body(Write::UpdateCode { code: code(), settings: &settings, revision: &revision }).await;
        assert_eq!((&sent["SourceKMSKeyArn"], &sent["Publish"]), (&key.into(), &true.into()));
        let settings = CodeSettings::default();
        let sent = body(Write::UpdateCode { code: code(), settings: &settings, revision: &revision }).await;
        assert_eq!(sent.get("SourceKMSKeyArn"), None);
        let new = NewFunction {
            role: deployer_core::id::RoleArn::parse("arn:aws:iam::111111111111:role/orders").unwrap(),
            architecture: Architecture::X86_64,
            configuration: deployer_core::plan::Configuration::default(),
            tags: [].into(),
            source_key: Some(key.into()),
            tenancy: Some(TenancyConfig { tenant_isolation_mode: TenantIsolationMode::PerTenant }),
        };
        let sent = body(Write::Create { new: &new, code: code() }).await;
        assert_eq!(sent["Code"]["SourceKMSKeyArn"], key);
        assert_eq!(sent["TenancyConfig"]["TenantIsolationMode"], "PER_TENANT");
    }

    #[tokio::test]
    async fn newer_fields_read_by_get_function_are_sent_back_unchanged() {
        let whole = r#"{"Code": {"SourceKMSKeyArn": "arn:aws:kms:eu-west-1:111111111111:key/1"}, "Configuration": {
            "Version": "$LATEST", "RevisionId": "r1", "CodeSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7},
            "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
            "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {
                "CapacityProviderArn": "arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a",
                "ExecutionEnvironmentMemoryGiBPerVCpu": 2.5, "PerExecutionEnvironmentMaxConcurrency": 10}},
            "FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/a", "S3FilesConfig": {"DirectS3Read": "DISABLED"}}]}}"#;
        let (seen, _) = lambda([ok(whole)]).function(&orders(), Qualifier::Latest).await.unwrap().unwrap();
        let settings = seen.settings;
        assert_eq!(settings.source_kms_key_arn.as_deref(), Some("arn:aws:kms:eu-west-1:111111111111:key/1"));
        assert!(settings.tenancy_config.is_some());
        let configuration = deployer_core::plan::Configuration {
            durable_config: settings.durable_config,
            capacity_provider_config: settings.capacity_provider_config,
            file_system_config: Some(settings.file_system_config),
            ..Default::default()
        };
        let revision = RevisionId("r1".into());
        let sent = body(Write::UpdateConfiguration { configuration: &configuration, revision: &revision }).await;
        let sent_back: serde_json::Value = serde_json::from_str(whole).unwrap();
        for field in ["DurableConfig", "CapacityProviderConfig", "FileSystemConfigs"] {
            assert_eq!(sent[field], sent_back["Configuration"][field]);
        }
    }
}
