package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.stripe.net.Webhook;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.Processor;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/**
 * A victim and an attacker in an application of their own, each with one of everything, made through the API, webhooks and
 * handlers; whatever text the victim stores holds {@link #MARKER}.
 */
final class TwoWorkspaces implements AutoCloseable {

    /** Stands in the victim's texts; whoever else receives it has seen what is not his. */
    static final String MARKER = "vmark7q";

    /** A type that no handler takes, used by both. */
    static final String SHARED_TYPE = "shared-nobody";

    private static final String ATTACKERS = "amark7q";
    private static final int PER_COLUMN = 6;

    /** What a source is found by, what a running task is held by, and when a schedule ticks. */
    private static final Set<String> NOT_TO_MARK = Set.of(
            "webhook_sources.provider",
            "webhook_sources.source_key",
            "inbound_receipts.url", // has the source's key in it
            "background_tasks.worker_id",
            "schedules.cron",
            "schedules.time_zone");

    /** A workspace, one of its keys, and the path of its source. */
    record Party(UUID id, String key, String words, String webhook) {

        String secret() {
            return "whsec_" + words + "_secret";
        }
    }

    /** A column of a table with workspaces. */
    record Column(String table, String name, String type) {}

    final RunningApplication application;
    final Receiver receiver = Receiver.start();
    final Party victim;
    final Party attacker;

    /** Sees everything: a superuser's. */
    final JdbcTemplate everything;

    private final SingleConnectionDataSource connection;
    private final Map<Map.Entry<UUID, Column>, List<String>> values = new HashMap<>();
    private final CountDownLatch end = new CountDownLatch(1);
    private final List<Column> columns;
    private final String fingerprint;

    TwoWorkspaces() {
        application = RunningApplication.start("postrider.outbound.allowed-networks=127.0.0.1/32");
        connection = new SingleConnectionDataSource(
                application.database().url(),
                application.database().username(),
                application.database().password(),
                true);
        everything = new JdbcTemplate(connection);
        handlers();
        victim = furnish(MARKER);
        attacker = furnish(ATTACKERS);
        stopHandlers();
        columns = everything.query("""
                select c.relname, a.attname, format_type(a.atttypid, null) from pg_class c
                  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                 where c.relnamespace = 'postrider'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
                   and exists (select from pg_attribute w where w.attrelid = c.oid and w.attname = 'workspace_id')
                 order by c.relname, a.attnum""", (row, n) -> new Column(row.getString(1), row.getString(2), row.getString(3)));
        for (Party party : List.of(victim, attacker)) {
            for (String table : tables()) {
                assertThat(everything.queryForObject(
                                "select count(*) from postrider.%s where workspace_id = ?".formatted(table),
                                Integer.class,
                                party.id()))
                        .as("rows of a workspace in %s: the suite has to make one, see TwoWorkspaces.furnish", table)
                        .isPositive();
            }
        }
        columns.forEach(this::mark);
        fingerprint = tables().stream()
                .map(table ->
                        ("select '%1$s ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, '' order by t::text)), '')"
                                        + " from postrider.%1$s t where workspace_id = '%2$s'")
                                .formatted(table, victim.id()))
                .collect(Collectors.joining(" union all "));
    }

    List<Column> columns() {
        return columns;
    }

    /** The tables with a workspace, partitions left out. */
    List<String> tables() {
        return columns.stream().map(Column::table).distinct().toList();
    }

    /** All rows of the victim, as one hash per table. */
    List<String> victimsRows() {
        return victimsRows(everything);
    }

    /** The same as a transaction sees it that has not committed. */
    List<String> victimsRows(JdbcTemplate inTransaction) {
        return inTransaction.queryForList(fingerprint, String.class);
    }

    /** Some values that a workspace had from the start in columns of this name: ids, and words of its own. */
    List<String> values(Party party, String column) {
        return columns.stream()
                .filter(candidate -> candidate.name().equals(column))
                .flatMap(candidate -> values(party, candidate).stream())
                .distinct()
                .toList();
    }

    List<String> values(Party party, Column column) {
        if (!Set.of("uuid", "text").contains(column.type())) {
            return List.of();
        }
        return values.computeIfAbsent(
                Map.entry(party.id(), column),
                key -> everything.queryForList(
                        """
                        select distinct %1$s::text from postrider.%2$s
                         where workspace_id = ? and %1$s is not null and ('%3$s' = 'uuid' or %1$s::text like ?) limit %4$d""".formatted(column.name(), column.table(), column.type(), PER_COLUMN),
                        String.class,
                        party.id(),
                        "%" + party.words() + "%"));
    }

    /** What nobody but the victim may receive: its marker, its ids, the secrets of its addresses. */
    Set<String> secrets() {
        Set<String> secrets = columns.stream()
                .filter(column -> column.type().equals("uuid") || column.name().equals("source_key"))
                .flatMap(column -> everything
                        .queryForList(
                                "select distinct %s::text from postrider.%s where workspace_id = ?"
                                        .formatted(column.name(), column.table()),
                                String.class,
                                victim.id())
                        .stream())
                .filter(java.util.Objects::nonNull)
                .collect(Collectors.toSet());
        secrets.addAll(List.of(MARKER, victim.key()));
        return secrets;
    }

    /** A value that looks like this one, and that nobody has. */
    static String missing(String value) {
        int last = value.length() - 1;
        while (last > 0 && !Character.isLetterOrDigit(value.charAt(last))) {
            last--;
        }
        // Of a UUIDv7 neither the time nor the version changes.
        char other = value.charAt(last) == 'f' ? 'e' : 'f';
        int before = Math.max(0, last - 1);
        char another = value.charAt(before) == 'd' ? 'c' : 'd';
        return value.substring(0, before) + another + other + value.substring(last + 1);
    }

    /** Sends a party's source a webhook of Stripe. */
    Answer webhook(Party party, String path, String body, String... headers) {
        try {
            long time = application.clock().instant().getEpochSecond();
            String signature =
                    "t=%d,v1=%s".formatted(time, Webhook.Util.computeHmacSha256(party.secret(), time + "." + body));
            return application.send(
                    null,
                    "POST",
                    path,
                    body,
                    Stream.concat(Arrays.stream(headers), Stream.of("Stripe-Signature", signature))
                            .toArray(String[]::new));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static String stripeEvent(String event, String object, int created) {
        return "{\"id\": \"%s\", \"type\": \"%s.updated\", \"created\": %d, \"data\": {\"object\": {\"id\": \"%s\"}}}"
                .formatted(event, object, created, object);
    }

    @Override
    public void close() {
        end.countDown();
        connection.destroy();
        application.close();
        receiver.close();
    }

    private void handlers() {
        application.camel().getRegistry().bind("untilTheEnd", (Processor) exchange -> end.await());
        StringBuilder yaml = new StringBuilder("""
                - beans:
                    - name: attackOnce
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {maximumRedeliveries: 0}
                """);
        Map<String, String> steps = new LinkedHashMap<>();
        steps.put("done", "log: {loggingLevel: DEBUG, message: done}");
        steps.put("running", "process: {ref: untilTheEnd}");
        steps.put(
                "dead",
                "throwException: {exceptionType: java.lang.IllegalStateException, message: \"${body[words]}\"}");
        steps.put("discarded", "throwException: {exceptionType: dev.postrider.Discard, message: \"${body[words]}\"}");
        String id = "attack";
        for (String words : List.of(MARKER, ATTACKERS)) {
            for (Map.Entry<String, String> step : steps.entrySet()) {
                id = id.isEmpty() ? "attack." + words + "-" + step.getKey() : id;
                yaml.append("""
                        - route:
                            id: %s
                            description: A handler under test.
                            from:
                              uri: kamelet:task-source
                              parameters: {taskType: %s-%s, redeliveryPolicy: attackOnce}
                              steps:
                                - %s
                        """.formatted(id, words, step.getKey(), step.getValue()));
                id = "";
            }
        }
        application.route("tasks/attack.camel.yaml", yaml.toString());
    }

    /** From now on nothing changes by itself; the two that run stay as they are. */
    private void stopHandlers() {
        List.copyOf(application.camel().getRoutes()).stream()
                .map(org.apache.camel.Route::getRouteId)
                .filter(id -> id.startsWith("attack") && !id.endsWith("running"))
                .forEach(id -> {
                    try {
                        application.camel().getRouteController().stopRoute(id);
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                });
    }

    private Party furnish(String words) {
        String id = application
                .callAsOperator("POST", "/v1/workspaces", "{\"name\": \"%s\"}".formatted(words))
                .text("/workspaceId");
        String key = application.newKey(UUID.fromString(id));
        tasks(key, words);
        deliveries(key, words);
        post(
                key,
                "/v1/schedules",
                "{\"taskType\": \"%s-nobody\", \"payload\": {\"words\": \"%s\"}, \"cron\": \"0 0 29 2 *\"}"
                        .formatted(words, words));
        await().until(() -> count(key, "/v1/tasks?taskType=dead-letter&status=completed") == 3);
        post(
                key,
                "/v1/replays",
                "{\"filter\": {\"taskType\": \"%s\"}, \"reason\": \"%s\"}".formatted(SHARED_TYPE, words));
        await().until(() -> count(key, "/v1/replays?status=completed") == 1);
        assertThat(application
                        .send(key, "PUT", "/v1/limits/l-" + words, "{\"maxRunning\": 2}")
                        .status())
                .isEqualTo(200);
        String source = post(
                        key,
                        "/v1/sources",
                        "{\"provider\": \"stripe\", \"secrets\": [\"whsec_%s_secret\"], \"taskType\": \"%s-nobody\"}"
                                .formatted(words, words))
                .text("/url");
        Party party =
                new Party(UUID.fromString(id), key, words, URI.create(source).getPath());
        for (int created : new int[] {200, 100}) {
            String body = stripeEvent("evt-" + words + created, "sub-" + words, created);
            assertThat(webhook(party, party.webhook(), body).status()).isEqualTo(200);
        }
        assertThat(webhook(party, party.webhook(), stripeEvent("evt-" + words + 200, "sub-" + words, 200))
                        .body())
                .contains("duplicate");
        everything.query(
                "select set_config('app.actor', 'operator', false), postrider.hold_workspace(?, ?), set_config('app.actor', '', false)",
                row -> {},
                party.id(),
                words);
        everything.update(
                "insert into postrider.held_rows (workspace_id, table_name, row_time, held_row)"
                        + " values (?, 'system_events', now(), jsonb_build_object('words', ?::text))",
                party.id(),
                words);
        assertThat(webhook(party, party.webhook(), words + " is not JSON").status())
                .isEqualTo(400);
        everything.update(
                "insert into postrider.book_findings (workspace_id, task_id, kind, what, accepted_at, resolved_at, actor, reason) values (?, gen_random_uuid(), 'task', 'missing', now(), now(), ?, ?)",
                party.id(),
                words,
                words);
        everything.update(
                "insert into postrider.book_days (workspace_id, kind, day) values (?, 'task', current_date) on conflict do nothing",
                party.id());
        everything.update(
                "insert into postrider.book_totals (workspace_id, kind) values (?, 'task') on conflict do nothing",
                party.id());
        // What a workspace that lives never has.
        everything.update(
                "insert into postrider.erasures (workspace_id, erasure_status, reason, actor, ended_at) values (?, 'completed', ?, ?, now())",
                party.id(),
                words,
                words);
        return party;
    }

    private void tasks(String key, String words) {
        String payload = "\"payload\": {\"words\": \"%s\"}".formatted(words);
        post(
                key,
                "/v1/tasks",
                "{\"taskType\": \"%s\", \"uniqueKey\": \"u-%s\", \"orderingKey\": \"o-%s\", %s}"
                        .formatted(SHARED_TYPE, words, words, payload),
                "Idempotency-Key",
                "i-" + words);
        for (String what : List.of("done", "running", "dead", "dead", "discarded", "nobody", "nobody")) {
            post(key, "/v1/tasks", "{\"taskType\": \"%s-%s\", %s}".formatted(words, what, payload));
        }
        String first = get(key, "/v1/tasks?taskType=" + words + "-nobody").text("/items/1/taskId");
        post(
                key,
                "/v1/tasks/batch",
                "[{\"taskType\": \"%s-chained\", \"after\": [\"%s\"], %s}]".formatted(words, first, payload));
        for (String status : List.of("completed", "processing", "discarded")) {
            await().until(() -> count(key, "/v1/tasks?status=" + status) > 0);
        }
        // Of what has ended, so that its file names it.
        String report = post(key, "/v1/tasks", "{\"taskType\": \"report-generate\", \"payload\": {}}")
                .text("/taskId");
        await().until(() -> get(key, "/v1/tasks/" + report).text("/status").equals("completed"));
        await().until(() -> count(key, "/v1/dead-letters") == 2);
        String cancelled = get(key, "/v1/tasks?taskType=" + words + "-nobody").text("/items/0/taskId");
        assertThat(application
                        .send(key, "DELETE", "/v1/tasks/" + cancelled, null)
                        .status())
                .isEqualTo(204);
        String letter = get(key, "/v1/dead-letters").text("/items/0/deadLetterId");
        post(key, "/v1/dead-letters/" + letter + "/discard", "{\"reason\": \"%s\"}".formatted(words));
    }

    private void deliveries(String key, String words) {
        post(key, "/v1/endpoints", """
                {"url": "%s/%s", "eventTypes": ["%s.*"], "description": "%s", "headers": {"x-%s": "%s"},
                 "redeliveryPolicy": {"maximumRedeliveries": 0}}""".formatted(receiver.url(), words, words, words, words, words));
        String event = "{\"eventType\": \"%s.paid\", \"payload\": {\"words\": \"%s\"}, \"eventKey\": \"e-%s-%s\"}";
        receiver.answers(Receiver.with(500, words, "X-" + words, words));
        post(key, "/v1/events", event.formatted(words, words, words, "dead"));
        await().until(() -> count(key, "/v1/deliveries?status=dead") == 1);
        receiver.answers(Receiver.with(200, words));
        post(key, "/v1/events", event.formatted(words, words, words, "delivered"));
        await().until(() -> count(key, "/v1/deliveries?status=completed") == 1);
        // One that fails, and waits for its next attempt.
        receiver.answers(Receiver.with(503, words));
        post(key, "/v1/endpoints", """
                {"url": "%s/%s-busy", "eventTypes": ["%s-busy"], "redeliveryPolicy": {"redeliveryDelay": 86400000}}""".formatted(receiver.url(), words, words));
        post(
                key,
                "/v1/events",
                "{\"eventType\": \"%s-busy\", \"payload\": {\"words\": \"%s\"}}".formatted(words, words));
        await().until(() -> get(key, "/v1/deliveries?status=queued").body().contains("\"lastResponseStatus\": 503"));
        receiver.answers(Receiver.with(200, words));
    }

    private Answer get(String key, String path) {
        return application.send(key, "GET", path, null);
    }

    private int count(String key, String path) {
        return get(key, path).json().path("items").size();
    }

    private Answer post(String key, String path, String body, String... headers) {
        Answer answer = application.send(key, "POST", path, body, headers);
        assertThat(answer.status()).as(answer.body()).isBetween(200, 299);
        return answer;
    }

    /** Puts the marker into a column of words that does not hold it yet, unless a constraint says which words it takes. */
    private void mark(Column column) {
        String words =
                "'%s-%s-%s'".formatted(MARKER, column.table(), column.name()).replace('_', '-');
        String value = switch (column.type()) {
            case "text" -> words;
            case "text[]" -> "array[%s]".formatted(words);
            case "jsonb" -> "jsonb_build_object('words', %s)".formatted(words);
            case "bytea" -> words + "::bytea";
            default -> null;
        };
        if (value == null || NOT_TO_MARK.contains(column.table() + "." + column.name())) {
            return;
        }
        // Some columns hold what a task or a webhook still needs, or their values are unique: those keep what they
        // have.
        everything.execute("""
                do $$ begin
                    perform set_config('app.active_workspace', '%1$s', true);
                    if not exists (select from postrider.%2$s where workspace_id = '%1$s'
                                   and (%3$s)::text ~ ('%4$s|' || encode('%4$s', 'hex'))) then
                        update postrider.%2$s set %3$s = %5$s where workspace_id = '%1$s'
                           and (%3$s is null or '%6$s' <> 'bytea');
                    end if;
                exception when check_violation or unique_violation then null;
                end $$""".formatted(victim.id(), column.table(), column.name(), MARKER, value, column.type()));
    }
}
