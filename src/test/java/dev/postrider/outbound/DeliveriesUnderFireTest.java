package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.EmptyWebhookSecretException;
import com.sun.net.httpserver.HttpExchange;
import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import dev.postrider.testkit.NodeProcess;
import dev.postrider.testkit.RawReceiver;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/**
 * Events are published without a break while two nodes and the database are killed at random moments, to endpoints some
 * of which misbehave part of the time: each arrives wherever it should, whole and signed.
 */
@EnabledOnOs({OS.LINUX, OS.MAC})
class DeliveriesUnderFireTest {

    private static final Duration FIRE = Duration.ofSeconds(60);
    private static final int NODES = 2;
    private static final int NODE_KILLS = 3;
    private static final int DATABASE_KILLS = 3;
    private static final int WORKSPACES = 3;
    private static final int PUBLISHERS = 2; // of each workspace
    private static final int PACE = 100; // milliseconds from one event of a publisher to its next
    private static final double BAD = 0.3; // the share of requests to which a bad endpoint answers badly
    private static final List<String> TYPES = List.of("invoice.paid", "order.created", "order.shipped", "user.deleted");
    private static final Duration PATIENCE = Duration.ofMinutes(6);
    private static final String ALLOWED = "postrider.outbound.allowed-networks=127.0.0.1/32";
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Who stands behind an endpoint: what came to him, and the ids of the events to which he answered 200. */
    private record Customer(String url, Supplier<List<Receiver.Request>> requests, Set<String> taken) {}

    /** An endpoint, and which types of events it wants. */
    private record Endpoint(UUID workspace, String id, Webhook webhook, Predicate<String> wants, Customer customer) {

        List<Receiver.Request> requests() {
            return customer.requests().get();
        }
    }

    /** An event that its publisher was given an id for. */
    private record Event(UUID id, UUID workspace, String type, String payload) {}

    private final Map<String, Event> accepted = new ConcurrentHashMap<>();
    private final AtomicInteger repeated = new AtomicInteger();
    private final Map<String, AtomicInteger> misdeeds = new ConcurrentHashMap<>();
    private final List<Endpoint> endpoints = new ArrayList<>();
    private final Map<Endpoint, Integer> verified = new HashMap<>();
    private final List<AutoCloseable> receivers = new ArrayList<>();
    private final List<NodeProcess> nodes = new ArrayList<>();
    private final Set<NodeProcess> wereReady = new HashSet<>();
    private final ScheduledExecutorService publishers = Executors.newScheduledThreadPool(WORKSPACES * PUBLISHERS);
    private final Random random = new Random(11);
    private volatile boolean calm;
    private int starts;
    private int broughtForward;

    @TempDir
    private Path directory;

    private LocalFolder folder;
    private EmbeddedServer server;

    @AfterEach
    void endWhatRuns() throws Exception {
        publishers.shutdownNow();
        for (NodeProcess node : nodes) {
            node.kill();
        }
        for (AutoCloseable receiver : receivers) {
            receiver.close();
        }
        server.close();
        folder.close();
    }

    @Test
    void eachEventArrivesWholeAndSignedAtEachEndpointThatWantsItOrIsADeadLetter() throws Exception {
        folder = LocalFolder.open(Files.createDirectories(directory.resolve("database")));
        server = startServer();
        Files.createDirectories(directory.resolve("routes"));
        List<UUID> workspaces = layEndpoints();
        sql().execute("create role fire_publisher login password 'fire' in role postrider_producer");
        for (int i = 0; i < NODES; i++) {
            nodes.add(startNode());
        }
        await().atMost(PATIENCE).until(() -> ready().size() == NODES);
        List<Publisher> publishing = new ArrayList<>();
        for (UUID workspace : workspaces) {
            for (int i = 0; i < PUBLISHERS; i++) {
                Publisher publisher = new Publisher(workspace, "p" + i);
                publishing.add(publisher);
                publishers.scheduleWithFixedDelay(publisher, 0, PACE, TimeUnit.MILLISECONDS);
            }
        }

        int nodeKills = 0;
        int databaseKills = 0;
        Instant end = Instant.now().plus(FIRE);
        while (Instant.now().isBefore(end) || nodeKills < NODE_KILLS || databaseKills < DATABASE_KILLS) {
            Thread.sleep(random.nextInt(1_000, 6_000)); // the fire's beat; nothing waits for it
            verifyWhatCame();
            List<NodeProcess> ready = ready();
            if (random.nextInt(3) == 0) {
                crashServer();
                databaseKills++;
                Thread.sleep(random.nextInt(2_000));
                server = startServer();
            } else if (!ready.isEmpty()) {
                NodeProcess victim = ready.get(random.nextInt(ready.size()));
                victim.kill();
                wereReady.remove(victim);
                nodeKills++;
            }
            startWhatHasEnded();
        }
        calm = true;
        await().atMost(PATIENCE).until(() -> {
            startWhatHasEnded();
            return ready().size() == NODES;
        });
        await().atMost(PATIENCE).until(() -> publishing.stream().allMatch(Publisher::hasEnded));
        await().atMost(PATIENCE).until(() -> {
            verifyWhatCame();
            broughtForward += bringForward();
            return count("select count(*) from postrider.background_tasks") == 0;
        });
        verifyWhatCame();

        assertThat(count("select count(*) from postrider.system_events where category = 'event'"))
                .as("events, against those that publishers had an answer for")
                .isEqualTo(accepted.size());
        assertEachDeliveryWasMadeOnceAndHasEnded();
        assertEachEventArrived();
        report(nodeKills, databaseKills);
    }

    private void assertEachDeliveryWasMadeOnceAndHasEnded() {
        List<String> wanted = new ArrayList<>();
        for (Event event : accepted.values()) {
            for (Endpoint endpoint : endpoints) {
                if (wants(endpoint, event)) {
                    wanted.add(event.id() + " to " + endpoint.id());
                }
            }
        }
        List<String> made =
                sql().queryForList("select event_id || ' to ' || endpoint_id from postrider.deliveries", String.class);
        assertThat(made.stream().sorted().toList())
                .as("one delivery per event and endpoint")
                .isEqualTo(wanted.stream().sorted().toList());
        assertThat(sql().queryForList("""
                with ended as (select task_id from postrider.task_history where kind = 'delivery'
                               union all
                               select task_id from postrider.dead_letters where kind = 'delivery')
                (select delivery_id from postrider.deliveries except all select task_id from ended)
                union all
                (select task_id from ended except all select delivery_id from postrider.deliveries)"""))
                .as("deliveries that have not ended once")
                .isEmpty();
        assertThat(count("""
                select count(*) from postrider.task_history h
                 where kind = 'delivery' and task_status = 'completed'
                   and not exists (select from postrider.delivery_attempts a
                                    where a.workspace_id = h.workspace_id and a.delivery_id = h.task_id
                                      and a.response_status = 200 and a.error is null)"""))
                .as("completed deliveries without the record of an attempt that succeeded")
                .isZero();
        assertThat(count("select count(*) from postrider.accounting where kind = 'delivery'"))
                .isEqualTo(WORKSPACES);
        assertThat(sql().queryForList("select * from postrider.accounting where unaccounted <> 0"))
                .isEmpty();
    }

    private void assertEachEventArrived() throws IOException {
        Map<String, Event> byId = new HashMap<>();
        accepted.values().forEach(event -> byId.put(event.id().toString(), event));
        Map<String, String> bodies = new HashMap<>();
        for (Endpoint endpoint : endpoints) {
            for (Receiver.Request request : endpoint.requests()) {
                Event event = byId.get(request.header("webhook-id"));
                assertThat(event).as(request.toString()).matches(one -> one != null && wants(endpoint, one));
                String first = bodies.computeIfAbsent(event.id().toString(), id -> request.body());
                assertThat(request.body())
                        .as("the body at every attempt and endpoint")
                        .isEqualTo(first);
            }
            Set<String> ended = new HashSet<>(endpoint.customer().taken());
            assertThat(ended).as("what an endpoint answered 200").isNotEmpty();
            ended.addAll(sql().queryForList("""
                    select d.event_id::text from postrider.deliveries d join postrider.dead_letters l
                        on l.task_id = d.delivery_id where d.endpoint_id = ?::uuid""", String.class, endpoint.id()));
            assertThat(ended)
                    .as("what was taken by, or is a dead letter of, endpoint " + endpoint.id())
                    .isEqualTo(accepted.values().stream()
                            .filter(event -> wants(endpoint, event))
                            .map(event -> event.id().toString())
                            .collect(Collectors.toSet()));
        }
        for (Map.Entry<String, String> body : bodies.entrySet()) {
            JsonNode sent = JSON.readTree(body.getValue());
            Event event = byId.get(body.getKey());
            assertThat(sent.path("type").asText()).isEqualTo(event.type());
            assertThat(sent.path("data")).isEqualTo(JSON.readTree(event.payload()));
        }
    }

    /** What failed because of a kill waits by the default policy, minutes or hours: as if they had passed. */
    private int bringForward() {
        return sql().update("update postrider.background_tasks set scheduled_at = now()"
                + " where task_status = 'queued' and scheduled_at > now() + interval '10 s'");
    }

    private static boolean wants(Endpoint endpoint, Event event) {
        return endpoint.workspace().equals(event.workspace())
                && endpoint.wants().test(event.type());
    }

    /** Soon after it came: the library refuses signatures of more than five minutes ago. */
    private void verifyWhatCame() {
        for (Endpoint endpoint : endpoints) {
            List<Receiver.Request> requests = endpoint.requests();
            for (Receiver.Request request : requests.subList(verified.getOrDefault(endpoint, 0), requests.size())) {
                try {
                    endpoint.webhook().verify(request.body(), request.headers());
                } catch (Exception e) {
                    throw new AssertionError("The signature of " + request, e);
                }
            }
            verified.put(endpoint, requests.size());
        }
    }

    /** Numbers for people. */
    private void report(int nodeKills, int databaseKills) {
        int received = endpoints.stream().mapToInt(one -> one.requests().size()).sum();
        int arrived = endpoints.stream()
                .mapToInt(one -> one.customer().taken().size())
                .sum();
        System.out.printf(
                "Deliveries under fire: %d events accepted (%d calls repeated), %d deliveries, %d arrived, %d dead letters;"
                        + " %d requests, so %d more than once; %d waited long and were brought forward; bad answers %s; kills: %d of a node, %d of the database%n",
                accepted.size(),
                repeated.get(),
                count("select count(*) from postrider.deliveries"),
                arrived,
                count("select count(*) from postrider.dead_letters"),
                received,
                received - arrived,
                broughtForward,
                misdeeds,
                nodeKills,
                databaseKills);
        assertThat(misdeeds.keySet()).containsExactlyInAnyOrder("500", "reset", "2 s late");
    }

    /** Four endpoints for each workspace, made by the API of an application that ends before the fire begins. */
    private List<UUID> layEndpoints() {
        List<UUID> workspaces = new ArrayList<>();
        try (RunningApplication application = RunningApplication.on(server.location(), ALLOWED)) {
            for (int i = 0; i < WORKSPACES; i++) {
                UUID workspace = application.newWorkspace();
                String key = application.newKey(workspace);
                workspaces.add(workspace);
                endpoint(application, workspace, key, "*", type -> true, receiver(Receiver.with(200, "")));
                endpoint(
                        application,
                        workspace,
                        key,
                        "order.*",
                        type -> type.startsWith("order."),
                        receiver(this::fail));
                endpoint(application, workspace, key, "*", type -> true, resetting());
                endpoint(
                        application,
                        workspace,
                        key,
                        "invoice.paid",
                        type -> type.equals("invoice.paid"),
                        receiver(this::beLate));
            }
        }
        return workspaces;
    }

    private void endpoint(
            RunningApplication application,
            UUID workspace,
            String key,
            String eventType,
            Predicate<String> wants,
            Customer customer) {
        JsonNode made = application
                .send(key, "POST", "/v1/endpoints", """
                        {"url": "%s", "eventTypes": ["%s"], "timeout": 10000, "redeliveryPolicy":
                         {"maximumRedeliveries": 100, "redeliveryDelay": 200, "backOffMultiplier": 1}}""".formatted(customer.url(), eventType))
                .json();
        try {
            endpoints.add(new Endpoint(
                    workspace,
                    made.path("endpointId").asText(),
                    new Webhook(made.path("secret").asText()),
                    wants,
                    customer));
        } catch (EmptyWebhookSecretException e) {
            throw new AssertionError(made.toString(), e);
        }
    }

    private Customer receiver(Receiver.Answer answer) {
        Receiver receiver = Receiver.start();
        receivers.add(receiver);
        Set<String> taken = ConcurrentHashMap.newKeySet();
        receiver.answers(exchange -> {
            answer.write(exchange);
            if (exchange.getResponseCode() == 200) {
                taken.add(exchange.getRequestHeaders().getFirst("webhook-id"));
            }
        });
        return new Customer(receiver.url(), receiver::requests, taken);
    }

    private Customer resetting() {
        RawReceiver receiver = RawReceiver.start();
        receivers.add(receiver);
        Set<String> taken = ConcurrentHashMap.newKeySet();
        receiver.does((connection, request) -> {
            if (misbehaves("reset")) {
                RawReceiver.resets().answer(connection, request);
            } else {
                RawReceiver.says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").answer(connection, request);
                taken.add(request.header("webhook-id"));
            }
        });
        return new Customer(receiver.url(), receiver::requests, taken);
    }

    private void fail(HttpExchange exchange) throws IOException {
        Receiver.with(misbehaves("500") ? 500 : 200, "").write(exchange);
    }

    private void beLate(HttpExchange exchange) throws IOException {
        if (misbehaves("2 s late")) {
            try {
                Thread.sleep(2_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        Receiver.with(200, "").write(exchange);
    }

    private boolean misbehaves(String how) {
        boolean bad = !calm && ThreadLocalRandom.current().nextDouble() < BAD;
        if (bad) {
            misdeeds.computeIfAbsent(how, name -> new AtomicInteger()).incrementAndGet();
        }
        return bad;
    }

    /** Publishes an event in a transaction of its own at each run; one that got no answer is published again with its key. */
    private final class Publisher implements Runnable {

        private final UUID workspace;
        private final String name;
        private Connection connection;
        private int number;
        private boolean answered = true;

        Publisher(UUID workspace, String name) {
            this.workspace = workspace;
            this.name = name;
        }

        synchronized boolean hasEnded() {
            return calm && answered;
        }

        @Override
        public synchronized void run() {
            if (hasEnded()) {
                return;
            }
            if (answered) {
                number++;
            } else {
                repeated.incrementAndGet();
            }
            String key = name + "-" + number; // the same keys in all workspaces
            String type = TYPES.get(number % TYPES.size());
            String payload = "{\"key\": \"%s\", \"customer\": \"Zoë\", \"lines\": \"%s\"}"
                    .formatted(key, "x".repeat(number % 50 * 40));
            answered = false;
            try {
                UUID id = publish(type, payload, key);
                accepted.put(workspace + key, new Event(id, workspace, type, payload));
                answered = true;
            } catch (SQLException e) {
                connection = null; // the next run makes another
            }
        }

        private UUID publish(String type, String payload, String key) throws SQLException {
            if (connection == null) {
                connection = DriverManager.getConnection(
                        server.location().url() + "?socketTimeout=20", "fire_publisher", "fire");
                connection.setAutoCommit(false);
            }
            try (PreparedStatement enter =
                            connection.prepareStatement("select set_config('app.active_workspace', ?, true)");
                    PreparedStatement publish =
                            connection.prepareStatement("select postrider.publish_event(?, ?::jsonb, ?)")) {
                enter.setString(1, workspace.toString());
                enter.execute();
                publish.setString(1, type);
                publish.setString(2, payload);
                publish.setString(3, key);
                try (ResultSet answer = publish.executeQuery()) {
                    answer.next();
                    UUID id = answer.getObject(1, UUID.class);
                    connection.commit();
                    return id;
                }
            }
        }
    }

    private List<NodeProcess> ready() {
        List<NodeProcess> ready = nodes.stream()
                .filter(node -> node.process().isAlive() && node.isReady())
                .toList();
        wereReady.addAll(ready);
        return ready;
    }

    /** As a supervisor does: also a node that found no database when it started. */
    private void startWhatHasEnded() throws IOException {
        for (NodeProcess node : List.copyOf(nodes)) {
            if (!node.process().isAlive()) {
                assertThat(wereReady).as("nodes that ended by themselves").doesNotContain(node);
                nodes.set(nodes.indexOf(node), startNode());
            }
        }
    }

    private NodeProcess startNode() throws IOException {
        return NodeProcess.start(directory, String.valueOf(++starts), server.location(), ALLOWED);
    }

    private EmbeddedServer startServer() {
        return EmbeddedServer.start(folder, 0, "secret", Map.of());
    }

    /** SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, the next start recovers from the log. */
    private void crashServer() throws Exception {
        String pid = Files.readAllLines(folder.path().resolve("data/postmaster.pid"))
                .get(0)
                .strip();
        ProcessHandle postmaster = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
        new ProcessBuilder("kill", "-QUIT", pid).start().waitFor();
        postmaster.onExit().get(1, TimeUnit.MINUTES);
        server.close(); // lets go of the folder
    }

    private JdbcTemplate sql() {
        return new JdbcTemplate(new DriverManagerDataSource(
                server.location().directUrl(),
                server.location().username(),
                server.location().password()));
    }

    private int count(String query) {
        return sql().queryForObject(query, Integer.class);
    }
}
