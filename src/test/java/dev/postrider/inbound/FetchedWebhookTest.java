package dev.postrider.inbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Answer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a route fetched, because its provider never sent it. */
class FetchedWebhookTest extends InboundTest {

    private final String key = APPLICATION.newKey(workspace);

    @BeforeAll
    static void layRoutes() {
        APPLICATION.handler("fetch-two", "", """
                - setProperty: {name: sourceId, simple: "${body[sourceId]}"}
                - setProperty: {name: first, simple: "${body[first]}"}
                - setProperty: {name: second, simple: "${body[second]}"}
                - removeHeaders: {pattern: "*"}
                - setBody: {simple: "${exchangeProperty.first}"}
                - to: {uri: kamelet:webhook-sink, parameters: {provider: stripe, sourceId: "${exchangeProperty.sourceId}"}}
                - setBody: {simple: "${exchangeProperty.second}"}
                - to: {uri: kamelet:webhook-sink, parameters: {provider: stripe, sourceId: "${exchangeProperty.sourceId}"}}
                - throwException: {exceptionType: dev.postrider.Discard, message: "${exchangeProperty.verdict}"}
                """);
        APPLICATION.route("tasks/fetch-inside.camel.yaml", """
                - route:
                    id: fetch-inside
                    description: A handler under test.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: fetch-inside}
                      steps:
                        - to: direct:fetch-inside.transaction
                - route:
                    id: fetch-inside.transaction
                    description: Fetches inside a transaction.
                    from:
                      uri: direct:fetch-inside.transaction
                      steps:
                        - transacted: {ref: workspace}
                        - to: {uri: kamelet:webhook-sink, parameters: {provider: stripe}}
                """);
    }

    @Test
    void goes_the_way_of_what_came_in_but_for_the_signature_and_says_so() {
        String path = source("stripe", "sync", SECRET);
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));

        fetch("", subscription("evt_1", "sub_1", 100, "active"), subscription("evt_2", "sub_1", 101, "canceled"));

        await().until(() -> verdicts().equals(List.of("applied", "duplicate", "applied")));
        assertThat(mirrored("sub_1")).containsEntry("status", "canceled");
        assertThat(reasons()).containsExactly(null, "fetched", "fetched");
        assertThat(database.queryForObject(
                        "select count(*) from postrider.background_tasks where workspace_id = ? and task_type = 'sync'",
                        Integer.class,
                        workspace))
                .isEqualTo(2);
        assertThat(database.queryForList(
                        "select actor from postrider.system_events where workspace_id = ? and event_type = 'webhook.applied'",
                        String.class,
                        workspace))
                .allSatisfy(actor -> assertThat(actor).startsWith("source:"));
    }

    @Test
    void what_is_malformed_leaves_a_rejected_receipt_and_taken_in_again_it_still_needs_no_signature() {
        source("stripe", null, SECRET);

        fetch("", "{\"no\": \"id\"}", subscription("evt_2", "sub_1", 101, "active"));

        await().until(() -> verdicts().equals(List.of("rejected", "applied")));
        assertThat(reasons().get(0)).startsWith("fetched: there is no event id");
        String source = sourceIds().get(0);
        assertThat(APPLICATION
                        .send(
                                key,
                                "POST",
                                "/v1/receipts/reprocess",
                                "{\"sourceId\": \"%s\", \"from\": \"2020-01-01T00:00:00Z\", \"to\": \"2999-01-01T00:00:00Z\"}"
                                        .formatted(source))
                        .status())
                .isEqualTo(202);
        await().until(() -> verdicts().size() == 4);
        assertThat(verdicts().subList(2, 4)).containsExactlyInAnyOrder("rejected", "applied");
        assertThat(reasons()).allSatisfy(reason -> assertThat(reason).startsWith("fetched"));
    }

    @Test
    void without_a_source_or_with_several_it_says_what_to_do() {
        String none = fetch("", "{}", "{}");
        await().until(() -> error(none).contains("has no source of the provider stripe: make one"));

        source("stripe", null, SECRET);
        source("stripe", null, SECRET);
        String several = fetch("", "{}", "{}");
        await().until(() -> error(several).contains("several sources of the provider stripe: name one"));

        String second = sourceIds().get(1);
        fetch(second, subscription("evt_1", "sub_1", 100, "active"), subscription("evt_2", "sub_1", 101, "active"));
        await().until(() -> verdicts().size() == 2);
        assertThat(database.queryForList(
                        "select distinct source_id::text from postrider.inbound_receipts where workspace_id = ?",
                        String.class,
                        workspace))
                .containsExactly(second);
    }

    @Test
    void inside_a_transaction_it_refuses() {
        source("stripe", null, SECRET);

        String task = APPLICATION
                .send(key, "POST", "/v1/tasks", "{\"taskType\": \"fetch-inside\"}")
                .text("/taskId");

        await().until(() -> error(task).contains("webhook-sink was called inside a transaction"));
        assertThat(verdicts()).isEmpty();
    }

    private String fetch(String sourceId, String first, String second) {
        Answer task = APPLICATION.send(
                key,
                "POST",
                "/v1/tasks",
                new com.fasterxml.jackson.databind.ObjectMapper()
                        .valueToTree(Map.of(
                                "taskType",
                                "fetch-two",
                                "payload",
                                Map.of("sourceId", sourceId, "first", first, "second", second)))
                        .toString());
        return task.text("/taskId");
    }

    private String error(String task) {
        return APPLICATION.send(key, "GET", "/v1/tasks/" + task, null).text("/lastError");
    }

    private List<String> reasons() {
        return database.queryForList(
                "select reason from postrider.inbound_receipts where workspace_id = ? order by receipt_id",
                String.class,
                workspace);
    }

    private List<String> sourceIds() {
        return database.queryForList(
                "select source_id::text from postrider.webhook_sources where workspace_id = ? order by source_id",
                String.class,
                workspace);
    }
}
