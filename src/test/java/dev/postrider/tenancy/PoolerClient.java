package dev.postrider.tenancy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;

/** A client of a pooler that works for one workspace after the other, well and badly, and checks every row it sees. */
final class PoolerClient implements Callable<PoolerClient.Seen> {

    /** What clients have seen: rows of others, errors that nobody meant, and what was there to see. */
    static final class Seen {

        private final List<String> leaks = new ArrayList<>();
        private final List<String> troubles = new ArrayList<>();
        private final List<String> written = new ArrayList<>();
        private int transactions;
        private int rows;

        /** Rows of another workspace, seen or written. */
        List<String> leaks() {
            return leaks;
        }

        /** Errors other than the intended ones and lost connections. */
        List<String> troubles() {
            return troubles;
        }

        /** Names of the assets whose commit was confirmed. */
        List<String> written() {
            return written;
        }

        /** How many came to the end that was meant for them. */
        int transactions() {
            return transactions;
        }

        int rows() {
            return rows;
        }

        void add(Seen other) {
            leaks.addAll(other.leaks);
            troubles.addAll(other.troubles);
            written.addAll(other.written);
            transactions += other.transactions;
            rows += other.rows;
        }

        private void row(UUID owner, String of, String where) {
            rows++;
            if (!of.contains(owner.toString())) {
                leaks.add("%s: in workspace %s a row of %s".formatted(where, owner, of));
            }
        }
    }

    private final RunningApplication application;
    private final String url;
    private final Map<UUID, String> keys;
    private final int transactions;
    private final boolean local;
    private final Random random;
    private final Seen seen = new Seen();
    private Connection connection;

    /**
     * @param keys the workspaces, with an API key of each
     * @param local whether the workspace is named for the transaction, or, which is the mistake, for the session
     */
    PoolerClient(
            RunningApplication application,
            String url,
            Map<UUID, String> keys,
            int transactions,
            boolean local,
            long seed) {
        this.application = application;
        this.url = url;
        this.keys = keys;
        this.transactions = transactions;
        this.local = local;
        this.random = new Random(seed);
    }

    @Override
    public Seen call() throws SQLException {
        List<UUID> workspaces = List.copyOf(keys.keySet());
        for (int i = 1; i <= transactions; i++) {
            try {
                work(workspaces.get(random.nextInt(workspaces.size())));
                seen.transactions++;
            } catch (SQLException e) {
                // Somebody killed the server connection; the pooler then ends the client's.
                if (!e.getSQLState().startsWith("08") && !e.getSQLState().startsWith("57P")) {
                    seen.troubles.add(e.getSQLState() + " " + e.getMessage());
                }
                disconnect();
            }
            if (random.nextInt(100) == 0) {
                killAServerConnection();
            }
        }
        disconnect();
        return seen;
    }

    private void work(UUID workspace) throws SQLException {
        switch (random.nextInt(10)) {
            case 0, 1, 2 -> {
                name(workspace);
                read(workspace);
                connection.commit();
            }
            case 3, 4 -> {
                name(workspace);
                String asset = write(workspace, "kept");
                read(workspace);
                connection.commit();
                seen.written.add(asset);
            }
            case 5 -> {
                name(workspace);
                write(workspace, "undone");
                connection.rollback();
            }
            case 6 -> {
                name(workspace);
                write(workspace, "undone");
                refused("select 1 / 0", "22012");
            }
            case 7 -> {
                name(workspace);
                write(workspace, "undone");
                disconnect();
            }
            case 8 -> {
                connect();
                try (Statement statement = connection.createStatement();
                        ResultSet row = statement.executeQuery("select workspace_id from workspace_assets limit 1")) {
                    if (row.next()) {
                        seen.leaks.add("without a workspace a row of " + row.getString(1));
                    }
                }
                refused(
                        "insert into workspace_assets (workspace_id, name) values ('%s', '%s/undone/%s')"
                                .formatted(workspace, workspace, UUID.randomUUID()),
                        "42501");
            }
            default -> callTheApi(workspace);
        }
    }

    private void name(UUID workspace) throws SQLException {
        connect();
        try (PreparedStatement statement =
                connection.prepareStatement("select set_config('app.active_workspace', ?, " + local + ")")) {
            statement.setString(1, workspace.toString());
            statement.execute();
        }
    }

    private void read(UUID workspace) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(10); // a cursor, whose later parts are fetched one by one
            try (ResultSet rows =
                    statement.executeQuery("select workspace_id, name from workspace_assets order by name limit 50")) {
                while (rows.next()) {
                    seen.row(workspace, rows.getString(1), "read");
                    seen.row(workspace, rows.getString(2), "read");
                }
            }
        }
    }

    private String write(UUID workspace, String fate) throws SQLException {
        String asset = "%s/%s/%s".formatted(workspace, fate, UUID.randomUUID());
        try (PreparedStatement statement = connection.prepareStatement(
                "insert into workspace_assets (workspace_id, name) values (postrider.active_workspace(), ?)")) {
            statement.setString(1, asset);
            statement.execute();
        }
        return asset;
    }

    /** Runs a statement that has to fail, and rolls back. */
    private void refused(String sql, String state) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
            seen.leaks.add("not refused: " + sql);
        } catch (SQLException e) {
            if (!state.equals(e.getSQLState())) {
                throw e;
            }
        }
        connection.rollback();
    }

    private void callTheApi(UUID workspace) {
        String key = keys.get(workspace);
        Answer accepted = application.send(
                key,
                "POST",
                "/v1/tasks",
                "{\"taskType\": \"of-%s\", \"scheduledAt\": \"2040-01-01T00:00:00Z\"}".formatted(workspace));
        Answer list = application.send(key, "GET", "/v1/tasks?limit=20", null);
        for (Answer answer : List.of(accepted, list)) {
            if (answer.status() >= 400 && answer.status() != 503) {
                seen.troubles.add(answer.status() + " " + answer.body());
            }
        }
        if (list.status() == 200) {
            for (JsonNode task : list.json().get("items")) {
                seen.row(workspace, task.get("taskType").asText(), "API");
            }
        }
    }

    private void connect() throws SQLException {
        if (connection == null) {
            connection = DriverManager.getConnection(
                    url + "?prepareThreshold=0",
                    "postrider_tenant_login",
                    application.bean(Secrets.class).rolePassword("tenant"));
            connection.setAutoCommit(false);
        }
    }

    /** Without a word to the server, whatever transaction is open. */
    private void disconnect() throws SQLException {
        if (connection != null) {
            connection.abort(Runnable::run);
            connection = null;
        }
    }

    private void killAServerConnection() {
        application.sql().queryForList("""
                select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and usename = 'postrider_tenant_login'
                 order by random() limit 1""");
    }
}
