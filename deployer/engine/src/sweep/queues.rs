//! The lengths of the deployer's queues, and whether somebody receives their messages.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::names::QUEUE_LINE;

use super::report::{QueueLength, Swept};
use crate::Engine;

/// The number of times that a queue is looked at before the log says that nobody receives its messages.
const MAX_LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Looks at the queues, and logs if nobody receives a queue's messages. A queue that cannot be looked at harms nothing
/// else.
pub(super) async fn look_at_queues(engine: &Engine) -> Swept {
    let mut queues = queue_lengths(engine).await;
    let mut unreceived: BTreeSet<String> = unreceived_names(&queues).collect();
    for _ in 1..MAX_LOOKS {
        if unreceived.is_empty() {
            break;
        }
        engine.ports.clock.sleep(BETWEEN_LOOKS).await;
        queues = queue_lengths(engine).await;
        let still: BTreeSet<String> = unreceived_names(&queues).collect();
        unreceived.retain(|name| still.contains(name));
    }
    for QueueLength { name, waiting, .. } in queues.iter().filter(|queue| unreceived.contains(&queue.name)) {
        tracing::error!(queue = name, waiting, "{QUEUE_LINE}: nobody receives its messages");
    }
    Swept { queues, ..Swept::default() }
}

async fn queue_lengths(engine: &Engine) -> Vec<QueueLength> {
    let Some(queue) = &engine.ports.queue else { return vec![] };
    let lengths = queue.lengths().await.into_iter().filter_map(|(name, look)| match look {
        Ok(look) => Some(QueueLength { name, waiting: look.waiting, in_flight: look.in_flight, delayed: look.delayed }),
        Err(error) => {
            tracing::warn!("the sweep cannot tell how long a queue is: {error}");
            None
        }
    });
    lengths.collect()
}

/// Returns the names of the queues in which messages wait and of which nobody works on any.
fn unreceived_names(queues: &[QueueLength]) -> impl Iterator<Item = String> {
    queues.iter().filter(|queue| queue.waiting > 0 && queue.in_flight == 0).map(|queue| queue.name.clone())
}
