package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Why a node stops a handler while it runs, and what becomes of its task. */
class StoppedHandlerTest {

    private static RunningApplication application;
    private static Ledger ledger;

    @BeforeAll
    static void start() {
        application = RunningApplication.start();
        ledger = new Ledger(application.sql());
        application.putRoute("tasks/stopped-redelivery.camel.yaml", """
                - beans:
                    - name: stoppedRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties:
                        maximumRedeliveries: 3
                        redeliveryDelay: 50
                        backOffMultiplier: 1
                """);
        await().until(() -> application.camel().getRegistry().lookupByName("stoppedRedelivery") != null);
    }

    @AfterAll
    static void stop() {
        application.close();
    }

    @Test
    void a_running_task_that_is_cancelled_is_interrupted_and_counts_no_failure() {
        Patient handler = handler("stopped-cancelled", "");
        UUID task = ledger.enqueue("stopped-cancelled");
        await().until(() -> handler.begun.get() == 1);

        assertThat(application.call("DELETE", "/v1/tasks/" + task, null).status())
                .isEqualTo(202);

        assertThat(application
                        .awaitTask(task.toString(), "cancelled")
                        .json()
                        .get("failures")
                        .asInt())
                .isZero();
        assertThat(handler.interrupted.get()).isEqualTo(1);
    }

    @Test
    void a_notification_tells_it_at_once() throws Exception {
        Patient handler = handler("stopped-told", "");
        UUID task = ledger.enqueue("stopped-told");
        await().until(() -> handler.begun.get() == 1);
        application.camel().getRouteController().stopRoute("heartbeat");
        try {
            application.call("DELETE", "/v1/tasks/" + task, null);
            application.sql().query("select pg_notify('postrider_wake', 'cancel')", row -> {});

            application.awaitTask(task.toString(), "cancelled");
        } finally {
            application.camel().getRouteController().startRoute("heartbeat");
        }
    }

    @Test
    void a_task_that_is_cancelled_while_it_waits_on_a_node_never_begins() {
        Patient handler = handler("stopped-waiting", "prefetch: 2");
        List<UUID> tasks = ledger.enqueue("stopped-waiting", 2);
        await().until(() -> handler.begun.get() == 1 && ledger.open("stopped-waiting", "processing") == 2);

        UUID waiting = tasks.stream()
                .filter(task -> !task.toString().equals(handler.task))
                .findFirst()
                .orElseThrow();
        application.call("DELETE", "/v1/tasks/" + waiting, null);
        application.awaitTask(waiting.toString(), "cancelled");
        application.call("DELETE", "/v1/tasks/" + handler.task, null);
        application.awaitTask(handler.task, "cancelled");
        assertThat(handler.begun.get()).isEqualTo(1);
    }

    @Test
    void a_node_that_was_declared_dead_stops_its_handlers_and_works_on() {
        Patient handler = handler("stopped-dead", "prefetch: 2");
        List<UUID> tasks = ledger.enqueue("stopped-dead", 2);
        await().until(() -> handler.begun.get() == 1 && ledger.open("stopped-dead", "processing") == 2);

        ledger.sql().query("""
                with silent as materialized (
                    update postrider.worker_nodes set heartbeat_at = now() - interval '21 s' where node_id = ? returning 1)
                select count(*) from silent""", row -> {}, application.bean(NodeIdentity.class).id());
        ledger.sql().query("select * from postrider.rescue_tasks()", row -> {});
        handler.patience = Duration.ZERO;

        await().until(() -> ledger.completed("stopped-dead") == 2);
        assertThat(handler.interrupted.get()).isEqualTo(1);
        ledger.assertEachEndedOnce(tasks);
        assertThat(ledger.count(
                        "select max(failure_count) from postrider.task_history where task_type = 'stopped-dead'"))
                .as("the rescue counts one, the interrupt none")
                .isEqualTo(1);
    }

    @Test
    void a_node_whose_heartbeats_are_not_answered_stops_its_handlers_and_takes_nothing() throws Exception {
        Patient handler = handler("stopped-unheard", "prefetch: 2");
        List<UUID> tasks = ledger.enqueue("stopped-unheard", 2);
        await().until(() -> handler.begun.get() == 1 && ledger.open("stopped-unheard", "processing") == 2);
        application.camel().getRouteController().stopRoute("heartbeat");
        try {
            await().until(() -> handler.interrupted.get() == 1 && ledger.open("stopped-unheard", "queued") == 2);
            assertThat(application.bean(Handlers.class).slots()).isEqualTo("{}");
            handler.patience = Duration.ZERO;
        } finally {
            application.camel().getRouteController().startRoute("heartbeat");
        }
        await().until(() -> ledger.completed("stopped-unheard") == 2);

        ledger.assertEachEndedOnce(tasks);
        assertThat(ledger.count(
                        "select max(failure_count) from postrider.task_history where task_type = 'stopped-unheard'"))
                .isZero();
    }

    private static Patient handler(String taskType, String options) {
        Patient handler = new Patient();
        application.camel().getRegistry().bind(taskType, handler);
        application.handler(
                taskType,
                ("redeliveryPolicy: stoppedRedelivery\n" + options).strip(),
                "- process: {ref: " + taskType + "}");
        return handler;
    }

    /** A step that waits, and heeds interrupts. */
    private static final class Patient implements Processor {

        private final AtomicInteger begun = new AtomicInteger();
        private final AtomicInteger interrupted = new AtomicInteger();
        private volatile String task;
        private volatile Duration patience = Duration.ofMinutes(2);

        @Override
        public void process(Exchange exchange) throws InterruptedException {
            task = exchange.getProperty("taskId", String.class);
            begun.incrementAndGet();
            try {
                Thread.sleep(patience.toMillis());
            } catch (InterruptedException e) {
                interrupted.incrementAndGet();
                throw e;
            }
        }
    }
}
