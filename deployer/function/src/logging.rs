//! Log lines: JSON inside Lambda, text elsewhere.
//!
//! Lambda Developer Guide, "Working with advanced logging controls": `AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Installs the subscriber. Each line of a deployment carries its id, because it is written within the deployment's
/// span.
pub fn init() {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let level = variable("RUST_LOG").and_then(|text| level(&text));
    let level = level.or_else(|| variable("AWS_LAMBDA_LOG_LEVEL").and_then(|text| level_named(&text)));
    let filter = filter(level.unwrap_or(Level::INFO));
    // A panic is logged like any other error.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
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

/// Applies the level to our own lines only. The SDK logs whole requests below info, with variables in clear; those
/// lines are never written, whatever the level.
fn filter(level: Level) -> Targets {
    Targets::new().with_default(Level::WARN.min(level)).with_target("deployer", level)
}

/// Reads our level from `RUST_LOG`: `debug`, or `deployer=debug` among other directives. A directive for one of our
/// crates, like `deployer_engine=debug`, counts for all of them, but only adds lines: alarms count some of the others.
fn level(directives: &str) -> Option<Level> {
    let all = || directives.split(',').map(str::trim);
    let of = |is_meant: fn(&str) -> bool| {
        let directives = all().filter_map(|one| one.split_once('=').filter(|&(target, _)| is_meant(target)));
        directives.filter_map(|(_, level)| level_named(level)).max()
    };
    let set = of(|target| target == "deployer").or_else(|| all().find_map(level_named));
    let raised = of(|target| target.starts_with("deployer_")).filter(|level| *level > Level::INFO);
    set.max(raised)
}

fn level_named(text: &str) -> Option<Level> {
    if text.eq_ignore_ascii_case("fatal") { Some(Level::ERROR) } else { text.parse().ok() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sdk_requests_are_not_logged_at_any_level() {
        for text in ["trace", "TRACE", "debug", "deployer=trace,aws_smithy_runtime=trace"] {
            let filter = filter(level(text).unwrap());
            assert!(!filter.would_enable("aws_smithy_runtime::client::orchestrator", &Level::INFO), "{text}");
        }
    }

    #[test]
    fn level_applies_to_own_lines_only() {
        assert!(filter(Level::TRACE).would_enable("deployer_function::engine", &Level::TRACE));
        assert!(!filter(Level::ERROR).would_enable("deployer_function::engine", &Level::WARN));
        assert_eq!(level("TRACE"), Some(Level::TRACE));
        assert_eq!(level("warn,deployer=debug"), Some(Level::DEBUG));
        assert_eq!(level("deployer_aws=error"), None);
        assert_eq!(level("error,deployer_aws=debug"), Some(Level::DEBUG));
        assert_eq!(level("hyper=debug"), None);
        assert_eq!(level("hyper=trace,deployer_engine=debug"), Some(Level::DEBUG));
        assert_eq!(level("deployer=info,deployer_engine::sweep=trace"), Some(Level::TRACE));
        assert_eq!(level("deployers=debug"), None);
        assert_eq!(level_named("fatal"), Some(Level::ERROR));
    }
}
