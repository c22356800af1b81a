//! Symbolic links.

use super::*;

#[test]
fn links_into_the_zip_or_a_layer_are_accepted() {
    let npm = [link("node_modules/.bin/tsc", "../typescript/bin/tsc"), file("node_modules/typescript/bin/tsc")];
    assert!(inspect(&archive(&npm)).is_ok());
    let pnpm = [link("node_modules/a", ".pnpm/a@1/node_modules/a"), file("node_modules/.pnpm/a@1/node_modules/a/i.js")];
    assert!(inspect(&archive(&pnpm)).is_ok());
    assert!(inspect(&archive(&[file("a"), link("lib/libssl.so", "/opt/lib/libssl.so.3")])).is_ok());
}

#[test]
fn links_outside_in_circles_and_entries_behind_links_are_refused() {
    let told = refusal(&[file("a"), link("x", "../../etc/passwd"), link("y", "/etc/passwd")]);
    assert_eq!(
        told,
        "the zip has symbolic links that lead out of it: `x` to `../../etc/passwd`, `y` to `/etc/passwd`; a link may lead to \
         something in the zip, or below /opt/ into a layer: copy what it leads to in its place (zip -r without -y, cp -rL)"
    );
    assert_eq!(
        refusal(&[file("a"), link("x", "y"), link("y", "x")]),
        "the zip has symbolic links that lead in circles, or through too many others: `x` to `y`, `y` to `x`; leave them \
         out"
    );
    assert_eq!(
        refusal(&[link("x", "y"), file("x/a"), file("y/a")]),
        "the zip has entries whose folder is a symbolic link: `x/a`; put them where the link leads to"
    );
    assert_eq!(
        refusal(&[file("a"), link("x", &"a/".repeat(3000))]),
        "the zip has symbolic links of more than 4096 bytes, or of more than 16 MB together: `x`; leave them out"
    );
    assert_eq!(
        refusal(&[file("a"), link("function.toml", "a")]),
        "function.toml is a symbolic link: put the file itself into the zip"
    );
    let damaged = "`x` is damaged in the zip: its size or checksum does not match; zip it again";
    assert_eq!(refusal(&[file("a"), link("x", "a").with(|e| e.crc32 ^= 1)]), damaged);
}

#[test]
fn link_of_another_system_than_unix_is_refused() {
    for host in [0, 10, 19] {
        assert_eq!(
            refusal(&[file("a"), link("x", "a").with(|e| e.made_on = host)]),
            format!(
                "the zip has symbolic links that are links for some readers and files for others: `x` (of system {host}, Unix \
                 is 3); zip again with a tool that writes links as Unix does (zip -y)"
            )
        );
    }
}

#[test]
fn linked_bootstrap_is_checked_at_its_destination() {
    let target = |bytes: &[u8], mode| Raw::deflated("bin/orders", bytes).with(|e| e.mode = mode);
    let check = |entries: &[Raw]| starts(entries, provided());
    // The program may come before the link, and the other way round.
    assert_eq!(check(&[target(&elf(62), 0o100_755), link("bootstrap", "bin/orders")]), Ok(None));
    assert_eq!(
        check(&[link("bootstrap", "current/orders"), link("current", "bin"), target(&elf(62), 0o100_755)]),
        Ok(None)
    );
    assert!(
        check(&[link("bootstrap", "bin/orders"), target(&elf(62), 0o100_644)]).unwrap_err().contains("not executable")
    );
    assert!(check(&[link("bootstrap", "bin/orders"), target(&elf(183), 0o100_755)]).unwrap_err().contains("aarch64"));
    assert!(check(&[file("a"), link("bootstrap", "gone")]).unwrap_err().contains("no file bootstrap"));
    let in_layer = [file("a"), link("bootstrap", "/opt/bootstrap")];
    assert!(check(&in_layer).is_err());
    assert_eq!(starts(&in_layer, Run { has_layers: true, ..provided() }), Ok(None));
}
