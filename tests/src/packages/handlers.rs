//! For each family of runtimes, a zip that has its handler's file and one that has not.

use super::archive::{Entry, archive};
use super::corpus::{bad, fixture};
use super::manifests::{bootstrap, toml};
use super::{Fixture, Live, Verdict, Verdict::Deployed};

const JAVA: Live = Live { runtime: "java21", handler: "com.acme.Handler::handle", has_layer: false };
const DOTNET: Live = Live { runtime: "dotnet8", handler: "Orders::Acme.Orders::Handle", has_layer: false };
const PYTHON: Live = Live { runtime: "python3.13", handler: "orders.app.handle", has_layer: false };
const RUBY: Live = Live { runtime: "ruby3.4", handler: "orders.handle", has_layer: false };
const NODE: Live = Live { runtime: "nodejs22.x", handler: "wrapper.handler", has_layer: false };

pub(super) fn handlers() -> Vec<Fixture> {
    let case = |name, why, live: Live, entry: Entry, right: Verdict| {
        let Live { runtime, handler, .. } = live;
        let manifest = format!("runtime = \"{runtime}\"\nhandler = \"{handler}\"\nrole = \"fn-exec\"\n");
        fixture(name, why, archive(&[entry, toml(&manifest)]), right, live)
    };
    let file = |path| Entry::file(path, "code\n");
    let missing = bad;
    vec![
        case("java-jar-in-lib", "Java's library", JAVA, file("lib/orders.jar"), Deployed),
        case(
            "java-jar-elsewhere",
            "Java looks for jars in lib alone",
            JAVA,
            file("orders.jar"),
            missing("com/acme/Handler.class, a jar in lib"),
        ),
        case("dotnet-assembly", "the handler's assembly", DOTNET, file("Orders.dll"), Deployed),
        case("dotnet-native", "native code, which the runtime starts", DOTNET, bootstrap(), Deployed),
        case("dotnet-missing", "it could not start", DOTNET, file("Stock.dll"), missing("(Orders.dll)")),
        case("python-module", "points are folders", PYTHON, file("orders/app.py"), Deployed),
        case("python-missing", "it could not start", PYTHON, file("app.py"), missing("orders/app.py")),
        case("ruby-file", "the handler's file", RUBY, file("orders.rb"), Deployed),
        case("ruby-missing", "it could not start", RUBY, file("lib/orders.rb"), missing("(orders.rb)")),
        case(
            "node-handler-in-package",
            "Node.js looks for a package of that name, too",
            NODE,
            file("node_modules/wrapper/package.json"),
            Deployed,
        ),
    ]
}
