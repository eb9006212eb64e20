package dev.postrider.database;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** Nodes of this release on the schema of the next one: what an update of one node after the other goes through. */
@ExtendWith(OutputCaptureExtension.class)
class RollingUpdateTest {

    /** What a release may do while nodes of the one before still run: add, with a default. */
    private static final String[] EXPAND = {
        "alter table postrider.background_tasks add column label text not null default 'none'",
        "alter table postrider.task_history add column label text not null default 'none'",
        "alter table postrider.dead_letters add column label text not null default 'none'",
        "alter table postrider.event_keys add column label text not null default 'none'",
        "alter table postrider.webhook_endpoints add column label text not null default 'none'"
    };

    private static final String OPEN = "select count(*) from postrider.background_tasks";

    @TempDir
    private Path directory;

    @Test
    void a_running_node_loses_and_doubles_nothing_while_the_next_release_changes_the_schema(CapturedOutput output)
            throws Exception {
        try (RunningApplication old = RunningApplication.start()) {
            handlers(old);
            ConcurrentLinkedQueue<UUID> accepted = new ConcurrentLinkedQueue<>();
            AtomicBoolean enough = new AtomicBoolean();
            CompletableFuture<Void> application =
                    CompletableFuture.runAsync(() -> enqueueUntil(enough, old.database(), accepted));
            patiently().until(() -> completed(old) > 100);

            NewerRelease.migration(old.database(), scripts()).run();

            int before = completed(old);
            patiently().until(() -> completed(old) > before + 100);
            enough.set(true);
            application.get(1, TimeUnit.MINUTES);
            patiently().until(() -> count(old, OPEN) == 0);

            assertThat(changedFunctions(old.sql())).isEqualTo(2);
            assertEachEndedOnceAtTheFirstAttempt(old, accepted.stream().toList());
            assertThat(output.toString()).doesNotContain("cached plan");
        }
    }

    @Test
    void an_old_node_that_starts_on_a_newer_schema_works_on_it_and_leaves_it_as_it_is(CapturedOutput output)
            throws Exception {
        DatabaseLocation database = TestDatabase.newDatabase();
        NewerRelease.migration(database, scripts()).run();

        try (RunningApplication old = RunningApplication.on(database)) {
            handlers(old);
            ConcurrentLinkedQueue<UUID> accepted = new ConcurrentLinkedQueue<>();
            enqueue(old.sql(), accepted, 200);
            patiently().until(() -> count(old, OPEN) == 0);

            assertThat(changedFunctions(old.sql())).isEqualTo(2);
            assertEachEndedOnceAtTheFirstAttempt(old, accepted.stream().toList());
            assertThat(output)
                    .containsOnlyOnce("The schema is of Postrider %s, newer than this %s"
                            .formatted(NewerRelease.NUMBER, Build.RELEASE));
        }
    }

    private Path scripts() throws IOException {
        return NewerRelease.scripts(directory.resolve("scripts"), EXPAND);
    }

    /** One that does what it should, and one whose tasks die at once. */
    private static void handlers(RunningApplication application) {
        application.handler(
                "rolling", "concurrency: 4\nprefetch: 20", "- delay: {constant: \"2\", asyncDelayed: false}");
        application.handlerWhoseTasksDie("rolling-dies");
    }

    /** A team's application on one connection, whose statements PostgreSQL has planned and kept. */
    private static void enqueueUntil(
            AtomicBoolean enough, DatabaseLocation database, ConcurrentLinkedQueue<UUID> accepted) {
        SingleConnectionDataSource connection =
                new SingleConnectionDataSource(database.url(), database.username(), database.password(), true);
        try {
            JdbcTemplate sql = new JdbcTemplate(connection);
            while (!enough.get()) {
                if (sql.queryForObject(OPEN, Integer.class) < 100) {
                    enqueue(sql, accepted, 10);
                }
            }
        } finally {
            connection.destroy();
        }
    }

    /** One of ten dies. */
    private static void enqueue(JdbcTemplate sql, ConcurrentLinkedQueue<UUID> accepted, int tasks) {
        accepted.addAll(sql.queryForList("""
                select postrider.enqueue_task(case n % 10 when 0 then 'rolling-dies' else 'rolling' end)
                  from (select set_config('app.active_workspace', ?, true)) workspace, generate_series(1, ?) n""", UUID.class, WORKSPACE.toString(), tasks));
    }

    private static void assertEachEndedOnceAtTheFirstAttempt(RunningApplication application, List<UUID> accepted) {
        assertThat(application
                        .sql()
                        .queryForList(
                                "select task_id from postrider.task_history where task_status = 'completed'"
                                        + " and failure_count = 0 and attempt_count = 1"
                                        + " and task_type <> 'dead-letter' union all"
                                        + " select task_id from postrider.dead_letters"
                                        + " where failure_count = 1 and attempt_count = 1",
                                UUID.class))
                .containsExactlyInAnyOrderElementsOf(accepted);
        assertThat(application.sql().queryForList("select * from postrider.accounting where unaccounted <> 0"))
                .isEmpty();
    }

    private static ConditionFactory patiently() {
        return await().atMost(Duration.ofMinutes(2)).pollInterval(Duration.ofMillis(100));
    }

    private static int completed(RunningApplication application) {
        return count(application, "select count(*) from postrider.task_history");
    }

    private static int count(RunningApplication application, String query) {
        return application.sql().queryForObject(query, Integer.class);
    }

    private static int changedFunctions(JdbcTemplate sql) {
        return sql.queryForObject(
                "select count(*) from pg_description where description like '%" + NewerRelease.MARK + "%'",
                Integer.class);
    }
}
