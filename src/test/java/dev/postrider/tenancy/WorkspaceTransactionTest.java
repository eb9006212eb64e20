package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.database.OutsideWorkspaceException;
import dev.postrider.database.TenantDataSource;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.apache.camel.spring.spi.SpringTransactionPolicy;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.transaction.support.TransactionTemplate;

/** A workspace transaction is of one workspace that exists, commits as a whole or not at all, and is the only way to its rows. */
class WorkspaceTransactionTest {

    /** Of its own: the rows of the test stay. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final String INSERT =
            "to: {uri: \"sql:classpath:dev/postrider/tenancy/insert-row.sql\", parameters: {dataSource: \"#tenant\"}}";
    private static final String CHANGE =
            "to: {uri: \"sql:classpath:dev/postrider/tenancy/change-workspace.sql\", parameters: {dataSource: \"#tenant\"}}";
    private static final String CHANGE_PROPERTY =
            "setProperty: {name: workspaceId, simple: \"${exchangeProperty.otherWorkspace}\"}";
    private static final String FAIL =
            "throwException: {exceptionType: java.lang.IllegalArgumentException, message: on purpose}";

    private static UUID other;

    @BeforeAll
    static void routes() throws Exception {
        other = APPLICATION.newWorkspace();
        route("plain", INSERT);
        transacted("inner", INSERT);
        transacted("inner-fails", INSERT, FAIL);
        transacted("inner-changes", CHANGE);
        transacted("inner-rolls-back", INSERT, "rollback: {markRollbackOnlyLast: true}");
        transacted("joins", INSERT, row("second"), "to: direct:inner");
        transacted("joins-and-fails", INSERT, row("second"), "to: direct:inner", FAIL);
        transacted("fails-inside", INSERT, row("second"), "to: direct:inner-fails");
        transacted("other-workspace", INSERT, row("second"), CHANGE_PROPERTY, "to: direct:inner");
        transacted("inside-changes", INSERT, "to: direct:inner-changes");
        transacted("catches", INSERT, row("second"), caught("to: direct:inner-fails"));
        transacted(
                "catches-in-split",
                INSERT,
                row("second"),
                "split: {simple: \"${body}\", steps: [{" + caught("to: direct:inner-fails") + "}]}");
        transacted(
                "catches-a-roll-back",
                INSERT,
                row("second"),
                "split: {simple: \"${body}\", steps: [{to: direct:inner-rolls-back}]}");
        transacted("catches-other-workspace", INSERT, row("second"), CHANGE_PROPERTY, caught("to: direct:inner"));
        transacted(
                "catches-rubbish",
                INSERT,
                row("second"),
                "setProperty: {name: workspaceId, constant: rubbish}",
                caught("to: direct:inner"));
        transacted("catches-sql", INSERT, caught(INSERT));
        transacted(
                "calls-in-parallel",
                INSERT,
                row("second"),
                "multicast: {parallelProcessing: true, shareUnitOfWork: true, stopOnException: true, steps: [{to: direct:inner}]}");
        APPLICATION
                .camel()
                .getRegistry()
                .bind(
                        "plainTransactions",
                        new SpringTransactionPolicy(APPLICATION
                                .camel()
                                .getRegistry()
                                .lookupByNameAndType("tenantTransactions", DataSourceTransactionManager.class)));
        route("other-policy", "transacted: {ref: plainTransactions}", INSERT);
        load("handles", """
                - onException: {exception: [java.lang.Exception], handled: {constant: "true"}, steps: [{setBody: {constant: handled}}]}
                - route:
                    id: handles
                    from:
                      uri: direct:handles
                      steps: [{transacted: {ref: workspace}}, {%s}, {%s}]
                """.formatted(INSERT, CHANGE));
        String chosen = "setProperty: {name: workspaceId, simple: \"${body[workspaceId]}\"}";
        String row = "setProperty: {name: row, simple: \"chosen-${exchangeProperty.taskId}\"}";
        task("chooses", row, chosen, "to: direct:inner");
        task(
                "removes-and-chooses",
                "removeProperties: {pattern: \"*\", excludePattern: task.*}",
                row,
                chosen,
                "to: direct:inner");
        task(
                "chooses-behind-a-hop",
                row,
                chosen,
                "multicast: {parallelProcessing: true, stopOnException: true, steps: [{to: direct:inner}]}");
        task("chooses-its-own", "setProperty: {name: row, simple: \"own-${body[row]}\"}", chosen, "to: direct:inner");
        load("http", """
                - route:
                    id: http
                    from:
                      uri: platform-http:/override
                      parameters: {useStreaming: true}
                      steps:
                        - setProperty: {name: workspaceId, constant: "%s"}
                        - setProperty: {name: row, simple: "by http ${exchangeId}"}
                        - to: direct:inner
                """.formatted(WORKSPACE));
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void tenant_sql_outside_is_refused_with_its_place_and_what_to_write() {
        assertThat(send("plain", WORKSPACE))
                .isInstanceOf(OutsideWorkspaceException.class)
                .hasMessageMatching(
                        "SQL on #tenant outside a workspace transaction was not run \\(route plain, step to\\d+, line \\d+\\)"
                                + ": put the step into a route of its own in the same file, whose first step is"
                                + " '- transacted: \\{ref: workspace}', and call that with direct:…");
    }

    @Test
    void every_other_way_to_the_tenants_pool_is_refused_too() {
        TenantDataSource tenant = APPLICATION.bean(TenantDataSource.class);
        assertThatThrownBy(() -> new JdbcTemplate(tenant).queryForList("select 1"))
                .isInstanceOf(OutsideWorkspaceException.class);
        assertThatThrownBy(() -> new TransactionTemplate(new DataSourceTransactionManager(tenant)).execute(status -> 1))
                .isInstanceOf(CannotCreateTransactionException.class)
                .hasCauseInstanceOf(OutsideWorkspaceException.class);
        assertThat(send("other-policy", WORKSPACE)).hasRootCauseInstanceOf(OutsideWorkspaceException.class);
    }

    @ParameterizedTest
    @CsvSource(nullValues = "unset", textBlock = """
                    unset, exchange property workspaceId is not set
                    '', "is no workspace's id (a UUID): ''"
                    rubbish, "is no workspace's id (a UUID): 'rubbish'"
                    01890000-0000-7000-8000-000000000000, workspace 01890000-0000-7000-8000-000000000000 does not exist
                    """)
    void without_a_workspace_that_exists_no_step_is_run(String workspace, String message) {
        String expected = message.replaceAll("^\"|\"$", "");
        assertThat(messages(send("inner", workspace)))
                .anySatisfy(one -> assertThat(one).contains(expected));
        assertThat(send("inner-fails", workspace)).as("the steps").hasMessageNotContaining("on purpose");
    }

    @ParameterizedTest
    @ValueSource(strings = {"chooses", "removes-and-chooses", "chooses-behind-a-hop"})
    void a_task_that_says_it_is_another_workspaces_writes_nothing_there(String taskType) {
        String task = APPLICATION.enqueue(taskType, "{\"workspaceId\": \"%s\"}".formatted(other));

        await().untilAsserted(() -> assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select last_error from postrider.background_tasks where task_id = ?::uuid",
                                String.class,
                                task))
                .contains("The exchange property workspaceId was changed: route inner would open")
                .doesNotContain(other.toString()));
        assertThat(rows("chosen-" + task)).isEmpty();
    }

    @Test
    void a_task_may_say_whose_it_is_and_who_comes_in_for_nobody_may_choose() {
        String row = UUID.randomUUID().toString();
        String task = APPLICATION.enqueue(
                "chooses-its-own", "{\"workspaceId\": \"%s\", \"row\": \"%s\"}".formatted(WORKSPACE, row));
        APPLICATION.awaitTask(task, "completed");
        assertThat(rows("own-" + row)).extracting("workspace_id").containsExactly(WORKSPACE);

        assertThat(send("inner", other, row)).isNull();
        assertThat(rows(row)).extracting("workspace_id").containsExactly(other);
    }

    @Test
    void a_transacted_route_inside_another_joins_its_transaction() {
        String row = "joins-" + UUID.randomUUID();
        assertThat(send("joins", WORKSPACE, row)).isNull();
        assertThat(rows(row))
                .hasSize(2)
                .extracting("xmin")
                .containsOnly(rows(row).get(0).get("xmin"));
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            joins-and-fails, on purpose
            fails-inside, on purpose
            other-workspace, 'Route inner was called for another workspace than that of route other-workspace'
            inside-changes, 'Route inner-changes would commit in another workspace'
            handles, 'Route handles would commit in another workspace'
            catches, 'Route inner-fails failed inside the transaction of route catches, which caught the failure and went on: rolled back'
            catches-in-split, 'Route inner-fails failed inside the transaction of route catches-in-split, which caught'
            catches-a-roll-back, 'Route inner-rolls-back failed inside the transaction of route catches-a-roll-back'
            catches-other-workspace, 'Route inner failed inside the transaction of route catches-other-workspace'
            catches-rubbish, 'Route inner failed inside the transaction of route catches-rubbish'
            catches-sql, 'Route catches-sql went on after a statement of its transaction had failed: rolled back'
            calls-in-parallel, 'Route inner shares the unit of work of a transaction on another thread'
            """)
    void what_fails_in_part_is_rolled_back_as_a_whole_and_says_why(String route, String message) {
        String row = route + "-" + UUID.randomUUID();
        Throwable failure = send(route, WORKSPACE, row);
        assertThat(failure).isNotNull();
        assertThat(messages(failure)).anySatisfy(one -> assertThat(one).contains(message));
        assertThat(rows(row)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"joins-and-fails", "other-workspace", "inside-changes", "catches", "catches-sql"})
    void after_a_failure_the_next_workspace_starts_afresh(String route) {
        send(route, WORKSPACE, route + "-" + UUID.randomUUID());
        String row = "afresh-" + UUID.randomUUID();
        assertThat(send("inner", other, row)).isNull();
        assertThat(rows(row)).extracting("workspace_id").containsExactly(other);
    }

    @ParameterizedTest
    @ValueSource(strings = {"CamelSqlQuery", "camelsqlquery", "CAMELSQLQUERY"})
    void a_caller_cannot_bring_sql_in_a_header_or_parameter(String name) {
        String sql = "delete+from+postrider.workspace_assets";
        HttpRequest request = HttpRequest.newBuilder(URI.create(APPLICATION.url("/override?" + name + "=" + sql)))
                .header(name, sql.replace('+', ' '))
                .build();
        int before = rows("by http").size();
        assertThat(APPLICATION.exchange(request).status()).isBetween(200, 299);
        assertThat(rows("by http")).hasSize(before + 1);
    }

    @Test
    void health_and_metrics_know_the_tenants_pool() {
        HttpRequest health = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + APPLICATION.managementPort() + "/actuator/health"))
                .build();
        assertThat(APPLICATION.exchange(health).body()).contains("\"UP\"");
        assertThat(APPLICATION
                        .bean(MeterRegistry.class)
                        .find("hikaricp.connections.max")
                        .tag("pool", "tenant")
                        .gauge())
                .isNotNull();
    }

    private static Throwable send(String route, Object workspace) {
        return send(route, workspace, route + "-" + UUID.randomUUID());
    }

    /** Returns how it failed, or null. */
    private static Throwable send(String route, Object workspace, String row) {
        Exchange exchange = APPLICATION.camel().getEndpoint("direct:" + route).createExchange();
        exchange.getIn().setBody("one");
        exchange.setProperty("workspaceId", workspace);
        exchange.setProperty("otherWorkspace", other.toString());
        exchange.setProperty("row", row);
        return APPLICATION
                .camel()
                .createFluentProducerTemplate()
                .withExchange(exchange)
                .to("direct:" + route)
                .send()
                .getException();
    }

    private static List<Map<String, Object>> rows(String row) {
        return APPLICATION
                .sql()
                .queryForList(
                        "select name, workspace_id, xmin::text from postrider.workspace_assets where starts_with(name, ?)",
                        row);
    }

    private static List<String> messages(Throwable error) {
        List<String> messages = new ArrayList<>();
        for (Throwable t = error; t != null && messages.size() < 20; t = t.getCause()) {
            messages.add(t.getMessage());
        }
        return messages;
    }

    private static String row(String suffix) {
        return "setProperty: {name: row, simple: \"${exchangeProperty.row}-" + suffix + "\"}";
    }

    private static String caught(String step) {
        return "doTry: {steps: [{" + step + "}], doCatch: [{exception: [java.lang.Exception], steps: []}]}";
    }

    private static void transacted(String id, String... steps) throws Exception {
        List<String> all = new ArrayList<>(List.of("transacted: {ref: workspace}"));
        all.addAll(List.of(steps));
        route(id, all.toArray(String[]::new));
    }

    private static void route(String id, String... steps) throws Exception {
        route(id, "direct:" + id, steps);
    }

    private static void task(String type, String... steps) throws Exception {
        route(type, "kamelet:task-source?taskType=" + type, steps);
    }

    private static void route(String id, String from, String[] steps) throws Exception {
        StringBuilder yaml =
                new StringBuilder("- route:\n    id: %s\n    from:\n      uri: %s\n      steps:\n".formatted(id, from));
        for (String step : steps) {
            yaml.append("        - ").append(step).append('\n');
        }
        load(id, yaml.toString());
    }

    /** By Camel itself: the lint would refuse some of these routes, and they have to be safe without it. */
    private static void load(String file, String yaml) throws Exception {
        PluginHelper.getRoutesLoader(APPLICATION.camel())
                .loadRoutes(ResourceHelper.fromString(file + ".camel.yaml", yaml));
    }
}
