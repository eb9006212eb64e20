package dev.postrider.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.springframework.core.io.ClassPathResource;

/** The SQL that ships under {@code db/}, for the few places where Java calls it instead of a route. */
public final class SqlFile {

    private SqlFile() {}

    /**
     * @param path below {@code db/}, such as {@code queries/finish-tasks.sql}
     * @throws UncheckedIOException if the build lacks it
     */
    public static String read(String path) {
        try {
            return new ClassPathResource("db/" + path).getContentAsString(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("The build lacks db/" + path, e);
        }
    }
}
