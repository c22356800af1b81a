//! Large zips as they are uploaded: some 60 MB that unpack to some 240 MB, in very many files or in few.

use std::io::{Cursor, Write as _};

use zip::write::{SimpleFileOptions, ZipWriter};

use crate::fixtures::{Zip, ZipError};

/// What all files have together, unpacked: a little less than the 250 MB that Lambda takes.
const UNPACKED: usize = 240_000_000;
const WORD: usize = 8;

/// So many files of one size, which unpack to about four times what they take.
///
/// # Errors
/// The zip library's words.
pub fn of_files(files: usize) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).unix_permissions(0o644);
    let mut words = words();
    for file in 0..files {
        zip.start_file(format!("node_modules/package-{}/lib/{file}.js", file / 100), options)?;
        let text: Vec<u8> = words.by_ref().take(UNPACKED / files / WORD).flatten().collect();
        zip.write_all(&text)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Adds a function to them, whose releases differ.
///
/// # Errors
/// The zip library's words.
pub fn release(files: &[u8], name: &str) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new_append(Cursor::new(files.to_vec()))?;
    let function = Zip::function(name).build()?;
    zip.merge_archive(zip::ZipArchive::new(Cursor::new(function))?)?;
    Ok(zip.finish()?.into_inner())
}

/// Words, 256 different ones, in an order that cannot be foretold and is the same each time.
fn words() -> impl Iterator<Item = [u8; WORD]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mut word = [b' '; WORD];
        for (place, byte) in word.iter_mut().skip(1).enumerate() {
            let bits = (state >> 56).wrapping_mul(0x9e37_79b9) >> (3 * place);
            *byte = b'a' + u8::try_from(bits % 26).unwrap_or_default();
        }
        word
    })
}
