//! The manifest and the program in a zip.

use super::*;

#[test]
fn manifest_must_be_one_at_the_root_and_spelled_exactly() {
    let both = [file("function.json"), file("function.toml")];
    let error = inspect(&archive(&both)).unwrap_err();
    assert_eq!(error.to_string(), "the zip has both function.toml and function.json: keep one of them");
    assert!(error.is_about_the_manifest());
    for other in ["lib/function.toml", "function.toml/", "function.js", "functions.yaml"] {
        assert_eq!(inspect(&archive(&[file("a"), Raw::stored(other, b"")])).unwrap().manifest, None, "{other}");
    }
    for (other, right) in [
        ("Function.toml", "function.toml"),
        ("FUNCTION.JSON", "function.json"),
        ("function.yaml", "function.toml"),
        ("function.yml", "function.toml"),
        ("Function.jsonc", "function.json"),
        ("function.toml.txt", "function.toml"),
        ("function.json.txt", "function.json"),
    ] {
        let error = inspect(&archive(&[file("a"), file(other)])).unwrap_err();
        let message = format!("the zip has `{other}` at its root, which nothing reads: the manifest's name is {right}");
        assert_eq!((error.to_string(), error.is_about_the_manifest()), (message, true));
    }
    assert!(inspect(&archive(&[file("function.toml"), file("function.yaml")])).is_ok(), "somebody else's");
}

#[test]
fn zip_of_an_image_reference_is_refused_with_what_to_use() {
    assert_eq!(
        refusal(&[file("function.toml"), file("imagedefinitions.json")]),
        "the zip has no code but a container image, or a reference to one (`imagedefinitions.json`): the deployer deploys zips, \
         not container images: zip the function's code and upload that, or deploy the image with aws lambda \
         update-function-code --image-uri"
    );
    assert!(inspect(&archive(&[file("index.js"), file("imagedefinitions.json")])).is_ok());
}

#[test]
fn manifest_above_the_limit_is_refused_whatever_its_declared_size() {
    let message = "function.toml has more than 262144 bytes: a manifest is a short text";
    let damaged = "`function.toml` is damaged in the zip: its size or checksum does not match; zip it again";
    let noise: Vec<u8> = (0..262_145_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(inspect(&archive(&[Raw::deflated("function.toml", &noise[1..])])).is_ok());
    assert_eq!(refusal(&[Raw::deflated("function.toml", &noise)]), message);
    assert_eq!(refusal(&[Raw::deflated("function.toml", &noise).with(|e| e.unpacked = 1000)]), damaged);
}

#[test]
fn manifest_matches_its_size_and_checksum() {
    let message = "`function.json` is damaged in the zip: its size or checksum does not match; zip it again";
    let manifest = Raw::deflated("function.json", b"{\"timeout\": 10}");
    assert_eq!(refusal(&[manifest.clone().with(|e| e.crc32 ^= 1)]), message);
    assert_eq!(refusal(&[manifest.clone().with(|e| e.unpacked -= 1)]), message);
    assert_eq!(refusal(&[manifest.clone().with(|e| e.unpacked += 1)]), message);
    assert_eq!(refusal(&[manifest.with(|e| e.data[0] = 0xff)]), message);
}

#[test]
fn local_header_agrees_with_the_directory() {
    let entries =
        [Raw::stored("function.toml", MANIFEST), program(&elf(62)), Raw::deflated("lib/x.js", MANIFEST), file("a")];
    for entry in entries {
        let name = String::from_utf8(entry.name.clone()).unwrap();
        let message = format!("`{name}`'s local header contradicts the zip's directory: zip it again");
        assert_eq!(refusal(&[entry.clone().with(|e| e.local_name[0] ^= 0x20)]), message);
        assert_eq!(refusal(&[entry.clone().with(|e| e.local_method ^= 8)]), message);
        assert_eq!(refusal(&[entry.clone().with(|e| e.local_flags = 1)]), message);
        // Its extra fields push its data into the next entry.
        let lengthened = |mut bytes: Vec<u8>| {
            bytes[28] = 9;
            bytes
        };
        assert_eq!(told(&lengthened(archive(&[entry.clone(), file("z")]))), message);
        assert_eq!(told(&lengthened(archive(std::slice::from_ref(&entry)))), message);
        let padded = entry.with(|e| e.local_extra = vec![0; 65_535]);
        assert!(inspect(&archive(&[padded, file("z")])).is_ok());
    }
}

#[test]
fn first_bytes_of_a_program_tell_its_kind() {
    let kind = |bytes: &[u8]| inspect(&archive(&[program(bytes)])).unwrap().startup.bootstrap.unwrap().kind;
    assert_eq!(kind(&elf(62)), BootstrapKind::Elf(Machine::X86_64));
    assert_eq!(kind(&elf(183)), BootstrapKind::Elf(Machine::Aarch64));
    assert_eq!(kind(&elf(40)), BootstrapKind::Elf(Machine::Other(40)));
    let mut big_endian = elf(183_u16.swap_bytes());
    big_endian[5] = 2;
    assert_eq!(kind(&big_endian), BootstrapKind::Elf(Machine::Other(183)));
    assert_eq!(kind(&elf(62)[..19]), BootstrapKind::Other);
    assert_eq!(kind(b"#!/bin/sh\n"), BootstrapKind::Script);
    assert_eq!(kind(b"#!/bin/sh\nexit 0\r\n"), BootstrapKind::Script);
    assert_eq!(kind(b"#!/bin/sh\r\n"), BootstrapKind::WindowsScript);
    assert_eq!(kind(b"MZ"), BootstrapKind::Other);
    assert_eq!(kind(b""), BootstrapKind::Other);
    let torn = program(&elf(62)).with(|e| e.data[0] = 0xff);
    let damaged = "`bootstrap` is damaged in the zip: its size or checksum does not match; zip it again";
    assert_eq!(refusal(&[torn]), damaged);
    assert_eq!(refusal(&[program(&elf(62)).with(|e| e.crc32 ^= 1)]), damaged);
    assert_eq!(refusal(&[Raw::stored("bootstrap", b"#!/bin/sh").with(|e| e.crc32 ^= 1)]), damaged);
}

#[test]
fn provided_runtime_needs_an_executable_bootstrap() {
    let check = |entries: &[Raw]| starts(entries, provided());
    let missing = "the zip has no file bootstrap at its root, which provided.* runtimes start: zip the program under \
                   that name, or name the layer that has it";
    assert_eq!(check(&[file("a"), Raw::stored("bootstrap/", b"")]), Err(missing.to_owned()));
    let nested = "the zip has no file bootstrap at its root, which provided.* runtimes start: there is `bin/bootstrap`: zip \
                  what is in that folder, not the folder itself";
    assert_eq!(check(&[file("a"), file("bin/bootstrap")]), Err(nested.to_owned()));
    assert_eq!(starts(&[file("a")], Run { has_layers: true, ..provided() }), Ok(None), "a layer may have it");
    let not_executable = "bootstrap is not executable for everybody: chmod 755 bootstrap, and zip it on Linux or macOS (or \
                          with a tool that writes Unix modes)";
    for mode in [0o100_644, 0o100_744, 0o100_754] {
        assert_eq!(check(&[program(&elf(62)).with(|e| e.mode = mode)]), Err(not_executable.to_owned()));
    }
    assert_eq!(check(&[program(&elf(62)).with(|e| e.made_on = 0)]), Err(not_executable.to_owned()));
    let neither = "bootstrap is neither an ELF file nor a script that begins with #!, and Lambda starts no others: build a program for \
                   Linux, not for macOS or Windows, and begin a script with #!/bin/sh";
    for other in [&b"print('hello')"[..], b"\xcf\xfa\xed\xfe for macOS", b"MZ for Windows"] {
        assert_eq!(check(&[program(other)]), Err(neither.to_owned()));
    }
    assert_eq!(check(&[program(b"#!/bin/sh\n")]), Ok(None));
    assert_eq!(check(&[program(&elf(62))]), Ok(None));
    assert_eq!(check(&[program(&elf(62)).with(|e| e.made_on = 19)]), Ok(None), "zipped on macOS");
}

#[test]
fn program_for_another_machine_is_refused_naming_both() {
    let refusal_of = |found, expected| {
        let bootstrap = Some(Bootstrap { executable: true, kind: BootstrapKind::Elf(found) });
        let startup = Startup { bootstrap, ..Startup::default() };
        startup.check_compatible(Run { machine: Some(expected), ..provided() }).unwrap_err().to_string()
    };
    assert_eq!(
        refusal_of(Machine::Aarch64, Machine::X86_64),
        "bootstrap is an ELF file for aarch64, but the function's architecture is x86_64: build for \
         x86_64-unknown-linux-gnu or set architectures = [\"arm64\"]"
    );
    assert_eq!(
        refusal_of(Machine::X86_64, Machine::Aarch64),
        "bootstrap is an ELF file for x86_64, but the function's architecture is arm64: build for \
         aarch64-unknown-linux-gnu or set architectures = [\"x86_64\"]"
    );
    assert_eq!(
        refusal_of(Machine::Other(40), Machine::X86_64),
        "bootstrap is an ELF file for machine 40, but the function's architecture is x86_64: build for \
         x86_64-unknown-linux-gnu"
    );
}
