//! `deployctl promote` of several functions: together as a group, or each that matches a pattern.

use std::fmt::Write as _;
use std::time::Instant;

use deployer_core::group::Group;
use deployer_core::id::{EnvironmentName, FunctionPattern};
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::StatusReport;

use super::nothing_ready;
use super::{Asked, instead};
use crate::answer::{Answer, CliError, Exit};
use crate::follow::another::own_end;
use crate::follow::repeated::{self, Repeated};
use crate::follow::unended::{self, Unended};
use crate::follow::{self, Followed as _, Until};
use crate::output::Output;
use crate::text::waiting;
use deployer_engine::History;

/// Promotes several functions together.
pub(crate) async fn together(Asked { follow, command, until, output }: Asked<'_>) -> Result<Answer, CliError> {
    let began = Instant::now();
    let (group, is_repeated) = match follow.repeated::<Group>(&command).await? {
        Repeated::Ended(group) => (*group, true),
        Repeated::New | Repeated::Open(_) => match follow.follow_or_tell::<Group>(command, until).await {
            Ok(group) => (group, false),
            Err(unended) => return unended.answer(follow::Options::answer_of, output),
        },
    };
    if until == Until::Ended {
        match follow.follow_group_in_place_of(&group, began).await {
            Ok(Some(other)) => return Ok(follow::Options::answer_of(&other)),
            Ok(None) => {}
            Err(unended) => return unended.answer(follow::Options::answer_of, output),
        }
    }
    let mut answer = if is_repeated { repeated::ended(&group) } else { follow::Options::answer_of(&group) };
    if output == Output::Text && group.status == Status::Superseded {
        let ended = own_end(&group.name());
        let look = |report: &StatusReport| waiting::group_instead(&group, report);
        answer.text.push_str(&instead(&follow.remote, (&group.environment, None), ended, look).await?);
    }
    Ok(answer)
}

/// Promotes each function that matches the pattern and is ready.
pub(crate) async fn each(
    Asked { follow, command, until, output }: Asked<'_>,
    pattern: &FunctionPattern,
    (from, to): (&EnvironmentName, &EnvironmentName),
) -> Result<Answer, CliError> {
    let began = Instant::now();
    let (mut each, mut cut_short) = match follow.follow_or_tell::<History>(command, until).await {
        Ok(each) => (each, None),
        Err(Unended { error, last: Some(each) }) => (*each, Some(error)),
        Err(Unended { error, last: None }) => return Err(error),
    };
    if until == Until::Ended && cut_short.is_none() {
        cut_short = follow_each(follow, &mut each.deployments, began).await;
    }
    if each.deployments.is_empty() && output == Output::Text {
        let text = nothing_ready::text(pattern, (from, to), &each.not_ready);
        return Ok(Answer::with_text(text, &each, Exit::Done));
    }
    let mut answer = follow::Options::answer_of(&each);
    if output == Output::Text {
        answer.text.push_str(&nothing_ready::beside_others(&each.not_ready));
        if until != Until::Ended && each.deployments.iter().any(|record| record.status == Status::Superseded) {
            let ended = "some promotions of this request have ended as superseded".to_owned();
            let look = |report: &StatusReport| in_place_of_each(&each.deployments, report);
            answer.text.push_str(&instead(&follow.remote, (to, None), ended, look).await?);
        }
    }
    match cut_short {
        Some(error) => unended::cut_short(answer, error, output),
        None => Ok(answer),
    }
}

/// Follows each promotion in whose place one of these has ended, one after the other, and puts it there. Once the time is
/// over, the others are looked at once. Returns the reasons why not each was followed to its end.
async fn follow_each(follow: &follow::Options, records: &mut [DeploymentRecord], began: Instant) -> Option<CliError> {
    let (mut errors, mut left) = (Vec::new(), records);
    while let Some((record, rest)) = std::mem::take(&mut left).split_first_mut() {
        left = rest;
        let function = record.function.clone();
        let (other, error) = match follow.follow_in_place_of(record, began).await {
            Ok(other) => (other, None),
            Err(Unended { error, last }) => (last.map(|last| *last), Some(error)),
        };
        if let Some(other) = other {
            *record = other;
        }
        let Some(error) = error else { continue };
        match error.exit {
            Exit::Interrupted => {
                errors.push(error);
                break;
            }
            Exit::TimedOut => {
                errors.push(error);
                errors.extend(follow.look_in_place_of(left).await.err());
                break;
            }
            _ => errors.push(CliError { message: format!("{function}: {}", error.message), ..error }),
        }
    }
    CliError::together(errors)
}

/// Writes how the promotions go on that wait in the place of others.
fn in_place_of_each(records: &[DeploymentRecord], report: &StatusReport) -> String {
    let mut text = String::new();
    for record in records.iter().filter(|record| record.status == Status::Superseded) {
        let step = waiting::instead(record, report);
        if !step.is_empty() {
            let _always = write!(text, "{}: {step}", record.function);
        }
    }
    text
}
