//! Runs several deployers at once, as Lambda does while the queue is long.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::try_join_all;
use tokio::sync::Notify;

use super::mapping::Delivery;
use super::runtime::Runtime;
use super::{LocalAws, with_output};
use fixtures::error::{Error, Result};

/// The limit of invocations of one deployer, more than any test needs.
const INVOCATIONS: usize = 200;

/// Counts running deployers. A deployer that finds the queue empty waits while others may still put messages into it.
#[derive(Debug, Default)]
struct RunningDeployers {
    busy: AtomicUsize,
    news: Notify,
}

impl LocalAws {
    /// Delivers batch after batch to several deployers at once, each a process of its own, until nothing in the queue
    /// can be received and no deployer is running.
    ///
    /// # Errors
    /// The harness fails; the error has the end of the deployers' log.
    pub async fn deliver_concurrently(&self, deployers: usize) -> Result<Vec<Delivery>> {
        let running = RunningDeployers::default();
        let fleet: Vec<Runtime> = (0..deployers).map(|_| self.deployer.twin()).collect();
        let worked = try_join_all(fleet.iter().map(|deployer| self.work(deployer, &running))).await;
        let deliveries = worked.map_err(|error| with_output(error, &self.deployer.tail()))?.concat();
        self.remember(&deliveries);
        Ok(deliveries)
    }

    async fn work(&self, deployer: &Runtime, running: &RunningDeployers) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        while deliveries.len() < INVOCATIONS {
            let news = running.news.notified();
            running.busy.fetch_add(1, Ordering::SeqCst);
            let delivery = self.mapping.deliver_once(deployer).await;
            let others = running.busy.fetch_sub(1, Ordering::SeqCst) - 1;
            match delivery? {
                Some(delivery) => {
                    deliveries.push(delivery);
                    running.news.notify_waiters();
                }
                None if others == 0 => {
                    running.news.notify_waiters();
                    return Ok(deliveries);
                }
                None => news.await,
            }
        }
        Err(Error::Unexpected(format!("the queue is not empty after {INVOCATIONS} invocations of one deployer")))
    }
}
