//! The metadata of an upload, from options or else from the variables of the CI or the machine.
//!
//! S3 accepts US-ASCII only, 2 KB in all (S3 User Guide, "User-defined object metadata").

use std::collections::BTreeMap;

use crate::answer::CliError;
use crate::remote::ci_env;

/// The limit for all names and values together.
const MAX_BYTES: usize = 2048;

/// The options that name the origin of an upload.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct MetadataOptions {
    /// The commit it is built from [default: GITHUB_SHA or CI_COMMIT_SHA].
    #[arg(long, value_name = "ID")]
    commit: Option<String>,
    /// The time of that commit in RFC 3339: git log -1 --format=%cI [default: CI_COMMIT_TIMESTAMP].
    #[arg(long, value_name = "TIME")]
    commit_time: Option<String>,
    /// The URL of the build [default: that of the GitHub Actions run or of the GitLab job].
    #[arg(long, value_name = "URL")]
    build_url: Option<String>,
    /// The user who uploads it [default: GITHUB_ACTOR, GITLAB_USER_LOGIN or the user of this machine].
    #[arg(long, visible_alias = "requested-by", value_name = "NAME")]
    uploaded_by: Option<String>,
}

/// The metadata of the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UploadMetadata {
    /// The values by name.
    pub values: BTreeMap<&'static str, String>,
    /// A sentence for each value of a variable that S3 does not accept.
    pub left_out: Vec<String>,
}

impl MetadataOptions {
    /// Collects the metadata from options and variables.
    ///
    /// # Errors
    /// 2 where S3 does not accept an option's value.
    pub fn collect(&self, variable: impl Fn(&str) -> Option<String>) -> Result<UploadMetadata, CliError> {
        let set = |name: &str| ci_env::set(&variable, name);
        let github = || {
            let [server, repository, run] = ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(set);
            Some(format!("{}/{}/actions/runs/{}", server?, repository?, run?))
        };
        let mut metadata = UploadMetadata::default();
        for (name, option, default) in [
            ("commit", &self.commit, set("GITHUB_SHA").or_else(|| set("CI_COMMIT_SHA"))),
            ("commit-time", &self.commit_time, set("CI_COMMIT_TIMESTAMP")),
            ("build-url", &self.build_url, github().or_else(|| set("CI_JOB_URL"))),
            ("uploaded-by", &self.uploaded_by, ci_env::user(&variable)),
        ] {
            // An empty option counts as absent, because a pipeline passes an unset variable as an empty text.
            let option = option.as_ref().filter(|value| !value.is_empty());
            match (option, default) {
                (Some(value), _) => match violated_rule(name, value) {
                    None => drop(metadata.values.insert(name, value.clone())),
                    Some(rule) => return Err(CliError::wrong_use(format!("--{name} {value:?}: {rule}"))),
                },
                (None, Some(value)) => match violated_rule(name, &value) {
                    None => drop(metadata.values.insert(name, value)),
                    Some(rule) => metadata.left_out.push(format!(
                        "{name} is left out, for the environment says {value:?}, and {rule}; --{name} may say another"
                    )),
                },
                (None, None) => {}
            }
        }
        let size: usize = metadata.values.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MAX_BYTES {
            let names = "--commit, --commit-time, --build-url and --uploaded-by";
            return Err(CliError::wrong_use(format!("{names} have {size} bytes, and S3 takes {MAX_BYTES}: say less")));
        }
        Ok(metadata)
    }
}

const RULE: &str = "S3 takes letters, digits and signs of US-ASCII only, with no space at either end";
const TIME: &str = "a time is written as in RFC 3339, such as 2026-11-01T10:00:00+01:00 (git log -1 --format=%cI)";

/// Returns the rule that a value breaks.
fn violated_rule(name: &str, value: &str) -> Option<&'static str> {
    let is_taken = value.trim() == value && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    match name {
        _ if !is_taken => Some(RULE),
        "commit-time" if !is_time(value) => Some(TIME),
        _ => None,
    }
}

/// Whether a text is a time of RFC 3339; jiff accepts more forms.
fn is_time(text: &str) -> bool {
    let like = |text: &str, form: &str| {
        let fits = |(found, form): (u8, u8)| if form == b'0' { found.is_ascii_digit() } else { found == form };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let Some((time, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let fraction = |rest: &str| rest.find(|sign: char| !sign.is_ascii_digit()).filter(|digits| *digits > 0);
    let offset = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest).and_then(|end| rest.get(end..)).unwrap_or_default(),
        None => rest,
    };
    like(time, "0000-00-00T00:00:00")
        && ["Z", "+00:00", "-00:00"].iter().any(|form| like(offset, form))
        && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn collect(options: [Option<&str>; 3], environment: &[(&str, &str)]) -> Result<UploadMetadata, String> {
        let [commit, build_url, uploaded_by] = options.map(|option| option.map(str::to_owned));
        let variable = |name: &str| {
            environment.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        };
        MetadataOptions { commit, commit_time: None, build_url, uploaded_by }
            .collect(variable)
            .map_err(|error| error.message)
    }

    fn values(metadata: &UploadMetadata) -> Vec<(&str, &str)> {
        metadata.values.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    #[test]
    fn metadata_comes_from_github_and_gitlab_variables() {
        let github = [
            ("GITHUB_SHA", "4f5c2e1"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/orders"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_ACTOR", "ada"),
        ];
        let of_github = collect([None; 3], &github).unwrap();
        let url = "https://github.com/acme/orders/actions/runs/7";
        assert_eq!(values(&of_github), [("build-url", url), ("commit", "4f5c2e1"), ("uploaded-by", "ada")]);
        let gitlab = [
            ("CI_COMMIT_SHA", "9a"),
            ("CI_COMMIT_TIMESTAMP", "2026-11-01T10:00:00+01:00"),
            ("CI_JOB_URL", "https://gitlab.com/acme/orders/-/jobs/7"),
            ("GITLAB_USER_LOGIN", "ada"),
        ];
        let of_gitlab = collect([None; 3], &gitlab).unwrap();
        let url = "https://gitlab.com/acme/orders/-/jobs/7";
        let time = ("commit-time", "2026-11-01T10:00:00+01:00");
        assert_eq!(values(&of_gitlab), [("build-url", url), ("commit", "9a"), time, ("uploaded-by", "ada")]);
        assert_eq!(collect([None; 3], &[]).unwrap(), UploadMetadata::default());
    }

    #[test]
    fn uploader_is_the_machines_user_outside_of_a_ci() {
        let by = |environment: &[(&str, &str)]| collect([None; 3], environment).unwrap();
        assert_eq!(values(&by(&[("USER", "ada")])), [("uploaded-by", "ada")]);
        assert_eq!(values(&by(&[("USER", "runner"), ("GITHUB_ACTOR", "ada")])), [("uploaded-by", "ada")]);
        let left = by(&[("USER", "Jörg")]);
        assert!(left.values.is_empty() && left.left_out[0].contains("the environment says \"Jörg\""), "{left:?}");
    }

    #[test]
    fn option_goes_before_ci_variable() {
        let metadata =
            collect([Some("mine"), None, None], &[("GITHUB_SHA", "theirs"), ("GITHUB_RUN_ID", "7")]).unwrap();
        assert_eq!(values(&metadata), [("commit", "mine")]);
    }

    #[test]
    fn non_ascii_value_is_refused_as_option_and_left_out_as_default() {
        assert_eq!(
            collect([None, None, Some("Jörg")], &[]).unwrap_err(),
            "--uploaded-by \"Jörg\": S3 takes letters, digits and signs of US-ASCII only, with no space at either end"
        );
        assert!(collect([Some("a\nb"), None, None], &[]).is_err());
        let left = collect([None; 3], &[("GITHUB_ACTOR", "Jörg"), ("GITHUB_SHA", "4f")]).unwrap();
        assert_eq!(values(&left), [("commit", "4f")]);
        assert_eq!(left.left_out.len(), 1);
        assert!(collect([Some(&"x".repeat(2048)), None, None], &[]).unwrap_err().contains("S3 takes 2048"));
    }

    fn commit_time(option: Option<&str>, ci: &[(&str, &str)]) -> Result<UploadMetadata, String> {
        let variable =
            |name: &str| ci.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned());
        let commit_time = option.map(str::to_owned);
        let metadata = MetadataOptions { commit: None, commit_time, build_url: None, uploaded_by: None };
        metadata.collect(variable).map_err(|error| error.message)
    }

    #[test]
    fn commit_time_not_of_rfc_3339_is_refused() {
        for good in ["2026-11-01T10:00:00+01:00", "2026-11-01T10:00:00Z", "2026-11-01T10:00:00.123-07:30"] {
            assert_eq!(values(&commit_time(Some(good), &[]).unwrap()), [("commit-time", good)]);
        }
        for bad in [
            "yesterday",
            "2026-02-30T10:00:00Z",
            "2026-11-01",
            "2026-11-01T10:00:00",
            "2026-11-01 10:00:00 +0100",
            "2026-11-01T10Z",
            "2026-11-01T10:00:00+01:00[Europe/Berlin]",
            "1793527200",
        ] {
            assert_eq!(
                commit_time(Some(bad), &[]).unwrap_err(),
                format!(
                    "--commit-time {bad:?}: a time is written as in RFC 3339, such as 2026-11-01T10:00:00+01:00 (git log -1 \
                     --format=%cI)"
                )
            );
            let of_ci = commit_time(None, &[("CI_COMMIT_TIMESTAMP", bad)]).unwrap();
            assert_eq!((of_ci.values.len(), of_ci.left_out.len()), (0, 1), "{of_ci:?}");
        }
    }

    #[test]
    fn empty_option_counts_as_absent() {
        assert_eq!(commit_time(Some(""), &[]).unwrap(), UploadMetadata::default());
        let time = "2026-11-01T10:00:00+01:00";
        assert_eq!(values(&commit_time(Some(""), &[("CI_COMMIT_TIMESTAMP", time)]).unwrap()), [("commit-time", time)]);
        assert_eq!(collect([Some(""); 3], &[]).unwrap(), UploadMetadata::default());
        assert_eq!(values(&collect([Some(""); 3], &[("GITHUB_SHA", "4f")]).unwrap()), [("commit", "4f")]);
    }
}
