//! Progress bars and spinners, on standard error and only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

const EVERY: Duration = Duration::from_millis(200);

/// Makes a spinner for work of unknown length.
pub(super) fn spinner(what: String) -> ProgressBar {
    styled(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})", what)
}

/// Makes a bar for this number of bytes.
pub(super) fn bytes(what: String, all: u64) -> ProgressBar {
    styled(ProgressBar::new(all), "{msg} [{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}", what)
}

/// Styles a bar, which disappears when it is finished or dropped.
fn styled(bar: ProgressBar, template: &str, what: String) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = bar.with_style(style).with_message(what).with_finish(ProgressFinish::AndClear);
    if !bar.is_hidden() {
        bar.enable_steady_tick(EVERY);
    }
    bar
}
