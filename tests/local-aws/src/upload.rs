//! Values that can be uploaded as zips.

use fixtures::Zip;
use fixtures::error::{Doing as _, Result};

/// A value that can be uploaded.
pub trait Upload {
    /// Returns the bytes to upload.
    ///
    /// # Errors
    /// It cannot be zipped.
    fn bytes(self) -> Result<Vec<u8>>;
}

impl Upload for Vec<u8> {
    fn bytes(self) -> Result<Vec<u8>> {
        Ok(self)
    }
}

impl Upload for &Zip {
    fn bytes(self) -> Result<Vec<u8>> {
        self.build().doing("zipping")
    }
}

impl Upload for Zip {
    fn bytes(self) -> Result<Vec<u8>> {
        (&self).bytes()
    }
}
