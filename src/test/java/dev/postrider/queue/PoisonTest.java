package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.Discard;
import dev.postrider.Snooze;
import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Processor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** However a handler ends, its outcome is written, and its worker and all others go on. */
class PoisonTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();
    private static final Ledger LEDGER = new Ledger(APPLICATION.sql());

    private static final Map<String, Processor> POISONS = Map.ofEntries(
            Map.entry("good", exchange -> {}),
            Map.entry("linkage-error", exchange -> {
                throw new NoClassDefFoundError("some/Missing");
            }),
            Map.entry("bare-error", exchange -> {
                throw new Error();
            }),
            Map.entry("nul", exchange -> {
                throw new IllegalStateException("nul \u0000 high \uD83D low \uDE00 end");
            }),
            Map.entry("cut-in-a-pair", exchange -> {
                throw new IllegalStateException("\uD83D\uDE00".repeat(3_000));
            }),
            Map.entry("cut-in-the-other-half", exchange -> {
                throw new IllegalStateException("x" + "\uD83D\uDE00".repeat(3_000));
            }),
            Map.entry("circle-of-causes", exchange -> {
                Exception first = new IllegalStateException("first");
                first.initCause(new IllegalStateException("second", first));
                throw first;
            }),
            Map.entry("message-that-throws", exchange -> {
                throw new IllegalStateException() {
                    @Override
                    public String getMessage() {
                        throw new UnsupportedOperationException("no message for you");
                    }
                };
            }),
            Map.entry("interrupts-itself", exchange -> Thread.currentThread().interrupt()),
            Map.entry("discard-nul", exchange -> {
                throw new Discard("nul \u0000 high \uD83D low \uDE00 end");
            }),
            Map.entry("discard-nothing", exchange -> {
                throw new Discard(null);
            }),
            Map.entry("snooze-for-ever", exchange -> {
                throw new Snooze(Duration.ofSeconds(Long.MAX_VALUE));
            }),
            Map.entry("snooze-for-an-age", exchange -> {
                throw new Snooze(Duration.ofMillis(Long.MAX_VALUE));
            }),
            Map.entry("snooze-backwards", exchange -> {
                if (exchange.getProperty("attempt", Integer.class) == 1) {
                    throw new Snooze(Duration.ofSeconds(Long.MIN_VALUE));
                }
            }));

    @BeforeAll
    static void layRoutes() {
        POISONS.forEach((name, poison) -> APPLICATION.camel().getRegistry().bind("poison-" + name, poison));
        APPLICATION.putRoute("tasks/poison-redelivery.camel.yaml", """
                - beans:
                    - name: poisonRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties:
                        maximumRedeliveries: 0
                """);
        await().until(() -> APPLICATION.camel().getRegistry().lookupByName("poisonRedelivery") != null);
        APPLICATION.handler(
                "poison",
                "concurrency: 1\nredeliveryPolicy: poisonRedelivery",
                "- toD: \"bean:poison-${body[poison]}?method=process\"");
    }

    @ParameterizedTest(name = "{0} is {1}")
    @CsvSource({
        "linkage-error, dead",
        "bare-error, dead",
        "nul, dead",
        "cut-in-a-pair, dead",
        "cut-in-the-other-half, dead",
        "circle-of-causes, dead",
        "message-that-throws, dead",
        "interrupts-itself, completed",
        "discard-nul, discarded",
        "discard-nothing, discarded",
        "snooze-for-ever, queued",
        "snooze-for-an-age, queued",
        "snooze-backwards, completed"
    })
    void the_outcome_is_written_and_the_next_task_runs(String poison, String status) {
        String task = APPLICATION.enqueue("poison", "{\"poison\": \"%s\"}".formatted(poison));
        await().until(() -> LEDGER.count(
                        "select max(attempt_count) from (select attempt_count from postrider.background_tasks where"
                                + " task_id = ? union all select attempt_count from postrider.task_history where task_id"
                                + " = ? union all select attempt_count from postrider.dead_letters where task_id = ?) a",
                        UUID.fromString(task),
                        UUID.fromString(task),
                        UUID.fromString(task))
                > 0);

        assertThat(APPLICATION.awaitTask(task, status).text("/status")).isEqualTo(status);

        APPLICATION.awaitTask(APPLICATION.enqueue("poison", "{\"poison\": \"good\"}"), "completed");
    }
}
