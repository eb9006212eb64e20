package dev.postrider.database;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.operations.Console;
import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.Replica;
import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TestDatabase;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** Analysts read on a real streaming replica, never on its primary, and nothing else depends on it. */
@EnabledOnOs({OS.LINUX, OS.MAC})
@ExtendWith(OutputCaptureExtension.class)
class AnalyticsReplicaTest {

    @TempDir
    private static Path directory;

    private static LocalFolder folder;
    private static EmbeddedServer primary;
    private static Replica replica;
    private static RunningApplication application;

    @BeforeAll
    static void start() {
        folder = LocalFolder.open(directory.resolve("primary"));
        primary = EmbeddedServer.start(folder, 0, "secret", Map.of("log_connections", "on"));
        replica = newReplica("replica");
        application = RunningApplication.on(primary.location(), "postrider.database.replica-url=" + replica.url());
    }

    @AfterAll
    static void stop() throws Exception {
        application.close();
        replica.close();
        primary.close();
        folder.close();
    }

    /** By the log, in which every login stands, not by a look now and then. */
    @AfterEach
    void no_analyst_has_ever_connected_to_the_primary() throws Exception {
        List<String> log = Files.readAllLines(folder.path().resolve("postgres.log"));
        assertThat(log.stream().filter(line -> line.contains("user=postrider_owner_login")))
                .isNotEmpty();
        assertThat(log.stream().filter(line -> line.contains("user=postrider_analyst_login")))
                .isEmpty();
    }

    @Test
    void an_analyst_reads_all_workspaces_on_the_replica_and_a_tenant_only_its_own() {
        UUID other = application.newWorkspace();
        application.enqueue("replica-read", "{}");
        application.send(application.newKey(other), "POST", "/v1/tasks", "{\"taskType\": \"replica-read\"}");
        String query = "select distinct workspace_id from postrider.background_tasks where task_type = 'replica-read'";

        await().untilAsserted(() -> assertThat(analyst(application).queryForList(query, UUID.class))
                .containsExactlyInAnyOrder(WORKSPACE, other));

        assertThat(analyst(application).queryForObject("select inet_server_port()", Integer.class))
                .isEqualTo(URI.create(replica.url().substring("jdbc:".length())).getPort());
        onReplica("postrider_tenant_login", application.bean(Secrets.class).rolePassword("tenant"), tenant -> {
            assertThat(tenant.queryForList(query, UUID.class)).isEmpty();
            tenant.query("select set_config('app.active_workspace', ?, false)", row -> {}, other.toString());
            assertThat(tenant.queryForList(query, UUID.class)).containsExactly(other);
        });
    }

    @Test
    void a_login_made_for_a_tool_as_the_guide_says_reads_all_workspaces_on_the_replica() {
        application.newWorkspace();
        application.sql().execute("create role metabase login in role postrider_analyst password 'metabase'");
        application.sql().execute("alter role metabase set search_path = postrider, pg_catalog");
        await().until(() -> replica.sql()
                        .queryForObject(
                                "select count(*) from pg_db_role_setting s join pg_roles r on r.oid = setrole"
                                        + " where rolname = 'metabase'",
                                Integer.class)
                == 1);

        onReplica(
                "metabase",
                "metabase",
                tool -> assertThat(tool.queryForObject("select count(*) from workspaces", Integer.class))
                        .isGreaterThan(1));
    }

    @Test
    void the_route_of_the_guide_says_what_each_workspace_did(CapturedOutput output) throws Exception {
        String task = application.enqueue("report-generate", "{}");
        application.awaitTask(task, "completed");
        await().until(() -> analyst(application)
                        .queryForObject(
                                "select count(*) from postrider.task_history where task_id = ?",
                                Integer.class,
                                UUID.fromString(task))
                == 1);

        application.route("analytics/workspace-activity.camel.yaml", Guide.block("analytics-replica.md", "yaml"));

        await().untilAsserted(() -> assertThat(output)
                .containsPattern("%s: [1-9]\\d* completed, 0 dead".formatted(LocalDate.now(ZoneOffset.UTC))));
    }

    @Test
    void the_page_of_figures_is_read_on_the_replica() throws Exception {
        Console console = new Console(application.managementPort());
        console.logIn("operator", RunningApplication.OPERATOR_PASSWORD);

        assertThat(console.get("/actuator/figures", "text/html").body())
                .containsPattern("from the replica, which had replayed everything until 2\\d{3}-");
    }

    @Test
    void the_lag_rises_while_the_replay_is_paused_and_falls_when_it_goes_on() {
        await().untilAsserted(() -> assertThat(lag(application)).isBetween(-1.0, 7.0));

        replica.sql().queryForList("select pg_wal_replay_pause()");
        try {
            await().atMost(Duration.ofMinutes(2))
                    .untilAsserted(() -> assertThat(lag(application)).isGreaterThan(12));
        } finally {
            replica.sql().queryForList("select pg_wal_replay_resume()");
        }

        await().untilAsserted(() -> assertThat(lag(application)).isBetween(-1.0, 7.0));
    }

    @Test
    void without_its_replica_an_application_starts_works_and_is_ready_and_analytics_comes_back_with_it() {
        replica.stop();
        try (RunningApplication second =
                RunningApplication.on(primary.location(), "postrider.database.replica-url=" + replica.url())) {
            try {
                for (RunningApplication node : List.of(application, second)) {
                    await().until(() ->
                            node.bean(ReplicaState.class).health().getDetails().containsKey("error"));
                    assertThat(health(node, "/analytics").status()).isEqualTo(503);
                    assertThat(health(node, "/readiness").status()).isEqualTo(200);
                    assertThat(health(node, "").status()).isEqualTo(200);
                    assertThat(lag(node)).isNaN();
                    assertThat(node.bean(ReplicaState.class)
                                    .health()
                                    .getDetails()
                                    .get("error"))
                            .asString()
                            .contains(replica.url());
                    assertThatThrownBy(() -> analyst(node).queryForObject("select 1", Integer.class))
                            .rootCause()
                            .hasMessageContaining("The replica at %s gives no connection".formatted(replica.url()))
                            .hasMessageContaining("refused")
                            .hasMessageContaining("never runs on the primary");
                }
                second.awaitTask(second.enqueue("report-generate", "{}"), "completed");
            } finally {
                replica.start();
            }
            for (RunningApplication node : List.of(application, second)) {
                await().until(() -> analyst(node).queryForObject("select 1", Integer.class) == 1);
                await().until(() -> health(node, "/analytics").status() == 200);
                await().until(() -> !Double.isNaN(lag(node)));
            }
        }
    }

    @Test
    void a_replica_that_was_promoted_is_refused_also_on_connections_that_were_open() throws Exception {
        try (Replica promoted = newReplica("promoted");
                AnalystPool pool = pool(promoted.url(), primary.location())) {
            pool.getConnection().close();
            assertThat(pool.getHikariPoolMXBean().getIdleConnections()).isEqualTo(1);

            promoted.sql().queryForList("select pg_promote()");

            assertRefusedAsPrimary(pool, promoted.url());
        }
    }

    @Test
    void a_replica_url_that_names_a_primary_is_refused() {
        DatabaseLocation location = TestDatabase.newDatabase();
        try (AnalystPool pool = pool(location.url(), location)) {
            assertRefusedAsPrimary(pool, location.url());
        }
    }

    @Test
    void a_malformed_replica_url_is_explained_without_its_password() {
        assertThatThrownBy(() -> pool("postgres://me:hush@replica/app", primary.location()))
                .isInstanceOf(StartupException.class)
                .hasMessageContaining("postrider.database.replica-url, \"postgres://replica/app\"");
    }

    @Test
    void a_query_that_recovery_cancels_says_so_and_the_next_one_works() throws Exception {
        application.sql().execute("create table conflict as select generate_series(1, 1000) n");
        await().until(() -> replica.sql().queryForObject("select to_regclass('conflict')", String.class) != null);
        replica.sql().execute("alter system set max_standby_streaming_delay = 0");
        replica.sql().queryForList("select pg_reload_conf()");
        try {
            CompletableFuture<List<Map<String, Object>>> query = CompletableFuture.supplyAsync(
                    () -> analyst(application).queryForList("select pg_sleep(20) from postrider.workspaces limit 1"));
            await().until(() -> replica.sql()
                            .queryForObject(
                                    "select count(*) from pg_stat_activity where query like 'select pg_sleep(20)%'",
                                    Integer.class)
                    == 1);
            application.sql().execute("delete from conflict");
            application.sql().execute("vacuum conflict");

            assertThatThrownBy(query::get)
                    .rootCause()
                    .hasMessageContaining("canceling statement due to conflict with recovery");
        } finally {
            replica.sql().execute("alter system reset max_standby_streaming_delay");
            replica.sql().queryForList("select pg_reload_conf()");
        }
        assertThat(analyst(application).queryForObject("select 1", Integer.class))
                .isEqualTo(1);
    }

    @Test
    void an_analyst_changes_nothing_neither_on_the_replica_nor_on_a_primary_without_one() {
        for (RunningApplication node : List.of(application, RunningApplication.shared())) {
            // Whoever may connect may make temporary tables: what stops this is the transaction, not a grant.
            assertThatThrownBy(() -> analyst(node).execute("create temporary table t (n int)"))
                    .rootCause()
                    .hasMessageContaining("read-only transaction");
        }
        assertThat(application.sql().queryForList("""
                        select relname from pg_class
                         where relnamespace = 'postrider'::regnamespace and relkind in ('r', 'p', 'v')
                           and has_table_privilege('postrider_analyst', oid, 'insert, update, delete, truncate')
                        """, String.class)).isEmpty();
        assertThat(application.sql().queryForList("""
                        select oid::regprocedure::text from pg_proc
                         where pronamespace = 'postrider'::regnamespace and provolatile = 'v' and prosecdef
                           and has_function_privilege('postrider_analyst', oid, 'execute')
                        """, String.class)).isEmpty();
    }

    private static void onReplica(String username, String password, Consumer<JdbcTemplate> work) {
        SingleConnectionDataSource session = new SingleConnectionDataSource(replica.url(), username, password, true);
        try {
            work.accept(new JdbcTemplate(session));
        } finally {
            session.destroy();
        }
    }

    private static Replica newReplica(String name) {
        return Replica.of(primary, folder.path(), directory.resolve(name));
    }

    /** The application's own pool, but as a superuser, who needs no schema. */
    private static AnalystPool pool(String replicaUrl, DatabaseLocation location) {
        return DataSources.analystPool(
                "test", replicaUrl, location, new RoleLogins.Login(location.username(), location.password()), 2);
    }

    private static void assertRefusedAsPrimary(AnalystPool pool, String url) {
        assertThatThrownBy(pool::getConnection)
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("The server at %s is a primary".formatted(url))
                .hasMessageContaining("never runs on the primary");
        await().until(() -> pool.getHikariPoolMXBean().getTotalConnections() == 0);
    }

    private static JdbcTemplate analyst(RunningApplication node) {
        return new JdbcTemplate(node.camel().getRegistry().lookupByNameAndType("analyst", HikariDataSource.class));
    }

    /** As Prometheus sees it. */
    private static double lag(RunningApplication node) {
        return get(node, "/actuator/prometheus")
                .body()
                .lines()
                .filter(line -> line.startsWith("postrider_replica_lag_seconds"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .findFirst()
                .orElse(Double.POSITIVE_INFINITY);
    }

    private static Answer health(RunningApplication node, String group) {
        return get(node, "/actuator/health" + group);
    }

    private static Answer get(RunningApplication node, String path) {
        return node.exchange(HttpRequest.newBuilder(URI.create("http://localhost:" + node.managementPort() + path))
                .build());
    }
}
