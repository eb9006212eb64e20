package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.tenancy.WorkspaceTransactionPolicy;
import dev.postrider.testkit.RunningApplication;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A workspace exports its events into its files: all of the range, once, whatever fails on the way. */
class ExportTest {

    /** Of its own: it loses connections. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The events are of an hour that has passed, in yesterday's partition or today's. */
    private static final String FROM = "2 hours";

    private final UUID workspace = APPLICATION.newWorkspace();
    private final String key = APPLICATION.newKey(workspace);

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void all_events_of_the_range_and_no_others_come_in_order_in_parts_whose_sums_the_manifest_has() throws Exception {
        events(workspace, 25_000, "{}");
        events(APPLICATION.newWorkspace(), 100, "{\"anothers\": true}");
        events(workspace, 10, "{\"tooOld\": true}", "3 hours");

        String task = export("");
        awaitCompleted(task);

        Map<String, String> files = files(task);
        assertThat(files.keySet())
                .containsExactly(
                        name(task, "0001.ndjson"),
                        name(task, "0002.ndjson"),
                        name(task, "0003.ndjson"),
                        name(task, "manifest.json"));
        JsonNode manifest = JSON.readTree(files.get(name(task, "manifest.json")));
        assertThat(manifest.path("complete").asBoolean()).isTrue();
        assertThat(manifest.path("events").asInt()).isEqualTo(25_000);
        List<String> ids = new ArrayList<>();
        for (JsonNode part : manifest.path("parts")) {
            String content = files.get(part.path("name").asText());
            assertThat(sha256(content)).isEqualTo(part.path("sha256").asText());
            assertThat(content.getBytes(StandardCharsets.UTF_8))
                    .hasSize(part.path("bytes").asInt());
            assertThat(content.lines()).hasSize(part.path("events").asInt());
            assertThat(part.path("events").asInt()).isLessThanOrEqualTo(10_000);
            for (String line : content.lines().toList()) {
                ids.add(JSON.readTree(line).path("eventId").asText());
            }
        }
        assertThat(ids).isEqualTo(APPLICATION.sql().queryForList("""
                select event_id::text from postrider.system_events
                 where workspace_id = ? and occurred_at >= now() - interval '2 hours' and occurred_at < now() - interval '1 hour'
                 order by event_id""", String.class, workspace));
        assertThat(
                        JSON
                                .readTree(files.get(name(task, "0001.ndjson"))
                                        .lines()
                                        .findFirst()
                                        .orElseThrow())
                                .properties()
                                .stream()
                                .map(Map.Entry::getKey))
                .containsExactlyInAnyOrder("eventId", "occurredAt", "category", "type", "actor", "payload");
    }

    @Test
    void a_part_holds_at_most_eight_mebibytes_unless_one_event_is_larger() {
        String large = "jsonb_build_object('words', repeat('x', 1500000))";
        APPLICATION.sql().update("""
                insert into postrider.system_events (workspace_id, event_id, occurred_at, event_type, payload)
                select ?, (left(postrider.id_floor(at)::text, 19) || right(gen_random_uuid()::text, 17))::uuid, at, 'x', %s
                  from (select now() - interval '110 minutes' + n * interval '1 s' as at from generate_series(1, 12) n) moments""".formatted(large), workspace);
        String task = export("");
        awaitCompleted(task);

        Map<String, String> files = files(task);
        assertThat(files).hasSize(4);
        files.forEach((name, content) -> assertThat(content.length()).as(name).isLessThanOrEqualTo(8 * 1024 * 1024));
    }

    @ParameterizedTest
    @CsvSource({"event, 20", "audit, 10", "both, 30"})
    void the_category_chooses(String category, int events) throws Exception {
        events(workspace, 10, "{}");
        events(workspace, 20, "{}");
        APPLICATION.sql().update("""
                update postrider.system_events set category = 'event' where event_id in (
                    select event_id from postrider.system_events where workspace_id = ? and event_type = 'x' limit 20)""", workspace);

        String task = export(", \"category\": \"%s\"".formatted(category));
        awaitCompleted(task);

        assertThat(JSON.readTree(files(task).get(name(task, "manifest.json")))
                        .path("events")
                        .asInt())
                .isEqualTo(events);
    }

    @Test
    void an_empty_range_makes_a_manifest_that_says_so() throws Exception {
        String task = export("");
        awaitCompleted(task);

        Map<String, String> files = files(task);
        assertThat(files.keySet()).containsExactly(name(task, "manifest.json"));
        assertThat(JSON.readTree(files.get(name(task, "manifest.json"))).path("parts"))
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {}                                                                          | from is missing
            {"from": "2026-01-01T00:00:00Z"}                                            | to is missing
            {"to": "2026-01-01T00:00:00Z", "from": null}                                | from is missing
            {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}              | to is not later than from
            {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}              | to is not later than from
            {"from": "yesterdayish", "to": "2026-01-01T00:00:00Z"}                      | from is no time
            {"from": "-infinity", "to": "2026-01-01T00:00:00Z"}                         | from is no time
            {"from": "2026-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z"}              | to is in the future
            {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "category": "all"} | category is "event", "audit", or "both"
            """)
    void a_payload_that_makes_no_sense_is_discarded_with_the_reason(String payload, String reason) {
        String task = enqueue(payload);
        await().until(() -> status(task).equals("discarded"));

        assertThat(APPLICATION.send(key, "GET", "/v1/tasks/" + task, null).text("/reason"))
                .contains(reason);
        assertThat(files(task)).isEmpty();
    }

    @Test
    void a_repetition_goes_on_with_the_next_missing_part_and_one_after_the_end_changes_nothing() {
        events(workspace, 25_000, "{}");
        String range = range("");
        String task = APPLICATION
                .send(
                        key,
                        "POST",
                        "/v1/tasks",
                        "{\"taskType\": \"events-export\", \"payload\": %s, \"scheduledAt\": \"2999-01-01T00:00:00Z\"}"
                                .formatted(range))
                .text("/taskId");
        part(task, range); // and then the node died
        Map<String, Object> first = row(name(task, "0001.ndjson"));
        assertThat(row(name(task, "manifest.json")).get("content").toString()).contains("\"complete\": false");

        APPLICATION
                .sql()
                .update("update postrider.background_tasks set scheduled_at = now() where task_id = ?::uuid", task);
        awaitCompleted(task);

        assertThat(files(task)).hasSize(4);
        assertThat(row(name(task, "0001.ndjson"))).isEqualTo(first);
        List<Map<String, Object>> all = rows(task);
        part(task, range);
        assertThat(rows(task)).isEqualTo(all);
    }

    @Test
    void an_export_that_loses_its_connection_again_and_again_is_complete_all_the_same() throws Exception {
        events(workspace, 60_000, "{}");
        String task = export("");
        for (int lost = 0; lost < 3; lost++) {
            int before = rows(task).size();
            await().until(() -> rows(task).size() > before || ended(task));
            APPLICATION
                    .sql()
                    .queryForList(
                            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postrider_tenant_login' and datname = current_database()");
        }
        awaitCompleted(task);

        Map<String, String> files = files(task);
        assertThat(JSON.readTree(files.get(name(task, "manifest.json")))
                        .path("events")
                        .asInt())
                .isEqualTo(60_000);
        assertThat(files.entrySet().stream()
                        .filter(file -> file.getKey().endsWith("ndjson"))
                        .flatMap(file -> file.getValue().lines())
                        .distinct())
                .hasSize(60_000);
    }

    private static void part(String task, String range) {
        Exchange done = APPLICATION.camel().createProducerTemplate().send("direct:events-export.part", exchange -> {
            UUID workspace = APPLICATION
                    .sql()
                    .queryForObject(
                            "select workspace_id from postrider.tasks where task_id = ?::uuid", UUID.class, task);
            exchange.setProperty(WorkspaceTransactionPolicy.WORKSPACE, workspace);
            exchange.setProperty("taskId", task);
            exchange.setProperty("exportWanted", range);
        });
        assertThat(done.getException()).isNull();
    }

    private static void events(UUID workspace, int number, String payload) {
        events(workspace, number, payload, FROM);
    }

    /** Spread over less than an hour; their ids tell the time, as those of real events. */
    private static void events(UUID workspace, int number, String payload, String ago) {
        APPLICATION.sql().update("""
                insert into postrider.system_events (workspace_id, event_id, occurred_at, event_type, actor, payload)
                select ?, (left(postrider.id_floor(at)::text, 19) || right(gen_random_uuid()::text, 17))::uuid, at, 'x', 'somebody', ?::jsonb
                  from (select now() - ?::interval + interval '5 minutes' + n * interval '50 minutes' / ? as at from generate_series(1, ?) n) moments""", workspace, payload, ago, number, number);
    }

    private String export(String more) {
        return enqueue(range(more));
    }

    private static String range(String more) {
        return APPLICATION.sql().queryForObject("""
                select format('{"from": "%s", "to": "%s"%s}', postrider.utc(now() - interval '2 hours'), postrider.utc(now() - interval '1 hour'), ?::text)""", String.class, more);
    }

    private String enqueue(String payload) {
        return APPLICATION
                .send(key, "POST", "/v1/tasks", "{\"taskType\": \"events-export\", \"payload\": %s}".formatted(payload))
                .text("/taskId");
    }

    private static void awaitCompleted(String task) {
        await().until(() -> ended(task));
        assertThat(status(task)).isEqualTo("completed");
    }

    /** What failed is tried again at once. */
    private static boolean ended(String task) {
        APPLICATION
                .sql()
                .update(
                        "update postrider.background_tasks set scheduled_at = now() where task_id = ?::uuid and task_status = 'queued' and scheduled_at > now()",
                        task);
        return !List.of("queued", "processing").contains(status(task));
    }

    private static String status(String task) {
        return APPLICATION
                .sql()
                .queryForObject("select status from postrider.tasks where task_id = ?::uuid", String.class, task);
    }

    /** As the workspace downloads them: contents by name, in the order of the names. */
    private Map<String, String> files(String task) {
        Map<String, String> files = new TreeMap<>();
        APPLICATION
                .send(key, "GET", "/v1/assets?prefix=events-export-" + task, null)
                .json()
                .path("items")
                .forEach(file -> files.put(
                        file.path("name").asText(),
                        APPLICATION
                                .send(
                                        key,
                                        "GET",
                                        "/v1/assets/" + file.path("assetId").asText(),
                                        null)
                                .body()));
        return files;
    }

    private Map<String, Object> row(String name) {
        return APPLICATION
                .sql()
                .queryForMap(
                        "select asset_id, inserted_at, convert_from(content, 'UTF8') as content from postrider.workspace_assets where workspace_id = ? and name = ?",
                        workspace,
                        name);
    }

    private List<Map<String, Object>> rows(String task) {
        return APPLICATION
                .sql()
                .queryForList(
                        "select asset_id, name, inserted_at, md5(content) from postrider.workspace_assets where workspace_id = ? and name like ? order by name",
                        workspace,
                        "events-export-" + task + "%");
    }

    private static String name(String task, String end) {
        return "events-export-%s-%s".formatted(task, end);
    }

    private static String sha256(String content) throws Exception {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8)));
    }
}
