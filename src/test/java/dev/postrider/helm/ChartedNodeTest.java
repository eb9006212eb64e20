package dev.postrider.helm;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.Postrider;
import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.NodeProcess;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A node works with nothing but what the chart gives its container: variables, secrets, and routes mounted as the kubelet does
 * it. Only the ports are others, and where the routes are.
 */
class ChartedNodeTest {

    private static final String KEY = "prk_chart_0123456789012345678901234567890123456789";

    @TempDir
    private Path folder;

    private final DatabaseLocation database = TestDatabase.newDatabase();

    @Test
    void starts_answers_the_probes_and_runs_the_routes_of_a_config_map() throws Exception {
        List<JsonNode> objects = objects("- log: \"Hello ${body[name]}\"");
        JsonNode container =
                Chart.object(objects, "Deployment", "acme-postrider").at("/spec/template/spec/containers/0");
        NodeProcess node = start(objects);
        try {
            await().until(node::isReady);
            for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
                JsonNode request = container.path(probe).path("httpGet");
                assertThat(request.path("port").asText()).isEqualTo("management");
                assertThat(get(node.managementUrl() + request.path("path").asText()))
                        .as(probe)
                        .contains("\"UP\"");
            }
            String metrics = Chart.object(objects, "ServiceMonitor", "acme-postrider")
                    .at("/spec/endpoints/0/path")
                    .asText();
            assertThat(get(node.managementUrl() + metrics)).contains("postrider_nodes");
            assertThat(post(node.url() + "/v1/tasks", "x".repeat(2000))).isEqualTo(413);
            assertThat(post(node.url() + "/v1/tasks", "Ada")).isEqualTo(202);
            await().until(() -> Files.readString(node.output()).contains("Hello Ada"));
            assertThat(node.stop()).isEqualTo(NodeProcess.TERMINATED);
        } finally {
            node.kill();
        }
    }

    @Test
    void does_not_start_with_a_route_that_has_a_mistake_so_that_the_roll_out_stops() throws Exception {
        NodeProcess node = start(objects("- lgo: Hello"));
        try {
            assertThat(node.process().waitFor(1, TimeUnit.MINUTES)).isTrue();
            assertThat(node.process().exitValue()).isEqualTo(1);
            assertThat(Files.readString(node.output()))
                    .contains("APPLICATION FAILED TO START", "tasks/greet.camel.yaml:8:11: 'lgo' is no key of 'steps'")
                    .doesNotContain("Postrider is ready", "\tat ");
        } finally {
            node.kill();
        }
    }

    private List<JsonNode> objects(String step) {
        return Chart.objects("""
                database: {url: "%s"}
                settings: {postrider.limits.payload: 1KB}
                monitoring: {serviceMonitor: {enabled: true}}
                routes:
                  files:
                    tasks/greet.camel.yaml: |
                      - route:
                          id: greet
                          description: Greets.
                          from:
                            uri: kamelet:task-source
                            parameters: {taskType: greet}
                            steps:
                              %s
                """.formatted(database.url().replaceFirst("\\?.*", ""), step));
    }

    private static Map<String, String> variables(JsonNode container, Map<String, String> secrets) {
        Map<String, String> variables = new TreeMap<>();
        for (JsonNode variable : container.path("env")) {
            JsonNode secret = variable.at("/valueFrom/secretKeyRef");
            String value = secret.isMissingNode()
                    ? variable.path("value").asText()
                    : secrets.get(secret.path("name").asText() + "/"
                            + secret.path("key").asText());
            if (value != null) {
                variables.put(variable.path("name").asText(), value);
            } else {
                assertThat(secret.path("optional").asBoolean()).as("%s", secret).isTrue();
            }
        }
        return variables;
    }

    /** A link to each file, through a link to the version of all of them, as the kubelet does it. */
    private void mount(List<JsonNode> objects, JsonNode pod) throws IOException {
        for (JsonNode mount : pod.at("/containers/0/volumeMounts")) {
            JsonNode source = volume(pod, mount.path("name").asText()).path("configMap");
            if (source.isMissingNode()) {
                continue;
            }
            JsonNode files =
                    Chart.object(objects, "ConfigMap", source.path("name").asText());
            Path target = Files.createDirectories(
                    Path.of(folder + mount.path("mountPath").asText()));
            Path version = Files.createDirectory(target.resolve("..2026_11_30_07_14_20.1"));
            Files.createSymbolicLink(target.resolve("..data"), version.getFileName());
            for (JsonNode item : source.path("items")) {
                String path = item.path("path").asText();
                Files.writeString(
                        version.resolve(path),
                        files.path("data").path(item.path("key").asText()).asText());
                Files.createSymbolicLink(target.resolve(path), Path.of("..data", path));
            }
        }
    }

    private static JsonNode volume(JsonNode pod, String name) {
        for (JsonNode volume : pod.path("volumes")) {
            if (volume.path("name").asText().equals(name)) {
                return volume;
            }
        }
        throw new AssertionError("no volume " + name);
    }

    private NodeProcess start(List<JsonNode> objects) throws IOException {
        JsonNode pod = Chart.object(objects, "Deployment", "acme-postrider").at("/spec/template/spec");
        mount(objects, pod);
        ProcessBuilder command = new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Postrider.class.getName());
        Map<String, String> environment = command.environment();
        environment.clear();
        environment.putAll(variables(
                pod.at("/containers/0"),
                Map.of(
                        "postrider-database/username",
                        database.username(),
                        "postrider-database/password",
                        database.password(),
                        "postrider/encryption-key",
                        TestDatabase.ENCRYPTION_KEY,
                        "postrider/demo-api-key",
                        KEY)));
        environment.computeIfPresent("POSTRIDER_ROUTES_DIRECTORY", (name, path) -> folder + path);
        environment.put("SERVER_PORT", "0");
        environment.put("MANAGEMENT_SERVER_PORT", "0");
        return NodeProcess.start(command, folder.resolve("output.txt"));
    }

    private static int post(String url, String name) throws IOException, InterruptedException {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(url))
                                .header("Authorization", "Bearer " + KEY)
                                .header("Content-Type", "application/json")
                                .POST(BodyPublishers.ofString(
                                        "{\"taskType\": \"greet\", \"payload\": {\"name\": \"%s\"}}".formatted(name)))
                                .build(),
                        BodyHandlers.ofString())
                .statusCode();
    }

    private static String get(String url) throws IOException, InterruptedException {
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString())
                .body();
    }
}
