//! Finds the user who runs `deployctl` in the variables of the CI or the machine.

/// Returns a variable that is set and not empty.
pub(crate) fn set(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

/// Returns the user who started the CI's job, by GitHub's or GitLab's variable.
fn ci_user(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    ["GITHUB_ACTOR", "GITLAB_USER_LOGIN"].iter().find_map(|name| set(&variable, name))
}

/// Returns the user who runs `deployctl`. The CI's variable wins over the machine's, whose user is no person in a job.
/// A name of several lines is left out.
pub(crate) fn user(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let machine = || ["USER", "USERNAME"].iter().find_map(|name| set(&variable, name));
    ci_user(&variable).or_else(machine).filter(|user| !user.trim().is_empty() && !user.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_user_goes_before_machine_user() {
        let by = |set: &[(&str, &str)]| {
            user(|name| set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(by(&[("USER", "runner"), ("GITHUB_ACTOR", "ada")]).as_deref(), Some("ada"));
        assert_eq!(by(&[("USER", "root"), ("GITLAB_USER_LOGIN", "ada")]).as_deref(), Some("ada"));
        assert_eq!(by(&[("USER", "ada"), ("GITHUB_ACTOR", "")]).as_deref(), Some("ada"));
        assert_eq!(by(&[("USER", "a\nb")]), None);
    }
}
