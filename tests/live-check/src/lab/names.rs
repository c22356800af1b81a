//! The names of the things that a run makes: all begin with the run's prefix and bear the run's tag.

use fixtures::error::{Error, Result};

/// The beginning of every name, and the key of the tag.
pub const TOOL: &str = "live-check";

/// The path of the roles, so that a policy and a listing can name them.
pub const ROLE_PATH: &str = "/live-check/";

/// The number of random letters in a run's names.
const RANDOM: usize = 10;
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The names of one run.
#[derive(Debug, Clone)]
pub struct Names {
    prefix: String,
    id: String,
}

impl Names {
    /// Makes the names of a new run.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; RANDOM];
        getrandom::fill(&mut bytes).map_err(|error| Error::failed("taking a random name", error))?;
        let id: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        Ok(Self { prefix: format!("{TOOL}-{id}"), id })
    }

    /// Whether this may be the prefix of a run: the form fits.
    #[must_use]
    pub fn is_prefix_of_a_run(name: &str) -> bool {
        let random = name.strip_prefix(TOOL).and_then(|rest| rest.strip_prefix('-'));
        random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|letter| LETTERS.contains(&letter)))
    }

    /// The beginning of every name of this run, which is the bucket's name.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The value of the tag.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of something of this run.
    #[must_use]
    pub fn of(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn prefix_of_a_run_is_known_by_its_form() {
        assert!(Names::is_prefix_of_a_run(Names::random().unwrap().prefix()));
        for name in ["live-check", "live-check-mine", "live-check-abcdefghi1", "live-check-abcdefghijk", "abcdefghij"] {
            assert!(!Names::is_prefix_of_a_run(name), "{name}");
        }
    }

    #[test]
    fn names_fit_buckets_and_roles() {
        let names = Names::random().unwrap();
        assert_ne!(names.prefix(), Names::random().unwrap().prefix());
        assert!(names.of("caller").len() <= 63, "a bucket's name has 63 characters at most");
        assert!(names.prefix().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    }
}
