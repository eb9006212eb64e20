package dev.postrider.bench;

import dev.postrider.database.SqlFile;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/** Postrider's own claim and finish statements in bare JDBC loops: as fast as the database lets these statements be. */
final class SqlFloor implements Contestant {

    private static final int BATCH = 500;
    private static final String CLAIM = SqlFile.read("queries/claim-tasks.sql").replaceAll(":#\\$\\{[^}]*}", "?");
    private static final String FINISH = SqlFile.read("queries/finish-tasks.sql");

    private final RunningApplication application;
    private final int connections;
    private final String type;
    private final LongAdder handled = new LongAdder();
    private final List<Thread> loops = new ArrayList<>();
    private volatile boolean stopping;

    SqlFloor(RunningApplication application, int connections) {
        this.application = application;
        this.connections = connections;
        this.type = "bench-floor-" + connections;
    }

    @Override
    public String name() {
        return "SQL floor, %d connection%s".formatted(connections, connections == 1 ? "" : "s");
    }

    @Override
    public String settings() {
        return "claims of %d, each finished by one statement, no handler".formatted(BATCH);
    }

    @Override
    public void fill(int tasks) {
        PostriderQueue.fill(application, type, tasks);
    }

    @Override
    public void start() {
        handled.reset();
        stopping = false;
        for (int i = 0; i < connections; i++) {
            String node = "bench-" + i;
            Thread loop = new Thread(() -> drain(node), node);
            loops.add(loop);
            loop.start();
        }
    }

    private void drain(String node) {
        try (Connection connection = DriverManager.getConnection(
                        application.database().url() + "?stringtype=unspecified",
                        application.database().username(),
                        application.database().password());
                PreparedStatement claim = connection.prepareStatement(CLAIM);
                PreparedStatement finish = connection.prepareStatement(FINISH)) {
            connection.createStatement().execute("select postrider.heartbeat('%1$s', '%1$s', '[]')".formatted(node));
            while (!stopping) {
                if (claimAndFinish(node, connection, claim, finish) == 0) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
            connection.createStatement().execute("delete from postrider.worker_nodes where node_id = '" + node + "'");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private int claimAndFinish(String node, Connection connection, PreparedStatement claim, PreparedStatement finish)
            throws SQLException {
        List<UUID> workspaces = new ArrayList<>();
        List<UUID> tasks = new ArrayList<>();
        List<Integer> attempts = new ArrayList<>();
        claim.setString(1, node);
        claim.setString(2, "{\"%s\": {\"free\": %d}}".formatted(type, BATCH));
        try (ResultSet rows = claim.executeQuery()) {
            while (rows.next()) {
                if (rows.getObject("task_id") != null) {
                    tasks.add(rows.getObject("task_id", UUID.class));
                    workspaces.add(rows.getObject("workspace_id", UUID.class));
                    attempts.add(rows.getInt("attempt_count"));
                }
            }
        }
        finish.setString(1, node);
        finish.setArray(2, connection.createArrayOf("uuid", workspaces.toArray()));
        finish.setArray(3, connection.createArrayOf("uuid", tasks.toArray()));
        finish.setArray(4, connection.createArrayOf("integer", attempts.toArray()));
        int written = 0;
        while (written < tasks.size()) { // what the other loop's claim has locked is offered again
            try (ResultSet result = finish.executeQuery()) {
                result.next();
                written += result.getInt("written");
            }
        }
        handled.add(tasks.size());
        return tasks.size();
    }

    @Override
    public long handled() {
        return handled.sum();
    }

    @Override
    public boolean isDrained() {
        return PostriderQueue.isDrained(application, type);
    }

    @Override
    public void stop() throws InterruptedException {
        stopping = true;
        for (Thread loop : loops) {
            loop.join();
        }
        loops.clear();
    }

    @Override
    public double cpu() throws IOException {
        return ProcessorTime.of(ProcessHandle.current().pid());
    }

    @Override
    public void tidy() {
        application.sql().execute("vacuum analyze");
        application.sql().execute("checkpoint");
    }

    @Override
    public void close() {
        // nothing is kept open
    }
}
