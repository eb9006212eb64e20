package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Endpoints that fail or hang are slowed down, and nobody else is. */
class EndpointCircuitTest extends OutboundTest {

    private static final String OFTEN =
            "{\"maximumRedeliveries\": 50, \"redeliveryDelay\": 20, \"backOffMultiplier\": 1}";
    private static final int TIMEOUT = 30_000;

    private final EndpointSecrets secrets = APPLICATION.bean(EndpointSecrets.class);
    private final String secret = WebhookSignature.newSecret();
    private final Receiver receiver = Receiver.start();
    private final Receiver other = Receiver.start();
    private Workspace workspace;

    @BeforeEach
    void create() {
        workspace = Workspace.create(EVERYTHING, secrets);
    }

    @AfterEach
    void close() {
        receiver.close();
        other.close();
        assertThat(EVERYTHING.queryForObject("select postrider.unaccounted()", Long.class))
                .as("deliveries that are nowhere")
                .isZero();
    }

    @Test
    void fiveFailuresOpenTheCircuitAndWhatIsPublishedThenWaitsWithoutAnAttempt() {
        receiver.answers(Receiver.with(500, ""));
        UUID failing = endpoint(receiver, OFTEN);
        workspace.publish("circuit.opens", "{}");
        await().until(() -> isOpen(failing));
        int attempts = receiver.requests().size();
        assertThat(attempts).isEqualTo(5);
        endpoint(other, OFTEN);
        for (int i = 0; i < 20; i++) {
            workspace.publish("circuit.open", "{}");
        }
        await().until(() -> held(failing) == 21 && other.requests().size() == 20);
        assertThat(receiver.requests()).hasSize(attempts);
        assertThat(workspace.rows("system_events"))
                .filteredOn(event -> event.get("event_type").equals("endpoint.circuit-opened"))
                .hasSize(1);
    }

    @Test
    void aProbeThatFailsOpensItForLongerAndOneThatArrivesLetsEverythingGo() {
        receiver.answers(Receiver.with(500, ""));
        UUID failing = endpoint(receiver, OFTEN);
        for (int i = 0; i < 30; i++) {
            workspace.publish("circuit.probes", "{}");
        }
        await().until(() -> isOpen(failing) && held(failing) == 30);
        long first = opening(failing);
        int attempts = receiver.requests().size();
        letProbe(failing);
        await().until(() -> receiver.requests().size() > attempts && isOpen(failing));
        await().until(() -> held(failing) == 30);
        assertThat(receiver.requests()).as("one probe").hasSize(attempts + 1);
        assertThat(opening(failing)).as("seconds").isGreaterThan(first);
        receiver.answers(Receiver.with(200, ""));
        letProbe(failing);
        await().until(() -> workspace.rows("task_history").size() == 30);
        assertThat(workspace.rows("endpoint_circuits")).isEmpty();
        await().until(() -> EVERYTHING.queryForObject("select postrider.sweep_endpoint_limits()", Integer.class) >= 0
                && workspace.rows("task_limits").isEmpty());
        workspace.publish("circuit.closed", "{}");
        await().until(() -> workspace.rows("task_history").size() == 31);
    }

    @Test
    void whatWaitedWithoutAKeyWhenTheCircuitOpenedIsHeldToo() {
        CountDownLatch answer = new CountDownLatch(1);
        receiver.answers(exchange -> {
            awaitLatch(answer);
            Receiver.with(500, "").write(exchange);
        });
        UUID failing = endpoint(receiver, OFTEN);
        for (int i = 0; i < 40; i++) {
            workspace.publish("circuit.late", "{}");
        }
        await().until(() -> receiver.requests().size() >= 5);
        answer.countDown();
        await().until(() -> isOpen(failing) && held(failing) == 40);
        // Those that were under way, and what took their places before the fifth failure was counted.
        int attempts = receiver.requests().size();
        assertThat(attempts).isLessThan(40);
        await().during(Duration.ofMillis(500))
                .until(() -> receiver.requests().size() == attempts && held(failing) == 40);
    }

    @Test
    void anEndpointThatHangsHoldsAFewPlacesAndNobodyElseUp() {
        CountDownLatch answer = new CountDownLatch(1);
        AtomicInteger underWay = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        receiver.answers(exchange -> {
            most.accumulateAndGet(underWay.incrementAndGet(), Math::max);
            awaitLatch(answer);
            underWay.decrementAndGet();
            Receiver.with(200, "").write(exchange);
        });
        UUID hanging = endpoint(receiver, OFTEN);
        for (int i = 0; i < 400; i++) {
            workspace.publish("circuit.hangs", "{}");
        }
        await().until(() -> underWay.get() == 16 && held(hanging) == 384);
        Workspace neighbour = Workspace.create(EVERYTHING, secrets);
        neighbour.endpoint(other.url(), secret, OFTEN, Map.of(), TIMEOUT);
        for (int i = 0; i < 50; i++) {
            neighbour.publish("circuit.neighbour", "{}");
        }
        await().until(() -> other.requests().size() == 50);
        assertThat(held(hanging)).as("the others have arrived meanwhile").isEqualTo(384);
        answer.countDown();
        await().until(() -> workspace.rows("task_history").size() == 400);
        assertThat(most.get()).isEqualTo(16);
        assertThat(receiver.requests()).hasSize(400);
    }

    @Test
    void anEndpointWithARateThatHangsIsHeldByTheDefaultConcurrency() {
        CountDownLatch answer = new CountDownLatch(1);
        receiver.answers(exchange -> {
            awaitLatch(answer);
            Receiver.with(200, "").write(exchange);
        });
        UUID hanging = endpoint(receiver, OFTEN);
        workspace.update(hanging, "rate_limit = 1000");
        for (int i = 0; i < 40; i++) {
            workspace.publish("circuit.rate", "{}");
        }
        await().until(() -> receiver.requests().size() == 16 && held(hanging) == 24);
        answer.countDown();
        await().until(() -> workspace.rows("task_history").size() == 40);
    }

    @Test
    void retryAfterHoldsTheWholeEndpoint() {
        receiver.answers(Receiver.with(429, "", "Retry-After", "600"));
        UUID busy = endpoint(receiver, OFTEN);
        workspace.publish("circuit.busy", "{}");
        await().until(() -> isOpen(busy));
        workspace.publish("circuit.busy", "{}");
        await().until(() -> held(busy) == 1);
        assertThat(receiver.requests()).hasSize(1);
        assertThat(EVERYTHING.queryForObject(
                        "select open_until between now() + interval '9 minutes' and now() + interval '11 minutes'"
                                + " from postrider.endpoint_circuits where endpoint_id = ?",
                        Boolean.class,
                        busy))
                .isTrue();
    }

    @Test
    void afterDaysOfOnlyFailuresTheEndpointIsDisabledAndTheOwnerIsTold() {
        receiver.answers(Receiver.with(500, ""));
        UUID failing = endpoint(receiver, OFTEN);
        UUID told = endpoint(other, OFTEN);
        workspace.update(told, "event_types = '{endpoint.disabled}'");
        workspace.publish("circuit.days", "{}");
        workspace.publish("circuit.days", "{}");
        await().until(() -> isOpen(failing) && held(failing) == 2);
        EVERYTHING.update(
                "update postrider.endpoint_circuits set failing_since = now() - interval '5 days 1 second'"
                        + " where endpoint_id = ?",
                failing);
        letProbe(failing);
        await().until(() -> workspace.rows("dead_letters").size() == 2);
        assertThat(workspace.rows("webhook_endpoints"))
                .filteredOn(endpoint -> endpoint.get("endpoint_id").equals(failing))
                .singleElement()
                .satisfies(endpoint -> {
                    assertThat(endpoint).containsEntry("enabled", false);
                    assertThat((String) endpoint.get("disabled_reason"))
                            .contains("nothing but failures since", "answered 500");
                });
        await().until(() -> other.requests().size() == 1);
        assertThat(other.requests().get(0).body()).contains("endpoint.disabled", failing.toString(), "answered 500");
    }

    @Test
    void whoChangesTheUrlGivesTheEndpointANewChance() {
        receiver.answers(Receiver.with(500, ""));
        UUID failing = endpoint(receiver, OFTEN);
        workspace.publish("circuit.url", "{}");
        await().until(() -> isOpen(failing) && held(failing) == 1);
        workspace.update(failing, "url = ?", other.url());
        await().until(() -> other.requests().size() == 1);
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(workspace.rows("endpoint_circuits")).isEmpty();
    }

    @Test
    void aDeliveryWhoseWindowPassesWhileTheCircuitIsOpenIsADeadLetter() {
        receiver.answers(Receiver.with(500, ""));
        UUID failing = endpoint(
                receiver,
                "{\"maximumRedeliveries\": 50, \"redeliveryDelay\": 20, \"maximumRedeliveryWindow\": 600000}");
        workspace.publish("circuit.window", "{}");
        await().until(() -> isOpen(failing) && held(failing) == 1);
        EVERYTHING.update(
                "update postrider.background_tasks set created_at = created_at - interval '11 minutes'"
                        + " where workspace_id = ?",
                workspace.id);
        int attempts = receiver.requests().size();
        letProbe(failing);
        await().until(() -> workspace.rows("dead_letters").size() == 1);
        assertThat((String) workspace.deadLetter().get("last_error")).contains("redelivery window");
        assertThat(receiver.requests()).hasSize(attempts);
    }

    @Test
    void anEndpointThatMayHaveAThousandAtOnceAndHangsLeavesTheNodeToOthers() {
        CountDownLatch answer = hangs();
        UUID hanging = endpoint(receiver, OFTEN);
        workspace.update(hanging, "concurrency = 1000");
        publish(workspace, 600);
        await().until(() -> !receiver.requests().isEmpty()
                && held(hanging) == 600 - receiver.requests().size());
        assertThat(receiver.requests()).hasSizeLessThan(100);
        neighbourArrives(50);
        answer.countDown();
        await().until(() -> workspace.rows("task_history").size() == 600);
    }

    @Test
    void raisingTheConcurrencyOfAnEndpointThatHangsTriesNothingAgainAndAgain() {
        CountDownLatch answer = hangs();
        UUID hanging = endpoint(receiver, OFTEN);
        publish(workspace, 100);
        await().until(() -> receiver.requests().size() == 16 && held(hanging) == 84);
        workspace.update(hanging, "concurrency = 60");
        await().until(() -> receiver.requests().size() > 16
                && held(hanging) == 100 - receiver.requests().size());
        await().during(Duration.ofMillis(500))
                .until(() -> held(hanging) == 100 - receiver.requests().size());
        assertThat(workspace.rows("background_tasks"))
                .extracting(task -> (int) task.get("attempt_count"))
                .allMatch(claims -> claims < 8);
        answer.countDown();
        await().until(() -> workspace.rows("task_history").size() == 100);
    }

    @Test
    void whatANodeHadNoPlaceForIsTriedAgainWithAllThatTheEndpointMayHave() {
        CountDownLatch answer = hangs();
        UUID hanging = endpoint(receiver, OFTEN);
        publish(workspace, 40);
        await().until(() -> receiver.requests().size() == 16 && held(hanging) == 24);
        EVERYTHING.update("update postrider.task_limits set max_running = 3 where workspace_id = ?", workspace.id);
        EVERYTHING.queryForObject("select postrider.sweep_endpoint_limits()", Integer.class);
        assertThat(workspace.rows("task_limits"))
                .singleElement()
                .satisfies(limit -> assertThat(limit).containsEntry("max_running", 16));
        answer.countDown();
        await().until(() -> workspace.rows("task_history").size() == 40);
    }

    @Test
    void manyEndpointsOfAWorkspaceThatHangLeaveRoomForItsNeighbours() {
        CountDownLatch answer = hangs();
        for (int i = 0; i < 20; i++) {
            endpoint(receiver, OFTEN);
        }
        publish(workspace, 30);
        neighbourArrives(50);
        await().until(() -> receiver.requests().size() > 100);
        assertThat(receiver.requests()).hasSizeLessThan(256);
        answer.countDown();
        await().until(() -> workspace.rows("task_history").size() == 600);
    }

    @Test
    void othersAreDeliveredWhileTheFirstOfAnOrderingKeyWaits() {
        receiver.answersBy(
                body -> body.contains("c1") ? Receiver.with(429, "", "Retry-After", "1") : Receiver.with(200, ""));
        UUID ordered = endpoint(receiver, "{\"redeliveryDelay\": 600000, \"backOffMultiplier\": 1}");
        workspace.update(ordered, "ordering = '$.customer'");
        List<String> payloads = new ArrayList<>(Collections.nCopies(4_000, customer(1)));
        payloads.set(700, customer(2));
        payloads.set(2_000, customer(3));
        payloads.set(3_500, customer(4));
        workspace.publishAll(payloads);
        await().until(() -> workspace.rows("task_history").size() == 3);
        assertThat(receiver.requests()).hasSize(4);
    }

    @Test
    void whatWaitsWhenAnEndpointIsGivenARateKeepsToItToo() {
        UUID late = endpoint(receiver, OFTEN);
        EVERYTHING.queryForList("select postrider.pause_workspace(?, 'a test')", workspace.id);
        publish(workspace, 40);
        workspace.update(late, "rate_limit = 0.001");
        EVERYTHING.queryForList("select postrider.resume_workspace(?, 'a test')", workspace.id);
        await().until(() -> held(late) == 39 && receiver.requests().size() == 1);
        workspace.update(late, "rate_limit = null");
        await().until(() -> workspace.rows("task_history").size() == 40);
    }

    @Test
    void whatIsReplayedKeepsToARateThatWasGivenMeanwhile() {
        receiver.answers(Receiver.with(500, ""));
        UUID late = endpoint(receiver, "{\"maximumRedeliveries\": 0}");
        publish(workspace, 4);
        await().until(() -> workspace.rows("dead_letters").size() == 4);
        receiver.answers(Receiver.with(200, ""));
        workspace.update(late, "rate_limit = 0.001");
        workspace.rows("dead_letters").forEach(letter -> workspace.replay((UUID) letter.get("dead_letter_id")));
        await().until(() -> held(late) == 3 && workspace.rows("task_history").size() == 1);
    }

    @Test
    void nodesAgreeOnACircuit() {
        try (RunningApplication second =
                RunningApplication.on(APPLICATION.database(), "postrider.outbound.allowed-networks=127.0.0.1/32")) {
            await().until(() ->
                    second.sql().queryForObject("select count(*) from postrider.worker_nodes", Integer.class) == 2);
            receiver.answers(Receiver.with(500, ""));
            UUID failing = endpoint(receiver, OFTEN);
            for (int i = 0; i < 40; i++) {
                workspace.publish("circuit.nodes", "{}");
            }
            await().until(() -> isOpen(failing) && held(failing) == 40);
            int attempts = receiver.requests().size();
            letProbe(failing);
            await().until(() -> receiver.requests().size() > attempts && isOpen(failing) && held(failing) == 40);
            assertThat(receiver.requests()).as("one probe of both nodes").hasSize(attempts + 1);
            receiver.answers(Receiver.with(200, ""));
            letProbe(failing);
            await().until(() -> workspace.rows("task_history").size() == 40);
        }
    }

    @Test
    void deliveriesToAnEndpointUseItsConnectionAgain() {
        Set<Integer> ports = ConcurrentHashMap.newKeySet();
        receiver.answers(exchange -> {
            ports.add(exchange.getRemoteAddress().getPort());
            Receiver.with(200, "welcome").write(exchange);
        });
        endpoint(receiver, OFTEN);
        for (int i = 1; i <= 10; i++) {
            workspace.publish("circuit.connection", "{}");
            int sent = i;
            await().until(() -> workspace.rows("task_history").size() == sent);
        }
        assertThat(ports).hasSize(1);
    }

    /** The receiver gives no answer until then. */
    private CountDownLatch hangs() {
        CountDownLatch answer = new CountDownLatch(1);
        receiver.answers(exchange -> {
            awaitLatch(answer);
            Receiver.with(200, "").write(exchange);
        });
        return answer;
    }

    private static String customer(int number) {
        return "{\"customer\": \"c%d\"}".formatted(number);
    }

    private static void publish(Workspace by, int events) {
        by.publishAll(Collections.nCopies(events, "{}"));
    }

    /** Events of another workspace arrive at once. */
    private void neighbourArrives(int events) {
        Workspace neighbour = Workspace.create(EVERYTHING, secrets);
        neighbour.endpoint(other.url(), secret, OFTEN, Map.of(), TIMEOUT);
        publish(neighbour, events);
        await().until(() -> other.requests().size() == events);
        assertThat(workspace.rows("task_history"))
                .as("others have hung meanwhile")
                .isEmpty();
    }

    private UUID endpoint(Receiver at, String policy) {
        return workspace.endpoint(at.url(), secret, policy, Map.of(), TIMEOUT);
    }

    private static boolean isOpen(UUID endpoint) {
        return !EVERYTHING
                .queryForList(
                        "select 1 from postrider.endpoint_circuits where endpoint_id = ? and open_until > now()",
                        endpoint)
                .isEmpty();
    }

    /** For how many seconds the circuit was opened last. */
    private static long opening(UUID endpoint) {
        return EVERYTHING.queryForObject(
                "select extract(epoch from open_until - last_failed_at)::bigint from postrider.endpoint_circuits"
                        + " where endpoint_id = ?",
                Long.class,
                endpoint);
    }

    private static int held(UUID endpoint) {
        return EVERYTHING.queryForObject(
                "select count(*) from postrider.background_tasks where held_by = 'limit' and limit_key = ?",
                Integer.class,
                "endpoint:" + endpoint);
    }

    /** As if the time for which the circuit is open were over. */
    private void letProbe(UUID endpoint) {
        EVERYTHING.update("update postrider.endpoint_circuits set open_until = now() where endpoint_id = ?", endpoint);
        EVERYTHING.update(
                "update postrider.task_limits set paused_until = now(), resume_at = now() where limit_key = ?",
                "endpoint:" + endpoint);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
