package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The way of a task: accepted, claimed, run, and ended in one of the ways that the API names. */
class TaskWayTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    @BeforeAll
    static void aPolicyThatFailsQuickly() {
        APPLICATION.putRoute("tasks/quick-redelivery.camel.yaml", """
                - beans:
                    - name: quickRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties:
                        maximumRedeliveries: 2
                        redeliveryDelay: 50
                        backOffMultiplier: 1
                """);
        await().until(() -> APPLICATION.camel().getRegistry().lookupByName("quickRedelivery") != null);
    }

    @Test
    void a_task_runs_with_its_payload_parsed_and_its_workspace_and_is_in_the_history_once() {
        APPLICATION.handler("way-happy", "concurrency: 2", """
                - setProperty: {name: payload, simple: "${body}"}
                - throwException:
                    exceptionType: dev.postrider.Discard
                    message: "saw ${body[greeting]} of ${exchangeProperty.workspaceId} as ${exchangeProperty.taskType}, attempt ${exchangeProperty.attempt}"
                """);
        String task = APPLICATION.enqueue("way-happy", "{\"greeting\": \"hello\"}");

        Answer ended = APPLICATION.awaitTask(task, "discarded");

        assertThat(ended.text("/reason")).isEqualTo("saw hello of %s as way-happy, attempt 1".formatted(WORKSPACE));
        assertThat(historyRows(task)).isEqualTo(1);
    }

    @Test
    void a_report_is_written_once_into_the_workspace_that_asked_for_it() {
        String task = APPLICATION.enqueue("report-generate", "{\"days\": 3}");

        APPLICATION.awaitTask(task, "completed");

        List<String> reports = APPLICATION.as(
                "tenant",
                WORKSPACE,
                sql -> sql.queryForList(
                        "select convert_from(content, 'UTF8') from workspace_assets where name = ?",
                        String.class,
                        "report-" + task + ".csv"));
        assertThat(reports).singleElement().asString().startsWith("day,task_type,status,tasks");
    }

    @Test
    void a_sync_calls_the_third_partys_api_with_the_payload_and_an_idempotency_key() throws Exception {
        try (Receiver thirdParty = Receiver.start();
                RunningApplication application =
                        RunningApplication.start("postrider.third-party-sync.url=" + thirdParty.url())) {
            String task = application.enqueue("third-party-sync", "{\"customer\": 7}");

            application.awaitTask(task, "completed");

            assertThat(thirdParty.requests()).singleElement().satisfies(request -> {
                assertThat(request.body()).isEqualTo("{\"customer\":7}");
                assertThat(request.header("Idempotency-Key")).isEqualTo(task);
            });
        }
    }

    @Test
    void a_failing_task_is_tried_again_durably_and_then_is_a_dead_letter_with_every_error() {
        APPLICATION.handler("way-failing", "redeliveryPolicy: quickRedelivery", """
                - throwException:
                    exceptionType: java.lang.IllegalStateException
                    message: "no luck in attempt ${exchangeProperty.attempt}"
                """);
        String task = APPLICATION.enqueue("way-failing", "{}");

        Answer dead = APPLICATION.awaitTask(task, "dead");

        assertThat(dead.json().get("attempts").asInt()).isEqualTo(3);
        assertThat(dead.json().get("failures").asInt()).isEqualTo(3);
        JsonNode letter = deadLetterOf(task);
        assertThat(letter.at("/failedAttempts").findValuesAsText("error"))
                .containsExactly("no luck in attempt 1", "no luck in attempt 2", "no luck in attempt 3");
    }

    @Test
    void a_replayed_dead_letter_keeps_its_task_id_and_starts_with_no_failures() {
        APPLICATION.handler("way-replayed", "redeliveryPolicy: quickRedelivery", """
                - choice:
                    when:
                      - simple: "${exchangeProperty.attempt} <= 3"
                        steps:
                          - throwException: {exceptionType: java.lang.IllegalStateException, message: not yet}
                """);
        String task = APPLICATION.enqueue("way-replayed", "{}");
        APPLICATION.awaitTask(task, "dead");
        String letter = deadLetterOf(task).get("deadLetterId").asText();

        Answer replayed = APPLICATION.call(
                "POST", "/v1/dead-letters/" + letter + "/replay", "{\"reason\": \"the other side is back\"}");

        assertThat(replayed.status()).isEqualTo(202);
        assertThat(replayed.text("/taskId")).isEqualTo(task);
        Answer ended = APPLICATION.awaitTask(task, "completed");
        assertThat(ended.json().get("failures").asInt()).isZero();
        assertThat(ended.json().get("attempts").asInt()).isEqualTo(4);
        assertThat(audited("dead-letter.replayed", task)).isEqualTo("the other side is back");
        assertThat(APPLICATION.call("GET", "/v1/dead-letters/" + letter, null).status())
                .isEqualTo(404);
    }

    @Test
    void a_discarded_dead_letter_leaves_a_row_with_the_reason_and_an_audit_row() {
        APPLICATION.handler("way-discarded", "redeliveryPolicy: quickRedelivery", """
                - throwException: {exceptionType: java.lang.IllegalStateException, message: never}
                """);
        String task = APPLICATION.enqueue("way-discarded", "{}");
        APPLICATION.awaitTask(task, "dead");
        String letter = deadLetterOf(task).get("deadLetterId").asText();

        APPLICATION.call("POST", "/v1/dead-letters/" + letter + "/discard", "{\"reason\": \"a test\"}");

        Answer ended = APPLICATION.awaitTask(task, "discarded");
        assertThat(ended.text("/reason")).isEqualTo("a test");
        assertThat(audited("dead-letter.discarded", task)).isEqualTo("a test");
    }

    @Test
    void a_snoozed_task_comes_again_without_a_failure() {
        APPLICATION.handler("way-snoozed", "", """
                - choice:
                    when:
                      - simple: "${exchangeProperty.attempt} == 1"
                        steps:
                          - throwException: {exceptionType: dev.postrider.Snooze, message: "100"}
                """);
        String task = APPLICATION.enqueue("way-snoozed", "{}");

        Answer ended = APPLICATION.awaitTask(task, "completed");

        assertThat(ended.json().get("attempts").asInt()).isEqualTo(2);
        assertThat(ended.json().get("failures").asInt()).isZero();
    }

    @Test
    void a_handler_that_runs_too_long_is_interrupted_and_has_failed() {
        APPLICATION.handler("way-timeout", "timeout: 100\nredeliveryPolicy: quickRedelivery", """
                - delay: {constant: "60000", asyncDelayed: false}
                """);
        String task = APPLICATION.enqueue("way-timeout", "{}");

        assertThat(APPLICATION.awaitTask(task, "dead").text("/lastError")).contains("timeout of 100 ms");
    }

    @Test
    void an_error_of_a_handler_is_a_failed_attempt_and_leaves_the_worker_alive() {
        APPLICATION.handler("way-error", "redeliveryPolicy: quickRedelivery", """
                - throwException: {exceptionType: java.lang.StackOverflowError, message: too deep}
                """);

        APPLICATION.awaitTask(APPLICATION.enqueue("way-error", "{}"), "dead");
        APPLICATION.awaitTask(APPLICATION.enqueue("way-error", "{}"), "dead");
    }

    @Test
    void a_handler_that_rolls_its_transaction_back_without_an_exception_has_failed() {
        APPLICATION.route("tasks/way-rolling-back.camel.yaml", """
                - route:
                    id: way-rolling-back
                    description: Calls a part that rolls back.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: way-rolling-back, redeliveryPolicy: quickRedelivery}
                      steps:
                        - to: direct:way-rolling-back.part
                - route:
                    id: way-rolling-back.part
                    description: Rolls back.
                    from:
                      uri: direct:way-rolling-back.part
                      steps:
                        - transacted: {ref: workspace}
                        - rollback: {markRollbackOnlyLast: true}
                """);

        String task = APPLICATION.enqueue("way-rolling-back", "{}");

        assertThat(APPLICATION.awaitTask(task, "dead").text("/lastError")).contains("rolled its transaction back");
    }

    @Test
    void a_unique_key_that_waits_returns_the_task_that_has_it() {
        String body =
                "{\"taskType\": \"way-unique\", \"uniqueKey\": \"daily\", \"scheduledAt\": \"2040-01-01T00:00:00Z\"}";

        String first = APPLICATION.call("POST", "/v1/tasks", body).text("/taskId");
        String second = APPLICATION.call("POST", "/v1/tasks", body).text("/taskId");
        APPLICATION.call("DELETE", "/v1/tasks/" + first, null);
        String third = APPLICATION.call("POST", "/v1/tasks", body).text("/taskId");

        assertThat(second).isEqualTo(first);
        assertThat(third).isNotEqualTo(first);
    }

    @Test
    void tasks_of_one_ordering_key_run_one_at_a_time_in_the_order_of_their_commits() {
        for (int i = 0; i < 20; i++) {
            APPLICATION.call("POST", "/v1/tasks", """
                    {"taskType": "way-ordered", "orderingKey": "account-1", "priorityRank": %d}""".formatted(i));
        }
        APPLICATION.handler("way-ordered", "concurrency: 4\nprefetch: 10", "- delay: {constant: \"5\"}");

        await().until(() -> ended("way-ordered") == 20);
        Boolean inOrder = APPLICATION.sql().queryForObject("""
                select bool_and(claimed_at >= coalesce(before, claimed_at))
                  from (select claimed_at, lag(completed_at) over (order by task_id) as before
                          from postrider.task_history where task_type = 'way-ordered') runs""", Boolean.class);
        assertThat(inOrder).isTrue();
    }

    @Test
    void one_workspace_that_floods_the_queue_does_not_keep_another_waiting() {
        UUID quiet = APPLICATION.newWorkspace();
        String quietKey = APPLICATION.newKey(quiet);
        APPLICATION.as(
                "tenant",
                WORKSPACE,
                sql -> sql.queryForObject(
                        "select count(enqueue_task('way-fair')) from generate_series(1, 500)", Integer.class));
        APPLICATION.send(quietKey, "POST", "/v1/tasks", "{\"taskType\": \"way-fair\"}");
        APPLICATION.handler("way-fair", "concurrency: 2\nprefetch: 8", "- delay: {constant: \"2\"}");

        await().until(() -> ended("way-fair") == 501);
        Integer before = APPLICATION.sql().queryForObject("""
                select count(*) from postrider.task_history
                 where task_type = 'way-fair' and workspace_id <> ? and claimed_at <=
                       (select claimed_at from postrider.task_history where task_type = 'way-fair' and workspace_id = ?)
                """, Integer.class, quiet, quiet);
        assertThat(before).isLessThan(100);
    }

    @Test
    void a_task_that_is_due_later_waits_and_then_runs() {
        APPLICATION.handler("way-later", "", "- log: later");
        String task = APPLICATION.as(
                "tenant",
                WORKSPACE,
                sql -> sql.queryForObject(
                        "select enqueue_task('way-later', scheduled_at => now() + interval '300 milliseconds')",
                        String.class));

        Answer ended = APPLICATION.awaitTask(task, "completed");

        assertThat(ended.text("/claimedAt")).isGreaterThanOrEqualTo(ended.text("/scheduledAt"));
    }

    @Test
    void a_task_enqueued_in_a_transaction_that_rolls_back_never_was() {
        String[] task = new String[1];
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> APPLICATION.as("tenant", WORKSPACE, sql -> {
                    task[0] = sql.queryForObject("select enqueue_task('way-rolled-back')", String.class);
                    throw new IllegalStateException("rolled back");
                }))
                .hasMessage("rolled back");

        assertThat(APPLICATION.call("GET", "/v1/tasks/" + task[0], null).status())
                .isEqualTo(404);
    }

    @Test
    void a_handler_enqueues_further_tasks_in_the_transaction_of_its_workspace() {
        APPLICATION.handler("way-child", "", "- log: child");
        APPLICATION.handler("way-parent", "", """
                - setBody: {constant: {expression: "7", resultType: java.lang.Integer}}
                - to: {uri: "kamelet:task-sink", parameters: {taskType: way-child, uniqueKey: "child-of-${exchangeProperty.taskId}"}}
                """);

        APPLICATION.awaitTask(APPLICATION.enqueue("way-parent", "{}"), "completed");

        await().until(() -> ended("way-child") == 1);
    }

    @Test
    void the_books_balance() {
        await().untilAsserted(() -> assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select coalesce(sum(abs(unaccounted)), 0) from postrider.accounting", Integer.class))
                .isZero());
    }

    private static int historyRows(String task) {
        return APPLICATION
                .sql()
                .queryForObject(
                        "select count(*) from postrider.task_history where task_id = ?::uuid", Integer.class, task);
    }

    private static int ended(String taskType) {
        return APPLICATION
                .sql()
                .queryForObject(
                        "select count(*) from postrider.task_history where task_type = ? and task_status = 'completed'",
                        Integer.class,
                        taskType);
    }

    private static JsonNode deadLetterOf(String task) {
        for (JsonNode item : APPLICATION
                .call("GET", "/v1/dead-letters?limit=200", null)
                .json()
                .get("items")) {
            if (item.get("taskId").asText().equals(task)) {
                return APPLICATION
                        .call(
                                "GET",
                                "/v1/dead-letters/" + item.get("deadLetterId").asText(),
                                null)
                        .json();
            }
        }
        throw new AssertionError("No dead letter of task " + task);
    }

    private static String audited(String type, String task) {
        for (JsonNode item : APPLICATION
                .call("GET", "/v1/system-events?type=" + type + "&limit=200", null)
                .json()
                .get("items")) {
            if (item.at("/payload/taskId").asText().equals(task)) {
                return item.at("/payload/reason").asText();
            }
        }
        throw new AssertionError("No audit row " + type + " of task " + task);
    }
}
