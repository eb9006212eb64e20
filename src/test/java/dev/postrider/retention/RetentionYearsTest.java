package dev.postrider.retention;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.ClockedServer;
import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.NeedsFaketime;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;

/** What becomes of partitions while the clock of the database runs for years, or jumps. */
@ExtendWith(NeedsFaketime.class)
class RetentionYearsTest {

    @TempDir
    private Path directory;

    private ClockedServer server;
    private MigratedDatabase database;
    private JdbcTemplate sql;
    private UUID workspace;

    @BeforeEach
    void start() {
        server = ClockedServer.start(directory);
        database = MigratedDatabase.of(server.location());
        sql = database.sql();
        workspace = database.newWorkspace();
    }

    @AfterEach
    void stop() throws Exception {
        server.close();
    }

    /** With a routine that does not run for half a year in the middle: what is inserted meanwhile makes its own partitions. */
    @Test
    void two_years_pass_while_tasks_and_events_come_and_end() throws Exception {
        PartitionRoutine routine = new PartitionRoutine(database.owner(), Duration.ofSeconds(1));
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger made = new AtomicInteger();
        List<CompletableFuture<Void>> work = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            String node = "node-" + i;
            work.add(CompletableFuture.runAsync(() -> {
                while (!over.get()) {
                    workOne(node);
                    made.incrementAndGet();
                }
            }));
        }
        for (int day = 0; day <= 730; day++) {
            server.shift(Duration.ofDays(day));
            int before = made.get();
            if (day % 5 == 0 && (day < 300 || day > 480)) {
                lookAfter(routine);
            }
            await().until(() -> made.get() > before || work.stream().anyMatch(CompletableFuture::isDone));
        }
        over.set(true);
        work.forEach(CompletableFuture::join); // no insert has failed
        lookAfter(routine);

        assertThat(count("postrider.system_events where event_type = 'partitions.made-late'"))
                .as("while the routine did not run, inserts made partitions four months at a time")
                .isBetween(1, 3);
        assertThat(sql.queryForList("""
                select table_name, count(*), bool_and(until > now() - interval '400 days') as young from postrider.partitions group by 1"""))
                .hasSize(5)
                .allSatisfy(table -> assertThat(table).containsEntry("young", true))
                .allSatisfy(table -> assertThat((Long) table.get("count")).isBetween(16L, 19L));
        assertThat(count("postrider.partition_drops where dropped_at is not null"))
                .as("of two years and a month eleven months are older than 400 days, in five tables")
                .isBetween(50, 60);
        assertThat(count("postrider.partition_drops where dropped_at is null")).isZero();
        assertThat(count("postrider.task_history where completed_at < now() - interval '432 days'"))
                .isZero();
        assertThat(count("postrider.background_tasks")).isZero();
        assertThat(sql.queryForList("select * from postrider.accounting where unaccounted <> 0"))
                .isEmpty();
        assertThat(sql.queryForList("select * from postrider.isolation_breaches"))
                .isEmpty();
    }

    @Test
    void a_clock_that_jumps_ahead_and_back_again_stops_nothing() {
        for (int days : new int[] {0, 3_000, 1_000, 3_100, -400, 20, 0}) {
            server.shift(Duration.ofDays(days));
            for (int i = 0; i < 3; i++) {
                workOne("node");
            }
            assertThat(count("postrider.task_history where completed_at between now() - interval '1 hour' and now()"))
                    .as("after a jump to day %d", days)
                    .isGreaterThanOrEqualTo(3);
        }
        assertThat(count("postrider.task_history")).isEqualTo(21);
        assertThat(sql.queryForList("select * from postrider.accounting where unaccounted <> 0"))
                .isEmpty();
    }

    /** What a node does each hour; partitions of tasks are dropped only once the books have counted them. */
    private void lookAfter(PartitionRoutine routine) {
        sql.execute("do $$ begin while postrider.keep_books() loop commit; end loop; end $$"); // an hour at a time
        routine.run();
    }

    /** What an application and a node do: publish, enqueue, claim and end. */
    private void workOne(String node) {
        String task = database.as("tenant", workspace, tenant -> {
            tenant.queryForObject("select postrider.publish_event('order.changed', '{}')", String.class);
            return tenant.queryForObject("select postrider.enqueue_task('years')", String.class);
        });
        sql.update(
                "update postrider.background_tasks set task_status = 'processing', worker_id = ?, attempt_count = 1, ready = false where task_id = ?::uuid",
                node,
                task);
        database.as(
                "dispatcher",
                null,
                dispatcher -> dispatcher.queryForObject(
                        "select written from postrider.finish_tasks(?, array [?]::uuid[], array [?]::uuid[], array [1])",
                        Integer.class,
                        node,
                        workspace.toString(),
                        task));
    }

    private int count(String from) {
        return sql.queryForObject("select count(*) from " + from, Integer.class);
    }
}
