package dev.postrider.api;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.queue.NodeIdentity;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** A key opens its workspace as long as it is valid, and what is no key opens nothing and is told nothing. */
class ApiKeyTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    private final UUID workspace = APPLICATION.newWorkspace();
    private final String key = APPLICATION.newKey(workspace);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "KEY",
                "Bearer",
                "Bearer ",
                "Basic KEY",
                "Bearer KEY KEY",
                "Bearer KEY,KEY",
                "Bearer \"KEY\"",
                "Bearer KEYx",
                "Bearer ' or true --",
                "Bearer prk_",
                "Bearer ÄÖ"
            })
    void what_is_no_key_is_answered_like_no_key_at_all(String header) {
        Answer none = APPLICATION.send(null, "GET", "/v1/tasks", null);

        Answer answer = APPLICATION.send(null, "GET", "/v1/tasks", null, "Authorization", header.replace("KEY", key));

        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.body()).isEqualTo(none.body()).doesNotContain(key);
        assertThat(answer.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
    }

    @Test
    void of_two_keys_none_counts() {
        String other = APPLICATION.newKey(APPLICATION.newWorkspace());

        for (String second : List.of(other, key)) {
            Answer answer = APPLICATION.send(
                    null,
                    "GET",
                    "/v1/tasks",
                    null,
                    "Authorization",
                    "Bearer " + key,
                    "Authorization",
                    "Bearer " + second);

            assertThat(answer.status()).isEqualTo(401);
        }
    }

    @Test
    void a_header_without_end_is_refused_without_a_word_of_the_server() {
        Answer answer =
                APPLICATION.send(null, "GET", "/v1/tasks", null, "Authorization", "Bearer " + "x".repeat(50_000));

        assertThat(answer.status()).isBetween(400, 499);
        assertThat(answer.body()).doesNotContainIgnoringCase("tomcat", "exception", "xxx");
    }

    @Test
    void a_key_that_is_revoked_while_a_request_runs_ends_after_it() throws Exception {
        CompletableFuture<Answer> running;
        try (Connection blocker = blockIdempotencyKey("revoked")) {
            running = CompletableFuture.supplyAsync(() -> APPLICATION.send(
                    key, "POST", "/v1/tasks", "{\"taskType\": \"key-revoked\"}", "Idempotency-Key", "revoked"));
            await().until(() -> APPLICATION
                    .sql()
                    .queryForObject(
                            "select exists (select from pg_locks l join pg_database d on d.oid = l.database"
                                    + " where not granted and datname = current_database())"
                                    + " or exists (select from pg_stat_activity where datname = current_database()"
                                    + " and wait_event = 'transactionid')",
                            Boolean.class));
            assertThat(APPLICATION
                            .sql()
                            .update(
                                    "update postrider.api_keys set revoked_at = now() where workspace_id = ?",
                                    workspace))
                    .isOne();
            assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(401);
            blocker.rollback();
        }
        assertThat(running.get().status()).isEqualTo(202);
        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.background_tasks where workspace_id = ?",
                                Integer.class,
                                workspace))
                .isOne();
        assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(401);
    }

    @Test
    void requests_whose_key_cannot_be_looked_up_keep_no_heartbeat_waiting() throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(20);
        try (Connection blocker = DriverManager.getConnection(
                APPLICATION.database().url(),
                APPLICATION.database().username(),
                APPLICATION.database().password())) {
            blocker.setAutoCommit(false);
            blocker.createStatement().execute("lock table postrider.api_keys in access exclusive mode");
            for (int i = 0; i < 20; i++) {
                callers.execute(() -> APPLICATION.send(key, "GET", "/v1/tasks", null));
            }
            await().until(() -> Stream.of("admission", "dispatcher")
                    .map(pool -> APPLICATION.camel().getRegistry().lookupByNameAndType(pool, HikariDataSource.class))
                    .filter(HikariDataSource::isRunning)
                    .anyMatch(pool -> pool.getHikariPoolMXBean().getThreadsAwaitingConnection() > 0));
            Timestamp begun = APPLICATION.sql().queryForObject("select clock_timestamp()", Timestamp.class);

            await().until(() -> APPLICATION
                            .sql()
                            .queryForObject(
                                    "select count(*) from postrider.worker_nodes where node_id = ? and heartbeat_at > ?",
                                    Integer.class,
                                    APPLICATION.bean(NodeIdentity.class).id(),
                                    begun)
                    == 1);
            blocker.rollback();
        }
        callers.shutdown();
        assertThat(callers.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
        assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(200);
    }

    @Test
    void a_key_that_is_deleted_opens_nothing_from_that_moment() {
        assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(200);
        APPLICATION.sql().update("delete from postrider.api_keys where workspace_id = ?", workspace);

        assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(401);
    }

    @Test
    void no_key_stands_in_the_log() {
        Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        Logger ours = (Logger) LoggerFactory.getLogger("dev.postrider");
        Level before = ours.getLevel();
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        root.addAppender(log);
        ours.setLevel(Level.DEBUG);
        String wrong = key + "-wrong";
        try {
            APPLICATION.send(key, "GET", "/v1/tasks", null);
            APPLICATION.send(key, "GET", "/v1/tasks?cursor=" + key, null);
            APPLICATION.send(key, "POST", "/v1/tasks", "{\"taskType\": \"" + key);
            APPLICATION.send(wrong, "GET", "/v1/tasks", null);
            APPLICATION.send(null, "GET", "/v1/tasks", null, "Authorization", "Basic " + key);
            ours.debug("A line that shows that this test reads the log");
        } finally {
            root.detachAppender(log);
            ours.setLevel(before);
        }
        assertThat(List.copyOf(log.list).stream()
                        .map(event -> event.getFormattedMessage() + event.getThrowableProxy())
                        .collect(Collectors.joining("\n")))
                .contains("shows that this test reads the log")
                .doesNotContain(key);
    }

    /** A request with this key waits until the transaction ends. */
    private Connection blockIdempotencyKey(String idempotencyKey) throws SQLException {
        Connection connection = DriverManager.getConnection(
                APPLICATION.database().url(),
                APPLICATION.database().username(),
                APPLICATION.database().password());
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement(
                "insert into postrider.idempotency_keys (workspace_id, idempotency_key, request_hash) values (?, ?, '')")) {
            insert.setObject(1, workspace);
            insert.setString(2, idempotencyKey);
            insert.executeUpdate();
        }
        return connection;
    }
}
