package dev.postrider.bench;

import static java.util.stream.Collectors.joining;

import dev.postrider.database.DatabaseLocation;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.springframework.jdbc.core.JdbcTemplate;

/** A node with a server of its own, the receiver that its endpoints are at, and the application that publishes by SQL. */
final class Deliveries implements AutoCloseable {

    static final String TYPE = "order.changed";

    private static final int PUBLISHERS = 4;
    /** Events in a transaction, where the rate counts. */
    private static final int BATCH = 10;
    /** Connections of those who publish at a steady rate: enough not to wait for each other. */
    private static final int PACED_PUBLISHERS = 8;

    private static final long CONNECTING = TimeUnit.SECONDS.toNanos(1);
    private static final long PATIENCE = TimeUnit.MINUTES.toNanos(3);

    /**
     * How fast events were delivered once.
     *
     * @param perSecond from the first publish to the commit of the last attempt
     * @param nodeCpu microseconds per delivery
     * @param databaseCpu microseconds per delivery, of what the publishers do as well
     * @param statements of the node, per delivery
     */
    record Rate(double perSecond, double nodeCpu, double databaseCpu, Statements statements) {}

    /**
     * One delivery that arrived.
     *
     * @param endpoint its number
     * @param sinceDue milliseconds since its event was to be published, whether the publisher was late or not
     * @param sinceCommit milliseconds since just before the commit of its event
     */
    record Arrival(int endpoint, double sinceDue, double sinceCommit) {}

    private final BenchmarkServer server = BenchmarkServer.start();
    private final DatabaseLocation database = server.newDatabase("outbound");
    private final JdbcTemplate sql = BenchmarkServer.sql(database);
    private final Child receiver = DeliveryReceiver.start();
    private final String receiverUrl = receiver.ask("url");
    private final Node node = Node.start("outbound", database, "postrider.outbound.allowed-networks=127.0.0.1/32");

    Deliveries() throws Exception {
        Statements.install(sql);
    }

    BenchmarkServer server() {
        return server;
    }

    Node node() {
        return node;
    }

    JdbcTemplate sql() {
        return sql;
    }

    String receiverUrl() {
        return receiverUrl;
    }

    /**
     * Makes workspaces with one endpoint each that gets all their events, at paths numbered from 0.
     *
     * @param further how many endpoints each has besides that match no event
     */
    List<UUID> workspaces(int count, int further) throws Exception {
        List<UUID> workspaces = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String id = node.postAsOperator("/v1/workspaces", "{\"name\": \"bench\"}")
                    .text("/workspaceId");
            String key = node.postAsOperator(
                            "/v1/workspaces/" + id + "/keys", "{\"scopes\": [\"produce\", \"inspect\"]}")
                    .text("/apiKey");
            endpoint(key, "/" + i, TYPE);
            for (int j = 0; j < further; j++) {
                endpoint(key, "/never", "never." + j);
            }
            workspaces.add(UUID.fromString(id));
        }
        return workspaces;
    }

    private void endpoint(String key, String path, String type) throws Exception {
        node.post(
                key,
                "/v1/endpoints",
                "{\"url\": \"%s%s\", \"eventTypes\": [\"%s\"]}".formatted(receiverUrl, path, type));
    }

    /** Publishes so many events as fast as it goes, and waits until each has its attempt. */
    Rate rate(List<UUID> workspaces, int events) throws Exception {
        sql.execute("vacuum analyze");
        sql.execute("checkpoint");
        Statements.forget(sql);
        receiver.ask("arrivals");
        double nodeBefore = node.cpu();
        double databaseBefore = server.cpu();
        long begun = System.nanoTime();
        String since = sql.queryForObject("select clock_timestamp()::text", String.class);
        AtomicInteger next = new AtomicInteger();
        publish(PUBLISHERS, BATCH, publisher -> {
            for (int i = next.getAndIncrement(); i * BATCH < events; i = next.getAndIncrement()) {
                publisher.publish(workspaces.get(i % workspaces.size()));
            }
        });
        await("requests", () -> Integer.parseInt(receiver.ask("count")) >= events, 10);
        await("attempts", () -> attempts(since) >= events, 5);
        double seconds = (System.nanoTime() - begun) / 1e9;
        double nodeCpu = node.cpu() - nodeBefore;
        double databaseCpu = server.cpu() - databaseBefore;
        await("ends", this::isDrained, 50);
        Statements statements = Statements.count(sql);
        return new Rate(
                events / seconds,
                nodeCpu / events,
                databaseCpu / events,
                new Statements(statements.inside() / events, statements.begun() / events));
    }

    private int attempts(String since) {
        return sql.queryForObject(
                "select count(distinct delivery_id) from postrider.delivery_attempts"
                        + " where attempted_at >= ?::timestamptz and response_status = 204",
                Integer.class,
                since);
    }

    private boolean isDrained() {
        return Boolean.TRUE.equals(sql.queryForObject(
                "select not exists (select from postrider.background_tasks where task_type = 'delivery')",
                Boolean.class));
    }

    /**
     * Publishes an event at a time, so many per second whatever becomes of them, and waits until they have arrived.
     *
     * @param hanging numbers of the endpoints that give no answer meanwhile; their events are not waited for
     */
    List<Arrival> paced(List<UUID> workspaces, int perSecond, int seconds, Set<Integer> hanging) throws Exception {
        awaitSilence();
        receiver.ask(hanging.stream().map(number -> " /" + number).collect(joining("", "hang", "")));
        int events = perSecond * seconds;
        long[] committed = new long[events];
        Map<String, Integer> numbers = new ConcurrentHashMap<>();
        AtomicInteger next = new AtomicInteger();
        long begun = System.nanoTime() + CONNECTING;
        publish(PACED_PUBLISHERS, 1, publisher -> {
            for (int i = next.getAndIncrement(); i < events; i = next.getAndIncrement()) {
                long due = due(begun, i, perSecond);
                while (System.nanoTime() < due) {
                    LockSupport.parkNanos(due - System.nanoTime());
                }
                numbers.put(publisher.insert(workspaces.get(i % workspaces.size())), i);
                committed[i] = System.nanoTime();
                publisher.commit();
            }
        });
        Map<Integer, Long> arrived = new HashMap<>();
        IntPredicate missing = i -> !arrived.containsKey(i) && !hanging.contains(i % workspaces.size());
        await(
                "events",
                () -> {
                    hear(numbers, arrived);
                    return IntStream.range(0, events).noneMatch(missing);
                },
                100);
        receiver.ask("hang");
        List<Arrival> arrivals = new ArrayList<>();
        arrived.forEach((i, nanoTime) -> arrivals.add(new Arrival(
                i % workspaces.size(), (nanoTime - due(begun, i, perSecond)) / 1e6, (nanoTime - committed[i]) / 1e6)));
        return arrivals;
    }

    private static long due(long begun, int number, int perSecond) {
        return begun + number * 1_000_000_000L / perSecond;
    }

    /** Notes when events arrived first. */
    private void hear(Map<String, Integer> numbers, Map<Integer, Long> arrived) throws IOException {
        for (String arrival : receiver.ask("arrivals").split(" ")) {
            String[] parts = arrival.split(":");
            Integer number = numbers.get(parts[0]);
            if (number != null) {
                arrived.putIfAbsent(number, Long.parseLong(parts[1]));
            }
        }
    }

    /** Waits until nothing has arrived for a while: what was measured before is over. */
    private void awaitSilence() throws IOException {
        await("earlier events", () -> receiver.ask("arrivals").isEmpty(), 1000);
    }

    /** What may fail, of a condition. */
    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void await(String what, Condition condition, int milliseconds) throws IOException {
        long begun = System.nanoTime();
        while (!condition.holds()) {
            if (System.nanoTime() - begun > PATIENCE) {
                throw new IllegalStateException("Not all %s came".formatted(what));
            }
            LockSupport.parkNanos(milliseconds * 1_000_000L);
        }
    }

    /** What one publisher does. */
    private interface Publishing {
        void by(Publisher publisher) throws SQLException;
    }

    private void publish(int publishers, int batch, Publishing work) throws Exception {
        List<Benchmark.Work> clients = new ArrayList<>();
        for (int i = 0; i < publishers; i++) {
            clients.add(() -> {
                try (Publisher publisher = new Publisher(database, batch)) {
                    work.by(publisher);
                }
            });
        }
        Clients.run(clients);
    }

    @Override
    public void close() {
        node.close();
        receiver.close();
        server.close();
    }

    /** One connection of an application that publishes events of about 500 bytes. */
    private static final class Publisher implements AutoCloseable {

        private final Connection connection;
        private final PreparedStatement enter;
        private final PreparedStatement publish;

        Publisher(DatabaseLocation database, int batch) throws SQLException {
            connection = DriverManager.getConnection(database.url(), database.username(), database.password());
            connection.setAutoCommit(false);
            enter = connection.prepareStatement("select set_config('app.active_workspace', ?, true)");
            publish = connection.prepareStatement("""
                    select postrider.publish_event('%s', jsonb_build_object('orderId', n, 'text', repeat('x', 460)))
                      from generate_series(1, %d) n
                    """.formatted(TYPE, batch));
        }

        /** Publishes in one transaction. */
        void publish(UUID workspace) throws SQLException {
            insert(workspace);
            commit();
        }

        /** Publishes and leaves the transaction open; returns the id of the last event. */
        String insert(UUID workspace) throws SQLException {
            enter.setString(1, workspace.toString());
            enter.executeQuery().close();
            try (ResultSet ids = publish.executeQuery()) {
                String id = null;
                while (ids.next()) {
                    id = ids.getString(1);
                }
                return id;
            }
        }

        void commit() throws SQLException {
            connection.commit();
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }
}
