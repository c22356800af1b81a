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
    let filter = filter(&variable("RUST_LOG").or_else(|| variable("AWS_LAMBDA_LOG_LEVEL")).unwrap_or_default());
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

/// The level is for our own lines. What the SDK logs below info holds requests whole, with variables in clear: those
/// lines are never written, whatever the level.
fn filter(level: &str) -> Targets {
    let level = match level.to_lowercase().as_str() {
        "fatal" => Level::ERROR,
        level => level.parse().unwrap_or(Level::INFO),
    };
    Targets::new().with_default(Level::WARN.min(level)).with_target("deployer", level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_makes_the_sdk_log_its_requests() {
        for level in ["trace", "TRACE", "debug", "deployer=trace,aws_smithy_runtime=trace", ""] {
            assert!(!filter(level).would_enable("aws_smithy_runtime::client::orchestrator", &Level::INFO), "{level}");
        }
    }

    #[test]
    fn the_level_is_for_our_own_lines_and_info_where_it_is_no_level() {
        assert!(filter("TRACE").would_enable("deployer::engine", &Level::TRACE));
        assert!(filter("").would_enable("deployer::engine", &Level::INFO));
        assert!(!filter("fatal").would_enable("deployer::engine", &Level::WARN));
        assert!(filter("fatal").would_enable("deployer::engine", &Level::ERROR));
    }
}
