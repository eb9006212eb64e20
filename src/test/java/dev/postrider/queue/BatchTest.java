package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Handlers that take several tasks at once. */
class BatchTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();
    private static final Ledger LEDGER = new Ledger(APPLICATION.sql());

    @BeforeAll
    static void aPolicyThatGivesUpAtOnce() {
        APPLICATION.putRoute("tasks/batch-redelivery.camel.yaml", """
                - beans:
                    - name: batchRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {maximumRedeliveries: 0, redeliveryDelay: 50}
                """);
        await().until(() -> APPLICATION.camel().getRegistry().lookupByName("batchRedelivery") != null);
    }

    @Test
    void tasks_of_one_workspace_come_together_and_complete_together() {
        UUID other = APPLICATION.newWorkspace();
        LEDGER.enqueue("batch-together", 25);
        APPLICATION.send(APPLICATION.newKey(other), "POST", "/v1/tasks", "{\"taskType\": \"batch-together\"}");
        Batches batches = handler("batch-together", "batch: 10", -1);

        await().until(() -> LEDGER.completed("batch-together") == 26);

        assertThat(batches.seen).allSatisfy(tasks -> assertThat(tasks).hasSizeBetween(1, 10));
        assertThat(batches.seen.stream().mapToInt(List::size).sum()).isEqualTo(26);
        assertThat(batches.seen)
                .as("some of many")
                .anySatisfy(tasks -> assertThat(tasks).hasSize(10));
        assertThat(batches.workspaces).contains(other.toString());
    }

    @Test
    void a_bad_task_does_not_take_its_neighbours_into_the_dead_letters() {
        List<UUID> accepted = LEDGER.enqueue("batch-poisoned", 10);
        Batches batches = handler("batch-poisoned", "batch: 10\nredeliveryPolicy: batchRedelivery", 7);

        await().until(() -> LEDGER.completed("batch-poisoned") == 9);
        await().until(() ->
                LEDGER.count("select count(*) from postrider.dead_letters where task_type = 'batch-poisoned'") == 1);

        LEDGER.assertEachEndedOnce(accepted);
        assertThat(batches.seen.get(0)).hasSize(10);
        assertThat(batches.seen.subList(1, batches.seen.size()))
                .allSatisfy(tasks -> assertThat(tasks)
                        .singleElement()
                        .satisfies(task -> assertThat(task).containsEntry("failures", 1)));
    }

    private static Batches handler(String taskType, String options, int bad) {
        Batches batches = new Batches();
        batches.bad = bad;
        APPLICATION.camel().getRegistry().bind(taskType, batches);
        APPLICATION.handler(taskType, options, "- process: {ref: " + taskType + "}");
        return batches;
    }

    private static final class Batches implements Processor {

        private final List<List<Map<String, Object>>> seen = new CopyOnWriteArrayList<>();
        private final List<String> workspaces = new CopyOnWriteArrayList<>();
        private volatile int bad = -1;

        @Override
        @SuppressWarnings("unchecked")
        public void process(Exchange exchange) {
            List<Map<String, Object>> tasks = exchange.getProperty("tasks", List.class);
            seen.add(tasks);
            workspaces.add(exchange.getProperty("workspaceId", String.class));
            List<Object> payloads = exchange.getIn().getBody(List.class);
            assertThat(payloads)
                    .isEqualTo(tasks.stream().map(task -> task.get("payload")).toList());
            if (payloads.contains(Map.of("n", bad))) {
                throw new IllegalStateException("one of them is bad");
            }
        }
    }
}
