//! Whether Lambda can start what is in a zip: the program of `provided.*` runtimes, or the file that a handler names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bootstrap::{self, Bootstrap, Machine};
use super::error::PackageError;
use super::handler;
use crate::manifest::{Architecture, FunctionConfig, Runtime};

/// What in a zip decides whether Lambda can start it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Startup {
    /// The program at the root, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Bootstrap>,
    /// A file `bootstrap` in a folder, where nobody starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_bootstrap: Option<String>,
    /// The one folder that all of the zip is in, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The files that a handler may be in, sorted; none where they are too many to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Vec<String>>,
}

/// How a function is going to be run, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Its runtime's identifier.
    pub runtime: Option<&'a str>,
    /// Its handler.
    pub handler: Option<&'a str>,
    /// The machine that it runs on; none: the one that the program is for.
    pub machine: Option<Machine>,
    /// Whether it has layers, which may have the runtime or the handler's file.
    pub has_layers: bool,
    /// A variable that lets its runtime look for code elsewhere, too.
    pub looks_by: Option<&'static str>,
}

/// These lead to code elsewhere (Python, Node.js and Ruby; Lambda Developer Guide, "Modifying the runtime environment").
const LEADING: [&str; 4] = ["PYTHONPATH", "NODE_PATH", "RUBYLIB", "AWS_LAMBDA_EXEC_WRAPPER"];

/// The one of a function's variables that lets its runtime look for code elsewhere.
#[must_use]
pub fn looks_by<V>(variables: &BTreeMap<String, V>) -> Option<&'static str> {
    LEADING.into_iter().find(|name| variables.contains_key(*name))
}

impl<'a> Run<'a> {
    /// What a manifest says of it. A function that it does not give layers has none.
    #[must_use]
    pub fn of(config: &'a FunctionConfig) -> Self {
        Self {
            runtime: config.runtime.as_ref().map(Runtime::as_str),
            handler: config.handler.as_deref(),
            machine: config.architectures.map(Machine::from),
            has_layers: config.layers.as_ref().is_some_and(|layers| !layers.is_empty()),
            looks_by: config.variables.as_ref().and_then(looks_by),
        }
    }

    /// What can be said of it before the function is seen: one to which the manifest gives no layers may have some.
    #[must_use]
    pub fn unseen(config: &'a FunctionConfig) -> Self {
        Self { has_layers: config.layers.as_ref().is_none_or(|layers| !layers.is_empty()), ..Self::of(config) }
    }

    /// What can be said of it where the function is not seen at all. One that the manifest describes well enough to be created
    /// has the layers that it names.
    #[must_use]
    pub fn offline(config: &'a FunctionConfig) -> Self {
        let is_whole = config.role.is_some() && config.runtime.is_some() && config.handler.is_some();
        if is_whole { Self::of(config) } else { Self::unseen(config) }
    }

    /// The same on this architecture.
    #[must_use]
    pub fn on(self, architecture: Architecture) -> Self {
        Self { machine: Some(architecture.into()), ..self }
    }

    fn is_provided(&self) -> bool {
        self.runtime.is_some_and(|name| Runtime::parse(name).is_ok_and(|runtime| runtime.is_provided()))
    }
}

impl Startup {
    /// Whether this can be started like that. Some of what is missing may be in a layer: then that is a warning.
    ///
    /// # Errors
    /// [`PackageError`]: there is no program or it cannot be started, or no file for the handler.
    pub fn suits(&self, run: Run<'_>) -> Result<Option<String>, PackageError> {
        if run.is_provided() {
            return match &self.bootstrap {
                Some(bootstrap) => {
                    let machine = run.machine.or_else(|| bootstrap.machine()).unwrap_or(Machine::X86_64);
                    bootstrap::check(bootstrap, machine).map(|()| None)
                }
                None if run.has_layers => Ok(None),
                None => Err(PackageError::NoBootstrap { nested: self.nested_bootstrap.clone() }),
            };
        }
        let (Some(runtime), Some(handler), Some(code)) = (run.runtime, run.handler, &self.code) else {
            return Ok(None);
        };
        match handler::missing(runtime, handler, code, self.folder.as_deref()) {
            None => Ok(None),
            Some(error) if run.has_layers => Ok(Some(format!("{error}, unless one of the function's layers has it"))),
            Some(error) => match run.looks_by {
                Some(variable) => Ok(Some(format!("{error}, unless {variable} leads to it"))),
                None => Err(error),
            },
        }
    }
}
