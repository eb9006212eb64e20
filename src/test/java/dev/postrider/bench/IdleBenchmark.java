package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.springframework.jdbc.core.JdbcTemplate;

/** What does a node use that has nothing to do? It is a process of its own, with the settings that it has by itself. */
public final class IdleBenchmark {

    private static final String HEAP = "-Xmx512m";
    private static final Duration SETTLE = Duration.ofSeconds(60);
    private static final Duration PHASE = Duration.ofSeconds(Benchmark.setting("seconds", 60));

    private IdleBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(IdleBenchmark::run);
    }

    private static void run() throws Exception {
        try (BenchmarkServer server = BenchmarkServer.start()) {
            DatabaseLocation database = server.newDatabase("idle");
            JdbcTemplate sql = BenchmarkServer.sql(database);
            Process node = node(database);
            try {
                awaitStart(node, sql);
                Thread.sleep(SETTLE.toMillis());
                sql.execute("create extension if not exists pg_stat_statements");
                sql.execute("select pg_stat_statements_reset()");
                double nodeBefore = ProcessorTime.of(node.pid());
                double databaseBefore = server.cpu();
                Thread.sleep(PHASE.toMillis());
                print(sql, ProcessorTime.of(node.pid()) - nodeBefore, server.cpu() - databaseBefore);
            } finally {
                node.destroy();
                node.waitFor();
            }
        }
    }

    private static Process node(DatabaseLocation database) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                HEAP,
                "-classpath",
                System.getProperty("java.class.path"),
                "dev.postrider.Postrider",
                "--server.port=0",
                "--management.server.port=0",
                "--postrider.operator.password=bench"));
        for (String setting : TestDatabase.settings(database)) {
            command.add("--" + setting);
        }
        Path log = Benchmark.OUTPUT.resolve("idle-node.log");
        Files.createDirectories(Benchmark.OUTPUT);
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    private static void awaitStart(Process node, JdbcTemplate sql) throws InterruptedException {
        String started =
                "select coalesce((select n_tup_ins > 0 from pg_stat_user_tables where relname = 'worker_nodes'), false)";
        for (int i = 0; i < 600; i++) {
            if (Boolean.TRUE.equals(sql.queryForObject(started, Boolean.class))) {
                return;
            }
            if (node.waitFor(200, TimeUnit.MILLISECONDS)) {
                break;
            }
        }
        throw new IllegalStateException("The node did not start, see target/bench/idle-node.log");
    }

    private static void print(JdbcTemplate sql, double own, double its) {
        Benchmark.print(
                "%n## Idle: a node with the shipped routes and %s, %d s of nothing to do, after %d s to settle",
                HEAP, PHASE.toSeconds(), SETTLE.toSeconds());
        double seconds = PHASE.toSeconds();
        // without this benchmark's own
        double queries = sql.queryForObject("""
                select sum(calls) from pg_stat_statements
                  join pg_roles on pg_roles.oid = userid and rolname like 'postrider%'
                 where toplevel
                """, Double.class);
        new Table("node, % of a processor", "database, % of a processor", "queries/s")
                .row(own / seconds / 1e4, its / seconds / 1e4, queries / seconds)
                .print();
        Table table = new Table("query", "per minute");
        sql.query(
                """
                select regexp_replace(left(query, 80), '\\s+', ' ', 'g') as query, calls from pg_stat_statements
                  join pg_roles on pg_roles.oid = userid and rolname like 'postrider%'
                 where toplevel order by calls desc limit 8
                """,
                row -> {
                    table.row(row.getString("query"), row.getDouble("calls") * 60 / seconds);
                });
        table.print();
        Benchmark.atMost("Node, % of a processor", own / seconds / 1e4, 1);
        Benchmark.atMost("Queries per second", queries / seconds, 1);
    }
}
