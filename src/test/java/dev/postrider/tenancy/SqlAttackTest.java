package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.postrider.tenancy.SqlAttacker.Outcome;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every table, partition, view, column, key and function of the catalog, tried by the roles that tenants' SQL runs as, in
 * one workspace with another one's ids: nothing is seen, nothing changes, and no error tells the other's rows from none.
 */
class SqlAttackTest {

    private static final List<String> ROLES = List.of("tenant", "producer");

    /** Refused for what the relation is: a view, a partitioned table. */
    private static final Set<String> NOT_POSSIBLE = Set.of("55000", "42809", "0A000");

    /** Keys of 192 random bits that we make: who knows one has been given it. */
    private static final Set<String> UNGUESSABLE = Set.of("webhook_sources_source_key_key");

    /** @param columns empty if it has no workspace */
    private record Relation(String name, List<String> columns) {}

    /** Columns of a table that a row can name something of others by. */
    private record Key(String table, String name, List<String> columns) {}

    private record Function(String signature, String name, List<String> arguments, List<String> types) {}

    private static TwoWorkspaces both;
    private static SqlAttacker sql;
    private static Set<String> secrets;
    private static List<String> victimsRows;

    @BeforeAll
    static void start() throws SQLException {
        both = new TwoWorkspaces();
        sql = new SqlAttacker(both);
        secrets = both.secrets();
        victimsRows = both.victimsRows();
    }

    @AfterAll
    static void stop() throws SQLException {
        sql.close();
        both.close();
    }

    @TestFactory
    Stream<DynamicTest> of_anothers_rows_none_is_seen_changed_or_removed() {
        return relations().stream()
                .flatMap(relation -> ROLES.stream()
                        .flatMap(role -> Stream.of(false, true)
                                .map(granted -> dynamicTest(
                                        "%s on %s%s"
                                                .formatted(
                                                        role,
                                                        relation.name(),
                                                        granted ? ", were everything granted" : ""),
                                        () -> {
                                            for (String statement : statements(relation)) {
                                                Outcome outcome = sql.attempt(role, statement, granted);
                                                String what = "%s: %s\n%s".formatted(role, statement, outcome);
                                                assertNothingLeaked(
                                                        outcome,
                                                        what,
                                                        both.victim.id().toString());
                                                if (statement.contains(
                                                        both.victim.id().toString())) {
                                                    assertThat(outcome.rows())
                                                            .as(what)
                                                            .isZero();
                                                    assertThat(outcome.denied()
                                                                    || outcome.state()
                                                                            .isEmpty()
                                                                    || NOT_POSSIBLE.contains(outcome.state()))
                                                            .as(what)
                                                            .isTrue();
                                                }
                                            }
                                        }))));
    }

    /** An error that quotes a value is raised before the policy has hidden the row, or never: here no row is to be seen. */
    @TestFactory
    Stream<DynamicTest> no_error_quotes_a_value_of_anothers_column() {
        return relations().stream()
                .map(relation -> dynamicTest(relation.name(), () -> {
                    for (String column : relation.columns()) {
                        String statement =
                                "set local app.active_workspace = '%s'; select * from %s t where ('x' || t.%s::text)::int = 0"
                                        .formatted(UUID.randomUUID(), relation.name(), column);
                        Outcome outcome = sql.attempt("tenant", statement, true);
                        // A view's constants are cast before any row is looked for.
                        assertThat(outcome.state())
                                .as(statement + "\n" + outcome)
                                .isIn("", isView(relation) ? "22P02" : "");
                        assertThat(outcome.rows()).as(statement).isZero();
                    }
                }));
    }

    @TestFactory
    Stream<DynamicTest> a_row_that_names_anothers_id_or_key_is_stored_or_refused_like_one_that_names_nothing() {
        return keys().stream()
                .map(key -> dynamicTest(key.name(), () -> {
                    for (String conflict : List.of(
                            "",
                            " on conflict do nothing",
                            " on conflict (%s) do update set workspace_id = excluded.workspace_id"
                                    .formatted(String.join(", ", key.columns())))) {
                        Map<String, String> foreign = foreignValues(key);
                        Outcome named = insert(key, foreign, UnaryOperator.identity(), conflict);
                        Outcome nothing = insert(key, foreign, TwoWorkspaces::missing, conflict);
                        String[] sent = foreign.values().toArray(String[]::new);
                        String[] sentMissing = foreign.values().stream()
                                .map(TwoWorkspaces::missing)
                                .toArray(String[]::new);
                        String what = "%s%s with %s".formatted(key, conflict, foreign);
                        assertThat(named.seen(sent)).as(what).isEqualTo(nothing.seen(sentMissing));
                        assertNothingLeaked(named, what + "\n" + named, sent);
                    }
                }));
    }

    @TestFactory
    Stream<DynamicTest> a_function_given_anothers_id_does_what_it_does_with_an_id_of_nothing() {
        return functions().stream()
                .flatMap(function -> ROLES.stream()
                        .map(role -> dynamicTest(role + " " + function.signature(), () -> {
                            if (!mayExecute(role, function)) {
                                Outcome outcome = sql.attempt(role, call(function, samples(function)));
                                assertThat(outcome.denied())
                                        .as("%s %s", role, outcome)
                                        .isTrue();
                                return;
                            }
                            for (int i = 0; i < function.types().size(); i++) {
                                for (String value : attacks(function, i)) {
                                    attack(role, function, i, value);
                                }
                            }
                        })));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "set local role postrider_owner",
                "set local role postrider_engine",
                "set local role postrider_operator",
                "set local role postrider_dispatcher",
                "set local session_replication_role = replica",
                "create table postrider.mine (id int)",
                "create function postrider.mine() returns int language sql return 1",
                "create policy mine on postrider.background_tasks using (true)",
                "drop policy own_workspace on postrider.background_tasks",
                "alter table postrider.background_tasks no force row level security",
                "alter function postrider.enqueue_task security invoker",
                "grant postrider_engine to postrider_tenant_login",
                "select pg_read_file('postgresql.conf')",
                "copy (select 1) to program 'true'",
                "truncate postrider.workspace_assets",
                "truncate postrider.delivery_attempts"
            })
    void a_tenants_login_gains_no_right(String statement) {
        assertThat(catchThrowable(() -> both.application.as("tenant", both.attacker.id(), jdbc -> {
                    jdbc.execute(statement);
                    return null;
                })))
                .rootCause()
                .satisfies(error ->
                        assertThat(((SQLException) error).getSQLState()).isEqualTo("42501"));
    }

    private static void attack(String role, Function function, int argument, String value) {
        List<String> foreign = samples(function);
        List<String> missing = samples(function);
        String absent = ApiCalls.UUID.matcher(value).find()
                ? ApiCalls.UUID.matcher(value).replaceAll(id -> TwoWorkspaces.missing(id.group()))
                : TwoWorkspaces.missing(value);
        foreign.set(argument, literal(value, function.types().get(argument)));
        missing.set(argument, literal(absent, function.types().get(argument)));
        Outcome named = sql.attempt(role, call(function, foreign));
        Outcome nothing = sql.attempt(role, call(function, missing));
        String what = "%s: %s\n%s".formatted(role, call(function, foreign), named);
        assertThat(named.seen(value)).as(what).isEqualTo(nothing.seen(absent));
        assertNothingLeaked(
                named, what, Stream.concat(Stream.of(value), ids(value)).toArray(String[]::new));
    }

    private static Stream<String> ids(String text) {
        return ApiCalls.UUID.matcher(text).results().map(MatchResult::group);
    }

    private static void assertNothingLeaked(Outcome outcome, String what, String... sent) {
        String received = outcome.text();
        for (String value : sent) {
            received = received.replace(value, "(sent)");
        }
        assertThat(secrets).as(what).noneMatch(received::contains);
        if (outcome.victimsRows() != null) {
            assertThat(outcome.victimsRows())
                    .as("the victim's rows after " + what)
                    .isEqualTo(victimsRows);
        }
    }

    /** Of what has no workspace, the words are for all; there are no ids in it. */
    private static List<String> statements(Relation relation) {
        String all = "select t::text from %s t".formatted(relation.name());
        if (relation.columns().isEmpty()) {
            return List.of("select regexp_replace((t.*)::text, '%s[a-z-]*', '', 'g') from %s t"
                    .formatted(TwoWorkspaces.MARKER, relation.name()));
        }
        String victim = both.victim.id().toString();
        String theirs = " where workspace_id = '%s'".formatted(victim);
        List<String> statements = new ArrayList<>(List.of(
                all,
                all + theirs,
                all + " for update",
                "set local row_security = off; " + all + theirs,
                "deallocate all; prepare stolen as %s; execute stolen".formatted(all + theirs),
                "declare stolen cursor with hold for %s; fetch all from stolen".formatted(all),
                "create temp table stolen as %1$s; table stolen".formatted(all),
                "copy (%s) to stdout".formatted(all + theirs),
                "copy %s to stdout".formatted(relation.name()),
                "update %s set workspace_id = '%s'".formatted(relation.name(), victim),
                "update %s set workspace_id = '%s'%s".formatted(relation.name(), both.attacker.id(), theirs),
                "delete from %s%s".formatted(relation.name(), theirs),
                "with gone as (delete from %s t%s returning t::text) table gone".formatted(relation.name(), theirs),
                "merge into %s using (values (1)) v on workspace_id = '%s' when matched then delete"
                        .formatted(relation.name(), victim)));
        for (String column : relation.columns()) {
            statements.add(
                    "update %1$s t set %2$s = %2$s%3$s returning t::text".formatted(relation.name(), column, theirs));
        }
        both.everything
                .queryForList(
                        "select to_jsonb(t)::text from %s t where workspace_id = ? limit 1".formatted(relation.name()),
                        String.class,
                        both.victim.id())
                .forEach(row -> {
                    String insert = "insert into %1$s select * from jsonb_populate_record(null::%1$s, %2$s)"
                            .formatted(relation.name(), quoted(row));
                    statements.add(insert);
                    statements.add(insert + " on conflict do nothing");
                });
        return statements;
    }

    private static Outcome insert(Key key, Map<String, String> foreign, UnaryOperator<String> change, String conflict) {
        StringBuilder row = new StringBuilder("to_jsonb(t)");
        // What is unique in the attacker's own row is made anew, so that only the victim's can be in the way.
        freshValues(key.table())
                .forEach((column, value) -> row.append(" || jsonb_build_object('%s', %s)".formatted(column, value)));
        foreign.forEach((column, value) ->
                row.append(" || jsonb_build_object('%s', %s)".formatted(column, quoted(change.apply(value)))));
        String own = both.everything.queryForObject(
                "select (%s)::text from postrider.%s t where workspace_id = '%s' limit 1"
                        .formatted(row, key.table(), both.attacker.id()),
                String.class);
        return sql.attempt(
                "tenant",
                "insert into postrider.%1$s as t select * from jsonb_populate_record(null::postrider.%1$s, %2$s)%3$s"
                        .formatted(key.table(), quoted(own), conflict));
    }

    private static Map<String, String> freshValues(String table) {
        Map<String, String> fresh = new TreeMap<>();
        both.everything.query(
                """
                select distinct a.attname, format_type(a.atttypid, null) from pg_index i
                  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                 where i.indisunique and i.indrelid = ('postrider.' || ?)::regclass and a.attname <> 'workspace_id'
                   and format_type(a.atttypid, null) in ('uuid', 'text')""",
                row -> {
                    fresh.put(
                            row.getString(1),
                            row.getString(2).equals("uuid")
                                    ? "gen_random_uuid()"
                                    : "'own-' || gen_random_uuid()::text");
                },
                table);
        return fresh;
    }

    /** One row of the victim's, as far as a key names it; what is null there, as in another table of the victim's. */
    private static Map<String, String> foreignValues(Key key) {
        Map<String, Object> row = both.everything
                .queryForList(
                        "select * from postrider.%s where workspace_id = ? limit 1".formatted(key.table()),
                        both.victim.id())
                .get(0);
        Map<String, String> values = new TreeMap<>();
        for (String column : key.columns()) {
            Object value = row.get(column) == null
                    ? both.values(both.victim, column).stream().findFirst().orElse(null)
                    : row.get(column);
            if (!column.equals("workspace_id") && (value instanceof String || value instanceof UUID)) {
                values.put(column, value.toString());
            }
        }
        return values;
    }

    private static boolean isView(Relation relation) {
        return both.everything.queryForObject(
                "select relkind = 'v' from pg_class where oid = ?::regclass", Boolean.class, relation.name());
    }

    private static List<Relation> relations() {
        return both.everything.query(
                """
                select c.oid::regclass::text,
                       case when bool_or(a.attname = 'workspace_id') then array_agg(a.attname::text order by a.attnum)
                            else '{}' end
                  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                 where c.relnamespace = 'postrider'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
                 group by c.oid order by 1""",
                (row, n) -> new Relation(
                        row.getString(1).startsWith("postrider.") ? row.getString(1) : "postrider." + row.getString(1),
                        List.of((String[]) row.getArray(2).getArray())));
    }

    /** Unique keys, foreign keys, and every id. */
    private static List<Key> keys() {
        List<Key> keys = both.everything.query(
                """
                select c.relname, k.name, (select array_agg(a.attname::text) from pg_attribute a
                                            where a.attrelid = c.oid and a.attnum = any (k.columns))
                  from pg_class c
                  join (select indrelid as relation, indexrelid::regclass::text as name, indkey::int2[] as columns
                          from pg_index where indisunique
                        union all
                        select conrelid, conrelid::regclass || ' ' || conname, conkey from pg_constraint where contype = 'f'
                        union all
                        select attrelid, attrelid::regclass || '.' || attname, array[attnum] from pg_attribute
                         where atttypid = 'uuid'::regtype and attname <> 'workspace_id' and attnum > 0) k on k.relation = c.oid
                 where c.relnamespace = 'postrider'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
                   and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'workspace_id')
                 order by 2""",
                (row, n) -> new Key(row.getString(1), row.getString(2), List.of((String[])
                        row.getArray(3).getArray())));
        return keys.stream()
                .filter(key -> !UNGUESSABLE.contains(key.name().replace("postrider.", "")))
                .toList();
    }

    private static List<Function> functions() {
        return both.everything.query("""
                select p.oid::regprocedure::text, p.proname, p.pronargs,
                       coalesce(p.proargnames, '{}') as names,
                       (select coalesce(array_agg(format_type(t, null) order by n), '{}')
                          from unnest(p.proargtypes::oid[]) with ordinality as a (t, n)) as types
                  from pg_proc p
                 where p.pronamespace = 'postrider'::regnamespace and p.prorettype <> 'trigger'::regtype order by 1""", (row, n) -> {
            List<String> types = List.of((String[]) row.getArray("types").getArray());
            String[] names = (String[]) row.getArray("names").getArray();
            return new Function(
                    row.getString(1),
                    row.getString(2),
                    IntStream.range(0, types.size())
                            .mapToObj(i -> i < names.length ? names[i] : "")
                            .toList(),
                    types);
        });
    }

    private static boolean mayExecute(String role, Function function) {
        return both.everything.queryForObject(
                "select has_function_privilege('postrider_' || ?, ?, 'execute')",
                Boolean.class,
                role,
                function.signature());
    }

    private static String call(Function function, List<String> arguments) {
        return "select * from postrider.%s(%s)".formatted(function.name(), String.join(", ", arguments));
    }

    /** Valid arguments that name nothing. */
    private static List<String> samples(Function function) {
        List<String> samples = new ArrayList<>();
        for (int i = 0; i < function.types().size(); i++) {
            String type = function.types().get(i);
            String value = switch (function.arguments().get(i)) {
                case "task_type" -> TwoWorkspaces.SHARED_TYPE;
                case "event_type" -> "attack.made";
                default ->
                    switch (type) {
                        case "text" -> "x";
                        case "jsonb" -> "{}";
                        case "integer", "bigint" -> "1";
                        case "bytea" -> "\\x00";
                        case "timestamp with time zone" -> "now";
                        case "uuid" -> "01900000-0000-7000-8000-000000000001";
                        default -> type.endsWith("[]") ? "{}" : null;
                    };
            };
            samples.add(value == null ? "null::" + type : literal(value, type));
        }
        return samples;
    }

    /** What of the victim's fits an argument: ids of all kinds, keys of its name, or a JSON object with all of them. */
    private static List<String> attacks(Function function, int argument) {
        String name = function.arguments().get(argument);
        return switch (function.types().get(argument)) {
            case "uuid" -> idsOfTheVictim().toList();
            case "uuid[]" -> idsOfTheVictim().map(id -> "{" + id + "}").toList();
            case "text" -> both.values(both.victim, name);
            case "jsonb" -> List.of(everyIdOfTheVictim());
            default -> List.of();
        };
    }

    private static String everyIdOfTheVictim() {
        return both.columns().stream()
                .filter(column -> column.type().equals("uuid"))
                .flatMap(column -> both.values(both.victim, column).stream()
                        .limit(1)
                        .map(value -> "\"%s\": \"%s\"".formatted(camel(column.name()), value)))
                .collect(Collectors.joining(", ", "{\"headers\": {}, ", "}"));
    }

    private static Stream<String> idsOfTheVictim() {
        return both.columns().stream()
                .filter(column -> column.type().equals("uuid"))
                .flatMap(column -> both.values(both.victim, column).stream().limit(2))
                .distinct();
    }

    private static String camel(String column) {
        return Pattern.compile("_(.)")
                .matcher(column)
                .replaceAll(m -> m.group(1).toUpperCase(Locale.ROOT));
    }

    private static String literal(String value, String type) {
        return quoted(value) + "::" + type;
    }

    private static String quoted(String text) {
        return "'" + text.replace("'", "''") + "'";
    }
}
