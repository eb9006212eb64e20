package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a replay of many dead letters does in its steps, made by hand in a database where nobody works. */
class ReplayStepsTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final String NO_WORKSPACE = "00000000-0000-0000-0000-000000000000";

    private final UUID mine = DATABASE.newWorkspace();
    private final UUID other = DATABASE.newWorkspace();

    @AfterEach
    void theBooksBalanceAndNothingIsLeftToDo() {
        assertThat(count("select postrider.unaccounted()")).isZero();
        DATABASE.sql().update("update postrider.replays set replay_status = 'cancelled' where ended_at is null");
    }

    @Test
    void all_tasks_wait_again_with_their_ids_attempts_and_limit_and_without_failures() {
        die(mine, 3, "call");
        List<UUID> tasks = dead(mine);
        DATABASE.sql()
                .update(
                        "update postrider.dead_letters set limit_key = 'shop', ordering_key = 'o', attempts = '[{\"attempt\": 1}]' where workspace_id = ?",
                        mine);

        String replay = start(mine, "{\"all\": true}", null);
        steps();

        assertThat(DATABASE.sql().queryForList("""
                                select task_id from postrider.background_tasks
                                 where workspace_id = ? and task_type = 'call' and task_status = 'queued' and failure_count = 0
                                   and attempt_count = 4 and limit_key = 'shop' and replayed_at is not null and jsonb_array_length(attempts) = 1
                                 order by ordering_seq""", UUID.class, mine)).isEqualTo(tasks);
        assertThat(state(replay)).isEqualTo("completed 3 of 3, skipped 0");
        assertThat(audited(mine, "dead-letter.replayed", replay)).isEqualTo(3);
        assertThat(audited(mine, "replay.started", replay)).isOne();
        assertThat(audited(mine, "replay.completed", replay)).isOne();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {"all": true}                                        | 6
            {"taskType": "call"}                                 | 4
            {"taskType": "mail", "kind": "task"}                 | 2
            {"kind": "delivery"}                                 | 0
            {"errorContains": "100%"}                            | 2
            {"errorContains": "1.0%"}                            | 0
            {"deadFrom": "2020-01-01T00:00:00Z"}                 | 6
            {"deadTo": "2020-01-01T00:00:00Z"}                   | 0
            {"deadLetterIds": ["%s", "%s"]}                      | 1
            {"endpointId": "00000000-0000-7000-8000-000000000001"} | 0
            """)
    void a_filter_means_the_dead_letters_for_which_all_of_it_holds(String filter, int matched) {
        die(mine, 4, "call");
        die(mine, 2, "mail");
        die(other, 5, "call");
        DATABASE.sql()
                .update(
                        "update postrider.dead_letters set last_error = 'disk 100% full' where workspace_id = ? and task_type = 'mail'",
                        mine);
        String mineAndOthers = filter.contains("%s") ? filter.formatted(letter(mine), letter(other)) : filter;

        JsonNode dry = json(DATABASE.as(
                "tenant",
                mine,
                sql -> sql.queryForObject(
                        "select start_replay(?::jsonb, dry_run => true)", String.class, mineAndOthers)));
        String replay = start(mine, mineAndOthers, null);
        steps();

        assertThat(dry.path("matched").asInt()).isEqualTo(matched);
        assertThat(dry.path("sample")).hasSize(matched);
        assertThat(state(replay)).isEqualTo("completed %1$d of %1$d, skipped 0".formatted(matched));
        assertThat(dead(mine)).hasSize(6 - matched);
        assertThat(dead(other)).hasSize(5);
    }

    @Test
    void a_filter_means_the_deliveries_of_an_endpoint() {
        die(mine, 2, "delivery");
        DATABASE.sql().update("""
                with first as (select min(dead_letter_id::text) as letter from postrider.dead_letters where workspace_id = ?)
                , logged as (update postrider.accepted_log set kind = 'delivery' where workspace_id = ? and kind = 'task'
                                and task_ids @> array (select task_id from postrider.dead_letters where workspace_id = ? limit 1))
                update postrider.dead_letters
                   set kind = 'delivery', payload = jsonb_build_object('endpointId', case when dead_letter_id::text = letter
                       then '00000000-0000-7000-8000-00000000000a' else '00000000-0000-7000-8000-00000000000b' end)
                  from first where workspace_id = ?""", mine, mine, mine, mine);

        String replay = start(mine, "{\"endpointId\": \"00000000-0000-7000-8000-00000000000A\"}", null);
        steps();

        assertThat(state(replay)).isEqualTo("completed 1 of 1, skipped 0");
        assertThat(dead(mine)).hasSize(1);
    }

    @Test
    void a_dry_run_changes_nothing() {
        die(mine, 3, "call");
        String before = everythingOf(mine);

        DATABASE.as(
                "tenant",
                mine,
                sql -> sql.queryForList("select start_replay('{\"all\": true}', dry_run => true)", String.class));
        steps();

        assertThat(everythingOf(mine)).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {}                                       |     | why | filter is empty; say which dead letters, or {"all": true} for all of them
            []                                       |     | why | filter is empty
            {"taskType": null}                       |     | why | filter.taskType is empty
            {"errorContains": ""}                    |     | why | filter.errorContains is empty
            {"type": "call"}                         |     | why | filter.type is not known
            {"all": true, "taskType": "call"}        |     | why | filter.all means all dead letters
            {"all": false}                           |     | why | filter.all means all dead letters
            {"deadFrom": "2026-02-01", "deadTo": "2026-01-01"} | | why | filter.deadTo is not later than filter.deadFrom
            {"all": true}                            | -1  | why | ratePerSecond has to be more than 0
            {"all": true}                            | NaN | why | ratePerSecond has to be more than 0
            {"all": true}                            |     | ~ ~ | reason is empty
            """)
    void what_makes_no_sense_is_refused_with_the_field(String filter, Double rate, String reason, String answer) {
        assertThatThrownBy(() -> DATABASE.as(
                        "tenant",
                        mine,
                        sql -> sql.queryForList(
                                "select start_replay(?::jsonb, ?, ?)", String.class, filter, rate, reason)))
                .rootCause()
                .hasMessageContaining(answer);
    }

    @Test
    void a_rate_lets_pass_one_seconds_worth_in_a_step_and_makes_up_for_no_more_after_a_rest() {
        die(mine, 20, "call");

        String seven = start(mine, "{\"all\": true}", 7.0);
        step();
        assertThat(state(seven)).isEqualTo("running 7 of 20, skipped 0");
        change(mine, seven, "cancelled");

        String slow = start(mine, "{\"all\": true}", 0.01);
        assertThat(step()).isEqualTo(1000);
        assertThat(step()).isEqualTo(1000);
        assertThat(state(slow)).isEqualTo("running 1 of 13, skipped 0");
        DATABASE.sql().update("update postrider.replays set due_at = now() - interval '1 hour' where due_at > now()");
        step();
        step();
        assertThat(state(slow)).isEqualTo("running 2 of 13, skipped 0");
    }

    @Test
    void a_paused_replay_rests_goes_on_when_it_is_resumed_and_ends_when_it_is_cancelled() {
        die(mine, 10, "call");
        String replay = start(mine, "{\"all\": true}", 2.0);
        step();

        change(mine, replay, "paused");
        assertThat(steps()).isZero();
        assertThat(state(replay)).isEqualTo("paused 2 of 10, skipped 0");

        change(mine, replay, "running");
        DATABASE.sql().update("update postrider.replays set due_at = now() where replay_id = ?::uuid", replay);
        step();
        assertThat(state(replay)).isEqualTo("running 4 of 10, skipped 0");

        change(mine, replay, "cancelled");
        change(mine, replay, "cancelled");
        assertThat(steps()).isZero();
        assertThat(state(replay)).isEqualTo("cancelled 4 of 10, skipped 0");
        assertThat(dead(mine)).hasSize(6);
        assertThatThrownBy(() -> change(mine, replay, "running"))
                .rootCause()
                .hasMessageContaining("is cancelled already");
        for (String type : List.of("replay.paused", "replay.resumed", "replay.cancelled")) {
            assertThat(audited(mine, type, replay)).as(type).isOne();
        }
    }

    @Test
    void a_task_whose_unique_key_another_one_has_stays_a_dead_letter_and_the_audit_trail_says_why() {
        die(mine, 3, "call");
        DATABASE.sql().update("update postrider.dead_letters set unique_key = 'k' where workspace_id = ?", mine);
        String replay = start(mine, "{\"all\": true}", null);
        steps();

        // The first of them takes the key, and the others find it taken.
        assertThat(state(replay)).isEqualTo("completed 1 of 3, skipped 2");
        assertThat(dead(mine)).hasSize(2);
        assertThat(audited(mine, "dead-letter.skipped", replay)).isEqualTo(2);
        assertThat(audited(mine, "dead-letter.replayed", replay)).isOne();
    }

    @Test
    void a_task_that_dies_after_the_replay_was_made_is_left_alone() {
        die(mine, 2, "call");
        String replay = start(mine, "{\"all\": true}", null);
        die(mine, 1, "call");
        steps();

        assertThat(state(replay)).isEqualTo("completed 2 of 2, skipped 0");
        assertThat(dead(mine)).hasSize(1);
    }

    @Test
    void a_node_that_dies_in_a_step_has_done_nothing_and_another_goes_on_where_the_last_whole_step_ended()
            throws Exception {
        die(mine, 1_200, "call");
        String replay = start(mine, "{\"all\": true}", null);
        step();
        try (Connection node = superuser();
                Statement statement = node.createStatement()) {
            node.setAutoCommit(false);
            statement.execute("select postrider.step_replays()");
            assertThat(state(replay)).isEqualTo("running 500 of 1200, skipped 0");
            assertThat(step()).as("meanwhile nobody else steps").isEqualTo(100);

            DATABASE.sql()
                    .execute("select pg_terminate_backend(%d)"
                            .formatted(node.unwrap(org.postgresql.PGConnection.class)
                                    .getBackendPID()));
            assertThatThrownBy(() -> {
                        statement.execute("select 1");
                        node.commit();
                    })
                    .isInstanceOf(SQLException.class);
        }
        steps();

        assertThat(state(replay)).isEqualTo("completed 1200 of 1200, skipped 0");
        assertThat(waiting(mine)).isEqualTo(1_200);
        assertThat(audited(mine, "dead-letter.replayed", replay)).isEqualTo(1_200);
    }

    @Test
    void two_nodes_two_replays_and_people_who_replay_and_discard_do_each_dead_letter_once() throws Exception {
        die(mine, 3_000, "call");
        List<UUID> some = DATABASE.sql()
                .queryForList(
                        "select dead_letter_id from postrider.dead_letters where workspace_id = ? order by random() limit 200",
                        UUID.class,
                        mine);
        String first = start(mine, "{\"all\": true}", null);
        String second = start(mine, "{\"taskType\": \"call\"}", null);

        CompletableFuture<?>[] nodes = Stream.generate(() -> CompletableFuture.runAsync(ReplayStepsTest::steps))
                .limit(2)
                .toArray(CompletableFuture[]::new);
        int byHand = 0;
        int discarded = 0;
        for (UUID letter : some) {
            boolean discards = letter.hashCode() % 2 == 0;
            try {
                DATABASE.as(
                        "tenant",
                        mine,
                        sql -> sql.queryForList(
                                "select %s_dead_letter(?, 'by hand')::text".formatted(discards ? "discard" : "replay"),
                                String.class,
                                letter));
                byHand++;
                discarded += discards ? 1 : 0;
            } catch (RuntimeException gone) {
                assertThat(gone).rootCause().hasMessageContaining("does not exist");
            }
        }
        CompletableFuture.allOf(nodes).get();
        steps();

        assertThat(dead(mine)).isEmpty();
        assertThat(waiting(mine)).isEqualTo(3_000 - discarded);
        assertThat(count(
                        "select sum(done) from postrider.replays where workspace_id = '%s' and replay_id in ('%s', '%s')"
                                .formatted(mine, first, second)))
                .isEqualTo(3_000 - byHand);
    }

    @Test
    void a_replay_belongs_to_its_workspace() {
        die(mine, 2, "call");
        die(other, 2, "call");
        String replay = start(mine, "{\"all\": true}", 0.001);

        assertThat(change(other, replay, "cancelled")).isNull();
        start(other, "{\"deadLetterIds\": [\"%s\"]}".formatted(letter(mine)), null);
        steps();

        assertThat(state(replay)).isEqualTo("running 1 of 2, skipped 0");
        assertThat(dead(other)).hasSize(2);
        assertThat(DATABASE.<Integer>as(
                        "tenant",
                        other,
                        sql -> sql.queryForObject("select count(*) from replays where matched > 0", Integer.class)))
                .isZero();
        assertThatThrownBy(() -> start(UUID.fromString(NO_WORKSPACE), "{\"all\": true}", null))
                .rootCause()
                .hasMessageContaining("does not exist");
    }

    @Test
    void an_operator_replays_and_discards_in_all_workspaces_or_in_one_but_not_in_closed_ones() {
        UUID closed = DATABASE.newWorkspace();
        for (UUID workspace : List.of(mine, other, closed)) {
            die(workspace, 3, "everywhere-" + mine);
        }
        DATABASE.sql().queryForList("select postrider.change_workspace(?, 'suspended', 'a test')::text", closed);
        String type = "\"taskType\": \"everywhere-%s\"".formatted(mine);

        JsonNode discarded = anywhere("discard", "{\"workspaceId\": \"%s\", %s}".formatted(other, type));
        steps();
        assertThat(dead(other)).isEmpty();
        assertThat(dead(mine)).hasSize(3);
        assertThat(count("select count(*) from postrider.task_history where workspace_id = '%s' and reason = 'why'"
                        .formatted(other)))
                .isEqualTo(3);
        assertThat(audited(
                        other,
                        "dead-letter.discarded",
                        discarded.path("replayId").asText()))
                .isEqualTo(3);

        JsonNode replayed = anywhere("replay", "{%s}".formatted(type));
        steps();
        assertThat(replayed.path("matched").asInt()).isEqualTo(3);
        assertThat(dead(mine)).isEmpty();
        assertThat(dead(closed)).hasSize(3);
        String id = replayed.path("replayId").asText();
        assertThat(audited(mine, "dead-letter.replayed", id)).isEqualTo(3);
        assertThat(audited(UUID.fromString(NO_WORKSPACE), "replay.completed", id))
                .isOne();
    }

    @Test
    void a_replay_of_a_suspended_workspace_waits_until_it_is_active_again() {
        die(mine, 2, "call");
        String replay = start(mine, "{\"all\": true}", null);
        DATABASE.sql().queryForList("select postrider.change_workspace(?, 'suspended', 'a test')::text", mine);
        assertThat(steps()).isZero();
        assertThat(state(replay)).isEqualTo("running 0 of 2, skipped 0");

        DATABASE.sql().queryForList("select postrider.change_workspace(?, 'active', 'a test')::text", mine);
        steps();
        assertThat(state(replay)).isEqualTo("completed 2 of 2, skipped 0");
    }

    @Test
    void a_step_that_fails_is_put_off_and_says_why_and_the_other_replays_go_on() {
        die(mine, 2, "call");
        die(other, 2, "call");
        DATABASE.sql().update("update postrider.dead_letters set priority_rank = 1000 where workspace_id = ?", mine);
        String bad = start(mine, "{\"all\": true}", null);
        String good = start(other, "{\"all\": true}", null);
        step();
        step();

        assertThat(state(good)).isEqualTo("completed 2 of 2, skipped 0");
        assertThat(state(bad)).isEqualTo("running 0 of 2, skipped 0");
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select last_error from postrider.replays where replay_id = ?::uuid and due_at > now()",
                                String.class,
                                bad))
                .contains("priority_rank");
        DATABASE.sql().update("update postrider.dead_letters set priority_rank = 0 where workspace_id = ?", mine);
    }

    @Test
    void each_task_that_dies_makes_one_for_the_route_dead_letter_in_its_workspace_but_those_make_none() {
        die(mine, 2, "call");
        die(mine, 1, "dead-letter");
        die(other, 1, "call");

        List<JsonNode> heard = DATABASE
                .sql()
                .queryForList(
                        "select payload::text from postrider.background_tasks where workspace_id = ? and task_type = 'dead-letter'",
                        String.class,
                        mine)
                .stream()
                .map(ReplayStepsTest::json)
                .toList();
        assertThat(heard)
                .hasSize(2)
                .allSatisfy(body -> assertThat(body.path("lastError").asText()).isEqualTo("boom"));
        assertThat(heard)
                .map(body -> UUID.fromString(body.path("taskId").asText()))
                .allMatch(dead(mine)::contains);
    }

    /** Puts dead letters there as if the tasks had been accepted and had died. */
    private static void die(UUID workspace, int tasks, String type) {
        DATABASE.sql().update("""
                with made as (select postrider.new_id() as id from generate_series(1, ?))
                , logged as (insert into postrider.accepted_log (workspace_id, kind, task_ids) select ?, 'task', array_agg(id) from made)
                insert into postrider.dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                                    failure_count, created_at, reason, payload, last_error, attempts)
                select ?, id, 'task', ?, 0, 4, 4, now(), 'failed 4 times', '{}', 'boom', '[]' from made order by id""", tasks, workspace, workspace, type);
    }

    private static String start(UUID workspace, String filter, Double rate) {
        return json(DATABASE.as(
                        "tenant",
                        workspace,
                        sql -> sql.queryForObject(
                                "select start_replay(?::jsonb, ?, 'why')", String.class, filter, rate)))
                .path("replayId")
                .asText();
    }

    private static JsonNode anywhere(String action, String filter) {
        return json(DATABASE.as(
                "operator",
                null,
                sql -> sql.queryForObject(
                        "select start_replay_anywhere(?, ?::jsonb, null, 'why', false)",
                        String.class,
                        action,
                        filter)));
    }

    private static String change(UUID workspace, String replay, String status) {
        return DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject("select change_replay(?::uuid, ?, 'why')", String.class, replay, status));
    }

    /** One step as a node makes it; what it answers. */
    private static Integer step() {
        return DATABASE.as(
                "dispatcher", null, sql -> sql.queryForObject("select postrider.step_replays()", Integer.class));
    }

    /** Steps until no replay is running, or none is due soon; how many. */
    private static int steps() {
        int steps = 0;
        for (Integer wait = step(); wait != null && wait < 1000; wait = step()) {
            steps++;
        }
        return steps;
    }

    private static String state(String replay) {
        return DATABASE.sql()
                .queryForObject(
                        "select format('%s %s of %s, skipped %s', replay_status, done, matched, skipped) from postrider.replays where replay_id = ?::uuid",
                        String.class, replay);
    }

    private static List<UUID> dead(UUID workspace) {
        return DATABASE.sql()
                .queryForList(
                        "select task_id from postrider.dead_letters where workspace_id = ? and task_type <> 'dead-letter' order by dead_letter_id",
                        UUID.class,
                        workspace);
    }

    private static String letter(UUID workspace) {
        return DATABASE.sql()
                .queryForObject(
                        "select dead_letter_id from postrider.dead_letters where workspace_id = ? limit 1",
                        String.class,
                        workspace);
    }

    private static int waiting(UUID workspace) {
        return count(
                "select count(*) from postrider.background_tasks where workspace_id = '%s' and replayed_at is not null"
                        .formatted(workspace));
    }

    private static int audited(UUID workspace, String type, String replay) {
        return DATABASE.sql().queryForObject("""
                        select count(*) from postrider.system_events where workspace_id = ? and event_type = ?
                           and payload ->> 'replayId' = ? and payload ->> 'reason' = 'why' and actor like 'postrider_%_login'""", Integer.class, workspace, type, replay);
    }

    private static String everythingOf(UUID workspace) {
        return Stream.of("dead_letters", "background_tasks", "system_events", "replays", "accepted_log")
                .map(table -> DATABASE.sql()
                        .queryForObject(
                                "select coalesce(string_agg(t::text, '' order by t::text), '') from postrider.%s t where workspace_id = ?"
                                        .formatted(table),
                                String.class,
                                workspace))
                .toList()
                .toString();
    }

    private static int count(String query) {
        return DATABASE.sql().queryForObject(query, Integer.class);
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new AssertionError(text, e);
        }
    }

    private static Connection superuser() throws SQLException {
        return DriverManager.getConnection(
                DATABASE.location().url(),
                DATABASE.location().username(),
                DATABASE.location().password());
    }
}
