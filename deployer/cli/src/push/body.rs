//! A stretch of a file as the body of a request: read while it is sent, and from its start again when it is sent again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use indicatif::ProgressBar;

/// How much of it is in memory at once.
const CHUNK: u64 = 1 << 16;

/// What is left of a stretch.
struct Stretch {
    file: Arc<File>,
    at: u64,
    until: u64,
    bar: ProgressBar,
    /// What this try and the one before have told the bar.
    reported: Arc<AtomicU64>,
    started: bool,
}

/// The bytes of a file from here to there. `bar` sees them as they go.
pub(super) fn body(file: &Arc<File>, from: u64, until: u64, bar: &ProgressBar) -> ByteStream {
    let (file, bar, reported) = (file.clone(), bar.clone(), Arc::new(AtomicU64::new(0)));
    ByteStream::new(SdkBody::retryable(move || {
        let (file, bar, reported) = (file.clone(), bar.clone(), reported.clone());
        SdkBody::from_body_1_x(Stretch { file, at: from, until, bar, reported, started: false })
    }))
}

impl Stretch {
    fn read(&mut self, length: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        // The file is on this machine: reading it is no waiting.
        self.file.read_exact_at(&mut bytes, self.at)?;
        self.at += length;
        Ok(bytes.into())
    }
}

impl Body for Stretch {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if !this.started {
            this.started = true;
            // What an earlier try has sent is to be sent again.
            this.bar.dec(this.reported.swap(0, Ordering::Relaxed));
        }
        let length = CHUNK.min(this.until - this.at);
        if length == 0 {
            return Poll::Ready(None);
        }
        let read = this.read(length);
        if read.is_ok() {
            this.reported.fetch_add(length, Ordering::Relaxed);
            this.bar.inc(length);
        }
        Poll::Ready(Some(read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.until
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.until - self.at)
    }
}
