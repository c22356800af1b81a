"""The ways of packing: tool, call, and the expected verdict on the zip.

A zip must be accepted, or refused with the given words for a reason that Lambda has too.
"""

import io
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
TAKEN = ""
# Lambda does not start a bootstrap that is not executable.
NO_MODES = {"provided": "bootstrap is not executable"}
BOTH = ("node", "provided")


@dataclass
class Way:
    tool: str
    how: str
    pack: Callable[[Path, Path], None]
    right: dict = field(default_factory=dict)
    kinds: tuple = BOTH
    own: tuple = ()
    """Files that the tool adds, or leaves out as asked."""
    note: str = ""


def said(*command: str, line: int = 0) -> "str | None":
    """Returns a line that a command prints about itself, or None if there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        return None
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[line].strip() if done.returncode == 0 and lines else None


def ran(command: list, folder: Path, **others) -> None:
    subprocess.run([str(part) for part in command], cwd=folder, check=True, capture_output=True, timeout=300, **others)


def walked(folder: Path):
    """Yields files and folders, each once, as a program finds them that follows links."""
    for above, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(folders) + sorted(files):
            path = Path(above) / name
            if not (path.is_symlink() and path.is_dir()):
                yield path, path.relative_to(folder).as_posix()


# Python


def python_write(folder: Path, out, **options) -> None:
    with zipfile.ZipFile(out, "w", **options) as archive:
        for path, name in walked(folder):
            archive.write(path, name)


class Unseekable(io.RawIOBase):
    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def python_stream(folder: Path, out: Path) -> None:
    with out.open("wb") as file:
        python_write(folder, Unseekable(file), compression=zipfile.ZIP_DEFLATED)


def python_zip64(folder: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in walked(folder):
            if path.is_dir():
                archive.write(path, name)
                continue
            info = zipfile.ZipInfo.from_file(path, name)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as entry:
                entry.write(path.read_bytes())


def python_writestr(folder: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in walked(folder):
            if path.is_file():
                archive.writestr(name, path.read_bytes())


def python_links(folder: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, (0o120777 << 16)
                archive.writestr(info, os.readlink(path))
            else:
                archive.write(path, name)


def python_twice(folder: Path, out: Path) -> None:
    python_write(folder, out, compression=zipfile.ZIP_DEFLATED)
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        archive.writestr("function.toml", (folder / "function.toml").read_text() + "timeout = 7\n")


def make_archive(folder: Path, out: Path) -> None:
    made = shutil.make_archive(str(out.with_suffix("")) + "-made", "zip", folder)
    shutil.move(made, out)


def wrapped_archive(folder: Path, out: Path) -> None:
    made = shutil.make_archive(str(out.with_suffix("")) + "-made", "zip", folder.parent, folder.name)
    shutil.move(made, out)


def python_module(folder: Path, out: Path) -> None:
    ran([sys.executable, "-m", "zipfile", "-c", out, *sorted(os.listdir(folder))], folder)


PYTHON = [
    Way("Python", "`ZipFile.write`, stored", lambda f, o: python_write(f, o)),
    Way("Python", "`ZipFile.write`, deflated", lambda f, o: python_write(f, o, compression=zipfile.ZIP_DEFLATED)),
    Way("Python", "to a stream that cannot seek", python_stream),
    Way("Python", "`open(…, force_zip64=True)`", python_zip64),
    Way("Python", "`writestr` with names only", python_writestr, NO_MODES),
    Way("Python", "links written as links", python_links),
    Way("Python", "`ZIP_BZIP2`", lambda f, o: python_write(f, o, compression=zipfile.ZIP_BZIP2), dict.fromkeys(BOTH, "(method 12)")),
    Way("Python", "`ZIP_LZMA`", lambda f, o: python_write(f, o, compression=zipfile.ZIP_LZMA), dict.fromkeys(BOTH, "(method 14)")),
    Way("Python", "mode `a`: the manifest written once more", python_twice, dict.fromkeys(BOTH, "more than once: `function.toml`")),
    Way("Python", "`shutil.make_archive`", make_archive),
    Way("Python", "`shutil.make_archive` with `base_dir`", wrapped_archive, dict.fromkeys(BOTH, "zip what is in tree")),
    Way("Python", "`python -m zipfile -c`", python_module),
]


# Commands


def command(tool: str, how: str, *parts: str, right=None, kinds=BOTH, own=(), note="") -> Way:
    """Returns a way by a shell command in the folder; OUT is the zip's path."""

    def pack(folder: Path, out: Path) -> None:
        ran(["sh", "-c", " ".join(parts).replace("OUT", str(out))], folder)

    return Way(tool, f"`{how}`", pack, right or {}, kinds, own, note)


ZIP = [
    command("Info-ZIP", "zip -r", "zip -q -r OUT ."),
    command("Info-ZIP", "zip -r x.zip *", "zip -q -r OUT *"),
    command("Info-ZIP", "zip -rX", "zip -q -r -X OUT ."),
    command("Info-ZIP", "zip -ry", "zip -q -r -y OUT ."),
    command("Info-ZIP", "zip -rD", "zip -q -r -D OUT ."),
    command("Info-ZIP", "zip -r0", "zip -q -r -0 OUT ."),
    command("Info-ZIP", "zip -r9", "zip -q -r -9 OUT ."),
    command("Info-ZIP", "zip -j", "zip -q -j OUT function.toml bootstrap lib/*", kinds=("provided",), own=("bin/orders", "lib/libx.so.1")),
    command("Info-ZIP", "zip -r - . > x.zip", "zip -q -r - . > OUT"),
    command("Info-ZIP", "zip -r - . | cat > x.zip", "zip -q -r - . | cat > OUT"),
    command("Info-ZIP", "zip -FS, twice", "zip -q -r -FS OUT . && touch -d 2030-01-01 function.toml && zip -q -r -FS OUT ."),
    command("Info-ZIP", "zip -u, twice", "zip -q -r OUT . && touch -d 2030-01-01 function.toml && zip -q -r -u OUT ."),
    command("Info-ZIP", "zip -r -fz", "zip -q -r -fz OUT ."),
    command("Info-ZIP", "zip -r -UN=UTF8", "zip -q -r -UN=UTF8 OUT ."),
    command("Info-ZIP", "zip -r -z (a comment)", "echo built by CI | zip -q -r -z OUT ."),
    command("Info-ZIP", "zip -r -P (encrypted)", "zip -q -r -P secret OUT .", right=dict.fromkeys(BOTH, "encrypted entries")),
    command("Info-ZIP", "zip -r -Z bzip2", "zip -q -r -Z bzip2 OUT .", right=dict.fromkeys(BOTH, "(method 12)")),
    command("Info-ZIP", "zip -r x.zip tree", "cd .. && zip -q -r OUT tree", right=dict.fromkeys(BOTH, "zip what is in tree")),
    command("Info-ZIP", "find | zip -@", "find . -type f | zip -q -@ OUT"),
]
GIT = [
    command("git", "git archive --format=zip", "git init -q . && git add -A && git -c user.name=a -c user.email=a@b.c commit -q -m a "
            "&& git archive --format=zip -o OUT HEAD"),
    command("git", "git archive --prefix", "git init -q . && git add -A && git -c user.name=a -c user.email=a@b.c commit -q -m a "
            "&& git archive --format=zip --prefix=tree/ -o OUT HEAD", right=dict.fromkeys(BOTH, "zip what is in tree")),
]
BSDTAR = [
    command("bsdtar", "bsdtar -a -cf x.zip *", "bsdtar -a -cf OUT *"),
    command("bsdtar", "bsdtar -a -cf x.zip .", "bsdtar -a -cf OUT .", right=dict.fromkeys(BOTH, "zip with * in place of .")),
    command("bsdtar", "bsdtar --format zip -cf - * | cat", "bsdtar --format zip -cf - * | cat > OUT",
            right=dict.fromkeys(BOTH, "bytes were appended to it"), note="it fills a stream's last block with zeros; let it write a file"),
    command("bsdtar", "bsdtar --options zip:zip64", "bsdtar --format zip --options zip:zip64 -cf OUT *"),
    command("bsdtar", "bsdtar --options zip:compression=store", "bsdtar --options zip:compression=store -a -cf OUT *"),
    command("bsdtar", "bsdtar -L (links followed)", "bsdtar -L -a -cf OUT *"),
]
SEVEN = [
    command("7-Zip", "7z a -tzip", "7zz a -bso0 -bsp0 -tzip OUT ."),
    command("7-Zip", "7z a -tzip *", "7zz a -bso0 -bsp0 -tzip OUT *"),
    command("7-Zip", "7z a -tzip -snl (links kept)", "7zz a -bso0 -bsp0 -tzip -snl OUT *"),
    command("7-Zip", "7z a -tzip -mcu=on", "7zz a -bso0 -bsp0 -tzip -mcu=on OUT *"),
    command("7-Zip", "7z a -tzip -mm=Copy", "7zz a -bso0 -bsp0 -tzip -mm=Copy OUT *"),
    command("7-Zip", "7z a -tzip -mm=Deflate64", "7zz a -bso0 -bsp0 -tzip -mm=Deflate64 OUT *", right=dict.fromkeys(BOTH, "(method 9)")),
    command("7-Zip", "7z a -tzip -mem=AES256", "7zz a -bso0 -bsp0 -tzip -psecret -mem=AES256 OUT *", right=dict.fromkeys(BOTH, "encrypted")),
]
PERL = [
    command("Perl", "Archive::Zip addTree", "perl -MArchive::Zip -e 'my $z = Archive::Zip->new; $z->addTree(\".\", \"\"); "
            "$z->writeToFileNamed(\"OUT\") == 0 or die'"),
]
JAR = [
    command("Java", "jar cf", "jar cf OUT .", right=NO_MODES, kinds=(*BOTH, "java")),
    command("Java", "jar cfM", "jar cfM OUT .", right=NO_MODES, kinds=(*BOTH, "java")),
    command("Java", "jar cf0M", "jar cf0M OUT .", right=NO_MODES, kinds=("java",)),
    command("Java", "jar cf, then uf", "jar cf OUT . && jar uf OUT function.toml", right=NO_MODES, kinds=("java",)),
]


def java(how: str, way: str, right: dict) -> Way:
    def pack(folder: Path, out: Path) -> None:
        ran(["java", HERE / "Pack.java", way, folder, out], folder, env={**os.environ, "JAVA_TOOL_OPTIONS": "-Dsun.jnu.encoding=UTF-8"})

    return Way("Java", how, pack, right)


JAVA = [
    java("`ZipOutputStream`, deflated", "stream", NO_MODES),
    java("`ZipOutputStream`, stored", "stored", NO_MODES),
    java("a file system of zips", "zipfs", NO_MODES),
    java("a file system of zips with modes", "zipfs-posix", {}),
]


def go(how: str, way: str, right: dict) -> Way:
    return Way("Go", how, lambda folder, out: ran(["go", "run", HERE / "pack.go", way, folder, out], folder), right)


GO = [
    go("`archive/zip`, `FileInfoHeader`", "header", {}),
    go("`archive/zip`, `Create` with names only", "names", NO_MODES),
]


def node(package: str, how: str, way: str, right=None) -> Way:
    return Way(package, how, lambda folder, out: ran(["node", HERE / "pack.mjs", way, folder, out], folder), right or {})


NPM = [
    node("archiver", "`directory`", "archiver-directory"),
    node("archiver", "`glob`", "archiver-glob"),
    node("archiver", "`forceZip64`", "archiver-zip64"),
    node("archiver", "`store`", "archiver-store"),
    node("archiver", "`file` and `symlink`", "archiver-symlink"),
    node("archiver5", "`directory`", "archiver5-directory"),
    node("archiver5", "`append` of buffers", "archiver5-append"),
    node("adm-zip", "`addLocalFolder`", "adm-zip-folder"),
    node("adm-zip", "`addFile` of buffers", "adm-zip-buffers", NO_MODES),
    node("jszip", "as it is", "jszip", NO_MODES),
    node("jszip", "`platform: \"UNIX\"`", "jszip-unix"),
    node("jszip", "`streamFiles`", "jszip-streamed"),
    node("yazl", "`addFile`", "yazl"),
    node("yazl", "`compress: false`", "yazl-store"),
    node("yazl", "`forceZip64Format`", "yazl-zip64"),
    node("yazl", "`addBuffer`", "yazl-buffers", NO_MODES),
    node("fflate", "`zipSync`", "fflate", NO_MODES),
    node("fflate", "`zipSync` with `os: 3` and `attrs`", "fflate-unix"),
    node("@zip.js/zip.js", "`ZipWriter`", "zip.js", NO_MODES),
    node("bestzip", "in Node", "bestzip-node"),
    node("bestzip", "by the machine's `zip`", "bestzip-native"),
]
PACKAGES = list(dict.fromkeys(way.tool for way in NPM))


def shell(tool: str, how: str, program: str, script: str, right=None) -> Way:
    return Way(tool, f"`{how}`", lambda folder, out: ran([program, "-NoProfile", "-Command", script.replace("OUT", str(out))], folder), right or {})


POWERSHELL = [
    shell("PowerShell", "Compress-Archive *", "pwsh", "Compress-Archive -Path * -DestinationPath OUT", NO_MODES),
    shell("PowerShell", "[ZipFile]::CreateFromDirectory", "pwsh", "[IO.Compression.ZipFile]::CreateFromDirectory('.', 'OUT')"),
]


def cargo_lambda(folder: Path, out: Path) -> None:
    """Packs the smallest Rust program in place of the tree's bootstrap."""
    (folder / "Cargo.toml").write_text('[package]\nname = "orders"\nversion = "0.1.0"\nedition = "2021"\n[[bin]]\nname = "orders"\npath = "main.rs"\n'
                                       '[workspace]\n')
    (folder / "main.rs").write_text("fn main() {}\n")
    ran(["cargo", "lambda", "build", "--output-format", "zip", "--compiler", "cargo", "--include", "function.toml", "--include", "lib"], folder)
    shutil.move(next((folder / "target/lambda/orders").glob("*.zip")), out)


CARGO_LAMBDA = [Way("cargo-lambda", "`cargo lambda build --output-format zip --include …`", cargo_lambda, kinds=("provided",), own=("bootstrap", "bin/orders"))]

WAYS = [*PYTHON, *ZIP, *GIT, *BSDTAR, *SEVEN, *NPM, *JAR, *JAVA, *GO, *PERL, *POWERSHELL, *CARGO_LAMBDA]
ABSENT = {
    "macOS": "Finder, `ditto`: only on macOS",
    "Windows": "Explorer: only on Windows",
    "Terraform": "`archive_file`: its provider comes from HashiCorp's registry; it packs as Go does, above",
}
