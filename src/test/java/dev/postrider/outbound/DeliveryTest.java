package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.EmptyWebhookSecretException;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.queue.DurableRedeliveryPolicy;
import dev.postrider.testkit.Receiver;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Events reach endpoints through the application as it is shipped: its routes, its queue, its database. */
class DeliveryTest extends OutboundTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String AT_ONCE = "{\"maximumRedeliveries\": 2, \"redeliveryDelay\": 0}";
    private static final int TIMEOUT = 10_000;

    private final EndpointSecrets secrets = APPLICATION.bean(EndpointSecrets.class);
    private final Receiver receiver = Receiver.start();
    private final String secret = WebhookSignature.newSecret();
    private Workspace workspace;

    @BeforeEach
    void create() {
        workspace = Workspace.create(EVERYTHING, secrets);
    }

    @AfterEach
    void close() {
        APPLICATION.clock().ahead(Duration.ZERO);
        assertThat(EVERYTHING.queryForObject("select postrider.unaccounted()", Long.class))
                .as("deliveries that are nowhere")
                .isZero();
        receiver.close();
    }

    @Test
    void anEventArrivesSignedAndIsRecorded() throws Exception {
        endpoint();
        UUID eventId = workspace.publish("invoice.paid", "{\"amount\": 12.50, \"customer\": \"Zoë\"}");
        await().until(() -> workspace.rows("task_history").size() == 1);
        Receiver.Request request = receiver.requests().get(0);
        verify(request);
        assertThat(request.header("webhook-id")).isEqualTo(eventId.toString());
        JsonNode body = JSON.readTree(request.body());
        assertThat(body.path("type").asText()).isEqualTo("invoice.paid");
        assertThat(body.path("timestamp").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
        assertThat(body.path("data").path("customer").asText()).isEqualTo("Zoë");
        assertThat(workspace.attempts()).singleElement().satisfies(attempt -> {
            assertThat(attempt).containsEntry("response_status", 200).containsEntry("error", null);
            assertThat(attempt).containsEntry("request_body", request.body());
            assertThat((String) attempt.get("sent")).contains(request.header("webhook-signature"));
        });
    }

    @Test
    void anEndpointThatFailsForEverEndsInADeadLetterWithEachRequestAndResponse() throws Exception {
        receiver.answers(Receiver.with(500, "out of order", "X-Trace", "abc"));
        endpoint();
        UUID eventId = workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests()).hasSize(3);
        JsonNode log = JSON.readTree((String) workspace.deadLetter().get("log"));
        assertThat(log).hasSize(3);
        for (int i = 0; i < 3; i++) {
            JsonNode attempt = log.get(i);
            assertThat(attempt.at("/request/url").asText()).isEqualTo(receiver.url());
            assertThat(attempt.at("/request/headers/webhook-id").asText()).isEqualTo(eventId.toString());
            assertThat(attempt.at("/request/headers/webhook-signature").asText())
                    .startsWith("v1,");
            assertThat(attempt.at("/request/body").asText())
                    .isEqualTo(receiver.requests().get(i).body());
            assertThat(attempt.at("/response/status").asInt()).isEqualTo(500);
            assertThat(attempt.at("/response/headers/x-trace").asText()).isEqualTo("abc");
            assertThat(attempt.at("/response/body").asText()).isEqualTo("out of order");
            assertThat(attempt.at("/error").asText()).isEqualTo("answered 500");
        }
        assertThat(receiver.requests()).allSatisfy(this::verify);
    }

    /** Such as those that were stored before they were refused. */
    @ParameterizedTest
    @CsvSource({"filter, $.b == $limit, 0", "ordering, $.a ? (@ == $x), 1"})
    void aPathThatFailsDoesNotStopThePublisher(String option, String path, int deliveries) {
        workspace.update(endpoint(), option + " = ?", path);
        workspace.publish("invoice.paid", "{\"a\": 1, \"b\": 2}");
        assertThat(workspace.rows("deliveries")).hasSize(deliveries);
        await().until(() -> workspace.rows("task_history").size() == deliveries);
    }

    /** As it was stored before it was made an integer. */
    @Test
    void aWindowWithAFractionIsRead() {
        UUID endpoint = workspace.endpoint(
                receiver.url(), secret, "{\"maximumRedeliveryWindow\": 600000.0}", Map.of(), TIMEOUT);
        workspace.update(endpoint, "concurrency = 1");
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("task_history").size() == 1);
    }

    @Test
    void anEndpointThatCannotBeReadStopsNoOtherAndItsDeliveryIsADeadLetter() {
        UUID endpoint = workspace.endpoint(
                receiver.url(), secret, "{\"maximumRedeliveryWindow\": \"soon\"}", Map.of(), TIMEOUT);
        workspace.update(endpoint, "concurrency = 1");
        Workspace other = Workspace.create(EVERYTHING, secrets);
        other.endpoint(receiver.url(), secret, AT_ONCE, Map.of(), TIMEOUT);
        for (int i = 0; i < 5; i++) {
            workspace.publish("invoice.paid", "{}");
            other.publish("invoice.paid", "{}");
        }
        await().until(() -> workspace.rows("dead_letters").size() == 5
                && other.rows("task_history").size() == 5);
        assertThat(workspace.rows("dead_letters")).allSatisfy(dead -> {
            assertThat((String) dead.get("last_error")).contains("cannot be read", "soon", "replay");
            assertThat(dead).containsEntry("failure_count", 1);
        });
    }

    /** As it was published before there was a bound. */
    @Test
    void anEventThatIsTooLargeIsADeadLetterThatSaysSo() {
        UUID endpoint = endpoint();
        receiver.answers(exchange -> {
            EVERYTHING.update(
                    "update postrider.system_events set payload = jsonb_build_object('a', repeat('x', 1200000))"
                            + " where workspace_id = ? and category = 'event'",
                    workspace.id);
            Receiver.with(500, "").write(exchange);
        });
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests()).hasSize(1);
        assertThat((String) workspace.deadLetter().get("last_error")).contains("larger than 1 MiB");
        assertThat(endpoint).isNotNull();
    }

    @Test
    void ofManyAttemptsTheLastFiftyAreKeptWithTheDeadLetter() throws Exception {
        receiver.answers(exchange -> {
            EVERYTHING.update(
                    "insert into postrider.delivery_attempts (workspace_id, delivery_id, attempt, request_url,"
                            + " request_headers, request_body, duration)"
                            + " select workspace_id, delivery_id, n, 'u', '{}', 'b', 1"
                            + " from postrider.deliveries, generate_series(2, 61) n where workspace_id = ?",
                    workspace.id);
            Receiver.with(500, "").write(exchange);
        });
        workspace.endpoint(receiver.url(), secret, "{\"maximumRedeliveries\": 0}", Map.of(), TIMEOUT);
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        JsonNode log = JSON.readTree((String) workspace.deadLetter().get("log"));
        assertThat(log).hasSize(50);
        assertThat(log.at("/0/attempt").asInt()).isEqualTo(12);
        assertThat(log.at("/49/attempt").asInt()).isEqualTo(61);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "publish_event('a', %s)",
                "enqueue_task('a', %s)",
                "enqueue_tasks(jsonb_build_array(jsonb_build_object('taskType', 'a'),"
                        + " jsonb_build_object('taskType', 'a', 'payload', %s)))"
            })
    void aPayloadOfMoreThanAMebibyteIsRefused(String call) {
        String tooLarge = call.formatted("jsonb_build_object('a', repeat('x', 1048568))");
        String justFits = call.formatted("jsonb_build_object('a', repeat('x', 1048567))");
        assertThatThrownBy(() -> inWorkspace(tooLarge))
                .hasMessageContaining("payload: has 1048577 bytes, and the most is 1048576");
        inWorkspace(justFits);
    }

    /** Rolled back. */
    private void inWorkspace(String call) {
        APPLICATION.rolledBack(sql -> {
            sql.queryForObject(
                    "select set_config('app.active_workspace', ?, true)", String.class, workspace.id.toString());
            return sql.queryForObject("select postrider.%s::text".formatted(call), String.class);
        });
    }

    @Test
    void aReplayAfterTheEndpointRecoveredDeliversTheSameWebhookId() {
        receiver.answers(Receiver.with(500, ""));
        endpoint();
        UUID eventId = workspace.publish("invoice.paid", "{\"n\": 1}");
        awaitDeadLetter();
        receiver.answers(Receiver.with(204, ""));
        workspace.replay((UUID) workspace.deadLetter().get("dead_letter_id"));
        await().until(() -> workspace.rows("task_history").size() == 1);
        Receiver.Request last = receiver.requests().get(receiver.requests().size() - 1);
        verify(last);
        assertThat(last.header("webhook-id")).isEqualTo(eventId.toString());
        assertThat(last.body()).isEqualTo(receiver.requests().get(0).body());
        assertThat(workspace.attempts()).hasSize(4);
    }

    @Test
    void everyAttemptIsSignedAnewSoThatALateOneIsNotTakenForAReplay() {
        receiver.answers(exchange -> {
            APPLICATION
                    .clock()
                    .ahead(Duration.ofSeconds(60L * receiver.requests().size()));
            Receiver.with(500, "").write(exchange);
        });
        endpoint();
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests())
                .hasSize(3)
                .extracting(request -> request.header("webhook-timestamp"))
                .doesNotHaveDuplicates();
        assertThat(receiver.requests()).allSatisfy(this::verify);
    }

    @Test
    void aRedirectIsAFailureAndNotFollowed() {
        receiver.answers(Receiver.with(307, "", "Location", receiver.url() + "/elsewhere"));
        endpoint();
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests())
                .hasSize(3)
                .allSatisfy(request -> assertThat(request.target()).isEqualTo("/hook"));
        assertThat((String) workspace.deadLetter().get("last_error")).contains("307", "redirects are not followed");
    }

    @Test
    void after410TheEndpointIsDisabledAndTheDeliveryWaitsAsADeadLetter() {
        receiver.answers(Receiver.with(410, ""));
        endpoint();
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests()).hasSize(1);
        assertThat(workspace.rows("webhook_endpoints")).singleElement().satisfies(endpoint -> {
            assertThat(endpoint).containsEntry("enabled", false);
            assertThat((String) endpoint.get("disabled_reason")).contains("410");
        });
        assertThat(workspace.rows("system_events"))
                .anySatisfy(event -> assertThat(event)
                        .containsEntry("event_type", "endpoint.disabled")
                        .containsEntry("category", "audit"));
        workspace.publish("invoice.paid", "{}");
        assertThat(workspace.rows("deliveries")).as("no more deliveries to it").hasSize(1);
    }

    @Test
    void aDeliveryToAnEndpointThatWasDisabledMeanwhileIsNotLost() {
        UUID endpoint = endpoint();
        receiver.answers(exchange -> {
            workspace.update(endpoint, "enabled = false");
            Receiver.with(500, "").write(exchange);
        });
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests()).hasSize(1);
        assertThat((String) workspace.deadLetter().get("last_error")).contains("is disabled", "replay");
    }

    @Test
    void aDeliveryToADeletedEndpointEndsWithThatReason() {
        UUID endpoint = endpoint();
        receiver.answers(exchange -> {
            workspace.update(endpoint, "deleted_at = now()");
            Receiver.with(500, "").write(exchange);
        });
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(workspace.rows("task_history")).singleElement().satisfies(task -> {
            assertThat(task).containsEntry("task_status", "discarded");
            assertThat((String) task.get("reason")).contains(endpoint.toString(), "deleted");
        });
    }

    @Test
    void aSlowBodyHitsTheTotalDeadline() {
        receiver.answers(receiver.neverEnding("first"));
        workspace.endpoint(receiver.url(), secret, "{\"maximumRedeliveries\": 0}", Map.of(), 300);
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(workspace.attempts()).singleElement().satisfies(attempt -> {
            assertThat((String) attempt.get("error")).contains("answered 200", "300 ms");
            assertThat(attempt).containsEntry("response_status", 200).containsEntry("response_cut", true);
            assertThat((String) attempt.get("response_body")).startsWith("first.");
        });
    }

    @Test
    void ofAHugeAnswerOnlyABeginningIsKept() {
        receiver.answers(Receiver.flood());
        endpoint();
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(workspace.attempts())
                .singleElement()
                .satisfies(attempt -> assertThat(attempt)
                        .containsEntry("response_cut", true)
                        .containsEntry("response_body", "x".repeat(1000)));
    }

    /** A policy's window, or a day; and for the others of this endpoint an hour. */
    @ParameterizedTest
    @CsvSource({
        "600,    {},                                        600,   660,   600",
        "604800, {},                                        86400, 86400, 3600",
        "604800, {\"maximumRedeliveryWindow\": 7200000},    7200,  7200,  3600",
        "date,   {},                                        1790,  1980,  1790"
    })
    void retryAfterIsBounded(String retryAfter, String policy, int least, int most, int pause) {
        String value = retryAfter.equals("date")
                ? DateTimeFormatter.RFC_1123_DATE_TIME.format(
                        ZonedDateTime.now(ZoneOffset.UTC).plusMinutes(30))
                : retryAfter;
        receiver.answers(Receiver.with(429, "", "Retry-After", value));
        double before = throttled();
        workspace.endpoint(receiver.url(), secret, policy, Map.of(), TIMEOUT);
        workspace.publish("invoice.paid", "{}");
        await().until(() -> !EVERYTHING
                .queryForList(
                        "select from postrider.background_tasks where workspace_id = ? and failure_count = 1",
                        workspace.id)
                .isEmpty());
        Map<String, Object> waits = EVERYTHING.queryForMap(
                "select extract(epoch from t.scheduled_at - a.attempted_at)::int as delay,"
                        + " extract(epoch from c.open_until - a.attempted_at)::int as pause"
                        + " from postrider.background_tasks t join postrider.delivery_attempts a on a.workspace_id ="
                        + " t.workspace_id and a.delivery_id = t.task_id join postrider.endpoint_circuits c on"
                        + " c.workspace_id = t.workspace_id and c.endpoint_id = a.endpoint_id where t.workspace_id = ?",
                workspace.id);
        assertThat((int) waits.get("delay")).isBetween(least - 5, most + 5);
        assertThat((int) waits.get("pause")).isBetween(pause - 5, pause + 15);
        assertThat(throttled()).isGreaterThan(before);
    }

    private static double throttled() {
        return APPLICATION
                .bean(MeterRegistry.class)
                .counter("postrider.delivery.throttled")
                .count();
    }

    @Test
    void byDefaultTenAttemptsAreMadeInThreeDays() {
        DurableRedeliveryPolicy policy = APPLICATION
                .camel()
                .getRegistry()
                .lookupByNameAndType("deliveryRedelivery", DurableRedeliveryPolicy.class);
        DurableRedeliveryPolicy exact = (DurableRedeliveryPolicy) policy.copy();
        exact.setUseCollisionAvoidance(false);
        assertThat(IntStream.rangeClosed(1, 9).mapToLong(exact::delayAfter).sum())
                .isEqualTo(Duration.parse("PT75H35M5S").toMillis());
        assertThat(policy.isExhausted(9, 0)).isFalse();
        assertThat(policy.isExhausted(10, 0)).isTrue();
        for (int failures = 1; failures <= 9; failures++) {
            int failed = failures;
            LongSummaryStatistics delays = LongStream.range(0, 200)
                    .map(any -> policy.delayAfter(failed))
                    .summaryStatistics();
            assertThat(delays.getMin()).isBetween(exact.delayAfter(failed) * 85 / 100, exact.delayAfter(failed));
            assertThat(delays.getMax()).isBetween(exact.delayAfter(failed), exact.delayAfter(failed) * 115 / 100);
        }
    }

    @Test
    void anEchoOfASecretHeaderIsNotStored() {
        receiver.answers(exchange -> Receiver.with(
                        500,
                        "you sent " + exchange.getRequestHeaders().getFirst("X-Api-Key"),
                        "X-Echo",
                        "a-token-of-16-xx")
                .write(exchange));
        workspace.endpoint(
                receiver.url(),
                secret,
                "{\"maximumRedeliveries\": 0}",
                Map.of("X-Api-Key", "a-token-of-16-xx"),
                TIMEOUT);
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(workspace.deadLetter().toString() + workspace.attempts())
                .contains("you sent ***")
                .doesNotContain("a-token-of-16-xx");
    }

    @Test
    void retryAfterPostponesTheNextAttempt() {
        receiver.answers(Receiver.with(503, "", "Retry-After", "3600"));
        endpoint();
        workspace.publish("invoice.paid", "{}");
        await().until(() -> EVERYTHING.queryForObject(
                "select exists (select from postrider.background_tasks where workspace_id = ? and failure_count = 1 and"
                        + " scheduled_at between now() + interval '3590 s' and now() + interval '3960 s')",
                Boolean.class,
                workspace.id));
        assertThat(receiver.requests()).hasSize(1);
    }

    @Test
    void anEndpointsHeadersAreSentButNeitherOverrideOursNorAreTheyStoredInPlain() {
        String token = "Bearer " + UUID.randomUUID();
        workspace.endpoint(
                receiver.url(),
                secret,
                AT_ONCE,
                Map.of("Authorization", token, "Webhook-Id", "forged", "host", "forged.example", "X-Own", "seen"),
                TIMEOUT);
        UUID eventId = workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("task_history").size() == 1);
        Receiver.Request request = receiver.requests().get(0);
        assertThat(request.header("authorization")).isEqualTo(token);
        assertThat(request.header("x-own")).isEqualTo("seen");
        assertThat(request.headers().allValues("webhook-id")).containsExactly(eventId.toString());
        assertThat(request.headers().allValues("host")).containsExactly("127.0.0.1:" + receiver.port());
        for (String table : List.of(
                "webhook_endpoints",
                "delivery_attempts",
                "idempotency_keys",
                "system_events",
                "task_history",
                "deliveries")) {
            assertThat(EVERYTHING.queryForObject(
                            "select coalesce(string_agg(t::text, ''), '') from postrider.%s t".formatted(table),
                            String.class))
                    .as(table)
                    .doesNotContain(token, secret, secret.substring("whsec_".length()));
        }
    }

    @Test
    void noConnectionIsHeldWhileAnEndpointAnswers() {
        HikariDataSource tenant =
                APPLICATION.camel().getRegistry().lookupByNameAndType("tenant", HikariDataSource.class);
        AtomicInteger held = new AtomicInteger(-1);
        receiver.answers(exchange -> {
            held.set(tenant.getHikariPoolMXBean().getActiveConnections());
            Receiver.with(200, "").write(exchange);
        });
        endpoint();
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(held).hasValue(0);
    }

    @Test
    void anEndpointThatHangsDelaysNoOther() {
        try (Receiver hanging = Receiver.start()) {
            hanging.answers(hanging.neverEnding(""));
            workspace.endpoint(hanging.url(), secret, AT_ONCE, Map.of(), 60_000);
            endpoint();
            for (int i = 0; i < 5; i++) {
                workspace.publish("invoice.paid", "{}");
            }
            await().until(() -> receiver.requests().size() == 5);
            await().until(() -> workspace.rows("task_history").size() == 5);
            assertThat(workspace.rows("background_tasks")).as("hang still").hasSize(5);
        }
    }

    @Test
    void aSecretOfAnotherWorkspaceDoesNotOpenAndTheDeliveryIsNotLost() throws Exception {
        UUID endpoint = endpoint();
        workspace.update(endpoint, "secret = ?", secrets.sealKeys(UUID.randomUUID(), EndpointKeys.of(secret)));
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(receiver.requests()).isEmpty();
    }

    @Test
    void anInternalAddressIsRefusedAndTheAttemptSaysWhatToDo() {
        workspace.endpoint("http://[::1]:1/", secret, "{\"maximumRedeliveries\": 0}", Map.of(), TIMEOUT);
        workspace.publish("invoice.paid", "{}");
        awaitDeadLetter();
        assertThat(workspace.attempts()).singleElement().satisfies(attempt -> {
            assertThat((String) attempt.get("error"))
                    .contains("internal address", "postrider.outbound.allowed-networks");
            assertThat((String) attempt.get("sent")).contains("webhook-signature");
        });
    }

    private UUID endpoint() {
        return workspace.endpoint(receiver.url(), secret, AT_ONCE, Map.of(), TIMEOUT);
    }

    private void awaitDeadLetter() {
        await().until(() -> workspace.rows("dead_letters").size() == 1);
    }

    private void verify(Receiver.Request request) {
        try {
            new Webhook(secret).verify(request.body(), request.headers());
        } catch (EmptyWebhookSecretException | WebhookVerificationException e) {
            throw new AssertionError(e);
        }
    }
}
