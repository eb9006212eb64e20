package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;

/** An application that enqueues tasks as payloads with a number, each in a transaction of its own; for one thread. */
final class Sender implements AutoCloseable {

    private final Connection connection;
    private final String beforehand;
    private final PreparedStatement insert;
    private final PickUps pickUps;

    private Sender(Connection connection, String beforehand, String insert, PickUps pickUps) throws SQLException {
        this.connection = connection;
        this.beforehand = beforehand;
        this.insert = connection.prepareStatement(insert);
        this.pickUps = pickUps;
        connection.setAutoCommit(false);
    }

    static Sender toPostrider(RunningApplication application, UUID workspace, String type, PickUps pickUps)
            throws SQLException {
        return new Sender(
                tenant(application),
                "select set_config('app.active_workspace', '%s', true)".formatted(workspace),
                "select postrider.enqueue_task('%s', ?::jsonb)".formatted(type),
                pickUps);
    }

    static Sender toGraphile(DatabaseLocation database, PickUps pickUps) throws SQLException {
        Connection connection = DriverManager.getConnection(database.url(), database.username(), database.password());
        return new Sender(connection, "select 1", "select graphile_worker.add_job('arrive', ?::json)", pickUps);
    }

    /** A connection as a team's application has one. */
    static Connection tenant(RunningApplication application) throws SQLException {
        return DriverManager.getConnection(
                application.database().url(),
                "postrider_tenant_login",
                application.bean(Secrets.class).rolePassword("tenant"));
    }

    /** Inserts a task and leaves the transaction open. */
    void insert() throws SQLException {
        begin(pickUps.next());
    }

    /** Enqueues a task; the clock runs from just before the commit. */
    void send() throws SQLException {
        int number = pickUps.next();
        begin(number);
        pickUps.sent(number);
        connection.commit();
        pickUps.committed(number);
    }

    private void begin(int number) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(beforehand);
        }
        insert.setString(1, "{\"n\": %d}".formatted(number));
        insert.executeQuery().close();
    }

    /**
     * Sends for a while, at gaps that vary at random by half; returns when the time is over.
     *
     * @param gap milliseconds on average
     */
    void send(double gap, Duration duration) throws SQLException {
        long begun = System.nanoTime();
        double due = 0;
        while (System.nanoTime() - begun < duration.toNanos()) {
            due += gap * 1e6 * ThreadLocalRandom.current().nextDouble(0.5, 1.5);
            while (System.nanoTime() - begun < due) {
                LockSupport.parkNanos((long) due - (System.nanoTime() - begun));
            }
            send();
        }
    }

    /** Sends by several senders at once, so many tasks per second in all; returns when the time is over. */
    static void sendTogether(List<Sender> senders, double perSecond, Duration duration) throws Exception {
        List<Benchmark.Work> clients = new ArrayList<>();
        for (Sender sender : senders) {
            clients.add(() -> sender.send(1000 * senders.size() / perSecond, duration));
        }
        Clients.run(clients);
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
