//! What cannot start.

use super::*;

#[test]
fn zip_whose_only_folder_has_the_manifest_or_the_program_is_refused() {
    let message = "all that is in the zip is in the folder orders-api, where Lambda does not look: zip what is in orders-api, \
                   not the folder itself";
    for inside in ["orders-api/function.toml", "orders-api/bootstrap"] {
        let finder = [file("orders-api/lib/a"), file(inside), file("__MACOSX/._orders-api"), file(".DS_Store")];
        assert_eq!(refusal(&finder), message, "{inside}");
    }
    assert!(
        inspect(&archive(&[file("orders-api/bootstrap"), file("README.md")])).is_ok(),
        "there is something at the root"
    );
    assert!(inspect(&archive(&[file("app/main.py"), file("lib/bootstrap")])).is_ok(), "two folders");
    let run = Run { runtime: Some("nodejs22.x"), handler: Some("index.handler"), machine: None, has_layers: false };
    let told = starts(&[file("orders-api/index.js")], run).unwrap_err();
    assert!(
        told.ends_with("it is in the folder orders-api: zip what is in orders-api, not the folder itself"),
        "{told}"
    );
}

#[test]
fn handler_without_its_file_is_refused_unless_a_layer_may_have_it() {
    let run = Run { runtime: Some("nodejs22.x"), handler: Some("src/app.handler"), machine: None, has_layers: false };
    assert_eq!(starts(&[file("src/app.mjs")], run), Ok(None));
    let missing = "the zip has no file for the handler src/app.handler of nodejs22.x (src/app.js, src/app.mjs, src/app.cjs, \
                   src/app/index.js)";
    assert_eq!(starts(&[file("app.js")], run), Err(format!("{missing}: put it in, or correct the handler")));
    let warned = starts(&[file("app.js")], Run { has_layers: true, ..run }).unwrap().unwrap();
    assert!(warned.starts_with(missing) && warned.ends_with("unless one of the function's layers has it"), "{warned}");
    assert_eq!(starts(&[link("src/app.js", "../dist/app.js"), file("dist/app.js")], run), Ok(None));
}
