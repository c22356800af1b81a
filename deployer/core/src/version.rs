//! The version of this deployer, which records, the doctor and `deployctl version` tell.

use std::sync::LazyLock;

/// The release: the version of the Cargo packages.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Returns the release, and the commit that the build was told in `DEPLOYER_COMMIT`: `0.1.0+1a2b3c4d5e6f`.
#[must_use]
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| with_commit(option_env!("DEPLOYER_COMMIT")));
    &VERSION
}

fn with_commit(commit: Option<&str>) -> String {
    match commit.map(str::trim).filter(|commit| !commit.is_empty()) {
        Some(commit) => format!("{RELEASE}+{commit}"),
        None => RELEASE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_has_the_commit_that_the_build_was_told() {
        assert_eq!(with_commit(Some("1a2b3c4d5e6f")), format!("{RELEASE}+1a2b3c4d5e6f"));
        for none in [None, Some(""), Some(" \n")] {
            assert_eq!(with_commit(none), RELEASE, "{none:?}");
        }
        assert!(version().starts_with(RELEASE), "{}", version());
    }
}
