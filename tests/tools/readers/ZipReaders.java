import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/** Reads every zip of a folder with one of Java's readers, and prints what it finds: a line of JSON for each zip. */
class ZipReaders {
    public static void main(String[] arguments) throws Exception {
        List<Path> zips = new ArrayList<>();
        try (var all = Files.newDirectoryStream(Path.of(arguments[1]), "*.zip")) {
            all.forEach(zips::add);
        }
        for (Path zip : zips) {
            List<String> found = new ArrayList<>();
            String wrong = "null";
            try {
                if (arguments[0].equals("java")) {
                    byDirectory(zip, found);
                } else {
                    asStream(zip, found);
                }
            } catch (Exception error) {
                wrong = quoted(error.toString());
            }
            String name = zip.getFileName().toString().replace(".zip", "");
            System.out.println("{\"zip\":" + quoted(name) + ",\"error\":" + wrong + ",\"entries\":[" + String.join(",", found) + "]}");
        }
    }

    static void byDirectory(Path path, List<String> found) throws Exception {
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                try (InputStream data = zip.getInputStream(entry)) {
                    found.add(shown(entry, data));
                } catch (Exception error) {
                    found.add("{\"name\":" + quoted(entry.getName()) + ",\"error\":" + quoted(error.toString()) + "}");
                }
            }
        }
    }

    static void asStream(Path path, List<String> found) throws Exception {
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(path))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                found.add(shown(entry, zip));
            }
        }
    }

    static String shown(ZipEntry entry, InputStream data) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        data.transferTo(out);
        byte[] bytes = out.toByteArray();
        CRC32 crc = new CRC32();
        crc.update(bytes);
        String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        return "{\"name\":" + quoted(entry.getName()) + ",\"kind\":\"" + (entry.isDirectory() ? "folder" : "file")
            + "\",\"size\":" + bytes.length + ",\"crc32\":" + crc.getValue() + ",\"sha256\":\"" + hash + "\"}";
    }

    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            boolean plain = letter >= ' ' && letter < 127 && letter != '"' && letter != '\\';
            out.append(plain ? String.valueOf(letter) : String.format("\\u%04x", (int) letter));
        }
        return out.append('"').toString();
    }
}
