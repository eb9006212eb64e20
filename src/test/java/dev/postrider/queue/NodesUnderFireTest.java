package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.NodeProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three nodes of which one is killed with -9 every few seconds, while tasks of five workspaces end in every possible way. */
class NodesUnderFireTest {

    private static final int TASKS = 50_000;
    private static final int MORE = 5_000; // fuel for a machine on which nodes start slowly
    private static final int NODES = 3;
    private static final int KILLS = 8;
    private static final Duration BETWEEN_KILLS = Duration.ofSeconds(8);
    private static final Duration PATIENCE = Duration.ofMinutes(6);

    private final MigratedDatabase database = MigratedDatabase.create();
    private final Ledger ledger = new Ledger(database.sql());
    private final Random random = new Random(4);
    private final List<NodeProcess> nodes = new ArrayList<>();
    private int starts;

    @TempDir
    private Path directory;

    @AfterEach
    void endWhatRuns() throws InterruptedException {
        for (NodeProcess node : nodes) {
            node.kill();
        }
    }

    @Test
    void each_task_ends_once_no_attempt_is_made_twice_and_no_dead_node_keeps_a_task() throws Exception {
        // What handlers write down themselves, beside what the queue says of them.
        database.sql().execute("""
                create table public.runs (workspace_id uuid not null, task_id uuid not null, attempt int not null, at timestamptz not null default clock_timestamp());
                alter table public.runs owner to postrider_owner;
                grant usage on schema public to postrider_tenant;
                select postrider.isolate('public.runs')""");
        layRoutes();
        for (int i = 0; i < NODES; i++) {
            nodes.add(start());
        }
        await().atMost(PATIENCE).until(() -> nodes.stream().allMatch(NodeProcess::isReady));
        List<UUID> workspaces = Stream.generate(database::newWorkspace).limit(5).toList();
        Set<UUID> accepted = new HashSet<>();
        accepted.addAll(enqueue(workspaces, TASKS));
        for (UUID workspace : workspaces) {
            database.as("tenant", workspace, sql -> sql.queryForList("select postrider.set_task_limit('l', 5)"));
        }

        int killed = 0;
        for (long left = TASKS; left > 1_000 || killed < KILLS; left = fuel()) {
            if (left < MORE && killed < KILLS) {
                accepted.addAll(enqueue(workspaces, MORE));
            }
            Thread.sleep(BETWEEN_KILLS.toMillis()); // the fire's beat; nothing waits for it
            assertThat(ledger.count("""
                    select coalesce(max(n), 0) from (select count(*) as n from postrider.background_tasks
                     where task_status = 'processing' and limit_key = 'l' group by workspace_id) running""")).isLessThanOrEqualTo(5);
            cancelSome(workspaces);
            List<NodeProcess> ready =
                    nodes.stream().filter(NodeProcess::isReady).toList();
            if (ready.size() > 1) { // the last one is there to take the tasks of the others over
                NodeProcess victim = ready.get(random.nextInt(ready.size()));
                victim.kill();
                nodes.set(nodes.indexOf(victim), start());
                killed++;
            }
        }
        await().atMost(PATIENCE).until(() -> ledger.count("select count(*) from postrider.background_tasks") == 0);

        ledger.assertEachEndedOnce(accepted);
        assertThat(
                        ledger.count(
                                "select count(*) from (select from public.runs group by task_id, attempt having count(*) > 1) twice"))
                .as("attempts that were made twice")
                .isZero();
        for (String status : List.of("completed", "discarded", "cancelled")) {
            assertThat(ledger.count("select count(*) from postrider.task_history where task_status = ?", status))
                    .as(status)
                    .isPositive();
        }
        assertThat(ledger.count("select count(*) from postrider.dead_letters")).isPositive();
        await().atMost(PATIENCE).until(() -> ledger.count("select count(*) from postrider.worker_nodes") == NODES);
        // One that is killed before its first heartbeat was never a node.
        assertThat(ledger.count("select count(*) from postrider.system_events where event_type = 'node.died'"))
                .isBetween(1, killed);
        assertThat(database.sql().queryForObject("""
                select max(extract(epoch from occurred_at - (payload ->> 'silentSince')::timestamptz))
                  from postrider.system_events where event_type = 'node.died'""", Double.class))
                .as("seconds for which tasks were a dead node's")
                .isLessThan(35);
    }

    private long fuel() {
        return ledger.count("select count(*) from postrider.background_tasks where task_type = 'fire'");
    }

    private List<UUID> enqueue(List<UUID> workspaces, int tasks) {
        return workspaces.stream()
                .flatMap(workspace ->
                        database
                                .as(
                                        "tenant",
                                        workspace,
                                        sql -> sql.queryForList("""
                        select unnest(postrider.enqueue_tasks(jsonb_agg(jsonb_build_object(
                                   'taskType', 'fire', 'payload', jsonb_build_object('n', n),
                                   'orderingKey', case when n % 50 = 0 then 'o' || n % 7 end,
                                   'limitKey', case when n % 9 = 0 then 'l' end))))
                          from generate_series(1, ?) n""", UUID.class, tasks / workspaces.size()))
                                .stream())
                .toList();
    }

    private void cancelSome(List<UUID> workspaces) {
        for (UUID workspace : workspaces) {
            database.as("tenant", workspace, sql -> sql.queryForList("""
                    select postrider.cancel_task(task_id)
                      from (select task_id from postrider.background_tasks where task_type = 'fire'
                             order by task_status desc limit 20) chosen"""));
        }
    }

    private void layRoutes() throws IOException {
        Path tasks = Files.createDirectories(directory.resolve("routes/tasks"));
        Files.writeString(tasks.resolve("fire.camel.yaml"), """
                - beans:
                    - name: fireRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties:
                        maximumRedeliveries: 3
                        redeliveryDelay: 200
                        backOffMultiplier: 2
                        useCollisionAvoidance: true
                - route:
                    id: fire
                    description: Ends in every way, at random.
                    from:
                      uri: kamelet:task-source
                      parameters:
                        taskType: fire
                        concurrency: 8
                        prefetch: 80
                        redeliveryPolicy: fireRedelivery
                      steps:
                        - to: direct:fire.run
                        - delay: {simple: "${random(1,4)}", asyncDelayed: false}
                        - setProperty: {name: dice, simple: "${random(100)}"}
                        - choice:
                            when:
                              - simple: "${exchangeProperty.dice} < 10"
                                steps:
                                  - throwException: {exceptionType: java.lang.IllegalStateException, message: bad luck}
                              - simple: "${exchangeProperty.dice} < 12"
                                steps:
                                  - throwException: {exceptionType: dev.postrider.Discard, message: not worth it}
                              - simple: "${exchangeProperty.dice} < 14 && ${exchangeProperty.attempt} < 3"
                                steps:
                                  - throwException: {exceptionType: dev.postrider.Snooze, message: "300"}
                              - simple: "${body[n]} range '100..110'"
                                steps:
                                  - throwException: {exceptionType: java.lang.IllegalStateException, message: never works}
                - route:
                    id: fire.run
                    description: Writes down that the handler ran.
                    from:
                      uri: direct:fire.run
                      steps:
                        - transacted: {ref: workspace}
                        - to:
                            uri: sql:classpath:fire-run.sql
                            parameters: {dataSource: "#tenant"}
                """);
    }

    private NodeProcess start() throws IOException {
        return NodeProcess.start(directory, String.valueOf(++starts), database.location());
    }
}
