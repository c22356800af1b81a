//! The zips of the simulator; each is made once.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use deployer_core::id::Sha256;

use super::scenario::{ZipKind, ZipSpec};
use world::zips;

/// The bytes of a zip, and their hash.
type Zip = (Vec<u8>, Sha256);

/// Returns the zip of this specification.
pub(super) fn of(zip: ZipSpec) -> Zip {
    static MADE: OnceLock<Mutex<HashMap<ZipSpec, Zip>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(zip).or_insert_with(|| make(zip)).clone()
}

fn make(zip: ZipSpec) -> Zip {
    let label = zip.label.to_string();
    let zip = match zip.kind {
        ZipKind::Code => zips::code(&label),
        ZipKind::Whole => zips::function(&label),
        ZipKind::Configured => zips::with_manifest(&label, &format!("timeout = {}\n", 10 + zip.label)),
        ZipKind::Bad => format!("no zip, number {label}").into_bytes(),
    };
    let sha256 = Sha256::of(&zip);
    (zip, sha256)
}
