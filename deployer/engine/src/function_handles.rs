//! Handles on one function of one environment. A handle is the engine and the function, so a method needs neither as a
//! parameter.

use deployer_core::function_ref::FunctionRef;

use super::Engine;

/// Puts requests into the head, and does the deployments that the head asks for.
#[derive(Clone, Copy)]
pub(crate) struct Reconciler<'e> {
    pub engine: &'e Engine,
    pub at: &'e FunctionRef<'e>,
}

/// Carries out the side effects of ended deployments.
#[derive(Clone, Copy)]
pub(crate) struct Outbox<'e> {
    pub engine: &'e Engine,
    pub at: &'e FunctionRef<'e>,
}

/// Evaluates promotions to the function, and goes on with those that wait.
#[derive(Clone, Copy)]
pub(crate) struct Promotions<'e> {
    pub engine: &'e Engine,
    pub at: &'e FunctionRef<'e>,
}

impl Engine {
    pub(crate) fn reconciler<'e>(&'e self, at: &'e FunctionRef<'e>) -> Reconciler<'e> {
        Reconciler { engine: self, at }
    }
}

impl<'e> Reconciler<'e> {
    pub fn outbox(self) -> Outbox<'e> {
        Outbox { engine: self.engine, at: self.at }
    }

    pub fn promotions(self) -> Promotions<'e> {
        Promotions { engine: self.engine, at: self.at }
    }
}

impl<'e> Promotions<'e> {
    pub fn reconciler(self) -> Reconciler<'e> {
        self.engine.reconciler(self.at)
    }

    pub fn outbox(self) -> Outbox<'e> {
        self.reconciler().outbox()
    }
}
