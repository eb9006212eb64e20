package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.PGConnection;

/** What operators and workspaces write to steer the queue: the rows, the audit trail, and what is refused. */
class QueueControlsTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final UUID NOBODY = new UUID(0, 0);

    private UUID workspace;

    @BeforeEach
    void inAWorkspace() {
        workspace = DATABASE.newWorkspace();
    }

    @Test
    void a_task_type_is_paused_until_a_moment_or_without_end_and_resumed_and_the_trail_says_who_and_why() {
        operator("select postrider.pause_task_type('paused', 'an outage', now() + interval '1 hour')");
        assertThat(type("paused", "paused_until > now() + interval '59 min'")).isTrue();
        operator("select postrider.pause_task_type('paused', 'a longer one')");
        assertThat(type("paused", "paused_until = 'infinity' and published_at is null"))
                .isTrue();
        operator("select postrider.resume_task_type('paused', 'it is over')");
        assertThat(type("paused", "paused_until is null")).isTrue();

        assertThat(DATABASE.sql().queryForList("""
                select format('%s %s %s %s', event_type, actor, payload ->> 'reason', payload ->> 'after' is not null)
                  from postrider.system_events
                 where workspace_id = ? and payload ->> 'taskType' = 'paused' order by event_id""", String.class, NOBODY))
                .containsExactly(
                        "task-type.paused postrider_operator_login an outage t",
                        "task-type.paused postrider_operator_login a longer one t",
                        "task-type.resumed postrider_operator_login it is over f");
    }

    @Test
    void a_pause_of_a_declared_type_leaves_its_policy_as_it_is() {
        DATABASE.sql().update("""
                insert into postrider.task_types (task_type, maximum_redeliveries, published_at) values ('declared', 3, now())""");

        operator("select postrider.pause_task_type('declared', 'test')");

        assertThat(type("declared", "maximum_redeliveries = 3 and published_at is not null"))
                .isTrue();
    }

    @Test
    void a_heartbeat_does_not_wait_for_a_transaction_that_pauses_its_type_and_stays_open() throws Exception {
        String declaration = new DurableRedeliveryPolicy().declaration("paused-for-long");
        beat(declaration);
        try (Connection operator = DATABASE.connection()) {
            operator.setAutoCommit(false);
            operator.createStatement().execute("select postrider.pause_task_type('paused-for-long', 'test')");

            beat(declaration);

            operator.commit();
        }
        assertThat(type("paused-for-long", "paused_until = 'infinity'")).isTrue();
    }

    /** An error if it would wait for a lock. */
    private static void beat(String declaration) {
        DATABASE.as("dispatcher", null, sql -> {
            sql.execute("set local lock_timeout = '1s'");
            return sql.queryForList(
                    "select known from postrider.renew_lease('beating', 'test', jsonb_build_array(?::jsonb))",
                    declaration);
        });
    }

    @Test
    void a_workspace_is_paused_and_resumed_and_the_claim_is_told_to_look_again() {
        operator("select postrider.pause_workspace('%s', 'too much')".formatted(workspace));
        assertThat(limit("")).containsEntry("paused", true);
        forgetResume();

        operator("select postrider.resume_workspace('%s', 'enough')".formatted(workspace));

        assertThat(limit("")).containsEntry("paused", false).containsEntry("resumes", true);
        assertThat(audited("workspace.paused")).contains("too much", "infinity");
        assertThat(audited("workspace.resumed")).contains("enough");
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select workspace_status from postrider.workspaces where workspace_id = ?",
                                String.class,
                                workspace))
                .as("paused is not suspended")
                .isEqualTo("active");
    }

    @Test
    void a_share_is_weight_and_limits_of_the_whole_workspace_and_counts_what_runs_already() {
        UUID other = DATABASE.newWorkspace();
        for (UUID whose : new UUID[] {workspace, other}) {
            DATABASE.as(
                    "tenant",
                    whose,
                    sql -> sql.queryForList("select postrider.enqueue_task('nobody') from generate_series(1, 2)"));
            DATABASE.sql().update("""
                    update postrider.background_tasks set task_status = 'processing', ready = false
                     where task_id = (select min(task_id::text)::uuid from postrider.background_tasks where workspace_id = ?)""", whose);
        }

        operator("select postrider.set_workspace_share('%s', 7, 5, 2.5, 'a big customer')".formatted(workspace));

        assertThat(limit("")).containsEntry("max_running", 5).containsEntry("rate_per_second", 2.5);
        assertThat(limit("")).containsEntry("tokens", 2.5).containsEntry("resumes", true);
        assertThat(weight()).isEqualTo(7);
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select string_agg(workspace_id || ' ' || task_status, ',') from postrider.background_tasks where counted",
                                String.class))
                .isEqualTo(workspace + " processing");
        forgetResume();

        operator("select postrider.set_workspace_share('%s', 1, null, null, 'as all')".formatted(workspace));

        assertThat(limit("")).containsEntry("max_running", null).containsEntry("rate_per_second", null);
        assertThat(limit("")).containsEntry("resumes", true);
        assertThat(weight()).isEqualTo(1);
        assertThat(audited("workspace.share-changed"))
                .contains("a big customer", "\"before\": {\"weight\": 7", "\"ratePerSecond\": 2.5");
    }

    @Test
    void a_limit_belongs_to_the_workspace_that_sets_it_and_a_removed_one_limits_nothing() {
        UUID other = DATABASE.newWorkspace();
        set(other, "api", "9, 9");

        set(workspace, "api", "3, 10");
        assertThat(limit("api")).containsEntry("max_running", 3).containsEntry("rate_per_second", 10.0);
        forgetResume();
        set(workspace, "api", "null, null");

        assertThat(limit("api")).containsEntry("max_running", null).containsEntry("resumes", true);
        assertThat(audited("task-limit.changed"))
                .contains("\"limitKey\": \"api\"", "\"before\": {\"limitKey\": \"api\", \"maxRunning\": 3");
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select max_running from postrider.task_limits where workspace_id = ? and limit_key = 'api'",
                                Integer.class,
                                other))
                .isEqualTo(9);
    }

    @Test
    void a_rate_begins_with_a_full_bucket_and_saying_it_again_does_not_fill_it() {
        set(workspace, "api", "null, 5");
        assertThat(limit("api")).containsEntry("tokens", 5.0);
        DATABASE.sql().update("update postrider.task_limits set tokens = 1 where workspace_id = ?", workspace);
        set(workspace, "api", "2, 5");
        assertThat(limit("api")).containsEntry("tokens", 1.0);
        set(workspace, "api", "2, 0.5");
        assertThat(limit("api")).containsEntry("tokens", 1.0).containsEntry("rate_per_second", 0.5);
    }

    @Test
    void each_change_wakes_the_nodes() throws Exception {
        try (Connection listening = DriverManager.getConnection(
                DATABASE.location().url(),
                DATABASE.location().username(),
                DATABASE.location().password())) {
            listening.createStatement().execute("listen postrider_wake");
            for (String change : new String[] {
                "select postrider.pause_workspace('%s', 'test')",
                "select postrider.resume_workspace('%s', 'test')",
                "select postrider.set_workspace_share('%s', 2, 1, 1, 'test')"
            }) {
                operator(change.formatted(workspace));
                assertThat(listening.unwrap(PGConnection.class).getNotifications(10_000))
                        .as(change)
                        .singleElement()
                        .satisfies(wake -> assertThat(wake.getParameter()).isEmpty());
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            operator | select postrider.pause_task_type('x', ' ')                          | reason is missing
            operator | select postrider.pause_task_type('No name', 'why')                  | taskType 'No name' is no name of a task type
            operator | select postrider.pause_task_type('x', 'why', now())                 | until has to be in the future
            operator | select postrider.resume_task_type('never', 'why')                   | task type never is not paused
            operator | select postrider.pause_workspace('WORKSPACE', '')                   | reason is missing
            operator | select postrider.pause_workspace(gen_random_uuid(), 'why')          | does not exist
            operator | select postrider.resume_workspace('WORKSPACE', 'why')               | is not paused
            operator | select postrider.set_workspace_share('WORKSPACE', 0, 1, 1, 'why')   | weight has to be between 1 and 100
            operator | select postrider.set_workspace_share('WORKSPACE', null, 1, 1, 'why')| weight has to be between 1 and 100
            operator | select postrider.set_workspace_share('WORKSPACE', 1, -1, 1, 'why')  | maxRunning must not be negative
            operator | select postrider.set_workspace_share('WORKSPACE', 1, 1, 0, 'why')   | ratePerSecond has to be at least 0.000001
            operator | select postrider.set_workspace_share('WORKSPACE', 1, 1, 1, null)    | reason is missing
            operator | select postrider.set_task_limit('api', 1)                           | permission denied
            operator | select postrider.write_limit('WORKSPACE', '', 1, 1)                 | permission denied
            tenant   | select postrider.set_task_limit('', 1)                              | limitKey has to have 1 to 255 characters
            tenant   | select postrider.set_task_limit(null, 1)                            | limitKey has to have 1 to 255 characters
            tenant   | select postrider.set_task_limit('endpoint:x', 1)                    | limitKey must not begin with endpoint:
            tenant   | select postrider.set_task_limit('endpoint:x')                       | limitKey must not begin with endpoint:
            tenant   | select postrider.enqueue_task('x', limit_key => 'endpoint:x')       | limitKey must not begin with endpoint:
            tenant   | select postrider.enqueue_tasks('[{"taskType": "x"}, {"taskType": "x", "limitKey": "endpoint:x"}]') | tasks[1].limitKey must not begin with endpoint:
            tenant   | select postrider.enqueue_tasks('[{"taskType": "x", "limitKey": "endpoint:x", "uniqueKey": "x"}]') | tasks[0].limitKey must not begin with endpoint:
            tenant   | select postrider.set_task_limit('api', -1)                          | maxRunning must not be negative
            tenant   | select postrider.set_task_limit('api', null, 0)                     | ratePerSecond has to be at least 0.000001
            tenant   | select postrider.pause_workspace('WORKSPACE', 'why')                | permission denied
            tenant   | select postrider.pause_task_type('x', 'why')                        | permission denied
            tenant   | select postrider.set_workspace_share('WORKSPACE', 1, 1, 1, 'why')   | permission denied
            """)
    void it_is_refused(String role, String call, String answer) {
        String sql = call.replace("WORKSPACE", workspace.toString());
        assertThatThrownBy(() -> DATABASE.as(role, workspace, jdbc -> jdbc.queryForList(sql)))
                .rootCause()
                .hasMessageContaining(answer);
    }

    private static void operator(String call) {
        DATABASE.as("operator", NOBODY, sql -> sql.queryForList(call));
    }

    private static void set(UUID whose, String key, String limits) {
        DATABASE.as(
                "tenant",
                whose,
                sql -> sql.queryForList("select postrider.set_task_limit('%s', %s)".formatted(key, limits)));
    }

    /** As if the claim had released what was held back. */
    private void forgetResume() {
        DATABASE.sql().update("update postrider.task_limits set resume_at = null where workspace_id = ?", workspace);
    }

    private Map<String, Object> limit(String key) {
        return DATABASE.sql().queryForMap("""
                select max_running, rate_per_second, tokens, coalesce(paused_until > now(), false) as paused,
                       resume_at <= now() as resumes
                  from postrider.task_limits where workspace_id = ? and limit_key = ?""", workspace, key);
    }

    private Integer weight() {
        return DATABASE.sql()
                .queryForObject(
                        "select weight from postrider.workspaces where workspace_id = ?", Integer.class, workspace);
    }

    private static Boolean type(String name, String condition) {
        return DATABASE.sql()
                .queryForObject(
                        "select " + condition + " from postrider.task_types where task_type = ?", Boolean.class, name);
    }

    private String audited(String type) {
        return DATABASE.sql()
                .queryForObject(
                        "select string_agg(payload::text, ' ') from postrider.system_events where workspace_id = ? and event_type = ?",
                        String.class,
                        workspace,
                        type);
    }
}
