//! Further tests that need the harness: the sample function, the deployer's memory, and a machine without Python.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fixtures::Zip;
use local_aws::{Answer, Doing as _, Launch, LocalAws, Result, Runtime};
use serde_json::json;

use super::statuses;

#[tokio::test]
async fn the_sample_function_answers_an_invocation() -> Result<()> {
    // The sample needs curl, which Lambda and CI have but not every machine.
    if Command::new("curl").arg("--version").output().is_err() && std::env::var_os("CI").is_none() {
        eprintln!("SKIPPED: the sample function was not started, for there is no curl here");
        return Ok(());
    }
    let environment = [("PATH", std::env::var("PATH").unwrap_or_default()), ("GREETING", "Hello".to_owned())];
    let function = Runtime::new(Launch {
        program: sample().join("bootstrap"),
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        timeout: Duration::from_secs(10),
    });
    for _ in 0..2 {
        assert_eq!(function.invoke(&json!({})).await?, Answer::Payload(json!({"greeting": "Hello"})));
    }
    Ok(())
}

#[tokio::test]
async fn the_sample_function_can_be_deployed() -> Result<()> {
    let aws = LocalAws::start().await?;
    let zip = Zip::folder(&sample()).doing("reading the sample")?;
    for key in ["dev/hello/1.0.0.zip", "prod/hello/1.0.0.zip"] {
        let result = aws.deploy(key, &zip).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
    }
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn large_zip_is_verified_in_constant_memory() -> Result<()> {
    const MEGABYTE: u64 = 1024 * 1024;
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let before = aws.deployer().peak_memory()?;
    let result = aws.deploy("dev/orders/1.1.0.zip", Zip::function("1.1.0").ballast(100)).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    let grown = aws.deployer().peak_memory()?.saturating_sub(before);
    assert!(grown < 16 * MEGABYTE, "it grew by {} MB", grown / MEGABYTE);
    aws.same_events_again_change_nothing().await
}

#[test]
fn missing_python_is_reported_in_one_sentence() -> Result<()> {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    // An empty PATH has no Python; cargo is known by its path.
    let output = demo.env_remove("DEPLOYER_PYTHON").env("PATH", "").output().doing("starting the demo")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert_eq!(
        said,
        "demo: the local AWS needs Python 3.10 or newer, and there is none in PATH: install it (Debian, Ubuntu: \
         apt-get install python3 python3-venv), or name one in the variable DEPLOYER_PYTHON\n"
    );
    Ok(())
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../artifacts/dev/hello")
}
