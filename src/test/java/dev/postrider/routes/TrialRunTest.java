package dev.postrider.routes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Properties;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

class TrialRunTest {

    private final DefaultCamelContext context = new DefaultCamelContext();

    @BeforeEach
    void start() {
        context.getRegistry().bind("tenant", new DriverManagerDataSource());
        Properties settings = new Properties();
        settings.put("where", "seda:there");
        context.getPropertiesComponent().setInitialProperties(settings);
        context.start();
    }

    @AfterEach
    void stop() {
        context.stop();
    }

    private List<Finding> sendingTo(String endpoint) {
        String text = """
                - route:
                    id: a
                    from:
                      uri: direct:a
                      steps:
                        - to: %s
                """.formatted(endpoint);
        return new TrialRun(context)
                .check(RouteDocument.parse("a.camel.yaml", text).document().orElseThrow());
    }

    @Test
    void goodEndpointsPassAndLeaveNothingBehind() {
        for (String good : List.of(
                "direct:b",
                "seda:b?size=10",
                "\"{{where}}\"",
                "\"{{where}}?size=10\"",
                "\"seda:b?size={{?size}}\"",
                "{uri: seda, parameters: {name: b, size: 10}}",
                "{uri: 'seda:b', parameters: {size: '{{size:10}}'}}",
                "{uri: 'sql:classpath:dev/postrider/routes/lint.yaml', parameters: {dataSource: '#tenant'}}",
                "sql:classpath:dev/postrider/routes/lint.yaml?dataSource=#tenant",
                "{uri: 'https://example.org/a?b=c', parameters: {connectTimeout: 100, x: 'y z'}}",
                "log:a?showAll=true")) {
            assertThat(sendingTo(good)).as(good).isEmpty();
        }
        assertThat(context.getEndpointRegistry()).isEmpty();
        assertThat(context.getRoutes()).isEmpty();
    }

    @Test
    void badEndpointsAreNamedWithTheirLine() {
        assertThat(sendingTo("ftp:somewhere")).singleElement().asString().contains(":6:", "no component 'ftp'");
        // Without a web server there is nothing for this component to work with.
        assertThat(sendingTo("platform-http:/a"))
                .singleElement()
                .asString()
                .contains(":6:", "'platform-http' cannot be used here");
        assertThat(sendingTo("seda:b?sise=10")).singleElement().asString().contains(":6:", "sise");
        assertThat(sendingTo("seda:b?size=ten")).singleElement().asString().contains(":6:", "ten");
        assertThat(sendingTo("\"{{nowhere}}\"")).singleElement().asString().contains(":6:", "nowhere");
        assertThat(sendingTo("\"seda:b?size={{nowhere}}\""))
                .singleElement()
                .asString()
                .contains(":6:", "nowhere");
        assertThat(sendingTo("sql:classpath:no/such.sql?dataSource=#tenant"))
                .singleElement()
                .asString()
                .contains(":6:", "there is no classpath:no/such.sql");
        assertThat(sendingTo("sql:classpath:dev/postrider/routes/lint.yaml?dataSource=#tenat"))
                .singleElement()
                .asString()
                .contains(":6:", "tenat");
    }
}
