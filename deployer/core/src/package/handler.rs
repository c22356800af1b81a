//! Finds the file that a handler names, by the rules of each family of runtimes. Sources: Lambda Developer Guide,
//! "Define Lambda function handler in" Node.js, Python, Ruby, Java and C#, and "Deploy Java Lambda functions with .zip
//! or JAR file archives" (jars are in `lib`); Node.js, "Modules: CommonJS modules" (the search for packages, which
//! comes last).

use super::error::PackageError;

/// The endings of files that a handler can be in.
const ENDINGS: [&str; 12] =
    [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".py", ".pyc", ".so", ".rb", ".class", ".dll"];
/// The most files that are listed. If a zip has more, its handler is not checked.
pub(super) const MAX_FILES: usize = 20_000;
/// The folders of installed packages, which few handlers are in.
const INSTALLED: [&str; 2] = ["node_modules", "site-packages"];

/// Whether a handler may be in this file.
pub(super) fn may_be_in(path: &str) -> bool {
    let has_none = path.rsplit('/').next().is_some_and(|name| !name.contains('.'));
    let is_installed = path.split('/').any(|part| INSTALLED.contains(&part));
    let is_code = has_none || ENDINGS.iter().any(|ending| path.ends_with(ending));
    is_code && !is_installed || is_jar(path) || is_package(path)
}

/// Whether a handler may be in the folder that a link at this path leads to.
pub(super) fn may_lead_to(path: &str) -> bool {
    !path.split('/').any(|part| INSTALLED.contains(&part)) || is_package(&format!("{path}/package.json"))
}

/// Whether the file is a jar in a folder `lib`. Java looks for classes there and in the zip's root.
fn is_jar(path: &str) -> bool {
    let jar = path.rsplit_once('/').filter(|(folder, _)| *folder == "lib" || folder.ends_with("/lib"));
    jar.is_some_and(|(_, name)| name.ends_with(".jar"))
}

/// Whether the file describes or starts a Node.js package. Node.js looks for a module that is no file as it looks for
/// packages, `node_modules` included.
fn is_package(path: &str) -> bool {
    let file = |name: &str| path.strip_suffix(name);
    let (found, in_root) = match file("/package.json") {
        Some(folder) => (Some(folder), true),
        None => (file("/index.js").or_else(|| file(".js")), false),
    };
    let Some(folder) = found else { return false };
    match folder.rsplit_once("node_modules/") {
        Some((before, name)) => !name.contains('/') && !before.contains("node_modules"),
        None => in_root,
    }
}

/// The places where a runtime looks for a handler.
struct Candidates {
    /// The usual files; one is enough.
    files: Vec<String>,
    /// The unusual files; one of them is enough too. Messages do not list them.
    unusual: Vec<String>,
    /// The beginnings and endings of paths; one file that matches is enough.
    patterns: Vec<(String, &'static str)>,
    /// Whether any jar in `lib` may contain it.
    jars: bool,
}

impl Candidates {
    fn of(runtime: &str, handler: &str) -> Option<Self> {
        let any = |base: &str, endings: &[&str]| -> Vec<String> {
            endings.iter().map(|ending| format!("{base}{ending}")).collect()
        };
        let files = |files| Some(Self { files, unusual: vec![], patterns: vec![], jars: false });
        let is_of = |family: &str| {
            runtime.strip_prefix(family).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        if is_of("nodejs") {
            let module = module(handler)?;
            let module = module.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
            let (folder, name) = module.rsplit_once('/').unwrap_or(("", &module));
            let packages = std::iter::once(format!("node_modules/{name}"))
                .chain((!folder.is_empty()).then(|| format!("{folder}/node_modules/{name}")))
                .flat_map(|package| any(&package, &[".js", "/index.js", "/package.json"]));
            let unusual = any(&module, &["", "/package.json"]).into_iter().chain(packages);
            // Node.js strips types itself from version 22 on.
            let typed = if is_before(runtime, 22) { vec![] } else { any(&module, &[".ts", ".mts", ".cts"]) };
            let unusual = unusual.chain(typed).collect();
            return Some(Self {
                files: any(&module, &[".js", ".mjs", ".cjs", "/index.js"]),
                unusual,
                patterns: vec![],
                jars: false,
            });
        }
        if is_of("ruby") {
            return files(any(module(handler)?, &[".rb"]));
        }
        if is_of("python") {
            let base = handler.rsplit_once('.')?.0.replace('.', "/");
            let files = any(&base, &[".py", ".pyc", "/__init__.py", "/__init__.pyc"]);
            let patterns = vec![(format!("{base}."), ".so"), (format!("{base}/__init__."), ".so")];
            return Some(Self { files, unusual: vec![], patterns, jars: false });
        }
        if is_of("java") {
            let class = handler.split("::").next()?.replace('.', "/");
            return Some(Self { files: any(&class, &[".class"]), unusual: vec![], patterns: vec![], jars: true });
        }
        if is_of("dotnet") {
            // Native code, which the runtime starts directly ("Compile .NET Lambda function code to a native runtime
            // format").
            let unusual = vec!["bootstrap".to_owned()];
            let files = any(handler.split("::").next()?, &[".dll"]);
            return Some(Self { files, unusual, patterns: vec![], jars: false });
        }
        None
    }

    fn has(&self, code: &[String], folder: &str) -> bool {
        let has = |path: &str| code.binary_search_by(|known| known.as_str().cmp(path)).is_ok();
        // The files of a linked folder are elsewhere, in the zip or in a layer. They are assumed to exist.
        let is_linked = |path: &str| path.match_indices('/').any(|(slash, _)| has(&path[..=slash]));
        let is_there = |file: &String| {
            let path = format!("{folder}{file}");
            has(&path) || is_linked(&path)
        };
        let is_like = |path: &String| {
            let Some(path) = path.strip_prefix(folder) else { return false };
            self.patterns.iter().any(|(begin, end)| path.starts_with(begin) && path.ends_with(end))
        };
        let may_hold = |path: &String| {
            self.jars
                && path
                    .strip_prefix(folder)
                    .and_then(|path| path.strip_prefix("lib/"))
                    .is_some_and(|name| !name.contains('/') && name.ends_with(".jar"))
        };
        self.files.iter().chain(&self.unusual).any(is_there)
            || (self.jars && has(&format!("{folder}lib/")))
            || code.iter().any(|path| is_like(path) || may_hold(path))
    }
}

/// Whether a Node.js runtime is older than this version.
fn is_before(runtime: &str, version: u32) -> bool {
    let digits: String = runtime.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u32>().is_ok_and(|found| found < version)
}

/// Returns the path of the module that a handler of Node.js or Ruby names: everything before the first dot of its last
/// part.
fn module(handler: &str) -> Option<&str> {
    let name = handler.rfind('/').map_or(0, |slash| slash + 1);
    let point = handler.get(name..)?.find('.')?;
    let base = handler.get(..name + point)?;
    Some(base.strip_prefix("./").unwrap_or(base))
}

/// Returns an error if the handler's file is missing. A handler that is looked for elsewhere, or by unknown rules, is
/// not checked.
pub(super) fn check_handler(
    runtime: &str,
    handler: &str,
    code: &[String],
    folder: Option<&str>,
) -> Option<PackageError> {
    let is_installed = handler.split(['/', '.']).any(|part| INSTALLED.contains(&part));
    if handler.starts_with('/') || handler.contains("..") || is_installed {
        return None;
    }
    let candidates = Candidates::of(runtime, handler)?;
    if candidates.has(code, "") {
        return None;
    }
    let library = candidates.jars.then(|| "a jar in lib".to_owned());
    Some(PackageError::NoHandler {
        handler: handler.to_owned(),
        runtime: runtime.to_owned(),
        looked_for: candidates.files.iter().cloned().chain(library).collect::<Vec<_>>().join(", "),
        nested: folder.filter(|folder| candidates.has(code, &format!("{folder}/"))).map(str::to_owned),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn is_found(runtime: &str, handler: &str, file: &str) -> bool {
        assert!(may_be_in(file), "{file}");
        check_handler(runtime, handler, &[file.to_owned()], None).is_none()
    }

    #[test]
    fn handlers_file_is_found_by_the_rules_of_its_runtime() {
        for (runtime, handler, file) in [
            ("nodejs22.x", "index.handler", "index.mjs"),
            ("nodejs20.x", "src/app.lambda.handler", "src/app.js"),
            ("nodejs20.x", "./index.handler", "index.cjs"),
            ("nodejs24.x", "index.handler", "index.ts"),
            ("nodejs20.x", "bin/main.handler", "bin/main"),
            ("nodejs20.x", "dist.handler", "dist/index.js"),
            ("nodejs20.x", "dist.handler", "dist/package.json"),
            ("nodejs20.x", "wrapper.handler", "node_modules/wrapper/index.js"),
            ("nodejs20.x", "wrapper.handler", "node_modules/wrapper.js"),
            ("nodejs20.x", "src//app.handler", "src/app.js"),
            ("python3.13", "app.handler", "app/__init__.cpython-313-x86_64-linux-gnu.so"),
            ("nodejs20.x", "wrapper.handler", "node_modules/wrapper/package.json"),
            ("nodejs20.x", "src/wrapper.handler", "node_modules/wrapper/package.json"),
            ("nodejs20.x", "src/wrapper.handler", "src/node_modules/wrapper/package.json"),
            ("python3.13", "app.handlers.orders.handle", "app/handlers/orders.py"),
            ("python3.12", "app/main.handler", "app/main.py"),
            ("python3.12", "app.handler", "app/__init__.py"),
            ("python3.12", "fast.handler", "fast.cpython-312-x86_64-linux-gnu.so"),
            ("ruby3.3", "lambda.Handlers::Orders.process", "lambda.rb"),
            ("java21", "com.acme.Orders::handle", "com/acme/Orders.class"),
            ("java21", "com.acme.Orders", "lib/orders-1.0.jar"),
            ("dotnet8", "Orders::Acme.Orders.Function::Handle", "Orders.dll"),
            ("dotnet8", "Orders", "Orders.dll"),
            ("dotnet8", "Orders", "bootstrap"),
        ] {
            assert!(is_found(runtime, handler, file), "{runtime} {handler}");
            assert!(!is_found(runtime, handler, "other.js"), "{runtime} {handler}");
        }
    }

    #[test]
    fn handler_in_a_linked_folder_is_assumed_to_exist() {
        for (runtime, handler, link) in [
            ("nodejs22.x", "dist/index.handler", "dist/"),
            ("nodejs22.x", "wrapper.handler", "node_modules/wrapper/"),
            ("python3.13", "app.main.handler", "app/"),
            ("java21", "com.acme.Orders", "lib/"),
        ] {
            assert!(check_handler(runtime, handler, &[link.to_owned()], None).is_none(), "{runtime} {handler}");
            assert!(check_handler(runtime, handler, &["other/".to_owned()], None).is_some(), "{runtime} {handler}");
        }
    }

    #[test]
    fn typescript_handlers_need_node_22() {
        assert!(is_found("nodejs22.x", "index.handler", "index.ts"));
        assert!(!is_found("nodejs20.x", "index.handler", "index.ts"));
    }

    #[test]
    fn jar_outside_of_lib_has_no_handler() {
        for jar in ["orders.jar", "libs/orders.jar", "lib/more/orders.jar", "build/lib/orders.jar"] {
            assert!(check_handler("java21", "com.acme.Orders", &[jar.to_owned()], None).is_some(), "{jar}");
        }
        let nested = check_handler("java21", "com.acme.Orders", &["orders/lib/orders.jar".to_owned()], Some("orders"));
        assert!(nested.unwrap().to_string().contains("zip what is in orders"));
    }

    #[test]
    fn only_descriptions_of_installed_packages_are_listed() {
        for (path, may) in [
            ("node_modules/wrapper/package.json", true),
            ("node_modules/wrapper/index.js", true),
            ("node_modules/wrapper.js", true),
            ("node_modules/wrapper/dist/index.js", false),
            ("node_modules/wrapper/main.js", false),
            ("node_modules/wrapper/lib/package.json", false),
            ("node_modules/a/node_modules/b/package.json", false),
            ("package/site-packages/app.py", false),
            ("tsconfig.json", false),
        ] {
            assert_eq!(may_be_in(path), may, "{path}");
        }
    }

    #[test]
    fn handler_outside_the_zip_is_not_checked() {
        for (runtime, handler) in [
            ("nodejs22.x", "/opt/nodejs/node_modules/datadog-lambda-js/handler.handler"),
            ("nodejs22.x", "node_modules/wrapper/index.handler"),
            ("nodejs22.x", "noPoint"),
            ("go1.x", "main"),
            ("nodejs", "index.handler"),
        ] {
            assert!(is_found(runtime, handler, "other.py"), "{runtime} {handler}");
        }
    }

    #[test]
    fn handler_in_the_only_folder_is_named() {
        let error =
            check_handler("nodejs22.x", "index.handler", &["orders/index.js".to_owned()], Some("orders")).unwrap();
        assert_eq!(
            error.to_string(),
            "the zip has no file for the handler index.handler of nodejs22.x (index.js, index.mjs, index.cjs, index/index.js); \
             it is in the folder orders: zip what is in orders, not the folder itself"
        );
    }
}
