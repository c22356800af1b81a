//! Makes functions as other tools do, by the same calls in the same order.
//!
//! Those tools are not run: their calls are taken from their documentation and sources (`docs/adopting.md`).

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::types::{
    AliasRoutingConfiguration, Cors, DeadLetterConfig, DestinationConfig, Environment, EphemeralStorage, FunctionCode,
    FunctionUrlAuthType, LayerVersionContentInput, OnFailure, TracingConfig, TracingMode, VpcConfig,
};
use fixtures::Zip;
use local_aws::{Doing as _, EXECUTION_ROLE, FIRST, LocalAws, REGION, Result};

/// A function in the account of dev, under the name that its tool gives it.
#[derive(Debug)]
pub struct ToolFunction {
    pub lambda: Client,
    pub name: String,
    queue: String,
}

/// The Lambda names of the tools' functions.
const APEX: &str = "api_users";
const SAM: &str = "shop-OrdersFunction-1A2B3C4D5E6F";
const SERVERLESS: &str = "shop-dev-orders";
const TERRAFORM: &str = "orders";

impl ToolFunction {
    async fn named(aws: &LocalAws, name: &str) -> Result<Self> {
        let made = aws.clients().sqs(FIRST, REGION).create_queue().queue_name("work").send().await;
        made.doing("making a queue")?;
        let queue = format!("arn:aws:sqs:{REGION}:{FIRST}:work");
        Ok(Self { lambda: aws.clients().lambda(FIRST, REGION), name: name.to_owned(), queue })
    }

    /// Makes a function of Apex, with versions and the alias `current`. S3 may call the function, API Gateway its
    /// alias, and an older version has another alias (`apex alias prod`).
    pub async fn by_apex(aws: &LocalAws) -> Result<Self> {
        let made = Self::named(aws, APEX).await?;
        let variables = [("LOG_LEVEL", "warn"), ("TABLE", "users")];
        made.create(|call| call.memory_size(512).description("Users").environment(environment(&variables))).await?;
        made.alias("current", &made.publish().await?).await?;
        for content in ["2", "3", "4", "5"] {
            made.update(content).await?;
            made.move_alias("current", &made.publish().await?).await?;
        }
        made.alias("prod", "2").await?;
        made.allow("s3", "s3.amazonaws.com", None).await?;
        made.allow("api", "apigateway.amazonaws.com", Some("current")).await?;
        Ok(made)
    }

    /// Makes a function of SAM with `AutoPublishAlias: live`, whose triggers are on the alias. A change of
    /// configuration alone has been deployed since, for which SAM publishes no version.
    pub async fn by_sam(aws: &LocalAws) -> Result<Self> {
        let made = Self::named(aws, SAM).await?;
        let tags = [("lambda:createdBy", "SAM"), ("aws:cloudformation:stack-name", "shop"), ("team", "shop")];
        made.create(|call| tags.iter().fold(call.memory_size(256), |call, (key, value)| call.tags(*key, *value)))
            .await?;
        made.alias("live", &made.publish().await?).await?;
        made.allow("api", "apigateway.amazonaws.com", Some("live")).await?;
        made.mapping("live").await?;
        made.url(Some("live")).await?;
        made.asynchronous(Some("live")).await?;
        let what = "configuring without publishing";
        let call = made.lambda.update_function_configuration().function_name(&made.name).timeout(60);
        call.send().await.doing(what)?;
        made.settled().await?;
        Ok(made)
    }

    /// Makes a function of Serverless, with versions and no alias; all triggers call `$LATEST`.
    pub async fn by_serverless(aws: &LocalAws) -> Result<Self> {
        let made = Self::named(aws, SERVERLESS).await?;
        let zip = Zip::code("layer").build().doing("zipping a layer")?;
        let layer = LayerVersionContentInput::builder().zip_file(zip.into()).build();
        let published = made.lambda.publish_layer_version().layer_name("shared").content(layer).send().await;
        let layer = published.doing("publishing a layer")?.layer_version_arn.unwrap_or_default();
        let vpc = VpcConfig::builder().subnet_ids("subnet-00000001").security_group_ids("sg-00000001").build();
        let dead = DeadLetterConfig::builder().target_arn(&made.queue).build();
        let storage = EphemeralStorage::builder().size(1024).build().doing("describing storage")?;
        made.create(|call| {
            call.layers(layer)
                .vpc_config(vpc)
                .dead_letter_config(dead)
                .tracing_config(TracingConfig::builder().mode(TracingMode::Active).build())
                .ephemeral_storage(storage)
                .environment(environment(&[("STAGE", "dev"), ("TABLE", "orders")]))
                .tags("STAGE", "dev")
        })
        .await?;
        made.publish().await?;
        let call = made.lambda.put_function_concurrency().function_name(&made.name).reserved_concurrent_executions(7);
        call.send().await.doing("reserving concurrency")?;
        made.allow("rule", "events.amazonaws.com", None).await?;
        made.mapping("").await?;
        made.url(None).await?;
        made.asynchronous(None).await?;
        Ok(made)
    }

    /// Makes a function of Terraform with `publish = true`: an alias with weights, a permission and a mapping on the
    /// alias, and a URL on the function.
    pub async fn by_terraform(aws: &LocalAws) -> Result<Self> {
        let made = Self::named(aws, TERRAFORM).await?;
        made.create(|call| call.timeout(30).environment(environment(&[("TABLE", "orders")])).tags("owner", "shop"))
            .await?;
        let first = made.publish().await?;
        made.update("2").await?;
        let second = made.publish().await?;
        let weights = AliasRoutingConfiguration::builder().additional_version_weights(second, 0.1).build();
        let call = made.lambda.create_alias().function_name(&made.name).name("live").function_version(first);
        call.description("by Terraform").routing_config(weights).send().await.doing("making an alias with weights")?;
        made.allow("sns", "sns.amazonaws.com", Some("live")).await?;
        made.mapping("live").await?;
        made.url(None).await?;
        Ok(made)
    }

    async fn create(
        &self,
        with: impl FnOnce(CreateFunctionFluentBuilder) -> CreateFunctionFluentBuilder,
    ) -> Result<()> {
        let zip = Zip::code("1").build().doing("zipping")?;
        let call = self
            .lambda
            .create_function()
            .function_name(&self.name)
            .role(format!("arn:aws:iam::{FIRST}:role/{EXECUTION_ROLE}"))
            .runtime("provided.al2023".into())
            .handler("bootstrap")
            .code(FunctionCode::builder().zip_file(zip.into()).build());
        with(call).send().await.doing(format!("making {}", self.name))?;
        self.settled().await
    }

    /// Reads the function, so that the write to it has settled.
    async fn settled(&self) -> Result<()> {
        self.lambda.get_function().function_name(&self.name).send().await.doing("looking at the function").map(drop)
    }

    async fn update(&self, content: &str) -> Result<()> {
        let zip = Zip::code(content).build().doing("zipping")?;
        let call = self.lambda.update_function_code().function_name(&self.name).zip_file(zip.into());
        call.send().await.doing("updating code")?;
        self.settled().await
    }

    async fn publish(&self) -> Result<String> {
        let what = "publishing a version";
        let call = self.lambda.publish_version().function_name(&self.name);
        let version = call.send().await.doing(what)?.version.unwrap_or_default();
        self.lambda.get_function().function_name(&self.name).qualifier(&version).send().await.doing(what)?;
        Ok(version)
    }

    async fn alias(&self, name: &str, version: &str) -> Result<()> {
        let call = self.lambda.create_alias().function_name(&self.name).name(name).function_version(version);
        call.send().await.doing("making an alias").map(drop)
    }

    async fn move_alias(&self, name: &str, version: &str) -> Result<()> {
        let call = self.lambda.update_alias().function_name(&self.name).name(name).function_version(version);
        call.send().await.doing("moving an alias").map(drop)
    }

    /// Lets a service call the function, or an alias of it.
    pub async fn allow(&self, sid: &str, service: &str, alias: Option<&str>) -> Result<()> {
        let call = self.lambda.add_permission().function_name(&self.name).statement_id(sid);
        let call = call.action("lambda:InvokeFunction").principal(service).source_account(FIRST);
        call.set_qualifier(alias.map(str::to_owned)).send().await.doing("adding a permission").map(drop)
    }

    async fn mapping(&self, alias: &str) -> Result<()> {
        let target = if alias.is_empty() { self.name.clone() } else { format!("{}:{alias}", self.name) };
        let call = self.lambda.create_event_source_mapping().function_name(target).event_source_arn(&self.queue);
        call.batch_size(5).send().await.doing("making an event source mapping").map(drop)
    }

    /// Gives the function, or an alias of it, a URL.
    pub async fn url(&self, alias: Option<&str>) -> Result<()> {
        let cors = Cors::builder().allow_origins("https://shop.example").allow_methods("GET").build();
        let call = self.lambda.create_function_url_config().function_name(&self.name).cors(cors);
        let call = call.auth_type(FunctionUrlAuthType::None).set_qualifier(alias.map(str::to_owned));
        call.send().await.doing("making a URL").map(drop)
    }

    /// Configures asynchronous invocations of the function, or of an alias.
    pub async fn asynchronous(&self, alias: Option<&str>) -> Result<()> {
        let failed = DestinationConfig::builder().on_failure(OnFailure::builder().destination(&self.queue).build());
        let call = self.lambda.put_function_event_invoke_config().function_name(&self.name).maximum_retry_attempts(1);
        let call = call.destination_config(failed.build()).set_qualifier(alias.map(str::to_owned));
        call.send().await.doing("configuring asynchronous invocations").map(drop)
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().fold(Environment::builder(), |all, (name, value)| all.variables(*name, *value)).build()
}
