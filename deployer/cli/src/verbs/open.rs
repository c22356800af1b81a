//! `deployctl open`: the page of a target's function in the console of its partition.

use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use deployer_core::config::Target;
use serde::Serialize;

use crate::answer::{Answer, CliError, Exit};
use crate::aws::target;
use crate::output::Output;
use crate::remote::ledger;
use crate::{direct, follow};

/// The options of `open`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    #[command(flatten)]
    target: target::Options,
    /// Print the URL and open nothing.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    ledger: ledger::Options,
}

/// The answer of `open`.
#[derive(Debug, Serialize)]
struct Page {
    /// The URL of the page.
    url: String,
    /// Whether a browser was asked to open it.
    opened: bool,
    #[serde(flatten)]
    located: target::Located,
}

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let located = options
        .target
        .locate(&mut options.ledger.status_source(Some(&options.args.environment)).await?, &options.args)
        .await?;
    let url = url(&located)?;
    let is_printed = options.print || output == Output::Json || !has_display();
    let opened = !is_printed && open(&url);
    let account = &located.target.account;
    let text = match opened {
        true => format!("{url}\n  opened; the browser must be signed in to account {account}\n"),
        // A script reads the URL alone.
        false => format!("{url}\n"),
    };
    Ok(Answer::with_text(text, &Page { url, opened, located }, Exit::Done))
}

/// Returns the URL of the alias's page.
///
/// # Errors
/// Refused: nobody outside knows the console of the partition.
fn url(located: &target::Located) -> Result<String, CliError> {
    let target::Located { target: Target { region, .. }, function_name, alias, .. } = located;
    let domain = match region.partition() {
        "aws" => "console.aws.amazon.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        "aws-eusc" => "console.amazonaws-eusc.eu",
        partition => {
            return Err(CliError::refused(format!(
                "the address of the console of partition {partition} is not public, so it is not known here: the function \
                 is {}",
                located.alias_arn()
            )));
        }
    };
    Ok(format!("https://{region}.{domain}/lambda/home?region={region}#/functions/{function_name}/aliases/{alias}"))
}

/// Whether a browser could show a page to the person: at a terminal, and with a display.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_screen = cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    std::io::stdout().is_terminal() && has_screen
}

/// Lets the platform's opener open a page; says why if there is none.
fn open(url: &str) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = Command::new(opener).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    quiet.map_err(|error| direct::warn(&format!("{opener} cannot be run, so the page is not opened: {error}"))).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use deployer_core::id::{AccountId, AliasName, FunctionName, Region};

    fn page(region: &str) -> Result<String, CliError> {
        url(&target::Located {
            target: Target {
                account: AccountId::parse("111111111111").unwrap(),
                region: Region::parse(region).unwrap(),
            },
            function_name: FunctionName::parse("prod-orders").unwrap(),
            alias: AliasName::parse("live").unwrap(),
            version: None,
            release: None,
        })
    }

    #[test]
    fn page_is_in_the_console_of_the_targets_partition() {
        for (region, host) in [
            ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
            ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ] {
            let expected = format!("https://{host}/lambda/home?region={region}#/functions/prod-orders/aliases/live");
            assert_eq!(page(region).unwrap(), expected);
        }
    }

    #[test]
    fn unknown_console_is_refused_with_the_functions_arn() {
        let error = page("us-iso-east-1").unwrap_err();
        assert!(error.exit == Exit::Refused && error.message.contains("arn:aws-iso:lambda:us-iso-east-1:"), "{error}");
    }
}
