//! Who runs this, as the CI or the machine says.

/// A variable that is set to something.
pub(super) fn set(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

/// Whoever started the CI's job: GitHub's name for them, or GitLab's.
pub(super) fn ci_user(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    ["GITHUB_ACTOR", "GITLAB_USER_LOGIN"].iter().find_map(|name| set(&variable, name))
}

/// Whoever runs this: a job's user is nobody, so the CI's word goes first. One that is no single line is left out.
pub(super) fn user(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let machine = || ["USER", "USERNAME"].iter().find_map(|name| set(&variable, name));
    ci_user(&variable).or_else(machine).filter(|user| !user.trim().is_empty() && !user.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_started_the_job_goes_before_the_user_that_it_runs_as() {
        let by = |set: &[(&str, &str)]| {
            user(|name| set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(by(&[("USER", "runner"), ("GITHUB_ACTOR", "ada")]).as_deref(), Some("ada"));
        assert_eq!(by(&[("USER", "root"), ("GITLAB_USER_LOGIN", "ada")]).as_deref(), Some("ada"));
        assert_eq!(by(&[("USER", "ada"), ("GITHUB_ACTOR", "")]).as_deref(), Some("ada"));
        assert_eq!(by(&[("USER", "a\nb")]), None);
    }
}
