//! The environment as a value, so that a test of what depends on it need not change that of its process.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables and their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(BTreeMap<OsString, OsString>);

impl Variables {
    /// Those of this process.
    pub(super) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// A variable that is set to something.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Those that name a proxy.
    pub(super) fn proxies(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter().filter(|(name, _)| name.to_string_lossy().to_lowercase().ends_with("_proxy"))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
