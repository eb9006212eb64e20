package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The dashboards and alerts of the chart ask for metrics that are there, with labels that they have. */
class DashboardsTest {

    private static final Pattern SERIES = Pattern.compile("(postrider_\\w+)(\\{[^}]*})?");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=~?\"([^\"]*)\"");

    /** So that something waits, whatever other tests have left. */
    @BeforeAll
    static void aTaskThatNobodyHandles() {
        RunningApplication.shared().enqueue("of-nobody", "{}");
    }

    @Test
    void each_series_of_each_panel_is_exported() throws IOException {
        for (Path dashboard : dashboards()) {
            for (JsonNode panel :
                    new ObjectMapper().readTree(dashboard.toFile()).path("panels")) {
                for (JsonNode target : panel.path("targets")) {
                    isExported(
                            target.path("expr").asText(),
                            "%s, in %s".formatted(panel.path("title").asText(), dashboard));
                }
            }
        }
    }

    @Test
    void each_series_of_each_alert_is_exported_and_each_page_is_there() throws IOException {
        JsonNode rules = new ObjectMapper(new YAMLFactory())
                .readTree(Path.of("helm", "alerts.yaml").toFile());
        // A source that nobody has; and a replica, which is watched only where one is set.
        RunningApplication.shared().call("POST", "/webhooks/stripe/nobody", "{}");
        rules.findValuesAsText("expr").stream()
                .filter(expression -> !expression.contains("postrider_replica_lag"))
                .forEach(expression -> isExported(expression, "helm/alerts.yaml"));
        Matcher pages = Pattern.compile("docs/[a-z/-]+\\.md").matcher(rules.toString());
        assertThat(pages.results().map(page -> Path.of(page.group())))
                .isNotEmpty()
                .allSatisfy(page -> assertThat(page).exists());
    }

    private static void isExported(String expression, String where) {
        RunningApplication.await()
                .atMost(Duration.ofSeconds(90)) // some gauges are read every minute
                .untilAsserted(() -> assertThat(missing(expression, exported()))
                        .as("series of %s", where)
                        .isEmpty());
    }

    @Test
    void it_notices_a_series_and_a_label_that_are_not_exported() {
        String exported = "postrider_delivery_total{outcome=\"gone\"} 0.0\n";
        assertThat(missing("rate(postrider_deliveries_total[5m])", exported))
                .containsExactly("postrider_deliveries_total");
        assertThat(missing("rate(postrider_delivery_total{outcome=\"lost\"}[5m])", exported))
                .containsExactly("postrider_delivery_total{outcome=\"lost\"}");
        assertThat(missing("rate(postrider_delivery_total{outcome=~\"gone\"}[5m])", exported))
                .isEmpty();
    }

    private static String exported() {
        RunningApplication application = RunningApplication.shared();
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
        return application
                .exchange(HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + application.managementPort() + "/actuator/prometheus"))
                        .build())
                .body();
    }

    /** What an expression names that is not there. What has happened to a type or a webhook is there once it has: any will do. */
    private static Set<String> missing(String expression, String exported) {
        Set<String> missing = new TreeSet<>();
        Matcher series = SERIES.matcher(expression);
        while (series.find()) {
            String name = series.group(1);
            List<String> lines = exported.lines()
                    .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                    .toList();
            if (lines.isEmpty()) {
                missing.add(name);
            }
            Matcher label = LABEL.matcher(series.group(2) == null ? "" : series.group(2));
            while (label.find()) {
                boolean anyValue = Set.of("task_type", "verdict").contains(label.group(1));
                for (String value : label.group(2).split("\\|")) {
                    String wanted = label.group(1) + "=\"" + (anyValue ? "" : value + "\"");
                    if (!lines.isEmpty() && lines.stream().noneMatch(line -> line.contains(wanted))) {
                        missing.add(series.group());
                    }
                }
            }
        }
        return missing;
    }

    private static List<Path> dashboards() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("helm/dashboards"))) {
            List<Path> dashboards = files.toList();
            assertThat(dashboards).isNotEmpty();
            return dashboards;
        }
    }
}
