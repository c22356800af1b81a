//! `infra/modules/names.json` is what the Rust code says (ARCHITECTURE.md, law 7).

#![allow(clippy::unwrap_used)]

use std::path::Path;

/// Write it anew with `UPDATE_NAMES=1 cargo test --test names`.
#[test]
fn infrastructure_uses_the_names_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/modules/names.json");
    let text = format!("{:#}\n", deployer_core::names_json::names());
    if std::env::var_os("UPDATE_NAMES").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(published, text, "names.json is stale: UPDATE_NAMES=1 cargo test --test names");
}
