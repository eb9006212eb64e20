package dev.postrider.routes;

import static dev.postrider.routes.RoutesUnderTest.answering;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.apache.camel.builder.RouteBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RouteLoaderTest {

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

    @Test
    void aBrokenFileAtTheStartIsOneErrorWithFileAndLineAndAllElseRuns() throws Exception {
        routes.write("tasks/a.camel.yaml", answering("a", "one"))
                .write("tasks/b.camel.yaml", answering("b", "two").replace("constant", "constnt"))
                .look();

        assertThat(routes.ask("a")).isEqualTo("one");
        assertThat(routes.runs("b")).isFalse();
        assertThat(routes.errorLines()).singleElement().asString().startsWith("tasks/b.camel.yaml:8:");
    }

    @Test
    void anErrorIsSaidOnceNotAtEveryLook() throws Exception {
        routes.write("tasks/b.camel.yaml", "- rout:").look().look();
        routes.write("tasks/a.camel.yaml", answering("a", "one")).look();

        assertThat(routes.errorLines()).hasSize(1);
    }

    @Test
    void aNewFileRunsAndAMendedFileRunsToo() throws Exception {
        routes.look();
        routes.write("tasks/new/a.camel.yaml", answering("a", "one"))
                .write("tasks/b.camel.yaml", "- route: {")
                .look();
        assertThat(routes.ask("a")).isEqualTo("one");

        routes.write("tasks/b.camel.yaml", answering("b", "two")).look();

        assertThat(routes.ask("b")).isEqualTo("two");
        assertThat(routes.broken()).isEmpty();
    }

    @Test
    void anEmptyFileIsAnErrorThatGoesAwayWhenItIsWritten() throws Exception {
        routes.write("tasks/a.camel.yaml", "").look();
        assertThat(routes.broken()).singleElement().asString().contains("the file is empty");

        routes.write("tasks/a.camel.yaml", answering("a", "one")).look();

        assertThat(routes.broken()).isEmpty();
        assertThat(routes.ask("a")).isEqualTo("one");
    }

    @Test
    void aChangeTakesEffect() throws Exception {
        routes.write("tasks/a.camel.yaml", answering("a", "one")).look();
        routes.write("tasks/a.camel.yaml", answering("a", "two")).look();

        assertThat(routes.ask("a")).isEqualTo("two");
        assertThat(routes.loader().reloads()).isEqualTo(1);
    }

    @Test
    void aBrokenChangeKeepsTheOldRoutesWhateverIsWrong() throws Exception {
        String good = answering("a", "one");
        routes.write("tasks/a.camel.yaml", good).look();
        Object untouched = routes.context.getRoute("a");

        for (String bad : new String[] {
            "- route: {",
            "",
            good.replace("setBody", "setBdy"),
            good.replace("direct:a", "nosuchcomponent:a"),
            good.replace("direct:a", "timer:a?nosuchoption=1"),
            good.replace("direct:a", "'{{no.such.property}}'"),
            good.replace("constant: one", "simple: ${nosuchfunction}"),
        }) {
            routes.write("tasks/a.camel.yaml", bad).look();
            assertThat(routes.broken()).as(bad).hasSize(1);
            assertThat(routes.ask("a")).as(bad).isEqualTo("one");
            assertThat(routes.context.getRoute("a")).as(bad).isSameAs(untouched);
        }
        assertThat(routes.errorLines()).allSatisfy(line -> assertThat(line).contains("previous version keeps running"));

        routes.write("tasks/a.camel.yaml", good).look();
        assertThat(routes.broken()).isEmpty();
    }

    @Test
    void aChangeThatCannotBeBuiltOrStartedIsUndone() throws Exception {
        routes.context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:taken").to("log:taken");
            }
        });
        String good = answering("a", "one");
        routes.write("tasks/a.camel.yaml", good).look();

        routes.write("tasks/a.camel.yaml", good.replace("direct:a", "direct:taken"))
                .look();
        assertThat(routes.broken()).singleElement().asString().contains("Multiple consumers");
        assertThat(routes.ask("a")).isEqualTo("one");

        routes.write("tasks/a.camel.yaml", good + "        - process: {ref: '#noSuchBean'}\n")
                .look();
        assertThat(routes.broken()).singleElement().asString().contains("noSuchBean");
        assertThat(routes.ask("a")).isEqualTo("one");
    }

    @Test
    void aChangeThatWasUndoneIsNotTriedAgainForTheSakeOfOtherFiles() throws Exception {
        String good = answering("a", "one");
        routes.write("tasks/a.camel.yaml", good).look();
        routes.write("tasks/a.camel.yaml", good + "        - process: {ref: '#noSuchBean'}\n")
                .write("tasks/b.camel.yaml", answering("b", "two"))
                .look();
        Object restored = routes.context.getRoute("a");

        routes.write("tasks/c.camel.yaml", answering("c", "three")).look();
        assertThat(routes.context.getRoute("a")).isSameAs(restored);
        assertThat(routes.broken()).hasSize(1);

        routes.context.getRegistry().bind("noSuchBean", (org.apache.camel.Processor)
                exchange -> exchange.getMessage().setBody("processed"));
        routes.loader().reload();
        assertThat(routes.ask("a")).isEqualTo("processed");
    }

    @Test
    void deletingAFileRemovesItsRoutes() throws Exception {
        routes.write("tasks/a.camel.yaml", answering("a", "one") + answering("a.more", "more"))
                .look();
        assertThat(routes.ask("a.more")).isEqualTo("more");

        routes.delete("tasks/a.camel.yaml").look();

        assertThat(routes.context.getRoutes()).isEmpty();
        assertThat(routes.context.getRouteDefinitions()).isEmpty();
        assertThat(routes.context.getEndpointRegistry()).isEmpty();
    }

    @Test
    void theRoutesOfAFileAreLoadedTogetherOrNotAtAll() throws Exception {
        String wrong = answering("a.more", "more") + "        - process: {ref: '#noSuchBean'}\n";
        routes.write("tasks/a.camel.yaml", answering("a", "one") + wrong).look();

        assertThat(routes.broken()).hasSize(1);
        assertThat(routes.context.getRoutes()).isEmpty();
        assertThat(routes.context.getRouteDefinitions()).isEmpty();
    }

    @Test
    void aRouteThatLeavesItsFileIsRemoved() throws Exception {
        routes.write("tasks/a.camel.yaml", answering("a", "one") + answering("a.more", "more"))
                .look();
        routes.write("tasks/a.camel.yaml", answering("a", "two")).look();

        assertThat(routes.ask("a")).isEqualTo("two");
        assertThat(routes.context.getRoute("a.more")).isNull();
    }

    @Test
    void theSameIdInTwoFilesIsRefusedNamingBoth() throws Exception {
        routes.write("tasks/a.camel.yaml", answering("a", "one")).look();
        routes.write("other/a.camel.yaml", answering("a", "two").replace("direct:a", "direct:other"))
                .look();

        assertThat(routes.broken())
                .singleElement()
                .asString()
                .startsWith("other/a.camel.yaml:2:")
                .contains("tasks/a.camel.yaml");
        assertThat(routes.ask("a")).isEqualTo("one");

        routes.delete("tasks/a.camel.yaml").look();
        assertThat(routes.ask("other")).isEqualTo("two");
        assertThat(routes.broken()).isEmpty();
    }

    @Test
    void theIdOfARouteInJavaIsRefused() throws Exception {
        routes.context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:java").routeId("a").transform(constant("java"));
            }
        });
        routes.write("tasks/a.camel.yaml", answering("a", "yaml")).look();

        assertThat(routes.broken()).singleElement().asString().contains("a route in Java");
        assertThat(routes.ask("java")).isEqualTo("java");
    }

    @Test
    void anIdMayMoveToAnotherFileInOneStep() throws Exception {
        routes.write("x/b.camel.yaml", answering("b", "b") + answering("b.part", "old"))
                .look();

        routes.write("a/b.part.camel.yaml", answering("b.part", "new"))
                .write("x/b.camel.yaml", answering("b", "b"))
                .look();

        assertThat(routes.broken()).isEmpty();
        assertThat(routes.errorLines()).isEmpty();
        assertThat(routes.ask("b.part")).isEqualTo("new");
    }

    @Test
    void beansOfAFileAreMadeAgainOnReload() throws Exception {
        String withBean = """
                - beans:
                    - name: greeting
                      type: dev.postrider.routes.Greeting
                      properties:
                        text: hello
                - route:
                    id: a
                    description: Answers with a bean.
                    from:
                      uri: direct:a
                      steps:
                        - bean: {ref: greeting, method: say}
                """;
        routes.write("tasks/a.camel.yaml", withBean).look();
        assertThat(routes.ask("a")).isEqualTo("hello");

        routes.write("tasks/a.camel.yaml", withBean.replace("text", "txt")).look();
        assertThat(routes.ask("a")).isEqualTo("hello");

        routes.write("tasks/a.camel.yaml", withBean.replace("hello", "welcome")).look();
        assertThat(routes.ask("a")).isEqualTo("welcome");

        routes.delete("tasks/a.camel.yaml").look();
        assertThat(routes.context.getRegistry().lookupByName("greeting")).isNull();
    }

    @Test
    void nothingConsumesBeforeEverythingIsBuilt() throws Exception {
        // By alphabet the poll comes first; it would find nobody at direct:z and fail its only message.
        routes.write("tasks/a.camel.yaml", """
                        - route:
                            id: a
                            description: Sends one message as soon as it starts.
                            from:
                              uri: timer:once?repeatCount=1&delay=-1
                              steps:
                                - to: direct:z
                        """)
                .write("tasks/z.camel.yaml", answering("z", "last").replace("id: z", "id: z\n    startupOrder: 1"))
                .look();

        org.awaitility.Awaitility.await()
                .untilAsserted(
                        () -> assertThat(routes.context.getInflightRepository().size())
                                .isZero());
        assertThat(routes.runs("a")).isTrue();
        assertThat(routes.context.getCamelContextExtension().getRouteStartupOrder().stream()
                        .map(order -> order.getRoute().getId()))
                .containsExactly("z", "a");
    }

    @Test
    void autoStartupFalseIsHonoured() throws Exception {
        routes.write("tasks/a.camel.yaml", answering("a", "one").replace("id: a", "id: a\n    autoStartup: false"))
                .look();

        assertThat(routes.broken()).isEmpty();
        assertThat(routes.context.getRoute("a")).isNotNull();
        assertThat(routes.runs("a")).isFalse();
    }

    @Test
    void anAutoStartupThatCannotBeResolvedIsAnErrorOfItsFile() throws Exception {
        String unresolved = "id: a\n    autoStartup: '{{no.such.setting}}'";
        routes.write("tasks/a.camel.yaml", answering("a", "one").replace("id: a", unresolved))
                .look();

        assertThat(routes.broken()).singleElement().asString().contains("no.such.setting");
        assertThat(routes.context.getRoutes()).isEmpty();
    }

    @Test
    void whatFailsToStartForAReasonOutsideIsTriedAgain() throws Exception {
        routes.context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:a").routeId("squatter").to("log:taken");
            }
        });
        routes.write("tasks/a.camel.yaml", answering("a", "one")).look();
        assertThat(routes.broken()).hasSize(1);

        routes.context.getRouteController().stopRoute("squatter");
        routes.context.removeRoute("squatter");
        routes.loader().applyChangesAndRetry();

        assertThat(routes.broken()).isEmpty();
        assertThat(routes.ask("a")).isEqualTo("one");
    }
}
