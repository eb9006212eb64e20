package dev.postrider.helm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.marcnuri.helm.Helm;
import dev.postrider.testkit.Guide;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.util.FileSystemUtils;

/** What the chart makes of its values, and which values it refuses. */
class ChartTest {

    /** Everything that can be switched on. */
    private static final String EVERYTHING = """
            replicaCount: 3
            routes: {files: {tasks/greet.camel.yaml: "- route:\\n", tasks/a/b.sql: select 1}, configMaps: {providers: ours}}
            pgbouncer: {enabled: true, image: {repository: edoburu/pgbouncer, tag: "1"}, userlistSecret: userlist}
            networkPolicy: {enabled: true}
            ingress: {enabled: true, host: hooks.example.com}
            autoscaling: {enabled: true, existingSecret: counting}
            monitoring: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}, dashboards: {enabled: true}}
            """;

    private static final String NODE = "acme-postrider";

    /** Names that say what they mean. */
    private static final Set<String> SELF_EXPLAINING = Set.of("enabled", "create", "replicaCount");

    /** For each value another one than the default: each value there is, so that none does nothing. */
    private static Stream<String> other_values() {
        return """
                replicaCount: 5
                image.repository: acme/postrider
                image.tag: "2"
                image.digest: sha256:0123456789012345678901234567890123456789012345678901234567890123
                image.pullPolicy: Always
                image.pullSecrets: [pull]
                database.url: jdbc:postgresql://a.example.com:5433/other
                database.poolerUrl: jdbc:postgresql://pooler:6432/app
                database.replicaUrl: jdbc:postgresql://replica/app
                database.existingSecret: other
                database.loginsSecret: logins
                secrets.existingSecret: other
                settings: {postrider.limits.payload: 128KB, postrider.limits.webhook-time: 1000000, postrider.x: true}
                routes.files: {tasks/other.camel.yaml: x}
                routes.configMaps: {providers: others}
                routes.checksum: abc
                routes.reloadInterval: 5000
                routes.refuseMistakes: false
                javaOptions: -Xss512k
                resources.requests: {cpu: 1}
                resources.limits: {memory: 2Gi}
                probes.startSeconds: 900
                probes.failSeconds: 90
                shutdown.drainSeconds: 15
                shutdown.timeoutSeconds: 300
                podDisruptionBudget.enabled: false
                podDisruptionBudget.maxUnavailable: 25%
                autoscaling.enabled: false
                autoscaling.minReplicas: 3
                autoscaling.maxReplicas: 30
                autoscaling.tasksPerNode: 1000000
                autoscaling.pollingSeconds: 10
                autoscaling.calmSeconds: 60
                autoscaling.sslmode: disable
                autoscaling.existingSecret: other
                pgbouncer.enabled: false
                pgbouncer.replicaCount: 3
                pgbouncer.image.repository: acme/pgbouncer
                pgbouncer.image.tag: "1.24"
                pgbouncer.image.pullPolicy: Always
                pgbouncer.userlistSecret: other
                pgbouncer.runAsUser: 70
                pgbouncer.poolSize: 10
                pgbouncer.maxClientConnections: 1000000
                pgbouncer.serverTls: disable
                pgbouncer.serverCaSecret: ca
                pgbouncer.resources: {limits: {memory: 256Mi}}
                service.type: LoadBalancer
                service.port: 80
                service.annotations: {a: b}
                ingress.enabled: false
                ingress.className: nginx
                ingress.annotations: {a: b}
                ingress.host: other.example.com
                ingress.tlsSecret: tls
                networkPolicy.enabled: false
                networkPolicy.apiFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]
                networkPolicy.managementFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
                networkPolicy.databaseTo: [{ipBlock: {cidr: 10.0.0.5/32}}]
                networkPolicy.extraEgress: [{to: [{ipBlock: {cidr: 10.0.0.6/32}}], ports: [{port: 587}]}]
                monitoring.serviceMonitor.enabled: false
                monitoring.serviceMonitor.interval: 1m
                monitoring.serviceMonitor.labels: {release: prometheus}
                monitoring.prometheusRule.enabled: false
                monitoring.prometheusRule.labels: {release: prometheus}
                monitoring.dashboards.enabled: false
                monitoring.dashboards.labels: {dashboards: ours}
                serviceAccount.create: false
                serviceAccount.name: mine
                serviceAccount.annotations: {a: b}
                podAnnotations: {a: b}
                podLabels: {team: integration}
                priorityClassName: high
                nodeSelector: {disk: ssd}
                tolerations: [{key: a, operator: Exists}]
                affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
                topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
                extraEnv: [{name: A, value: b}]
                extraEnvFrom: [{configMapRef: {name: more}}]
                extraVolumes: [{name: ca, secret: {secretName: ca}}]
                extraVolumeMounts: [{name: tmp, mountPath: /more}]
                fullnameOverride: other
                """.lines();
    }

    @Test
    void it_passes_helms_lint(@TempDir Path folder) throws IOException {
        FileSystemUtils.copyRecursively(Chart.FOLDER, folder);
        Files.writeString(
                folder.resolve("values.yaml"),
                Chart.merged(Chart.yaml(Files.readString(folder.resolve("values.yaml"))), Chart.yaml(Chart.LEAST))
                        .toString());
        var lint = new Helm(folder).lint().strict().call();
        assertThat(lint.isFailed()).as(String.join("\n", lint.getMessages())).isFalse();
    }

    @Test
    void it_is_of_the_version_that_the_build_makes() throws IOException {
        JsonNode chart = Chart.yaml(Files.readString(Chart.FOLDER.resolve("Chart.yaml")));
        assertThat(Files.readString(Path.of("pom.xml")))
                .contains("<artifactId>postrider</artifactId>\n  <version>%s</version>"
                        .formatted(chart.path("appVersion").asText()));
    }

    @ParameterizedTest
    @MethodSource("other_values")
    void each_value_changes_what_is_rendered_and_kubernetes_takes_the_result(String value) {
        int colon = value.indexOf(": ");
        String path = value.substring(0, colon);
        boolean needsLess = path.equals("database.poolerUrl") || path.startsWith("topologySpread");
        String base = needsLess ? "" : path.equals("replicaCount") ? without("autoscaling") : EVERYTHING;
        String with = Chart.merged(Chart.yaml(base), at(path, value.substring(colon + 2)))
                .toString();
        assertThat(Chart.render(with)).isNotEqualTo(Chart.render(base));
        takenByKubernetes(Chart.objects(with));
    }

    @Test
    void each_value_is_tried_and_explained_and_stands_in_the_schema() throws IOException {
        String text = Files.readString(Chart.FOLDER.resolve("values.yaml"));
        JsonNode schema = new ObjectMapper()
                .readTree(Chart.FOLDER.resolve("values.schema.json").toFile());
        Set<String> values = leaves("", Chart.yaml(text));
        assertThat(other_values().map(value -> value.substring(0, value.indexOf(": "))))
                .containsExactlyInAnyOrderElementsOf(values);
        Set<String> inSchema = inSchema("", schema);
        inSchema.removeAll(Set.of("global", "enabled")); // of charts that contain this one
        assertThat(inSchema).isEqualTo(values);
        assertThat(unexplained(text)).isEmpty();
    }

    @Test
    void with_the_least_it_is_two_nodes_behind_a_service_and_nothing_that_has_to_be_installed_first() {
        List<JsonNode> objects = Chart.objects("");
        takenByKubernetes(objects);
        assertThat(objects.stream().map(object -> object.path("kind").asText()))
                .containsExactlyInAnyOrder("ServiceAccount", "PodDisruptionBudget", "Service", "Service", "Deployment");
        assertThat(Chart.object(objects, "Deployment", NODE)
                        .at("/spec/replicas")
                        .asInt())
                .isEqualTo(2);
    }

    @Test
    void the_values_of_the_guide_are_taken_together() {
        List<String> blocks = Guide.blocks("cluster.md", "yaml");
        assertThat(blocks).hasSize(6);
        ObjectNode values = Chart.yaml("");
        for (String block : blocks) {
            values = Chart.merged(values, Chart.yaml(block));
            takenByKubernetes(Chart.read(Chart.renderOnly(
                    Chart.merged(Chart.yaml(blocks.get(0)), Chart.yaml(block)).toString())));
        }
        String all = values.toString();
        assertThatThrownBy(() -> Chart.renderOnly(all)).hasMessageContaining("routes.files both give the folder tasks");
        values.withObject("/routes").remove("files");
        takenByKubernetes(Chart.read(Chart.renderOnly(values.toString())));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            replicas: 2                                                                | replicas
            replicaCount: two                                                          | replicaCount
            database: {url: ""}                                                        | url
            database: {url: "postgres://db/app"}                                       | url
            database: {url: "jdbc:postgresql://db.example.com"}                        | url
            database: {url: "jdbc:postgresql://db/app?user=me&password=p"}             | url
            database: {url: "jdbc:postgresql://fd00::1/app"}                           | url
            database: {poolerUrl: "jdbc:mysql://db/app"}                               | poolerUrl
            database: {existingSecret: ""}                                             | database
            database: {existingSecret: "My Secret"}                                    | existingSecret
            database: {password: p}                                                    | password
            secrets: {existingSecret: ""}                                              | existingSecret
            secrets: {encryptionKey: abc}                                              | encryptionKey
            settings: {postrider.operator.password: p}                                 | postrider.operator.password
            settings: {postrider.database.url: "jdbc:postgresql://a/b"}                | postrider.database.url
            settings: {server.port: 9090}                                              | server.port
            settings: {camel.main.shutdown-timeout: 300}                               | camel.main.shutdown-timeout
            settings: {spring.lifecycle.timeout-per-shutdown-phase: 5m}                | spring.lifecycle.timeout-per-shutdown-phase
            settings: {postrider: {limits: {payload: 1KB}}}                            | postrider
            image: {tag: "1", digest: "sha256:0123456789012345678901234567890123456789012345678901234567890123"} | tag
            image: {digest: abc}                                                       | digest
            image: {pullPolicy: Sometimes}                                             | pullPolicy
            routes: {files: {greet.camel.yaml: x}}                                     | greet.camel.yaml
            routes: {files: {../tasks/greet.camel.yaml: x}}                            | ../tasks/greet.camel.yaml
            routes: {files: {tasks/a_/b.camel.yaml: x}}                                | tasks/a_/b.camel.yaml
            routes: {configMaps: {tasks-: ours}}                                       | tasks-
            podLabels: {app.kubernetes.io/name: other}                                 | app.kubernetes.io/name
            routes: {files: {tasks/a.camel.yaml: x}, configMaps: {tasks: ours}}        | routes.configMaps and routes.files both give the folder tasks
            shutdown: {timeoutSeconds: 0}                                              | timeoutSeconds
            podDisruptionBudget: {maxUnavailable: 0}                                   | maxUnavailable
            autoscaling: {enabled: true}                                               | existingSecret
            autoscaling: {enabled: true, existingSecret: s, minReplicas: 5, maxReplicas: 3} | autoscaling.minReplicas (5) is more than autoscaling.maxReplicas (3)
            autoscaling: {enabled: true, existingSecret: s, calmSeconds: 7200}         | calmSeconds
            pgbouncer: {enabled: true, userlistSecret: s, image: {tag: "1"}}           | repository
            pgbouncer: {enabled: true, userlistSecret: s, image: {repository: p}}      | tag
            pgbouncer: {enabled: true, image: {repository: p, tag: "1"}}               | userlistSecret
            ingress: {enabled: true}                                                   | host
            ingress: {enabled: true, host: "https://hooks.example.com"}                | host
            service: {type: ExternalName}                                              | type
            monitoring: {serviceMonitor: {interval: 30}}                               | interval
            fullnameOverride: Acme                                                     | fullnameOverride
            """)
    void refuses(String values, String named) {
        assertThatThrownBy(() -> Chart.render(values)).hasMessageContaining(named);
    }

    @Test
    void refuses_to_guess_what_has_to_be_given() {
        assertThatThrownBy(() -> Chart.renderOnly("{}"))
                .hasMessageContaining("url")
                .hasMessageContaining("secrets");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            database: {poolerUrl: "jdbc:postgresql://pooler/app"}            | database.poolerUrl and pgbouncer.enabled both give a pooler
            database: {url: "jdbc:postgresql://a,b:5433/app"}                | database.url names several servers
            database: {url: "jdbc:postgresql://db/app?sslmode=verify-full"}  | pgbouncer.serverCaSecret is missing
            database: {url: "jdbc:postgresql://db/app?sslmode=foo"}          | database.url has sslmode=foo
            database: {url: "jdbc:postgresql://db/app?ssl=true"}             | database.url has ssl=
            """)
    void refuses_beside_its_pgbouncer(String values, String named) {
        assertThatThrownBy(() -> Chart.render(EVERYTHING + values)).hasMessageContaining(named);
    }

    @Test
    void a_pod_is_killed_only_after_requests_and_handlers_had_their_time() {
        for (int seconds : new int[] {1, 45, 3600}) {
            JsonNode pod = Chart.object(
                            Chart.objects("shutdown: {timeoutSeconds: %d}".formatted(seconds)), "Deployment", NODE)
                    .at("/spec/template/spec");
            int drain = pod.at("/containers/0/lifecycle/preStop/sleep/seconds").asInt();
            int camel = Integer.parseInt(
                    variables(pod).get("CAMEL_MAIN_SHUTDOWN_TIMEOUT").asText());
            int web = 30; // spring.lifecycle.timeout-per-shutdown-phase
            int interrupted = 2;
            assertThat(camel).isEqualTo(seconds);
            assertThat(pod.path("terminationGracePeriodSeconds").asInt())
                    .isGreaterThan(drain + web + camel + interrupted);
        }
    }

    @Test
    void another_text_of_a_route_rolls_the_pods_and_nothing_else_does() {
        String routes = "routes: {files: {tasks/greet.camel.yaml: %s}}\n";
        String one = template(routes.formatted("one"));
        assertThat(template(routes.formatted("one"))).isEqualTo(one);
        assertThat(template(routes.formatted("one") + "monitoring: {serviceMonitor: {enabled: true}}"))
                .isEqualTo(one);
        assertThat(template(routes.formatted("two"))).isNotEqualTo(one);
    }

    @Test
    void another_configuration_of_its_pgbouncer_rolls_it_and_more_pods_do_not() {
        String pooler = NODE + "-pgbouncer";
        String one = template(EVERYTHING, pooler);
        assertThat(template(
                        Chart.merged(Chart.yaml(EVERYTHING), at("pgbouncer.replicaCount", "4"))
                                .toString(),
                        pooler))
                .isEqualTo(one);
        assertThat(template(EVERYTHING + "database: {url: 'jdbc:postgresql://other/app'}", pooler))
                .isNotEqualTo(one);
    }

    @Test
    void a_roll_out_takes_no_node_away_before_another_is_ready() {
        JsonNode deployment = Chart.object(Chart.objects(""), "Deployment", NODE);
        assertThat(deployment.at("/spec/strategy/rollingUpdate").toString())
                .isEqualTo("{\"maxUnavailable\":0,\"maxSurge\":1}");
    }

    /** What a restart does not mend is none of the probes' business. */
    @Test
    void probes_ask_for_the_process_and_not_for_the_database_or_routes() {
        JsonNode container = Chart.object(Chart.objects(""), "Deployment", NODE).at("/spec/template/spec/containers/0");
        assertThat(container.at("/startupProbe/httpGet/path").asText()).isEqualTo("/actuator/health/liveness");
        assertThat(container.at("/livenessProbe/httpGet/path").asText()).isEqualTo("/actuator/health/liveness");
        assertThat(container.at("/readinessProbe/httpGet/path").asText()).isEqualTo("/actuator/health/readiness");
    }

    @Test
    void with_autoscaling_nobody_else_says_how_many_nodes_there_are() {
        JsonNode deployment = Chart.object(Chart.objects(EVERYTHING), "Deployment", NODE);
        assertThat(deployment.path("spec").has("replicas")).isFalse();
    }

    @Test
    void where_pods_run_holds_for_nodes_and_for_pgbouncer() {
        List<JsonNode> objects = Chart.objects(EVERYTHING + """
                image: {pullSecrets: [pull]}
                priorityClassName: high
                nodeSelector: {disk: ssd}
                tolerations: [{key: a, operator: Exists}]
                """);
        for (String name : List.of(NODE, NODE + "-pgbouncer")) {
            JsonNode pod = Chart.object(objects, "Deployment", name).at("/spec/template/spec");
            assertThat(pod.at("/imagePullSecrets/0/name").asText()).isEqualTo("pull");
            assertThat(pod.at("/priorityClassName").asText()).isEqualTo("high");
            assertThat(pod.at("/nodeSelector/disk").asText()).isEqualTo("ssd");
            assertThat(pod.at("/tolerations/0/key").asText()).isEqualTo("a");
        }
    }

    @Test
    void no_internal_network_is_reached_but_the_database() {
        JsonNode egress =
                Chart.object(Chart.objects(EVERYTHING), "NetworkPolicy", NODE).at("/spec/egress");
        assertThat(egress.findValues("ipBlock"))
                .extracting(Object::toString)
                .containsExactly("""
                {"cidr":"0.0.0.0/0","except":["10.0.0.0/8","100.64.0.0/10","127.0.0.0/8","169.254.0.0/16",\
                "172.16.0.0/12","192.168.0.0/16"]}""", "{\"cidr\":\"::/0\",\"except\":[\"fc00::/7\",\"fe80::/10\"]}");
    }

    @Test
    void names_that_look_like_numbers_are_names() {
        takenByKubernetes(Chart.objects(EVERYTHING + """
                secrets: {existingSecret: "1"}
                priorityClassName: "true"
                serviceAccount: {create: false, name: "2"}
                image: {pullSecrets: ["3"]}
                """));
        takenByKubernetes(
                Chart.objects("ingress: {enabled: true, host: a.example.com, className: \"4\", tlsSecret: \"on\"}"));
    }

    @Test
    void nothing_but_a_setting_is_given_to_a_node() throws IOException {
        Set<String> documented = Pattern.compile("(?m)^\\| `([a-z.-]+)`")
                .matcher(Files.readString(Path.of("docs/reference/settings.md")))
                .results()
                .map(setting -> setting.group(1).toUpperCase().replaceAll("[.-]", "_"))
                .collect(Collectors.toCollection(TreeSet::new));
        documented.add("CAMEL_MAIN_SHUTDOWN_TIMEOUT");
        for (String more : List.of("", "database: {loginsSecret: logins, replicaUrl: 'jdbc:postgresql://r/app'}\n")) {
            JsonNode pod = Chart.object(Chart.objects(EVERYTHING + more), "Deployment", NODE)
                    .at("/spec/template/spec");
            assertThat(documented).containsAll(variables(pod).keySet());
        }
    }

    @Test
    void no_pod_may_more_than_it_needs() {
        Chart.objects(EVERYTHING).stream()
                .filter(object -> object.path("kind").asText().equals("Deployment"))
                .map(deployment -> deployment.at("/spec/template/spec"))
                .forEach(pod -> {
                    assertThat(pod.path("automountServiceAccountToken").asText())
                            .isEqualTo("false");
                    assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean())
                            .isTrue();
                    assertThat(pod.at("/securityContext/seccompProfile/type").asText())
                            .isEqualTo("RuntimeDefault");
                    JsonNode container = pod.at("/containers/0/securityContext");
                    assertThat(container.path("readOnlyRootFilesystem").asBoolean())
                            .isTrue();
                    assertThat(container.path("allowPrivilegeEscalation").asText())
                            .isEqualTo("false");
                    assertThat(container.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
                });
    }

    @Test
    void the_api_is_published_and_the_console_is_not() {
        List<JsonNode> objects = Chart.objects(EVERYTHING);
        JsonNode rule = Chart.object(objects, "Ingress", NODE).at("/spec/rules/0");
        assertThat(rule.findValuesAsText("path")).containsExactlyInAnyOrder("/v1", "/webhooks", "/openapi.json");
        assertThat(rule.findValues("service"))
                .allSatisfy(service -> assertThat(service.toString())
                        .isEqualTo("{\"name\":\"acme-postrider\",\"port\":{\"name\":\"http\"}}"));
        assertThat(Chart.object(objects, "Service", NODE).at("/spec/ports").findValuesAsText("targetPort"))
                .containsExactly("http");
    }

    @Test
    void its_pgbouncer_is_configured_as_the_guide_says() {
        String rendered = Chart.object(
                        Chart.objects(EVERYTHING + "database: {url: 'jdbc:postgresql://10.0.0.5/postrider'}"),
                        "ConfigMap",
                        NODE + "-pgbouncer")
                .at("/data/pgbouncer.ini")
                .asText();
        Map<String, String> guide = settings(Guide.block("pgbouncer.md", "ini"));
        Map<String, String> ours = settings(rendered);
        guide.put("listen_addr", "*");
        guide.put("server_tls_sslmode", "prefer");
        assertThat(ours).isEqualTo(guide);
    }

    @Test
    void nodes_reach_its_pgbouncer_and_listen_straight() {
        Map<String, JsonNode> variables = variables(
                Chart.object(Chart.objects(EVERYTHING), "Deployment", NODE).at("/spec/template/spec"));
        assertThat(variables.get("POSTRIDER_DATABASE_URL").asText())
                .isEqualTo("jdbc:postgresql://acme-postrider-pgbouncer:6432/app");
        assertThat(variables.get("POSTRIDER_DATABASE_DIRECT_URL").asText())
                .isEqualTo("jdbc:postgresql://db.example.com/app?sslmode=require");
    }

    /** Each object is of its type, and what refers to another finds it. */
    private static void takenByKubernetes(List<JsonNode> objects) {
        objects.forEach(KubernetesTypes::check);
        Set<String> names = objects.stream()
                .map(object -> object.path("kind").asText() + " "
                        + object.at("/metadata/name").asText())
                .collect(Collectors.toSet());
        assertThat(names).as("kinds and names").hasSameSizeAs(objects);
        List<JsonNode> pods = objects.stream()
                .filter(object -> object.path("kind").asText().equals("Deployment"))
                .toList();
        for (JsonNode deployment : pods) {
            JsonNode pod = deployment.at("/spec/template/spec");
            assertThat(matches(
                            deployment.at("/spec/selector/matchLabels"),
                            deployment.at("/spec/template/metadata/labels")))
                    .isTrue();
            List<String> volumes =
                    pod.path("volumes").findValuesAsText("name").stream().toList();
            JsonNode container = pod.at("/containers/0");
            container
                    .path("volumeMounts")
                    .forEach(mount ->
                            assertThat(volumes).contains(mount.path("name").asText()));
            assertThat(texts(container.path("volumeMounts"), "mountPath")).doesNotHaveDuplicates();
            assertThat(texts(container.path("env"), "name")).doesNotHaveDuplicates();
            List<String> ports = texts(container.path("ports"), "name");
            for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
                if (container.has(probe)) {
                    assertThat(ports)
                            .contains(container.path(probe).findValue("port").asText());
                }
            }
        }
        for (JsonNode object : objects) {
            JsonNode selector = switch (object.path("kind").asText()) {
                case "Service" -> object.at("/spec/selector");
                case "PodDisruptionBudget" -> object.at("/spec/selector/matchLabels");
                case "NetworkPolicy" -> object.at("/spec/podSelector/matchLabels");
                default -> null;
            };
            if (selector != null) {
                assertThat(pods.stream().filter(pod -> matches(selector, pod.at("/spec/template/metadata/labels"))))
                        .as("pods of " + object.at("/metadata/name"))
                        .hasSize(1);
            }
            if (object.path("kind").asText().equals("ServiceMonitor")) {
                assertThat(objects.stream()
                                .filter(service -> service.path("kind").asText().equals("Service"))
                                .filter(service -> matches(
                                        object.at("/spec/selector/matchLabels"), service.at("/metadata/labels")))
                                .map(service -> service.at("/spec/ports/0/name").asText()))
                        .containsExactly(object.at("/spec/endpoints/0/port").asText());
            }
        }
    }

    private static boolean matches(JsonNode selector, JsonNode labels) {
        return StreamSupport.stream(selector.properties().spliterator(), false)
                .allMatch(wanted -> wanted.getValue().equals(labels.path(wanted.getKey())));
    }

    private static List<String> texts(JsonNode list, String name) {
        return StreamSupport.stream(list.spliterator(), false)
                .map(entry -> entry.path(name).asText())
                .toList();
    }

    private static Map<String, JsonNode> variables(JsonNode pod) {
        Map<String, JsonNode> variables = new TreeMap<>();
        pod.at("/containers/0/env")
                .forEach(variable -> variables.put(variable.path("name").asText(), variable.path("value")));
        return variables;
    }

    private static String template(String values) {
        return template(values, NODE);
    }

    private static String template(String values, String deployment) {
        return Chart.object(Chart.objects(values), "Deployment", deployment)
                .at("/spec/template")
                .toString();
    }

    private static String without(String option) {
        return EVERYTHING.lines().filter(line -> !line.startsWith(option)).collect(Collectors.joining("\n"));
    }

    /** {@code a: {b: value}} of the path {@code a.b}. */
    private static ObjectNode at(String path, String value) {
        String opened = path.replace(".", ": {");
        return Chart.yaml(opened + ": " + value
                + "}".repeat((int) path.chars().filter(c -> c == '.').count()));
    }

    private static Map<String, String> settings(String ini) {
        return ini.lines()
                .filter(line -> line.contains("=") && !line.startsWith(";"))
                .map(line -> line.split(" = ", 2))
                .collect(Collectors.toMap(line -> line[0], line -> line[1], (a, b) -> a, TreeMap::new));
    }

    private static Set<String> leaves(String path, JsonNode value) {
        if (!value.isObject() || value.isEmpty() || path.matches("resources\\..*|pgbouncer.resources|.*[lL]abels")) {
            return Set.of(path);
        }
        return value.properties().stream()
                .flatMap(
                        entry -> leaves(path + (path.isEmpty() ? "" : ".") + entry.getKey(), entry.getValue()).stream())
                .collect(Collectors.toSet());
    }

    private static Set<String> inSchema(String path, JsonNode schema) {
        JsonNode properties =
                path.equals("resources") ? Chart.yaml("{requests: {}, limits: {}}") : schema.path("properties");
        if (properties.isMissingNode()) {
            return Set.of(path);
        }
        return properties.properties().stream()
                .flatMap(entry ->
                        inSchema(path + (path.isEmpty() ? "" : ".") + entry.getKey(), entry.getValue()).stream())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Lines with a value before which no comment of their paragraph stands. */
    private static List<String> unexplained(String values) {
        return Stream.of(values.split("\n\n"))
                .flatMap(paragraph -> paragraph
                        .lines()
                        .takeWhile(line -> !line.strip().startsWith("#"))
                        .filter(line -> line.contains(": ") && !line.strip().startsWith("-")))
                .filter(line -> !SELF_EXPLAINING.contains(line.strip().replaceFirst(":.*", "")))
                .toList();
    }
}
