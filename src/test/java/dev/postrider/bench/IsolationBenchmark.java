package dev.postrider.bench;

import dev.postrider.database.SqlFile;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.ToDoubleFunction;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Prints what the policies cost a workspace that reads a page of its assets, beside the same query with the workspace
 * written into it by hand and no policies; and fails when that is more than 0.1 ms at the 99th percentile, or 5 % at
 * the median.
 *
 * <p>Both read the same page one after the other, in an order drawn each time, so that both meet the same machine; both
 * name the workspace first, so that nothing but the policy differs. What naming it costs is measured by leaving it out.
 */
public final class IsolationBenchmark {

    private static final int ROWS = 1_000_000;
    private static final int PAGE = 50;
    private static final int WARM_UP = 3_000;
    private static final int ROUNDS = 5;
    private static final int READS = 6_000;
    private static final double ALLOWED_MILLISECONDS = 0.1;
    private static final double ALLOWED_RATIO = 1.05;

    private static final String NAME_WORKSPACE = SqlFile.read("queries/enter-workspace.sql");
    private static final String BY_POLICY =
            SqlFile.read("queries/list-assets.sql").replaceAll(":#\\$\\{[^}]*}", "?");
    private static final String BY_HAND = BY_POLICY.replace(" where ", " where workspace_id = ? and ");

    private final RunningApplication application;
    private final Random random = new Random(1);

    private IsolationBenchmark(RunningApplication application) {
        this.application = application;
    }

    public static void main(String[] arguments) throws Exception {
        RunningApplication application = Benchmark.application(Map.of("shared_buffers", "512MB"));
        application.camel().stop(); // its polls would be measured too
        IsolationBenchmark benchmark = new IsolationBenchmark(application);
        application.sql().execute("create role bench login bypassrls password 'bench' in role postrider_tenant");
        boolean withinBounds = benchmark.run(400) & benchmark.run(5_000);
        System.exit(withinBounds ? 0 : 1);
    }

    /** Returns whether the policies cost no more than is allowed, with statements prepared on the server. */
    private boolean run(int workspaces) throws SQLException {
        fill(workspaces);
        System.out.printf("%n%,d assets in %,d workspaces, pages of %d%n", ROWS, workspaces, PAGE);
        boolean withinBounds = measure(workspaces, 5, "prepared on the server, as on a direct connection");
        measure(workspaces, 0, "planned each time, as through a transaction pooler");
        return withinBounds;
    }

    private boolean measure(int workspaces, int prepareThreshold, String how) throws SQLException {
        try (Reader policy = new Reader("policy", tenant(prepareThreshold), true, BY_POLICY, false);
                Reader hand = new Reader("by hand", bypassing(prepareThreshold), true, BY_HAND, true);
                Reader bare =
                        new Reader("by hand, workspace not named", bypassing(prepareThreshold), false, BY_HAND, true)) {
            List<Reader> readers = List.of(policy, hand, bare);
            readInTurns(readers, workspaces, WARM_UP);
            List<double[][]> rounds = new ArrayList<>();
            for (int round = 0; round < ROUNDS; round++) {
                rounds.add(readInTurns(readers, workspaces, READS));
            }
            double ratio = median(rounds, round -> p50(round[0]) / p50(round[1]));
            double difference = median(rounds, round -> p99(round[0]) - p99(round[1]));
            System.out.printf(
                    "%nStatements %s; milliseconds, medians of %d rounds of %,d reads each%n%-30s %8s %8s%n",
                    how, ROUNDS, READS, "", "p50", "p99");
            for (int i = 0; i < readers.size(); i++) {
                int reader = i;
                System.out.printf(
                        "%-30s %8.3f %8.3f%n",
                        readers.get(i).name,
                        median(rounds, round -> p50(round[reader])),
                        median(rounds, round -> p99(round[reader])));
            }
            System.out.printf(
                    "policy beside by hand: ratio of medians %.3f (%s), p99 %+.3f ms (%s); naming the workspace: %.3f ms%n",
                    ratio,
                    each(rounds, "%.3f", round -> p50(round[0]) / p50(round[1])),
                    difference,
                    each(rounds, "%+.3f", round -> p99(round[0]) - p99(round[1])),
                    median(rounds, round -> p50(round[1]) - p50(round[2])));
            if (prepareThreshold > 0) {
                policy.printPlan();
                hand.printPlan();
                System.out.printf(
                        "Allowed: ratio %.2f, p99 %.1f ms: %s%n",
                        ALLOWED_RATIO,
                        ALLOWED_MILLISECONDS,
                        ratio < ALLOWED_RATIO && difference < ALLOWED_MILLISECONDS ? "kept" : "EXCEEDED");
            }
            return ratio < ALLOWED_RATIO && difference < ALLOWED_MILLISECONDS;
        }
    }

    /** Milliseconds of each reader. */
    private double[][] readInTurns(List<Reader> readers, int workspaces, int reads) throws SQLException {
        double[][] milliseconds = new double[readers.size()][reads];
        List<Integer> order = new ArrayList<>(List.of(0, 1, 2));
        for (int read = 0; read < reads; read++) {
            String workspace = workspace(random.nextInt(workspaces)).toString();
            String before = "2026-01-01T00:00:%02d.%06dZ".formatted(30 + random.nextInt(30), random.nextInt(1_000_000));
            Collections.shuffle(order, random);
            for (int reader : order) {
                long begun = System.nanoTime();
                readers.get(reader).read(workspace, before);
                milliseconds[reader][read] = (System.nanoTime() - begun) / 1e6;
            }
        }
        return milliseconds;
    }

    /** Every workspace has its share of the same minute; foreign keys are not checked, which would take most of the time. */
    private void fill(int workspaces) {
        application.sql().execute("truncate postrider.workspaces cascade");
        application.sql().execute("""
                set session_replication_role = replica;
                insert into postrider.workspaces (workspace_id, name)
                select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bench' from generate_series(0, %1$d) n;
                insert into postrider.workspace_assets (workspace_id, name, media_type, inserted_at)
                select ('00000000-0000-7000-8000-' || lpad(to_hex(n %% %1$d), 12, '0'))::uuid, 'report-' || n || '.csv', 'text/csv'
                     , timestamptz '2026-01-01Z' + n * interval '60 s' / %2$d
                  from generate_series(1, %2$d) n
                """.formatted(workspaces, ROWS));
        application.sql().execute("vacuum analyze postrider.workspace_assets, postrider.workspaces");
        application.sql().execute("checkpoint");
    }

    private static UUID workspace(int number) {
        return new UUID(0x7000, 0x8000_0000_0000_0000L + number);
    }

    private Connection tenant(int prepareThreshold) throws SQLException {
        return connection(
                "postrider_tenant_login", application.bean(Secrets.class).rolePassword("tenant"), prepareThreshold);
    }

    private Connection bypassing(int prepareThreshold) throws SQLException {
        return connection("bench", "bench", prepareThreshold);
    }

    /** With the settings of the tenant's pool. */
    private Connection connection(String username, String password, int prepareThreshold) throws SQLException {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(application.database().url());
        source.setUser(username);
        source.setPassword(password);
        source.setProperty("stringtype", "unspecified");
        source.setPrepareThreshold(prepareThreshold);
        Connection connection = source.getConnection();
        connection.setAutoCommit(false);
        return connection;
    }

    private static double p50(double[] milliseconds) {
        return Benchmark.quantile(0.5, milliseconds);
    }

    private static double p99(double[] milliseconds) {
        return Benchmark.quantile(0.99, milliseconds);
    }

    private static double median(List<double[][]> rounds, ToDoubleFunction<double[][]> figure) {
        return Benchmark.median(rounds.stream().mapToDouble(figure).toArray());
    }

    private static String each(List<double[][]> rounds, String format, ToDoubleFunction<double[][]> figure) {
        return String.join(
                " ",
                rounds.stream()
                        .map(round -> format.formatted(figure.applyAsDouble(round)))
                        .toList());
    }

    /** Reads pages on a connection of its own, each in a transaction. */
    private record Reader(String name, Connection connection, boolean namesWorkspace, String page, boolean filters)
            implements AutoCloseable {

        void read(String workspace, String before) throws SQLException {
            if (namesWorkspace) {
                nameWorkspace(workspace);
            }
            int rows = 0;
            try (PreparedStatement statement = statement("", workspace, before);
                    ResultSet assets = statement.executeQuery()) {
                while (assets.next()) {
                    rows++;
                }
            }
            connection.commit();
            if (rows != PAGE) {
                throw new IllegalStateException("%s read %d rows before %s".formatted(name, rows, before));
            }
        }

        void printPlan() throws SQLException {
            System.out.printf("%nPlan, %s:%n", name);
            nameWorkspace(workspace(1).toString());
            try (PreparedStatement statement = statement(
                            "explain (analyze, buffers, timing off) ",
                            workspace(1).toString(),
                            "2026-01-01T00:00:45Z");
                    ResultSet lines = statement.executeQuery()) {
                while (lines.next()) {
                    System.out.println("  " + lines.getString(1));
                }
            }
            connection.commit();
        }

        private void nameWorkspace(String workspace) throws SQLException {
            try (PreparedStatement statement = connection.prepareStatement(NAME_WORKSPACE)) {
                statement.setString(1, workspace);
                statement.setString(2, "bench");
                statement.executeQuery().close();
            }
        }

        private PreparedStatement statement(String explain, String workspace, String before) throws SQLException {
            PreparedStatement statement = connection.prepareStatement(explain + page);
            int parameter = 1;
            if (filters) {
                statement.setString(parameter++, workspace);
            }
            statement.setString(parameter++, before);
            statement.setString(parameter, "00000000-0000-7000-8000-000000000000");
            return statement;
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }
}
