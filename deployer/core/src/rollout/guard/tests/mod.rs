#![allow(clippy::unwrap_used)]

mod minutes;
mod numbers;
mod verdicts;

use super::*;
use crate::config::Target;
use crate::config::rollout::{Guard, MINUTES_ALONE};
use crate::id::{AccountId, Region};

fn target(number: u64) -> Target {
    Target { account: AccountId::parse(format!("{number:012}")).unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn compare(e1: u64, n1: u64, e0: u64, n0: u64) -> Comparison {
    Comparison { new: Counts::of(n1, e1), old: Counts::of(n0, e0) }
}

const RELEASES: Releases<'static> = Releases { new: "1.4.3", old: "1.4.2" };
