//! A range of a file as the body of a request, read while it is sent; a retry reads it again from its start.

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

/// The number of bytes in memory at once.
const CHUNK: u64 = 1 << 16;

/// The rest of a range.
struct FileRange {
    file: Arc<File>,
    at: u64,
    until: u64,
    bar: ProgressBar,
    /// The bytes that this try and the one before have reported to the bar.
    reported: Arc<AtomicU64>,
    started: bool,
}

/// Makes a body of the bytes from `from` to `until`, and reports them to `bar` as they go.
pub(super) fn body(file: &Arc<File>, from: u64, until: u64, bar: &ProgressBar) -> ByteStream {
    let (file, bar, reported) = (file.clone(), bar.clone(), Arc::new(AtomicU64::new(0)));
    ByteStream::new(SdkBody::retryable(move || {
        let (file, bar, reported) = (file.clone(), bar.clone(), reported.clone());
        SdkBody::from_body_1_x(FileRange { file, at: from, until, bar, reported, started: false })
    }))
}

impl FileRange {
    fn read(&mut self, length: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        // Reading a local file blocks only shortly.
        self.file.read_exact_at(&mut bytes, self.at)?;
        self.at += length;
        Ok(bytes.into())
    }
}

impl Body for FileRange {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if !this.started {
            this.started = true;
            // A retry sends the bytes of the earlier try again.
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
