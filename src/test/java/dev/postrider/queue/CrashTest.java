package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.postrider.Postrider;
import dev.postrider.database.EmbeddedServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** What a {@code kill -9} of the whole application leaves behind, with a database that syncs as in production. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class CrashTest {

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    @TempDir
    private Path directory;

    private Path data;
    private Path routes;
    private Process process;
    private int starts;

    @BeforeEach
    void layRoutes() throws IOException {
        data = directory.resolve("postrider");
        routes = Files.createDirectories(directory.resolve("routes/tasks")).getParent();
        // Rescued tasks come again quickly: the test waits for the lease of the dead node, and for no redelivery delay.
        Files.writeString(
                routes.resolve("tasks/crash.camel.yaml"),
                """
                - beans:
                    - name: crashRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties:
                        maximumRedeliveries: 3
                        redeliveryDelay: 100
                        backOffMultiplier: 1
                """ + handler("crash-plain", 4, 0) + handler("crash-ahead", 2, 200));
    }

    @AfterEach
    void endWhatRuns() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        EmbeddedServer.stopOrphan(data.resolve("data"));
    }

    @Test
    void a_kill_in_the_middle_of_5000_tasks_loses_none_and_finishes_none_twice() throws Exception {
        start();
        Ledger ledger = ledger();
        Set<UUID> accepted = new HashSet<>(ledger.enqueue("crash-plain", 2_500));
        accepted.addAll(ledger.enqueue("crash-ahead", 2_500));
        await().atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(5))
                .until(() -> ledger.completed("crash-plain") > 100 && ledger.completed("crash-ahead") > 100);

        process.destroyForcibly().waitFor();

        // The server survives its parent, and shows what the dead node holds.
        int orphaned = ledger.open("crash-plain", "processing") + ledger.open("crash-ahead", "processing");
        int waiting = ledger.open("crash-plain", "queued") + ledger.open("crash-ahead", "queued");
        assertThat(orphaned).as("tasks in the name of the dead node").isPositive();
        assertThat(waiting).as("tasks that no node had yet").isPositive();

        start();
        Ledger after = ledger();
        await().atMost(PATIENCE).until(() -> after.count("select count(*) from postrider.background_tasks") == 0);

        assertThat(accepted).hasSize(5_000);
        after.assertEachEndedOnce(accepted);
        assertThat(
                        after.count(
                                "select count(*) from postrider.task_history where failure_count = 1 and last_error like '%died%'"))
                .isEqualTo(orphaned);
        assertThat(after.count("select count(*) from postrider.worker_nodes")).isEqualTo(1);
    }

    private static String handler(String taskType, int concurrency, int prefetch) {
        return """
                - route:
                    id: %1$s
                    description: A handler of some milliseconds.
                    from:
                      uri: kamelet:task-source
                      parameters:
                        taskType: %1$s
                        concurrency: %2$d
                        prefetch: %3$d
                        redeliveryPolicy: crashRedelivery
                      steps:
                        - delay: {constant: "2", asyncDelayed: false}
                """.formatted(taskType, concurrency, prefetch);
    }

    private void start() throws IOException {
        Path output = directory.resolve("output-%d.txt".formatted(++starts));
        Process started = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Postrider.class.getName(),
                        "--server.port=0",
                        "--management.server.port=0",
                        "--postrider.directory=" + data,
                        "--postrider.routes.directory=" + routes)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        process = started;
        await().atMost(PATIENCE)
                .until(() -> !started.isAlive() || Files.readString(output).contains("Postrider is ready"));
        assertThat(started.isAlive()).as(Files.readString(output)).isTrue();
    }

    /** Of the application's own server, whose port and password it has left in its folder. */
    private Ledger ledger() throws IOException {
        Properties secrets = new Properties();
        try (var reader = Files.newBufferedReader(data.resolve("secrets.properties"))) {
            secrets.load(reader);
        }
        String url = "jdbc:postgresql://127.0.0.1:%s/postrider"
                .formatted(Files.readString(data.resolve("port")).strip());
        return new Ledger(new JdbcTemplate(
                new DriverManagerDataSource(url, "postgres", secrets.getProperty("postrider.database.password"))));
    }
}
