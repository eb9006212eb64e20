package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.stripe.net.Webhook;
import dev.postrider.testkit.NodeProcess;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Deliveries of many objects, shuffled, doubled and raced over two nodes, of which one is killed with -9 on the way. */
class WebhooksUnderFireTest {

    private static final int OBJECTS = 2_000;
    private static final int VERSIONS = 5;
    private static final int DELIVERIES = 20_000;
    private static final int SENDERS = 16;
    private static final String SECRET = "whsec_under_fire";
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private final RunningApplication lasting = RunningApplication.start();
    private final HttpClient http = HttpClient.newHttpClient();
    private final Queue<String> deliveries = new ConcurrentLinkedQueue<>();
    private NodeProcess killed;

    @TempDir
    private Path directory;

    @AfterEach
    void endWhatRuns() throws InterruptedException {
        killed.kill();
        lasting.close();
    }

    @Test
    void every_object_ends_in_its_newest_state_and_each_change_leaves_one_task() throws Exception {
        Files.createDirectories(directory.resolve("routes"));
        killed = NodeProcess.start(directory, "first", lasting.database());
        String path = URI.create(lasting.call(
                                "POST",
                                "/v1/sources",
                                "{\"provider\": \"stripe\", \"secrets\": [\"%s\"], \"taskType\": \"change\"}"
                                        .formatted(SECRET))
                        .text("/url"))
                .getPath();
        await().atMost(PATIENCE).until(killed::isReady);
        List<String> nodes = List.of(lasting.url(""), killed.url());
        List<String> all = new ArrayList<>();
        for (int i = 0; i < DELIVERIES; i++) {
            all.add(event(i / 2 % OBJECTS, i / 2 / OBJECTS)); // each twice
        }
        Collections.shuffle(all, new Random(5));
        deliveries.addAll(all);

        ExecutorService senders = Executors.newFixedThreadPool(SENDERS);
        List<? extends Future<?>> sending = IntStream.range(0, SENDERS)
                .mapToObj(sender -> senders.submit(() -> send(path, nodes, new Random(sender))))
                .toList();
        await().atMost(PATIENCE).until(() -> deliveries.size() < DELIVERIES / 2);
        killed.kill();
        for (Future<?> one : sending) {
            one.get();
        }
        senders.shutdown();

        assertThat(count("select count(*) from postrider.billing_events")).isEqualTo(OBJECTS);
        assertThat(count(
                        "select count(*) from postrider.billing_events where state_version <> ? or (event_data ->> 'created')::int <> ?",
                        VERSIONS,
                        VERSIONS))
                .as("objects that are not in their newest state")
                .isZero();
        assertThat(count("select count(*) from postrider.inbound_keys")).isEqualTo(OBJECTS * VERSIONS);
        assertThat(count("select count(*) from postrider.inbound_receipts where verdict <> 'duplicate'"))
                .as("events that were taken in")
                .isEqualTo(OBJECTS * VERSIONS);
        assertThat(count("select count(*) from postrider.inbound_receipts"))
                .as("an answer that was lost with the node is a delivery more")
                .isBetween(DELIVERIES, DELIVERIES + SENDERS);
        assertThat(
                        count(
                                "select count(*) from postrider.inbound_receipts where verdict not in ('applied', 'stale', 'duplicate')"))
                .isZero();
        assertThat(count("""
                select count(*) from (select receipt_id::text from postrider.inbound_receipts where verdict = 'applied'
                                      except all
                                      select payload ->> 'receiptId' from postrider.background_tasks where task_type = 'change') missing""")).as("applied changes without a task").isZero();
        assertThat(count("select count(*) from postrider.background_tasks where task_type = 'change'"))
                .isEqualTo(count("select count(*) from postrider.inbound_receipts where verdict = 'applied'"));
    }

    /** As a provider does: again until somebody has taken it in. */
    private Void send(String path, List<String> nodes, Random random) throws Exception {
        for (String event = deliveries.poll(); event != null; event = deliveries.poll()) {
            int node = random.nextInt(nodes.size());
            while (!isTakenIn(nodes.get(node) + path, event)) {
                node = (node + 1) % nodes.size();
            }
        }
        return null;
    }

    private boolean isTakenIn(String url, String event) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .timeout(Duration.ofSeconds(30))
                .header("Stripe-Signature", signature(event))
                .POST(HttpRequest.BodyPublishers.ofString(event))
                .build();
        try {
            int status =
                    http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
            assertThat(status).isIn(200, 503);
            return status == 200;
        } catch (IOException e) {
            return false; // the node was killed
        }
    }

    private static String event(int object, int version) {
        return "{\"id\": \"evt_%d_%d\", \"type\": \"customer.subscription.updated\", \"created\": %d, \"data\": {\"object\": {\"id\": \"sub_%d\"}}}"
                .formatted(object, version + 1, version + 1, object);
    }

    private static String signature(String body) throws GeneralSecurityException {
        long time = Instant.now().getEpochSecond();
        return "t=%d,v1=%s".formatted(time, Webhook.Util.computeHmacSha256(SECRET, time + "." + body));
    }

    private int count(String query, Object... parameters) {
        return lasting.sql().queryForObject(query, Integer.class, parameters);
    }
}
