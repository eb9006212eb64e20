package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.NodeProcess;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of deliveries whose node dies, stalls, or is not there at all. */
class LostNodeDeliveriesTest {

    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration LONGER_THAN_THE_LEASE = Duration.ofSeconds(26); // silent for 20 s, swept every 5
    private static final String ALLOWED = "postrider.outbound.allowed-networks=127.0.0.1/32";
    private static final String QUICK =
            "{\"maximumRedeliveries\": 100, \"redeliveryDelay\": 100, \"backOffMultiplier\": 1}";

    private final Receiver receiver = Receiver.start();
    private final CountDownLatch gate = new CountDownLatch(1);
    private RunningApplication application;
    private Workspace workspace;

    @TempDir
    private Path directory;

    @BeforeEach
    void start() {
        application = RunningApplication.start(ALLOWED);
        EndpointSecrets secrets = application.bean(EndpointSecrets.class);
        workspace = Workspace.create(application.sql(), secrets);
        workspace.endpoint(receiver.url(), WebhookSignature.newSecret(), QUICK, Map.of(), 60_000);
    }

    @AfterEach
    void stop() {
        gate.countDown();
        assertThat(application.sql().queryForObject("select postrider.unaccounted()", Long.class))
                .isZero();
        application.close();
        receiver.close();
    }

    @Test
    void eventsThatNoNodeHadSentWhenAllWereGoneAreDeliveredByTheNextOne() {
        application.close();
        UUID claimed = workspace.publish("invoice.paid", "{}");
        application.sql().update("insert into postrider.worker_nodes (node_id, host) values ('vanished', 'somewhere')");
        assertThat(application
                        .sql()
                        .queryForList(
                                "select task_id from postrider.claim_tasks('vanished', '{\"delivery\": {\"free\": 10}}') where task_id is not null",
                                UUID.class))
                .hasSize(1);
        UUID waiting = workspace.publish("invoice.paid", "{}");
        silence("vanished");
        assertThat(receiver.requests()).isEmpty();

        application = RunningApplication.on(application.database(), ALLOWED);

        await().until(() -> workspace.rows("task_history").size() == 2);
        assertThat(ids()).containsExactlyInAnyOrder(claimed.toString(), waiting.toString());
    }

    @Test
    void aDeliveryWhoseNodeDiesDuringARetryIsMadeByAnother() throws Exception {
        application.camel().getRouteController().stopRoute("deliver");
        receiver.answers(exchange -> {
            switch (receiver.requests().size()) {
                case 1 -> Receiver.with(500, "").write(exchange);
                case 2 -> pass(gate);
                default -> Receiver.with(200, "").write(exchange);
            }
        });
        Files.createDirectories(directory.resolve("routes"));
        NodeProcess doomed = NodeProcess.start(directory, "doomed", application.database(), ALLOWED);
        try {
            await().atMost(PATIENCE).until(doomed::isReady);
            workspace.publish("invoice.paid", "{}");
            await().until(() -> receiver.requests().size() == 2);
        } finally {
            doomed.kill();
        }
        silence((String) onlyTask().get("worker_id"));
        application.camel().getRouteController().startRoute("deliver");

        await().atMost(PATIENCE).until(() -> workspace.rows("task_history").size() == 1);
        assertThat(receiver.requests()).hasSize(3);
        assertThat(ids().stream().distinct()).hasSize(1);
        assertThat(receiver.requests().stream().map(Receiver.Request::body).distinct())
                .hasSize(1);
        assertThat(workspace.rows("task_history"))
                .singleElement()
                .satisfies(task -> assertThat(task)
                        .containsEntry("task_status", "completed")
                        .containsEntry("attempt_count", 3)
                        .containsEntry("failure_count", 2));
    }

    @Test
    void aStalledNodeDoesNotEndADeliveryThatAnotherHasTakenOver() throws Exception {
        CountDownLatch second = new CountDownLatch(1);
        receiver.answers(exchange -> {
            boolean first = receiver.requests().size() == 1;
            pass(first ? gate : second);
            Receiver.with(first ? 500 : 200, "").write(exchange);
        });
        workspace.publish("invoice.paid", "{}");
        await().until(() -> receiver.requests().size() == 1);
        String stalled = (String) onlyTask().get("worker_id");
        application.camel().getRouteController().stopRoute("heartbeat");
        try (RunningApplication other = RunningApplication.on(application.database(), ALLOWED)) {
            silence(stalled);
            await().atMost(PATIENCE).until(() -> receiver.requests().size() == 2);
            Map<String, Object> takenOver = onlyTask();
            assertThat(takenOver).containsEntry("attempt_count", 2).doesNotContainEntry("worker_id", stalled);

            gate.countDown(); // the first node has its answer now, too late
            await().until(() -> refused(application) == 1);
            await().during(Duration.ofSeconds(2)).until(() -> onlyTask().equals(takenOver));

            second.countDown();
            await().until(() -> workspace.rows("task_history").size() == 1);
            assertThat(refused(other)).isZero();
        } finally {
            second.countDown();
            application.camel().getRouteController().startRoute("heartbeat");
        }
        assertThat(receiver.requests()).hasSize(2);
        assertThat(workspace.rows("task_history"))
                .singleElement()
                .satisfies(task -> assertThat(task)
                        .containsEntry("task_status", "completed")
                        .containsEntry("attempt_count", 2)
                        .containsEntry("failure_count", 1));
    }

    @Test
    void anAnswerThatTakesLongerThanANodesLeaseIsNotAskedForTwice() {
        receiver.answers(exchange -> {
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write("slow".getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
            pass(gate);
        });
        workspace.publish("invoice.paid", "{}");
        await().until(() -> receiver.requests().size() == 1);
        try (RunningApplication other = RunningApplication.on(application.database(), ALLOWED)) {
            assertThat(other.camel()
                            .getRouteController()
                            .getRouteStatus("deliver")
                            .isStarted())
                    .isTrue();
            await().atMost(PATIENCE)
                    .until(() -> application
                            .sql()
                            .queryForObject(
                                    "select coalesce(bool_or(clock_timestamp() - claimed_at > make_interval(secs => ?)), true)"
                                            + " from postrider.background_tasks where workspace_id = ?",
                                    Boolean.class,
                                    LONGER_THAN_THE_LEASE.toSeconds(),
                                    workspace.id));
            gate.countDown();
            await().until(() -> workspace.rows("task_history").size() == 1);
        }
        assertThat(receiver.requests()).hasSize(1);
        assertThat(workspace.rows("task_history"))
                .singleElement()
                .satisfies(task ->
                        assertThat(task).containsEntry("attempt_count", 1).containsEntry("failure_count", 0));
    }

    /** How many answers a node has refused to take for a success. */
    private static double refused(RunningApplication node) {
        return node.bean(MeterRegistry.class)
                .counter("postrider.delivery", "outcome", "refused")
                .count();
    }

    private Map<String, Object> onlyTask() {
        List<Map<String, Object>> tasks = workspace.rows("background_tasks");
        assertThat(tasks).hasSize(1);
        return tasks.get(0);
    }

    /** As if its last heartbeat were long ago. */
    private void silence(String node) {
        assertThat(application
                        .sql()
                        .update(
                                "update postrider.worker_nodes set heartbeat_at = now() - interval '21 s' where node_id = ?",
                                node))
                .isEqualTo(1);
    }

    private List<String> ids() {
        return receiver.requests().stream()
                .map(request -> request.header("webhook-id"))
                .toList();
    }

    private static void pass(CountDownLatch gate) throws IOException {
        try {
            gate.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
