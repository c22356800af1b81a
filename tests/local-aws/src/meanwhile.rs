//! Work that ends only when the queue is delivered beside it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{LOOKS_EVERY, LocalAws};
use fixtures::error::Result;

impl LocalAws {
    /// Does something while the queue is delivered, as Lambda does it.
    ///
    /// # Errors
    /// Those of the work, or of delivering.
    pub async fn delivering_meanwhile<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let is_done = AtomicBool::new(false);
        let work = async {
            let done = work.await;
            is_done.store(true, Ordering::Relaxed);
            done
        };
        let deliveries = async {
            while !is_done.load(Ordering::Relaxed) {
                // What comes at any moment may be hidden for one: no look at the queue says that it is stuck.
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
