package dev.postrider.analytics;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.operations.Console;
import dev.postrider.testkit.RunningApplication;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.jdbc.core.JdbcTemplate;

/** The page that operators open to see how the last 180 days went. */
class FiguresPageTest {

    private static final String FIGURES = "/actuator/figures";
    private static final String JSON = "application/json";

    /** As Chromium and Firefox ask for a page. */
    private static final String BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Test
    void it_is_shown_to_operators_only() throws Exception {
        RunningApplication application = RunningApplication.shared();
        Console console = new Console(application.managementPort());
        for (String accept : new String[] {BROWSER, JSON}) {
            HttpResponse<String> stranger = console.get(FIGURES, accept);
            assertThat(stranger.statusCode()).isEqualTo(302);
            assertThat(stranger.headers().firstValue("Location").orElseThrow()).endsWith("/login");
            assertThat(new Console(application.port()).get(FIGURES, accept).statusCode())
                    .isEqualTo(404);
        }

        assertThat(console.logIn("operator", RunningApplication.OPERATOR_PASSWORD))
                .as("the login leads to what was asked for")
                .contains(FIGURES);
        assertThat(console.get(FIGURES, BROWSER).statusCode()).isEqualTo(200);
    }

    @Test
    void an_empty_database_has_figures_and_a_filled_one_those_that_one_counts_by_hand() throws Exception {
        try (RunningApplication application = RunningApplication.start()) {
            Console console = operator(application);

            JsonNode nothing = json(console, 200);
            assertThat(nothing.at("/tasks/all/accepted").asInt(-1)).isZero();
            assertThat(nothing.at("/tasks/all/recordedShare").isNull()).isTrue();
            assertThat(nothing.at("/silentDrops").asInt(-1)).isZero();
            assertThat(console.get(FIGURES, BROWSER).body()).contains("silent drops", "–");

            UUID other = application.newWorkspace();
            application.camel().stop(); // or its own work would be counted too
            application.sql().query("""
                    select postrider.make_partition(partrelid, postrider.period_start('month', old),
                                                    postrider.period_after('month', old, 1))
                      from pg_partitioned_table, (select now() - interval '200 days' as old) o""", row -> {});
            for (UUID workspace : List.of(RunningApplication.WORKSPACE, other)) {
                fill(application.sql(), workspace);
            }

            JsonNode figures = json(console, 200);
            assertSame(figures.at("/tasks/task"), """
                    {"accepted": 2004, "completed": 1994, "deadLettered": 2, "discarded": 2, "cancelled": 2, "waiting": 4,
                     "running": 0, "unaccounted": 0, "withoutReason": 0, "retries": 4, "firstAttempt": 1992,
                     "completionShare": 0.997997, "recordedShare": 0.998998}""");
            assertSame(figures.at("/tasks/delivery"), """
                    {"accepted": 8, "completed": 4, "deadLettered": 2, "discarded": 0, "cancelled": 0, "waiting": 0,
                     "running": 0, "unaccounted": 2, "withoutReason": 0, "retries": 4, "firstAttempt": 4,
                     "completionShare": 0.666666, "recordedShare": 0.750000}""");
            assertThat(figures.at("/tasks/all/recordedShare").asDouble()).isEqualTo(0.998005);
            assertSame(figures.at("/deliveries"), """
                    {"attempts": 6, "p50Milliseconds": 2000, "p99Milliseconds": 3000}""");
            assertThat(figures.at("/silentDrops").asInt()).isEqualTo(2);
            assertThat(figures.at("/deadLetters/waiting").asInt()).isEqualTo(4);
            assertThat(figures.at("/deadLetters/deliveries").asInt()).isEqualTo(2);
            assertThat(figures.at("/deadLetters/oldest").asText()).isNotEmpty();
            assertThat(figures.at("/readFrom").asText()).isEqualTo("the primary");
            assertThat(figures.at("/policyOverhead/milliseconds").isNull())
                    .as("what was not measured is not told")
                    .isTrue();

            HttpResponse<String> page = console.get(FIGURES, BROWSER);
            assertThat(page.headers().firstValue("Content-Type").orElseThrow()).isEqualTo("text/html;charset=UTF-8");
            assertThat(page.body())
                    .contains("99.8005 %", "2,012", "75 %", "3.0 s", "from the primary")
                    .doesNotContain("<script", "${", other.toString(), RunningApplication.WORKSPACE.toString());

            application.sql().update("""
                    insert into postrider.partition_drops (partition_name, table_name, starts, until, rows_held)
                    values ('history', 'task_history', '-infinity', now() + interval '1 hour', 0)""");
            assertThat(json(console, 200).at("/silentDrops").asInt(-1))
                    .as("what retention has dropped was not dropped silently")
                    .isZero();
        }
    }

    @Test
    void without_the_replica_it_says_why_there_are_no_figures() throws Exception {
        try (RunningApplication application = RunningApplication.start(
                "postrider.database.replica-url=jdbc:postgresql://localhost:1/postrider?connectTimeout=1")) {
            Console console = operator(application);

            assertThat(json(console, 503).at("/error").asText())
                    .contains("The replica at jdbc:postgresql://localhost:1/postrider", "gives no connection");
            HttpResponse<String> page = console.get(FIGURES, BROWSER);
            assertThat(page.statusCode()).isEqualTo(503);
            assertThat(page.body()).contains("No figures now", "gives no connection");
        }
    }

    @Test
    void a_query_that_takes_too_long_ends_and_says_so() {
        RunningApplication application = RunningApplication.shared();
        JdbcTemplate analyst = new JdbcTemplate(
                application.camel().getRegistry().lookupByNameAndType("analyst", HikariDataSource.class));
        analyst.setQueryTimeout(1);
        FiguresEndpoint endpoint = new FiguresEndpoint(analyst, new FiguresPage(), MAPPER);

        WebEndpointResponse<String> answer = application.rolledBack(locking -> {
            locking.execute("lock table postrider.deliveries in access exclusive mode");
            return endpoint.figures(FiguresFormat.JSON);
        });

        assertThat(answer.getStatus()).isEqualTo(503);
        assertThat(answer.getBody()).contains("took longer than 1 s");
    }

    @Test
    void what_the_database_says_is_no_markup() {
        assertThat(new FiguresPage().of(MAPPER.valueToTree(Map.of("error", "<b>no</b>"))))
                .contains("&lt;b&gt;no")
                .doesNotContain("<b>no");
    }

    /**
     * Of 1,000 tasks 997 completed, one after two failures; one is dead, one was discarded, one cancelled. Of four deliveries
     * two arrived, after 1 and 3 seconds, one is dead, and one stands nowhere. Each dead letter makes a task that waits. What
     * completed 200 days ago is no more counted.
     */
    private static void fill(JdbcTemplate sql, UUID workspace) {
        sql.update("""
                with tasks as (
                    select gen_random_uuid() as id, n, 'task' as kind from generate_series(1, 1000) n
                    union all select gen_random_uuid(), n, 'delivery' from generate_series(2001, 2004) n
                    union all select gen_random_uuid(), 0, 'task'
                ), accepted as (
                    insert into postrider.accepted_log (workspace_id, accepted_at, kind, task_ids)
                    select ?, case when n = 0 then now() - interval '200 days' else now() end, kind, array_agg(id)
                      from tasks group by n = 0, kind
                ), died as (
                    insert into postrider.dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                                        failure_count, created_at, reason, payload, attempts)
                    select ?, id, kind, 'figures', 0, 3, case kind when 'task' then 1 else 3 end, now(), 'dies', '{}', '[{}]'
                      from tasks where n in (998, 2003)
                ), ended as (
                    insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank,
                                                        scheduled_at, attempt_count, failure_count, completed_at, created_at,
                                                        reason, payload, attempts)
                    select id, ?, kind, 'figures',
                           case n when 999 then 'discarded' when 1000 then 'cancelled' else 'completed' end, 0, now(), 1,
                           case n when 1 then 2 else 0 end,
                           case n when 0 then now() - interval '200 days' else now() end, now(),
                           case n when 999 then 'no use' when 1000 then 'not wanted' end, '{}',
                           case n when 1 then '[{}, {}]' else '[]' end::jsonb
                      from tasks where n not in (998, 2003, 2004)
                ), made as (
                    insert into postrider.deliveries (delivery_id, workspace_id, event_id, occurred_at, endpoint_id, event_type)
                    select id, ?, id, now(), id, 'invoice.paid' from tasks where kind = 'delivery'
                )
                insert into postrider.delivery_attempts (workspace_id, delivery_id, attempted_at, attempt, request_url,
                                                         request_headers, request_body, duration, error)
                select ?, id, now() + (n - 2001) * interval '2 seconds', 1, '', '{}', '', 1000,
                       case n when 2003 then 'refused' end
                  from tasks where n between 2001 and 2003""", workspace, workspace, workspace, workspace, workspace);
    }

    private static void assertSame(JsonNode figures, String expected) throws Exception {
        // As text: 2000 and 2000.0 are one number.
        assertThat(MAPPER.readTree(figures.toString().replace(".0,", ",").replace(".0}", "}")))
                .isEqualTo(MAPPER.readTree(expected));
    }

    private static Console operator(RunningApplication application) throws Exception {
        Console console = new Console(application.managementPort());
        console.logIn("operator", RunningApplication.OPERATOR_PASSWORD);
        return console;
    }

    private static JsonNode json(Console console, int status) throws Exception {
        HttpResponse<String> answer = console.get(FIGURES, JSON);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        assertThat(answer.headers().firstValue("Content-Type").orElseThrow()).startsWith(JSON);
        return MAPPER.readTree(answer.body());
    }
}
