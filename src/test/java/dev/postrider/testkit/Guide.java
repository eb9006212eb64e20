package dev.postrider.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** The code blocks of a guide of docs/guides, so that tests run the very text that users read. */
public final class Guide {

    private Guide() {}

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
