package dev.postrider.mail;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The files of templates, {@code mail/<template>.<part>.mustache}: those packaged, overlaid by path with those of the routes' folder. */
final class MailTemplates {

    /** What a template may have. */
    static final List<String> PARTS = List.of("subject", "text", "html");

    private final Path folder;

    /** @param folder of the routes; need not exist */
    MailTemplates(Path folder) {
        this.folder = folder;
    }

    /**
     * The name of a part's file, and of the asset that a workspace has in its place.
     *
     * @param template without dots and slashes
     */
    static String file(String template, String part) {
        return "mail/%s.%s.mustache".formatted(template, part);
    }

    /** The text of a file; read anew each time, so that a change takes effect at once. */
    Optional<String> read(String file) {
        try {
            Path own = folder.resolve(file);
            if (Files.isRegularFile(own)) {
                return Optional.of(new String(Files.readAllBytes(own), StandardCharsets.UTF_8));
            }
            try (InputStream packaged = getClass().getResourceAsStream("/routes/" + file)) {
                return packaged == null
                        ? Optional.empty()
                        : Optional.of(new String(packaged.readAllBytes(), StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
