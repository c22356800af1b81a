//! The output of `deployctl`, whatever the verb.

use std::process::Stdio;

use local_aws::ci::{Ci, run};
use local_aws::{Doing as _, LocalAws, Result};

#[tokio::test]
async fn unwritable_stdout_is_reported_on_stderr() -> Result<()> {
    let aws = LocalAws::start().await?;
    let mut command = Ci::root(&aws).command(&["completions", "bash"])?;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").doing("opening a full disk")?;
    let spawned = command.stdout(Stdio::from(full)).stderr(Stdio::piped()).spawn();
    let output = spawned.doing("starting deployctl")?.wait_with_output().await.doing("waiting for deployctl")?;
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.starts_with("error: standard output cannot be written: "), "{err}");
    Ok(())
}

#[tokio::test]
async fn version_and_completions_are_printed_for_people_and_programs() -> Result<()> {
    let aws = LocalAws::start().await?;
    let ci = Ci::root(&aws);
    let ended = run(ci.command(&["version"])?).await?;
    let version = env!("CARGO_PKG_VERSION");
    assert!(ended.code == Some(0) && ended.out.starts_with(&format!("deployctl {version}: ")), "{ended:?}");
    let told = run(ci.command(&["version", "--output", "json"])?).await?.json()?;
    assert!(told["name"] == "deployctl" && told["version"] == version && told["description"].is_string(), "{told}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(ci.command(&["completions", shell])?).await?;
        assert!(ended.code == Some(0) && ended.out.contains("uploaded-by"), "{ended:?}");
    }
    Ok(())
}
