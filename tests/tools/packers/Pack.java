import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Zips a folder as programs in Java do: java Pack.java WAY FOLDER ZIP. */
class Pack {
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[1]);
        Path zip = Path.of(arguments[2]);
        switch (arguments[0]) {
            case "stream" -> stream(folder, zip, ZipEntry.DEFLATED);
            case "stored" -> stream(folder, zip, ZipEntry.STORED);
            case "zipfs" -> fileSystem(folder, zip, Map.of("create", "true"));
            case "zipfs-posix" -> fileSystem(folder, zip, Map.of("create", "true", "enablePosixFileAttributes", "true"));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(path -> !path.equals(folder)).sorted().toList();
        }
    }

    static String name(Path folder, Path file) {
        return folder.relativize(file).toString();
    }

    static void stream(Path folder, Path zip, int method) throws IOException {
        try (OutputStream file = Files.newOutputStream(zip); ZipOutputStream out = new ZipOutputStream(file)) {
            out.setMethod(method);
            for (Path path : files(folder)) {
                if (Files.isDirectory(path)) {
                    continue;
                }
                byte[] bytes = Files.readAllBytes(path);
                ZipEntry entry = new ZipEntry(name(folder, path));
                if (method == ZipEntry.STORED) {
                    CRC32 crc = new CRC32();
                    crc.update(bytes);
                    entry.setSize(bytes.length);
                    entry.setCrc(crc.getValue());
                }
                out.putNextEntry(entry);
                out.write(bytes);
                out.closeEntry();
            }
        }
    }

    static void fileSystem(Path folder, Path zip, Map<String, String> options) throws IOException {
        boolean withModes = options.containsKey("enablePosixFileAttributes");
        try (FileSystem made = FileSystems.newFileSystem(zip, options)) {
            for (Path path : files(folder)) {
                Path inside = made.getPath(name(folder, path));
                if (Files.isDirectory(path)) {
                    if (!Files.isSymbolicLink(path)) {
                        Files.createDirectories(inside);
                    }
                    continue;
                }
                Files.createDirectories(made.getPath("/").resolve(inside).getParent());
                Files.copy(path, inside);
                if (withModes) {
                    Files.setPosixFilePermissions(inside, Files.getPosixFilePermissions(path));
                }
            }
        }
    }
}
