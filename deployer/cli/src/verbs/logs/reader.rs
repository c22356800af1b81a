//! Reads the lines of a log and prints each once, in the order in which they become known.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use deployer_aws::{CallFailure, LogGroup, LogLine, LogQuery};
use deployer_core::id::{DeploymentId, FunctionName};
use jiff::{SignedDuration, Timestamp};

use super::text;
use crate::answer::one_line;
use crate::output::Output;
use crate::text::confirm::print_stderr;
use crate::text::streams::stdout;
use crate::text::terminal;
use crate::text::width::fitted;

/// The lines that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lines {
    /// The deployer's, of this deployment.
    OfDeployment(DeploymentId),
    /// Those that a function writes.
    OfFunction(FunctionName),
}

/// A reader of a log group, and the lines that it has printed.
pub(super) struct Reader<'a> {
    group: &'a LogGroup,
    lines: Lines,
    pattern: String,
    output: Output,
    printed: u64,
    /// The ids of the newest printed lines, with their times.
    seen: BTreeMap<String, Timestamp>,
    newest: Timestamp,
    /// The time of the line that says that the deployment has ended.
    ended: Option<Timestamp>,
    /// Whether nobody reads what is printed any more.
    is_closed: bool,
}

/// The first stretch of time that is searched; each further one is twice as long.
const STRETCH: SignedDuration = SignedDuration::from_hours(1);
/// The time after the end of a deployment in which it still writes lines.
const TAIL: SignedDuration = SignedDuration::from_mins(15);
/// The time for which a line may come later than a newer one of another stream.
const LATE: SignedDuration = SignedDuration::from_secs(30);
/// The shortest and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// The time after which a quiet log is told of.
const QUIET: Duration = Duration::from_secs(30);
/// The number of looks that may fail one after the other.
const MAX_FAILED_LOOKS: u32 = 10;

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfDeployment(id) => write!(f, "deployment {id}"),
            Self::OfFunction(function) => write!(f, "{function}"),
        }
    }
}

impl<'a> Reader<'a> {
    /// Makes a reader that has read nothing yet.
    pub fn new(group: &'a LogGroup, lines: Lines, output: Output) -> Self {
        // CloudWatch Logs User Guide, "Filter pattern syntax": a term in quotes is found in each line that has it.
        let pattern = match &lines {
            Lines::OfDeployment(id) => format!("\"{id}\""),
            Lines::OfFunction(_) => String::new(),
        };
        let (seen, newest) = (BTreeMap::new(), Timestamp::UNIX_EPOCH);
        Self { group, lines, pattern, output, printed: 0, seen, newest, ended: None, is_closed: false }
    }

    /// Returns the number of printed lines.
    pub fn printed(&self) -> u64 {
        self.printed
    }

    /// Prints the lines from this time until now. A search ends soon after the deployment's end, so that an old
    /// deployment is found without a look at all that came after it.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn read_all(&mut self, mut from: Timestamp) -> Result<(), CallFailure> {
        let now = Timestamp::now();
        let mut stretch = match self.lines {
            Lines::OfDeployment(_) => STRETCH,
            Lines::OfFunction(_) => now.duration_since(from),
        };
        loop {
            let to = after(from, stretch);
            self.read(from, Some(to)).await?;
            (from, stretch) = (to, stretch + stretch);
            let last = self.ended.map_or(now, |ended| after(ended, TAIL).min(now));
            if from >= last || self.is_closed {
                return Ok(());
            }
        }
    }

    /// Prints the lines from this time on as they come, until the deployment has ended. A function's lines have no end.
    ///
    /// # Errors
    /// [`CallFailure`] after several failed looks, or at once where another look meets the same.
    pub async fn follow(&mut self, from: Timestamp) -> Result<(), CallFailure> {
        let began = Timestamp::now();
        self.read_all(from).await?;
        if self.ended.is_some_and(|ended| after(ended, TAIL) < began) {
            return Ok(());
        }
        let (mut pause, mut failed_looks, mut quiet) = (PAUSES.0, 0, Duration::ZERO);
        let mut was_ended = false;
        loop {
            let (before, from) = (self.printed, from.max(after(self.newest, -LATE)));
            match self.read(from, None).await {
                Ok(()) => failed_looks = 0,
                Err(failure) if failed_looks >= MAX_FAILED_LOOKS || is_lasting(&failure) => return Err(failure),
                Err(failure) => {
                    failed_looks += 1;
                    let _unread = print_stderr(&format!("{}; trying again\n", one_line(&failure.to_string())));
                }
            }
            // One more look finds the lines that came with the last one.
            if self.is_closed || was_ended {
                return Ok(());
            }
            was_ended = self.ended.is_some();
            let is_quiet = self.printed == before;
            pause = if is_quiet && !was_ended { (pause * 3 / 2).min(PAUSES.1) } else { PAUSES.0 };
            quiet = if is_quiet { quiet + pause } else { Duration::ZERO };
            if quiet >= QUIET && matches!(self.lines, Lines::OfDeployment(_)) {
                quiet = Duration::ZERO;
                let _unread = print_stderr(&format!("no new line of {}; Ctrl-C ends the wait\n", self.lines));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Prints the lines between two times that are not printed yet.
    async fn read(&mut self, from: Timestamp, to: Option<Timestamp>) -> Result<(), CallFailure> {
        let mut token = None;
        loop {
            let pattern = self.pattern.clone();
            let page = self.group.page(LogQuery { pattern: &pattern, from, to }, token.as_deref()).await?;
            page.lines.iter().for_each(|line| self.take(line));
            if self.is_closed {
                return Ok(());
            }
            // A service that answers with the same token would be asked for ever.
            match page.next {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                _ => break,
            }
        }
        let known = after(self.newest, -(LATE + LATE));
        self.seen.retain(|_, time| *time >= known);
        Ok(())
    }

    fn take(&mut self, line: &LogLine) {
        if self.is_closed || self.seen.insert(line.id.clone(), line.time).is_some() {
            return;
        }
        self.newest = self.newest.max(line.time);
        if let Lines::OfDeployment(id) = self.lines {
            // A later deployment names the one that it waits for, or that it stops.
            if text::is_about_another(&line.message, id) {
                return;
            }
            if text::is_end(&line.message, id) {
                self.ended = Some(line.time);
            }
        }
        let shown = match (self.output, &self.lines) {
            (Output::Json, _) => text::json(line),
            (Output::Text, Lines::OfDeployment(_)) => text::of_deployer(line),
            (Output::Text, Lines::OfFunction(_)) => text::of_function(line),
        };
        let mut out = stdout();
        self.printed += 1;
        let shown = if self.output == Output::Text { fitted(&shown, terminal::columns()) } else { shown };
        if let Err(error) = write!(out, "{shown}").and_then(|()| out.flush()) {
            self.is_closed = true;
            if error.kind() != ErrorKind::BrokenPipe {
                let _unread = print_stderr(&format!("writing a line: {error}\n"));
            }
        }
    }
}

/// Whether another look meets the same: a right is missing, or the log is not there.
fn is_lasting(failure: &CallFailure) -> bool {
    let is_refused = (400..429).contains(&failure.status) && !failure.code.contains("Throttl");
    is_refused || failure.obstacle.as_ref().is_some_and(deployer_aws::Obstacle::is_lasting)
}

fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.checked_add(span).unwrap_or(time)
}
