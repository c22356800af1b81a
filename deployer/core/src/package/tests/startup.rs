//! Zips that Lambda cannot start.

use super::*;

#[test]
fn zip_with_everything_in_one_folder_is_refused() {
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
    let run = Run {
        runtime: Some("nodejs22.x"),
        handler: Some("index.handler"),
        machine: None,
        has_layers: false,
        code_path_variable: None,
    };
    let told = starts(&[file("orders-api/index.js")], run).unwrap_err();
    assert!(
        told.ends_with("it is in the folder orders-api: zip what is in orders-api, not the folder itself"),
        "{told}"
    );
}

#[test]
fn missing_handler_with_a_code_path_variable_is_a_warning() {
    let run = Run {
        runtime: Some("python3.13"),
        handler: Some("app.handler"),
        machine: None,
        has_layers: false,
        code_path_variable: Some("PYTHONPATH"),
    };
    let warned = starts(&[file("src/app.py")], run).unwrap().unwrap();
    assert!(warned.ends_with(", unless PYTHONPATH leads to it"), "{warned}");
    assert!(starts(&[file("src/app.py")], Run { code_path_variable: None, ..run }).is_err());
    let variables = [("LOG_LEVEL".to_owned(), ()), ("NODE_PATH".to_owned(), ())].into();
    assert_eq!(startup::code_path_variable(&variables), Some("NODE_PATH"));
}

#[test]
fn handler_behind_a_link_is_found() {
    let run = |runtime, handler| Run {
        runtime: Some(runtime),
        handler: Some(handler),
        machine: None,
        has_layers: false,
        code_path_variable: None,
    };
    let node = run("nodejs22.x", "dist/index.handler");
    assert_eq!(starts(&[link("dist", "build"), file("build/index.js")], node), Ok(None));
    let pnpm = [
        link("node_modules/wrapper", ".pnpm/wrapper@1/node_modules/wrapper"),
        file("node_modules/.pnpm/wrapper@1/node_modules/wrapper/main.js"),
    ];
    assert_eq!(starts(&pnpm, run("nodejs22.x", "wrapper.handler")), Ok(None));
    let python = run("python3.13", "app.main.handler");
    assert_eq!(starts(&[link("app", "src/app"), file("src/app/main.py")], python), Ok(None));
    assert!(starts(&[link("app", "main.py"), file("main.py")], python).is_err(), "a file is no folder");
}

#[test]
fn missing_handler_is_refused_unless_a_layer_may_have_it() {
    let run = Run {
        runtime: Some("nodejs22.x"),
        handler: Some("src/app.handler"),
        machine: None,
        has_layers: false,
        code_path_variable: None,
    };
    assert_eq!(starts(&[file("src/app.mjs")], run), Ok(None));
    let missing = "the zip has no file for the handler src/app.handler of nodejs22.x (src/app.js, src/app.mjs, src/app.cjs, \
                   src/app/index.js)";
    assert_eq!(starts(&[file("app.js")], run), Err(format!("{missing}: put it in, or correct the handler")));
    let warned = starts(&[file("app.js")], Run { has_layers: true, ..run }).unwrap().unwrap();
    assert!(warned.starts_with(missing) && warned.ends_with("unless one of the function's layers has it"), "{warned}");
    assert_eq!(starts(&[link("src/app.js", "../dist/app.js"), file("dist/app.js")], run), Ok(None));
}
