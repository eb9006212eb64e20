package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a node makes of a database that goes away, comes back, cuts its connections, or refuses what it writes. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class LostDatabaseTest {

    private static final String LISTENING =
            "select pid from pg_stat_activity where application_name like '%listening%'";

    @TempDir
    private Path directory;

    private LocalFolder folder;
    private EmbeddedServer server;
    private RunningApplication application;
    private Ledger ledger;

    @BeforeEach
    void start() {
        folder = LocalFolder.open(directory);
        server = startServer();
        application = RunningApplication.on(server.location());
        ledger = new Ledger(application.sql());
    }

    @AfterEach
    void stop() throws Exception {
        application.close();
        server.close();
        folder.close();
    }

    @Test
    void tasks_survive_a_crash_and_a_stop_of_the_database_while_they_run() throws Exception {
        application.handler("base-lost", "concurrency: 4\nprefetch: 50", "- delay: {constant: \"2\"}");
        application.handler("base-after", "", "- log: done");
        List<UUID> accepted = ledger.enqueue("base-lost", 4_000);
        await().until(() -> ledger.completed("base-lost") > 300);

        crashServer();
        server = startServer();
        int before = ledger.completed("base-lost");
        assertThat(before).isLessThan(4_000);
        await().until(() -> ledger.completed("base-lost") > before + 300);

        server.close();
        server = startServer();
        await().until(() -> ledger.count("select count(*) from postrider.background_tasks") == 0);

        ledger.assertEachEndedOnce(accepted);
        assertThat(ledger.count("select max(failure_count) from postrider.task_history"))
                .as("an outage is no failure of a handler")
                .isZero();
        await().until(() -> listening().size() == 1);
        assertWokenByNotifications();
        ledger.enqueue("base-after");
        await().until(() -> ledger.completed("base-after") == 1);
    }

    @Test
    void tasks_survive_that_every_connection_is_cut_again_and_again_while_they_run() {
        application.handler("base-cut", "concurrency: 4\nprefetch: 50", "- delay: {constant: \"2\"}");
        List<UUID> accepted = ledger.enqueue("base-cut", 3_000);

        for (int round = 1; round <= 10; round++) {
            int enough = round * 200;
            await().until(() -> ledger.completed("base-cut") >= enough);
            ledger.sql()
                    .queryForList("select pg_terminate_backend(pid) from pg_stat_activity"
                            + " where pid <> pg_backend_pid() and backend_type = 'client backend'");
        }
        await().until(() -> ledger.count("select count(*) from postrider.background_tasks") == 0);

        ledger.assertEachEndedOnce(accepted);
        await().until(() -> listening().size() == 1);
    }

    @Test
    void a_notification_still_arrives_after_the_listening_backend_was_killed_many_times() {
        for (int kill = 1; kill <= 6; kill++) {
            await().until(() -> listening().size() == 1);
            int killed = listening().get(0);
            ledger.sql().queryForList("select pg_terminate_backend(?)", killed);
            await().until(() -> listening().size() == 1 && !listening().contains(killed));
            assertWokenByNotifications();
            assertThat(listening()).as("after kill %d", kill).hasSize(1);
        }
    }

    @Test
    void a_claim_whose_answer_was_lost_leaves_no_task_behind() {
        application.handler("base-claimed", "", "- log: done");
        List<UUID> accepted = ledger.enqueue("base-claimed", 1);
        await().until(() -> ledger.completed("base-claimed") == 1);
        // The commit of a claim whose connection breaks before the rows arrive, which no timing brings about for sure.
        List<UUID> unheard = ledger.sql().queryForList("""
                with enqueued as materialized (
                    select postrider.enqueue_task('base-unheard')
                      from (select set_config('app.active_workspace', ?, true)) workspace, generate_series(1, 3))
                select enqueue_task from enqueued""", UUID.class, RunningApplication.WORKSPACE.toString());
        assertThat(ledger.sql()
                        .queryForList(
                                "select task_id from postrider.claim_tasks(?, '{\"base-unheard\": {\"free\": 3}}') where task_id is not null",
                                UUID.class,
                                application.bean(NodeIdentity.class).id()))
                .containsExactlyInAnyOrderElementsOf(unheard);
        application.handler("base-unheard", "", "- log: done");

        ledger.sql()
                .queryForList("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                        + " and usename = 'postrider_dispatcher_login'");
        await().until(() -> ledger.completed("base-unheard") == 3);

        ledger.assertEachEndedOnce(accepted);
        ledger.assertEachEndedOnce(unheard);
        assertThat(ledger.count("select max(failure_count) from postrider.task_history"))
                .isZero();
    }

    @Test
    void an_outcome_that_the_database_refuses_holds_up_no_other_and_is_written_when_it_no_longer_does() {
        ledger.sql().execute("""
                create function public.refuse() returns trigger language plpgsql as $$
                begin
                    if (new.payload ->> 'n')::int = 7 then
                        raise check_violation using message = 'refused by the test';
                    end if;
                    return new;
                end $$;
                create trigger refuse before insert on postrider.task_history
                    for each row execute function public.refuse()""");
        List<UUID> accepted = ledger.enqueue("base-refused", 50);
        application.handler("base-refused", "concurrency: 2\nprefetch: 50", "- delay: {constant: \"2\"}");
        await().until(() -> ledger.completed("base-refused") == 49);
        assertThat(ledger.open("base-refused", "processing")).isEqualTo(1);

        ledger.sql().execute("drop trigger refuse on postrider.task_history");
        await().until(() -> ledger.completed("base-refused") == 50);

        ledger.assertEachEndedOnce(accepted);
        assertThat(ledger.count(
                        "select max(attempt_count) from postrider.task_history where task_type = 'base-refused'"))
                .isEqualTo(1);
    }

    @Test
    void while_outcomes_are_refused_claiming_stops_before_they_fill_the_memory() {
        ledger.sql()
                .execute("alter table postrider.task_history add constraint refuse check (task_type <> 'base-many')");
        List<UUID> accepted = ledger.enqueue("base-many", 8_000);
        application.handler("base-many", "concurrency: 2\nprefetch: 500", "- setProperty: {name: done, constant: x}");
        await().during(Duration.ofSeconds(2)).until(() -> {
            long held = ledger.open("base-many", "processing");
            return held > 5_000 && held < 5_000 + 2 * 500 + 500;
        });

        ledger.sql().execute("alter table postrider.task_history drop constraint refuse");
        await().atMost(Duration.ofMinutes(1)).until(() -> ledger.completed("base-many") == 8_000);

        ledger.assertEachEndedOnce(accepted);
    }

    private EmbeddedServer startServer() {
        return EmbeddedServer.start(folder, 0, "secret", Map.of());
    }

    /** SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, the next start recovers from the log. */
    private void crashServer() throws Exception {
        String pid = Files.readAllLines(directory.resolve("data/postmaster.pid"))
                .get(0)
                .strip();
        ProcessHandle postmaster = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
        new ProcessBuilder("kill", "-QUIT", pid).start().waitFor();
        postmaster.onExit().get(1, TimeUnit.MINUTES);
        server.close(); // lets go of the folder
    }

    private List<Integer> listening() {
        return ledger.sql().queryForList(LISTENING, Integer.class);
    }

    /** Several, one after the other: a new connection wakes the claim once without any notification. */
    private void assertWokenByNotifications() {
        for (int i = 0; i < 3; i++) {
            double before = wakes();
            ledger.sql().queryForList("select pg_notify('postrider_wake', '')");
            await().until(() -> wakes() > before);
        }
    }

    private double wakes() {
        return application
                .bean(MeterRegistry.class)
                .counter("postrider.wake", "by", "notify")
                .count();
    }
}
