package dev.postrider.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;

/** The code blocks of a guide of docs/guides, so that tests run the very text that users read. */
public final class Guide {

    private Guide() {}

    /**
     * A statement of a guide.
     *
     * @param answer what stands behind it as a comment, a part of its answer or error; empty if nothing does
     */
    public record Command(String sql, String answer) {}

    /** All statements of a guide's SQL, one a line. */
    public static List<Command> commands(String guide) {
        return blocks(guide, "sql").stream()
                .flatMap(block -> Pattern.compile("(?m)^(.+?);(?: -- (.+))?$")
                        .matcher(block)
                        .results())
                .map(command -> new Command(command.group(1), command.group(2) == null ? "" : command.group(2)))
                .toList();
    }

    /** What a statement answers on a connection: its rows, or {@code refused: } and why. */
    public static String answer(JdbcTemplate connection, String sql) {
        try {
            return String.valueOf(connection.queryForList(sql, String.class));
        } catch (DataAccessException e) {
            return "refused: " + e.getMostSpecificCause().getMessage();
        }
    }

    /**
     * The first block of a language.
     *
     * @throws AssertionError if there is none
     */
    public static String block(String guide, String language) {
        List<String> blocks = blocks(guide, language);
        if (blocks.isEmpty()) {
            throw new AssertionError("docs/guides/%s has no block of %s".formatted(guide, language));
        }
        return blocks.get(0);
    }

    public static List<String> blocks(String guide, String language) {
        try {
            return Pattern.compile("(?m)^```%s\n((?s).*?)^```".formatted(language))
                    .matcher(Files.readString(Path.of("docs", "guides", guide)))
                    .results()
                    .map(block -> block.group(1))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
