//! Lives of a head at random.

use proptest::prelude::*;
use proptest::sample::Index;

use super::model::{Fate, World};
use super::*;

#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// A new upload, this many seconds ago.
    Upload { key: u8, late: i64, sequencer: Option<u8>, refused: bool },
    /// An upload that came before, by another event with another time.
    Again { which: Index, late: i64 },
    /// An upload that came so long ago that the head need not know it any more.
    Old { which: Index },
    /// A new command.
    Command { kind: u8, refused: bool },
    /// A command that holds the function, or releases the hold.
    Hold { holds: bool },
    /// A tick or the sweep comes.
    Wake,
    /// An owner ends its deployment; without `former` the one that holds the claim.
    Finish { former: Option<Index>, outcome: Outcome, next: bool },
    /// An owner gives up.
    Release { former: Option<Index> },
    /// An owner sees the version that a target serves.
    See { number: usize },
    /// Time goes by.
    Pass { seconds: i64 },
    /// The first entries of the outbox are written.
    Settle { how_many: usize },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Arrived,
    HalfArrived,
    Refused,
}

fn operation() -> impl Strategy<Value = Operation> {
    let former = || proptest::option::weighted(0.2, any::<Index>());
    let outcome = prop_oneof![Just(Outcome::Arrived), Just(Outcome::HalfArrived), Just(Outcome::Refused)];
    let upload = (0_u8..3, 0_i64..40, proptest::option::weighted(0.9, 0_u8..6), proptest::bool::weighted(0.1));
    prop_oneof![
        6 => upload.prop_map(|(key, late, sequencer, refused)| Operation::Upload { key, late, sequencer, refused }),
        4 => (any::<Index>(), 0_i64..40).prop_map(|(which, late)| Operation::Again { which, late }),
        1 => any::<Index>().prop_map(|which| Operation::Old { which }),
        3 => (0_u8..4, proptest::bool::weighted(0.1)).prop_map(|(kind, refused)| Operation::Command { kind, refused }),
        1 => proptest::bool::weighted(0.4).prop_map(|holds| Operation::Hold { holds }),
        2 => Just(Operation::Wake),
        4 => (former(), outcome, any::<bool>())
            .prop_map(|(former, outcome, next)| Operation::Finish { former, outcome, next }),
        1 => former().prop_map(|former| Operation::Release { former }),
        1 => (0_usize..2).prop_map(|number| Operation::See { number }),
        3 => (1_i64..LEASE).prop_map(|seconds| Operation::Pass { seconds }),
        2 => (0_usize..4).prop_map(|how_many| Operation::Settle { how_many }),
    ]
}

fn lives(operations: &[Operation]) {
    let mut world = World::new();
    for operation in operations {
        world.goes_through(operation);
    }
    // If nothing more comes, every open deployment ends.
    for _ in 0..8 {
        world.goes_through(&Operation::Pass { seconds: LEASE });
        world.goes_through(&Operation::Wake);
        world.goes_through(&Operation::Finish { former: None, outcome: Outcome::Arrived, next: false });
    }
    let json = serde_json::to_vec(&world.head).unwrap();
    assert_eq!(serde_json::from_slice::<Head>(&json).unwrap(), world.head);
    world.goes_through(&Operation::Settle { how_many: usize::MAX });
    assert!(world.fates.values().all(|(_, fate)| *fate == Fate::Settled));
    assert_eq!((world.head.active(), world.head.pending(), world.head.outbox()), (None, None, [].as_slice()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_life_loses_doubles_and_misorders_nothing(
        operations in prop::collection::vec(operation(), 1..60),
    ) {
        lives(&operations);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn long_random_life_loses_nothing(operations in prop::collection::vec(operation(), 500..700)) {
        lives(&operations);
    }
}
