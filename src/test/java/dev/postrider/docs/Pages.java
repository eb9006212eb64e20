package dev.postrider.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The pages of the documentation, as the project has them. */
final class Pages {

    private Pages() {}

    static String read(String path) {
        try {
            return Files.readString(Path.of(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The rows of all tables of a page whose first cell is a name in code quotes; cells without those quotes. */
    static List<List<String>> rows(String path) {
        return read(path)
                .lines()
                .filter(line -> line.startsWith("| `"))
                .map(line -> Arrays.stream(line.substring(1, line.length() - 1).split("\\|", -1))
                        .map(String::strip)
                        .toList())
                .toList();
    }

    /** A cell that is one name in code quotes, or empty. */
    static String name(String cell) {
        return cell.replace("`", "");
    }
}
