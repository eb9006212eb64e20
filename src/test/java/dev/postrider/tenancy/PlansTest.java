package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Reading;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * The plans that the design relies on, with 400 workspaces and a million rows: every query that a route runs as the
 * tenant, found in {@code db/queries}, as a custom plan and as the generic one that the driver comes to use.
 */
class PlansTest {

    private static final List<String> PLAN_CACHE_MODES = List.of("force_custom_plan", "force_generic_plan");

    /** What a page of three, or one thing, may read; a workspace has some hundred rows of everything in that month. */
    private static final int FEW_ROWS = 50;

    /** Of the month that requests ask for; the rows are of this month and the two before. */
    private static final String LAST_MONTH =
            YearMonth.now(ZoneOffset.UTC).minusMonths(1).toString().replace('-', '_');

    private static final Pattern PARTITION = Pattern.compile("(.*)_(\\d{4}_\\d{2})");

    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static Map<String, String> values;
    private static Map<String, Reading> readings;
    private static Set<String> isolated;

    @BeforeAll
    static void everyQueryOnAMillionRows() throws Exception {
        APPLICATION.sql().execute(resource("many-workspaces.sql"));
        APPLICATION.sql().execute("vacuum analyze");
        values = APPLICATION.sql().queryForObject(resource("typical-values.sql"), PlansTest::columns, WORKSPACE);
        isolated = new HashSet<>(APPLICATION
                .sql()
                .queryForList("select tablename from pg_policies where policyname = 'own_workspace'", String.class));
        readings = new LinkedHashMap<>();
        for (Query query : Query.ofTenants()) {
            for (String request : query.isList() ? List.of("first page", "later page", "filtered") : List.of("one")) {
                for (String mode : PLAN_CACHE_MODES) {
                    readings.put("%s (%s, %s)".formatted(query.file(), request, mode), read(query, request, mode));
                }
            }
        }
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void no_query_of_a_tenant_reads_a_table_from_end_to_end() {
        all((softly, reading) -> softly.assertThat(reading.readWhole()).isEmpty());
    }

    @Test
    void the_policy_is_evaluated_once_per_query_and_not_per_row() {
        all((softly, reading) ->
                softly.assertThat(reading.policiesPerRow(isolated)).isEmpty());
        assertThat(readings.values())
                .filteredOn(reading -> reading.nodes().stream().anyMatch(node -> node.has("Relation Name")))
                .hasSizeGreaterThan(50);
    }

    @Test
    void a_time_range_touches_the_partitions_of_its_months_only() {
        // How a source fares is asked about the last 30 days, whatever the request says.
        Map<String, Reading> ofRanges = new LinkedHashMap<>(readings);
        assertThat(ofRanges.keySet().removeIf(name -> name.startsWith("api/get-source.sql")))
                .isTrue();
        all(
                ofRanges,
                (softly, reading) ->
                        softly.assertThat(partitionsOutsideOfLastMonth(reading)).isEmpty());
    }

    @Test
    void how_a_source_fares_is_read_from_its_index_alone_and_from_the_partitions_of_30_days() {
        APPLICATION.sql().execute("vacuum postrider.inbound_receipts");
        List<String> months = IntStream.rangeClosed(0, 30)
                .mapToObj(days -> YearMonth.from(LocalDate.now(ZoneOffset.UTC).minusDays(days))
                        .toString()
                        .replace('-', '_'))
                .distinct()
                .toList();
        Query source = Query.of("api/get-source.sql");
        Map<String, String> busy = new HashMap<>(values);
        busy.put("exchangeProperty.request", values.get("one"));

        for (String mode : PLAN_CACHE_MODES) {
            Reading reading = explain(mode, source.sql(), source.values(busy));
            List<Reading.Table> receipts = reading.tables().stream()
                    .filter(table -> table.name().startsWith("inbound_receipts_"))
                    .toList();
            assertThat(receipts).as(mode).isNotEmpty().allSatisfy(table -> {
                assertThat(months).anyMatch(month -> table.name().endsWith(month));
                assertThat(table.rows()).isZero();
            });
        }
    }

    @Test
    void a_page_or_a_single_thing_reads_few_rows_and_not_all_of_the_workspace() {
        all((softly, reading) -> softly.assertThat(reading.rows()).isLessThanOrEqualTo(FEW_ROWS));
    }

    @Test
    void a_page_of_assets_is_read_from_its_index_alone_in_its_order() {
        APPLICATION.sql().execute("vacuum postrider.workspace_assets");
        for (String mode : PLAN_CACHE_MODES) {
            assertThat(visitsBesidesTheIndex(assetsPage(mode))).as(mode).isEmpty();
        }
    }

    @Test
    void a_page_of_assets_far_back_reads_no_more_than_the_first_one() {
        Query page = Query.of("list-assets.sql");
        Map<String, String> newest = new HashMap<>(values);
        newest.put("exchangeProperty.afterInsertedAt", null);
        newest.put("exchangeProperty.afterAssetId", null);

        long first =
                explain("force_generic_plan", page.sql(), page.values(newest)).buffers();

        assertThat(assetsPage("force_generic_plan").buffers()).isLessThanOrEqualTo(first + 2);
    }

    @Test
    void the_receipts_of_a_quiet_source_are_found_without_those_of_a_busy_one() {
        Query list = Query.of("api/list-receipts.sql");
        Map<String, String> quiet = new HashMap<>(values);
        quiet.compute(
                "exchangeProperty.request",
                (name, request) -> values.get("first page")
                        .replaceFirst("\\{", "{\"sourceId\": \"00000000-0000-7000-8000-000000000000\", "));

        for (String mode : PLAN_CACHE_MODES) {
            assertThat(explain(mode, list.sql(), list.values(quiet)).rows())
                    .as(mode)
                    .isZero();
        }
    }

    @Test
    void whose_key_or_url_a_request_carries_is_found_by_one_probe_and_its_workspace_by_another() {
        for (String call : List.of("resolve_api_key(sha256('1'))", "resolve_source('stripe', 'source-1')")) {
            Reading reading = APPLICATION.as(
                    "dispatcher",
                    null,
                    sql -> Reading.of(sql, "force_generic_plan", "select * from postrider." + call, List.of()));
            assertThat(reading.readWhole()).as(call).isEmpty();
            assertThat(reading.rows()).as(call).isBetween(2L, 4L); // the planner may look at an end of an index
        }
    }

    @Test
    void these_tests_notice_a_policy_without_its_sub_select_on_any_table() {
        for (String table : tenantTables()) {
            String count = "select count(*) from postrider." + table;
            assertThat(explain("force_generic_plan", count, List.of()).policiesPerRow(isolated))
                    .as(table)
                    .isEmpty();
            assertThat(broken(
                                    "alter policy own_workspace on postrider." + table
                                            + " using (workspace_id = nullif(current_setting('app.active_workspace', true), '')::uuid)",
                                    sql -> Reading.of(sql, "force_generic_plan", count, List.of()))
                            .policiesPerRow(isolated))
                    .as(table)
                    .isNotEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "drop index postrider.workspace_assets_page",
                "set local enable_indexonlyscan = off",
                "update postrider.workspace_assets set content = '' where workspace_id = '00000000-0000-7000-8000-0000000000de'"
            })
    void these_tests_notice_a_page_of_assets_that_visits_more_than_its_index(String damage) {
        Query page = Query.of("list-assets.sql");

        assertThat(visitsBesidesTheIndex(
                        broken(damage, sql -> Reading.of(sql, "force_generic_plan", page.sql(), page.values(values)))))
                .isNotEmpty();
    }

    @Test
    void these_tests_notice_a_time_range_that_is_too_wide_and_a_bound_that_the_index_does_not_see() {
        Query receipts = Query.of("api/list-receipts.sql");
        String wide = receipts.sql().replace("select since from r", "select since - interval '1 month' from r");
        Query deliveries = Query.of("api/list-deliveries.sql");
        String hidden = deliveries
                .sql()
                .replace(
                        "(select end_id from r)",
                        "coalesce((select end_id from r), 'ffffffff-ffff-ffff-ffff-ffffffffffff')");
        Map<String, String> page = new HashMap<>(values);
        page.put("exchangeProperty.request", values.get("later page"));

        assertThat(partitionsOutsideOfLastMonth(explain("force_generic_plan", wide, receipts.values(page))))
                .isNotEmpty();
        assertThat(explain("force_generic_plan", hidden, deliveries.values(page))
                        .rows())
                .isGreaterThan(FEW_ROWS);
    }

    private static void all(BiConsumer<SoftAssertions, Reading> check) {
        all(readings, check);
    }

    private static void all(Map<String, Reading> some, BiConsumer<SoftAssertions, Reading> check) {
        SoftAssertions softly = new SoftAssertions();
        some.forEach((name, reading) -> {
            int before = softly.assertionErrorsCollected().size();
            check.accept(softly, reading);
            if (softly.assertionErrorsCollected().size() > before) {
                softly.fail("so was " + name);
            }
        });
        softly.assertAll();
    }

    private static Reading assetsPage(String mode) {
        Query page = Query.of("list-assets.sql");
        return explain(mode, page.sql(), page.values(values));
    }

    /** What makes a reading more than a walk along one index: other nodes than these, or rows looked up in the table. */
    private static List<String> visitsBesidesTheIndex(Reading reading) {
        List<String> visits = new ArrayList<>();
        for (JsonNode node : reading.nodes()) {
            String type = node.get("Node Type").asText();
            if (!List.of("Limit", "Result", "Index Only Scan").contains(type)) {
                visits.add(type);
            }
            if (node.path("Heap Fetches").asInt() > 0) {
                visits.add(node.get("Heap Fetches") + " rows of the table");
            }
        }
        return visits;
    }

    /** Of tasks and attempts later ones belong to the range too: they end after their ids are made. */
    private static List<String> partitionsOutsideOfLastMonth(Reading reading) {
        return reading.tables().stream()
                .map(Reading.Table::name)
                .filter(name -> {
                    Matcher partition = PARTITION.matcher(name);
                    if (!partition.matches()) {
                        return false;
                    }
                    int months = partition.group(2).compareTo(LAST_MONTH);
                    return months < 0 || months > 0 && name.matches("(system_events|inbound_receipts).*");
                })
                .toList();
    }

    private static Reading read(Query query, String request, String mode) {
        Map<String, String> known = new HashMap<>(values);
        known.put("exchangeProperty.request", values.get(request));
        return explain(mode, query.sql(), query.values(known));
    }

    private static Reading explain(String mode, String statement, List<String> values) {
        return APPLICATION.as("tenant", WORKSPACE, sql -> {
            Reading reading = Reading.of(sql, mode, statement, values);
            sql.execute("rollback");
            return reading;
        });
    }

    /** Reads as the tenant in a transaction that damages something first, and is rolled back. */
    private static Reading broken(String damage, Function<JdbcTemplate, Reading> reading) {
        return APPLICATION.rolledBack(sql -> {
            sql.execute(damage);
            sql.execute("set local role postrider_tenant");
            sql.query("select set_config('app.active_workspace', ?, true)", row -> {}, WORKSPACE.toString());
            return reading.apply(sql);
        });
    }

    private static List<String> tenantTables() {
        return APPLICATION.sql().queryForList("""
                select c.relname from pg_class c join pg_policy p on p.polrelid = c.oid and p.polname = 'own_workspace'
                 where not c.relispartition and has_table_privilege('postrider_tenant', c.oid, 'select')
                 order by 1""", String.class);
    }

    private static Map<String, String> columns(ResultSet row, int number) throws SQLException {
        Map<String, String> columns = new HashMap<>();
        for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
            columns.put(row.getMetaData().getColumnLabel(i), row.getString(i));
        }
        return columns;
    }

    private static String resource(String name) throws IOException {
        return new ClassPathResource(name).getContentAsString(StandardCharsets.UTF_8);
    }
}
