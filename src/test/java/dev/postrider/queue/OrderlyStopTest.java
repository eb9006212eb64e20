package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
    void a_task_that_outlasts_the_stop_of_its_node_runs_again_elsewhere() {
        RunningApplication application = RunningApplication.start();
        Ledger ledger = new Ledger(application.sql());
        Gate gate = new Gate();
        application.camel().getRegistry().bind("stopGate", gate);
        application.handler("stop-stuck", "", "- process: {ref: stopGate}");
        UUID task = ledger.enqueue("stop-stuck");
        await().until(() -> gate.arrived() == 1);

        application.close(); // Camel gives the handler five seconds in tests, and then no more

        try (RunningApplication next = RunningApplication.on(application.database())) {
            next.handler("stop-stuck", "", "- log: done");
            // As if the 20 s of its lease were over.
            ledger.sql()
                    .update(
                            "update postrider.worker_nodes set heartbeat_at = now() - interval '21 s' where node_id <> ?",
                            next.bean(NodeIdentity.class).id());
            await().until(() -> ledger.completed("stop-stuck") == 1);
            gate.open();
            ledger.assertEachEndedOnce(List.of(task));
        } finally {
            gate.open();
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
    void a_handler_that_is_stopped_and_started_in_the_middle_of_a_backlog_strands_no_task() throws Exception {
        try (RunningApplication application = RunningApplication.start()) {
            Ledger ledger = new Ledger(application.sql());
            application.handler("stop-handler", "concurrency: 4\nprefetch: 20", "- delay: {constant: \"1\"}");
            List<UUID> accepted = ledger.enqueue("stop-handler", 2_000);
            for (int round = 1; round <= 5; round++) {
                int enough = round * 100;
                await().until(() -> ledger.completed("stop-handler") >= enough);
                application.camel().getRouteController().stopRoute("stop-handler");
                application.camel().getRouteController().startRoute("stop-handler");
            }
            await().until(() -> ledger.completed("stop-handler") == 2_000);
            ledger.assertEachEndedOnce(accepted);
            assertThat(ledger.count("select max(failure_count) from postrider.task_history"))
                    .isZero();
        }
    }
}
