package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The dashboards in helm/dashboards draw metrics that are there, with labels that they have. */
class DashboardsTest {

    private static final Pattern SERIES = Pattern.compile("(postrider_\\w+)(\\{[^}]*})?");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=~?\"([^\"]*)\"");

    @Test
    void each_series_of_each_panel_is_exported() throws IOException {
        RunningApplication application = RunningApplication.shared();
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
        String exported = application
                .exchange(HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + application.managementPort() + "/actuator/prometheus"))
                        .build())
                .body();
        for (Path dashboard : dashboards()) {
            for (JsonNode panel :
                    new ObjectMapper().readTree(dashboard.toFile()).path("panels")) {
                for (JsonNode target : panel.path("targets")) {
                    missing(target.path("expr").asText(), exported)
                            .forEach(series -> assertThat(series)
                                    .as("series of %s, in %s", panel.path("title"), dashboard)
                                    .isNull());
                }
            }
        }
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

    /** What an expression names that is not there. Timers and gauges of a type are there once it has run: any type will do. */
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
                boolean ofTasks = label.group(1).equals("task_type");
                for (String value : label.group(2).split("\\|")) {
                    String wanted = label.group(1) + "=\"" + (ofTasks ? "" : value + "\"");
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
