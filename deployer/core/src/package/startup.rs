//! Checks whether Lambda can start the contents of a zip: the program of `provided.*` runtimes, or the file that the
//! handler names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bootstrap::{self, Bootstrap, Machine};
use super::error::PackageError;
use super::handler;
use crate::manifest::{Architecture, FunctionConfig, Runtime};

/// The facts about a zip's contents that decide whether Lambda can start it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Startup {
    /// The program at the root, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Bootstrap>,
    /// The path of a file `bootstrap` in a folder, where Lambda does not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_bootstrap: Option<String>,
    /// The folder that everything in the zip is in, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The files that a handler may be in, sorted; none if there are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Vec<String>>,
}

/// The way in which a function will be run, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Its runtime's identifier.
    pub runtime: Option<&'a str>,
    /// Its handler.
    pub handler: Option<&'a str>,
    /// The machine that it runs on; none stands for the one that the program is for.
    pub machine: Option<Machine>,
    /// Whether it has layers, which may contain the runtime or the handler's file.
    pub has_layers: bool,
    /// A variable that makes its runtime look for code elsewhere too.
    pub code_path_variable: Option<&'static str>,
}

/// The variables that lead to code elsewhere (Python, Node.js and Ruby; Lambda Developer Guide, "Modifying the runtime
/// environment").
const CODE_PATH_VARIABLES: [&str; 4] = ["PYTHONPATH", "NODE_PATH", "RUBYLIB", "AWS_LAMBDA_EXEC_WRAPPER"];

/// Returns the variable of a function that makes its runtime look for code elsewhere.
#[must_use]
pub fn code_path_variable<V>(variables: &BTreeMap<String, V>) -> Option<&'static str> {
    CODE_PATH_VARIABLES.into_iter().find(|name| variables.contains_key(*name))
}

impl<'a> Run<'a> {
    /// Takes everything from a manifest. A function without layers in the manifest has none.
    #[must_use]
    pub fn of(config: &'a FunctionConfig) -> Self {
        Self {
            runtime: config.runtime.as_ref().map(Runtime::as_str),
            handler: config.handler.as_deref(),
            machine: config.architectures.map(Machine::from),
            has_layers: config.layers.as_ref().is_some_and(|layers| !layers.is_empty()),
            code_path_variable: config.variables.as_ref().and_then(code_path_variable),
        }
    }

    /// Takes from a manifest what is certain before the function is observed. A function without layers in the manifest
    /// may have some.
    #[must_use]
    pub fn unseen(config: &'a FunctionConfig) -> Self {
        Self { has_layers: config.layers.as_ref().is_none_or(|layers| !layers.is_empty()), ..Self::of(config) }
    }

    /// Takes from a manifest what is certain if the function is never observed. If the manifest has all that creating
    /// the function needs, its layers are complete.
    #[must_use]
    pub fn offline(config: &'a FunctionConfig) -> Self {
        let is_whole = config.role.is_some() && config.runtime.is_some() && config.handler.is_some();
        if is_whole { Self::of(config) } else { Self::unseen(config) }
    }

    /// Sets the architecture.
    #[must_use]
    pub fn on(self, architecture: Architecture) -> Self {
        Self { machine: Some(architecture.into()), ..self }
    }

    fn is_provided(&self) -> bool {
        self.runtime.is_some_and(|name| Runtime::parse(name).is_ok_and(|runtime| runtime.is_provided()))
    }
}

impl Startup {
    /// Checks that the zip's contents can be started in this way. If something is missing that a layer may have, or
    /// that a variable may lead to, a warning is returned.
    ///
    /// # Errors
    /// [`PackageError`] if there is no program, or it cannot be started, or the handler's file is missing.
    pub fn check_compatible(&self, run: Run<'_>) -> Result<Option<String>, PackageError> {
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
        match handler::check_handler(runtime, handler, code, self.folder.as_deref()) {
            None => Ok(None),
            Some(error) if run.has_layers => Ok(Some(format!("{error}, unless one of the function's layers has it"))),
            Some(error) => match run.code_path_variable {
                Some(variable) => Ok(Some(format!("{error}, unless {variable} leads to it"))),
                None => Err(error),
            },
        }
    }
}
