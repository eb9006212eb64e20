package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** Who may notify the nodes, so that they hear of new tasks and enqueueing does not wait for it. */
class WakeUpTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final int GATES = 707735051;

    private final UUID workspace = DATABASE.newWorkspace();

    @Test
    void a_transaction_that_goes_on_to_add_tasks_keeps_one_gate_from_others_and_notifies_once() throws Exception {
        try (Connection listening = listen()) {
            Integer gates = DATABASE.as("tenant", workspace, sql -> {
                for (int i = 0; i < 3; i++) {
                    sql.queryForList("select postrider.enqueue_task('woken'), pg_sleep(0.06)");
                }
                return sql.queryForObject(
                        "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory' and classid = ?",
                        Integer.class,
                        GATES);
            });
            assertThat(gates).isOne();
            assertThat(notifications(listening)).isOne();
        }
    }

    @Test
    void a_transaction_that_finds_the_gate_taken_does_not_notify_and_the_next_one_does() throws Exception {
        try (Connection listening = listen();
                Connection holder = DATABASE.connection();
                Statement hold = holder.createStatement()) {
            holder.setAutoCommit(false);
            hold.execute("""
                    select pg_advisory_xact_lock(%d, gate::bit(31)::int)
                      from generate_series(0, 600) further
                     cross join lateral (select (extract(epoch from clock_timestamp()) * 20)::bigint + further as gate) gates""".formatted(GATES));
            enqueue();
            assertThat(notifications(listening)).isZero();
            holder.commit();

            enqueue();
            assertThat(notifications(listening)).isOne();
        }
    }

    private void enqueue() {
        DATABASE.as("tenant", workspace, sql -> sql.queryForList("select postrider.enqueue_task('woken')"));
    }

    private static Connection listen() throws SQLException {
        Connection connection = DATABASE.connection();
        try (Statement statement = connection.createStatement()) {
            statement.execute("listen postrider_wake");
        }
        return connection;
    }

    /** How many have arrived so far: a notification of the test's own comes behind those that were committed before. */
    private static long notifications(Connection connection) throws SQLException {
        DATABASE.sql().queryForList("select pg_notify('postrider_wake', 'last')");
        List<String> heard = new ArrayList<>();
        while (!heard.contains("last")) {
            for (PGNotification one : connection.unwrap(PGConnection.class).getNotifications(10_000)) {
                heard.add(one.getParameter());
            }
        }
        return heard.size() - 1L;
    }
}
