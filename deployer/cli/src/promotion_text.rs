//! The text of promotions of several functions: those that match a pattern, and groups.

use std::fmt::Write as _;

use deployer_core::group::{Group, Member, Phase};
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::text::listed;

use super::answer::{Exit, sentence};
use super::follow::{Followed, Stage};
use super::{records, waiting_text};
use deployer_engine::History;

impl Followed for History {
    fn stage(&self) -> Stage {
        Stage::of_all(self.deployments.iter().map(Followed::stage))
    }

    fn name(&self) -> String {
        match self.deployments.as_slice() {
            [one] => one.name(),
            all => format!("the promotion of {} functions", all.len()),
        }
    }

    fn how(&self) -> String {
        let open = self.deployments.iter().find(|record| !record.status.is_ended());
        open.map_or(String::new(), |record| format!("{}: {}", record.function, record.how()))
    }

    fn has_reason(&self) -> bool {
        self.deployments.iter().find(|record| !record.status.is_ended()).is_some_and(Followed::has_reason)
    }

    fn text(&self) -> String {
        let width = |of: fn(&DeploymentRecord) -> usize| self.deployments.iter().map(of).max().unwrap_or(0);
        let function = width(|record| record.function.as_str().len());
        let release = width(|record| release(record).len());
        let mut text = String::new();
        for record in &self.deployments {
            let state = padded(record.status);
            let because = because_suffix(record.because.as_deref());
            let _always = writeln!(
                text,
                "{:function$}   {:release$}   {state}   deployment {}{because}",
                record.function.as_str(),
                self::release(record),
                record.id
            );
        }
        text + &self.next_step().unwrap_or_default()
    }

    fn next_step(&self) -> Option<String> {
        let waiting = self.deployments.iter().filter(|record| record.stage() == Stage::Waiting);
        let steps: String =
            waiting.map(|record| format!("{}: {}", record.function, waiting_text::next_step(record))).collect();
        (!steps.is_empty()).then_some(steps)
    }

    fn exit(&self) -> Exit {
        Exit::worst(self.deployments.iter().map(Followed::exit))
    }
}

impl Followed for Group {
    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Ended => Stage::Ended,
            Phase::Checking if self.because.is_some() => Stage::Waiting,
            Phase::Checking | Phase::Placing | Phase::Moving | Phase::RollingBack => Stage::Running,
        }
    }

    fn name(&self) -> String {
        format!("group {}", self.id)
    }

    fn how(&self) -> String {
        self.because.as_deref().map_or_else(|| self.status.to_string(), sentence)
    }

    fn has_reason(&self) -> bool {
        self.because.is_some()
    }

    fn text(&self) -> String {
        let Self { id, environment, from, because, .. } = self;
        let names: Vec<&str> = self.functions.iter().map(|member| member.function.as_str()).collect();
        let took = |end| records::promotion_took(self.started_at, end, &self.approvals);
        let took = self.finished_at.map_or(String::new(), took);
        let mut text = format!(
            "{} from {from} to {environment}: {}{took}, group {id}\n",
            listed(&names),
            records::ending(self.status, because.as_deref())
        );
        if let Some(because) = because {
            let code = self.code.filter(|_| !records::is_declined(self.status, Some(because.as_str())));
            let code = code.map_or(String::new(), |code| format!("{code:?}: "));
            let _always = writeln!(text, "  {code}{}", sentence(because));
        }
        let function = names.iter().map(|name| name.len()).max().unwrap_or(0);
        for member in &self.functions {
            let _always = writeln!(text, "  {:function$}   {}", member.function.as_str(), member_line(member));
            for one in &member.ended_waiting {
                let _always = writeln!(text, "  {:function$}   {}", "", records::ended_waiting(one));
            }
        }
        text + &self.next_step().unwrap_or_default()
    }

    fn next_step(&self) -> Option<String> {
        (self.stage() == Stage::Waiting).then(|| next_step(self))
    }

    fn exit(&self) -> Exit {
        match self.status {
            Status::Failed | Status::RolledBack => Exit::Failed,
            Status::Refused | Status::Superseded => Exit::Refused,
            Status::Succeeded | Status::Unchanged | Status::Pending | Status::InProgress => Exit::Done,
        }
    }
}

/// Writes the line of one function of a group.
fn member_line(member: &Member) -> String {
    let release = member.release.as_ref().map_or(String::new(), |release| format!("{release}   "));
    let Some(status) = member.status else { return format!("{release}not moved") };
    let back = member.rollback.map_or(String::new(), |rollback| format!(", brought back by {rollback}"));
    let because = because_suffix(member.because.as_deref());
    format!("{release}{}   deployment {}{because}{back}", padded(status), member.deployment)
}

/// Writes the step by which a waiting group goes on.
fn next_step(group: &Group) -> String {
    let arguments = format!("-e {} --deployment {}", group.environment, group.id);
    match group.approvals_wanted {
        Some(wanted) => waiting_text::approve_hint(wanted, group.cause.requested_by.as_deref(), &arguments),
        None => format!("It goes on by itself then; to end it:\n  deployctl decline {arguments}\n"),
    }
}

fn release(record: &DeploymentRecord) -> &str {
    record.release.as_ref().map_or("-", |release| release.as_str())
}

/// Returns a status in its colour, padded to the usual width.
fn padded(status: Status) -> String {
    let space = "succeeded".len().saturating_sub(status.to_string().len());
    format!("{}{}", records::status(status), " ".repeat(space))
}

fn because_suffix(because: Option<&str>) -> String {
    because.map_or(String::new(), |because| format!(", {}", sentence(because)))
}
