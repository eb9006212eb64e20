package dev.postrider.database;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import dev.postrider.testkit.TestDatabase;
import java.io.File;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

class MigrationTest {

    @TempDir
    private Path directory;

    private final DatabaseLocation database = TestDatabase.newDatabase();
    private final Secrets secrets = NewerRelease.secrets();
    private JdbcTemplate sql;

    @BeforeEach
    void connect() {
        sql = new JdbcTemplate(new DriverManagerDataSource(database.url(), database.username(), database.password()));
    }

    @Test
    void four_nodes_that_start_at_once_on_an_empty_database_all_succeed() {
        CompletableFuture.allOf(Stream.generate(() -> CompletableFuture.runAsync(this::migrate))
                        .limit(4)
                        .toArray(CompletableFuture[]::new))
                .join();

        assertEachScriptRanOnce();
    }

    @Test
    void a_node_that_is_killed_while_it_migrates_leaves_it_to_the_next_one() throws Exception {
        migrate();
        Path scripts = NewerRelease.scripts(
                directory.resolve("scripts"),
                "alter table postrider.dead_letters add column half text",
                "lock table postrider.background_tasks in access exclusive mode",
                "alter table postrider.background_tasks add column other_half text");
        try (Connection holder = lock("background_tasks")) {
            Process killed = startProcess(scripts);
            try {
                await().atMost(Duration.ofMinutes(2)).until(() -> waitsForTheLock() || !killed.isAlive());
                assertThat(killed.isAlive()).isTrue();
            } finally {
                killed.destroyForcibly().waitFor();
            }
            holder.rollback();
        }

        NewerRelease.migration(database, scripts).run();

        assertEachScriptRanOnce();
        assertThat(sql.queryForList(
                        "select attname from pg_attribute where attname in ('half', 'other_half')", String.class))
                .hasSize(2);
        assertThat(sql.queryForObject(
                        "select count(*) from pg_auth_members where roleid = 'postrider_engine'::regrole",
                        Integer.class))
                .as("members of the engine")
                .isZero();
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void a_migration_that_would_wait_for_a_lock_gives_up_and_the_next_start_succeeds() throws Exception {
        migrate();
        Path scripts = NewerRelease.scripts(
                directory.resolve("scripts"), "alter table postrider.background_tasks add column label text");
        try (Connection holder = lock("background_tasks")) {
            assertThatThrownBy(() -> NewerRelease.migration(database, scripts).run())
                    .isInstanceOfSatisfying(StartupException.class, e -> {
                        assertThat(e).hasMessageContaining("lock timeout");
                        assertThat(e.action()).contains("end the long transaction");
                    });
            holder.rollback();
        }
        NewerRelease.migration(database, scripts).run();
        assertEachScriptRanOnce();
    }

    @Test
    void with_logins_that_a_dba_made_it_names_the_grant_that_is_missing_and_only_while_it_migrates() {
        migrate(); // makes the roles; then everything starts again, as a DBA would have it
        sql.execute("drop schema postrider cascade");
        sql.execute("create role dba_made login password 'dba_made'");
        sql.execute("grant postrider_owner to dba_made");
        try {
            Migration migration = new Migration(
                    new DatabaseLocation(database.url(), database.directUrl(), "", "", false),
                    ownedBy("dba_made"),
                    secrets);
            assertThatThrownBy(migration::run).isInstanceOfSatisfying(StartupException.class, e -> {
                assertThat(e).hasMessageContaining("login \"dba_made\" may not make the functions");
                assertThat(e.action()).contains("grant postrider_engine to dba_made with inherit false, set true");
            });

            sql.execute("grant postrider_engine to dba_made with inherit false, set true");
            migration.run();
            assertEachScriptRanOnce();

            sql.execute("revoke postrider_engine from dba_made");
            migration.run();
        } finally {
            sql.execute("drop owned by dba_made");
            sql.execute("drop role dba_made");
        }
    }

    private boolean waitsForTheLock() {
        return sql.queryForObject(
                        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                                + " and query like 'lock table postrider.background_tasks%' and datname = current_database()",
                        Integer.class)
                == 1;
    }

    private void migrate() {
        new Migration(database, NewerRelease.logins(secrets), secrets).run();
    }

    private RoleLogins ownedBy(String login) {
        RoleLogins logins = NewerRelease.logins(secrets);
        return new RoleLogins(
                new RoleLogins.Login(login, login),
                logins.tenant(),
                logins.dispatcher(),
                logins.operator(),
                logins.analyst());
    }

    private Connection lock(String table) throws Exception {
        Connection connection = DriverManager.getConnection(database.url(), database.username(), database.password());
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("lock table postrider.%s in row exclusive mode".formatted(table));
        }
        return connection;
    }

    private Process startProcess(Path scripts) throws Exception {
        return new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        NewerRelease.class.getName(),
                        database.url(),
                        database.username(),
                        database.password(),
                        scripts.toAbsolutePath().toString())
                .redirectErrorStream(true)
                .redirectOutput(new File(directory.toFile(), "killed.txt"))
                .start();
    }

    private void assertEachScriptRanOnce() {
        assertThat(sql.queryForObject(
                        "select count(*) from postrider.flyway_schema_history where version is not null"
                                + " or script like 'R\\_\\_%'",
                        Integer.class))
                .isPositive();
        List<String> repeated = sql.queryForList(
                "select script from postrider.flyway_schema_history group by script, checksum having count(*) > 1",
                String.class);
        assertThat(repeated).isEmpty();
        assertThat(sql.queryForList(
                        "select script from postrider.flyway_schema_history where not success", String.class))
                .isEmpty();
    }
}
