//! Environment variables as a value, so that tests need not change those of their process.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables and their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(BTreeMap<OsString, OsString>);

impl Variables {
    /// Returns the variables of this process.
    pub(super) fn from_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Returns a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns the variables that name a proxy.
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
