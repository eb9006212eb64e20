package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two nodes on one database, and what becomes of the tasks of one that falls silent. */
class LostNodeTest {

    private static final String HISTORY = "select * from postrider.task_history where task_id = ?";
    private static final String TASK = "select * from postrider.background_tasks where task_id = ?";

    private static RunningApplication one;
    private static RunningApplication two;
    private static Ledger ledger;

    @BeforeAll
    static void startTwoNodes() {
        one = RunningApplication.start();
        two = RunningApplication.on(one.database());
        ledger = new Ledger(one.sql());
        for (RunningApplication node : List.of(one, two)) {
            node.putRoute("tasks/lost-redelivery.camel.yaml", """
                    - beans:
                        - name: lostRedelivery
                          type: dev.postrider.queue.DurableRedeliveryPolicy
                          properties:
                            maximumRedeliveries: 3
                            redeliveryDelay: 50
                            backOffMultiplier: 1
                    """);
            await().until(() -> node.camel().getRegistry().lookupByName("lostRedelivery") != null);
        }
    }

    @AfterAll
    static void stop() {
        two.close();
        one.close();
    }

    @Test
    void two_nodes_share_the_work_and_finish_each_task_once() {
        for (RunningApplication node : List.of(one, two)) {
            node.handler("lost-shared", "concurrency: 2\nprefetch: 10", "- delay: {constant: \"2\"}");
        }

        List<UUID> accepted = ledger.enqueue("lost-shared", 2_000);
        await().until(() -> ledger.completed("lost-shared") == 2_000);

        ledger.assertEachEndedOnce(accepted);
        assertThat(ledger.sql()
                        .queryForList(
                                "select distinct worker_id from postrider.task_history where task_type = 'lost-shared'",
                                String.class))
                .containsExactlyInAnyOrder(id(one), id(two));
        assertThat(ledger.count(
                        "select max(attempt_count) from postrider.task_history where task_type = 'lost-shared'"))
                .isEqualTo(1);
    }

    @Test
    void a_node_that_vanished_counts_one_failure_for_each_of_its_tasks_and_they_run_elsewhere() {
        List<UUID> accepted = ledger.enqueue("lost-vanished", 5);
        ledger.sql().update("insert into postrider.worker_nodes (node_id, host) values ('vanished', 'somewhere')");
        assertThat(claim("vanished", "lost-vanished", 5)).hasSize(5);
        one.handler("lost-vanished", "redeliveryPolicy: lostRedelivery", "- log: done");

        silence("vanished");
        await().until(() -> ledger.completed("lost-vanished") == 5);

        ledger.assertEachEndedOnce(accepted);
        assertThat(ledger.count("""
                select count(*) from postrider.task_history
                 where task_type = 'lost-vanished' and attempt_count = 2 and failure_count = 1
                   and last_error like 'the node that ran it died%' and worker_id = ?""", id(one))).isEqualTo(5);
        assertThat(nodes()).doesNotContain("vanished");
    }

    @Test
    void a_task_whose_policy_is_exhausted_when_its_node_dies_is_a_dead_letter() {
        UUID task = ledger.enqueue("lost-exhausted");
        ledger.sql().update("insert into postrider.worker_nodes (node_id, host) values ('fatal', 'somewhere')");
        ledger.sql()
                .update(
                        "insert into postrider.task_types (task_type, maximum_redeliveries) values ('lost-exhausted', 0)");
        assertThat(claim("fatal", "lost-exhausted", 1)).containsExactly(task);

        silence("fatal");
        await().until(() -> ledger.count("select count(*) from postrider.dead_letters where task_id = ?", task) == 1);

        ledger.assertEachEndedOnce(List.of(task));
    }

    @Test
    void a_task_whose_window_is_over_when_its_node_dies_is_a_dead_letter_unless_it_was_replayed_since() {
        ledger.sql().update("insert into postrider.worker_nodes (node_id, host) values ('late', 'somewhere')");
        ledger.sql()
                .update("insert into postrider.task_types (task_type, maximum_redeliveries, maximum_redelivery_window)"
                        + " values ('lost-late', -1, 60000)");
        List<UUID> tasks = ledger.enqueue("lost-late", 3);
        assertThat(claim("late", "lost-late", 3)).hasSize(3);
        String old = "update postrider.background_tasks set created_at = now() - interval '61 s', replayed_at = %s"
                + " where task_id = ?";
        ledger.sql().update(old.formatted("null"), tasks.get(0));
        ledger.sql().update(old.formatted("now()"), tasks.get(1));

        silence("late");
        await().until(() -> ledger.open("lost-late", "processing") == 0);

        assertThat(ledger.sql()
                        .queryForList(
                                "select task_id from postrider.dead_letters where task_type = 'lost-late'", UUID.class))
                .containsExactly(tasks.get(0));
        assertThat(ledger.open("lost-late", "queued")).isEqualTo(2);
    }

    @Test
    void a_rescued_task_waits_as_long_as_its_policy_says() {
        DurableRedeliveryPolicy policy = new DurableRedeliveryPolicy();
        policy.setRedeliveryDelay(1_000);
        policy.setUseCollisionAvoidance(false);
        for (long maximum : List.of(-1L, 0L, 5_000L)) {
            policy.setMaximumRedeliveryDelay(maximum);
            for (int failures : List.of(0, 1, 2, 9)) {
                assertThat(rescueDelay(policy, failures)).isEqualTo(policy.delayAfter(failures + 1));
            }
        }
        policy.setMaximumRedeliveryDelay(-1);
        for (double multiplier : new double[] {1, 1.1, 1e12, Double.MAX_VALUE}) {
            policy.setBackOffMultiplier(multiplier);
            for (int failures : List.of(0, 1, 40, 1_000)) {
                assertThat(rescueDelay(policy, failures))
                        .as("%s times after %s failures", multiplier, failures)
                        .isCloseTo(policy.delayAfter(failures + 1), within(1L));
            }
        }
        policy.setUseExponentialBackOff(false);
        assertThat(rescueDelay(policy, 9)).isEqualTo(1_000);
        policy.setUseCollisionAvoidance(true);
        policy.setCollisionAvoidanceFactor(0.5);
        List<Long> jittered =
                IntStream.range(0, 50).mapToObj(n -> rescueDelay(policy, 0)).toList();
        assertThat(jittered).allSatisfy(delay -> assertThat(delay).isBetween(500L, 1_500L));
        assertThat(jittered).anySatisfy(delay -> assertThat(delay).isLessThan(1_000L));
        assertThat(jittered).anySatisfy(delay -> assertThat(delay).isGreaterThan(1_000L));
    }

    /** What rescue makes of the policy as a heartbeat declares it. */
    private static long rescueDelay(DurableRedeliveryPolicy policy, int failures) {
        ledger.sql()
                .query(
                        "select postrider.heartbeat('declaring', 'test', jsonb_build_array(?::jsonb))",
                        row -> {},
                        policy.declaration("lost-declared"));
        ledger.sql().update("delete from postrider.worker_nodes where node_id = 'declaring'");
        return ledger.sql()
                .queryForObject(
                        "select postrider.redelivery_delay(t, ?) from postrider.task_types t where task_type = 'lost-declared'",
                        Long.class,
                        failures);
    }

    @Test
    void what_a_stalled_node_says_late_changes_nothing() {
        UUID task = ledger.enqueue("lost-fenced");
        ledger.sql().update("insert into postrider.worker_nodes (node_id, host) values ('stalled', 'somewhere')");
        assertThat(claim("stalled", "lost-fenced", 1)).containsExactly(task);
        silence("stalled");
        await().until(() -> ledger.open("lost-fenced", "queued") == 1);
        assertThat(saidLate("stalled", task, 1)).as("while it waits again").isEmpty();

        Gate gate = new Gate();
        one.camel().getRegistry().bind("lostFenced", gate);
        one.handler("lost-fenced", "redeliveryPolicy: lostRedelivery", "- process: {ref: lostFenced}");
        await().until(() -> gate.arrived() == 1);
        Map<String, Object> running = ledger.sql().queryForMap(TASK, task);
        assertThat(running).containsEntry("worker_id", id(one)).containsEntry("attempt_count", 2);
        assertThat(saidLate("stalled", task, 1)).as("its own attempt").isEmpty();
        assertThat(saidLate("stalled", task, 2))
                .as("an attempt that is not its own")
                .isEmpty();
        assertThat(saidLate(id(one), task, 1))
                .as("an earlier attempt of the node that runs it")
                .isEmpty();
        assertThat(ledger.sql().queryForMap(TASK, task)).isEqualTo(running);

        gate.open();
        await().until(() -> ledger.completed("lost-fenced") == 1);
        Map<String, Object> ended = ledger.sql().queryForMap(HISTORY, task);
        assertThat(saidLate("stalled", task, 1)).as("after it ended").isEmpty();
        assertThat(saidLate(id(one), task, 2)).as("twice").isEmpty();
        assertThat(ledger.sql().queryForMap(HISTORY, task)).isEqualTo(ended);
        ledger.assertEachEndedOnce(List.of(task));
    }

    @Test
    void a_node_that_falls_silent_while_it_works_is_overtaken_and_works_on_when_it_speaks_again() throws Exception {
        Gate stalled = new Gate();
        one.camel().getRegistry().bind("lostStalled", stalled);
        one.handler("lost-stalled", "redeliveryPolicy: lostRedelivery", "- process: {ref: lostStalled}");
        UUID task = ledger.enqueue("lost-stalled");
        await().until(() -> stalled.arrived() == 1);
        one.camel().getRouteController().stopRoute("heartbeat");
        try {
            two.handler("lost-stalled", "redeliveryPolicy: lostRedelivery", "- log: done");
            silence(id(one));
            await().until(() -> ledger.completed("lost-stalled") == 1);
            assertThat(nodes()).doesNotContain(id(one)).contains(id(two));

            stalled.open(); // the first node ends its attempt now, too late
        } finally {
            stalled.open();
            one.camel().getRouteController().startRoute("heartbeat");
        }
        two.removeRoute("tasks/lost-stalled.camel.yaml");
        await().until(() -> two.camel().getRoute("lost-stalled") == null);
        UUID next = ledger.enqueue("lost-stalled");
        await().until(() -> ledger.completed("lost-stalled") == 2);

        assertThat(ledger.sql().queryForMap(HISTORY, task))
                .containsEntry("worker_id", id(two))
                .containsEntry("attempt_count", 2)
                .containsEntry("failure_count", 1);
        assertThat(ledger.sql().queryForMap(HISTORY, next))
                .containsEntry("worker_id", id(one))
                .containsEntry("failure_count", 0);
        ledger.assertEachEndedOnce(List.of(task, next));
    }

    private static String id(RunningApplication node) {
        return node.bean(NodeIdentity.class).id();
    }

    private static List<String> nodes() {
        return ledger.sql().queryForList("select node_id from postrider.worker_nodes", String.class);
    }

    /** As if its last heartbeat were long ago. */
    private static void silence(String node) {
        assertThat(ledger.sql()
                        .update(
                                "update postrider.worker_nodes set heartbeat_at = now() - interval '21 s' where node_id = ?",
                                node))
                .isEqualTo(1);
    }

    private static List<UUID> claim(String node, String taskType, int slots) {
        return ledger.sql()
                .queryForList(
                        "select task_id from postrider.claim_tasks(?, jsonb_build_object(?, jsonb_build_object('free', ?))) where task_id is not null",
                        UUID.class,
                        node,
                        taskType,
                        slots);
    }

    /** Every word that a node has for a task; returns how many tasks each one changed that changed any. */
    private static List<Integer> saidLate(String node, UUID task, int attempt) {
        return ledger.sql()
                .queryForList("""
                        select written from (
                            select written
                              from (values (?, array[?::uuid], array[?::uuid], array[?::int])) said (n, w, t, a),
                                   postrider.finish_tasks(n, w, t, a)
                            union all
                            select written
                              from (values (?, array[?::uuid], array[?::uuid], array[?::int])) said (n, w, t, a),
                                   (values ('{retry}'::text[]), ('{snooze}'), ('{discard}'), ('{dead}')) outcomes (o),
                                   postrider.end_attempts(n, w, t, a, o, '{late}', '{0}')) words
                         where written > 0
                        """, Integer.class, node, WORKSPACE, task, attempt, node, WORKSPACE, task, attempt);
    }
}
