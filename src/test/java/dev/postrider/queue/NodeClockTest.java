package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Due times, delays, ages and leases are PostgreSQL's: a node whose clock is wrong changes nothing. */
class NodeClockTest {

    private static final Pattern CLOCKS =
            Pattern.compile("currentTimeMillis|\\.now\\(|\\bClock\\b|new Date\\(|\\$\\{date:");

    @Test
    void the_queue_reads_no_clock_of_the_node() throws IOException {
        try (Stream<Path> files = Stream.concat(
                Files.walk(Path.of("src/main/java/dev/postrider/queue")), Files.walk(Path.of("routes/engine")))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(Files.readString(file)).as(file.toString()).doesNotContainPattern(CLOCKS);
            }
        }
    }

    @Test
    void a_task_is_due_and_tried_again_when_the_database_says_so() {
        for (Duration wrong : List.of(Duration.ofMinutes(10), Duration.ofMinutes(-10))) {
            try (RunningApplication application = RunningApplication.start()) {
                application.clock().ahead(wrong);
                Ledger ledger = new Ledger(application.sql());
                application.handler("clock", "", """
                        - filter:
                            simple: "${exchangeProperty.attempt} == 1"
                            steps:
                              - throwException: {exceptionType: dev.postrider.Snooze, message: "300"}
                        """);
                ledger.enqueue("clock", 5);
                await().until(() -> ledger.completed("clock") == 5);

                assertThat(ledger.count("select count(*) from postrider.task_history where attempt_count = 2"
                                + " and claimed_at between scheduled_at and scheduled_at + interval '10 s'"))
                        .isEqualTo(5);
            }
        }
    }
}
