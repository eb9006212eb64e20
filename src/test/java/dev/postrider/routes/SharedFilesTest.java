package dev.postrider.routes;

import static dev.postrider.routes.RoutesUnderTest.answering;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.apache.camel.model.RouteDefinition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that other files build on: kamelets, route configurations, beans. */
class SharedFilesTest {

    private static final String SINK = """
            apiVersion: camel.apache.org/v1
            kind: Kamelet
            metadata:
              name: greet-sink
              labels:
                camel.apache.org/kamelet.type: sink
            spec:
              definition:
                title: Greet
                description: Greets.
                required: [name]
                properties:
                  name:
                    title: Name
                    description: Who is greeted.
                    type: string
              template:
                from:
                  uri: kamelet:source
                  steps:
                    - setBody:
                        simple: "hello {{name}}"
            """;

    private static final String SOURCE = """
            apiVersion: camel.apache.org/v1
            kind: Kamelet
            metadata:
              name: desk-source
              labels:
                camel.apache.org/kamelet.type: source
            spec:
              definition:
                title: Desk
                description: Takes questions.
                required: [desk]
                properties:
                  desk:
                    title: Desk
                    description: Where questions arrive.
                    type: string
              template:
                from:
                  uri: direct:{{desk}}
                  steps:
                    - to: kamelet:sink
            """;

    @TempDir
    Path folder;

    private RoutesUnderTest routes;

    @BeforeEach
    void start() {
        routes = new RoutesUnderTest(folder);
    }

    @AfterEach
    void stop() {
        routes.close();
    }

    private static String greeting(String parameters) {
        return """
                - route:
                    id: a
                    description: Greets.
                    from:
                      uri: direct:a
                      steps:
                        - to:
                            uri: kamelet:greet-sink
                            parameters: {%s}
                """.formatted(parameters);
    }

    private static String desk(String answer) {
        return answering("b", answer).replace("direct:b", "kamelet:desk-source?desk=front");
    }

    @Test
    void aChangedKameletTakesEffectInTheFilesThatUseIt() throws Exception {
        routes.write("kamelets/greet-sink.kamelet.yaml", SINK)
                .write("engine/a.camel.yaml", greeting("name: Ada"))
                .look();
        assertThat(routes.ask("a")).isEqualTo("hello Ada");

        routes.write("kamelets/greet-sink.kamelet.yaml", SINK.replace("hello", "welcome"))
                .look();
        assertThat(routes.ask("a")).isEqualTo("welcome Ada");

        routes.write("engine/a.camel.yaml", greeting("name: Bob")).look();
        assertThat(routes.ask("a")).isEqualTo("welcome Bob");
        assertThat(kameletRoutes()).isEqualTo(1);
    }

    @Test
    void theRoutesThatAKameletMadeGoWithTheFileThatUsesIt() throws Exception {
        routes.write("kamelets/greet-sink.kamelet.yaml", SINK)
                .write("kamelets/desk-source.kamelet.yaml", SOURCE)
                .write("engine/a.camel.yaml", greeting("name: Ada"))
                .write("tasks/b.camel.yaml", desk("at your service"))
                .look();
        assertThat(routes.ask("front")).isEqualTo("at your service");

        routes.write("tasks/b.camel.yaml", desk("next, please")).look();
        assertThat(routes.ask("front")).isEqualTo("next, please");
        assertThat(kameletRoutes()).isEqualTo(2);

        routes.delete("tasks/b.camel.yaml").delete("engine/a.camel.yaml").look();
        assertThat(routes.context.getRoutes()).isEmpty();
        assertThat(routes.context.getRouteDefinitions()).isEmpty();
        assertThat(routes.context.getEndpointRegistry()).isEmpty();
    }

    @Test
    void aBrokenKameletKeepsItsOldVersion() throws Exception {
        routes.write("kamelets/greet-sink.kamelet.yaml", SINK)
                .write("engine/a.camel.yaml", greeting("name: Ada"))
                .look();

        routes.write("kamelets/greet-sink.kamelet.yaml", SINK.replace("setBody", "setBdy"))
                .look();

        assertThat(routes.broken())
                .singleElement()
                .asString()
                .startsWith("kamelets/greet-sink.kamelet.yaml:21:")
                .contains("setBdy");
        assertThat(routes.ask("a")).isEqualTo("hello Ada");
    }

    @Test
    void wrongUseOfAKameletSaysWhatItTakes() throws Exception {
        routes.write("kamelets/greet-sink.kamelet.yaml", SINK)
                .write("engine/a.camel.yaml", greeting("nam: Ada"))
                .look();
        assertThat(routes.broken()).singleElement().asString().contains("needs the parameter 'name'");

        routes.write("engine/a.camel.yaml", greeting("name: Ada, tone: kind")).look();
        assertThat(routes.broken())
                .singleElement()
                .asString()
                .contains("no parameter 'tone'")
                .contains("[name]");

        routes.write("engine/a.camel.yaml", greeting("name: Ada").replace("greet-sink", "great-sink"))
                .look();
        assertThat(routes.broken()).singleElement().asString().contains("no kamelet 'great-sink'");
    }

    @Test
    void aKameletThatItsUsersCannotUseAnyMoreLeavesThemAsTheyAre() throws Exception {
        routes.write("kamelets/greet-sink.kamelet.yaml", SINK)
                .write("engine/a.camel.yaml", greeting("name: Ada"))
                .look();

        routes.write(
                        "kamelets/greet-sink.kamelet.yaml",
                        SINK.replace("[name]", "[whom]").replace("  name:\n        title", "  whom:\n        title"))
                .look();
        assertThat(routes.broken()).singleElement().asString().startsWith("engine/a.camel.yaml:");
        assertThat(routes.ask("a")).isEqualTo("hello Ada");
        routes.look();
        assertThat(routes.broken()).hasSize(1);

        routes.write("kamelets/greet-sink.kamelet.yaml", SINK).look();
        assertThat(routes.broken()).isEmpty();
        assertThat(routes.ask("a")).isEqualTo("hello Ada");

        routes.delete("kamelets/greet-sink.kamelet.yaml").look();
        assertThat(routes.broken()).singleElement().asString().contains("no kamelet 'greet-sink'");
        assertThat(routes.ask("a")).isEqualTo("hello Ada");
    }

    @Test
    void aRouteConfigurationIsThereBeforeItsUsersAndItsChangeReachesThem() throws Exception {
        String configuration = """
                - routeConfiguration:
                    id: calm
                    onException:
                      - onException:
                          exception: [java.lang.Exception]
                          handled: {constant: "true"}
                          steps:
                            - setBody: {constant: calm}
                """;
        String user = """
                - route:
                    id: a
                    description: Fails.
                    routeConfigurationId: calm
                    from:
                      uri: direct:a
                      steps:
                        - throwException:
                            exceptionType: java.lang.IllegalStateException
                            message: no
                """;
        routes.write("zz/calm.camel.yaml", configuration)
                .write("engine/a.camel.yaml", user)
                .look();
        assertThat(routes.broken()).isEmpty();
        assertThat(routes.ask("a")).isEqualTo("calm");

        routes.write("zz/calm.camel.yaml", configuration.replace("constant: calm", "constant: calmer"))
                .look();
        assertThat(routes.ask("a")).isEqualTo("calmer");

        routes.delete("zz/calm.camel.yaml").look();
        assertThat(routes.context.getRouteConfigurationDefinitions()).isEmpty();
    }

    @Test
    void beansInAFileOfTheirOwnReachTheirUsers() throws Exception {
        String beans = """
                - beans:
                    - name: greeting
                      type: dev.postrider.routes.Greeting
                      properties: {text: hello}
                """;
        routes.write("zz/words.camel.yaml", beans)
                .write("engine/a.camel.yaml", answering("a", "x") + "        - bean: {ref: greeting, method: say}\n")
                .look();
        assertThat(routes.ask("a")).isEqualTo("hello");

        routes.write("zz/words.camel.yaml", beans.replace("hello", "welcome")).look();
        assertThat(routes.ask("a")).isEqualTo("welcome");
    }

    @Test
    void filesThatMentionEachOtherSettle() throws Exception {
        String one = "- beans: [{name: ping, type: dev.postrider.routes.Greeting, properties: {text: pong}}]\n";
        String two = "- beans: [{name: pong, type: dev.postrider.routes.Greeting, properties: {text: ping}}]\n";
        routes.write("x/one.camel.yaml", one).write("x/two.camel.yaml", two).look();

        routes.write("x/one.camel.yaml", one + "# changed\n").look();

        assertThat(routes.broken()).isEmpty();
        assertThat(routes.loader().loadedFiles()).containsExactly("x/one.camel.yaml", "x/two.camel.yaml");
    }

    private long kameletRoutes() {
        return routes.context.getRouteDefinitions().stream()
                .map(RouteDefinition::isKamelet)
                .filter(Boolean.TRUE::equals)
                .count();
    }
}
