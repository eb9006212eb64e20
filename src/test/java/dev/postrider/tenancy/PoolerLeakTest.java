package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.NeedsPgBouncer;
import dev.postrider.testkit.PgBouncer;
import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.jdbc.core.JdbcTemplate;

/** Workspaces that take turns on the few server connections of a transaction pooler see nothing of each other. */
@ExtendWith(NeedsPgBouncer.class)
class PoolerLeakTest {

    private static final int CLIENTS = 64;

    private static DatabaseLocation database;
    private static PgBouncer pooler;
    private static RunningApplication application;
    private static Map<UUID, String> keys;

    @BeforeAll
    static void eightWorkspaces() {
        DatabaseLocation direct = TestDatabase.newDatabase();
        pooler = PgBouncer.start(direct);
        database = pooler.before(direct);
        application = RunningApplication.on(database);
        keys = new TreeMap<>();
        for (int i = 0; i < 8; i++) {
            UUID workspace = application.newWorkspace();
            keys.put(workspace, application.newKey(workspace));
        }
    }

    @AfterAll
    static void stop() {
        application.close();
        pooler.close();
    }

    @Test
    void thousands_of_transactions_of_many_clients_see_and_write_no_row_of_another_workspace() throws Exception {
        PoolerClient.Seen seen = run(pooler, 60, true);

        assertThat(seen.leaks()).isEmpty();
        assertThat(seen.troubles()).isEmpty();
        assertThat(seen.transactions()).isGreaterThan(3_000);
        assertThat(seen.rows()).isGreaterThan(10_000);
        JdbcTemplate sql = application.sql();
        List<String> assets = sql.queryForList("select name from postrider.workspace_assets", String.class);
        assertThat(assets).containsAll(seen.written()).noneMatch(name -> name.contains("/undone/"));
        assertThat(sql.queryForList(
                        "select name from postrider.workspace_assets where split_part(name, '/', 1) <> workspace_id::text",
                        String.class))
                .as("rows that one workspace wrote for another")
                .isEmpty();
        assertThat(sql.queryForList(
                        "select task_type from postrider.background_tasks where task_type <> 'of-' || workspace_id",
                        String.class))
                .as("tasks that one workspace enqueued for another")
                .isEmpty();
        assertThat(sql.queryForObject(
                        "select count(*) from pg_stat_activity where datname = current_database() and usename = 'postrider_tenant_login'",
                        Integer.class))
                .as("server connections that all of them shared")
                .isBetween(1, 4);
    }

    @Test
    void the_same_clients_are_caught_when_they_name_their_workspace_for_the_session() throws Exception {
        try (PgBouncer spoilt = PgBouncer.start(database)) {
            assertThat(run(spoilt, 20, false).leaks()).isNotEmpty();
        }
    }

    private static PoolerClient.Seen run(PgBouncer through, int transactions, boolean local) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        try {
            List<Callable<PoolerClient.Seen>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                String url = through.before(database).url();
                clients.add(new PoolerClient(application, url, keys, transactions, local, i));
            }
            PoolerClient.Seen all = new PoolerClient.Seen();
            for (Future<PoolerClient.Seen> client : threads.invokeAll(clients)) {
                all.add(client.get());
            }
            return all;
        } finally {
            threads.shutdownNow();
        }
    }
}
