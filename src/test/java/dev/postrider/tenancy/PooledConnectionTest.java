package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.TenantDataSource;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A connection goes from one workspace to the next, and takes nothing along. */
class PooledConnectionTest {

    /** What a session can keep beyond its transaction. */
    private static final String LEFT = """
            select concat_ws(' ', nullif(current_setting('app.active_workspace', true), ''),
                             nullif(current_setting('app.actor', true), ''),
                             (select string_agg('cursor ' || name, ' ') from pg_cursors where is_holdable),
                             (select string_agg('table ' || relname, ' ') from pg_class
                               where relnamespace = pg_my_temp_schema() and relkind = 'r'),
                             (select string_agg('statement ' || name, ' ') from pg_prepared_statements where from_sql),
                             (select string_agg('lock ' || objid, ' ') from pg_locks
                               where locktype = 'advisory' and pid = pg_backend_pid()),
                             (select string_agg('channel ' || c, ' ') from pg_listening_channels() c),
                             case when current_user <> session_user then current_user end)""";

    /** Of its own, because what is left on its connections on purpose would stay there. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private final TenantDataSource tenant = APPLICATION.bean(TenantDataSource.class);
    private final UUID first = APPLICATION.newWorkspace();
    private final UUID second = APPLICATION.newWorkspace();

    @BeforeAll
    static void layRoute() {
        APPLICATION.route("tasks/pooled.camel.yaml", """
                - route:
                    id: pooled
                    description: Looks at what it finds on its connection.
                    from:
                      uri: direct:pooled
                      steps:
                        - transacted: {ref: workspace}
                        - to: {uri: "sql:classpath:pooled-look.sql", parameters: {dataSource: "#tenant", outputType: SelectOne}}
                """);
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void after_use_and_after_errors_nothing_is_left() throws SQLException {
        String key = APPLICATION.newKey(first);
        for (String body : List.of(
                "{\"taskType\": \"pooled-x\", \"orderingKey\": \"o\"}",
                "{\"taskType\": \"pooled-x\", \"payload\": {\"nul\": \"\\u0000\"}}")) {
            APPLICATION.send(key, "POST", "/v1/tasks", body, "Idempotency-Key", "pooled");
        }
        APPLICATION.send(key, "GET", "/v1/tasks", null);
        APPLICATION.send(key, "DELETE", "/v1/tasks/" + UUID.randomUUID(), null);
        APPLICATION.send(key, "POST", "/v1/dead-letters/" + UUID.randomUUID() + "/replay", "{\"reason\": \"none\"}");

        assertThat(onEveryConnection(LEFT))
                .isNotEmpty()
                .allSatisfy(left -> assertThat(left).isEmpty());
    }

    @Test
    void a_workspace_set_for_the_session_is_not_that_of_the_next_transaction() throws SQLException {
        onEveryConnection("set app.active_workspace = '%s'".formatted(first));
        try {
            for (int i = 0; i < tenant.getMaximumPoolSize(); i++) {
                Exchange seen = APPLICATION
                        .camel()
                        .createProducerTemplate()
                        .request(
                                "direct:pooled",
                                exchange ->
                                        exchange.setProperty(WorkspaceTransactionPolicy.WORKSPACE, second.toString()));

                assertThat(seen.getException()).isNull();
                assertThat(seen.getMessage().getBody(Map.class).toString())
                        .contains("workspace=" + second)
                        .contains("workspaces=1");
            }
        } finally {
            onEveryConnection("reset app.active_workspace");
        }
    }

    /** Runs statements in one transaction on each connection of the pool; returns the texts that the last one shows. */
    private List<String> onEveryConnection(String... statements) throws SQLException {
        List<Connection> connections = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        try {
            for (int i = 0; i < tenant.getMaximumPoolSize(); i++) {
                tenant.admit();
                Connection connection = tenant.getConnection();
                connections.add(connection);
                connection.setAutoCommit(false);
                try (Statement statement = connection.createStatement()) {
                    for (String sql : statements) {
                        if (statement.execute(sql)) {
                            ResultSet shown = statement.getResultSet();
                            shown.next();
                            texts.add(shown.getString(1));
                        }
                    }
                }
                connection.commit();
            }
        } finally {
            for (Connection connection : connections) {
                connection.close();
            }
        }
        return texts;
    }
}
