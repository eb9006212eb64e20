package dev.postrider.bench;

import java.time.Duration;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * What a node used while it had nothing to do.
 *
 * @param node percent of a processor
 * @param database percent of a processor
 * @param queries per second
 */
record Idle(double node, double database, double queries) {

    static final Duration SETTLE = Duration.ofSeconds(60);
    static final Duration PHASE = Duration.ofSeconds(Benchmark.setting("seconds", 60));

    /** Lets it settle, and then looks at it. */
    static Idle measure(BenchmarkServer server, Node node, JdbcTemplate sql) throws Exception {
        Thread.sleep(SETTLE.toMillis());
        Statements.install(sql);
        Statements.forget(sql);
        double nodeBefore = node.cpu();
        double databaseBefore = server.cpu();
        Thread.sleep(PHASE.toMillis());
        double seconds = PHASE.toSeconds();
        return new Idle(
                (node.cpu() - nodeBefore) / seconds / 1e4,
                (server.cpu() - databaseBefore) / seconds / 1e4,
                Statements.count(sql).all() / seconds);
    }
}
