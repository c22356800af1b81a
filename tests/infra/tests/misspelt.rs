//! Terraform refuses a misspelt field of `environments`, and names the nearest known one.

use std::fs;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};

/// Fields of the environment prod, and the words about them in the error.
const MISSPELT: [(&str, &str); 13] = [
    (r#"promotoin = { from = "dev" }"#, "promotoin (prod; the nearest is promotion)"),
    (r#"Promotion = { from = "dev" }"#, "Promotion (prod; the nearest is promotion)"),
    (r#"promote = { from = "dev" }"#, "promote (prod; the nearest is promotion)"),
    ("aproval = { required = 1 }", "aproval (prod; the nearest is approval)"),
    ("freezes = []", "freezes (prod; the nearest is freeze)"),
    (r#"externalId = "prod-51aa""#, "externalId (prod; the nearest is external_id)"),
    (r#"soak = "1h""#, "soak (prod; it belongs into promotion)"),
    ("xyzzy = 1", "xyzzy (prod)"),
    (r#"promotion = { form = "dev" }"#, "form (promotion of prod; the nearest is from)"),
    (r#"promotion = { from = "dev", automatc = true }"#, "automatc (promotion of prod; the nearest is automatic)"),
    ("approval = { requird = 1 }", "requird (approval of prod; the nearest is required)"),
    (r#"freeze = [{ days = ["fri"], zon = "UTC" }]"#, "zon (freeze 1 of prod; the nearest is zone)"),
    (r#"alias = "live", alais = "live""#, "alais (prod; the nearest is alias)"),
];

#[test]
fn misspelt_field_of_an_environment_is_refused_with_the_nearest() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    // The variables alone need no provider.
    let folder = copy.path().join("modules/variables");
    fs::create_dir(&folder).doing("making a folder for variables")?;
    fs::copy(copy.path().join("modules/tooling/variables.tf"), folder.join("variables.tf"))
        .doing("copying variables")?;
    let names = "locals {\n  names = jsondecode(file(\"${path.module}/../names.json\"))\n}\n";
    fs::write(folder.join("names.tf"), names).doing("writing names.tf")?;
    let planned = |target: &str, more: &str| {
        let environments = format!("environments={{prod={{targets=[{target}],{more}}}}}");
        let package = r#"-var=package={path="names.tf"}"#;
        let buckets = ["-var=artifact_bucket=acme-artifacts", "-var=ledger_bucket=acme-ledger", package];
        terraform.run(&folder, &[&["plan"], &buckets[..], &["-var", &environments]].concat())
    };
    terraform.run(&folder, &["init", "-backend=false"])?;
    let target = r#"{ account = "111111111111", region = "eu-west-1" }"#;
    planned(target, r#"promotion = { from = "dev" }, approval = null, freeze = []"#)?;
    let misspelt = MISSPELT.iter().map(|(more, words)| (planned(target, more), *words));
    let target = r#"{ account = "111111111111", reigon = "eu-west-1" }"#;
    for (planned, words) in misspelt.chain([(planned(target, ""), "reigon (target 1 of prod; the nearest is region)")])
    {
        let refused = match planned {
            Ok(_) => return Err(Error::Unexpected(format!("nobody refused: {words}"))),
            Err(error) => error.to_string(),
        };
        // Terraform breaks lines.
        let refused = refused.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            refused.contains(&format!("Unknown fields in environments: {words}. Known are ")),
            "{words}: {refused}"
        );
        // The fields of the other objects would hide those that were meant.
        let of =
            ["target", "promotion", "approval", "freeze"].into_iter().find(|of| words.contains(&format!("({of} ")));
        let known = refused.split_once(". Known are ").map_or("", |(_, known)| known);
        assert!(known.contains(&format!(" of {}.", of.unwrap_or("environment"))), "{words}: {known}");
        assert!(!known.contains(';'), "{words}: {known}");
    }
    Ok(())
}

#[test]
fn target_that_stands_twice_is_named_by_its_account() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("modules/environments");
    terraform.run(&folder, &["init", "-backend=false"])?;
    let targets: Vec<String> =
        (0..60).map(|number| format!(r#"{{account="2222222222{:02}",region="eu-west-1"}}"#, number % 59)).collect();
    let environments = format!("environments={{prod={{targets=[{}]}}}}", targets.join(","));
    let refused = match terraform.run(&folder, &["plan", "-var", &environments]) {
        Ok(_) => return Err(Error::Unexpected("nobody refused a target that stands twice".to_owned())),
        Err(error) => error.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    };
    assert!(refused.contains("these stand twice: 222222222200 in eu-west-1 (prod)."), "{refused}");
    Ok(())
}
