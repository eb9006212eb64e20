package dev.postrider.bench;

import org.springframework.jdbc.core.JdbcTemplate;

/**
 * What Postrider's own logins have asked of the server since it was told to forget; benchmarks are superusers.
 *
 * @param inside statements but for those that begin and end transactions
 * @param begun transactions that were begun; those of one statement may go without
 */
record Statements(double inside, double begun) {

    private static final String OWN = """
             from pg_stat_statements
             join pg_roles on pg_roles.oid = userid and rolname like 'postrider%'
            where toplevel
            """;

    static void install(JdbcTemplate sql) {
        sql.execute("create extension if not exists pg_stat_statements");
    }

    static void forget(JdbcTemplate sql) {
        sql.execute("select pg_stat_statements_reset()");
    }

    static Statements count(JdbcTemplate sql) {
        return sql.queryForObject(
                """
                select coalesce(sum(calls) filter (where query !~* '^(begin|start|commit|rollback)'), 0) as inside
                     , coalesce(sum(calls) filter (where query ~* '^(begin|start)'), 0) as begun
                """ + OWN, (row, number) -> new Statements(row.getDouble("inside"), row.getDouble("begun")));
    }

    /** With BEGIN and COMMIT. The server counts a COMMIT only once that is sent again as a prepared statement. */
    double all() {
        return inside + 2 * begun;
    }

    /** Prints the most frequent ones. */
    static void print(JdbcTemplate sql, String per, double parts) {
        Table table = new Table("query", per);
        sql.query(
                "select regexp_replace(left(query, 80), '\\s+', ' ', 'g') as query, calls" + OWN
                        + " order by calls desc limit 8",
                row -> {
                    table.row(row.getString("query"), row.getDouble("calls") / parts);
                });
        table.print();
    }
}
