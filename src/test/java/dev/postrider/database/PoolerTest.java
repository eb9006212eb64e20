package dev.postrider.database;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.secrets.Secrets;
import dev.postrider.secrets.SecretsConfiguration;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.NeedsPgBouncer;
import dev.postrider.testkit.PgBouncer;
import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TestDatabase;
import io.micrometer.core.instrument.MeterRegistry;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.CannotGetJdbcConnectionException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** What passes a transaction pooler and what does not, and what becomes of it when the pooler is away, paused or full. */
@ExtendWith({NeedsPgBouncer.class, OutputCaptureExtension.class})
class PoolerTest {

    private static DatabaseLocation direct;
    private static PgBouncer pooler;
    private static RunningApplication application;

    @BeforeAll
    static void start() {
        direct = TestDatabase.newDatabase();
        pooler = PgBouncer.start(direct, PgBouncer.userlist(PgBouncer.LOGINS), "query_wait_timeout = 1");
        application = RunningApplication.on(pooler.before(direct));
    }

    @AfterAll
    static void stop() {
        application.close();
        pooler.close();
    }

    @Test
    void four_logins_pass_the_pooler_and_migrations_and_LISTEN_do_not() throws Exception {
        DataSource analyst = (DataSource) application.camel().getRegistry().lookupByName("analyst");
        analyst.getConnection().close(); // the other logins are at work without being asked
        assertThat(pooler.logins())
                .containsOnlyKeys(
                        "postrider_analyst_login",
                        "postrider_dispatcher_login",
                        "postrider_operator_login",
                        "postrider_tenant_login");
        await().until(() -> count("select count(*) from pg_stat_activity where datname = current_database()"
                        + " and application_name like '%listening%'")
                == 1);
        for (int i = 0; i < 3; i++) { // a new connection wakes once without a notification
            double before = wakes();
            application.sql().queryForList("select pg_notify('postrider_wake', '')");
            await().until(() -> wakes() > before);
        }
    }

    @Test
    void a_server_connection_keeps_nothing_of_who_used_it() throws SQLException {
        String task = application.enqueue("pooler-nobody", "{}");
        for (int i = 0; i < 20; i++) {
            application.call("GET", "/v1/tasks/" + task, null);
        }
        for (Connection held : holdAllServerConnections("tenant")) {
            try (held;
                    Statement statement = held.createStatement();
                    ResultSet kept = statement.executeQuery("""
                            select 'prepared: ' || statement from pg_prepared_statements
                            union all select 'listens: ' || pg_listening_channels()
                            union all select 'locks: ' || objid from pg_locks
                                       where locktype = 'advisory' and pid = pg_backend_pid()
                            union all select 'setting: ' || name from (values ('app.active_workspace'), ('app.actor')) settings (name)
                                       where current_setting(name, true) <> ''""")) {
                assertThat(kept.next() ? kept.getString(1) : "nothing").isEqualTo("nothing");
            }
        }
    }

    @Test
    void tasks_survive_a_kill_of_the_pooler_while_they_run_and_callers_are_told_to_try_again() {
        application.handler("pooler-killed", "concurrency: 4\nprefetch: 50", "- delay: {constant: \"2\"}");
        application.as(
                "tenant",
                RunningApplication.WORKSPACE,
                sql -> sql.queryForObject(
                        "select count(enqueue_task('pooler-killed')) from generate_series(1, 2000)", Integer.class));
        await().until(() -> completed("pooler-killed") > 300);

        pooler.kill();
        assertTriedAgainLater(application.call("GET", "/v1/tasks?limit=1", null));
        assertThat(completed("pooler-killed")).isLessThan(2_000);
        pooler.start();

        await().until(() -> completed("pooler-killed") == 2_000);
        assertThat(count("select count(*) from postrider.background_tasks where task_type = 'pooler-killed'"))
                .isZero();
        assertThat(count("select max(failure_count) from postrider.task_history where task_type = 'pooler-killed'"))
                .isZero();
        await().until(() -> count("select coalesce(sum(abs(unaccounted)), 0) from postrider.accounting") == 0);
    }

    @Test
    void a_paused_pooler_makes_callers_try_again_later_and_goes_on_where_it_was() {
        application.handler("pooler-paused", "", "- log: done");
        String task = application.enqueue("pooler-paused", "{}");
        application.awaitTask(task, "completed");

        pooler.pause();
        try {
            assertTriedAgainLater(application.call("GET", "/v1/tasks/" + task, null));
        } finally {
            pooler.resume();
        }

        await().until(() -> application.call("GET", "/v1/tasks/" + task, null).status() == 200);
        application.awaitTask(application.enqueue("pooler-paused", "{}"), "completed");
    }

    @Test
    void a_full_pooler_makes_callers_wait_and_then_try_again_later() throws SQLException {
        List<Connection> held = holdAllServerConnections("tenant");
        CompletableFuture<Answer> waiting;
        try {
            assertTriedAgainLater(application.call("GET", "/v1/tasks?limit=1", null));
            waiting = CompletableFuture.supplyAsync(() -> application.call("GET", "/v1/tasks?limit=1", null));
        } finally {
            for (Connection connection : held) {
                connection.close();
            }
        }
        assertThat(waiting.join().status()).isIn(200, 503);
        await().until(() -> application.call("GET", "/v1/tasks?limit=1", null).status() == 200);
    }

    @Test
    void the_userlist_that_the_guide_makes_lets_the_logins_pass() throws Exception {
        String sql = Guide.block("pgbouncer.md", "sql");
        String userlist = String.join("\n", application.sql().queryForList(sql, String.class)) + "\n";

        try (PgBouncer another = PgBouncer.start(direct, userlist)) {
            String url = another.before(direct).url();
            for (String role : PgBouncer.LOGINS) {
                assertThat(currentUser(url, role)).isEqualTo("postrider_" + role + "_login");
            }
            assertThatThrownBy(() -> currentUser(url, "owner")).isInstanceOf(CannotGetJdbcConnectionException.class);
        }
    }

    @Test
    void a_start_fails_with_the_name_of_a_login_that_the_pooler_does_not_know() {
        try (PgBouncer incomplete = PgBouncer.start(direct, PgBouncer.userlist(List.of("tenant", "dispatcher")))) {
            new ApplicationContextRunner()
                    .withUserConfiguration(
                            OwnDatabaseConfiguration.class, SecretsConfiguration.class, DataSources.class)
                    .withPropertyValues(TestDatabase.settings(incomplete.before(direct)))
                    .run(context -> assertThat(context)
                            .getFailure()
                            .hasStackTraceContaining(
                                    "The login \"postrider_operator_login\" does not pass the pooler"));
        }
    }

    @Test
    void a_database_that_is_taken_for_PostgreSQL_but_is_a_pooler_is_warned_of(CapturedOutput output) {
        String login = "postrider_tenant_login";
        DatabaseCheck.verify("postrider.database.url", direct.directUrl(), login, password("tenant"), false);
        assertThat(output).doesNotContain("leads through a pooler");

        DatabaseCheck.verify("postrider.database.url", pooler.before(direct).url(), login, password("tenant"), false);

        assertThat(output).contains("postrider.database.url").contains("Give postrider.database.direct-url");
    }

    private static String currentUser(String url, String role) {
        return new JdbcTemplate(new DriverManagerDataSource(url, "postrider_" + role + "_login", password(role)))
                .queryForObject("select current_user", String.class);
    }

    private static void assertTriedAgainLater(Answer answer) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(503);
        assertThat(answer.headers().firstValueAsLong("Retry-After")).isPresent();
    }

    /** Opens a transaction on each of the four server connections of a login. */
    private static List<Connection> holdAllServerConnections(String role) throws SQLException {
        List<Connection> held = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Connection connection = DriverManager.getConnection(
                    pooler.before(direct).url() + "?prepareThreshold=0",
                    "postrider_" + role + "_login",
                    password(role));
            connection.setAutoCommit(false);
            connection.createStatement().execute("select");
            held.add(connection);
        }
        return held;
    }

    private static String password(String role) {
        return application.bean(Secrets.class).rolePassword(role);
    }

    private static int completed(String taskType) {
        return count("select count(*) from postrider.task_history where task_status = 'completed' and task_type = '%s'"
                .formatted(taskType));
    }

    private static int count(String query) {
        return application.sql().queryForObject(query, Integer.class);
    }

    private static double wakes() {
        return application
                .bean(MeterRegistry.class)
                .counter("postrider.wake", "by", "notify")
                .count();
    }
}
