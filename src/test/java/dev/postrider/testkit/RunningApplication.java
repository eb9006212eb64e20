package dev.postrider.testkit;

import dev.postrider.Postrider;
import dev.postrider.database.DatabaseLocation;
import dev.postrider.secrets.Secrets;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.apache.camel.CamelContext;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * A whole Postrider under test: the very routes and SQL that ship, a real database, random ports, a clock to set.
 *
 * <p>{@link #shared()} is one for all tests that need nothing special; it lives as long as the JVM.
 */
public final class RunningApplication implements AutoCloseable {

    /** The workspace of {@link #call}. */
    public static final UUID WORKSPACE = UUID.fromString("00000000-0000-7000-8000-0000000000de");

    public static final String OPERATOR_PASSWORD = "operator-password";

    private static RunningApplication shared;

    private final DatabaseLocation database;
    private final Path routes;
    private final SettableClock clock = new SettableClock();
    private final ConfigurableApplicationContext context;
    private final HttpClient http = HttpClient.newHttpClient();
    private final String key;
    private final String operatorKey;

    private RunningApplication(DatabaseLocation database, Path routes, String... settings) {
        this.database = database;
        this.routes = routes;
        key = Secrets.newApiKey();
        operatorKey = Secrets.newApiKey();
        List<String> all = new ArrayList<>(List.of(TestDatabase.settings(database)));
        all.addAll(List.of(
                "server.port=0",
                "management.server.port=0",
                "postrider.demo.api-key=" + key,
                "postrider.operator.api-key=" + operatorKey,
                "postrider.operator.password=" + OPERATOR_PASSWORD,
                "postrider.routes.directory=" + routes,
                "postrider.routes.reload-interval=100",
                "camel.main.shutdown-timeout=5"));
        all.addAll(Arrays.asList(settings));
        SpringApplication application = new SpringApplicationBuilder(Postrider.class)
                .initializers(context ->
                        ((GenericApplicationContext) context).registerBean("clock", Clock.class, () -> clock))
                .build();
        context = application.run(all.stream().map(setting -> "--" + setting).toArray(String[]::new));
    }

    /** The application that tests share; they must not stop it, nor its routes. */
    public static synchronized RunningApplication shared() {
        if (shared == null) {
            shared = start();
        }
        return shared;
    }

    /** An application with a database and a routes folder of its own. */
    public static RunningApplication start(String... settings) {
        return on(TestDatabase.newDatabase(), settings);
    }

    /** Another application on a database: a second node, or the next start. */
    public static RunningApplication on(DatabaseLocation database, String... settings) {
        try {
            Path parent = Files.createDirectories(Path.of("target", "test-routes"));
            return new RunningApplication(database, Files.createTempDirectory(parent, "routes"), settings);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public DatabaseLocation database() {
        return database;
    }

    public SettableClock clock() {
        return clock;
    }

    public <T> T bean(Class<T> type) {
        return context.getBean(type);
    }

    public CamelContext camel() {
        return context.getBean(CamelContext.class);
    }

    public int port() {
        return context.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
    }

    public int managementPort() {
        return context.getEnvironment().getRequiredProperty("local.management.port", Integer.class);
    }

    public String url(String path) {
        return "http://localhost:" + port() + path;
    }

    /** Lays a route file over the packaged ones and waits until its route runs. */
    public void route(String path, String yaml) {
        putRoute(path, yaml);
        String id = Path.of(path).getFileName().toString().replaceFirst("\\..*", "");
        await().until(() -> camel().getRoute(id) != null
                && camel().getRouteController().getRouteStatus(id).isStarted());
    }

    /** Puts a file into the routes folder, in one piece, and waits for nothing. */
    public void putRoute(String path, String yaml) {
        try {
            Path file = routes.resolve(path);
            Files.createDirectories(file.getParent());
            Path half = Files.writeString(Files.createTempFile(routes.getParent(), "half", ".tmp"), yaml);
            Files.move(half, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Deletes a file of the routes folder, and waits for nothing. */
    public void removeRoute(String path) {
        try {
            Files.delete(routes.resolve(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A route that handles a task type by one step, given as YAML lines; the type's name is the route's. */
    public void handler(String taskType, String options, String... steps) {
        String indented =
                String.join("\n", steps).lines().map(line -> "        " + line).reduce("", (a, b) -> a + b + "\n");
        String parameters = options.lines().map(line -> "        " + line).reduce("", (a, b) -> a + b + "\n");
        route("tasks/" + taskType + ".camel.yaml", """
                - route:
                    id: %s
                    description: A handler under test.
                    from:
                      uri: kamelet:task-source
                      parameters:
                        taskType: %s
                %s      steps:
                %s""".formatted(taskType, taskType, parameters, indented));
    }

    /** A route whose tasks are dead letters after their first attempt, which says "dies". */
    public void handlerWhoseTasksDie(String taskType) {
        route("tasks/" + taskType + ".camel.yaml", """
                - beans:
                    - name: %1$s-never
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {maximumRedeliveries: 0}
                - route:
                    id: %1$s
                    description: A handler whose tasks die.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: %1$s, redeliveryPolicy: %1$s-never}
                      steps:
                        - throwException: {exceptionType: java.lang.IllegalStateException, message: dies}
                """.formatted(taskType));
    }

    /** Calls the API with the key of {@link #WORKSPACE}; the body may be null. */
    public Answer call(String method, String path, String body, String... headers) {
        return send(key, method, path, body, headers);
    }

    public Answer callAsOperator(String method, String path, String body, String... headers) {
        return send(operatorKey, method, path, body, headers);
    }

    /** Calls with another key; null sends none. */
    public Answer send(String apiKey, String method, String path, String body, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url(path)))
                .timeout(Duration.ofSeconds(30))
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (apiKey != null) {
            request.header("Authorization", "Bearer " + apiKey);
        }
        if (body != null && Arrays.stream(headers).noneMatch("Content-Type"::equalsIgnoreCase)) {
            request.header("Content-Type", "application/json");
        }
        if (headers.length > 0) {
            request.headers(headers);
        }
        return exchange(request.build());
    }

    /** Sends any request. */
    public Answer exchange(HttpRequest request) {
        try {
            var response = http.send(request, BodyHandlers.ofString());
            return new Answer(response.statusCode(), response.headers(), response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Makes a workspace; returns its id. */
    public UUID newWorkspace() {
        return UUID.fromString(
                callAsOperator("POST", "/v1/workspaces", "{\"name\": \"test\"}").text("/workspaceId"));
    }

    /** Makes a key with both scopes for a workspace. */
    public String newKey(UUID workspace) {
        return callAsOperator(
                        "POST", "/v1/workspaces/" + workspace + "/keys", "{\"scopes\": [\"produce\", \"inspect\"]}")
                .text("/apiKey");
    }

    /** Enqueues a task; returns its id. */
    public String enqueue(String taskType, String payload) {
        return call("POST", "/v1/tasks", "{\"taskType\": \"%s\", \"payload\": %s}".formatted(taskType, payload))
                .text("/taskId");
    }

    /** Waits until a task has a status; returns the task. */
    public Answer awaitTask(String taskId, String status) {
        await().until(() ->
                call("GET", "/v1/tasks/" + taskId, null).text("/status").equals(status));
        return call("GET", "/v1/tasks/" + taskId, null);
    }

    /** SQL as the superuser, who sees everything. */
    public JdbcTemplate sql() {
        return new JdbcTemplate(
                new DriverManagerDataSource(database.directUrl(), database.username(), database.password()));
    }

    /** SQL as the superuser in one transaction, which is rolled back: what it damages is whole again afterwards. */
    public <T> T rolledBack(Function<JdbcTemplate, T> work) {
        DriverManagerDataSource dataSource =
                new DriverManagerDataSource(database.directUrl(), database.username(), database.password());
        return new TransactionTemplate(new JdbcTransactionManager(dataSource)).execute(status -> {
            status.setRollbackOnly();
            return work.apply(new JdbcTemplate(dataSource));
        });
    }

    /** SQL as one of our logins, such as {@code tenant}, in one transaction under a workspace; null sets none. */
    public <T> T as(String role, UUID workspace, Function<JdbcTemplate, T> work) {
        DriverManagerDataSource dataSource = new DriverManagerDataSource(
                database.url() + "?prepareThreshold=0",
                "postrider_" + role + "_login",
                bean(Secrets.class).rolePassword(role));
        TransactionTemplate transaction = new TransactionTemplate(new JdbcTransactionManager(dataSource));
        JdbcTemplate jdbc = new JdbcTemplate(dataSource);
        return transaction.execute(status -> {
            if (workspace != null) {
                jdbc.query("select set_config('app.active_workspace', ?, true)", row -> {}, workspace.toString());
            }
            return work.apply(jdbc);
        });
    }

    public static ConditionFactory await() {
        return Awaitility.await().atMost(Duration.ofSeconds(30)).pollInterval(Duration.ofMillis(20));
    }

    @Override
    public void close() {
        context.close();
    }
}
