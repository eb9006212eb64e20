package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.StreamSupport;
import org.apache.camel.Processor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Dead letters of a running application: replayed by the API, by filter and as a job; and the route that hears of them. */
class ReplaysTest {

    /** Of its own: it changes the route dead-letter, and loses connections. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final String DIES = "replays-die";

    private final UUID workspace = APPLICATION.newWorkspace();
    private final String key = APPLICATION.newKey(workspace);

    @BeforeAll
    static void aHandler() {
        APPLICATION.handlerWhoseTasksDie(DIES);
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void a_replay_is_counted_first_then_made_and_shows_how_far_it_has_come() {
        List<String> letters = dead(3);

        Answer dry = post("{\"filter\": {\"taskType\": \"%s\"}, \"dryRun\": true}".formatted(DIES));
        assertThat(dry.status()).isEqualTo(200);
        assertThat(dry.json().path("matched").asInt()).isEqualTo(3);
        assertThat(texts(dry.json().path("sample"))).containsExactlyInAnyOrderElementsOf(letters);
        assertThat(call("GET", "/v1/replays", null).json().path("items")).isEmpty();

        Answer made = post("{\"filter\": {\"deadLetterIds\": [\"%s\"]}, \"ratePerSecond\": 2.5, \"reason\": \"mended\"}"
                .formatted(letters.get(0)));
        assertThat(made.status()).isEqualTo(202);
        String replay = made.text("/replayId");
        assertThat(awaitStatus(replay, "completed").json().path("done").asInt()).isOne();
        assertThat(call("GET", "/v1/replays?status=completed", null).text("/items/0/replayId"))
                .isEqualTo(replay);
        // It has died again since, after the replay was made: a new dead letter, which this replay leaves alone.
        await().until(() -> letters().size() == 3 && !letters().contains(letters.get(0)));
        JsonNode event = call("GET", "/v1/system-events?type=dead-letter.replayed", null)
                .json()
                .at("/items/0");
        assertThat(event.at("/payload/reason").asText()).isEqualTo("mended");
        assertThat(event.at("/payload/replayId").asText()).isEqualTo(replay);
        assertThat(event.path("actor").asText()).startsWith("api-key:");
    }

    @Test
    void a_repeated_request_makes_no_second_replay() {
        String body = "{\"filter\": {\"all\": true}}";
        Answer first = APPLICATION.send(key, "POST", "/v1/replays", body, "Idempotency-Key", "once");
        Answer again = APPLICATION.send(key, "POST", "/v1/replays", body, "Idempotency-Key", "once");

        assertThat(List.of(first.status(), again.status())).containsOnly(202);
        assertThat(again.text("/replayId")).isEqualTo(first.text("/replayId"));
        assertThat(call("GET", "/v1/replays", null).json().path("items")).hasSize(1);
    }

    @Test
    void a_replay_is_paused_resumed_and_cancelled_by_its_workspace_and_by_no_other() {
        dead(2);
        String replay =
                post("{\"filter\": {\"all\": true}, \"ratePerSecond\": 0.001}").text("/replayId");
        String path = "/v1/replays/" + replay;
        await().until(() -> call("GET", path, null).json().path("done").asInt() == 1);

        String stranger = APPLICATION.newKey(APPLICATION.newWorkspace());
        assertThat(APPLICATION.send(stranger, "GET", path, null).status()).isEqualTo(404);
        assertThat(APPLICATION
                        .send(stranger, "PATCH", path, "{\"status\": \"paused\"}")
                        .status())
                .isEqualTo(404);
        assertThat(APPLICATION.send(stranger, "DELETE", path, null).status()).isEqualTo(404);

        assertThat(call("PATCH", path, "{\"status\": \"paused\"}").text("/status"))
                .isEqualTo("paused");
        assertThat(call("PATCH", path, "{\"status\": \"running\", \"reason\": \"go on\"}")
                        .text("/status"))
                .isEqualTo("running");
        assertThat(call("DELETE", path, null).status()).isEqualTo(204);
        assertThat(call("GET", path, null).text("/status")).isEqualTo("cancelled");
        Answer late = call("PATCH", path, "{\"status\": \"running\"}");
        assertThat(late.status()).isEqualTo(409);
        assertThat(late.text("/detail")).contains("is cancelled already");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {}                                                            | filter               | missing
            {"filter": {}}                                                | filter               | {"all": true}
            {"filter": {"all": false}}                                    | filter.all           | constant
            {"filter": {"all": true, "kind": "task"}}                     | filter.all           | nothing stands beside it
            {"filter": {"type": "x"}}                                     | filter.type          | not known
            {"filter": {"kind": "letter"}}                                | filter.kind          | enumeration
            {"filter": {"deadLetterIds": ["x"]}}                          | filter.deadLetterIds | uuid
            {"filter": {"deadFrom": "yesterday"}}                         | filter.deadFrom      | date-time
            {"filter": {"deadFrom": "2026-02-01T00:00:00Z", "deadTo": "2026-01-01T00:00:00Z"}} | filter.deadTo | not later
            {"filter": {"all": true}, "ratePerSecond": -1}                | ratePerSecond        | 0
            {"filter": {"all": true}, "ratePerSecond": 0}                 | ratePerSecond        | 0
            {"filter": {"all": true}, "reason": ""}                       | reason               | 1 char
            {"filter": {"all": true}, "reason": " "}                      | reason               | pattern
            {"filter": {"all": true}, "action": "discard"}                | action               | not known
            """)
    void a_request_that_makes_no_sense_is_refused_with_field_and_reason(String body, String field, String reason) {
        Answer answer = post(body);

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.text("/errors/0/field")).startsWith(field);
        assertThat(answer.text("/detail")).contains(reason);
        assertThat(call("GET", "/v1/replays", null).json().path("items")).isEmpty();
    }

    @Test
    void the_list_of_dead_letters_knows_errors_and_endpoints() {
        dead(1);
        assertThat(items("/v1/dead-letters?errorContains=die")).hasSize(1);
        assertThat(items("/v1/dead-letters?errorContains=d%25e")).isEmpty();
        assertThat(items("/v1/dead-letters?endpointId=" + UUID.randomUUID())).isEmpty();
    }

    @Test
    void a_teams_own_route_dead_letter_hears_of_each() {
        ConcurrentLinkedQueue<Map<?, ?>> heard = new ConcurrentLinkedQueue<>();
        APPLICATION.camel().getRegistry().bind("hearing", (Processor) exchange -> {
            if (workspace.toString().equals(exchange.getProperty("workspaceId", String.class))) {
                heard.add(exchange.getMessage().getBody(Map.class));
            }
        });
        APPLICATION.putRoute("tasks/dead-letter.camel.yaml", """
                - route:
                    id: dead-letter
                    description: A team's own.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: dead-letter}
                      steps:
                        - process: {ref: hearing}
                """);
        await().until(() -> APPLICATION.camel().getRoutes().stream()
                .anyMatch(route -> "A team's own.".equals(route.getDescription())));
        try {
            String letter = dead(1).get(0);

            await().until(() -> !heard.isEmpty());
            assertThat(heard.peek().get("deadLetterId")).isEqualTo(letter);
            assertThat(heard.peek().get("taskType")).isEqualTo(DIES);
            assertThat(heard.peek().get("kind")).isEqualTo("task");
            assertThat(heard.peek().get("reason")).isEqualTo("failed 1 times");
            assertThat((String) heard.peek().get("lastError")).contains("dies");
            assertThat(heard.peek().get("attempts")).isEqualTo(1);
        } finally {
            APPLICATION.removeRoute("tasks/dead-letter.camel.yaml");
        }
    }

    @Test
    void twenty_thousand_are_replayed_once_each_by_nodes_that_lose_their_connections_and_one_that_stops() {
        String type = "replays-nobody";
        APPLICATION.sql().update("""
                with made as (select postrider.new_id() as id from generate_series(1, 20000))
                , logged as (insert into postrider.accepted_log (workspace_id, kind, task_ids) select ?, 'task', array_agg(id) from made)
                insert into postrider.dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                                    failure_count, created_at, reason, payload, last_error, attempts)
                select ?, id, 'task', 'dead-letter', 0, 1, 1, now(), 'failed 1 times', '{}', 'boom', '[]' from made""", workspace, workspace);
        APPLICATION
                .sql()
                .update("update postrider.dead_letters set task_type = ? where workspace_id = ?", type, workspace);
        String path;
        try (RunningApplication second = RunningApplication.on(APPLICATION.database())) {
            path = "/v1/replays/"
                    + second.send(
                                    key,
                                    "POST",
                                    "/v1/replays",
                                    "{\"filter\": {\"taskType\": \"%s\"}, \"reason\": \"many\"}".formatted(type))
                            .text("/replayId");
            for (int lost = 0; lost < 3; lost++) {
                int before = done(path);
                await().until(() -> done(path) > before);
                APPLICATION
                        .sql()
                        .queryForList(
                                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postrider_dispatcher_login'");
            }
            assertThat(done(path)).isLessThan(20_000);
        }
        await().atMost(Duration.ofMinutes(2))
                .until(() -> call("GET", path, null).text("/status").equals("completed"));

        assertThat(done(path)).isEqualTo(20_000);
        assertThat(count("select count(*) from postrider.background_tasks where workspace_id = ? and task_type = '%s'"
                        .formatted(type)))
                .isEqualTo(20_000);
        assertThat(
                        count(
                                "select count(distinct payload ->> 'deadLetterId') from postrider.system_events where workspace_id = ? and event_type = 'dead-letter.replayed'"))
                .isEqualTo(20_000);
        assertThat(
                        count(
                                "select count(*) from postrider.system_events where workspace_id = ? and event_type = 'dead-letter.replayed'"))
                .isEqualTo(20_000);
        assertThat(count("select coalesce(sum(abs(unaccounted)), 0) from postrider.accounting where workspace_id = ?"))
                .isZero();
    }

    /** Lets tasks die; returns all dead letters of the workspace. */
    private List<String> dead(int tasks) {
        for (int i = 0; i < tasks; i++) {
            call("POST", "/v1/tasks", "{\"taskType\": \"%s\"}".formatted(DIES));
        }
        await().until(() -> letters().size() == tasks);
        return letters();
    }

    private List<String> letters() {
        return StreamSupport.stream(items("/v1/dead-letters").spliterator(), false)
                .map(item -> item.path("deadLetterId").asText())
                .toList();
    }

    private Answer awaitStatus(String replay, String status) {
        await().until(() ->
                call("GET", "/v1/replays/" + replay, null).text("/status").equals(status));
        return call("GET", "/v1/replays/" + replay, null);
    }

    private JsonNode items(String path) {
        return call("GET", path, null).json().path("items");
    }

    private int done(String path) {
        return call("GET", path, null).json().path("done").asInt();
    }

    private Answer post(String body) {
        return call("POST", "/v1/replays", body);
    }

    private Answer call(String method, String path, String body) {
        return APPLICATION.send(key, method, path, body);
    }

    private int count(String query) {
        return APPLICATION.sql().queryForObject(query, Integer.class, workspace);
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }
}
