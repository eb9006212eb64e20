package dev.postrider.queue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.springframework.core.io.ClassPathResource;

/** The statements of {@code db/queries} that end attempts. */
record QueueStatements(String finish, String end, String release, String releaseUnheard, String retire) {

    static QueueStatements load() {
        return new QueueStatements(
                text("finish-tasks.sql"),
                text("end-attempts.sql"),
                text("release-tasks.sql"),
                text("release-unheard.sql"),
                text("retire-node.sql"));
    }

    private static String text(String name) {
        try {
            return new ClassPathResource("db/queries/" + name).getContentAsString(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("The build lacks db/queries/" + name, e);
        }
    }
}
