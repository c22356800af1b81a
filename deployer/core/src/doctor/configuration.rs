//! Whether the deployer uses the newest deployer.json. A version of the deployer reads the version of the file that it was
//! published with, so a newer one is used by nobody until a version of the deployer is published with it and is live.

use super::{Check, Refused};
use crate::text::counted;

const CHECK: &str = "deployer.json";

/// Evaluates the configuration that is loaded, with so many environments. `newest`: whether no newer one is there; none
/// where the deployer reads the newest one each time.
#[must_use]
pub fn configuration(environments: usize, newest: Option<&Result<bool, Refused>>) -> Check {
    let environments = counted(environments, "environment");
    match newest {
        None | Some(Ok(true)) => Check::ok(CHECK).with_finding(environments),
        Some(Ok(false)) => Check::fail(
            CHECK,
            format!(
                "{environments}; the ledger bucket has a newer deployer.json, which this version of the deployer does not use: \
                 apply the tooling module, which publishes a version with it and makes that live; if you have gone back to \
                 this version on purpose, go forward again once that is possible (docs/upgrading.md)"
            ),
        ),
        Some(Err(refused)) => Check::ok(CHECK).with_finding(format!(
            "{environments}; whether the ledger bucket has a newer one cannot be read: {}",
            refused.message
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::CheckStatus;
    use super::*;

    #[test]
    fn newer_file_than_the_one_in_use_fails_and_says_what_to_do() {
        let newer = configuration(2, Some(&Ok(false)));
        assert_eq!(newer.status, CheckStatus::Fail);
        assert!(
            newer.because.is_some_and(|because| because.starts_with("2 environments; the ledger bucket has a newer"))
        );
        for newest in [None, Some(&Ok(true))] {
            let check = configuration(1, newest);
            assert_eq!((check.status, check.because.as_deref()), (CheckStatus::Ok, Some("1 environment")));
        }
    }
}
