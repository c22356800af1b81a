//! Counts of the events in schedules.

use std::fmt;
use std::ops::AddAssign;

/// Counts over one schedule or many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Tally {
    pub uploads: usize,
    pub duplicates: usize,
    pub commands: usize,
    pub requests: usize,
    pub votes: usize,
    pub promoted: usize,
    pub invocations: usize,
    pub deaths: usize,
    pub freezes: usize,
    pub lost: usize,
    pub ticks: usize,
    pub sweeps: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.uploads += other.uploads;
        self.duplicates += other.duplicates;
        self.commands += other.commands;
        self.requests += other.requests;
        self.votes += other.votes;
        self.promoted += other.promoted;
        self.invocations += other.invocations;
        self.deaths += other.deaths;
        self.freezes += other.freezes;
        self.lost += other.lost;
        self.ticks += other.ticks;
        self.sweeps += other.sweeps;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            uploads,
            duplicates,
            commands,
            requests,
            votes,
            promoted,
            invocations,
            deaths,
            freezes,
            lost,
            ticks,
            sweeps,
        } = self;
        write!(
            f,
            "{uploads} uploads, {duplicates} duplicates, {commands} commands, {requests} promotions asked for by \
             events, {votes} approvals and refusals, {promoted} promotions that came in, {invocations} invocations, {deaths} deaths, {freezes} freezes, {lost} lost messages, {ticks} ticks, {sweeps} sweeps"
        )
    }
}
