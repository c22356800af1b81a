//! Random changes to zips, as careless tools or attackers make them.

use super::parts::{Block, Part, Parts, Zip64, header, record};
use fixtures::packages::archive::{Entry, archive, checksum, deflate};
use fixtures::random::Random;

type Mutation = fn(&mut Parts, &mut Random);

/// All changes, which are equally likely.
const ALL: [Mutation; 22] = [
    flags,
    method,
    checksums,
    sizes,
    place,
    double,
    hidden,
    gap,
    descriptor,
    streamed,
    sizes_of_eight_bytes,
    extra,
    attributes,
    host,
    name,
    comment,
    end_record,
    end_of_zip64,
    order,
    data,
    versions,
    kind,
];

/// Returns a zip with one to three changes, the same for the same seed.
#[must_use]
pub fn mutated(bases: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let Some(base) = bases.get(random.index(bases.len())) else { return Vec::new() };
    let Some(mut parts) = Parts::of(base).filter(|_| !random.percent(8)) else { return raw(base, bases, &mut random) };
    for _ in 0..random.count(1, 3) {
        random.one_of(&ALL)(&mut parts, &mut random);
    }
    let bytes = parts.bytes();
    if random.percent(3) { raw(&bytes, bases, &mut random) } else { bytes }
}

/// Changes single bytes, removes pieces, and inserts pieces of other zips.
fn raw(base: &[u8], bases: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..random.count(1, 3) {
        let at = random.index(bytes.len() + 1);
        let until = (at + random.index(40)).min(bytes.len());
        match random.index(3) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.index(8)),
            1 => drop(bytes.drain(at..until)),
            _ => {
                let other = random.one_of(bases);
                let from = random.index(other.len() + 1);
                let piece: Vec<u8> = other.into_iter().skip(from).take(random.index(60)).collect();
                drop(bytes.splice(at..at, piece));
            }
        }
    }
    bytes
}

fn part<'p>(parts: &'p mut Parts, random: &mut Random) -> Option<&'p mut Part> {
    let length = parts.parts.len();
    parts.parts.get_mut(random.index(length))
}

/// Changes the header, the record or both.
fn blocks(parts: &mut Parts, random: &mut Random, change: impl Fn(&mut Block, bool)) {
    let which = random.index(3);
    let Some(part) = part(parts, random) else { return };
    if which != 1 {
        change(&mut part.header, true);
    }
    if let Some(listed) = part.record.as_mut().filter(|_| which != 0) {
        change(listed, false);
    }
}

fn flags(parts: &mut Parts, random: &mut Random) {
    let bit = 1 << random.one_of(&[1, 2, 3, 3, 4, 5, 11, 11, 12, 13, 15]);
    blocks(parts, random, |block, is_header| {
        let at = if is_header { header::FLAGS } else { record::FLAGS };
        block.set16(at, block.u16(at) ^ bit);
    });
}

fn method(parts: &mut Parts, random: &mut Random) {
    let method = random.one_of(&[0, 8, 8, 9, 12]);
    blocks(parts, random, |block, is_header| {
        block.set16(if is_header { header::METHOD } else { record::METHOD }, method);
    });
}

fn checksums(parts: &mut Parts, random: &mut Random) {
    let bit = 1 << random.index(32);
    let is_zero = random.percent(30);
    blocks(parts, random, |block, is_header| {
        let at = if is_header { header::CRC } else { record::CRC };
        block.set32(at, if is_zero { 0 } else { block.u32(at) ^ bit });
    });
}

fn sizes(parts: &mut Parts, random: &mut Random) {
    let (is_packed, by) = (random.percent(40), random.one_of(&[1, u32::MAX, 7, 30, u32::MAX - 29]));
    let is_zero = random.percent(20);
    blocks(parts, random, |block, is_header| {
        let at = match (is_header, is_packed) {
            (true, true) => header::PACKED,
            (true, false) => header::UNPACKED,
            (false, true) => record::PACKED,
            (false, false) => record::UNPACKED,
        };
        block.set32(at, if is_zero { 0 } else { block.u32(at).wrapping_add(by) });
    });
}

fn place(parts: &mut Parts, random: &mut Random) {
    let by = random.one_of(&[-1, 1, 4, 30]);
    if let Some(part) = part(parts, random) {
        part.off = by;
    }
}

fn double(parts: &mut Parts, random: &mut Random) {
    let at = random.index(parts.parts.len());
    let Some(mut copy) = parts.parts.get(at).cloned() else { return };
    match random.index(3) {
        0 => copy.data = deflate(b"another one\n"),
        1 => copy.record = None,
        _ => {}
    }
    let to = random.index(parts.parts.len() + 1);
    parts.parts.insert(to, copy);
}

/// Returns a whole entry that is not in the directory.
fn another(random: &mut Random) -> Vec<u8> {
    let entry = Entry::file(random.one_of(&["bootstrap", "hidden"]), "#!/bin/sh\n# another one\n");
    let entry = if random.percent(30) { entry.streamed() } else { entry };
    let whole = archive(&[entry.with(|e| e.is_listed = false)]);
    whole.get(..whole.len() - 22).unwrap_or_default().to_vec()
}

fn hidden(parts: &mut Parts, random: &mut Random) {
    let hidden = another(random);
    match random.index(4) {
        0 => parts.before.extend(hidden),
        1 => parts.comment.extend(hidden),
        2 => _ = part(parts, random).map(|part| part.data.extend(hidden)),
        _ => _ = part(parts, random).map(|part| part.after.extend(hidden)),
    }
}

/// Returns bytes without a meaning, or nearly with one.
fn filler(random: &mut Random) -> Vec<u8> {
    let length = random.count(1, 40);
    match random.index(5) {
        0 | 1 => vec![0; length],
        2 => (0..length).map(|_| random.below(256) as u8).collect(),
        3 => {
            random.one_of(&[&b"PK"[..], b"PK\x03", b"PK\x01\x02", b"PK\x07\x08", b"PK\x05\x06", b"PK\x03\x04"]).to_vec()
        }
        _ => b"made by hand".to_vec(),
    }
}

fn gap(parts: &mut Parts, random: &mut Random) {
    let filler = filler(random);
    if random.percent(20) {
        parts.before.extend(filler);
    } else if let Some(part) = part(parts, random) {
        part.after.extend(filler);
    }
}

fn of_header(part: &Part) -> [u32; 3] {
    let sizes = [record::CRC, record::PACKED, record::UNPACKED];
    part.record.as_ref().map_or([0; 3], |listed| sizes.map(|at| listed.u32(at)))
}

/// Returns a descriptor, with or without signature, with sizes of eight bytes or of four.
fn described(part: &Part, random: &mut Random) -> Vec<u8> {
    let [crc, packed, unpacked] = of_header(part);
    let mut out = if random.percent(60) { b"PK\x07\x08".to_vec() } else { Vec::new() };
    out.extend(crc.to_le_bytes());
    let wide = random.percent(25);
    for size in [packed, unpacked] {
        out.extend(size.to_le_bytes());
        out.extend(vec![0; if wide { 4 } else { 0 }]);
    }
    out
}

fn descriptor(parts: &mut Parts, random: &mut Random) {
    let Some(part) = part(parts, random) else { return };
    let right = described(part, random);
    part.after = match random.index(4) {
        0 => Vec::new(),
        1 => right.into_iter().map(|byte| if random.percent(5) { byte ^ 1 } else { byte }).collect(),
        2 => right.into_iter().rev().skip(1).rev().collect(),
        _ => right,
    };
}

/// Makes an entry streamed, or nearly so.
fn streamed(parts: &mut Parts, random: &mut Random) {
    let (clears, describes) = (random.percent(85), random.percent(85));
    let Some(part) = part(parts, random) else { return };
    let after = described(part, random);
    part.header.set16(header::FLAGS, part.header.u16(header::FLAGS) | 8);
    if let Some(listed) = part.record.as_mut().filter(|_| random.percent(90)) {
        listed.set16(record::FLAGS, listed.u16(record::FLAGS) | 8);
    }
    if clears {
        [header::CRC, header::PACKED, header::UNPACKED].into_iter().for_each(|at| part.header.set32(at, 0));
    }
    if describes {
        part.after = after;
    }
}

fn field(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u16::try_from(data.len()).unwrap_or_default().to_le_bytes(), data].concat()
}

/// Moves sizes and offsets into a zip64 field, which may be right, wrong, or unneeded.
fn sizes_of_eight_bytes(parts: &mut Parts, random: &mut Random) {
    let (refers, wrong) = (random.percent(70), u64::from(random.percent(20)));
    blocks(parts, random, |block, is_header| {
        let (packed, unpacked) =
            if is_header { (header::PACKED, header::UNPACKED) } else { (record::PACKED, record::UNPACKED) };
        let value = [block.u32(unpacked), block.u32(packed)].map(|size| (u64::from(size) + wrong).to_le_bytes());
        let data = value.concat();
        if refers {
            [packed, unpacked].into_iter().for_each(|at| block.set32(at, u32::MAX));
        }
        block.extra.extend(field(1, &data));
    });
}

fn extra(parts: &mut Parts, random: &mut Random) {
    let more = match random.index(8) {
        0 => vec![0; random.count(1, 9)],
        1 => field(0x7075, &[&[1][..], &checksum(b"a.txt").to_le_bytes(), b"a.txt"].concat()),
        2 => field(0x5455, &[3, 0, 0, 0, 0, 0, 0, 0, 0]),
        3 => vec![0x75, 0x70, 200, 0, 1],
        4 => field(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0]),
        5 => field(0x6375, &[1, 0, 0, 0, 0, b'x']),
        6 => field(1, &vec![0; random.index(40)]),
        _ => (0..random.count(1, 20)).map(|_| random.below(256) as u8).collect(),
    };
    blocks(parts, random, |block, _| block.extra.extend(&more));
}

fn change_record(parts: &mut Parts, random: &mut Random, change: impl FnOnce(&mut Block)) {
    if let Some(listed) = part(parts, random).and_then(|part| part.record.as_mut()) {
        change(listed);
    }
}

fn attributes(parts: &mut Parts, random: &mut Random) {
    let bit = 1 << random.index(16);
    change_record(parts, random, |listed| listed.set16(record::DOS, listed.u16(record::DOS) ^ bit));
}

fn host(parts: &mut Parts, random: &mut Random) {
    let host = random.one_of(&[0, 1, 2, 3, 5, 6, 7, 10, 11, 14, 16, 19, 30, 77]);
    change_record(parts, random, |listed| {
        listed.fixed.iter_mut().skip(record::HOST).take(1).for_each(|byte| *byte = host)
    });
}

/// Sets another type of file, or none.
fn kind(parts: &mut Parts, random: &mut Random) {
    let mode = random.one_of(&[0, 0o100_644, 0o100_755, 0o040_755, 0o120_777, 0o755, 0o644, 0o104_755]);
    change_record(parts, random, |listed| listed.set16(record::MODE, mode));
}

fn name(parts: &mut Parts, random: &mut Random) {
    let names: [&[u8]; 14] = [
        "größe".as_bytes(),
        b"bootstrap/",
        b"lib/",
        b"Bootstrap",
        b"bootstrap.",
        b"bootstrap ",
        b"a\nb",
        b"a\tb",
        b"-rf",
        b"a:b",
        b"con",
        b"x/y/z",
        b"\xe2\x80\xaetxt",
        b"a*?<>|\"",
    ];
    let name = random.one_of(&names);
    blocks(parts, random, |block, _| block.name = name.to_vec());
}

fn comment(parts: &mut Parts, random: &mut Random) {
    let text = if random.percent(20) { archive(&[Entry::file("other", "x")]) } else { filler(random) };
    match random.percent(50) {
        true => parts.comment = text,
        false => change_record(parts, random, |listed| listed.comment = text),
    }
}

fn end_record(parts: &mut Parts, random: &mut Random) {
    let (field, by) = (random.index(6), random.one_of(&[1, 2, 46, u32::MAX]));
    parts.wrong.iter_mut().skip(field).take(1).for_each(|wrong| *wrong = by);
}

fn end_of_zip64(parts: &mut Parts, random: &mut Random) {
    parts.zip64 = Some(Zip64 { is_needed: random.percent(50), more: u64::from(random.percent(10)) });
}

fn order(parts: &mut Parts, random: &mut Random) {
    match random.percent(50) {
        true => parts.backwards = true,
        false => parts.parts.reverse(),
    }
}

/// Replaces or truncates data, or leaves their sizes wrong.
fn data(parts: &mut Parts, random: &mut Random) {
    let which = random.index(5);
    let Some(part) = part(parts, random) else { return };
    let text = b"exports.handler = async () => 1\n";
    let (packed, unpacked): (Vec<u8>, &[u8]) = match which {
        0 => (deflate(text), text),
        1 => ([deflate(text), b"behind the end".to_vec()].concat(), text),
        2 => ([deflate(text), another(random)].concat(), text),
        3 => (deflate(&[&text[..], text].concat()), text),
        _ => (deflate(text), b""),
    };
    let sizes = [checksum(unpacked), size(&packed), size(unpacked)];
    let is_streamed = part.header.u16(header::FLAGS) & 8 != 0;
    part.data = packed;
    part.header.set16(header::METHOD, 8);
    let [crc, packed, unpacked] = sizes;
    if let Some(listed) = &mut part.record {
        listed.set16(record::METHOD, 8);
        let fields = [(record::CRC, crc), (record::PACKED, packed), (record::UNPACKED, unpacked)];
        fields.into_iter().for_each(|(at, value)| listed.set32(at, value));
    }
    if is_streamed {
        part.after = described(part, random);
    } else {
        let fields = [(header::CRC, crc), (header::PACKED, packed), (header::UNPACKED, unpacked)];
        fields.into_iter().for_each(|(at, value)| part.header.set32(at, value));
    }
}

fn versions(parts: &mut Parts, random: &mut Random) {
    let version = random.one_of(&[10, 20, 45, 46, 63, 90]);
    match random.percent(50) {
        true => blocks(parts, random, |block, is_header| {
            block.set16(if is_header { header::VERSION } else { record::VERSION }, version);
        }),
        false => change_record(parts, random, |listed| match version {
            90 => listed.set16(record::DISK, 1),
            _ => listed.fixed.iter_mut().skip(record::MADE_BY).take(1).for_each(|byte| *byte = version as u8),
        }),
    }
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
