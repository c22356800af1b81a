"""Reads every zip of a folder with one reader, and prints a line of JSON with its entries for each.

zip_readers.py READER FOLDER [PROGRAM]
"""

import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

LOCAL, DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
AFTER_ENTRIES = (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07")
STORED, DEFLATED, STREAMED, UTF8 = 0, 8, 1 << 3, 1 << 11


class Unreadable(Exception):
    pass


def entry(name, kind, data):
    return {
        "name": name,
        "kind": kind,
        "size": len(data),
        "crc32": zlib.crc32(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def kind_by_name(name):
    return "folder" if name.endswith("/") else "file"


def python(path, found):
    """Reads with Python's zipfile, which goes by the directory and opens each entry."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            try:
                data = archive.read(info)
            except Exception as error:  # whatever it says is what is compared
                found.append({"name": info.filename, "error": text(error)})
            else:
                found.append(entry(info.filename, kind_by_name(info.filename), data))


def stream(path, found):
    """Reads as a stream: goes from local header to local header, and searches for the next one if none follows."""
    data = pathlib.Path(path).read_bytes()
    at = 0
    while at + 4 <= len(data):
        signature = data[at : at + 4]
        if signature in AFTER_ENTRIES:
            return
        if signature == LOCAL:
            at, name, content = local_entry(data, at)
            found.append(entry(name, kind_by_name(name), content))
        else:
            at += 1


def local_entry(data, at):
    fixed = data[at : at + 30]
    if len(fixed) < 30:
        raise Unreadable("a header is cut off")
    _, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length = struct.unpack("<4s5H3L2H", fixed)
    begin = at + 30 + name_length + extra_length
    name = data[at + 30 : at + 30 + name_length].decode("utf-8" if flags & UTF8 else "cp437")
    packed, unpacked = sizes(data[begin - extra_length : begin], packed, unpacked)
    if method not in (STORED, DEFLATED):
        raise Unreadable("an unknown method")
    if not flags & STREAMED:
        body = data[begin : begin + packed]
        return begin + packed, name, checked(unpack(method, body)[0], crc, unpacked)
    if method == STORED and name.endswith("/"):
        end, content = begin, b""
    elif method == STORED:
        end = data.find(DESCRIPTOR, begin)
        if end < 0:
            raise Unreadable("no end of a stored stream")
        content = data[begin:end]
    else:
        content, used = unpack(method, data[begin:])
        end = begin + used
    return after_descriptor(data, end, end - begin, content, name), name, content


def sizes(extra, packed, unpacked):
    """Returns the sizes, from the zip64 field if the header refers to it."""
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        field = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if number != 1:
            continue
        if unpacked == 0xFFFFFFFF and len(field) >= 8:
            unpacked, field = struct.unpack("<Q", field[:8])[0], field[8:]
        if packed == 0xFFFFFFFF and len(field) >= 8:
            packed = struct.unpack("<Q", field[:8])[0]
        break
    return packed, unpacked


def unpack(method, body):
    if method == STORED:
        return body, len(body)
    inflate = zlib.decompressobj(-15)
    content = inflate.decompress(body)
    if not inflate.eof:
        raise Unreadable("its data do not end")
    return content, len(body) - len(inflate.unused_data)


def checked(content, crc, size):
    if zlib.crc32(content) != crc or len(content) != size:
        raise Unreadable("another checksum or size")
    return content


def after_descriptor(data, at, packed, content, name):
    """Returns the end of the descriptor, whose sizes have four bytes or eight, with or without signature."""
    crc = zlib.crc32(content)
    for signature in (DESCRIPTOR, b""):
        for form in ("<L2Q", "<3L"):
            right = signature + struct.pack(form, crc, packed, len(content))
            if data.startswith(right, at):
                return at + len(right)
    if name.endswith("/"):
        return at
    raise Unreadable("no descriptor, or another one")


def extracting(*command, piped=False, fine=(0,)):
    """Returns a reader that runs a program, which unpacks into the folder where it is started."""

    def read(path, found, program):
        folder = tempfile.mkdtemp()
        try:
            full = [part.format(program=program, path=os.path.abspath(path)) for part in command]
            given = pathlib.Path(path).read_bytes() if piped else None
            given = {"input": given} if piped else {"stdin": subprocess.DEVNULL}
            done = subprocess.run(full, cwd=folder, capture_output=True, timeout=30, **given)
            walk(folder.encode(), b"", found, folder.encode())
            if done.returncode not in fine:
                words = (done.stderr or done.stdout).decode("utf-8", "replace")
                raise Unreadable(" / ".join(words.replace(folder, ".").split("\n"))[:400] or f"ends with {done.returncode}")
        finally:
            shutil.rmtree(folder)

    return read


def walk(folder, below, found, top):
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        name = (below + item.name).decode("utf-8", "backslashreplace")
        if item.is_symlink():
            found.append(entry(name, "link", os.readlink(item.path).replace(top, b"FOLDER")))
        elif item.is_dir():
            found.append(entry(name + "/", "folder", b""))
            walk(item.path, below + item.name + b"/", found, top)
        else:
            with open(item.path, "rb") as file:
                found.append(entry(name, "file", file.read()))


READERS = {
    "python": lambda path, found, _: python(path, found),
    "stream": lambda path, found, _: stream(path, found),
    "unzip": extracting("{program}", "-^", "-o", "-q", "{path}", fine=(0, 1)),
    "bsdtar": extracting("{program}", "-xf", "{path}"),
    "bsdtar-stream": extracting("{program}", "-xf", "-", piped=True),
    "7z": extracting("{program}", "x", "-y", "-bso0", "-bsp0", "-snld20", "{path}"),
    "busybox": extracting("{program}", "unzip", "-o", "-q", "{path}"),
}


def text(error):
    return f"{type(error).__name__}: {error}"


def main(reader, folder, program=None):
    for path in sorted(pathlib.Path(folder).glob("*.zip")):
        found, wrong = [], None
        try:
            READERS[reader](path, found, program)
        except Exception as error:  # whatever it says is what is compared
            wrong = text(error)
        print(json.dumps({"zip": path.stem, "error": wrong, "entries": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
