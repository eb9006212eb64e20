package dev.postrider.routes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every rule refuses its bad snippet, at its line and with its advice, and accepts the good one.
 *
 * <p>The snippets are in {@code lint.yaml} beside this class, so that they read as they do in a route file.
 */
class RouteLintTest {

    private record Snippet(String rule, String file, String expected, String text) {}

    private final RouteLint lint = new RouteLint();

    @TestFactory
    Stream<DynamicTest> snippets() {
        return read().stream()
                .map(one -> DynamicTest.dynamicTest(one.rule(), () -> {
                    List<Finding> findings = lint.check(one.file(), one.text());
                    if (one.expected().equals("good")) {
                        assertThat(findings).isEmpty();
                    } else {
                        assertThat(findings).singleElement().asString().matches("(?s).*:" + one.expected() + ".*");
                    }
                }));
    }

    /** Snippets are divided by lines {@code #### rule | file | line:column: part of the message, or good}. */
    private static List<Snippet> read() {
        String all;
        try (var in = RouteLintTest.class.getResourceAsStream("lint.yaml")) {
            all = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<Snippet> snippets = new ArrayList<>();
        for (String part : all.substring(all.indexOf("\n#### ") + 6).split("\n#### ")) {
            int end = part.indexOf('\n');
            String[] head = part.substring(0, end).split(" \\| ");
            if (head.length != 3) {
                fail("not 'rule | file | expectation': " + part.substring(0, end));
            }
            snippets.add(new Snippet(head[0], head[1], head[2], part.substring(end + 1)));
        }
        return snippets;
    }

    @Test
    void oneMistakeGivesOneFinding() {
        String text = """
                - route:
                    id: a
                    description: A.
                    from:
                      uri: direct:a
                      steps:
                        - choice:
                            when:
                              - simple: ${body} == 1
                                steps:
                                  - to:
                                      uri: direct:b
                                      parameter: {}
                """;
        assertThat(lint.check("tasks/a.camel.yaml", text))
                .singleElement()
                .asString()
                .startsWith("tasks/a.camel.yaml:13:")
                .contains("'parameter' is no key of 'to'");
    }

    @Test
    void mistakesInSeveralRoutesAreAllSaid() {
        String text = """
                - route: {id: a, description: A., frm: {uri: "direct:a", steps: []}}
                - route: {id: a.b, description: B., frm: {uri: "direct:b", steps: []}}
                """;
        assertThat(lint.check("tasks/a.camel.yaml", text)).hasSize(2);
    }

    @Test
    void whatATransactedRouteUsesFromOtherFilesCountsToo() {
        String transacted = """
                - route:
                    id: a
                    description: A.
                    routeConfigurationId: calm
                    from:
                      uri: direct:a
                      steps:
                        - transacted: {ref: workspace}
                        - to: kamelet:call-sink
                        - to: smtp:mail.example.org
                """;
        String configuration = """
                - routeConfiguration:
                    id: calm
                    errorHandler:
                      deadLetterChannel: {deadLetterUri: direct:dead, deadLetterHandleNewException: false}
                """;
        String kamelet = """
                metadata: {name: call-sink}
                spec:
                  definition: {title: Call, description: Calls.}
                  template: {from: {uri: "kamelet:source", steps: [{to: "https://example.org?httpClientConfigurer=#a"}]}}
                """;

        List<Finding> findings = lint.check(
                document("a.camel.yaml", transacted),
                List.of(document("b.camel.yaml", configuration), document("kamelets/call-sink.kamelet.yaml", kamelet)));

        assertThat(findings).extracting(Finding::line).containsExactly(1, 9, 10);
        assertThat(findings.get(0).message()).contains("commits the partial work");
        assertThat(findings.get(1).message()).contains("a call of another server inside a transaction");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "select set_config('app.active_workspace', :#id, true)",
                "select current_setting('app.active_workspace')",
                "-- harmless\nSET app.x = 1",
                "select 1;\n  set local row_security = off",
                "reset all",
                "discard all",
                "begin",
                "select 1; commit",
                "rollback",
                "do $$ begin end $$",
                "create temp table t as select 1",
                "create temporary view v as select 1",
                "select * into temp t from x",
                "declare c cursor with hold for select 1",
                "select lo_import('/etc/passwd')",
                "select \"lo_import\"('/etc/passwd')",
                "select * from dblink('dbname=x', 'select 1') as t(a int)",
                "select 'a--b' as k, set_config('x', 'y', false)",
                "select '/*' as k, set_config('x', 'y', false) as \"*/\"",
                "select 'it''s --', set_config('x', 'y', false)",
                "select E'a\\' --', set_config('x', 'y', false) --'",
                "select date'2020-01-01\\'; set app.x = 1 --'",
                "select $a$ -- $a$; set app.x = 1",
                "select 1 as \"--\"; set app.x = 1",
                "select 1 as a$b$; set app.x = 1 -- $b$",
                "select 1 /* /* */ ' */; set app.x = 1 --'",
                "select '\n--'\n', 1; set app.x = 1 -- '",
                "select U&\"set\\005fconfig\"('x', 'y', false)",
                "select query_to_xml('select set' || '_config(…)', true, true, '')",
                "select * from ts_stat('select set' || '_config(…)')",
                "select ts_rewrite('a'::tsquery, 'select set' || '_config(…)')",
                "update pg_settings set setting = 'x' where name like 'app.%'",
                "create table pg_temp.t as select 1"
            })
    void sqlInAFileMayNotLeaveItsWorkspace(String sql, @TempDir Path folder) throws IOException {
        assertThat(sqlFile(sql, folder))
                .singleElement()
                .satisfies(
                        finding -> assertThat(finding.message()).contains("chooses no workspace, ends no transaction"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "update t set a = 1 -- set_config is not called",
                "/* begin */ insert into t (a) values (1) on conflict (a) do update set a = 2",
                "select postrider.active_workspace(), offset_value, temp, hold from lo",
                "select case when true then 1\nend",
                "select 'a; set b', ';commit', $$; reset$$, E'\\'; begin', ' with hold '",
                "select '/*', 'u&\"x', 1 -- '\n, \"; set\" /* /* ; set */ ; set */ from t"
            })
    void otherSqlInAFileIsNobodysConcern(String sql, @TempDir Path folder) throws IOException {
        assertThat(sqlFile(sql, folder)).isEmpty();
    }

    private List<Finding> sqlFile(String sql, Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("a.sql"), sql);
        return lint.check("a.camel.yaml", """
                - route:
                    id: a
                    description: A.
                    from:
                      uri: direct:a
                      steps:
                        - transacted: {ref: workspace}
                        - to: {uri: "sql:file:%s", parameters: {dataSource: "#tenant"}}
                """.formatted(file));
    }

    private static RouteDocument document(String path, String text) {
        return RouteDocument.parse(path, text).document().orElseThrow();
    }
}
