//! Zips as bytes to be uploaded.

use fixtures::Zip;
use fixtures::error::{Doing as _, Result};

/// What can be uploaded.
pub trait Upload {
    /// Its bytes.
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
