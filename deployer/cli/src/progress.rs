//! What is drawn while people wait: on standard error, and only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

const EVERY: Duration = Duration::from_millis(200);

/// Something that takes an unknown time.
pub(super) fn spinner(what: String) -> ProgressBar {
    styled(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})", what)
}

/// Something of so many bytes.
pub(super) fn bytes(what: String, all: u64) -> ProgressBar {
    styled(ProgressBar::new(all), "{msg} [{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}", what)
}

/// It goes away when it is done or dropped.
fn styled(bar: ProgressBar, template: &str, what: String) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = bar.with_style(style).with_message(what).with_finish(ProgressFinish::AndClear);
    if !bar.is_hidden() {
        bar.enable_steady_tick(EVERY);
    }
    bar
}
