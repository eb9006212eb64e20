package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.SqlFile;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URI;
import java.net.http.HttpRequest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.Status;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What a node says of its queue: its health and its gauges, when all is well, when nothing moves, when the database is away. */
@ExtendWith(OutputCaptureExtension.class)
class QueueHealthTest {

    private static RunningApplication application;

    @BeforeAll
    static void start() {
        application = RunningApplication.start("postrider.queue.stuck-after=2000");
        application.handler("health-open", "", "- log: done");
        application.handler("health-stopped", "", "- log: done");
        application.handler("health-paused", "", "- log: done");
    }

    @AfterAll
    static void stop() {
        application.close();
    }

    @Test
    void a_queue_whose_tasks_nobody_can_claim_is_stuck_and_one_that_an_operator_stopped_or_paused_is_not()
            throws Exception {
        application.camel().getRouteController().stopRoute("health-stopped");
        application.as(
                "operator", null, sql -> sql.queryForList("select postrider.pause_task_type('health-paused', 'test')"));
        try (Connection blocker = blocker()) {
            for (String type : new String[] {"health-stopped", "health-paused", "health-unknown"}) {
                enqueueForSoon(type);
            }
            blockClaims(blocker);
            awaitMeasure().until(() -> gauge("postrider.tasks.oldest", "health-stopped") > 5);
            assertThat(health().getStatus()).isEqualTo(Status.UP);
        }
        try (Connection blocker = blocker()) {
            enqueueForSoon("health-open");
            blockClaims(blocker);
            awaitMeasure().until(() -> health().getStatus().equals(Status.DOWN));

            assertThat(health().getDetails())
                    .containsEntry("reason", "queue stuck")
                    .containsEntry("taskType", "health-open");
            assertThat((Long) health().getDetails().get("oldest")).isBetween(2L, 60L);
            assertThat(get("/actuator/health").status()).isEqualTo(503);
            assertThat(get("/actuator/health/tasks").body()).isEqualTo("{\"status\":\"DOWN\"}");
            assertProbesAreUp();

            application.camel().getRouteController().stopRoute("health-open");
            awaitMeasure().until(() -> health().getStatus().equals(Status.UP));
            application.camel().getRouteController().startRoute("health-open");
        }
        awaitMeasure().until(() -> health().getStatus().equals(Status.UP));
    }

    @Test
    void a_reading_that_took_long_calls_no_queue_stuck_whose_handler_was_busy_when_it_began() {
        AtomicLong clock = new AtomicLong();
        QueueHealth health =
                new QueueHealth(null, application.bean(Handlers.class), application.camel(), Duration.ZERO, clock::get);
        List<Map<String, Object>> rows = List.of(Map.of("task_type", "health-open", "declared", true, "oldest", 30.0));
        health.reading();
        health.state(rows);
        assertThat(health.isStuck()).isTrue();

        health.reading();
        clock.addAndGet(Duration.ofDays(1).toNanos());
        health.state(rows);

        assertThat(health.isStuck()).isFalse();
    }

    @Test
    void after_a_long_reading_the_next_is_late_unless_the_queue_is_stuck() {
        AtomicLong clock = new AtomicLong();
        AtomicBoolean stuck = new AtomicBoolean();
        QueueGauges gauges =
                new QueueGauges(new SimpleMeterRegistry(), application.bean(Handlers.class), stuck::get, clock::get);
        List<Map<String, Object>> rows = application
                .sql()
                .queryForList(
                        SqlFile.read("queries/queue-state.sql").replace(":#${bean:queueGauges.isCounting}", "true"));
        assertThat(gauges.reads()).isTrue();
        clock.addAndGet(Duration.ofSeconds(1).toNanos());
        gauges.state(rows);
        assertThat(gauges.reads()).isTrue();
        assertThat(gauges.isCounting()).isFalse();
        clock.addAndGet(Duration.ofSeconds(1).toNanos());
        gauges.state(rows);

        clock.addAndGet(Duration.ofSeconds(98).toNanos());
        assertThat(gauges.reads()).isFalse();
        stuck.set(true);
        assertThat(gauges.reads()).isTrue();
        stuck.set(false);
        clock.addAndGet(Duration.ofSeconds(1).toNanos());
        assertThat(gauges.reads()).as("1 % of the time").isTrue();
    }

    @Test
    void a_database_that_is_away_is_told_from_a_stuck_queue_and_restarts_no_node() throws Exception {
        String name = application.sql().queryForObject("select current_database()", String.class);
        String server = application.database().directUrl().replaceFirst("/[^/]*$", "/postgres");
        try (Connection other = DriverManager.getConnection(
                server,
                application.database().username(),
                application.database().password())) {
            other.createStatement().execute("alter database " + name + " allow_connections false");
            try {
                other.createStatement()
                        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + name
                                + "'");
                assertThat(health().getStatus()).isEqualTo(Status.DOWN);
                assertThat(health().getDetails()).containsEntry("reason", "database");
                assertProbesAreUp();
            } finally {
                other.createStatement().execute("alter database " + name + " allow_connections true");
            }
        }
        await().until(() -> health().getStatus().equals(Status.UP));
    }

    @Test
    void a_type_without_a_handler_on_any_node_waits_as_other_and_is_named_once_in_the_log(CapturedOutput output) {
        String warning = "No node has a handler for the task type health-nobody: 2 of its tasks wait";
        Stream.of(1, 2).forEach(n -> application.enqueue("health-nobody", "{}"));
        awaitMeasure().until(() -> output.getOut().contains(warning));
        double before = gauge("postrider.tasks.waiting", "other");
        application.enqueue("health-nobody", "{}");
        awaitMeasure().until(() -> gauge("postrider.tasks.waiting", "other") == before + 1);
        assertThat(output.getOut()).containsOnlyOnce("the task type health-nobody");

        application.as("tenant", WORKSPACE, sql -> sql.queryForList("""
                select postrider.cancel_task(task_id) from postrider.background_tasks where task_type = 'health-nobody'"""));
        awaitMeasure().until(() -> !(gauge("postrider.tasks.waiting", "other") > before - 2));
        Stream.of(1, 2).forEach(n -> application.enqueue("health-nobody", "{}"));
        awaitMeasure().until(() -> output.getOut().split(warning, -1).length == 3);
    }

    @Test
    void a_transaction_that_holds_back_vacuum_is_seen_to_grow_old_though_it_belongs_to_another_login()
            throws Exception {
        try (Connection reader = DriverManager.getConnection(
                application.database().directUrl(),
                application.database().username(),
                application.database().password())) {
            reader.setAutoCommit(false);
            reader.createStatement().execute("set transaction isolation level repeatable read, read only");
            reader.createStatement().execute("select 1");
            awaitMeasure().until(() -> gauge("postrider.xmin.age", null) > 9);
        }
        awaitMeasure().until(() -> gauge("postrider.xmin.age", null) < 9);
    }

    /** Two readings and some. */
    private static ConditionFactory awaitMeasure() {
        return await().atMost(Duration.ofSeconds(40));
    }

    /** Due when the claim can no longer get at it. */
    private static void enqueueForSoon(String type) {
        application.as(
                "tenant",
                WORKSPACE,
                sql -> sql.queryForList(
                        "select postrider.enqueue_task(?, scheduled_at => now() + interval '2 s')", type));
    }

    private static Connection blocker() throws SQLException {
        Connection blocker = DriverManager.getConnection(
                application.database().directUrl(),
                application.database().username(),
                application.database().password());
        blocker.setAutoCommit(false);
        return blocker;
    }

    /** Who reads may go on, who writes waits. */
    private static void blockClaims(Connection blocker) throws SQLException {
        blocker.createStatement().execute("lock table postrider.background_tasks in exclusive mode");
    }

    private static Health health() {
        return application.bean(QueueHealth.class).health();
    }

    private static void assertProbesAreUp() {
        for (String probe : new String[] {"liveness", "readiness"}) {
            assertThat(get("/actuator/health/" + probe).body()).as(probe).isEqualTo("{\"status\":\"UP\"}");
        }
    }

    private static Answer get(String path) {
        return application.exchange(
                HttpRequest.newBuilder(URI.create("http://localhost:" + application.managementPort() + path))
                        .build());
    }

    private static double gauge(String name, String taskType) {
        var search = application.bean(MeterRegistry.class).find(name);
        var gauge = (taskType == null ? search : search.tag("task_type", taskType)).gauge();
        return gauge == null ? Double.NaN : gauge.value();
    }
}
