//! Delivers the queues while a test does something that waits for a delivery.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{LOOKS_EVERY, LocalAws};
use fixtures::error::Result;

impl LocalAws {
    /// Does `work` while the queues are delivered.
    ///
    /// # Errors
    /// The work or a delivery fails.
    pub async fn deliver_while<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let is_done = AtomicBool::new(false);
        let work = async {
            let done = work.await;
            is_done.store(true, Ordering::Relaxed);
            done
        };
        let deliveries = async {
            while !is_done.load(Ordering::Relaxed) {
                // The queues may be empty for a moment, so that an empty one is no error here as it is in `drain`.
                match self.mapping.deliver_once(&self.deployer).await? {
                    Some(delivery) => self.remember(&[delivery]),
                    None => tokio::time::sleep(LOOKS_EVERY).await,
                }
            }
            Ok(())
        };
        let (done, delivered) = tokio::join!(work, deliveries);
        delivered.and(done)
    }
}
