//! The progress of work, on standard error: bars and spinners on a terminal, lines elsewhere.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::Write as _;
use std::time::{Duration, Instant};

use deployer_core::function_ref::without_next_look;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::confirm::print_stderr;
use super::streams::stderr;

const EVERY: Duration = Duration::from_millis(200);
/// The longest silence of a wait without a terminal.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Makes a spinner for work of unknown length.
pub(crate) fn spinner(what: String) -> ProgressBar {
    styled(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})", what)
}

/// Makes a bar for this number of bytes.
pub(crate) fn bytes(what: String, all: u64) -> ProgressBar {
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

/// A wait that is never silent: a terminal shows a spinner; a log gets a line when something changes, and one every 30
/// seconds, each with the reason.
pub(crate) struct WaitProgress {
    bar: ProgressBar,
    /// The lines of a log; none on a terminal.
    lines: Option<RefCell<WaitLines>>,
}

impl WaitProgress {
    /// Begins a wait for this. A log gets no line of it before it has lasted for 30 seconds.
    pub fn begin(what: String) -> Self {
        let bar = spinner(what.clone());
        let lines = bar.is_hidden().then(|| RefCell::new(WaitLines::new(what, Instant::now())));
        Self { bar, lines }
    }

    /// Tells the reason of the wait.
    pub fn say(&self, what: String) {
        let line = self.lines.as_ref().and_then(|lines| lines.borrow_mut().change(&what, Instant::now()));
        if let Some(line) = line {
            print_line(&line);
        }
        self.bar.set_message(what);
    }

    /// Says what is waited for now, where that is nothing new: a log gets it with the next repetition.
    pub fn set(&self, what: String) {
        if let Some(lines) = &self.lines {
            lines.borrow_mut().what.clone_from(&what);
        }
        self.bar.set_message(what);
    }

    /// Prints lines that stay, such as a command for somebody else.
    pub fn tell(&self, lines: &str) {
        self.bar.suspend(|| {
            let _unwatched = print_stderr(lines);
        });
    }

    /// Repeats into a log what is waited for; runs beside the wait and never ends.
    pub async fn repeat(&self) -> Infallible {
        let Some(lines) = &self.lines else { return std::future::pending().await };
        loop {
            let due = lines.borrow().due();
            tokio::time::sleep_until(due.into()).await;
            let line = lines.borrow_mut().repeat(Instant::now());
            if let Some(line) = line {
                print_line(&line);
            }
        }
    }
}

/// Prints a line to standard error; a failure does not matter.
fn print_line(line: &str) {
    let _unwatched = writeln!(stderr(), "{line}");
}

/// The lines of a wait in a log: which are due, and when. It knows no clock.
struct WaitLines {
    what: String,
    /// The line that was printed last.
    last: Option<String>,
    began: Instant,
    printed: Instant,
}

impl WaitLines {
    fn new(what: String, now: Instant) -> Self {
        Self { what, last: None, began: now, printed: now }
    }

    /// Returns the line of what is waited for now, if that is something else than before and than the last line. The time of
    /// the deployer's next look alone is nothing new.
    fn change(&mut self, what: &str, now: Instant) -> Option<String> {
        let reason = without_next_look(what);
        let is_new = without_next_look(&self.what) != reason;
        what.clone_into(&mut self.what);
        if !is_new || self.last.as_deref().map(without_next_look) == Some(reason) {
            return None;
        }
        self.printed = now;
        self.last = Some(self.what.clone());
        self.last.clone()
    }

    /// Returns the time at which the next repetition is due.
    fn due(&self) -> Instant {
        self.printed + LONGEST_SILENCE
    }

    /// Returns the line that repeats what is waited for, if it is due.
    fn repeat(&mut self, now: Instant) -> Option<String> {
        if now < self.due() {
            return None;
        }
        self.printed = now;
        let seconds = now.duration_since(self.began).as_secs();
        let waited = if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) };
        self.last = Some(self.what.clone());
        Some(format!("{} ({waited} so far)", self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_in_a_log_says_each_change_once_and_repeats_after_thirty_seconds() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut lines = WaitLines::new("waiting for the deployer".into(), began);
        assert_eq!(lines.change("waiting for the deployer", after(1)), None);
        assert_eq!(lines.repeat(after(29)), None);
        let behind = "deployment 2: waits for deployment 1 of the same function to end";
        assert_eq!(lines.change(behind, after(29)).as_deref(), Some(behind));
        assert_eq!(lines.change(behind, after(40)), None);
        // A state without a reason is no line, and the same reason after it is no second one.
        lines.what = "deployment 2: in progress".into();
        assert_eq!(lines.change(behind, after(42)), None);
        assert_eq!((lines.due(), lines.repeat(after(58))), (after(59), None));
        assert_eq!(lines.repeat(after(59)), Some(format!("{behind} (59 s so far)")));
        assert_eq!(lines.repeat(after(60)), None);
        assert_eq!(lines.repeat(after(200)), Some(format!("{behind} (3 min so far)")));
    }

    #[test]
    fn time_of_the_next_look_alone_is_no_line() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let at = |minute: u8| format!("2: waits for Lambda; looked at again at 2026-11-30 12:{minute}:00Z");
        let mut lines = WaitLines::new("waiting for the deployer".into(), began);
        assert_eq!(lines.change(&at(10), after(1)), Some(at(10)));
        assert_eq!(lines.change(&at(12), after(9)), None);
        assert_eq!(
            lines.repeat(after(31)),
            Some(format!("{} (31 s so far)", at(12))),
            "the repetition has the new time"
        );
        assert_eq!(lines.change(&at(14), after(40)), None);
        let other = "2: tries again; looked at again at 2026-11-30 12:14:00Z";
        assert_eq!(lines.change(other, after(41)).as_deref(), Some(other));
    }
}
