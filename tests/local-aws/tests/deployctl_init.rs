//! `deployctl init` against the local AWS: it writes the manifest of an existing function, and a deployment with it
//! changes nothing.

use std::collections::BTreeMap;

use std::os::unix::fs::PermissionsExt as _;

use aws_sdk_lambda::types::{
    Environment, EphemeralStorage, FunctionCode, FunctionConfiguration, LoggingConfig, Runtime, TracingConfig,
    VpcConfig,
};
use fixtures::Zip;
use local_aws::{Doing as _, EXECUTION_ROLE, FIRST, LocalAws, REGION, Result, RunOutput, SessionKeys};

/// Returns credentials of a person of the target account.
fn person() -> SessionKeys {
    let [access_key_id, secret_access_key, session_token] = [FIRST, "none", "none"].map(str::to_owned);
    SessionKeys { access_key_id, secret_access_key, session_token }
}

/// Makes a function with many fields that a manifest can set.
async fn made_by_hand(aws: &LocalAws) -> Result<()> {
    let code = Zip::code("by hand").build().doing("zipping")?;
    let variables = BTreeMap::from([("LOG_LEVEL", "debug"), ("TOKEN", "s3cr3t \"quoted\"\n")]);
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let vpc = VpcConfig::builder().subnet_ids("subnet-00000001").security_group_ids("sg-00000001").build();
    let call = aws.clients().lambda(FIRST, REGION).create_function();
    let call = call
        .function_name("orders")
        .role(format!("arn:aws:iam::{FIRST}:role/{EXECUTION_ROLE}"))
        .runtime(Runtime::Providedal2023)
        .handler("bootstrap")
        .memory_size(384)
        .timeout(42)
        .description("Orders, as \"ever\"")
        .environment(Environment::builder().set_variables(Some(variables)).build())
        .tags("team", "orders")
        .tags("cost centre", "42")
        .vpc_config(vpc)
        .tracing_config(TracingConfig::builder().mode("Active".into()).build())
        .ephemeral_storage(EphemeralStorage::builder().size(1024).build().doing("describing storage")?)
        .logging_config(LoggingConfig::builder().log_format("JSON".into()).application_log_level("WARN".into()).build())
        .code(FunctionCode::builder().zip_file(code.into()).build());
    call.send().await.doing("creating a function by hand").map(drop)
}

async fn init(aws: &LocalAws, arguments: &[&str]) -> Result<RunOutput> {
    aws.deployctl(&person(), &[&["init", "--from"], arguments].concat()).await
}

async fn configuration(aws: &LocalAws) -> Result<FunctionConfiguration> {
    let call = aws.clients().lambda(FIRST, REGION).get_function().function_name("orders").send();
    Ok(call.await.doing("looking at orders")?.configuration.unwrap_or_else(|| FunctionConfiguration::builder().build()))
}

#[tokio::test]
async fn manifest_of_init_changes_no_configuration_when_deployed() -> Result<()> {
    let aws = LocalAws::start().await?;
    made_by_hand(&aws).await?;
    let folder = tempfile::tempdir().doing("making a folder")?;
    let file = folder.path().join("function.toml");
    let path = file.to_string_lossy().into_owned();
    let said = init(&aws, &["orders", "--out", &path]).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    let manifest = std::fs::read_to_string(&file).doing("reading the manifest")?;
    assert!(!manifest.contains("s3cr3t") && manifest.contains("# TOKEN = "), "{manifest}");
    for line in [
        "role = \"lambda-execution\"",
        "memory_size = 384",
        "description = \"Orders, as \\\"ever\\\"\"",
        "subnet_ids = [\"subnet-00000001\"]",
        "\"cost centre\" = \"42\"",
        "application_log_level = \"WARN\"",
        "mode = \"Active\"",
        "size = 1024",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{line} is not in:\n{manifest}");
    }
    let said = aws.deployctl(&person(), &["validate", &path]).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");

    let before = configuration(&aws).await?;
    let zip = Zip::function("1.0.0").manifest(&manifest);
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.0.0.zip", zip)).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    let configured =
        |name: &str| name.contains("Configuration") || name.contains("Tag") || name.contains("Concurrency");
    let writes = calls.iter().filter(|call| call.service == "lambda" && !call.operation.starts_with("Get"));
    let writes: Vec<&str> = writes.map(|call| call.operation.as_str()).filter(|name| configured(name)).collect();
    assert_eq!(writes, [""; 0]);
    let after = configuration(&aws).await?;
    assert_eq!((after.environment(), after.vpc_config()), (before.environment(), before.vpc_config()));
    assert_eq!((after.memory_size(), after.logging_config()), (before.memory_size(), before.logging_config()));
    Ok(())
}

#[tokio::test]
async fn values_are_written_only_on_request_with_a_warning() -> Result<()> {
    let aws = LocalAws::start().await?;
    made_by_hand(&aws).await?;
    let arn = format!("arn:aws:lambda:{REGION}:{FIRST}:function:orders");
    let said = init(&aws, &[&arn, "--out", "-", "--with-values", "--output", "json"]).await?;
    let answer = said.json()?;
    assert!(answer["warning"].as_str().is_some_and(|words| words.contains("in clear")), "{answer:#}");
    let manifest = answer["manifest"].as_str().unwrap_or_default();
    assert!(manifest.contains("TOKEN = \"s3cr3t \\\"quoted\\\"\\n\""), "{manifest}");
    assert!(said.err.contains("warning: the values of variables are in it in clear"), "{said:?}");
    let folder = tempfile::tempdir().doing("making a folder")?;
    let file = folder.path().join("function.toml");
    let path = file.to_string_lossy().into_owned();
    std::fs::write(&file, "mine").doing("writing a file")?;
    let said = init(&aws, &[&arn, "--out", &path, "--force", "--with-values"]).await?;
    assert!(said.exit == Some(0) && said.err.contains("in clear"), "{said:?}");
    let mode = std::fs::metadata(&file).doing("looking at it")?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "secrets are nobody else's to read");
    let said = init(&aws, &[&arn, "--out", "-"]).await?;
    assert!(said.out.contains("# TOKEN = ") && !said.out.contains("s3cr3t"), "{}", said.out);
    Ok(())
}

#[tokio::test]
async fn existing_file_is_kept_and_missing_function_is_reported() -> Result<()> {
    let aws = LocalAws::start().await?;
    made_by_hand(&aws).await?;
    let folder = tempfile::tempdir().doing("making a folder")?;
    let file = folder.path().join("function.toml");
    let path = file.to_string_lossy().into_owned();
    std::fs::write(&file, "mine").doing("writing a file")?;
    let said = init(&aws, &["orders", "--out", &path]).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert!(said.err.contains("--force"), "{said:?}");
    assert_eq!(std::fs::read_to_string(&file).doing("reading it")?, "mine");
    let said = init(&aws, &["orders", "--out", &path, "--force"]).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert_ne!(std::fs::read_to_string(&file).doing("reading it")?, "mine");
    let said = init(&aws, &["nobody", "--out", "-"]).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert!(said.err.contains("ResourceNotFoundException"), "{said:?}");
    Ok(())
}
