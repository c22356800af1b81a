// Zips a folder with a package of npm: node pack.mjs WAY FOLDER ZIP. Each way follows the package's own page.
import { createRequire } from "node:module";
import { createWriteStream, lstatSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const require = createRequire(join(process.env.PACKERS_MODULES, "x.js"));
const [way, folder, zip] = process.argv.slice(2);

function* entries(below = "") {
  for (const name of readdirSync(join(folder, below)).sort()) {
    const path = below ? `${below}/${name}` : name;
    const full = join(folder, path);
    const here = lstatSync(full);
    yield { path, full, here, mode: statSync(full).mode };
    if (here.isDirectory()) yield* entries(path);
  }
}

async function archived(archive, add) {
  const written = pipeline(archive, createWriteStream(zip));
  add(archive);
  await archive.finalize();
  await written;
}

function archiver5(options) {
  return require("archiver5")("zip", options);
}

async function archiver8(options) {
  const { ZipArchive } = await import(require.resolve("archiver"));
  return new ZipArchive(options);
}

function yazled(options, add) {
  const { ZipFile } = require("yazl");
  const file = new ZipFile();
  for (const entry of entries()) add(file, entry, options);
  file.end(options.end);
  return pipeline(file.outputStream, createWriteStream(zip));
}

const withFile = (file, { path, full, here }, options) => {
  if (here.isDirectory()) file.addEmptyDirectory(path, { mtime: here.mtime });
  else if (!statSync(full).isDirectory()) file.addFile(full, path, options.file);
};

async function jszipped(options, file) {
  const JSZip = require("jszip");
  const made = new JSZip();
  for (const { path, full, here, mode } of entries()) {
    if (here.isDirectory()) made.folder(path);
    else if (!statSync(full).isDirectory()) made.file(path, readFileSync(full), file(mode));
  }
  await pipeline(made.generateNodeStream({ compression: "DEFLATE", ...options }), createWriteStream(zip));
}

function fflated(attributes) {
  const { zipSync } = require("fflate");
  const files = {};
  for (const { path, full, here, mode } of entries()) {
    if (!here.isDirectory() && !statSync(full).isDirectory()) {
      files[path] = [new Uint8Array(readFileSync(full)), attributes(mode)];
    }
  }
  writeFileSync(zip, zipSync(files));
}

const ways = {
  "archiver-directory": async () => archived(await archiver8({}), (a) => a.directory(folder, false)),
  "archiver-glob": async () => archived(await archiver8({ zlib: { level: 9 } }), (a) => a.glob("**/*", { cwd: folder, dot: true })),
  "archiver-zip64": async () => archived(await archiver8({ forceZip64: true }), (a) => a.directory(folder, false)),
  "archiver-store": async () => archived(await archiver8({ store: true }), (a) => a.directory(folder, false)),
  "archiver-symlink": async () =>
    archived(await archiver8({}), (a) => {
      for (const { path, full, here } of entries()) {
        if (here.isSymbolicLink()) a.symlink(path, readlinkSync(full));
        else if (here.isFile()) a.file(full, { name: path, mode: here.mode });
      }
    }),
  "archiver5-directory": () => archived(archiver5({}), (a) => a.directory(folder, false)),
  "archiver5-append": () =>
    archived(archiver5({}), (a) => {
      for (const { path, full, here, mode } of entries()) {
        if (!here.isDirectory() && !statSync(full).isDirectory()) a.append(readFileSync(full), { name: path, mode });
      }
    }),
  "adm-zip-folder": () => {
    const AdmZip = require("adm-zip");
    const made = new AdmZip();
    made.addLocalFolder(folder);
    made.writeZip(zip);
  },
  "adm-zip-buffers": () => {
    const AdmZip = require("adm-zip");
    const made = new AdmZip();
    for (const { path, full, here } of entries()) {
      if (!here.isDirectory() && !statSync(full).isDirectory()) made.addFile(path, readFileSync(full));
    }
    made.writeZip(zip);
  },
  "jszip": () => jszipped({}, () => ({})),
  "jszip-unix": () => jszipped({ platform: "UNIX" }, (mode) => ({ unixPermissions: mode })),
  "jszip-streamed": () => jszipped({ platform: "UNIX", streamFiles: true }, (mode) => ({ unixPermissions: mode })),
  "yazl": () => yazled({}, withFile),
  "yazl-store": () => yazled({ file: { compress: false } }, withFile),
  "yazl-zip64": () => yazled({ file: { forceZip64Format: true }, end: { forceZip64Format: true } }, withFile),
  "yazl-buffers": () =>
    yazled({}, (file, { path, full, here }) => {
      if (!here.isDirectory() && !statSync(full).isDirectory()) file.addBuffer(readFileSync(full), path);
    }),
  "fflate": () => fflated(() => ({})),
  "fflate-unix": () => fflated((mode) => ({ os: 3, attrs: mode << 16 })),
  "zip.js": async () => {
    const { BlobReader, BlobWriter, ZipWriter } = await import(require.resolve("@zip.js/zip.js"));
    const made = new ZipWriter(new BlobWriter("application/zip"), { useWebWorkers: false });
    for (const { path, full, here } of entries()) {
      if (!here.isDirectory() && !statSync(full).isDirectory()) await made.add(path, new BlobReader(new Blob([readFileSync(full)])));
    }
    writeFileSync(zip, Buffer.from(await (await made.close()).arrayBuffer()));
  },
  "bestzip-node": () => require("bestzip").nodeZip({ source: readdirSync(folder), destination: zip, cwd: folder }),
  "bestzip-native": () => require("bestzip").nativeZip({ source: "*", destination: zip, cwd: folder }),
};

await ways[way]();
