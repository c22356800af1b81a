//! What an upload tells of where it comes from: options first, then what the CI says of itself.
//!
//! S3 takes US-ASCII only, 2 KB in all (S3 User Guide, "User-defined object metadata").

use std::collections::BTreeMap;

use super::super::answer::Stopped;
use super::super::surroundings;

/// The most that names and values have together.
const MOST_BYTES: usize = 2048;

/// Where the upload comes from.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Metadata {
    /// The commit it is built from [default: GITHUB_SHA or CI_COMMIT_SHA].
    #[arg(long, value_name = "ID")]
    commit: Option<String>,
    /// When that commit was made [default: CI_COMMIT_TIMESTAMP].
    #[arg(long, value_name = "TIME")]
    commit_time: Option<String>,
    /// Where its build can be seen [default: that of the GitHub Actions run or of the GitLab job].
    #[arg(long, value_name = "URL")]
    build_url: Option<String>,
    /// Who uploads it [default: GITHUB_ACTOR or GITLAB_USER_LOGIN].
    #[arg(long, value_name = "NAME")]
    uploaded_by: Option<String>,
}

/// What goes onto the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// By name.
    pub values: BTreeMap<&'static str, String>,
    /// What the environment says and S3 does not take: a sentence each.
    pub left_out: Vec<String>,
}

impl Metadata {
    /// All that is known.
    ///
    /// # Errors
    /// 2 where S3 does not take what an option says.
    pub fn told(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Told, Stopped> {
        let set = |name: &str| surroundings::set(&variable, name);
        let github = || {
            let [server, repository, run] = ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(set);
            Some(format!("{}/{}/actions/runs/{}", server?, repository?, run?))
        };
        let mut told = Told::default();
        for (name, option, default) in [
            ("commit", &self.commit, set("GITHUB_SHA").or_else(|| set("CI_COMMIT_SHA"))),
            ("commit-time", &self.commit_time, set("CI_COMMIT_TIMESTAMP")),
            ("build-url", &self.build_url, github().or_else(|| set("CI_JOB_URL"))),
            ("uploaded-by", &self.uploaded_by, surroundings::ci_user(&variable)),
        ] {
            match (option, default) {
                (Some(value), _) if is_taken(value) => drop(told.values.insert(name, value.clone())),
                (Some(value), _) => return Err(Stopped::wrong_use(format!("--{name} {value:?}: {RULE}"))),
                (None, Some(value)) if is_taken(&value) => drop(told.values.insert(name, value)),
                (None, Some(value)) => told.left_out.push(format!(
                    "{name} is left out, for the CI says {value:?}, and {RULE}; --{name} may say another"
                )),
                (None, None) => {}
            }
        }
        let size: usize = told.values.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MOST_BYTES {
            let names = "--commit, --commit-time, --build-url and --uploaded-by";
            return Err(Stopped::wrong_use(format!("{names} have {size} bytes, and S3 takes {MOST_BYTES}: say less")));
        }
        Ok(told)
    }
}

const RULE: &str = "S3 takes letters, digits and signs of US-ASCII only, with no space at either end";

fn is_taken(value: &str) -> bool {
    !value.is_empty() && value.trim() == value && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(options: [Option<&str>; 3], environment: &[(&str, &str)]) -> Result<Told, String> {
        let [commit, build_url, uploaded_by] = options.map(|option| option.map(str::to_owned));
        let variable = |name: &str| {
            environment.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        };
        Metadata { commit, commit_time: None, build_url, uploaded_by }.told(variable).map_err(|stopped| stopped.message)
    }

    fn values(told: &Told) -> Vec<(&str, &str)> {
        told.values.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    #[test]
    fn github_and_gitlab_say_where_they_build() {
        let github = [
            ("GITHUB_SHA", "4f5c2e1"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/orders"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_ACTOR", "ada"),
        ];
        let of_github = told([None; 3], &github).unwrap();
        let url = "https://github.com/acme/orders/actions/runs/7";
        assert_eq!(values(&of_github), [("build-url", url), ("commit", "4f5c2e1"), ("uploaded-by", "ada")]);
        let gitlab = [
            ("CI_COMMIT_SHA", "9a"),
            ("CI_COMMIT_TIMESTAMP", "2026-11-01T10:00:00+01:00"),
            ("CI_JOB_URL", "https://gitlab.com/acme/orders/-/jobs/7"),
            ("GITLAB_USER_LOGIN", "ada"),
        ];
        let of_gitlab = told([None; 3], &gitlab).unwrap();
        let url = "https://gitlab.com/acme/orders/-/jobs/7";
        let time = ("commit-time", "2026-11-01T10:00:00+01:00");
        assert_eq!(values(&of_gitlab), [("build-url", url), ("commit", "9a"), time, ("uploaded-by", "ada")]);
        assert_eq!(told([None; 3], &[]).unwrap(), Told::default());
    }

    #[test]
    fn an_option_goes_before_what_the_ci_says() {
        let told = told([Some("mine"), None, None], &[("GITHUB_SHA", "theirs"), ("GITHUB_RUN_ID", "7")]).unwrap();
        assert_eq!(values(&told), [("commit", "mine")]);
    }

    #[test]
    fn what_s3_does_not_take_is_refused_as_an_option_and_left_out_as_a_default() {
        assert_eq!(
            told([None, None, Some("Jörg")], &[]).unwrap_err(),
            "--uploaded-by \"Jörg\": S3 takes letters, digits and signs of US-ASCII only, with no space at either end"
        );
        assert!(told([Some(""), None, None], &[]).is_err());
        assert!(told([Some("a\nb"), None, None], &[]).is_err());
        let left = told([None; 3], &[("GITHUB_ACTOR", "Jörg"), ("GITHUB_SHA", "4f")]).unwrap();
        assert_eq!(values(&left), [("commit", "4f")]);
        assert_eq!(left.left_out.len(), 1);
        assert!(told([Some(&"x".repeat(2048)), None, None], &[]).unwrap_err().contains("S3 takes 2048"));
    }
}
