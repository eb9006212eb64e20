package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks that may not run yet: behind others of their ordering key, over a limit, or paused. */
class HeldTasksTest extends QueueByHand {

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

    @ParameterizedTest
    @CsvSource({"null, 40", "7, 7"})
    void the_end_of_a_pause_lets_as_many_go_at_once_as_may_run(String mostRunning, int released) {
        limit("crm", "rate_per_second => 1000");
        DATABASE.sql()
                .execute(
                        "update postrider.task_limits set rate_per_second = null, max_running = %s, paused_until = 'infinity'"
                                .formatted(mostRunning));
        for (int i = 0; i < 40; i++) {
            enqueue("paused", "limit_key => 'crm'");
        }
        assertThat(claim(100)).isEmpty();
        assertThat(count("held_by = 'limit'")).isEqualTo(40);

        DATABASE.sql().execute("update postrider.task_limits set paused_until = null, resume_at = now()");

        List<Held> first = claim(100);
        assertThat(first).hasSize(released);
        assertThat(count("ready")).as("looked at in vain by the next claim").isZero();
        finish(first);
        assertThat(claim(100)).hasSize(Math.min(released, 40 - released));
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
}
