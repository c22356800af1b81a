//! The table `[rollout]` of a manifest.

use super::*;
use crate::config::rollout::WhenQuiet;
use crate::manifest::SmokeTestRule;
use crate::plan::compare_manifests;

fn mistakes(toml: &str) -> String {
    manifest(toml).unwrap_err().to_string()
}

#[test]
fn table_is_read_and_merged_like_any_other() {
    let manifest = manifest(
        "[rollout]\nalarms = ['{function}-5xx']\nslower = 2\nfirst_weight = 5\nsmoke_test = 'required'\n\
         [environments.prod.rollout]\nwhen_quiet = 'fail'\nalarms = ['other']\n",
    )
    .unwrap();
    let (dev, prod) = (manifest.for_environment(&named("dev")), manifest.for_environment(&named("prod")));
    let (dev, prod) = (dev.rollout.unwrap(), prod.rollout.unwrap());
    assert_eq!((dev.slower, dev.first_weight, dev.when_quiet), (Some(2), Some(5), None));
    assert_eq!(dev.smoke_test, Some(SmokeTestRule::Required));
    assert_eq!((prod.slower, prod.when_quiet), (Some(2), Some(WhenQuiet::Fail)));
    assert_eq!(prod.alarms.unwrap().iter().map(|alarm| alarm.as_str()).collect::<Vec<_>>(), ["other"]);
    assert_eq!(manifest_of_json(r#"{"rollout": null}"#).for_environment(&named("dev")).rollout, None);
}

fn manifest_of_json(text: &str) -> Manifest {
    Manifest::parse(ManifestFormat::Json, text.as_bytes()).unwrap()
}

#[test]
fn each_mistake_in_the_table_is_told_with_its_path() {
    for (toml, message) in [
        ("[rollout]\nslower = 11\n", "rollout.slower: 11 is out of range: 1 to 10"),
        ("[rollout]\nfirst_wieght = 5\n", "rollout.first_wieght: unknown field; did you mean first_weight?"),
        ("[rollout]\nalarms = ['a', 'a']\n", "rollout.alarms[1]: a is there twice"),
        ("[environments.prod.rollout]\nalarms = ['a', 'a']\n", "environments.prod.rollout.alarms[1]: a is there twice"),
        (
            "[rollout]\nsteps = []\n",
            "rollout.steps: unknown field; known here: alarms, first_weight, slower, smoke_test, when_quiet",
        ),
        ("rollout = true\n", "rollout: expected a table, found the boolean true"),
        ("[rolout]\nslower = 2\n", "rolout: unknown field; did you mean rollout?"),
    ] {
        assert_eq!(mistakes(toml), message, "{toml}");
    }
}

#[test]
fn difference_of_two_manifests_names_what_they_ask_of_the_rollout() {
    let config = |toml: &str| manifest(toml).unwrap().for_environment(&named("prod"));
    let (from, to) = (config("[rollout]\nslower = 2\n"), config("[rollout]\nslower = 3\nwhen_quiet = 'fail'\n"));
    let changes = compare_manifests(&from, &to);
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["~ rollout.slower: 2 → 3", "+ rollout.when_quiet: fail"]);
}
