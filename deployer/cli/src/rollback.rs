//! `deployctl rollback`: what was live before is live again. Whoever asks for it is shown what he leaves, and leaves nothing
//! that he was not shown.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use deployer_core::id::{DeploymentId, Release};
use deployer_core::status::FunctionStatus;
use jiff::Timestamp;

use super::answer::{Answer, Exit, Stopped, one_line};
use super::ledger::Teller;
use super::status::ago;
use super::{Output, follow};
use deployer_core::trigger::Command;

/// What to roll back, and where to.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    place: follow::Place,
    /// The release to go back to, of the last 50 that were live there [default: the one before].
    #[arg(long, short = 'r', visible_alias = "release", value_name = "NAME")]
    to: Option<Release>,
    /// Do not ask; refused if anything else than this release is live.
    #[arg(long, value_name = "NAME", conflicts_with = "yes")]
    leaving: Option<Release>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// What the person means to leave, by which the deployer knows whether it still is so.
#[derive(Debug, Default)]
struct Seen {
    live: Option<String>,
    active: Option<DeploymentId>,
}

pub(super) async fn run(options: &Options, output: Output) -> Result<Answer, Stopped> {
    let Seen { live: if_live, active: if_active } = match &options.leaving {
        Some(release) => Seen { live: Some(release.to_string()), active: None },
        None => options.seen(output).await?,
    };
    let follow::Place { environment, function } = &options.place;
    let (environment, function, to) = (environment.clone(), function.clone(), options.to.clone());
    options.follow.carried_out(Command::Rollback { environment, function, to, if_live, if_active }).await
}

impl Options {
    /// Shows what would be left, and asks whether it shall be, unless that was said.
    async fn seen(&self, output: Output) -> Result<Seen, Stopped> {
        let is_asked = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !(self.yes || is_asked) {
            return Err(Stopped::wrong_use(
                "nobody is at a terminal who could confirm it: say --leaving RELEASE, and it is refused if anything else is \
                 live, or --yes",
            ));
        }
        let status = match self.status().await {
            Ok(status) => status,
            Err(wrong) if wrong.exit == Exit::WrongUse => return Err(wrong),
            Err(unread) if self.yes => {
                tell(&format!("rolling back unseen, for what is live cannot be read: {unread}\n"))?;
                return Ok(Seen::default());
            }
            Err(unread) => {
                return Err(Stopped {
                    message: format!(
                        "what is live cannot be read, and nothing was rolled back: {}\n  --leaving RELEASE or --yes rolls \
                         back without a look",
                        unread.message
                    ),
                    ..unread
                });
            }
        };
        if !self.yes || output == Output::Text {
            tell(&self.shown(status.as_ref(), Timestamp::now()))?;
        }
        if !self.yes && !is_confirmed()? {
            return Err(Stopped::interrupted("not confirmed: nothing was rolled back"));
        }
        Ok(status.map(|status| Seen::of(&status)).unwrap_or_default())
    }

    /// None where nothing is known of it.
    async fn status(&self) -> Result<Option<FunctionStatus>, Stopped> {
        let follow::Place { environment, function } = &self.place;
        let mut teller = Teller::Deployer(self.follow.remote.remote().await);
        let report = teller.status(Some(environment), Some(function)).await?;
        Ok(report.functions.into_iter().next())
    }

    fn shown(&self, status: Option<&FunctionStatus>, now: Timestamp) -> String {
        let follow::Place { environment, function } = &self.place;
        let mut text = format!("{function} in {environment}\n");
        let live = status.and_then(|status| Some((status, status.live.as_ref()?)));
        let _always = match live {
            None => writeln!(text, "  live       nothing"),
            Some((status, live)) => {
                let by = live.by.as_deref().map_or(String::new(), |by| format!(" by {}", one_line(by)));
                let since = live.since.strftime("%Y-%m-%d %H:%M:%SZ");
                let (release, ago, extent) = (&live.release, ago(live.since, now), status.extent());
                writeln!(text, "  live       {release}, since {since} ({ago}){by}, on {extent}")
            }
        };
        let under_way = status.and_then(|status| status.active.or(status.pending));
        if let Some(id) = under_way {
            let _always = writeln!(text, "  under way  deployment {id}, which is stopped");
        }
        let earlier = status.and_then(|status| status.rollback_to.as_ref()).map_or("nothing", Release::as_str);
        let _always = match (&self.to, under_way, live) {
            (Some(release), ..) => writeln!(text, "  back to    {release}"),
            (None, Some(_), Some((_, live))) => writeln!(
                text,
                "  back to    {}, which is live; if that is what is under way, to {earlier}",
                live.release
            ),
            (None, Some(_), None) => writeln!(text, "  back to    nothing: it is only stopped"),
            (None, None, _) => writeln!(text, "  back to    {earlier}"),
        };
        text
    }
}

impl Seen {
    fn of(status: &FunctionStatus) -> Self {
        let live = status.live.as_ref().map(|live| live.deployment.to_string());
        Self { live, active: status.active.or(status.pending) }
    }
}

/// Beside the answer, which is for programs too.
fn tell(words: &str) -> Result<(), Stopped> {
    let mut err = anstream::stderr();
    let told = write!(err, "{words}").and_then(|()| err.flush());
    told.map_err(|error| Stopped::failed(format!("writing to standard error: {error}")))
}

/// Whatever is not a clear yes is a no.
fn is_confirmed() -> Result<bool, Stopped> {
    tell("Roll back? [y/N] ")?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| Stopped::failed(format!("reading the confirmation: {error}; nothing was rolled back")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
