//! Small zips, one for each case and rule of packages, and what is right for each.
//!
//! The bytes in `tests/fixtures/packages` are what [`corpus`] makes; [`Verdict`] says what the deployer and
//! `deployctl validate` do with them, and [`page`] is the table of both for people.

pub mod archive;
mod corpus;
mod handlers;
mod manifests;
mod page;
mod rules;
mod streams;

use deployer_core::record::{Code, TargetErrorCode};

pub use corpus::corpus;
pub use page::page;

/// What is right for a zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is deployed.
    Deployed,
    /// It is deployed, and a warning has these words.
    Warned(&'static str),
    /// It is refused with this code, and the reason has these words.
    Refused(Code, &'static str),
    /// The one target fails with this code before its first write, and the reason has these words.
    Fails(TargetErrorCode, &'static str),
}

/// A function that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Its runtime.
    pub runtime: &'static str,
    /// Its handler.
    pub handler: &'static str,
    /// Whether it has a layer.
    pub has_layer: bool,
}

/// A zip, and what is right for it.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Its file's name without the ending.
    pub name: &'static str,
    /// The reason for its verdict, in a few words.
    pub why: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where there is no function yet; none for a zip that only an existing function can take.
    pub new: Option<Verdict>,
    /// Where this function is there.
    pub live: (Live, Verdict),
}

impl Fixture {
    /// What can be said of it without looking at any function. Rules that need one are left to the deployer.
    #[must_use]
    pub fn offline(&self) -> Verdict {
        match self.new.unwrap_or(self.live.1) {
            Verdict::Fails(..) => Verdict::Deployed,
            Verdict::Warned(_) if self.new.is_none() => Verdict::Deployed,
            verdict => verdict,
        }
    }
}
