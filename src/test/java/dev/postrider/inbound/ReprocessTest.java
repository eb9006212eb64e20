package dev.postrider.inbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Answer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.camel.Processor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What came in while a secret or a route was wrong is taken in again once they are mended. */
class ReprocessTest extends InboundTest {

    private static final AtomicBoolean BROKEN = new AtomicBoolean();

    private final String key = APPLICATION.newKey(workspace);

    @BeforeAll
    static void layRoutes() {
        Processor step = exchange -> {
            if (BROKEN.get()) {
                throw new IllegalStateException("the step is broken");
            }
        };
        APPLICATION.camel().getRegistry().bind("breakable", step);
        provider("breakable");
    }

    @Test
    void webhooks_that_a_wrong_secret_refused_are_taken_in_with_the_right_one_however_old_they_are() {
        String path = source("stripe", "sync", "whsec_the_wrong_one");
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_2", "sub_1", 101, "canceled"));
        send(path, bytes("x".repeat(20_000)), Map.of());
        send(path, bytes("{}"), Map.of());
        String source = sourceId();
        assertThat(call("PATCH", "/v1/sources/" + source, "{\"secrets\": [\"" + SECRET + "\"]}")
                        .status())
                .isEqualTo(200);

        Answer dry = reprocess(source, "\"dryRun\": true");
        assertThat(dry.status()).as(dry.body()).isEqualTo(200);
        assertThat(dry.json().path("verdicts").path("rejected").asInt()).isEqualTo(4);
        assertThat(dry.json().path("skipped").toString()).isEqualTo("{\"bodyCut\":1}");
        assertThat(verdicts()).hasSize(5);

        try {
            APPLICATION.clock().ahead(Duration.ofDays(2)); // long after the signatures are too old to come in
            Answer job = reprocess(source, "\"verdicts\": [\"rejected\"]");
            assertThat(job.status()).as(job.body()).isEqualTo(202);
            assertThat(job.json().path("receipts").asInt()).isEqualTo(4);
            assertThat(job.text("/taskId")).isNotEmpty();
            await().until(() -> again().size() == 4);
        } finally {
            APPLICATION.clock().ahead(Duration.ZERO);
        }

        assertThat(again()).containsOnlyOnce("duplicate", "rejected").contains("applied");
        assertThat(mirrored("sub_1")).containsEntry("status", "canceled").containsEntry("state_version", 101L);
        JsonNode audited = call("GET", "/v1/system-events?type=receipts.reprocess", null)
                .json()
                .path("items");
        assertThat(audited).hasSize(1);
        assertThat(audited.toString()).contains(source, "\"receipts\":4", "\"actor\":\"api-key:");
        assertThat(reprocess(source, "\"dryRun\": true").json().path("skipped").toString())
                .isEqualTo("{\"bodyCut\":1,\"reprocessed\":4}");
    }

    @Test
    void a_receipt_that_was_applied_is_applied_again_and_ties_with_nothing() {
        String path = source("stripe", "sync", SECRET);
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        String receipt = receipt(0);
        database.update("update postrider.billing_events set event_data = '{}' where workspace_id = ?", workspace);

        for (int times = 1; times <= 2; times++) {
            assertThat(one(receipt).status()).isEqualTo(202);
            int done = times;
            await().until(() -> again().size() == done);
        }
        String copy = receipt(2);
        assertThat(one(copy).status()).as("of what is a repetition itself").isEqualTo(202);
        await().until(() -> again().size() == 3);

        assertThat(again()).containsOnly("applied");
        assertThat(mirrored("sub_1")).containsEntry("status", "active").containsEntry("tied", false);
        assertThat(database.queryForList(
                        "select distinct reprocess_of::text from postrider.inbound_receipts where workspace_id = ? and reprocess_of is not null",
                        String.class,
                        workspace))
                .containsExactly(receipt);
        assertThat(call("GET", "/v1/receipts/" + copy, null).text("/reprocessOf"))
                .isEqualTo(receipt);
    }

    @Test
    void an_older_state_stays_stale_and_an_event_that_another_request_brought_is_a_duplicate() {
        String path = source("stripe", null, "whsec_the_wrong_one");
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_2", "sub_1", 101, "past_due"));
        call("PATCH", "/v1/sources/" + sourceId(), "{\"secrets\": [\"" + SECRET + "\"]}");
        stripe(path, subscription("evt_2", "sub_1", 101, "past_due"));
        stripe(path, subscription("evt_3", "sub_1", 102, "canceled"));

        one(receipt(0));
        await().until(() -> again().size() == 1);
        one(receipt(1));
        await().until(() -> again().size() == 2);

        assertThat(again()).containsExactly("stale", "duplicate");
        assertThat(mirrored("sub_1")).containsEntry("status", "canceled");
    }

    @Test
    void a_route_that_fails_is_tried_again_and_then_a_dead_letter_which_a_replay_mends() {
        String path = source("breakable", null, SECRET);
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        try {
            BROKEN.set(true);
            String task = one(receipt(0)).text("/taskId");
            await().until(() -> database.queryForObject(
                            "select max(failure_count) from postrider.background_tasks where workspace_id = ?",
                            Integer.class,
                            workspace)
                    == 1);
            assertThat(APPLICATION.send(key, "GET", "/v1/tasks/" + task, null).text("/lastError"))
                    .contains("the step is broken");
            assertThat(again()).isEmpty();
        } finally {
            BROKEN.set(false);
        }
        database.update(
                "update postrider.background_tasks set scheduled_at = now(), ready = true where workspace_id = ?",
                workspace);

        await().until(() -> again().equals(List.of("applied")));
    }

    @Test
    void what_cannot_be_taken_in_again_is_refused_and_what_is_anothers_is_not_there() {
        String path = source("stripe", null, SECRET);
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        send(path, bytes("x".repeat(20_000)), Map.of());
        String source = sourceId();

        assertThat(one(receipt(1)).status()).as("a duplicate").isEqualTo(409);
        assertThat(one(receipt(2)).status()).as("a cut body").isEqualTo(409);
        assertThat(one(UUID.randomUUID().toString()).status()).isEqualTo(404);
        assertThat(call("POST", "/v1/receipts/reprocess", "{\"sourceId\": \"" + source + "\"}")
                        .status())
                .isEqualTo(400);
        assertThat(call(
                                "POST",
                                "/v1/receipts/reprocess",
                                "{\"sourceId\": \"%s\", \"from\": \"2026-01-02T00:00:00Z\", \"to\": \"2026-01-02T00:00:00Z\"}"
                                        .formatted(source))
                        .body())
                .contains("to is not later than from");
        String foreign = APPLICATION.newKey(APPLICATION.newWorkspace());
        for (String body : List.of(range(source, "\"dryRun\": true"), "{\"receiptId\": \"" + receipt(0) + "\"}")) {
            assertThat(APPLICATION
                            .send(foreign, "POST", "/v1/receipts/reprocess", body)
                            .status())
                    .isEqualTo(404);
        }
    }

    @Test
    void a_long_range_goes_on_page_by_page_and_a_page_that_is_made_twice_makes_nothing_twice() {
        source("nobody", null, SECRET);
        String source = sourceId();
        database.update("""
                insert into postrider.inbound_receipts (workspace_id, source_id, provider, verdict, headers, body)
                select ?, ?::uuid, 'nobody', case n % 2 when 0 then 'accepted' else 'duplicate' end, '{}', ''
                  from generate_series(1, 2010) n""", workspace, source);
        String job =
                "{\"sourceId\": \"%s\", \"from\": \"2020-01-01T00:00:00Z\", \"to\": \"2999-01-01T00:00:00Z\", \"jobId\": \"j\"}"
                        .formatted(source);

        // By hand, in a transaction that is rolled back: the nodes would work it off.
        List<Integer> counts = APPLICATION.rolledBack(sql -> {
            sql.query("select set_config('app.active_workspace', ?, true)", row -> {}, workspace.toString());
            Integer first = sql.queryForObject("select postrider.reprocess_page(?::jsonb)", Integer.class, job);
            sql.queryForObject("select postrider.reprocess_page(?::jsonb)", Integer.class, job);
            Integer tasks = sql.queryForObject(
                    "select count(*) from postrider.background_tasks where workspace_id = ?", Integer.class, workspace);
            String rest = sql.queryForObject(
                    "select payload::text from postrider.background_tasks where workspace_id = ? and task_type = 'reprocess-receipts'",
                    String.class,
                    workspace);
            Integer last = sql.queryForObject("select postrider.reprocess_page(?::jsonb)", Integer.class, rest);
            Integer all = sql.queryForObject(
                    "select count(*) from postrider.background_tasks where workspace_id = ?", Integer.class, workspace);
            return List.of(first, tasks, last, all);
        });

        assertThat(counts).containsExactly(1000, 1001, 5, 1006);
    }

    private Answer reprocess(String source, String more) {
        return call("POST", "/v1/receipts/reprocess", range(source, more));
    }

    private static String range(String source, String more) {
        return "{\"sourceId\": \"%s\", \"from\": \"2020-01-01T00:00:00Z\", \"to\": \"2999-01-01T00:00:00Z\", %s}"
                .formatted(source, more);
    }

    private Answer one(String receipt) {
        return call("POST", "/v1/receipts/reprocess", "{\"receiptId\": \"" + receipt + "\"}");
    }

    private Answer call(String method, String path, String body) {
        return APPLICATION.send(key, method, path, body);
    }

    private String sourceId() {
        return database.queryForObject(
                "select source_id::text from postrider.webhook_sources where workspace_id = ?",
                String.class,
                workspace);
    }

    /** The id of the n-th receipt. */
    private String receipt(int n) {
        return database.queryForObject(
                "select receipt_id::text from postrider.inbound_receipts where workspace_id = ?"
                        + " order by received_at, receipt_id offset ? limit 1",
                String.class,
                workspace,
                n);
    }

    /** The verdicts of what was taken in again, in their order. */
    private List<String> again() {
        return database.queryForList(
                "select verdict from postrider.inbound_receipts where workspace_id = ? and reprocess_of is not null"
                        + " order by received_at, receipt_id",
                String.class,
                workspace);
    }
}
