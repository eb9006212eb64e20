package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.sql.Timestamp;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.spi.ShutdownAware;
import org.junit.jupiter.api.Test;

/** What a node leaves behind when it stops in order: nothing in its name, if its handlers end in time. */
class OrderlyStopTest {

    @Test
    void a_stop_gives_back_what_was_not_begun_at_once_and_lets_finish_what_runs() throws Exception {
        RunningApplication application = RunningApplication.start();
        Ledger ledger = new Ledger(application.sql());
        Gate gate = new Gate();
        application.camel().getRegistry().bind("stopGate", gate);
        List<UUID> accepted = ledger.enqueue("stop-backlog", 100);
        application.handler("stop-backlog", "concurrency: 2\nprefetch: 50", "- process: {ref: stopGate}");
        await().until(() -> gate.arrived() == 2 && ledger.open("stop-backlog", "processing") > 10);

        CompletableFuture<Void> stopped = CompletableFuture.runAsync(application::close);
        await().until(() -> ledger.open("stop-backlog", "queued") == 98);
        assertThat(ledger.open("stop-backlog", "processing"))
                .as("before the running ones end")
                .isEqualTo(2);
        gate.open();
        stopped.get(1, TimeUnit.MINUTES);

        assertThat(ledger.completed("stop-backlog")).isEqualTo(2);
        assertThat(gate.arrived()).isEqualTo(2);
        assertThat(ledger.count("select count(*) from postrider.background_tasks where task_status = 'queued'"
                        + " and ready and worker_id is null and failure_count = 0"))
                .isEqualTo(98);
        assertThat(ledger.count("select count(*) from postrider.worker_nodes")).isZero();

        try (RunningApplication next = RunningApplication.on(application.database())) {
            next.handler("stop-backlog", "concurrency: 2\nprefetch: 50", "- log: done");
            await().until(() -> ledger.completed("stop-backlog") == 100);
            ledger.assertEachEndedOnce(accepted);
            assertThat(ledger.count("select max(failure_count) from postrider.task_history"))
                    .isZero();
        }
    }

    @Test
    void a_handler_that_outlasts_the_grace_period_is_interrupted_and_its_task_waits_again_without_a_failure()
            throws Exception {
        RunningApplication application = RunningApplication.start();
        application.camel().getShutdownStrategy().setTimeout(8);
        Ledger ledger = new Ledger(application.sql());
        Gate deaf = new Gate();
        application.camel().getRegistry().bind("stopGate", deaf);
        application.handler("stop-deaf", "", "- process: {ref: stopGate}");
        application.handler("stop-long", "", "- delay: {constant: \"120000\", asyncDelayed: false}");
        application.handler("stop-calling", "", """
                - delay: {constant: "120000"}
                - to: direct:enqueueTask
                """);
        List<UUID> accepted =
                List.of(ledger.enqueue("stop-deaf"), ledger.enqueue("stop-long"), ledger.enqueue("stop-calling"));
        await().until(() ->
                ledger.count("select count(*) from postrider.background_tasks where task_status = 'processing'") == 3);
        Timestamp begun = ledger.sql().queryForObject("select clock_timestamp()", Timestamp.class);

        CompletableFuture<Void> stopped = CompletableFuture.runAsync(application::close);
        await().until(() ->
                ledger.count("select count(*) from postrider.worker_nodes where heartbeat_at > ?::timestamptz", begun)
                        == 1); // its lease goes on while its handlers may
        stopped.get(1, TimeUnit.MINUTES);

        assertThat(ledger.count("select count(*) from postrider.background_tasks where task_status = 'queued' and ready"
                        + " and worker_id is null and failure_count = 0 and attempt_count = 1"))
                .isEqualTo(3);
        assertThat(ledger.count("select count(*) from postrider.worker_nodes")).isZero();
        try (RunningApplication next = RunningApplication.on(application.database())) {
            for (String type : List.of("stop-deaf", "stop-long", "stop-calling")) {
                next.handler(type, "", "- log: done");
                await().until(() -> ledger.completed(type) == 1);
            }
            ledger.assertEachEndedOnce(accepted);
        } finally {
            deaf.open();
        }
    }

    @Test
    void a_route_that_is_started_again_before_its_last_handler_has_ended_runs_no_more_at_once_than_it_may()
            throws Exception {
        try (RunningApplication application = RunningApplication.start()) {
            application.camel().getShutdownStrategy().setTimeout(1);
            Ledger ledger = new Ledger(application.sql());
            Gate deaf = new Gate();
            application.camel().getRegistry().bind("stopGate", deaf);
            application.handler("stop-again", "", "- process: {ref: stopGate}");
            List<UUID> accepted = ledger.enqueue("stop-again", 20);
            await().until(() -> deaf.arrived() == 1);
            AtomicInteger now = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            application.camel().getRegistry().bind("stopCounting", (Processor) exchange -> {
                most.accumulateAndGet(now.incrementAndGet(), Math::max);
                Thread.sleep(20);
                now.decrementAndGet();
            });
            String consumer = application.camel().getRoutes().stream()
                    .filter(route -> route.getEndpoint().getEndpointUri().startsWith("task://stop-again"))
                    .map(Route::getRouteId)
                    .findFirst()
                    .orElseThrow();
            application.camel().getRouteController().stopRoute(consumer);
            application.camel().getRouteController().startRoute(consumer);
            // Camel's own thread says so once more after a stop by force, and may come late.
            ((ShutdownAware) application.camel().getRoute(consumer).getConsumer()).prepareShutdown(false, true);
            await().until(() -> deaf.arrived() == 2);
            deaf.open();
            application.handler("stop-again", "", "- process: {ref: stopCounting}");

            await().until(() -> ledger.completed("stop-again") == 20);
            ledger.assertEachEndedOnce(accepted);
            assertThat(most.get()).isLessThanOrEqualTo(1);
        }
    }

    @Test
    void a_claim_that_is_stopped_and_started_in_the_middle_of_a_backlog_strands_no_task() throws Exception {
        try (RunningApplication application = RunningApplication.start()) {
            Ledger ledger = new Ledger(application.sql());
            application.handler("stop-claim", "concurrency: 4\nprefetch: 20", "- delay: {constant: \"1\"}");
            List<UUID> accepted = ledger.enqueue("stop-claim", 2_000);
            for (int round = 1; round <= 5; round++) {
                int enough = round * 100;
                await().until(() -> ledger.completed("stop-claim") >= enough);
                application.camel().getRouteController().stopRoute("claim");
                application.camel().getRouteController().startRoute("claim");
            }
            await().until(() -> ledger.completed("stop-claim") == 2_000);
            ledger.assertEachEndedOnce(accepted);
        }
    }

    @Test
    void a_handler_that_is_stopped_and_started_in_the_middle_of_a_backlog_fails_and_strands_no_task() throws Exception {
        try (RunningApplication application = RunningApplication.start()) {
            Ledger ledger = new Ledger(application.sql());
            application.handler("stop-handler", "concurrency: 4\nprefetch: 20", "- delay: {constant: \"1\"}");
            List<UUID> accepted = ledger.enqueue("stop-handler", 20_000);
            for (int round = 1; round <= 10; round++) {
                int enough = ledger.completed("stop-handler") + 50;
                await().until(() -> ledger.completed("stop-handler") >= enough);
                application.camel().getRouteController().stopRoute("stop-handler");
                assertThat(application.camel().getShutdownStrategy().isTimeoutOccurred())
                        .isFalse();
                application.camel().getRouteController().startRoute("stop-handler");
            }
            await().until(() -> ledger.completed("stop-handler") == 20_000);
            ledger.assertEachEndedOnce(accepted);
            assertThat(ledger.sql()
                            .queryForList(
                                    "select attempts::text from postrider.task_history where failure_count > 0",
                                    String.class))
                    .isEmpty();
        }
    }
}
