package dev.postrider.packaging;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.queue.Ledger;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.NodeProcess;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** Two nodes as README.md starts them: the jar, and the variables that it names. */
class JarNodesTest {

    private static final int TASKS = 2_000;
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final String API_KEY = Secrets.newApiKey();

    private final DatabaseLocation database = TestDatabase.newDatabase();
    private final Ledger ledger = new Ledger(new JdbcTemplate(
            new DriverManagerDataSource(database.directUrl(), database.username(), database.password())));

    @TempDir
    private Path folder;

    private NodeProcess one;
    private NodeProcess other;

    @BeforeEach
    void start() throws IOException {
        Path tasks = Files.createDirectories(folder.resolve("routes/tasks")); // beside the process
        Files.writeString(tasks.resolve("jar-work.camel.yaml"), """
                - route:
                    id: jar-work
                    description: Takes its time.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: jar-work, concurrency: 4, prefetch: 20}
                      steps:
                        - delay: {constant: "20"}
                """);
        one = node("one");
        other = node("other");
    }

    @AfterEach
    void endWhatRuns() throws InterruptedException {
        one.kill();
        other.kill();
    }

    @Test
    void they_share_the_work_and_none_is_lost_or_fails_when_one_of_them_is_stopped() throws Exception {
        await().atMost(PATIENCE).until(() -> one.isReady() && other.isReady());
        List<UUID> accepted = ledger.enqueue("jar-work", TASKS);
        await().until(() -> workers() == 2);

        assertThat(one.stop()).isEqualTo(NodeProcess.TERMINATED);
        assertThat(ledger.completed("jar-work")).as("when it has stopped").isLessThan(TASKS);
        assertThat(ledger.count("select count(*) from postrider.worker_nodes")).isEqualTo(1);

        await().atMost(PATIENCE).until(() -> ledger.completed("jar-work") == TASKS);
        ledger.assertEachEndedOnce(accepted);
        assertThat(ledger.count("select max(failure_count) from postrider.task_history"))
                .isZero();
        assertThat(other.isReady()).isTrue();
    }

    /** How many nodes have completed tasks. */
    private int workers() {
        return ledger.count(
                "select count(distinct worker_id) from postrider.task_history where task_type = 'jar-work'");
    }

    private NodeProcess node(String name) throws IOException {
        ProcessBuilder command = new ProcessBuilder(ImageFiles.withJava(List.of(
                        "java", "-jar", ImageFiles.jar().toAbsolutePath().toString())))
                .directory(folder.toFile());
        command.environment()
                .putAll(Map.of(
                        "POSTRIDER_DATABASE_URL",
                        database.directUrl(),
                        "POSTRIDER_DATABASE_USERNAME",
                        database.username(),
                        "POSTRIDER_DATABASE_PASSWORD",
                        database.password(),
                        "POSTRIDER_ENCRYPTION_KEY",
                        TestDatabase.ENCRYPTION_KEY,
                        "POSTRIDER_OPERATOR_PASSWORD",
                        "operator-password",
                        "POSTRIDER_DEMO_API_KEY",
                        API_KEY,
                        "SERVER_PORT",
                        "0",
                        "MANAGEMENT_SERVER_PORT",
                        "0"));
        return NodeProcess.start(command, folder.resolve(name + ".txt"));
    }
}
