package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.TenantDataSource;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.processor.aggregate.UseLatestAggregationStrategy;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Wherever a route goes on, it keeps its workspace, and tenant SQL runs in a transaction of that workspace or not at all.
 *
 * <p>The hops are in {@code hops.yaml} beside this class. All end in the route {@code after}, which tries SQL as it is, then
 * calls a transacted route.
 */
class TenantHopsTest {

    private static final int ROUNDS = 4;

    /** Of its own: the rows of the test stay. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final Probe PROBE = new Probe();
    private static List<UUID> workspaces;

    /** @param thread {@code same}, or {@code other}; {@code outside} if only there; {@code after} the transaction */
    record Hop(String name, String thread, String routes) {

        boolean leavesTransaction() {
            return thread.equals("other") || thread.endsWith("after");
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** What the route {@code after} saw. */
    record Seen(String row, String workspace, Optional<EnteredWorkspace> entered, Throwable refused) {}

    /** Called by the routes. */
    public static final class Probe {

        private final Queue<Seen> seen = new ConcurrentLinkedQueue<>();

        public void see(Exchange exchange) {
            seen.add(new Seen(
                    exchange.getProperty("row", String.class),
                    exchange.getProperty("workspaceId", String.class),
                    EnteredWorkspace.of(exchange),
                    exchange.getProperty("refused", Throwable.class)));
        }

        public void calls(Exchange exchange) {
            try (ProducerTemplate template = exchange.getContext().createProducerTemplate()) {
                template.send("direct:after", exchange);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        public String next(Exchange exchange) {
            boolean first = exchange.getProperty("routed") == null;
            exchange.setProperty("routed", true);
            return first ? "direct:after" : null;
        }
    }

    static List<Hop> hops() throws IOException {
        try (var in = TenantHopsTest.class.getResourceAsStream("hops.yaml")) {
            String all = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return Stream.of(all.substring(all.indexOf("\n#### ") + 6).split("\n#### "))
                    .map(part -> {
                        String[] head = part.substring(0, part.indexOf('\n')).split(" \\| ");
                        return new Hop(head[0], head[1], part.substring(part.indexOf('\n') + 1));
                    })
                    .toList();
        }
    }

    @BeforeAll
    static void routes() throws Exception {
        workspaces = List.of(WORKSPACE, APPLICATION.newWorkspace());
        APPLICATION.camel().getRegistry().bind("probe", PROBE);
        APPLICATION.camel().getRegistry().bind("latest", new UseLatestAggregationStrategy());
        load("after", """
                - route:
                    id: after
                    from:
                      uri: direct:after
                      steps:
                        - doTry:
                            steps:
                              - to: {uri: "sql:classpath:dev/postrider/tenancy/insert-row.sql", parameters: {dataSource: "#tenant"}}
                            doCatch:
                              - exception: [java.lang.Exception]
                                steps:
                                  - setProperty: {name: refused, simple: "${exception}"}
                        - setProperty: {name: row, simple: "${exchangeProperty.row}-again"}
                        - to: direct:inside
                        - bean: {ref: probe, method: see}
                - route:
                    id: inside
                    from:
                      uri: direct:inside
                      steps:
                        - transacted: {ref: workspace}
                        - to: {uri: "sql:classpath:dev/postrider/tenancy/insert-row.sql", parameters: {dataSource: "#tenant"}}
                """);
        for (Hop hop : hops()) {
            load(hop.name(), hop.routes().replace("HOP", hop.name()) + """

                    - route:
                        id: %1$s.transacted
                        from:
                          uri: direct:%1$s.transacted
                          steps:
                            - transacted: {ref: workspace}
                            - to: direct:%1$s
                    """.formatted(hop.name()));
        }
    }

    /** By Camel itself: the lint would refuse most of these routes, and they have to be safe without it. */
    private static void load(String file, String yaml) throws Exception {
        PluginHelper.getRoutesLoader(APPLICATION.camel())
                .loadRoutes(ResourceHelper.fromString(file + ".camel.yaml", yaml));
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @ParameterizedTest
    @MethodSource("hops")
    void outside_a_transaction_sql_is_refused_after_the_hop_and_a_transacted_route_works(Hop hop) throws Exception {
        List<Seen> seen = send(hop, "direct:" + hop.name(), "outside");

        assertThat(seen).allSatisfy(one -> {
            assertThat(one.refused())
                    .hasMessageContaining(
                            "SQL on #tenant outside a workspace transaction was not run (route after, step ")
                    .hasMessageContaining("whose first step is '- transacted: {ref: workspace}'");
            assertThat(one.row()).endsWith(one.workspace() + "-again");
            assertThat(one.entered()).contains(new EnteredWorkspace(one.workspace()));
        });
        assertThat(rows("outside-" + hop.name() + "-")).hasSize(2 * ROUNDS).allSatisfy(this::isInItsWorkspace);
    }

    @ParameterizedTest
    @MethodSource("hops")
    void inside_a_transaction_sql_joins_it_on_its_thread_and_is_refused_on_another(Hop hop) throws Exception {
        List<Seen> seen = send(hop, "direct:" + hop.name() + ".transacted", "inside");

        assertThat(seen).allSatisfy(one -> {
            if (hop.leavesTransaction()) {
                assertThat(one.refused()).hasMessageContaining("was not run (route after, step ");
            } else {
                assertThat(one.refused()).isNull();
            }
            assertThat(one.row()).endsWith(one.workspace() + "-again");
            assertThat(one.entered()).contains(new EnteredWorkspace(one.workspace()));
        });
        assertThat(rows("inside-" + hop.name() + "-"))
                .hasSize((hop.leavesTransaction() ? 2 : 4) * ROUNDS)
                .allSatisfy(this::isInItsWorkspace);
    }

    @Test
    void no_pooled_connection_carries_a_workspace() throws SQLException {
        TenantDataSource tenant = APPLICATION.bean(TenantDataSource.class);
        List<Connection> all = new ArrayList<>();
        try {
            for (int i = 0; i < tenant.getMaximumPoolSize(); i++) {
                tenant.admit();
                all.add(tenant.getConnection());
                try (var row = all.get(i)
                        .createStatement()
                        .executeQuery("select coalesce(current_setting('app.active_workspace', true), '')")) {
                    row.next();
                    assertThat(row.getString(1)).isEmpty();
                }
            }
        } finally {
            for (Connection one : all) {
                one.close();
            }
        }
    }

    /** Sends for both workspaces at once, and waits until the route after has seen all. */
    private List<Seen> send(Hop hop, String uri, String prefix) throws Exception {
        PROBE.seen.clear();
        try (ProducerTemplate template = APPLICATION.camel().createProducerTemplate()) {
            IntStream.range(0, 2 * ROUNDS).parallel().forEach(i -> {
                UUID workspace = workspaces.get(i % 2);
                template.send(uri, exchange -> {
                    exchange.getIn().setBody("{}");
                    EnteredWorkspace.set(exchange, workspace.toString());
                    exchange.setProperty("target", "after");
                    exchange.setProperty("row", "%s-%s-%d-%s".formatted(prefix, hop.name(), i, workspace));
                });
            });
            await().untilAsserted(() -> assertThat(PROBE.seen).hasSize(2 * ROUNDS));
        }
        return List.copyOf(PROBE.seen);
    }

    private static List<Map<String, Object>> rows(String prefix) {
        JdbcTemplate sql = APPLICATION.sql();
        return sql.queryForList(
                "select name, workspace_id::text from postrider.workspace_assets where starts_with(name, ?)", prefix);
    }

    private void isInItsWorkspace(Map<String, Object> row) {
        assertThat((String) row.get("name")).contains((String) row.get("workspace_id"));
    }
}
