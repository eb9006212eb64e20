package dev.postrider.database;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.standardwebhooks.Webhook;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** The backup and the restore of docs/guides/backup.md: with its very statements, onto a server that knows no role of ours. */
@EnabledIf(
        value = "dev.postrider.database.PgDump#available",
        disabledReason = "pg_dump comes from npm and runs in node")
class BackupTest {

    private static final String PROVIDER_SECRET = "a secret of the provider";
    private static final String DELIVERIES_TO_THIS_MACHINE = "postrider.outbound.allowed-networks=127.0.0.0/8";

    @TempDir
    private Path directory;

    @Test
    @DisabledIfSystemProperty(
            named = "postrider.test.postgres",
            matches = ".+",
            disabledReason = "It restores into the embedded server, which need not be of the image's version")
    void a_restored_dump_is_complete_and_isolated_and_works_on() throws Exception {
        try (Receiver receiver = Receiver.start();
                LocalFolder folder = LocalFolder.open(directory.resolve("server"));
                EmbeddedServer server = EmbeddedServer.start(folder, 0, "other", Map.of("fsync", "off"))) {
            receiver.answers(Receiver.with(500, ""));
            RunningApplication source = RunningApplication.start(DELIVERIES_TO_THIS_MACHINE);
            UUID second = source.newWorkspace();
            String keyOfSecond = source.newKey(second);
            String webhooks = taskAndWebhook(source, keyOfSecond);
            String endpointSecret = failingEndpoint(source, receiver);
            source.close();

            restore(source.database(), server.location());

            JdbcTemplate restored = superuser(server.location());
            assertThat(rows(restored)).isEqualTo(rows(source.sql())).hasSizeGreaterThan(30);
            assertThat(catalog(restored)).hasSizeGreaterThan(500).containsExactlyElementsOf(catalog(source.sql()));

            assertThatNoEndpointIsLeftByTheGuide(server.location());

            receiver.answers(Receiver.with(200, ""));
            int requests = receiver.requests().size();
            try (RunningApplication application =
                    RunningApplication.on(server.location(), DELIVERIES_TO_THIS_MACHINE)) {
                assertIsolated(application, second);

                application.handler("backup-waits", "concurrency: 2", "- log: done");
                application.handler("backup-dies", "", "- log: lives");
                assertThat(application
                                .call(
                                        "POST",
                                        "/v1/dead-letters/" + deadLetter(restored) + "/replay",
                                        "{\"reason\": \"restored\"}")
                                .status())
                        .isEqualTo(202);
                await().atMost(Duration.ofMinutes(2))
                        .until(() -> restored.queryForObject(
                                        "select count(*) from postrider.background_tasks", Integer.class)
                                == 0);
                assertThat(restored.queryForList(
                                "select task_type from postrider.task_history where task_status = 'completed' order by 1",
                                String.class))
                        .containsExactly(
                                "backup-dies",
                                "backup-ends",
                                "backup-waits",
                                "backup-waits",
                                "backup-waits",
                                "dead-letter",
                                "delivery");

                // The encryption key opens what was sealed on the other server.
                Receiver.Request delivered = receiver.requests().get(requests);
                assertThatCode(() -> new Webhook(endpointSecret).verify(delivered.body(), delivered.headers()))
                        .doesNotThrowAnyException();
                assertThat(delivered.header("webhook-id"))
                        .isEqualTo(receiver.requests().get(0).header("webhook-id"));
                assertThat(github(application, webhooks).body()).contains("\"duplicate\"");
                assertThat(application
                                .send(keyOfSecond, "GET", "/v1/tasks", null)
                                .status())
                        .isEqualTo(200);
                assertThat(restored.queryForObject("select postrider.unaccounted()", Long.class))
                        .isZero();
            }
        }
    }

    @Test
    void the_owner_cannot_dump_and_is_told_so() throws Exception {
        DatabaseLocation database = TestDatabase.newDatabase();
        var secrets = NewerRelease.secrets();
        new Migration(database, NewerRelease.logins(secrets), secrets).run();
        Path errors = directory.resolve("errors.txt");

        int code = PgDump.run(
                database,
                "postrider_owner_login",
                secrets.rolePassword("owner"),
                directory.resolve("nothing.sql"),
                errors);

        assertThat(code).isNotZero();
        assertThat(errors).content().contains("query would be affected by row-level security policy");
    }

    /** A task that has ended, one that has died, three that wait, two of them elsewhere; and a webhook, whose path it returns. */
    private static String taskAndWebhook(RunningApplication source, String keyOfSecond) throws Exception {
        source.handler("backup-ends", "", "- log: done");
        source.awaitTask(source.enqueue("backup-ends", "{\"n\": 1}"), "completed");
        source.handlerWhoseTasksDie("backup-dies");
        source.awaitTask(source.enqueue("backup-dies", "{}"), "dead");
        source.enqueue("backup-waits", "{\"it's\": \"Zoë's \\\\ task\"}");
        for (int i = 0; i < 2; i++) {
            source.send(keyOfSecond, "POST", "/v1/tasks", "{\"taskType\": \"backup-waits\", \"orderingKey\": \"k\"}");
        }
        String url = source.call(
                        "POST",
                        "/v1/sources",
                        "{\"provider\": \"github\", \"secrets\": [\"%s\"]}".formatted(PROVIDER_SECRET))
                .text("/url");
        String path = url.substring(url.indexOf("/webhooks/"));
        assertThat(github(source, path).body()).contains("\"accepted\"");
        return path;
    }

    private static Answer github(RunningApplication application, String path) throws Exception {
        String body = Files.readString(Path.of("src/test/resources/webhooks/github/ping.json"));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(PROVIDER_SECRET.getBytes(), "HmacSHA256"));
        return application.send(
                null,
                "POST",
                path,
                body,
                "Content-Type",
                "application/json",
                "X-GitHub-Event",
                "ping",
                "X-GitHub-Delivery",
                "delivery-1",
                "X-Hub-Signature-256",
                "sha256=" + HexFormat.of().formatHex(mac.doFinal(body.getBytes())));
    }

    /** An endpoint that has refused an event, which is tried again for long; returns its secret. */
    private static String failingEndpoint(RunningApplication source, Receiver receiver) {
        String secret = source.call("POST", "/v1/endpoints", """
                        {"url": "%s", "eventTypes": ["*"], "redeliveryPolicy":
                         {"maximumRedeliveries": 100, "redeliveryDelay": 2000, "backOffMultiplier": 1}}""".formatted(receiver.url()))
                .text("/secret");
        source.call("POST", "/v1/events", "{\"eventType\": \"invoice.paid\", \"payload\": {\"amount\": 12.5}}");
        await().until(() -> !receiver.requests().isEmpty());
        return secret;
    }

    private void restore(DatabaseLocation from, DatabaseLocation to) throws Exception {
        JdbcTemplate source = superuser(from);
        source.execute(Guide.block("backup.md", "sql"));
        Path dump = directory.resolve("dump.sql");
        Path errors = directory.resolve("errors.txt");
        try {
            assertThat(PgDump.run(from, "backup", "change-me", dump, errors))
                    .as(() -> read(errors))
                    .isZero();
        } finally {
            source.execute("drop role backup");
        }
        assertThat(Path.of("docs/guides/backup.md")).content().contains("sed '/password/d' db/bootstrap/roles.sql");
        String roles = Files.readAllLines(Path.of("db/bootstrap/roles.sql")).stream()
                .filter(line -> !line.contains("password"))
                .collect(Collectors.joining("\n"));
        JdbcTemplate target = superuser(to);
        target.execute(roles);
        target.execute(understood(Files.readString(dump)));
    }

    /** What the guide says for a copy that shall not deliver; undone again. */
    private static void assertThatNoEndpointIsLeftByTheGuide(DatabaseLocation location) {
        var connection = new SingleConnectionDataSource(location.url(), location.username(), location.password(), true);
        try {
            JdbcTemplate sql = new JdbcTemplate(connection);
            sql.execute("begin");
            sql.execute(Guide.blocks("backup.md", "sql").get(1));
            sql.execute("reset role");
            assertThat(sql.queryForList("select enabled from postrider.webhook_endpoints", Boolean.class))
                    .isNotEmpty()
                    .containsOnly(false);
            sql.execute("rollback");
        } finally {
            connection.destroy();
        }
    }

    /** pg_dump 18 writes one setting that servers before 17 do not have. */
    private static String understood(String dump) {
        return Integer.parseInt(EmbeddedServer.VERSION) < 17 ? dump.replace("SET transaction_timeout = 0;", "") : dump;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static void assertIsolated(RunningApplication application, UUID second) {
        for (String table : List.of("background_tasks", "dead_letters", "inbound_receipts", "deliveries")) {
            assertThat(application.<Integer>as("tenant", null, sql -> count(sql, table)))
                    .as(table + " without a workspace")
                    .isZero();
        }
        assertThat(application.<Integer>as("tenant", second, sql -> count(sql, "background_tasks")))
                .isEqualTo(2);
        assertThat(application.<Integer>as("tenant", WORKSPACE, sql -> count(sql, "dead_letters")))
                .isEqualTo(1);
        assertThat(application.<Integer>as("tenant", second, sql -> count(sql, "dead_letters")))
                .isZero();
    }

    private static Integer count(JdbcTemplate sql, String table) {
        return sql.queryForObject("select count(*) from postrider." + table, Integer.class);
    }

    private static UUID deadLetter(JdbcTemplate sql) {
        return sql.queryForObject("select dead_letter_id from postrider.dead_letters", UUID.class);
    }

    /** A statement of several commands, as psql would run it. */
    private static JdbcTemplate superuser(DatabaseLocation location) {
        return new JdbcTemplate(new DriverManagerDataSource(
                location.url() + "?preferQueryMode=simple", location.username(), location.password()));
    }

    /** Of each table and partition: how many rows, and what they say. */
    private static Map<String, String> rows(JdbcTemplate sql) {
        Map<String, String> rows = new TreeMap<>();
        for (String table : sql.queryForList(
                "select relname from pg_class where relnamespace = 'postrider'::regnamespace and relkind = 'r'",
                String.class)) {
            String content = sql.queryForObject(
                    "select count(*) || ' ' || md5(coalesce(string_agg(t::text, ',' order by t::text), '')) from postrider.%s t"
                            .formatted(table),
                    String.class);
            rows.put(table, content);
        }
        rows.put(
                "ordering_seq",
                sql.queryForObject("select last_value::text from postrider.ordering_seq", String.class));
        return rows;
    }

    /** What protects the rows, and all that works on them, as lines of text. */
    private static List<String> catalog(JdbcTemplate sql) {
        return sql.queryForList("""
                with acl (what, acl) as (
                    select 'table ' || relname, relacl from pg_class where relnamespace = 'postrider'::regnamespace
                    union all
                    select 'function ' || oid::regprocedure, proacl from pg_proc where pronamespace = 'postrider'::regnamespace
                    union all
                    select 'schema', nspacl from pg_namespace where nspname = 'postrider'
                    union all
                    select 'default ' || defaclrole::regrole || defaclobjtype::text, defaclacl from pg_default_acl
                )
                select 'policy ' || concat_ws('|', tablename, policyname, permissive, roles, cmd, qual, with_check)
                  from pg_policies where schemaname = 'postrider'
                union all
                select 'table ' || concat_ws('|', relname, relkind, relowner::regrole, relrowsecurity, relforcerowsecurity,
                                             reloptions, pg_get_expr(relpartbound, oid), obj_description(oid))
                  from pg_class where relnamespace = 'postrider'::regnamespace and relkind <> 'i'
                union all
                select 'column ' || concat_ws('|', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
                                              (select pg_get_expr(adbin, adrelid) from pg_attrdef
                                                where adrelid = attrelid and adnum = attnum),
                                              col_description(attrelid, attnum))
                  from pg_attribute a join pg_class c on c.oid = attrelid
                 where relnamespace = 'postrider'::regnamespace and attnum > 0 and not attisdropped
                union all
                select 'function ' || concat_ws('|', proowner::regrole, pg_get_functiondef(oid), obj_description(oid))
                  from pg_proc where pronamespace = 'postrider'::regnamespace
                union all
                select 'index ' || indexdef from pg_indexes where schemaname = 'postrider'
                union all
                select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
                union all
                select 'constraint ' || concat_ws('|', conrelid::regclass, conname, pg_get_constraintdef(oid))
                  from pg_constraint where connamespace = 'postrider'::regnamespace
                union all
                select 'view ' || viewname || definition from pg_views where schemaname = 'postrider'
                union all
                select 'grant ' || what || ' ' || one::text from acl, unnest(acl.acl) one
                order by 1""", String.class);
    }
}
