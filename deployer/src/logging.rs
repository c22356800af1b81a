//! Log lines: JSON inside Lambda, for people elsewhere.
//!
//! Lambda Developer Guide, "Working with advanced logging controls": `AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Installs the subscriber. Lines of a deployment carry its id, for they are within its span.
pub fn init() {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let level = variable("RUST_LOG").or_else(|| variable("AWS_LAMBDA_LOG_LEVEL")).unwrap_or_default();
    let filter = level.to_lowercase().parse::<Targets>().unwrap_or_default();
    // An empty or unreadable level means the usual one.
    let filter = if level.is_empty() || filter == Targets::default() { usual() } else { filter };
    let in_lambda = variable("AWS_LAMBDA_RUNTIME_API").is_some();
    let json = in_lambda || variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    if json {
        let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(true);
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    } else {
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    }
}

fn usual() -> Targets {
    Targets::new().with_default(Level::WARN).with_target("deployer", Level::INFO)
}
