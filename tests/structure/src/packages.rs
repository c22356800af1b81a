//! The dependencies of the workspace's packages, as `cargo metadata` prints them.

use serde_json::Value;

/// A dependency of a package that is not for its tests only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// The features that the package asks for.
    pub features: Vec<String>,
}

/// The dependencies that a package may have.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    /// The package.
    pub package: &'static str,
    /// The packages of this workspace that it may use.
    pub may_use: &'static [&'static str],
    /// The beginnings of the names of forbidden dependencies.
    pub forbidden: &'static [&'static str],
    /// The features of tokio that it may ask for; none: any.
    pub tokio: Option<&'static [&'static str]>,
}

/// Returns the dependencies of a package from the output of `cargo metadata --no-deps`. `None`: there is no such
/// package.
#[must_use]
pub fn dependencies(metadata: &Value, package: &str) -> Option<Vec<Dependency>> {
    let package = metadata["packages"].as_array()?.iter().find(|one| one["name"] == package)?;
    let normal = package["dependencies"].as_array()?.iter().filter(|one| one["kind"] != "dev");
    let texts =
        |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let dependency =
        |one: &Value| Some(Dependency { name: one["name"].as_str()?.to_owned(), features: texts(&one["features"]) });
    Some(normal.filter_map(dependency).collect())
}

impl Layer {
    /// Returns the dependencies that the layer forbids, in readable lines.
    #[must_use]
    pub fn broken_by(&self, dependencies: &[Dependency], members: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        for Dependency { name, features } in dependencies {
            let is_forbidden = self.forbidden.iter().any(|start| name.starts_with(start));
            let is_above = members.contains(name) && !self.may_use.contains(&name.as_str());
            if is_forbidden || is_above {
                found.push(format!("{} depends on {name}", self.package));
            }
            let allowed = self.tokio.filter(|_| name == "tokio");
            for feature in features.iter().filter(|one| allowed.is_some_and(|all| !all.contains(&one.as_str()))) {
                found.push(format!("{} asks for tokio's feature {feature}", self.package));
            }
        }
        found
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LAYER: Layer =
        Layer { package: "engine", may_use: &["core"], forbidden: &["aws-"], tokio: Some(&["rt", "time"]) };

    fn broken_by(dependencies_of_engine: &Value) -> Vec<String> {
        let metadata = serde_json::json!({"packages": [{"name": "engine", "dependencies": dependencies_of_engine}]});
        let members = ["core", "engine", "cli"].map(str::to_owned);
        LAYER.broken_by(&dependencies(&metadata, "engine").unwrap(), &members)
    }

    #[test]
    fn layer_allows_its_own_and_test_dependencies() {
        let taken = serde_json::json!([
            {"name": "core", "kind": null, "features": []},
            {"name": "tokio", "kind": null, "features": ["rt"]},
            {"name": "aws-config", "kind": "dev", "features": []},
        ]);
        assert!(broken_by(&taken).is_empty());
    }

    #[test]
    fn layer_names_each_forbidden_dependency() {
        let refused = serde_json::json!([
            {"name": "cli", "kind": null, "features": []},
            {"name": "aws-config", "kind": null, "features": []},
            {"name": "tokio", "kind": null, "features": ["rt", "net"]},
        ]);
        let expected = ["engine depends on cli", "engine depends on aws-config", "engine asks for tokio's feature net"];
        assert_eq!(broken_by(&refused), expected);
    }
}
