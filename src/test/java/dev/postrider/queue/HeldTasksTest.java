package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.json.JsonParserFactory;

/** Tasks that may not run yet: behind others of their ordering key, over a limit, paused, or after tasks that must complete first. */
class HeldTasksTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final String NODE = "node-of-the-test";

    private UUID workspace;

    /** A task that the node holds. */
    private record Held(UUID workspace, UUID task, int attempt, String name) {}

    @BeforeAll
    static void aNodeThatNeverFallsSilent() {
        DATABASE.sql()
                .update(
                        "insert into postrider.worker_nodes (node_id, host, heartbeat_at) values (?, 'test', now() + interval '1 hour')",
                        NODE);
    }

    @BeforeEach
    void anEmptyQueue() {
        DATABASE.sql()
                .execute("truncate postrider.background_tasks, postrider.task_limits, postrider.task_dependencies");
        workspace = DATABASE.newWorkspace();
    }

    @Test
    void tasks_of_one_ordering_key_run_one_at_a_time_in_the_order_of_their_commits_whatever_their_priority() {
        enqueue("a", "ordering_key => 'k'");
        enqueue("b", "ordering_key => 'k', priority_rank => 100");
        enqueue("c", "ordering_key => 'k', priority_rank => 50");
        enqueue("other", "");

        List<Held> first = claim(10);
        assertThat(first).extracting(Held::name).containsExactlyInAnyOrder("a", "other");
        assertThat(claim(10)).isEmpty();
        finish(first);
        List<Held> second = claim(10);
        assertThat(second).extracting(Held::name).containsExactly("b");
        finish(second);
        assertThat(claim(10)).extracting(Held::name).containsExactly("c");
    }

    @ParameterizedTest
    @CsvSource({"retry, false", "snooze, false", "dead, true", "discard, true"})
    void a_head_that_will_run_again_keeps_its_followers_waiting_and_one_that_ended_lets_them_pass(
            String outcome, boolean passes) {
        enqueue("head", "ordering_key => 'k'");
        enqueue("next", "ordering_key => 'k'");
        List<Held> head = claim(10);
        assertThat(claim(10)).isEmpty();

        end(head.get(0), outcome, 60_000);

        assertThat(claim(10)).extracting(Held::name).isEqualTo(passes ? List.of("next") : List.of());
    }

    @Test
    void a_waiting_head_that_is_cancelled_lets_its_followers_pass() {
        UUID head = enqueue("head", "ordering_key => 'k', scheduled_at => now() + interval '1 hour'");
        enqueue("next", "ordering_key => 'k'");
        assertThat(claim(10)).isEmpty();

        tenant("select postrider.cancel_task('%s')".formatted(head));

        assertThat(claim(10)).extracting(Held::name).containsExactly("next");
    }

    @Test
    void followers_are_looked_at_once_and_then_are_out_of_the_way() {
        tenant("select count(postrider.enqueue_task('held', ordering_key => 'k')) from generate_series(1, 700)");
        enqueue("behind them", "");

        List<String> names = new ArrayList<>();
        for (int i = 0; i < 8 && !names.contains("behind them"); i++) {
            claim(100).forEach(held -> names.add(held.name()));
        }

        assertThat(names).contains("behind them").hasSize(2);
        assertThat(count("held_by = 'ordering'")).isEqualTo(699);
        assertThat(count("ready")).isZero();
    }

    @Test
    void a_head_that_ends_while_a_claim_holds_its_follower_back_releases_it_all_the_same() throws Exception {
        enqueue("head", "ordering_key => 'k'");
        Held head = claim(10).get(0);
        enqueue("next", "ordering_key => 'k'");
        CompletableFuture<Void> ended;
        try (Connection claiming = DATABASE.connection()) {
            claiming.setAutoCommit(false);
            claiming.createStatement()
                    .execute("select * from postrider.claim_tasks('%s', '{\"held\": {\"free\": 5}}')".formatted(NODE));
            // Another claim's lock: this end is offered again, or waits; either way it must find the follower.
            ended = CompletableFuture.runAsync(() -> {
                while (!finish(List.of(head)).startsWith("1")) {
                    Thread.onSpinWait();
                }
            });
            claiming.commit();
        }
        ended.get();

        assertThat(claim(10)).extracting(Held::name).containsExactly("next");
    }

    @Test
    void what_a_rolled_back_transaction_kept_from_being_released_is_released_by_the_sweep() throws Exception {
        enqueue("head", "ordering_key => 'k'");
        UUID next = enqueue("next", "ordering_key => 'k'");
        List<Held> head = claim(10);
        assertThat(count("held_by = 'ordering'")).isOne();
        try (Connection cancelling = DATABASE.connection()) {
            cancelling.setAutoCommit(false);
            cancelling
                    .createStatement()
                    .execute("select set_config('app.active_workspace', '%s', true)".formatted(workspace));
            cancelling.createStatement().execute("select postrider.cancel_task('%s')".formatted(next));
            finish(head);
            cancelling.rollback();
        }
        assertThat(claim(10)).isEmpty();

        assertThat(DATABASE.sql().queryForObject("select postrider.release_stranded()", Integer.class))
                .isOne();

        assertThat(claim(10)).extracting(Held::name).containsExactly("next");
    }

    @Test
    void no_more_tasks_of_a_limit_key_run_than_it_allows_and_the_others_are_not_kept_waiting() {
        limit("crm", "max_running => 2");
        for (String name : List.of("a", "b", "c", "d")) {
            enqueue(name, "limit_key => 'crm', priority_rank => 100");
        }
        enqueue("free", "limit_key => 'unlimited'");
        enqueue("plain", "");

        List<Held> first = new ArrayList<>(claim(4));
        first.addAll(claim(4));
        assertThat(first).extracting(Held::name).containsExactlyInAnyOrder("a", "b", "free", "plain");
        assertThat(claim(4)).isEmpty();
        finish(first.subList(0, 1));
        assertThat(claim(4)).extracting(Held::name).containsExactly("c");
        end(first.get(1), "retry", 60_000);
        assertThat(claim(4)).extracting(Held::name).containsExactly("d");
    }

    @Test
    void a_workspace_s_limit_counts_all_its_tasks_of_every_type_with_keys_and_without() {
        limit("", "max_running => 3");
        enqueue("a", "");
        enqueue("b", "limit_key => 'k'");
        tenant("select postrider.enqueue_task('held-other', '{\"name\": \"c\"}')");
        enqueue("d", "ordering_key => 'o'");
        enqueue("e", "");

        List<Held> running = claim("{\"held\": {\"free\": 9}, \"held-other\": {\"free\": 9}}");
        assertThat(running).hasSize(3);
        assertThat(claim("{\"held\": {\"free\": 9}, \"held-other\": {\"free\": 9}}"))
                .isEmpty();
        finish(running);
        assertThat(claim("{\"held\": {\"free\": 9}, \"held-other\": {\"free\": 9}}"))
                .hasSize(2);
    }

    /** Eight nodes' worth of claims and ends at once; nothing may be stranded, since no sweep runs here. */
    @ParameterizedTest
    @ValueSource(strings = {"key", "workspace"})
    void a_limit_is_never_exceeded_by_claims_at_the_same_time_and_nothing_is_left_behind(String kind) throws Exception {
        if (kind.equals("key")) {
            limit("0", "max_running => 3");
            limit("1", "max_running => 1");
        } else {
            limit("", "max_running => 3");
        }
        tenant(
                "select count(postrider.enqueue_task('held', limit_key => (n % 2)::text)) from generate_series(1, 100) n");
        ExecutorService threads = Executors.newFixedThreadPool(8);
        Callable<Integer> work = () -> {
            int most = 0;
            while (count("true") > 0) {
                List<Held> held = claim(5);
                most = Math.max(most, DATABASE.sql().queryForObject("""
                        select coalesce(max(n), 0) from (select count(*) as n from postrider.background_tasks
                         where task_status = 'processing' group by case ? when 'key' then limit_key end) running""", Integer.class, kind));
                finish(held);
            }
            return most;
        };
        List<Future<Integer>> results =
                threads.invokeAll(IntStream.range(0, 8).mapToObj(i -> work).toList());
        threads.shutdown();

        int most = 0;
        for (Future<Integer> result : results) {
            most = Math.max(most, result.get());
        }
        assertThat(most).isBetween(1, 3);
    }

    @Test
    void a_rate_lets_a_second_s_worth_begin_at_once_and_the_rest_as_time_passes() {
        limit("mail", "rate_per_second => 2");
        DATABASE.sql().update("update postrider.task_limits set refilled_at = now() - interval '1 hour'");
        tenant("select count(postrider.enqueue_task('held', limit_key => 'mail')) from generate_series(1, 9)");

        assertThat(claim(9)).hasSize(2);
        assertThat(claim(9)).isEmpty();
        passes("1.6 seconds");
        assertThat(claim(9).size()).isBetween(1, 3);
        passes("1 hour");
        assertThat(claim(9)).hasSize(2);
    }

    @Test
    void a_rate_is_offered_again_by_itself_and_the_claim_says_when() {
        limit("mail", "rate_per_second => 0.01");
        DATABASE.sql().update("update postrider.task_limits set tokens = 0, refilled_at = now()");
        enqueue("late", "limit_key => 'mail'");
        claim(1);

        Long due = DATABASE.sql()
                .queryForObject(
                        "select max(next_due) from postrider.claim_tasks(?, '{\"held\": {\"free\": 1}}')",
                        Long.class,
                        NODE);

        assertThat(due).isBetween(50_000L, 100_000L);
    }

    @Test
    void the_smallest_rate_lets_one_begin_and_stops_no_claim() {
        limit("mail", "rate_per_second => 0.000001");
        DATABASE.sql().update("update postrider.task_limits set tokens = 1");
        enqueue("mail", "limit_key => 'mail'");
        enqueue("mail again", "limit_key => 'mail'");
        enqueue("plain", "");

        assertThat(claim(9)).extracting(Held::name).containsExactlyInAnyOrder("mail", "plain");
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select max(next_due) from postrider.claim_tasks(?, '{\"held\": {\"free\": 1}}')",
                                Long.class,
                                NODE))
                .as("milliseconds, of eleven days")
                .isEqualTo(60_000);
        DATABASE.sql().update("update postrider.task_limits set resume_at = now()"); // as on the next day that it looks
        assertThat(claim(9)).isEmpty();
    }

    @Test
    void a_limit_that_is_being_changed_in_an_open_transaction_keeps_only_its_own_tasks_waiting() throws Exception {
        limit("crm", "max_running => 5");
        enqueue("crm", "limit_key => 'crm'");
        enqueue("plain", "");
        try (Connection application = DATABASE.connection()) {
            application.setAutoCommit(false);
            application
                    .createStatement()
                    .execute(
                            "select postrider.set_task_limit('crm', 1) from set_config('app.active_workspace', '%s', true)"
                                    .formatted(workspace));

            assertThat(claimWithoutWaiting()).containsExactly("plain");
            assertThat(claimWithoutWaiting()).isEmpty();
            application.commit();
        }
        assertThat(claim(9)).extracting(Held::name).containsExactly("crm");
    }

    /** The first workspace's turn lasts until the second one has got a task whose limit is reached. */
    @Test
    void a_task_with_a_key_that_arrives_after_the_claim_has_looked_for_keys_waits_for_the_next_claim()
            throws Exception {
        limit("", "max_running => 5");
        enqueue("slow", "");
        workspace = DATABASE.newWorkspace();
        limit("crm", "max_running => 0");
        enqueue("plain", "");
        DATABASE.sql().execute("""
                create function postrider.wait_for_the_test() returns trigger language plpgsql as $$
                begin perform pg_advisory_xact_lock(4711); return new; end $$;
                create trigger wait_for_the_test before update on postrider.background_tasks for each row
                    when (new.payload ->> 'name' = 'slow') execute function postrider.wait_for_the_test()""");
        try (Connection test = DATABASE.connection()) {
            test.createStatement().execute("select pg_advisory_lock(4711)");
            CompletableFuture<List<Held>> claimed = CompletableFuture.supplyAsync(
                    () -> claim("{\"held\": {\"free\": 10, \"after\": \"00000000-0000-0000-0000-000000000001\"}}"));
            await().until(() -> DATABASE.sql()
                    .queryForObject(
                            "select exists (select from pg_locks where locktype = 'advisory' and not granted)",
                            Boolean.class));
            enqueue("crm", "limit_key => 'crm', priority_rank => 100");
            test.createStatement().execute("select pg_advisory_unlock(4711)");

            assertThat(claimed.get()).extracting(Held::name).containsExactly("slow", "plain");
        } finally {
            DATABASE.sql().execute("drop function postrider.wait_for_the_test cascade");
        }
        assertThat(claim(9)).isEmpty();
        assertThat(count("held_by = 'limit'")).isOne();
    }

    @Test
    void a_paused_key_waits_and_goes_on_when_its_pause_has_passed() {
        limit("crm", "max_running => 5");
        DATABASE.sql().update("update postrider.task_limits set paused_until = now() + interval '1 hour'");
        enqueue("crm", "limit_key => 'crm'");
        enqueue("plain", "");
        assertThat(claim(5)).extracting(Held::name).containsExactly("plain");

        DATABASE.sql().update("update postrider.task_limits set paused_until = now(), resume_at = now()");

        assertThat(claim(5)).extracting(Held::name).containsExactly("crm");
    }

    @Test
    void paused_types_and_workspaces_are_not_claimed_until_they_are_resumed() {
        enqueue("a", "");
        DATABASE.sql().update("insert into postrider.task_types (task_type, paused_until) values ('held', 'infinity')");
        assertThat(claim(5)).isEmpty();
        DATABASE.sql().update("update postrider.task_types set paused_until = null where task_type = 'held'");
        DATABASE.sql()
                .update(
                        "insert into postrider.task_limits (workspace_id, limit_key, paused_until) values (?, '', 'infinity')",
                        workspace);
        assertThat(claim(5)).isEmpty();
        DATABASE.sql().update("update postrider.task_limits set paused_until = null");

        assertThat(claim(5)).extracting(Held::name).containsExactly("a");
    }

    @Test
    void a_workspace_gets_room_by_its_weight_and_none_while_it_has_its_share_of_the_node() {
        UUID heavy = DATABASE.newWorkspace();
        UUID full = DATABASE.newWorkspace();
        DATABASE.sql().update("update postrider.workspaces set weight = 4 where workspace_id = ?", heavy);
        for (UUID each : List.of(workspace, heavy, full)) {
            DATABASE.as(
                    "tenant",
                    each,
                    sql -> sql.queryForObject(
                            "select count(postrider.enqueue_task('held')) from generate_series(1, 100)",
                            Integer.class));
        }

        List<Held> held = claim("{\"held\": {\"free\": 50, \"full\": [\"%s\"]}}".formatted(full));

        assertThat(held).hasSize(50);
        assertThat(held).filteredOn(task -> task.workspace().equals(heavy)).hasSize(40);
        assertThat(held).extracting(Held::workspace).doesNotContain(full);
    }

    @Test
    void classes_are_claimed_first() {
        enqueue("normal", "");
        tenant("select postrider.enqueue_task('held-first', '{\"name\": \"first\"}')");
        DATABASE.sql().update("""
                insert into postrider.task_types (task_type, task_class) values ('held', 1), ('held-first', 0)
                on conflict (task_type) do update set task_class = excluded.task_class""");

        assertThat(claim("{\"held\": {\"free\": 1}, \"held-first\": {\"free\": 1}}"))
                .extracting(Held::name)
                .containsExactly("first", "normal");
    }

    @Test
    void a_task_runs_when_all_that_it_comes_after_have_completed() {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "");
        enqueue("c", "after => array['%s', '%s']::uuid[]".formatted(a, b));
        List<Held> first = claim(10);
        assertThat(first).extracting(Held::name).containsExactlyInAnyOrder("a", "b");

        finish(first.subList(0, 1));
        assertThat(claim(10)).isEmpty();
        finish(first.subList(1, 2));

        List<Held> last = claim(10);
        assertThat(last).extracting(Held::name).containsExactly("c");
        finish(last);
        enqueue("d", "after => array['%s']::uuid[]".formatted(last.get(0).task()));
        assertThat(claim(10)).extracting(Held::name).containsExactly("d");
    }

    @ParameterizedTest
    @CsvSource({"dead, dead-lettered", "discard, discarded"})
    void a_task_that_fails_takes_those_with_it_that_come_after_it_and_they_say_why(String outcome, String fate) {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        UUID c = enqueue("c", "after => array['%s']::uuid[]".formatted(b));
        end(claim(10).get(0), outcome, 0);

        assertThat(reason(b)).isEqualTo("task %s, which had to complete first, was %s", a, fate);
        assertThat(reason(c)).isEqualTo("task %s, which had to complete first, was dead-lettered", b);
        UUID d = enqueue("d", "after => array['%s']::uuid[]".formatted(c));
        assertThat(reason(d)).isEqualTo("task %s, which had to complete first, was dead-lettered", c);
        assertThat(count("task_type = 'held'")).isZero();
        assertBalanced();
    }

    @Test
    void cancelling_takes_those_with_it_that_come_after_and_a_cancelled_follower_is_forgotten() {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        UUID c = enqueue("c", "after => array['%s']::uuid[]".formatted(a));
        tenant("select postrider.cancel_task('%s')".formatted(b));
        tenant("select postrider.cancel_task('%s')".formatted(a));

        assertThat(reason(c)).isEqualTo("task %s, which had to complete first, was cancelled", a);
        assertThat(DATABASE.sql().queryForList("select * from postrider.task_dependencies"))
                .isEmpty();
        assertBalanced();
    }

    @Test
    void a_follower_that_was_locked_when_its_predecessor_ended_is_told_by_the_sweep() throws Exception {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        List<Held> held = claim(10);
        try (Connection cancelling = DATABASE.connection()) {
            cancelling.setAutoCommit(false);
            cancelling
                    .createStatement()
                    .execute("select set_config('app.active_workspace', '%s', true)".formatted(workspace));
            cancelling.createStatement().execute("select postrider.cancel_task('%s')".formatted(b));
            assertThat(finish(held)).isEqualTo("1 {}");
            cancelling.rollback();
        }
        assertThat(claim(10)).isEmpty();
        DATABASE.sql().queryForObject("select postrider.release_stranded()", Integer.class);
        assertThat(claim(10)).extracting(Held::name).containsExactly("b");
    }

    @Test
    void a_follower_whose_predecessor_is_gone_dies_with_the_sweep_and_dependencies_of_nobody_are_forgotten() {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        UUID c = enqueue("c", "after => array['%s']::uuid[]".formatted(b));
        UUID d = enqueue("d", "");
        enqueue("e", "after => array['%s']::uuid[]".formatted(d));
        DATABASE.sql()
                .update("delete from postrider.background_tasks where task_id = ? or payload ->> 'name' = 'e'", a);
        assertThat(claim(10)).extracting(Held::name).containsExactly("d");

        DATABASE.sql().queryForObject("select postrider.release_stranded()", Integer.class);

        assertThat(reason(b)).isEqualTo("task %s, which had to complete first, was dead-lettered", a);
        assertThat(reason(c)).isEqualTo("task %s, which had to complete first, was dead-lettered", b);
        assertThat(DATABASE.sql().queryForList("select * from postrider.task_dependencies"))
                .isEmpty();
    }

    @Test
    void a_task_of_another_workspace_does_not_exist_for_those_that_would_come_after_it() {
        UUID mine = enqueue("mine", "");
        workspace = DATABASE.newWorkspace();

        assertThatThrownBy(() -> enqueue("theirs", "after => array['%s']::uuid[]".formatted(mine)))
                .rootCause()
                .hasMessageContaining("after: task %s does not exist".formatted(mine));
    }

    @Test
    void a_batch_is_enqueued_in_order_and_its_tasks_may_name_each_other() {
        List<UUID> plain = batch("""
                [{"taskType": "held", "payload": {"name": "a"}, "priorityRank": 5},
                 {"taskType": "held", "payload": {"name": "b"}, "scheduledAt": "2040-01-01T00:00:00Z"},
                 {"taskType": "held", "orderingKey": "k", "limitKey": "l"}]""");
        assertThat(DATABASE.sql().queryForList("""
                select concat_ws(' ', payload ->> 'name', priority_rank, ready, ordering_key, limit_key)
                  from unnest(?::uuid[]) with ordinality as u (task_id, n) join postrider.background_tasks using (task_id)
                 order by n""", String.class, "{%s,%s,%s}".formatted(plain.toArray())))
                .containsExactly("a 5 t", "b 0 f", "0 t k l");

        List<UUID> chain = batch("""
                [{"taskType": "held", "payload": {"name": "last"}, "after": ["one", "two"]},
                 {"taskType": "held", "payload": {"name": "two"}, "ref": "two", "after": ["one"]},
                 {"taskType": "held", "payload": {"name": "one"}, "ref": "one", "uniqueKey": "u"},
                 {"taskType": "held", "payload": {"name": "again"}, "uniqueKey": "u"}]""");
        assertThat(chain.get(3)).isEqualTo(chain.get(2));
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select waits_for from postrider.background_tasks where task_id = ?",
                                Integer.class,
                                chain.get(0)))
                .isEqualTo(2);
        assertBalanced();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {}                                                                    | tasks is no array
            [1]                                                                   | tasks[0] is no object
            [{"taskType": "x"}, {"payload": {}}]                                  | tasks[1].taskType is missing
            [{"taskType": "x", "prio": 1}]                                        | tasks[0].prio is no field of a task
            [{"taskType": "x", "ref": "a"}, {"taskType": "x", "ref": "a"}]        | tasks[0].ref: "a" names another task of this batch, too
            [{"taskType": "x", "ref": "a", "after": ["a"]}]                       | tasks[0].after: these tasks wait for each other in a circle
            [{"taskType": "x"}, {"taskType": "x", "ref": "a", "after": ["b"]}, {"taskType": "x", "ref": "b", "after": ["a"]}] | tasks[1].after: these tasks wait for each other in a circle
            [{"taskType": "x", "after": ["01a20157-0c61-79f5-a389-23a552c65b89"]}] | tasks[0].after: task 01a20157-0c61-79f5-a389-23a552c65b89 does not exist
            [{"taskType": "x", "after": ["nobody"]}]                              | tasks[0].after: nobody is neither the id of a task nor the ref of one of this batch
            """)
    void a_batch_with_a_mistake_is_refused_as_a_whole_with_the_place_and_the_reason(String tasks, String reason) {
        assertThatThrownBy(() -> batch(tasks)).rootCause().hasMessageContaining(reason);
        assertThat(count("true")).isZero();
    }

    private UUID enqueue(String name, String further) {
        return DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject(
                        "select postrider.enqueue_task('held', jsonb_build_object('name', ?)%s)"
                                .formatted(further.isEmpty() ? "" : ", " + further),
                        UUID.class,
                        name));
    }

    private List<UUID> batch(String tasks) {
        return DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForList("select unnest(postrider.enqueue_tasks(?::jsonb))", UUID.class, tasks));
    }

    private void tenant(String statement) {
        DATABASE.as("tenant", workspace, sql -> sql.queryForList(statement));
    }

    private void limit(String key, String limit) {
        String column = limit.split(" => ")[0];
        DATABASE.sql()
                .update(
                        "insert into postrider.task_limits (workspace_id, limit_key, %s) values (?, ?, %s)"
                                .formatted(column, limit.split(" => ")[1]),
                        workspace,
                        key);
    }

    private static void passes(String time) {
        DATABASE.sql()
                .update(
                        "update postrider.task_limits set refilled_at = refilled_at - ?::interval, resume_at = resume_at - ?::interval",
                        time,
                        time);
    }

    private static List<Held> claim(int free) {
        return claim("{\"held\": {\"free\": %d}}".formatted(free));
    }

    private static List<Held> claim(String slots) {
        return DATABASE.sql()
                .query(
                        "select * from postrider.claim_tasks(?, ?::jsonb) where task_id is not null",
                        (row, n) -> new Held(
                                row.getObject("workspace_id", UUID.class),
                                row.getObject("task_id", UUID.class),
                                row.getInt("attempt_count"),
                                (String) json(row.getString("payload")).get("name")),
                        NODE,
                        slots);
    }

    /** As {@link #claim}; an error if it would wait for a lock. */
    private static List<String> claimWithoutWaiting() {
        return DATABASE.as("dispatcher", null, sql -> {
            sql.execute("set local lock_timeout = '1s'");
            return sql.queryForList(
                    "select payload::json ->> 'name' from postrider.claim_tasks(?, '{\"held\": {\"free\": 9}}') where task_id is not null",
                    String.class,
                    NODE);
        });
    }

    private static Map<String, Object> json(String text) {
        return JsonParserFactory.getJsonParser().parseMap(text);
    }

    private static String finish(List<Held> tasks) {
        return DATABASE.sql()
                .queryForObject(
                        "select written || ' ' || coalesce(later, '{}')::text from postrider.finish_tasks(?, ?::uuid[], ?::uuid[], ?::int[])",
                        String.class,
                        NODE,
                        array(tasks.stream().map(Held::workspace).toList()),
                        array(tasks.stream().map(Held::task).toList()),
                        array(tasks.stream().map(Held::attempt).toList()));
    }

    private static String array(List<?> values) {
        return values.toString().replace('[', '{').replace(']', '}');
    }

    private static void end(Held task, String outcome, long delay) {
        DATABASE.sql()
                .queryForList(
                        "select * from postrider.end_attempts(?, array[?::uuid], array[?::uuid], array[?], array[?], array['late'], array[?::bigint])",
                        NODE,
                        task.workspace(),
                        task.task(),
                        task.attempt(),
                        outcome,
                        delay);
    }

    private static int count(String condition) {
        return DATABASE.sql()
                .queryForObject("select count(*) from postrider.background_tasks where " + condition, Integer.class);
    }

    private static String reason(UUID task) {
        return DATABASE.sql()
                .queryForObject("select reason from postrider.dead_letters where task_id = ?", String.class, task);
    }

    private void assertBalanced() {
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select unaccounted from postrider.accounting where workspace_id = ?",
                                Integer.class,
                                workspace))
                .isZero();
    }
}
