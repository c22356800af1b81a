//! The lines that the log has about calls that AWS throttles.

use std::io::Write;
use std::sync::{Arc, Mutex};

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use tracing_subscriber::fmt::MakeWriter;
use world::zips::code;
use world::{Op, World};

/// Keeps the log of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn about_throttling(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("throttled, and tried again")).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Deploys while so many calls of this kind are throttled, and returns the lines about it at INFO.
async fn lines_of(op: Op, throttled: u32) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _logging = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let world = World::with_orders();
    world.on(op).times(throttled).fail(CallErrorKind::Throttled);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    log.about_throttling()
}

#[tokio::test(start_paused = true)]
async fn short_throttling_is_not_told_and_a_long_one_in_few_lines() {
    for op in [Op::GetFunction, Op::UpdateFunctionCode, Op::AssumeRole] {
        assert_eq!(lines_of(op, 3).await, [""; 0], "{op}: 0.7 s");
        let lines = lines_of(op, 24).await;
        assert_eq!(lines.len(), 2, "{op}: some 40 s: {lines:#?}");
        assert!(lines[0].contains(" INFO ") && lines[0].contains("waited_seconds=3"), "{op}: {lines:#?}");
    }
}
