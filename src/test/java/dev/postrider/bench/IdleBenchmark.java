package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import org.springframework.jdbc.core.JdbcTemplate;

/** What does a node use that has nothing to do? It is a process of its own, with the settings that it has by itself. */
public final class IdleBenchmark {

    private IdleBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(IdleBenchmark::run);
    }

    private static void run() throws Exception {
        try (BenchmarkServer server = BenchmarkServer.start()) {
            DatabaseLocation database = server.newDatabase("idle");
            JdbcTemplate sql = BenchmarkServer.sql(database);
            try (Node node = Node.start("idle", database)) {
                print(Idle.measure(server, node, sql), sql);
            }
        }
    }

    private static void print(Idle idle, JdbcTemplate sql) {
        Benchmark.print(
                "%n## Idle: a node with the shipped routes and %s, %d s of nothing to do, after %d s to settle",
                Node.HEAP, Idle.PHASE.toSeconds(), Idle.SETTLE.toSeconds());
        new Table("node, % of a processor", "database, % of a processor", "queries/s")
                .row(idle.node(), idle.database(), idle.queries())
                .print();
        Statements.print(sql, "per minute", Idle.PHASE.toSeconds() / 60.0);
        Benchmark.atMost("Node, % of a processor", idle.node(), 1);
        Benchmark.atMost("Queries per second", idle.queries(), 1);
    }
}
