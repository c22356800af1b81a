//! Handles on one function of one environment: the parts of the engine that work on it.

use deployer_core::function_ref::FunctionRef;

use super::Engine;

/// Declares a handle, and the way from it to the others.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name<'e> {
            pub(crate) engine: &'e Engine,
            pub(crate) at: &'e FunctionRef<'e>,
        }

        #[allow(dead_code, reason = "not each handle leads to each other one")]
        impl<'e> $name<'e> {
            pub(crate) fn reconciler(self) -> Reconciler<'e> {
                Reconciler { engine: self.engine, at: self.at }
            }

            pub(crate) fn outbox(self) -> Outbox<'e> {
                Outbox { engine: self.engine, at: self.at }
            }

            pub(crate) fn promotions(self) -> Promotions<'e> {
                Promotions { engine: self.engine, at: self.at }
            }

            pub(crate) fn commands(self) -> FunctionCommands<'e> {
                FunctionCommands { engine: self.engine, at: self.at }
            }
        }
    };
}

handle!(
    /// Takes requests into the head, and does what the head asks for.
    Reconciler
);
handle!(
    /// Carries out the side effects of ended deployments.
    Outbox
);
handle!(
    /// Evaluates promotions to the function, and goes on with those that wait.
    Promotions
);
handle!(
    /// Carries out commands on the function, and tells how far they are.
    FunctionCommands
);

impl Engine {
    /// The handle on a function.
    pub(crate) fn on<'e>(&'e self, at: &'e FunctionRef<'e>) -> Reconciler<'e> {
        Reconciler { engine: self, at }
    }
}
