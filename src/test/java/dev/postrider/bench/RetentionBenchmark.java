package dev.postrider.bench;

import dev.postrider.database.SqlFile;
import dev.postrider.retention.PartitionRoutine;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.Reading;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * What does history cost: its rows for whoever drains the queue, its partitions being made and dropped for whoever inserts
 * meanwhile, and its length for whoever reads a page of one day?
 */
public final class RetentionBenchmark {

    private static final int ROUNDS = Benchmark.setting("rounds", 6);
    private static final int TASKS = Benchmark.setting("tasks", 100_000);
    private static final int ROWS = Benchmark.setting("rows", 10_000_000);
    private static final int EVENTS = Benchmark.setting("events", 2_400_000);
    private static final int SECONDS = Benchmark.setting("seconds", 8);

    private static final int MONTHS = 24;
    private static final int WORKSPACES = 40;
    private static final int READS = 5_000;
    private static final int PAGE = 50;
    private static final int PUBLISHERS = 4;
    private static final int PER_SECOND = 1_000;
    private static final String PUBLISHER = "bench publisher";
    private static final double LONGEST_WAIT = 50;

    private static final String ENTER = SqlFile.read("queries/enter-workspace.sql");
    private static final String LIST =
            SqlFile.read("queries/api/list-system-events.sql").replaceAll(":#\\$\\{[^}]*}", "?");

    private final BenchmarkServer server;
    private final RunningApplication application;

    private RetentionBenchmark(BenchmarkServer server) {
        this.server = server;
        this.application = server.application();
    }

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            BenchmarkServer server = BenchmarkServer.start(
                    Map.of("log_lock_waits", "on", "deadlock_timeout", LONGEST_WAIT + "ms", "log_line_prefix", "%a: "));
            Benchmark.print("%n## Retention%n%n%s", server.describe());
            RetentionBenchmark benchmark = new RetentionBenchmark(server);
            benchmark.drain();
            benchmark.partitions();
            benchmark.pages();
        });
    }

    /** The same function with and without the rows that it adds to the history. */
    private void drain() throws Exception {
        Contestant queue = new PostriderQueue(application, "bench-history", "concurrency: 2\nprefetch: 2000", 1);
        String with = application
                .sql()
                .queryForObject(
                        "select pg_get_functiondef(oid) from pg_proc where proname = 'finish_tasks'", String.class);
        String without = with.replaceFirst("(?s),\\s*history as \\(.*?from done\\s*\\)", "");
        if (without.equals(with)) {
            throw new IllegalStateException("finish_tasks adds nothing to the history any more");
        }
        List<List<Double>> rates = List.of(new ArrayList<>(), new ArrayList<>());
        for (int round = 0; round <= ROUNDS; round++) {
            for (int side : round % 2 == 0 ? new int[] {0, 1} : new int[] {1, 0}) {
                application.sql().execute(side == 0 ? with : without);
                Drain drain = Drain.measure(server, queue, TASKS);
                if (round > 0) { // warmed up
                    rates.get(side).add(drain.perSecond());
                }
            }
        }
        application.sql().execute(with);
        application.sql().execute("truncate postrider.task_history, postrider.accepted_log");
        double[] ratios = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            ratios[round] = rates.get(0).get(round) / rates.get(1).get(round);
        }
        new Table("%d rounds of %,d no-op tasks".formatted(ROUNDS, TASKS), "tasks/s, median", "least", "most")
                .row(row("with their rows in the history", rates.get(0)))
                .row(row("without", rates.get(1)))
                .print();
        Benchmark.atLeast("Beside the rate without history", Benchmark.median(ratios), 0.9);
    }

    private static Object[] row(String name, List<Double> rates) {
        double[] figures = rates.stream().mapToDouble(Double::doubleValue).toArray();
        return new Object[] {
            name, Benchmark.median(figures), Benchmark.quantile(0, figures), Benchmark.quantile(1, figures)
        };
    }

    /** How long a publish takes, but for its commit, while nothing happens and while partitions are made and dropped. */
    private void partitions() throws Exception {
        makeMonth(-16);
        Benchmark.print("%n%,d rows are put into a month that is older than is kept", ROWS);
        application.sql().execute("""
                insert into postrider.system_events (event_id, workspace_id, occurred_at, event_type, payload)
                select gen_random_uuid(), '%s', postrider.period_after('month', now(), -16) + n * interval '200 ms'
                     , 'old', jsonb_build_object('text', repeat('x', 100))
                  from generate_series(1, %d) n""".formatted(RunningApplication.WORKSPACE, ROWS));
        application.sql().execute("vacuum analyze");
        application.sql().execute("checkpoint");
        publish(() -> TimeUnit.SECONDS.sleep(SECONDS));
        double[] undisturbed = publish(() -> TimeUnit.SECONDS.sleep(SECONDS));
        int waitsBefore = longWaits();
        long begun = System.nanoTime();
        double[] meanwhile = publish(() -> {
            TimeUnit.SECONDS.sleep(1);
            for (int ahead = 4; ahead <= 12; ahead++) {
                application
                        .sql()
                        .update(
                                "update postrider.retention_settings set ahead = ? where table_name = 'system_events'",
                                ahead);
                application.bean(PartitionRoutine.class).run();
            }
            TimeUnit.SECONDS.sleep(1);
        });
        double seconds = (System.nanoTime() - begun) / 1e9;
        int dropped = application
                .sql()
                .queryForObject(
                        "select count(*) from postrider.partition_drops where dropped_at is not null", Integer.class);
        int made = application
                .sql()
                .queryForObject(
                        "select count(*) from postrider.partitions where table_name = 'system_events'", Integer.class);
        Table.ofTimes("Events published at %,d a second, without their commits".formatted(PER_SECOND))
                .times("nothing else happens", undisturbed)
                .times(
                        "nine months are made, one of %,d rows is dropped, in %.1f s".formatted(ROWS, seconds),
                        meanwhile)
                .print();
        if (dropped != 1 || made < 13) {
            throw new IllegalStateException("%d partitions were dropped, and %d are there".formatted(dropped, made));
        }
        Benchmark.atMost(
                "Publishers that waited longer than %.0f ms for a lock".formatted(LONGEST_WAIT),
                longWaits() - waitsBefore,
                0);
    }

    /** What happens while others publish. */
    private interface Meanwhile {
        void happens() throws Exception;
    }

    private double[] publish(Meanwhile meanwhile) throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        AtomicReference<Exception> failure = new AtomicReference<>();
        CompletableFuture<Void> other = CompletableFuture.runAsync(() -> {
            try {
                meanwhile.happens();
            } catch (Exception e) {
                failure.set(e);
            } finally {
                over.set(true);
            }
        });
        List<List<Double>> times = new ArrayList<>();
        List<Benchmark.Work> publishers = new ArrayList<>();
        for (int i = 0; i < PUBLISHERS; i++) {
            List<Double> own = new ArrayList<>();
            times.add(own);
            publishers.add(() -> publishUntil(over, own));
        }
        Clients.run(publishers);
        other.join();
        if (failure.get() != null) {
            throw failure.get();
        }
        return times.stream()
                .flatMap(List::stream)
                .mapToDouble(Double::doubleValue)
                .toArray();
    }

    private void publishUntil(AtomicBoolean over, List<Double> times) throws SQLException {
        try (Connection connection = connect(PUBLISHER);
                PreparedStatement enter = connection.prepareStatement(ENTER);
                PreparedStatement publish =
                        connection.prepareStatement("select postrider.publish_event('order.changed', '{\"n\": 1}')")) {
            enter.setString(1, RunningApplication.WORKSPACE.toString());
            enter.setString(2, "bench");
            long due = System.nanoTime();
            while (!over.get()) {
                due += PUBLISHERS * 1_000_000_000L / PER_SECOND;
                LockSupport.parkNanos(due - System.nanoTime());
                enter.executeQuery().close();
                long begun = System.nanoTime();
                publish.executeQuery().close();
                times.add((System.nanoTime() - begun) / 1e6);
                connection.commit();
            }
        }
    }

    /** The server writes a line when somebody has waited for so long. */
    private int longWaits() throws IOException {
        return (int) server.log()
                .lines()
                .filter(line -> line.startsWith(PUBLISHER) && line.contains("still waiting for"))
                .count();
    }

    private void pages() throws Exception {
        application.sql().execute("truncate postrider.system_events");
        for (int month = -MONTHS; month < 0; month++) {
            makeMonth(month);
        }
        for (int i = 0; i < WORKSPACES; i++) {
            application
                    .sql()
                    .update("insert into postrider.workspaces (workspace_id, name) values (?, 'bench')", workspace(i));
        }
        application.sql().execute("""
                insert into postrider.system_events (event_id, workspace_id, occurred_at, event_type, payload)
                select (left(postrider.id_floor(moment)::text, 19) || right(gen_random_uuid()::text, 17))::uuid
                     , ('00000000-0000-7000-8000-' || lpad(to_hex(n %% %1$d), 12, '0'))::uuid, moment, 'test'
                     , jsonb_build_object('n', n, 'text', repeat('x', 100))
                  from (select n, since + (now() - since) * n / %2$d as moment
                          from (select postrider.period_after('month', now(), -%3$d) as since) s, generate_series(1, %2$d) n) m
                """.formatted(WORKSPACES, EVENTS, MONTHS));
        application.sql().execute("vacuum analyze postrider.system_events");
        application.sql().execute("checkpoint");
        Random random = new Random(1);
        try (Connection connection = connect("bench reader")) {
            read(connection, random, READS / 2);
            double[] times = read(connection, random, READS);
            Table.ofTimes("Pages of %d of the events of a day, of %,d in %d months".formatted(PAGE, EVENTS, MONTHS))
                    .times("naming the workspace and committing included", times)
                    .print();
            Benchmark.atMost("p99 of a page, ms", Benchmark.quantile(0.99, times), 5);
        }
        UUID workspace = workspace(1);
        long partitions = application
                .as(
                        "tenant",
                        workspace,
                        tenant -> Reading.of(
                                tenant, "force_generic_plan", LIST.replace("?", "$1"), List.of(request(random))))
                .tables()
                .stream()
                .map(Reading.Table::name)
                .distinct()
                .count();
        Benchmark.atMost("Partitions read for it", partitions, 1);
    }

    private double[] read(Connection connection, Random random, int reads) throws SQLException {
        double[] times = new double[reads];
        try (PreparedStatement enter = connection.prepareStatement(ENTER);
                PreparedStatement list = connection.prepareStatement(LIST)) {
            enter.setString(2, "bench");
            for (int i = 0; i < reads; i++) {
                String request = request(random);
                long begun = System.nanoTime();
                enter.setString(1, workspace(random.nextInt(WORKSPACES)).toString());
                enter.executeQuery().close();
                list.setString(1, request);
                try (ResultSet page = list.executeQuery()) {
                    page.next();
                    if (!page.getString(1).contains("\"n\"")) {
                        throw new IllegalStateException("An empty page for " + request);
                    }
                }
                connection.commit();
                times[i] = (System.nanoTime() - begun) / 1e6;
            }
        }
        return times;
    }

    /** A day that is not the first or last of a month, at a random place in the last 24 months but the last. */
    private static String request(Random random) {
        LocalDate day = LocalDate.now(ZoneOffset.UTC)
                .minusMonths(1L + random.nextInt(MONTHS - 1))
                .withDayOfMonth(2 + random.nextInt(24));
        return "{\"from\": \"%sT00:00:00Z\", \"to\": \"%sT00:00:00Z\"}".formatted(day, day.plusDays(1));
    }

    private void makeMonth(int month) {
        application.as("owner", null, owner -> {
            owner.execute("set local role postrider_owner");
            owner.execute("""
                    select postrider.make_partition('postrider.system_events', postrider.period_after('month', now(), %d),
                                                    postrider.period_after('month', now(), %d))""".formatted(month, month + 1));
            return null;
        });
    }

    private static UUID workspace(int number) {
        return new UUID(0x7000, 0x8000_0000_0000_0000L + number);
    }

    private Connection connect(String name) throws SQLException {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(application.database().url());
        source.setUser("postrider_tenant_login");
        source.setPassword(application.bean(Secrets.class).rolePassword("tenant"));
        source.setApplicationName(name);
        source.setProperty("stringtype", "unspecified");
        source.setPrepareThreshold(0); // as through a transaction pooler
        Connection connection = source.getConnection();
        connection.setAutoCommit(false);
        return connection;
    }
}
