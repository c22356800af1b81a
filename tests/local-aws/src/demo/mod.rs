//! `cargo demo`: stories of deployments and of rollouts with the real `deployctl`, three uploads step by step, and a
//! playground.

mod clock;
mod narrator;
mod playground;
mod rollouts;
mod screen;
mod steps;
mod story;
mod uploads;
mod workspace;

use fixtures::error::{Error, Result};

pub use playground::Playground;
pub use rollouts::tell as tell_rollouts;
pub use screen::Screen;
pub use story::tell;
pub use uploads::{Accounts, show};
pub use workspace::Workspace;

/// The function of the demo; artifacts/dev has its sources.
const FUNCTION: &str = "hello";

/// Fails if what the demo shows is not so.
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Unexpected(format!("{what}: expected {expected:?}, found {found:?}")))
}
