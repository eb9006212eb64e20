package dev.postrider.testkit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * How PostgreSQL ran a statement: its plan, and what it read of each table. The plan of a statement inside a function is
 * not seen, what it read is.
 */
public record Reading(JsonNode plan, List<Table> tables) {

    /** PostgreSQL 16 shows an InitPlan's result as $1. */
    private static final Pattern BY_INIT_PLAN = Pattern.compile("\\(workspace_id = (\\(InitPlan|\\$\\d)");

    /** What was read of a table or partition; {@code big} when it holds enough rows for the way to matter. */
    public record Table(String name, boolean big, long sequentialScans, long indexScans, long rows) {

        private Table since(Table before) {
            return new Table(
                    name,
                    big,
                    sequentialScans - before.sequentialScans,
                    indexScans - before.indexScans,
                    rows - before.rows);
        }
    }

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Runs a statement and explains it.
     *
     * @param sql in a transaction
     * @param planCacheMode {@code force_custom_plan}, or {@code force_generic_plan} as the driver comes to use after
     *     some executions
     */
    public static Reading of(JdbcTemplate sql, String planCacheMode, String statement, List<String> values) {
        sql.execute("set local plan_cache_mode = " + planCacheMode);
        sql.execute("prepare statement as " + statement);
        String arguments = values.isEmpty()
                ? ""
                : values.stream().map(Reading::literal).collect(Collectors.joining(", ", "(", ")"));
        Map<String, Table> before = tables(sql);
        String plan = sql.queryForObject(
                "explain (analyze, buffers, timing off, format json) execute statement" + arguments, String.class);
        List<Table> tables = tables(sql).values().stream()
                .map(table -> table.since(before.getOrDefault(table.name(), new Table(table.name(), false, 0, 0, 0))))
                .filter(table -> table.sequentialScans() + table.indexScans() > 0)
                .toList();
        sql.execute("deallocate statement");
        return new Reading(parse(plan).get(0), tables);
    }

    private static Map<String, Table> tables(JdbcTemplate sql) {
        return sql
                .query(
                        """
                        select s.relname, c.reltuples > 1000 as big, s.seq_scan, coalesce(s.idx_scan, 0) as idx_scan,
                               s.seq_tup_read + coalesce(s.idx_tup_fetch, 0) as rows
                          from pg_stat_xact_user_tables s join pg_class c on c.oid = s.relid
                         where s.schemaname = 'postrider'""",
                        (row, n) -> new Table(
                                row.getString("relname"),
                                row.getBoolean("big"),
                                row.getLong("seq_scan"),
                                row.getLong("idx_scan"),
                                row.getLong("rows")))
                .stream()
                .collect(Collectors.toMap(Table::name, table -> table));
    }

    /** What was read of one table. */
    public Table table(String name) {
        return tables.stream()
                .filter(table -> table.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError(name + " was not read: " + this));
    }

    /** The big tables and partitions that were read from one end to the other. */
    public List<String> readWhole() {
        return tables.stream()
                .filter(table -> table.big() && table.sequentialScans() > 0)
                .map(Table::name)
                .toList();
    }

    /** Rows that were fetched from tables, whether the statement went on to use them or not. */
    public long rows() {
        return tables.stream().mapToLong(Table::rows).sum();
    }

    /** Pages of tables and indexes that were looked at, those of the planner left out. */
    public long buffers() {
        JsonNode top = plan.get("Plan");
        return top.get("Shared Hit Blocks").asLong()
                + top.get("Shared Read Blocks").asLong();
    }

    /**
     * The scans of these tables and partitions that do not compare the workspace with an InitPlan's result, which is
     * evaluated once per query, but with something that is evaluated per row, or with nothing.
     */
    public List<String> policiesPerRow(Collection<String> isolated) {
        return nodes().stream()
                .filter(node -> isolated.contains(node.path("Relation Name").asText())
                        && node.get("Node Type").asText().endsWith("Scan"))
                .filter(node -> !BY_INIT_PLAN.matcher(conditions(node)).find()
                        || conditions(node).contains("current_setting"))
                .map(node -> "%s on %s by %s"
                        .formatted(
                                node.get("Node Type").asText(),
                                node.get("Relation Name").asText(),
                                conditions(node)))
                .toList();
    }

    public List<JsonNode> nodes() {
        List<JsonNode> found = new ArrayList<>();
        collect(plan.get("Plan"), found);
        return found;
    }

    private static String conditions(JsonNode node) {
        return node.properties().stream()
                .filter(field ->
                        field.getKey().endsWith("Cond") || field.getKey().equals("Filter"))
                .map(field -> field.getValue().asText())
                .collect(Collectors.joining(" and "));
    }

    private static void collect(JsonNode node, List<JsonNode> found) {
        found.add(node);
        node.path("Plans").forEach(child -> collect(child, found));
    }

    private static String literal(String value) {
        return value == null ? "null" : "'" + value.replace("'", "''") + "'";
    }

    private static JsonNode parse(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new AssertionError(json, e);
        }
    }

    @Override
    public String toString() {
        return tables + " " + plan.toPrettyString();
    }
}
