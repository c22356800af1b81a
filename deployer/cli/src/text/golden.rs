//! Compares texts for people with the files in `golden/`, where they can be looked at. `UPDATE_GOLDEN=1` writes them.

use std::path::Path;

/// Checks that a text is that of the file. An escape character is written as `␛`, so that styles can be read.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden").join(name);
    let text = text.replace('\u{1b}', "␛");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| std::fs::write(&path, &text)).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, written, "{} is stale: UPDATE_GOLDEN=1 writes it", path.display());
}

/// Returns a text without its styles, as it is printed where there is no terminal.
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
