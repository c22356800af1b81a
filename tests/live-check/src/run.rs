//! One run: asks whether it may, makes the lab, asks each question, removes everything, prints the table.

use std::cell::RefCell;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;
use fixtures::error::{Doing as _, Error, Result};
use futures::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::aws::Aws;
use crate::cleanup::{Kind, Removed, find, remove_all};
use crate::confirm::confirmed;
use crate::lab::{Lab, Names, TOOL};
use crate::options::{Options, Output};
use crate::question::{About, Answer, Needs, Question, Verdict};
use crate::report::{Asked, Row};
use crate::{questions, report};

const REFUTED: u8 = 1;
const WRONG_USE: u8 = 2;
const NOT_DONE: u8 = 3;

/// A call that was sent before an interrupt is executed by then, so that the clean-up finds the thing that it has made.
const SENT_CALLS_ARRIVE_WITHIN: Duration = Duration::from_secs(3);

/// Runs the program.
pub async fn main() -> ExitCode {
    let options = Options::parse();
    let code = match run(&options).await {
        Ok(code) => code,
        Err(Failure(code, error)) => {
            tell(&format!("error: {error}"));
            code
        }
    };
    ExitCode::from(code)
}

/// An error with its exit code.
struct Failure(u8, Error);

fn wrong_use(error: Error) -> Failure {
    Failure(WRONG_USE, error)
}

fn not_done(error: Error) -> Failure {
    Failure(NOT_DONE, error)
}

async fn run(options: &Options) -> Result<u8, Failure> {
    let (asked, left_out): (Vec<_>, Vec<_>) = questions::all()
        .into_iter()
        .filter(|question| options.names(question.about().name))
        .partition(|question| options.list || options.leaves_out(question.about().needs).is_none());
    if options.list {
        let list: Vec<About> = asked.iter().map(|question| question.about()).collect();
        let text = match options.output {
            Output::Text => report::list(&list),
            Output::Json => format!("{:#}\n", report::list_json(&list)),
        };
        return print(&text).map(|()| 0).map_err(not_done);
    }
    if let (true, Some(first)) = (asked.is_empty() && !options.clean, left_out.first()) {
        let About { name, needs, .. } = first.about();
        let because = options.leaves_out(needs).unwrap_or_default();
        return Err(wrong_use(Error::Unexpected(format!("{name} would not be asked: {because}"))));
    }
    let config = deployer_cli::load_sdk_config(options.profile.as_deref(), options.region.as_deref()).await;
    let config = config.map_err(|error| wrong_use(Error::Unexpected(error.message)))?;
    let aws = Aws::connect(config, Duration::from_millis(options.first_pause)).await.map_err(wrong_use)?;
    if options.clean { clean(options, &aws).await } else { ask(options, &aws, &asked).await }
}

/// Asks these questions in a lab that is removed afterwards, and prints the table.
async fn ask(options: &Options, aws: &Aws, asked: &[Box<dyn Question>]) -> Result<u8, Failure> {
    let names = Names::random().map_err(not_done)?;
    if !confirmed(&introduction(aws, &names, asked, options), options.yes).map_err(wrong_use)? {
        return Err(wrong_use(Error::Unexpected("not confirmed: nothing was made".into())));
    }
    let mut signals = Signals::listen().map_err(not_done)?;
    let answered = RefCell::new(Vec::new());
    let (ended, was_interrupted) = tokio::select! {
        ended = ask_all(aws.clone(), names.clone(), asked, &answered) => (ended, false),
        () = signals.received() => (Ok(()), true),
    };
    if was_interrupted {
        tell("interrupted: no further question is asked");
        tokio::time::sleep(SENT_CALLS_ARRIVE_WITHIN).await;
    }
    let left = tidy(options, aws, names.prefix(), asked, &mut signals).await;
    if let Err(error) = &ended {
        tell(&format!("error: the lab could not be made: {error}"));
    }
    let because = if was_interrupted { "the run was interrupted before" } else { "the lab could not be made" };
    let rows = rows(options, &answered.into_inner(), because);
    let asked = Asked { account: aws.account.clone(), region: aws.region.to_string(), run: names.prefix().to_owned() };
    print(&match options.output {
        Output::Text => report::text(&rows),
        Output::Json => format!("{:#}\n", report::json(&asked, &rows, &left)),
    })
    .map_err(not_done)?;
    Ok(if was_interrupted || ended.is_err() || !left.is_empty() && !options.keep {
        NOT_DONE
    } else if rows.iter().any(|row| row.answer.verdict == Verdict::Refuted) {
        REFUTED
    } else {
        0
    })
}

/// Returns a row for each question that was named, in the order of the list.
fn rows(options: &Options, answered: &[Row], because: &str) -> Vec<Row> {
    let row = |about: About| {
        let found = answered.iter().find(|row| row.about.name == about.name);
        let because = options.leaves_out(about.needs).unwrap_or(because);
        found.cloned().unwrap_or_else(|| Row { about, answer: Answer::not_asked(because) })
    };
    let all = questions::all();
    all.iter().map(|question| question.about()).filter(|about| options.names(about.name)).map(row).collect()
}

/// Makes the lab and asks; each answer is in `rows` as soon as it is there.
async fn ask_all(aws: Aws, names: Names, asked: &[Box<dyn Question>], rows: &RefCell<Vec<Row>>) -> Result<()> {
    let lab = Lab::set_up(aws, names, &tell).await?;
    for (number, question) in asked.iter().enumerate() {
        let about = question.about();
        let head = format!("{}/{} {}", number + 1, asked.len(), about.name);
        tell(&format!("{head}: asking"));
        let began = Instant::now();
        // A mistake in one question must stop neither the others nor the clean-up.
        let answer = match AssertUnwindSafe(question.ask(&lab)).catch_unwind().await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::unclear(format!("it could not be asked: {error}")),
            Err(_) => Answer::unclear("the question ended in a panic"),
        };
        let verdict = format!("{:?}", answer.verdict).to_lowercase();
        tell(&format!("{head}: {verdict} ({:.1} s)", began.elapsed().as_secs_f64()));
        rows.borrow_mut().push(Row { about, answer });
    }
    Ok(())
}

/// Removes the things of the run, and returns those that are left, in words.
async fn tidy(
    options: &Options,
    aws: &Aws,
    prefix: &str,
    asked: &[Box<dyn Question>],
    signals: &mut Signals,
) -> Vec<String> {
    let kinds = kinds(asked);
    if options.keep {
        let found = find(aws, prefix, &kinds).await;
        let errors = found.errors.iter().map(ToString::to_string);
        let left: Vec<String> = found.leftovers.iter().map(ToString::to_string).chain(errors).collect();
        tell(&format!("kept, until `{TOOL} --clean` removes it:\n  {}", left.join("\n  ")));
        return left;
    }
    let removed = removing(aws, prefix, &kinds, signals).await;
    removed.left.iter().map(ToString::to_string).chain(removed.untagged).collect()
}

/// Removes everything under a prefix; a second interrupt ends that.
async fn removing(aws: &Aws, prefix: &str, kinds: &[Kind], signals: &mut Signals) -> Removed {
    tell("removing everything (interrupt once more to leave the rest)");
    let removed = tokio::select! {
        removed = remove_all(aws, prefix, kinds, &tell) => removed,
        () = signals.received() => {
            let interrupted = Error::Unexpected(format!("interrupted while removing {prefix}*"));
            Removed { left: vec![interrupted.into()], ..Removed::default() }
        }
    };
    for left in removed.left.iter().map(ToString::to_string).chain(removed.untagged.iter().cloned()) {
        tell(&format!("LEFT: {left}"));
    }
    if removed.lacks_rights_only() {
        tell(&format!("`{TOOL} --clean` by somebody with these rights removes the rest"));
    } else if !removed.left.is_empty() {
        tell(&format!("`{TOOL} --clean` with the same profile and region removes the rest"));
    }
    removed
}

async fn clean(options: &Options, aws: &Aws) -> Result<u8, Failure> {
    let prefix = format!("{TOOL}-");
    let found = find(aws, &prefix, &Kind::ALL).await;
    for note in found.untagged.iter().cloned().chain(found.errors.iter().map(ToString::to_string)) {
        tell(&note);
    }
    if found.leftovers.is_empty() {
        let (account, region) = (&aws.account, &aws.region);
        if found.errors.is_empty() {
            tell(&format!("no run has left anything in account {account} in {region}"));
            return Ok(0);
        }
        tell(&format!("nothing is known to be left in account {account} in {region}, but not all could be looked at"));
        return Ok(NOT_DONE);
    }
    let list: Vec<String> = found.leftovers.iter().map(|leftover| format!("  {leftover}")).collect();
    let words = format!(
        "Account {}, region {}, as {}.\nThis is removed, also if a run still uses it:\n{}",
        aws.account,
        aws.region,
        aws.caller,
        list.join("\n")
    );
    if !confirmed(&words, options.yes).map_err(wrong_use)? {
        return Err(wrong_use(Error::Unexpected("not confirmed: nothing was removed".into())));
    }
    let mut signals = Signals::listen().map_err(not_done)?;
    let removed = removing(aws, &prefix, &Kind::ALL, &mut signals).await;
    Ok(if removed.left.is_empty() { 0 } else { NOT_DONE })
}

/// The kinds of things that these questions may have made. Nobody needs KMS's rights for a run without a key.
fn kinds(asked: &[Box<dyn Question>]) -> Vec<Kind> {
    let with_key = asked.iter().any(|question| question.about().needs == Needs::Key);
    Kind::ALL.into_iter().filter(|kind| with_key || *kind != Kind::Key).collect()
}

fn introduction(aws: &Aws, names: &Names, asked: &[Box<dyn Question>], options: &Options) -> String {
    let with_key = kinds(asked).contains(&Kind::Key);
    let cost = if with_key {
        "less than 0.30 USD (a customer key costs 1 USD a month until KMS deletes it in seven days)"
    } else {
        "less than 0.05 USD"
    };
    let key = if with_key { ", a customer key" } else { "" };
    let end = if options.keep { "Everything is left there (--keep)." } else { "Everything is removed at the end." };
    format!(
        "Account {}, region {}, as {}.\n\
         {} questions. For them this run makes a bucket, roles below {}, functions, queues,\n\
         rules and event buses{key}, all named {}*.\n\
         It touches nothing else. It costs {cost}.\n{end}",
        aws.account,
        aws.region,
        aws.caller,
        asked.len(),
        crate::lab::ROLE_PATH,
        names.prefix()
    )
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("printing the answers")
}

fn tell(text: &str) {
    // A closed stderr stops no run.
    let _told = writeln!(std::io::stderr(), "{text}");
}

/// Ctrl-C, and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).doing("listening for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
