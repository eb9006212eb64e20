package dev.postrider.routes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

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
}
