//! Tests that need neither a network nor Terraform.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::mirror::{Mirror, Registry, remembered};
use super::program::{Kind, Program, fitting};
use super::search::look_through;
use super::variables::Variables;
use super::{Source, Terraform, copy, fetch, platform, provider, settings, skipped};
use crate::target_dir;

/// Makes a temporary folder in the target folder, which a search of the machine skips.
fn folder() -> TempDir {
    TempDir::new_in(target_dir().unwrap()).unwrap()
}

/// Makes a mirror with one file of this name.
fn plant(root: &Path, registry: Registry, name: &str) -> PathBuf {
    let package = root.join(registry.address()).join("5.100.0").join(platform());
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join(name), "").unwrap();
    package.join(name)
}

const PROVIDER: &str = "terraform-provider-aws_v5.100.0_x5";

fn everywhere(place: &Path) -> Option<Mirror> {
    look_through(place, &BTreeSet::new())
}

#[test]
fn provider_is_found_by_its_exact_name() {
    let machine = folder();
    let root = machine.path().join("opt/plugins");
    plant(&root, Registry::Terraform, "terraform-provider-awscc_v1.0.0_x5");
    assert_eq!(everywhere(machine.path()), None);
    plant(&root, Registry::Terraform, "terraform-provider-aws_v4.67.0_x5");
    assert_eq!(everywhere(machine.path()), None);
    plant(&root, Registry::Terraform, PROVIDER);
    let found = everywhere(machine.path()).unwrap();
    assert_eq!(found.root(), root);
    assert_eq!(found.addresses().collect::<Vec<_>>(), ["registry.terraform.io/hashicorp/aws"]);
}

/// Makes a mirror with the provider in this version.
fn plant_version(root: &Path, version: &str) {
    let package = root.join(Registry::Terraform.address()).join(version).join(platform());
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join(format!("terraform-provider-aws_v{version}_x5")), "").unwrap();
}

#[test]
fn mirror_with_both_majors_is_split_and_others_are_no_mirror() {
    let machine = folder();
    for other in ["4.67.0", "7.0.0", "50.0.0", "60.1.0"] {
        plant_version(machine.path(), other);
    }
    assert_eq!(everywhere(machine.path()), None);
    plant_version(machine.path(), "6.28.0");
    assert_eq!(everywhere(machine.path()).unwrap().majors(), [6]);
    for more in ["5.81.0", "5.100.0"] {
        plant_version(machine.path(), more);
    }
    let mirror = everywhere(machine.path()).unwrap();
    assert_eq!(mirror.majors(), [5, 6]);

    let links = folder();
    for (major, expected) in [(5, vec!["5.100.0", "5.81.0"]), (6, vec!["6.28.0"])] {
        let one = mirror.of_major(major, links.path()).unwrap();
        assert_eq!(one.majors(), [major]);
        for address in [Registry::Terraform, Registry::OpenTofu].map(Registry::address) {
            let versions = fs::read_dir(one.root().join(address)).unwrap();
            let mut versions: Vec<_> = versions.map(|entry| entry.unwrap().file_name()).collect();
            versions.sort();
            assert_eq!(versions, expected, "{address}");
        }
    }
}

#[test]
fn packed_mirror_tells_its_majors_by_the_names_of_zips() {
    let machine = folder();
    let provider = machine.path().join(Registry::Terraform.address());
    fs::create_dir_all(&provider).unwrap();
    for version in ["5.100.0", "6.28.0", "61.0.0"] {
        fs::write(provider.join(format!("terraform-provider-aws_{version}_{}.zip", platform())), "").unwrap();
    }
    let mirror = Mirror::at(machine.path()).unwrap();
    assert_eq!(mirror.majors(), [5, 6]);
    assert_eq!(mirror.of_major(6, machine.path()).unwrap().majors(), [6]);
}

#[test]
fn program_is_run_with_each_major_of_the_mirror() {
    let machine = folder();
    plant_version(machine.path(), "5.100.0");
    let terraform = |root: &Path| Terraform {
        program: Program::for_test(),
        source: Source::Mirror(Mirror::at(root).unwrap()),
        settings: PathBuf::from("cli.tfrc"),
        environment: vec![],
    };
    let alone = terraform(machine.path()).by_major(machine.path()).unwrap();
    assert_eq!(alone.iter().map(|one| one.settings.clone()).collect::<Vec<_>>(), [PathBuf::from("cli.tfrc")]);

    plant_version(machine.path(), "6.28.0");
    let both = terraform(machine.path()).by_major(machine.path()).unwrap();
    let majors = both.iter().map(|one| match &one.source {
        Source::Mirror(mirror) => mirror.majors(),
        Source::Registry(_) => vec![],
    });
    assert_eq!(majors.collect::<Vec<_>>(), [[5], [6]]);
    let texts: BTreeSet<_> = both.iter().map(|one| fs::read_to_string(&one.settings).unwrap()).collect();
    assert_eq!(texts.len(), 2, "each has settings of its own: {texts:?}");
}

#[test]
fn provider_outside_a_mirror_or_for_another_platform_is_skipped() {
    let machine = folder();
    fs::write(machine.path().join(PROVIDER), "").unwrap();
    let other = machine.path().join(Registry::Terraform.address()).join("5.100.0/plan9_amd64");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join(PROVIDER), "").unwrap();
    assert_eq!(everywhere(machine.path()), None);
}

#[test]
fn links_working_folders_and_skipped_places_are_not_searched() {
    let (machine, elsewhere) = (folder(), folder());
    plant(elsewhere.path(), Registry::Terraform, PROVIDER);
    symlink(elsewhere.path(), machine.path().join("link")).unwrap();
    plant(&machine.path().join("project/.terraform/providers"), Registry::Terraform, PROVIDER);
    let target = machine.path().join("target");
    plant(&target, Registry::Terraform, PROVIDER);
    assert_eq!(look_through(machine.path(), &BTreeSet::from([target])), None);
}

#[test]
fn mirror_is_searched_once_and_again_when_gone() {
    let machine = folder();
    let known = machine.path().join("mirror.found");
    let (first, second) = (machine.path().join("first"), machine.path().join("second"));
    let provider = plant(&first, Registry::Terraform, PROVIDER);
    plant(&second, Registry::Terraform, PROVIDER);

    let found = remembered(&known, || Mirror::at(&first)).unwrap().unwrap();
    assert_eq!(found.root(), first);
    let found = remembered(&known, || panic!("it is known")).unwrap().unwrap();
    assert_eq!(found.root(), first);

    fs::remove_file(provider).unwrap();
    let found = remembered(&known, || Mirror::at(&second)).unwrap().unwrap();
    assert_eq!(found.root(), second);
    assert_eq!(fs::read_to_string(&known).unwrap(), second.to_str().unwrap());
}

#[test]
fn named_mirror_is_used_unless_it_lacks_the_provider() {
    let machine = folder();
    let named = Variables::from([("TF_PLUGIN_MIRROR", machine.path().to_str().unwrap())]);
    let find = || Mirror::find(&named, machine.path(), &machine.path().join("plugins"));
    let refused = find().unwrap_err().to_string();
    assert!(refused.starts_with("TF_PLUGIN_MIRROR names "), "{refused}");
    assert!(refused.contains("which has no registry.terraform.io/hashicorp/aws/<version>/"), "{refused}");

    let provider = machine.path().join(Registry::Terraform.address());
    fs::create_dir_all(&provider).unwrap();
    fs::write(provider.join(format!("terraform-provider-aws_5.100.0_{}.zip", platform())), "").unwrap();
    assert_eq!(find().unwrap(), Mirror::at(&fs::canonicalize(machine.path()).unwrap()));
}

#[test]
fn mirror_of_one_registry_is_offered_under_both_names() {
    let machine = folder();
    let root = machine.path().join("mirror-of-the-machine");
    plant(&root, Registry::Terraform, PROVIDER);
    let mirror = Mirror::at(&root).unwrap();
    assert_eq!(mirror.offering(Registry::Terraform, machine.path()).unwrap(), mirror);

    let linked = mirror.offering(Registry::OpenTofu, machine.path()).unwrap();
    assert_eq!(Mirror::at(linked.root()).unwrap(), linked);
    assert_eq!(linked.addresses().count(), 2);
    assert_eq!(mirror.offering(Registry::OpenTofu, machine.path()).unwrap(), linked, "made again, nothing changes");
}

#[test]
fn wrong_checksum_is_refused_and_the_file_deleted() {
    let folder = folder();
    let file = folder.path().join("terraform.zip");
    // SHA-256 of "abc": FIPS 180-2, B.1.
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    fs::write(&file, "abc").unwrap();
    assert_eq!(fetch::verified(&file, sum).unwrap(), b"abc");

    let pinned = "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc";
    let refused = fetch::verified(&file, pinned).unwrap_err().to_string();
    assert!(refused.contains(&format!("its SHA-256 is {sum}, not {pinned}")), "{refused}");
    assert!(!file.exists());
}

#[test]
fn unzipped_program_is_executable() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["LICENSE.txt", "terraform"] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(name.as_bytes()).unwrap();
    }
    let folder = folder();
    let program = folder.path().join("terraform");
    fetch::unpack(&zip.finish().unwrap().into_inner(), &program).unwrap();
    assert_eq!(fs::read_to_string(&program).unwrap(), "terraform");
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn provider_with_a_mirror_comes_from_nowhere_else() {
    let folder = folder();
    let root = folder.path().join("a \"mirror\"");
    plant(&root, Registry::Terraform, PROVIDER);
    let text = settings::mirrored(&Mirror::at(&root).unwrap()).unwrap();
    let expected = r#"disable_checkpoint = true

provider_installation {
  filesystem_mirror {
    path    = "@/a \"mirror\""
    include = ["registry.terraform.io/hashicorp/aws"]
  }
  direct {
    exclude = ["registry.terraform.io/hashicorp/aws"]
  }
}
"#;
    assert_eq!(text, expected.replace('@', folder.path().to_str().unwrap()));
}

#[test]
fn provider_without_a_mirror_is_downloaded_and_kept() {
    let text = settings::downloaded(Path::new("/target/terraform/plugins")).unwrap();
    let expected = r#"disable_checkpoint = true

plugin_cache_dir                             = "/target/terraform/plugins"
plugin_cache_may_break_dependency_lock_file = true

provider_installation {
  direct {}
}
"#;
    assert_eq!(text, expected);
    let refused = settings::downloaded(Path::new("/${HOME}")).unwrap_err().to_string();
    assert_eq!(refused, "/${HOME} cannot be named in Terraform's configuration: move it");
}

#[test]
fn configurations_are_written_side_by_side() {
    let folder = folder();
    let (one, other) =
        (settings::write(folder.path(), "one").unwrap(), settings::write(folder.path(), "other").unwrap());
    assert_eq!(settings::write(folder.path(), "one").unwrap(), one);
    assert_eq!((fs::read_to_string(one).unwrap(), fs::read_to_string(other).unwrap()), ("one".into(), "other".into()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn terraform_tests_are_skipped_on_request_but_never_in_ci() {
    assert!(!skipped(&Variables::default()).unwrap());
    assert!(!skipped(&Variables::from([("CI", "true")])).unwrap());
    assert!(!skipped(&Variables::from([("DEPLOYER_SKIP_TERRAFORM", "0"), ("CI", "true")])).unwrap());
    assert!(skipped(&Variables::from([("DEPLOYER_SKIP_TERRAFORM", "1")])).unwrap());
    assert!(skipped(&Variables::from([("DEPLOYER_SKIP_TERRAFORM", "1"), ("CI", "")])).unwrap());
    let refused = skipped(&Variables::from([("DEPLOYER_SKIP_TERRAFORM", "1"), ("CI", "true")])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "DEPLOYER_SKIP_TERRAFORM=1 is set, and CI too, where the tests with Terraform are never skipped: unset \
         DEPLOYER_SKIP_TERRAFORM"
    );
}

#[test]
fn versions_of_both_programs_are_read_and_old_ones_refused() {
    let json = |version: &str| format!(r#"{{"terraform_version": "{version}", "platform": "linux_amd64"}}"#);
    let fits = |words: &str, version: &str| fitting(words, &json(version));
    let terraform = "Terraform v1.11.4\non linux_amd64\n";
    assert_eq!(fits(terraform, "1.11.4"), Ok((Kind::Terraform, "1.11.4".to_owned())));
    assert_eq!(fits(terraform, "1.9.0"), Ok((Kind::Terraform, "1.9.0".to_owned())));
    assert_eq!(fits("OpenTofu v1.10.3\non linux_amd64\n", "1.10.3"), Ok((Kind::OpenTofu, "1.10.3".to_owned())));
    assert_eq!(fits("OpenTofu v2.0.0-beta1\n", "2.0.0-beta1"), Ok((Kind::OpenTofu, "2.0.0-beta1".to_owned())));
    assert_eq!(fits("Terraform v1.8.5\n", "1.8.5"), Err("is terraform 1.8.5".to_owned()));
    assert_eq!(fits("OpenTofu v1.8.11\n", "1.8.11"), Err("is tofu 1.8.11".to_owned()));
    assert_eq!(fits("Python 3.12.1\n", "1.11.4"), Err("is neither Terraform nor OpenTofu".to_owned()));
    assert_eq!(fitting(terraform, "{}"), Err("does not tell its version".to_owned()));
}

#[test]
fn named_program_is_the_only_one_tried() {
    let folder = folder();
    let named = folder.path().join("terraform");
    let variables = Variables::from([("DEPLOYER_TERRAFORM", named.to_str().unwrap())]);
    let refused = Program::find(&variables, folder.path()).unwrap_err().to_string();
    let named = named.display();
    assert_eq!(
        refused,
        format!(
            "DEPLOYER_TERRAFORM names {named}, but there is no {named}: infra/ needs Terraform or OpenTofu \
             1.9 or newer, so name one, or unset DEPLOYER_TERRAFORM"
        )
    );
}

#[test]
fn copy_omits_the_files_of_terraform() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::create_dir_all(from.path().join("module/.terraform/providers")).unwrap();
    for name in ["main.tf", "module/main.tf", ".terraform.lock.hcl", "terraform.tfstate", "module/x.tfstate.backup"] {
        fs::write(from.path().join(name), name).unwrap();
    }
    copy::copy(from.path(), to.path()).unwrap();
    assert_eq!(fs::read_to_string(to.path().join("module/main.tf")).unwrap(), "module/main.tf");
    let names = |folder: PathBuf| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!(names(to.path().to_path_buf()), BTreeSet::from(["main.tf".to_owned(), "module".to_owned()]));
    assert_eq!(names(to.path().join("module")), BTreeSet::from(["main.tf".to_owned()]));
}

#[test]
fn program_gets_no_variable_of_the_process() {
    let folder = folder();
    plant(folder.path(), Registry::Terraform, PROVIDER);
    let mirrored = Source::Mirror(Mirror::at(folder.path()).unwrap());
    for hidden in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "TF_LOG", "TF_VAR_region", "HTTPS_PROXY", "no_proxy"] {
        assert!(mirrored.hides(hidden), "{hidden}");
    }
    for kept in ["PATH", "HOME", "MY_TF_LOG"] {
        assert!(!mirrored.hides(kept), "{kept}");
    }
    let downloaded = Source::Registry(folder.path().to_path_buf());
    assert!(!downloaded.hides("HTTPS_PROXY") && downloaded.hides("TF_LOG"));
}

#[test]
fn newest_program_of_a_mirror_is_the_one_that_terraform_takes() {
    let machine = folder();
    let newest = |registry| Mirror::at(machine.path()).unwrap().newest_program(registry);
    for version in ["5.81.0", "5.100.0", "5.9.0"] {
        plant_version(machine.path(), version);
    }
    let program = newest(Registry::Terraform).unwrap();
    assert_eq!(program.file_name().unwrap(), "terraform-provider-aws_v5.100.0_x5");
    assert_eq!(newest(Registry::OpenTofu), None);
    let provider = machine.path().join(Registry::Terraform.address());
    fs::write(provider.join(format!("terraform-provider-aws_5.100.1_{}.zip", platform())), "").unwrap();
    assert_eq!(newest(Registry::Terraform), None, "Terraform unpacks the newer one");
}

#[test]
fn provider_that_runs_tells_its_address_for_terraform() {
    let value = r#"{"registry.terraform.io/hashicorp/aws":{"Protocol":"grpc","Pid":7}}"#;
    assert_eq!(provider::address(&format!("\tTF_REATTACH_PROVIDERS='{value}'\n")).unwrap(), value);
    for other in
        ["Provider started.", "TF_REATTACH_PROVIDERS=", "TF_REATTACH_PROVIDERS='{}'", "TF_REATTACH_PROVIDERS='x'"]
    {
        assert_eq!(provider::address(other), None, "{other}");
    }
}

#[test]
fn program_that_is_no_provider_is_not_attached_to() {
    let folder = folder();
    let program = folder.path().join("provider");
    fs::write(&program, "#!/bin/sh\necho not today\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(provider::attach(&program), None);
}
