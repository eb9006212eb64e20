package dev.postrider.inbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.apache.camel.Processor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two events of one version: the provider is asked which is newer. */
class RefetchTest extends InboundTest {

    private static final Queue<Answer> PROVIDER = new ConcurrentLinkedQueue<>();

    /** What the provider answers the next time, and what has to happen before it arrives. */
    private record Answer(
            String version, String status, boolean deleted, CountDownLatch asked, CountDownLatch arrives) {}

    @BeforeAll
    static void layRoutes() {
        provider("tying");
        Processor ask = exchange -> {
            Answer answer = PROVIDER.remove();
            answer.asked.countDown();
            answer.arrives.await();
            exchange.setProperty("version", answer.version);
            exchange.setProperty("deleted", answer.deleted);
            exchange.getMessage()
                    .setBody(answer.deleted ? null : Map.of("data", Map.of("object", Map.of("status", answer.status))));
        };
        APPLICATION.camel().getRegistry().bind("askTheProvider", ask);
        APPLICATION.handler("tying-refetch", "concurrency: 4", """
                - setProperty: {name: refId, simple: "${body[refId]}"}
                - process: {ref: askTheProvider}
                - to:
                    uri: kamelet:mirror-sink
                    parameters:
                      provider: tying
                      refId: "${exchangeProperty.refId}"
                      version: "${exchangeProperty.version}"
                      deleted: "${exchangeProperty.deleted}"
                """);
    }

    @Test
    void a_tie_asks_the_provider_whose_answer_settles_it() {
        String path = source("tying", null, SECRET);
        Answer answer = answers("1970-01-01T00:00:00.100Z", "fetched", false);
        answer.arrives.countDown();

        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_2", "sub_1", 100, "past_due"));

        await().until(() -> "fetched".equals(mirrored("sub_1").get("status")));
        assertThat(mirrored("sub_1")).containsEntry("tied", false).containsEntry("state_version", 100L);
        assertThat(refetches()).as("only the second event tied").hasSize(1);
    }

    @Test
    void a_burst_of_ties_asks_once_and_once_more_for_those_that_came_while_the_answer_was_on_its_way() {
        String path = source("tying", null, SECRET);
        Answer first = answers("100", "from before", false);
        Answer second = answers("100", "from after", false);
        second.arrives.countDown();
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_2", "sub_1", 100, "past_due"));
        await().until(() -> first.asked.getCount() == 0);

        for (int n = 3; n < 9; n++) {
            stripe(path, subscription("evt_" + n, "sub_1", 100, "v" + n));
        }

        assertThat(refetches()).as("one runs, one waits behind it").containsExactlyInAnyOrder("queued", "processing");
        first.arrives.countDown();
        await().until(() -> "from after".equals(mirrored("sub_1").get("status")));
        assertThat(mirrored("sub_1")).containsEntry("tied", false);
        assertThat(PROVIDER).isEmpty();
    }

    @Test
    void an_object_that_is_gone_keeps_its_last_state() {
        String path = source("tying", null, SECRET);
        answers("100", "", true).arrives.countDown();

        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_2", "sub_1", 100, "past_due"));

        await().until(() -> database.queryForObject(
                "select deleted from postrider.billing_events where workspace_id = ?", Boolean.class, workspace));
        assertThat(mirrored("sub_1")).containsEntry("status", "past_due").containsEntry("tied", false);
    }

    @Test
    void a_version_that_is_none_fails_the_task_and_says_what_it_has_to_be() {
        String path = source("tying", null, SECRET);
        answers("soon", "fetched", false).arrives.countDown();

        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_2", "sub_1", 100, "past_due"));

        await().until(() -> database
                .queryForList(
                        "select last_error from postrider.background_tasks where workspace_id = ?",
                        String.class,
                        workspace)
                .stream()
                .anyMatch(error -> error != null && error.contains("\"soon\"")));
        assertThat(mirrored("sub_1")).containsEntry("status", "past_due").containsEntry("tied", true);
        database.update(
                "update postrider.background_tasks set scheduled_at = '2999-01-01', ready = false where workspace_id = ?",
                workspace);
    }

    private Answer answers(String version, String status, boolean deleted) {
        Answer answer = new Answer(version, status, deleted, new CountDownLatch(1), new CountDownLatch(1));
        PROVIDER.add(answer);
        return answer;
    }

    /** The status of each task that asks. */
    private List<String> refetches() {
        return database.queryForList(
                "select task_status from postrider.background_tasks where workspace_id = ? and task_type = 'tying-refetch'"
                        + " union all select task_status from postrider.task_history where workspace_id = ?",
                String.class,
                workspace,
                workspace);
    }
}
